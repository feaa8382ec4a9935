"""The documents of the queue: tasks and their steps."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypedDict


class TaskProgress(TypedDict):
    """How far a task is: `done` of `total` units, the records it saw, and what it is at, in words."""

    done: int
    total: int
    unit: str
    records: int
    at: str


class TaskLine(TypedDict):
    """A line of a task's log; the last 200 are kept."""

    at: datetime
    line: str


class Task(TypedDict):
    """A piece of work that somebody asked for, done by whichever process collects.

    `kind` is backfill, collect, reconcile or rebuild. `upstream` and `instance` say whose records it is
    about, `scope` is a workspace's or project's id, "" for all; of a rebuild it is the topic. `since` is the
    first day, `YYYY-MM-DD`. `state` is waiting, running, success or failed. `owner` and `generation` are
    those of the lease `task:<_id>` under which it is worked on; the generation rises with each takeover.
    """

    _id: str
    kind: str
    upstream: str
    instance: str
    scope: str
    collectors: list[str]
    since: str | None
    state: str
    progress: TaskProgress
    log: list[TaskLine]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    owner: str
    generation: int
    error: str | None


class TaskStep(TypedDict):
    """A collector in a scope as a part of a task; `_id` is `<task>:<collector>:<scope>`.

    It stands here from when it began; `place` is how far it came, in the collector's own terms, and `state`
    is running until it is over. Of a rebuild it is a topic: `<task>:<topic>`.
    """

    _id: str
    task: str
    state: str
    place: dict[str, Any]
    error: str | None
