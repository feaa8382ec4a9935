"""Frames: a topic's facts as columns in memory, as they were at a moment.

Items have one row each, segments one row per item and stretch of time in which none of its tracked fields
changed. The rows of an item stand together, in the order of time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from metrics_api.blocks import Blocks
from metrics_api.columns import Array, Codes, DayNumbers, Kept, Mask, Rows
from metrics_api.context import Context
from metrics_api.links import Links
from metrics_api.lookups import Lookups
from metrics_api.topics import ItemTopic

if TYPE_CHECKING:
    from metrics_api.cube import Cube

# How many selections of one snapshot are kept; each takes a byte for each segment.
SELECTIONS = 2
# What may be asked of the items of a topic with levels: leaves, parents or all.
LEVELS = 3


@dataclass(frozen=True)
class ItemFrame:
    """A snapshot of items and their segments; every array has one entry per segment unless said otherwise.

    `item` is the item's number, `start` and `stop` epoch seconds (`stop` is NEVER while it lasts), `begin`
    and `end` say how, `codes` holds the coded fields, `stage` the stage class of `lookups`, `visit` the
    instant at which the item entered that stage, `mark` the highest level it had reached by then, `crossing`
    the rows of items that passed to a workspace with other stages. `dead` are rows that no longer count.
    `parents` (by item, empty where the topic has no levels) says which items others ever named as theirs,
    `first_row` and `last_row` (by item) are an item's first and last segment, `keys` (by item, with more to
    come at its end) are the `_id`s of their facts, `first_start` (by workspace code) the oldest start in a
    workspace, NEVER without any. `blocks` say where segments of some days may be. `topic` has all fields of
    this frame. `numbers` are columns of float32, NaN where nothing is known; `latest` is the last start
    (epoch seconds), `due` (by item) the number of the planned day, NO_DAY without one, `completed` (by item,
    empty where the topic's items are not dated) the instant that stands for an untold entry to done, and
    `stories` says which stories a bug is linked to. `items` is how many items count; the `cubes` together
    hold the daily deltas; `kept` are the selections of segments that were asked for last, `living` the rows
    that count by level.
    """

    topic: ItemTopic
    size: int
    items: int
    item: Array
    start: Array
    stop: Array
    begin: Array
    end: Array
    codes: Mapping[str, Array]
    dictionaries: Mapping[str, Codes]
    numbers: Mapping[str, Array]
    stage: Array
    visit: Array
    mark: Array
    crossing: Rows
    dead: Rows
    parents: Mask
    first_row: Array
    last_row: Array
    keys: Sequence[str]
    due: Array
    completed: Array
    stories: Links
    first_start: Array
    latest: int
    blocks: Blocks
    context: Context
    lookups: Lookups
    day_numbers: DayNumbers
    cubes: tuple[Cube, ...] = ()
    kept: Kept = field(default_factory=lambda: Kept(SELECTIONS), repr=False, compare=False)
    living: Kept = field(default_factory=lambda: Kept(LEVELS), repr=False, compare=False)

    def days(self, zone: str) -> tuple[Array, Array]:
        """The day numbers on which each segment starts and stops in a zone."""
        return self.day_numbers.of(zone, self.size)

    def alive(self, level: str = "all", rows: Array | None = None) -> Mask:
        """Which of all rows, or of some, count: those of items of a level (`leaf`, `parent` or `all`)."""
        level = level if self.topic.levels else "all"
        whole = self.living.get(level, lambda: self._alive(level))
        return whole if rows is None else whole[rows]

    def _alive(self, level: str) -> Mask:
        mask = np.ones(self.size, dtype=np.bool_)
        mask[self.dead] = False
        if level != "all":
            mask &= (self.parents == (level == "parent"))[self.item]
        return mask
