"""The documents in MongoDB: collections, their shapes and their indexes.

Raw collections hold what an upstream said, verbatim, in an envelope; fact collections hold one typed document
per item and can be dropped and rebuilt from raw. Facts hold instants as int epoch seconds (UTC); runs and
watermarks hold aware datetimes.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, NotRequired, TypedDict

RAW: Final = (
    "raw_tapd_workspace",
    "raw_tapd_iteration",
    "raw_tapd_bug",
    "raw_tapd_bug_change",
    "raw_tapd_removed_bug",
    "raw_tapd_workitem_type",
    "raw_tapd_status_map",
    "raw_tapd_last_steps",
    "raw_tapd_first_step",
    "raw_gitlab_project",
    "raw_gitlab_event",
)
TOPICS: Final = ("bugs", "events", "iterations", "workspaces", "workflows", "projects")

# The collectors whose success makes a topic's numbers known (docs/expressions.md, Answers).
FEEDS: Final[dict[str, tuple[str, ...]]] = {
    "bugs": ("tapd.bugs", "tapd.bug_changes", "tapd.removed_bugs"),
    "events": ("gitlab.events",),
}

# The collector that lists a topic's scopes; its watermark's cursor holds those that are there, as `scopes`.
LISTS: Final[dict[str, str]] = {"bugs": "tapd.workspaces", "events": "gitlab.projects"}


class RawRecord(TypedDict):
    """Envelope of one upstream record; `_id` is `<instance>:<scope>:<id>`, `data` is verbatim.

    `target` stands on removals only: the item that lives on after a move or a merge. `asked` is the name in
    the configuration that led to the record. `names` holds all names an iteration had, each as `name` with
    `at`, when it was first seen, the present one last.
    """

    _id: str
    n: int
    instance: str
    scope: str
    key: str
    hash: str
    collected_at: datetime
    updated_at: datetime
    target: NotRequired[str]
    asked: NotRequired[str]
    names: NotRequired[list[dict[str, Any]]]
    removed_at: NotRequired[datetime]
    removed_why: NotRequired[str]
    data: dict[str, Any]


class Stamp(TypedDict):
    """What the deriving side stamps on each fact; facts are tombstoned, never deleted."""

    _id: str
    generation: int
    seq: int
    tombstone: bool


class Segments(TypedDict):
    """Equal-length lists: stretches of time in which none of an item's tracked fields changed; "" is empty.

    A stretch holds from its start (epoch seconds, strictly rising) to the next start, the last one until the
    item's removal, if any.
    """

    start: list[int]
    workspace: list[str]
    status: list[str]
    version_report: list[str]
    version_fix: list[str]
    iteration: list[str]
    severity: list[str]
    priority: list[str]
    module: list[str]


class BugFact(Stamp):
    """One bug over its whole life; `_id` carries its first id, `id` its latest (a move renames a bug)."""

    instance: str
    id: str
    title: str
    created: int
    removed_at: int | None
    removed_why: str | None
    due: str | None
    findings: list[str]
    segments: Segments


class EventFact(Stamp):
    """One GitLab project event; `project` is its project's id, `branch` its ref if that is one, else ""."""

    instance: str
    project: str
    at: int
    action: str
    target_type: str
    ref: str
    branch: str


class WorkspaceFact(Stamp):
    """One TAPD workspace."""

    instance: str
    id: str
    name: str
    created: int | None


class ProjectFact(Stamp):
    """One GitLab project; `path` is its path with namespace, `asked` the configured one that led to it."""

    instance: str
    id: str
    path: str
    asked: str
    name: str
    default_branch: str


class IterationFact(Stamp):
    """One TAPD iteration; `start` and `end` are its planned dates, `YYYY-MM-DD`, `names` its former names."""

    instance: str
    workspace: str
    id: str
    name: str
    names: list[str]
    start: str | None
    end: str | None
    status: str
    created: int | None


class WorkflowFact(Stamp):
    """The statuses of one workspace and entity: `[code, label]` in the order of the status map."""

    instance: str
    workspace: str
    entity: str
    statuses: list[list[str]]
    last_steps: list[str]
    first_step: str | None


class Counter(TypedDict):
    """A topic's version: raised after a batch of facts is acknowledged; names the collection to read."""

    _id: str
    generation: int
    seq: int
    collection: str


class Watermark(TypedDict):
    """How far a collector has come in a scope; `started_at` is the start of its last successful run.

    `run` is the last run's record, `clean` says that all that was seen is derived, or stands in `waiting`:
    the keys that are derived when another collector has succeeded in the scope. `cursor` is the collector's
    own; `scopes` in those of tapd.workspaces and gitlab.projects are the ids that are there.
    """

    _id: str
    collector: str
    instance: str
    scope: str
    started_at: datetime | None
    cursor: dict[str, Any]
    clean: bool
    run: NotRequired[str]
    waiting: NotRequired[list[str]]


class Run(TypedDict):
    """What one run did: counts, requests used, seconds, and the error that ended it."""

    _id: str
    collector: str
    instance: str
    scope: str
    state: str
    started_at: datetime
    finished_at: datetime | None
    seconds: float
    requests: int
    seen: int
    new: int
    changed: int
    quarantined: int
    error: str | None


class Quarantined(TypedDict):
    """A record that could not be understood or stored, as bytes, with the reason."""

    _id: str
    upstream: str
    collection: str
    scope: str
    reason: str
    body: bytes
    at: datetime


def indexes() -> dict[str, tuple[str, ...]]:
    """Single-field ascending indexes by collection; few on purpose: each one costs every write."""
    found: dict[str, tuple[str, ...]] = dict.fromkeys(RAW, ("n", "key"))
    found["raw_tapd_removed_bug"] = ("n", "key", "target")
    found["raw_tapd_iteration"] = ("n", "key", "scope")
    found.update({f"fact_{topic}": ("seq",) for topic in TOPICS})
    found["runs"] = ("started_at",)
    found["watermarks"] = ("collector",)
    return found
