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
    "raw_tapd_story",
    "raw_tapd_story_change",
    "raw_tapd_removed_story",
    "raw_tapd_task",
    "raw_tapd_task_change",
    "raw_tapd_removed_task",
    "raw_tapd_category",
    "raw_tapd_story_bug",
    "raw_tapd_release",
    "raw_tapd_iteration_change",
    "raw_tapd_user",
    "raw_tapd_timesheet",
    "raw_tapd_life_time",
    "raw_tapd_custom_field",
    "raw_tapd_workitem_type",
    "raw_tapd_status_map",
    "raw_tapd_last_steps",
    "raw_tapd_first_step",
    "raw_gitlab_project",
    "raw_gitlab_event",
    # What webhooks told, by the kind of thing it is about; the last of each upstream holds all other kinds.
    "raw_tapd_bug_hook",
    "raw_tapd_story_hook",
    "raw_tapd_task_hook",
    "raw_tapd_iteration_hook",
    "raw_tapd_hook",
    "raw_gitlab_hook",
)
TOPICS: Final = (
    "bugs",
    "stories",
    "tasks",
    "events",
    "iterations",
    "releases",
    "workspaces",
    "workflows",
    "workitem_types",
    "custom_fields",
    "projects",
)

# Why a record is marked as removed that is not upstream any more, though nobody told of its removal.
VANISHED: Final = "vanished"

# The collectors whose success makes a topic's numbers known (docs/expressions.md, Answers).
FEEDS: Final[dict[str, tuple[str, ...]]] = {
    "bugs": ("tapd.bugs", "tapd.bug_changes", "tapd.removed_bugs"),
    "stories": ("tapd.stories", "tapd.story_changes", "tapd.removed_stories"),
    "events": ("gitlab.events",),
}

# The collector that lists a topic's scopes; its watermark's cursor holds those that are there, as `scopes`.
LISTS: Final[dict[str, str]] = {
    "bugs": "tapd.workspaces",
    "stories": "tapd.workspaces",
    "events": "gitlab.projects",
}


class RawRecord(TypedDict):
    """Envelope of one upstream record; `_id` is `<instance>:<scope>:<id>`, `data` is verbatim.

    `target` stands on removals only: the item that lives on after a move or a merge. `asked` is the name in
    the configuration that led to the record, `about` what came with it, as the headers of a webhook. `names`
    holds all names an iteration had, each as `name` with `at`, when it was first seen, the present one last.
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
    about: NotRequired[dict[str, str]]
    names: NotRequired[list[dict[str, Any]]]
    removed_at: NotRequired[datetime]
    removed_why: NotRequired[str]
    data: dict[str, Any]


class Counter(TypedDict):
    """A topic's version: raised after a batch of facts is acknowledged; names the collection to read."""

    _id: str
    generation: int
    seq: int
    collection: str


class Watermark(TypedDict):
    """How far a collector has come in a scope; `started_at` is the start of its last successful run.

    `run` is the last run's record, `clean` says that all that was seen is derived, or waits: the keys in
    `waiting`, or the `whole` scope, are derived when a run of another collector that began later has
    succeeded in it. `cursor` is the collector's own; `scopes` in those of tapd.workspaces and gitlab.projects
    are the ids that are there. `gap` is one that ended with the last run: it is noted again when the next one
    begins, lest a crash in between lose it.
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
    whole: NotRequired[bool]
    gap: NotRequired[Gap]


class Run(TypedDict):
    """What one run did: counts, requests used, seconds, and the error that ended it.

    `interrupted` says that it was the store that failed, not the upstream: the run is repeated soon.
    `interval_s` is how often such runs are planned.
    """

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
    interrupted: bool
    interval_s: NotRequired[float]


class Gap(TypedDict):
    """A stretch in which a scope was not looked at for much longer than planned: between two successful runs.

    `_id` is `<collector>:<instance>:<scope>:<end>`; `start` and `end` are epoch seconds.
    """

    _id: str
    collector: str
    instance: str
    scope: str
    start: int
    end: int


class Reconciliation(TypedDict):
    """A month in which what upstream has and what is stored differed, or that could not be compared.

    `_id` is `<instance>:<workspace>:<entity>:<YYYY-MM>`; `entity` is bugs, stories, tasks or iterations, by
    the month they were created in, or bug_changes, story_changes, task_changes, of which only the days that
    were looked at count. `upstream` and `stored` are the counts as they were found, `missing` what was not
    stored, `extra` what is stored and not upstream any more, `repaired` how many of both were put right; the
    rest is open. `ids` are the first that differ. `error` says why it could not be compared or repaired.
    """

    _id: str
    instance: str
    workspace: str
    entity: str
    month: str
    upstream: int
    stored: int
    missing: int
    extra: int
    repaired: int
    ids: list[str]
    at: datetime
    error: str | None


class QuotaShare(TypedDict):
    """What a process holds of an account's quota until a window after `until`; `wants`: requests wait."""

    places: int
    wants: bool
    until: datetime


class AccountQuota(TypedDict):
    """How the processes share an account's quota, by process; `revision` rises with each write.

    `_id` is `<upstream>:<instance>`; nobody sends anything before `paused_until`.
    """

    _id: str
    revision: int
    paused_until: datetime
    shares: dict[str, QuotaShare]


class StageMap(TypedDict):
    """The stages of a workspace's bugs or stories as they were counted by, each with since when.

    `_id` is `<instance>:<workspace>:<topic>`; each of `versions` has `at` (epoch seconds) and `stages`, a
    list of `{name, statuses, flag, resolved}` in their order. Kept so that a change can be shown; `revision`
    rises with each write.
    """

    _id: str
    revision: int
    versions: list[dict[str, Any]]


class Delivery(TypedDict):
    """A webhook's delivery that waits in `inbox_<upstream>` for a collector.

    `_id` is the sender's idempotency key, `<instance>:<event>:<queue>` for TAPD, or a hash of the body;
    `received` is in epoch milliseconds, `about` what the headers said, `size` the body's length in bytes. A
    large body is in GridFS: then `body` is None and `file` what it is found by.
    """

    _id: str
    instance: str
    received: int
    about: dict[str, str]
    size: int
    body: bytes | None
    file: NotRequired[str]


class Quarantined(TypedDict):
    """A record that could not be understood or stored, as bytes, with the reason.

    `key` is its item's, where it is stored and could not be derived; `about` is what was asked for it.
    `delivery` is the webhook's delivery that brought it, without its body; where that has a `file`, `body`
    is only the beginning.
    """

    _id: str
    upstream: str
    collection: str
    instance: NotRequired[str]
    scope: str
    key: NotRequired[str]
    about: NotRequired[dict[str, str]]
    reason: str
    body: bytes
    at: datetime
    delivery: NotRequired[dict[str, Any]]


def indexes() -> dict[str, tuple[str, ...]]:
    """Single-field ascending indexes by collection; few on purpose: each one costs every write."""
    found: dict[str, tuple[str, ...]] = dict.fromkeys(RAW, ("n", "key"))
    found["raw_tapd_removed_bug"] = ("n", "key", "target")
    found["raw_tapd_story_bug"] = ("n", "key", "data.bug_id")
    found["raw_tapd_iteration"] = found["raw_tapd_iteration_change"] = ("n", "key", "scope")
    found.update({f"fact_{topic}": ("seq",) for topic in TOPICS})
    found["inbox_tapd"] = found["inbox_gitlab"] = ("received",)
    found["gaps"] = ("end",)
    found["runs"] = ("started_at",)
    found["watermarks"] = ("collector",)
    found["tasks"] = ("state",)
    found["task_steps"] = ("task",)
    return found
