"""Stories, with all the stories that each ever named as its parent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from collectors.derivation import Fact
from collectors.items.changes import WORKITEM_CHANGES
from collectors.items.facts import derivation
from collectors.items.kinds import PRIORITIES, Kind
from collectors.items.places import Place

KIND: Final = Kind(
    topic="stories",
    entity="story",
    fields={
        "status": "status",
        "iteration_id": "iteration",
        "priority": "priority",
        "priority_label": "priority_label",
        "module": "module",
        "workitem_type_id": "type",
        "label": "label",
        "parent_id": "parent",
    },
    tracked=("status", "iteration", "priority", "module", "type", "label"),
    feed=WORKITEM_CHANGES,
    further=("owner", "creator", "developer", "size", "remain", "effort"),
    completed="completed",
    words=PRIORITIES,
)


def parents(places: Sequence[Place]) -> Fact:
    """The ids of all the stories it ever named as its parent."""
    return {"parents": sorted({id for place in places for id in place.values("parent")})}


DERIVATION = derivation(KIND, parents)
