"""Six bugs of one week, among them one from before, from which the tests of defect metrics count by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

from metrics_api.columns import Codes
from metrics_api.context import Context
from metrics_api.core.config import Config, Product, Stage, Stages
from metrics_api.core.days import BEIJING
from metrics_api.core.schema import FEEDS
from metrics_api.core.sections import DefectIndex
from metrics_api.core.security import READ_ALL
from metrics_api.core.store import Document
from metrics_api.cube import build_cube
from metrics_api.evaluate import Evaluator, Rendered
from metrics_api.frames import ItemFrame
from metrics_api.item_table import ItemTable
from metrics_api.segments import Fact
from metrics_api.topics import BUGS, STORIES
from metrics_api.world import World
from tests.frames.facts import MONDAY, NOW, at_once, bug, context_of

STAGES = Stages(
    bugs=(
        Stage(name="new", statuses=("new",), flag="waiting"),
        Stage(name="dev", statuses=("in_progress", "reopened"), flag="active"),
        Stage(name="fixed", statuses=("resolved",), flag="waiting", resolved=True),
        Stage(name="checked", statuses=("verified",), flag="waiting"),
        Stage(name="done", statuses=("closed",), flag="done"),
        Stage(name="dropped", statuses=("rejected",), flag="dropped"),
    )
)
A = Product(name="A", workspaces=("1",), stages=STAGES)
# A product whose normal bugs weigh more, with another gate.
B = Product(
    name="B",
    workspaces=("2",),
    stages=STAGES,
    defect_index=DefectIndex(weights={"normal": 5}, gate=20, fatal=1, serious=2),
)
CONFIG = Config(timezone=BEIJING, product=(A, B))
NEW, BEGUN, FIXED = {"status": "new"}, {"status": "in_progress"}, {"status": "resolved"}
CLOSED, REJECTED = {"status": "closed"}, {"status": "rejected"}


def six() -> list[Document]:
    """Bugs 1 to 6; their backlog from Monday to Friday noon is 3, 3, 5, 3, 3."""
    return [
        bug("1", (0, NEW | {"severity": "fatal"}), (1, BEGUN), (2, FIXED), (3, CLOSED))
        | {"due": "2026-03-03"},
        bug("2", (0, NEW | {"severity": "serious"}), (1, FIXED), (2, BEGUN), (4, FIXED))
        | {"due": "2026-03-06"},
        bug("3", (-40, NEW | {"severity": "normal"}), (1, CLOSED), (2, NEW)) | {"due": "2026-03-05"},
        bug("4", (1, REJECTED | {"severity": "normal"})),
        bug("5", (1, NEW), gone=3),
        bug("6", (2, NEW | {"severity": "S9", "label": "a|b"})),
    ]


def frame_of(facts: Sequence[Document], config: Config = CONFIG) -> ItemFrame:
    """A frame of bugs."""
    return at_once(BUGS, context_of(config), [one | {"tombstone": False} for one in facts])


def rendered(
    target: str, bugs: Sequence[Document], stories: Sequence[Document] = (), context: Context | None = None
) -> Rendered:
    """The whole answer for bugs and stories that may be linked."""
    context, ids = context or context_of(CONFIG), Codes()
    frames = {}
    for topic, facts in ((BUGS, bugs), (STORIES, stories)):
        table = ItemTable(topic, context, ids)
        table.apply(cast(Sequence[Fact], [one | {"tombstone": False} for one in facts]))
        table.cluster()
        frames[topic.name] = replace(table.snapshot(), cubes=(build_cube(table.snapshot()),))
    known = {(name, key): NOW for topic in frames for name in FEEDS[topic] for key in context.workspaces}
    world = World(context, frames, versions=dict.fromkeys(frames, 1), known=known)
    reader: Any = SimpleNamespace(world=world)
    evaluator = Evaluator(reader, clock=lambda: NOW)
    try:
        return asyncio.run(evaluator.render([target], MONDAY, NOW, READ_ALL))
    finally:
        evaluator.close()


def lines(answer: Rendered) -> dict[str, list[Any]]:
    """The values of each endpoint of an answer that was not refused."""
    assert answer.skipped == []
    return {one.endpoint: list(one.values) for one in answer.series[0]}
