"""TAPD's bugs, their changes, and what became of removed ones."""

from __future__ import annotations

from collectors import collector
from collectors.tapd_items import ItemChanges, Items, RemovedItems
from collectors.tapd_known import Kind

# Bugs are not only deleted: they are merged into others, and move to other workspaces.
BUGS = Kind("bug", "bugs", "Bug", "BugChange", removed="modified", removed_asked=({"include_all": "1"},))


@collector
class Bugs(Items):
    """The bugs of a workspace."""

    kind = BUGS
    name = "tapd.bugs"
    collection = "raw_tapd_bug"
    topics = ("bugs",)
    order = 30
    # A row without its changes would give its bug a past that never was.
    completed_by = "tapd.bug_changes"


@collector
class BugChanges(ItemChanges):
    """The change history of a workspace's bugs."""

    kind = BUGS
    name = "tapd.bug_changes"
    collection = "raw_tapd_bug_change"
    topics = ("bugs",)
    order = 40


@collector
class RemovedBugs(RemovedItems):
    """Bugs that were deleted, merged into another, or moved away."""

    kind = BUGS
    name = "tapd.removed_bugs"
    collection = "raw_tapd_removed_bug"
    topics = ("bugs",)
    order = 50
    removes = "raw_tapd_bug"
