"""The fact documents: one per item, typed, derived from raw records and rebuilt from them at any time.

Instants are int epoch seconds (UTC), planned dates `YYYY-MM-DD`, missing text is "".
"""

from __future__ import annotations

from typing import TypedDict


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
    iteration: list[str]
    priority: list[str]
    label: list[str]


class History(TypedDict):
    """What a field held: each `value` from its `at` on (epoch seconds, strictly rising from the creation)."""

    at: list[int]
    value: list[str]


class BugSegments(Segments):
    """The stretches of a bug; `label` here and elsewhere holds the sorted labels joined by `|`."""

    version_report: list[str]
    version_fix: list[str]
    severity: list[str]
    module: list[str]


class StorySegments(Segments):
    """The stretches of a story; `type` is the id of its workitem type."""

    module: list[str]
    type: list[str]


class ItemFact(Stamp):
    """One item over its whole life; `created` and `removed_at` are epoch seconds, `due` is `YYYY-MM-DD`.

    `removed_why` is deleted, merged, moved or vanished. `findings` name what is wrong with its history;
    `parallel_steps` counts the changes that were left out as steps of a parallel workflow.
    """

    instance: str
    id: str
    title: str
    created: int
    removed_at: int | None
    removed_why: str | None
    due: str | None
    findings: list[str]
    parallel_steps: int


class BugFact(ItemFact):
    """One bug; `_id` carries its first id, `id` its latest (a move renames a bug).

    `histories` are by TAPD's name those of further fields, as far as they ever held anything: bugtype,
    source, originphase, testphase, resolution, remain, effort, the people reporter, current_owner, de, te
    and fixer (several joined by `;`), and every custom_field_*. `stories` are the ids of the stories that it
    is linked to.
    """

    segments: BugSegments
    histories: dict[str, History]
    stories: list[str]


class StoryFact(ItemFact):
    """One story; `parents` are the ids of all stories it ever named as its parent.

    `completed` (epoch seconds) is when its row says that it was completed, where no change of its status is
    as early as that; else None.
    `histories` are those of the people owner, creator and developer, of size, remain and effort, and of
    every custom_field_*, as those of a bug.
    """

    parents: list[str]
    completed: int | None
    segments: StorySegments
    histories: dict[str, History]


class TaskFact(ItemFact):
    """One task; `story` is the id of the story it belongs to, "" for none."""

    story: str
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
    """One TAPD iteration; `start` and `end` are its planned dates, `YYYY-MM-DD`, `names` its former names.

    `removed_at` (epoch seconds) is known where a webhook told of its deletion, or where it was found gone.
    """

    instance: str
    workspace: str
    id: str
    name: str
    names: list[str]
    start: str | None
    end: str | None
    status: str
    created: int | None
    removed_at: int | None


class ReleaseFact(Stamp):
    """One TAPD release plan; `start` and `end` are its planned dates, `YYYY-MM-DD`."""

    instance: str
    workspace: str
    id: str
    name: str
    start: str | None
    end: str | None
    status: str
    created: int | None


class WorkitemTypeFact(Stamp):
    """One kind of story of a workspace; `entity` is the kind of thing it is a kind of, mostly "story"."""

    instance: str
    workspace: str
    id: str
    name: str
    entity: str


class CustomFieldFact(Stamp):
    """One custom field of a workspace's bugs, stories or tasks (`entity`), as its settings describe it.

    `field` is TAPD's name of it, as `custom_field_one`, `name` what the workspace calls it, `type` its kind,
    as `select`; `options` are the values to choose from, none where values are free.
    """

    instance: str
    workspace: str
    entity: str
    field: str
    name: str
    type: str
    options: list[str]


class TypeWorkflow(TypedDict):
    """The statuses of one workitem type, "" for bugs, as `[code, label]` in the order of its status map."""

    type: str
    statuses: list[list[str]]
    last_steps: list[str]
    first_step: str | None


class WorkflowFact(Stamp):
    """The statuses of one workspace and entity: `[code, label]` in the order of the status map.

    `types` says the same for each workitem type apart, in the types' order; statuses, last and first steps
    beside it are those of all types joined, where a code keeps its first meaning.
    """

    instance: str
    workspace: str
    entity: str
    statuses: list[list[str]]
    last_steps: list[str]
    first_step: str | None
    types: list[TypeWorkflow]
