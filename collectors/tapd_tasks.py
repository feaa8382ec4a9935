"""TAPD's tasks, their changes, and the removed ones."""

from __future__ import annotations

from collectors import collector
from collectors.tapd_items import ItemChanges, Items, RemovedItems
from collectors.tapd_known import Kind

# Of all change feeds this one alone is not documented to take several ids.
TASKS = Kind("task", "tasks", "Task", "WorkitemChange", removed="modified", at_once=1)


@collector
class Tasks(Items):
    """The tasks of a workspace."""

    kind = TASKS
    name = "tapd.tasks"
    collection = "raw_tapd_task"
    topics = ("tasks",)
    order = 32
    completed_by = "tapd.task_changes"


@collector
class TaskChanges(ItemChanges):
    """The change history of a workspace's tasks."""

    kind = TASKS
    name = "tapd.task_changes"
    collection = "raw_tapd_task_change"
    topics = ("tasks",)
    order = 42


@collector
class RemovedTasks(RemovedItems):
    """Tasks that were deleted."""

    kind = TASKS
    name = "tapd.removed_tasks"
    collection = "raw_tapd_removed_task"
    topics = ("tasks",)
    order = 52
    removes = "raw_tapd_task"
