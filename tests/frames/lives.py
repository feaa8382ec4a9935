"""Items told by what happened to them when: `"03-02 10:00 new"`, and a week of them with every way to end."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from metrics_api.core.config import Config, Product, Stage, Stages
from metrics_api.core.days import BEIJING
from metrics_api.core.store import Document
from metrics_api.frames import ItemFrame
from metrics_api.topics import BUGS
from tests.frames.facts import MONDAY, NOW, answers, at_once, bug, context_of, story

HOUR = 3600
STAGES = (
    Stage(name="todo", statuses=("new",), flag="waiting"),
    Stage(name="dev", statuses=("in_progress",), flag="active"),
    Stage(name="test", statuses=("resolved",), flag="waiting", resolved=True),
    Stage(name="done", statuses=("closed",), flag="done"),
    Stage(name="dropped", statuses=("rejected",), flag="dropped"),
)
STAGED = Config(timezone=BEIJING, product=(Product(name="A", workspaces=("1",), stages=Stages(bugs=STAGES)),))


def at(text: str) -> int:
    """`03-02 10:00` of 2026 in Beijing as epoch seconds."""
    naive = datetime.strptime(f"2026-{text}", "%Y-%m-%d %H:%M")  # noqa: DTZ007 - the zone follows
    return int(naive.replace(tzinfo=ZoneInfo(BEIJING)).timestamp())


def lived(made: Any, id: str, *steps: str, gone: str | None = None, **fields: Any) -> Document:
    """An item that came into statuses at some times: `03-02 10:00 new`, perhaps with `name=value` behind."""
    stretches = []
    for step in steps:
        status, *others = step[12:].split()
        stretches.append((0, {"status": status, **dict(other.split("=") for other in others)}))
    fact: Document = made(id, *stretches, **fields)
    starts = [at(step[:11]) for step in steps]
    fact["segments"]["start"] = starts
    ended = None if gone is None else at(gone)
    fact |= {"generation": 1, "seq": 1, "tombstone": False}
    return fact | {"created": starts[0], "removed_at": ended, "removed_why": ended and "deleted"}


# 4 hours to do, 20 in work, 6 in test; done for the first time; fatal while it is open.
PLAIN = ("03-02 10:00 new", "03-02 14:00 in_progress", "03-03 10:00 resolved", "03-03 16:00 closed")
ONCE = ("03-02 10:00 new", "03-02 12:00 in_progress", "03-03 12:00 closed")
FATAL = "03-02 20:00 new severity=fatal"


def week() -> list[Document]:
    """Nine bugs of the week from Monday 2026-03-02."""
    return [
        # 1 is plain, 2 never in work, 3 reopened and done again, 4 reopened and not done again.
        lived(bug, "1", *PLAIN),
        lived(bug, "2", "03-02 10:00 new", "03-03 10:00 closed"),
        lived(bug, "3", *ONCE, "03-04 12:00 in_progress", "03-04 18:00 closed"),
        lived(bug, "4", "03-02 10:00 new", "03-03 10:00 closed", "03-05 10:00 new"),
        # 5 is dropped and done after all, 6 removed when it was done, 7 dropped when it was done.
        lived(bug, "5", "03-02 10:00 new", "03-03 09:00 rejected", "03-04 09:00 closed"),
        lived(bug, "6", "03-02 10:00 in_progress", "03-04 10:00 closed", gone="03-05 10:00"),
        lived(bug, "7", "03-02 10:00 in_progress", "03-03 10:00 closed", "03-05 11:00 rejected"),
        # 8 is done on Thursday in Beijing, on Wednesday in UTC, and fatal until then; 9 is born done.
        lived(bug, "8", FATAL, "03-05 07:30 closed", "03-05 12:00 closed severity=normal"),
        lived(bug, "9", "03-06 09:00 closed"),
    ]


def sprint() -> list[Document]:
    """Two stories and the parent of one of them, all done on Wednesday."""
    work = ("03-03 10:00 developing", "03-03 22:00 status_4")
    done = "03-04 10:00 resolved"
    return [
        lived(story, "11", "03-02 10:00 planning", *work, done, parents=["13"]),
        lived(story, "12", "03-03 10:00 planning", done),
        lived(story, "13", "03-01 10:00 planning", "03-01 16:00 developing", done),
    ]


def framed(facts: list[Document], config: Config = STAGED) -> ItemFrame:
    return at_once(BUGS, context_of(config), facts)


def told(frame: ItemFrame, target: str, start: int = MONDAY, until: int = NOW) -> dict[str, list[Any]]:
    """The values of each endpoint of one target."""
    return answers(frame, [target], start, until)[0]


def hours(found: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Seconds as hours, counts as they are."""
    return {
        name: line if name.endswith("n") else [None if one is None else one / HOUR for one in line]
        for name, line in found.items()
    }


def total(found: dict[str, list[Any]]) -> dict[str, Any]:
    """The one value of each line of a single bucket."""
    return {name: value for name, [value] in found.items()}
