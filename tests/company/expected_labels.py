"""The numbers of the hand-written company's bugs by label, worked out by hand; what happens when stands in
`expected`.

W1 has 阻塞 and 重点, W2 阻塞 until it loses it an hour after it was reopened on the 6th, W20 重点 from the
5th on, M1 重点; all others have none.
"""

from .expected import NOTHING, Row

# Open bugs of all products: 阻塞 W1 until the 5th, W2 until the 4th; 重点 W1, W20 from the 5th to the 8th, M1
# from the 10th on; N/A OPEN_ALL without these. W1 is in two lines.
BACKLOG_BY_LABEL: dict[str, list[int]] = {
    "重点": [1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1],
    "阻塞": [2, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    "N/A": [5, 10, 15, 14, 15, 18, 18, 18, 18, 16, 12, 11, 11, 11],
}
# created, reopened, returned, resolved, closed, removed, removed_closed, moved_in, moved_out
LEDGER_BLOCKING: list[Row] = [
    (2, 0, 0, 0, 0, 0, 0, 0, 0),  # W1 W2
    (0, 0, 0, 1, 0, 0, 0, 0, 0),  # resolved W2
    (0, 0, 0, 1, 1, 0, 0, 0, 0),  # resolved W1; closed W2
    (0, 0, 0, 0, 1, 0, 0, 0, 0),  # closed W1
    (0, 1, 0, 0, 0, 0, 0, 0, 1),  # reopened W2; out W2
    *[NOTHING] * 9,
]
LEDGER_FOCUS: list[Row] = [
    (1, 0, 0, 0, 0, 0, 0, 0, 0),  # W1
    NOTHING,
    (0, 0, 0, 1, 0, 0, 0, 0, 0),  # resolved W1
    (0, 0, 0, 0, 1, 0, 0, 1, 0),  # closed W1; in W20
    *[NOTHING] * 3,
    (0, 0, 0, 0, 1, 0, 0, 0, 0),  # closed W20
    (1, 0, 0, 0, 0, 0, 0, 0, 0),  # M1
    NOTHING,
    (0, 0, 0, 1, 0, 0, 0, 0, 0),  # resolved M1
    *[NOTHING] * 3,
]
# As of now W2 has none.
LEDGER_BLOCKING_NOW: list[Row] = [
    (1, 0, 0, 0, 0, 0, 0, 0, 0),
    NOTHING,
    (0, 0, 0, 1, 0, 0, 0, 0, 0),
    (0, 0, 0, 0, 1, 0, 0, 0, 0),
    *[NOTHING] * 10,
]
