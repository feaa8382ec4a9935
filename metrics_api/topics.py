"""The topics of items: bugs and stories live in the same frames; what sets them apart is said here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from metrics_api.core.fact_types import WorkflowFact
from metrics_api.core.stages import Stage, guessed_for_bugs, guessed_for_stories


@dataclass(frozen=True)
class ItemTopic:
    """What sets the items of one topic apart.

    `entity` is TAPD's word for them; `columns` are the coded columns of their frame, `fields` what may be
    filtered and split by, `sources` the column of a field where the two are not called the same, `axes` the
    columns their cube counts by. `guess` makes stages of a workflow nobody configured. Where there are
    `levels`, an item may be the parent of others.
    """

    name: str
    entity: str
    columns: tuple[str, ...]
    fields: tuple[str, ...]
    axes: tuple[str, ...]
    guess: Callable[[WorkflowFact], tuple[Stage, ...]]
    sources: Mapping[str, str] = field(default_factory=lambda: {"product": "workspace"})
    levels: bool = False

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
    ),
    axes=("workspace", "version", "severity", "status"),
    guess=guessed_for_bugs,
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
    levels=True,
)
ITEM_TOPICS: Final = {topic.name: topic for topic in (BUGS, STORIES)}
