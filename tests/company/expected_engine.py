"""The numbers of 引擎 C++ and of the events, worked out by hand; what happens when stands in `expected`."""

from .expected import NOTHING, Row

# 引擎 C++ in Berlin's days: E2's creation at 06:00 in Beijing is 23:00 of the 2nd. From the 1st on; nothing
# is known before E1: null. todo, dev, test, done, dropped, unmapped.
ENGINE_STAGES = ["todo", "dev", "test", "done", "dropped", "unmapped"]
ENGINE_BANDS: list[Row | None] = [
    None,
    (2, 0, 0, 0, 0, 0),  # 02 E1 E2
    (1, 1, 0, 0, 0, 0),  # 03 E1 dev
    (1, 1, 1, 0, 0, 0),  # 04 E3 todo, E2 dev, E1 test
    (1, 0, 1, 1, 0, 0),  # 05 E2 test, E1 done
    (1, 0, 0, 1, 0, 1),  # 06 E2 todo, E3 unmapped
    (1, 0, 0, 1, 0, 1),
    (1, 0, 0, 1, 0, 1),
    (1, 0, 0, 1, 0, 1),
    (1, 2, 0, 1, 0, 0),  # 10 E3 and E4 dev
    (1, 2, 0, 1, 0, 0),
    (1, 1, 0, 2, 0, 0),  # 12 E4 done
    (1, 1, 0, 2, 0, 0),
    (1, 1, 0, 2, 0, 0),
    (1, 1, 0, 2, 0, 0),
]
# E2's way back and E3's unmapped days take nothing away; E4 arrives in dev on the 10th,
# at test and done on the 12th.
ENGINE_ARRIVALS: list[Row | None] = [
    None,
    (2, 0, 0, 0),
    (2, 1, 0, 0),
    (3, 2, 1, 0),
    (3, 2, 2, 1),
    *[(3, 2, 2, 1)] * 4,
    (4, 4, 2, 1),
    (4, 4, 2, 1),
    *[(4, 4, 3, 2)] * 4,
]
# created, reopened, returned, resolved, closed, removed, removed_closed, moved_in, moved_out from the 2nd
# on.
ENGINE_LEDGER: list[Row] = [
    (2, 0, 0, 0, 0, 0, 0, 0, 0),
    NOTHING,
    (1, 0, 0, 1, 0, 0, 0, 0, 0),
    (0, 0, 0, 1, 1, 0, 0, 0, 0),
    (0, 0, 1, 0, 0, 0, 0, 0, 0),
    *[NOTHING] * 3,
    (0, 0, 0, 0, 0, 0, 0, 1, 0),
    NOTHING,
    (0, 0, 0, 0, 1, 0, 0, 0, 0),
    *[NOTHING] * 3,
]

# Events of both projects by Beijing day, actions by name; the numbers in brackets are the events' ids.
EVENTS: dict[str, dict[str, int]] = {
    "accepted": {"04": 1, "06": 1, "12": 1},  # 7, 20, 14
    "approved": {"11": 1},  # 13, at 00:30
    "closed": {"06": 1, "12": 1},  # 11, 24
    "commented on": {"03": 2, "04": 1, "11": 1},  # 5 6, 18 (06:59:59), 23
    "deleted": {"04": 1},  # 8
    "opened": {"03": 1, "05": 2, "10": 1},  # 4, 10 19, 22
    "pushed new": {"03": 1},  # 3, at 00:00:00
    "pushed to": {"02": 3, "03": 1, "04": 1, "09": 1, "10": 1},  # 1 2 16, 17, 9, 12 (bulk: once), 21
}
# Those of 引擎 C++ by Berlin's days: 18 is at 23:59:59 of the 3rd, 21 at 00:00:00 of the 10th.
EVENTS_ENGINE: dict[str, dict[str, int]] = {
    "accepted": {"06": 1},
    "closed": {"12": 1},
    "commented on": {"03": 1, "11": 1},
    "opened": {"05": 1, "10": 1},
    "pushed to": {"02": 1, "03": 1, "10": 1},
}
