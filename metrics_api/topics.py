"""The topics of items: bugs and stories live in the same frames; what sets them apart is said here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from metrics_api.core.fact_types import WorkflowFact
from metrics_api.core.stages import Stage, guessed_for_bugs, guessed_for_stories

# What a custom field's name follows where it is filtered or split by.
CUSTOM: Final = "cf."


@dataclass(frozen=True)
class ItemTopic:
    """What sets the items of one topic apart.

    `entity` is TAPD's word for them; `columns` are the coded columns of their frame that segments fill,
    `fields` what may be filtered and split by, `sources` the column of a field where the two are not called
    the same, `axes` the columns their cube counts by. `guess` makes stages of a workflow nobody configured.
    `histories` are the columns that histories fill, by TAPD's name, `people` likewise those that count only
    when people are enabled, `numbers` the columns of numbers. Where there are `levels`, an item may be the
    parent of others; where they are `linked`, it may be linked to stories; where they are `dated`, it may
    itself tell when it was completed. `custom` are the fields of a frame
    that the workspaces made themselves, each with CUSTOM before its name.
    """

    name: str
    entity: str
    columns: tuple[str, ...]
    fields: tuple[str, ...]
    axes: tuple[str, ...]
    guess: Callable[[WorkflowFact], tuple[Stage, ...]]
    sources: Mapping[str, str] = field(default_factory=lambda: {"product": "workspace"})
    histories: Mapping[str, str] = field(default_factory=dict)
    people: Mapping[str, str] = field(default_factory=dict)
    numbers: tuple[str, ...] = ("remain", "size")
    levels: bool = False
    linked: bool = False
    dated: bool = False
    custom: tuple[str, ...] = ()

    def column(self, field: str) -> str:
        """The column that holds the codes of a field."""
        return self.sources.get(field, field)


BUGS: Final = ItemTopic(
    name="bugs",
    entity="bug",
    columns=("workspace", "status", "version", "iteration", "severity", "priority", "module", "label"),
    fields=(
        *("product", "workspace", "version", "iteration", "stage", "status"),
        *("severity", "priority", "module", "label"),
        *("bugtype", "source", "originphase", "testphase", "resolution"),
    ),
    axes=("workspace", "version", "severity", "status"),
    guess=guessed_for_bugs,
    histories={name: name for name in ("bugtype", "source", "originphase", "testphase", "resolution")},
    people={
        "reporter": "reporter",
        "current_owner": "owner",
        "de": "de",
        "te": "te",
        "fixer": "fixer",
    },
    linked=True,
)
STORIES: Final = ItemTopic(
    name="stories",
    entity="story",
    columns=("workspace", "status", "iteration", "priority", "module", "type", "label"),
    fields=(
        *("product", "workspace", "version", "iteration", "stage", "status"),
        *("priority", "module", "type", "label"),
    ),
    axes=("workspace", "iteration", "priority", "status"),
    guess=guessed_for_stories,
    # A story's version is its iteration's name.
    sources={"product": "workspace", "version": "iteration"},
    people={"owner": "owner", "developer": "developer", "creator": "creator"},
    levels=True,
    dated=True,
)
ITEM_TOPICS: Final = {topic.name: topic for topic in (BUGS, STORIES)}
# What both can be asked by.
SHARED_FIELDS: Final = tuple(field for field in STORIES.fields if field in BUGS.fields)
# The fields that hold people, of any topic.
PEOPLE: Final = frozenset(name for topic in ITEM_TOPICS.values() for name in topic.people.values())
