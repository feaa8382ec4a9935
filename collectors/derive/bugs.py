"""Bugs: the kind of item that may move to another workspace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from collectors.derivation import Fact
from collectors.items.changes import BUG_CHANGES
from collectors.items.facts import derivation
from collectors.items.kinds import Kind, value
from collectors.items.places import Place

KIND: Final = Kind(
    topic="bugs",
    entity="bug",
    fields={
        "status": "status",
        "version_report": "version_report",
        "version_fix": "version_fix",
        "iteration_id": "iteration",
        "severity": "severity",
        "priority": "priority",
        "priority_label": "priority_label",
        "module": "module",
        "label": "label",
    },
    tracked=(
        *("status", "version_report", "version_fix", "iteration"),
        *("severity", "priority", "module", "label"),
    ),
    feed=BUG_CHANGES,
    further=(
        *("bugtype", "source", "originphase", "testphase", "resolution", "remain", "effort"),
        *("reporter", "current_owner", "de", "te", "fixer"),
    ),
    linked="raw_tapd_story_bug",
    title="title",
    due=("deadline", "due"),
    ends=("resolved", "closed"),
    deletion="delete_bug",
    moving=True,
)


def stories(places: Sequence[Place]) -> Fact:
    """The ids of the stories it is linked to: by what the stories say, and by its own row."""
    linked = (link for place in places for link in place.links if "removed_at" not in link)
    named = {value(link["data"].get("story_id"), "story") for link in linked}
    return {"stories": sorted((named | {value(places[-1].said("story_id"), "story")}) - {""})}


DERIVATION = derivation(KIND, stories)
