"""Random sequences of TAPD's misbehaviours, the same ones for the same seed."""

from __future__ import annotations

import random
from typing import Any

from simulator import FaultKind, Faults

ITEMS = ("/bugs", "/stories", "/tasks")
FEEDS = ("/bug_changes", "/story_changes", "/task_changes")
OTHERS = (
    *("/bugs/get_removed_bugs", "/stories/get_removed_stories", "/tasks/get_removed_tasks"),
    *("/iterations", "/new_releases", "/stories/get_related_bugs", "/workspaces/get_workspace_info"),
)
PATHS = (*ITEMS, *FEEDS, *OTHERS, "", "")
DATA: tuple[Any, ...] = ("", {}, [], None, "some text")


def armed(faults: Faults, chance: random.Random) -> None:
    """Arm from three to seven switches at random places for a random while."""
    for _ in range(chance.randint(3, 7)):
        path, times = chance.choice(PATHS), chance.choice((1, 1, 2, 3, 6))
        options: dict[str, Any] = {"times": times, "after": chance.choice((0, 0, 1, 3))}
        match chance.randrange(10):
            case 0:
                kind = chance.choice((FaultKind.RATE_LIMIT_STATUS, FaultKind.RATE_LIMIT_BODY))
                faults.arm(kind, path, **options, data=chance.choice(("", {})))
            case 1 | 2:
                options["status"] = chance.choice((500, 502, 502, 503))
                options["limit_at_least"] = chance.choice((0, 0, 25, 100))
                faults.arm(FaultKind.SERVER_ERROR, path, **options)
            case 3:
                faults.arm(FaultKind.HTML, path, **options, status=chance.choice((200, 502)))
            case 4:
                faults.arm(chance.choice((FaultKind.TRUNCATED, FaultKind.RESET)), path, **options)
            case 5:
                status = chance.choice((0, 404, 422, 500, 502))
                faults.arm(
                    FaultKind.ENVELOPE_STATUS, path, **options, status=status, data=chance.choice(DATA)
                )
            case 6:
                kinds = (FaultKind.UPDATE_ROW, FaultKind.DELETE_ROW, FaultKind.INSERT_AT_HEAD)
                # Between the pages of a list, or between two lists.
                query = chance.choice(({"page": "1"}, {"page": "2"}))
                kind = chance.choice((*kinds, FaultKind.DUPLICATE_ROW, FaultKind.CLOCK_EDGE))
                faults.arm(kind, chance.choice((*ITEMS, *FEEDS)), times=1, query=query)
            case 7:
                faults.arm(FaultKind.TYPE_DRIFT, path, **options)
            case 8:
                faults.arm(FaultKind.UNKNOWN_PATH, chance.choice(OTHERS[3:5]), **options)
            case _:
                kinds = (FaultKind.STRICT_AFTER, FaultKind.UNSCOPED_CHANGES, FaultKind.ITERATION_ID_REQUIRED)
                faults.arm(chance.choice((*kinds, FaultKind.LABELS_UNASKED)), times=None)
