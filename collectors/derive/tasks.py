"""Tasks, with the story that each belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from collectors.derivation import Fact
from collectors.items.changes import WORKITEM_CHANGES
from collectors.items.facts import derivation
from collectors.items.kinds import PRIORITIES, Kind, value
from collectors.items.places import Place

KIND: Final = Kind(
    topic="tasks",
    entity="task",
    fields={
        "status": "status",
        "iteration_id": "iteration",
        "priority": "priority",
        "priority_label": "priority_label",
        "label": "label",
        "story_id": "story",
    },
    tracked=("status", "iteration", "priority", "label"),
    feed=WORKITEM_CHANGES,
    words=PRIORITIES,
)


def story(places: Sequence[Place]) -> Fact:
    """The id of the story it belongs to, as its row says; without one what its last change says."""
    last = places[-1]
    if last.data is not None:
        return {"story": value(last.data.get("story_id"), "story")}
    steps = last.changes.steps.get("story")
    return {"story": steps[-1].new if steps else last.changes.born.get("story", "")}


DERIVATION = derivation(KIND, story)
