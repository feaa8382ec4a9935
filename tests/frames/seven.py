"""Bugs of one week in stages with limits, and what was worked out from them by hand."""

from __future__ import annotations

from collections.abc import Sequence

from metrics_api.core.config import Config, Product
from metrics_api.core.days import BEIJING
from metrics_api.core.sections import Stage, Stages
from metrics_api.core.store import Document
from metrics_api.frames import ItemFrame
from metrics_api.topics import BUGS, ItemTopic
from tests.frames.facts import at_once, bug, context_of

STAGES = (
    Stage(name="new", statuses=("new",), flag="waiting"),
    Stage(name="fixing", statuses=("in_progress", "reopened"), flag="active", limit=2),
    Stage(name="fixed", statuses=("resolved",), flag="waiting", resolved=True, limit=3),
    Stage(name="closed", statuses=("closed",), flag="done"),
    Stage(name="rejected", statuses=("rejected",), flag="dropped"),
)
CONFIG = Config(timezone=BEIJING, product=(Product(name="A", workspaces=("1",), stages=Stages(bugs=STAGES)),))

NEW, FIXING, FIXED = {"status": "new"}, {"status": "in_progress"}, {"status": "resolved"}
CLOSED, REOPENED, STRANGE = {"status": "closed"}, {"status": "reopened"}, {"status": "weird"}


def seven() -> list[Document]:
    """Bugs that are closed, reopened, sent back, deleted, in no stage for a while, and never taken up."""
    return [
        bug("1", (0, NEW | {"severity": "fatal"}), (1, FIXING), (3, CLOSED)),
        bug("2", (0, FIXING | {"severity": "fatal"}), (1, FIXED), (2, CLOSED), (3, REOPENED)),
        bug("3", (0, NEW), (1, FIXING), (2, NEW), (3, FIXING)),
        bug("4", (1, FIXING), gone=4),
        bug("5", (0, NEW), (2, STRANGE)),
        bug("6", (2, FIXING), (3, STRANGE), (4, FIXED)),
        bug("7", (0, NEW)),
    ]


def frame_of(facts: Sequence[Document], config: Config = CONFIG, topic: ItemTopic = BUGS) -> ItemFrame:
    """A frame of some facts."""
    return at_once(topic, context_of(config), [one | {"tombstone": False} for one in facts])
