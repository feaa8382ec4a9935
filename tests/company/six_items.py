"""The six items of the worked example in the metric definitions, as bugs of one TAPD workspace.

A plain, B reopened, C skipped stages, D deleted in dev, E moves around midnight, F sent back.
"""

from tests.reference.wire import Company, Config, Product, StageRule, Workspace

from .records import WEB, numbered, removal, row, walk

# A..F are W1..W6.
STAGES = (
    StageRule("todo", "waiting", ("new",)),
    StageRule("dev", "active", ("in_progress", "reopened")),
    StageRule("test", "waiting", ("resolved",), resolved=True),
    StageRule("done", "done", ("closed",)),
)

# Per day from 03-02 to 03-08: todo, dev, test, done.
BANDS_SHANGHAI = [
    (3, 0, 0, 0),
    (2, 2, 0, 0),
    (1, 1, 2, 1),
    (2, 1, 0, 3),
    (0, 2, 1, 2),
    (0, 2, 1, 2),
    (0, 0, 1, 4),
]
BANDS_UTC = [
    (3, 0, 0, 0),
    (2, 2, 0, 0),
    (1, 1, 2, 1),
    (1, 2, 0, 3),
    (0, 2, 1, 2),
    (0, 1, 1, 3),
    (0, 0, 1, 4),
]
BANDS_EXCLUDE = [
    (3, 0, 0, 0),
    (1, 2, 0, 0),
    (1, 0, 2, 1),
    (2, 0, 0, 3),
    (0, 2, 1, 2),
    (0, 2, 1, 2),
    (0, 0, 1, 4),
]
ARRIVALS = [
    (3, 0, 0, 0),
    (4, 2, 0, 0),
    (5, 4, 3, 1),
    (6, 4, 3, 3),
    (6, 6, 4, 3),
    (6, 6, 4, 3),
    (6, 6, 5, 4),
]
OPEN = [3, 4, 4, 3, 3, 3, 1]
# created, reopened, closed, removed
LEDGER = [(3, 0, 0, 0), (1, 0, 0, 0), (1, 0, 1, 0), (1, 0, 2, 0), (0, 1, 0, 1), (0, 0, 0, 0), (0, 0, 2, 0)]


def company() -> Company:
    workspace = Workspace(
        id=WEB,
        name="Six",
        bugs=[
            row("W1", "03-02 09:00", "03-05 10:00", "closed"),
            row("W2", "03-02 10:00", "03-08 12:00", "closed"),
            row("W3", "03-02 11:00", "03-04 15:00", "closed"),
            row("W4", "03-03 09:00", "03-04 09:00", "in_progress"),
            row("W5", "03-04 23:30", "03-08 00:10", "closed"),
            row("W6", "03-05 09:00", "03-08 10:00", "resolved"),
        ],
        changes=numbered(
            WEB,
            [
                *walk("W1", "03-03 10:00 new>in_progress", "03-04 10:00 in_progress>resolved"),
                *walk("W1", "03-05 10:00 resolved>closed"),
                *walk("W2", "03-03 11:00 new>in_progress", "03-04 11:00 in_progress>resolved"),
                *walk("W2", "03-05 11:00 resolved>closed", "03-06 09:00 closed>in_progress"),
                *walk("W2", "03-07 09:00 in_progress>resolved", "03-08 12:00 resolved>closed"),
                *walk("W3", "03-04 15:00 new>closed"),
                *walk("W4", "03-04 09:00 new>in_progress"),
                *walk("W5", "03-06 07:30 new>in_progress", "03-08 00:10 in_progress>closed"),
                *walk("W6", "03-06 09:30 new>in_progress", "03-06 12:00 in_progress>resolved"),
                *walk("W6", "03-07 10:00 resolved>in_progress", "03-08 10:00 in_progress>resolved"),
            ],
        ),
        removed=[removal("W4", "03-03 09:00", "03-06 10:00", "delete")],
        status_map={"new": "新", "in_progress": "处理", "resolved": "已解决", "closed": "已关闭"},
        last_steps={"closed": "已关闭"},
        first_step="new",
    )
    return Company([workspace], config=Config(products=(Product("Six", (WEB,), stages=STAGES),)))
