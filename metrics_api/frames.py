"""Frames: a topic's facts as columns in memory, refreshed by what changed.

Items have one row each, segments one row per item and stretch of time in which none of its tracked fields
changed. Segments are appended and never changed; a changed fact appends its new segments and declares its old
ones dead. Stages are mapped here, so a new stage map needs no reload.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from metrics_api.columns import NEVER, Array, Buffer, Codes, DayNumbers, Mask, Rows, earliest, grown, spread
from metrics_api.context import Context
from metrics_api.lookups import Lookups, build_lookups, sizes_of
from metrics_api.parents import Parents
from metrics_api.segments import CONTINUES, TIMES, Fact, take_times, take_values
from metrics_api.topics import ItemTopic

if TYPE_CHECKING:
    from metrics_api.cube import Cube

# How many rows are looked at in one go: what holds the interpreter's lock must be short.
CHUNK = 200_000


@dataclass(frozen=True)
class ItemFrame:
    """A snapshot of items and their segments; every array has one entry per segment unless said otherwise.

    `item` is the item's number, `start` and `stop` epoch seconds (`stop` is NEVER while it lasts), `begin`
    and `end` say how, `codes` holds the coded fields, `stage` the stage class of `lookups`, `visit` the
    instant at which the item entered that stage, `mark` the highest level it had reached by then, `crossing`
    the rows of items that passed to a workspace with other stages. `dead` are rows that no longer count.
    `parents` (by item, empty where the topic has no levels) says which items others ever named as theirs,
    `last_row` (by item) is an item's last segment, `first_start` (by workspace code) the oldest start in a
    workspace, NEVER without any. `items` is how many items count; the `cubes` together hold the daily deltas.
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
    stage: Array
    visit: Array
    mark: Array
    crossing: Rows
    dead: Rows
    parents: Mask
    last_row: Array
    first_start: Array
    context: Context
    lookups: Lookups
    day_numbers: DayNumbers
    cubes: tuple[Cube, ...] = ()

    def days(self, zone: str) -> tuple[Array, Array]:
        """The day numbers on which each segment starts and stops in a zone."""
        return self.day_numbers.of(zone, self.size)

    def alive(self, level: str = "all") -> Mask:
        """A fresh mask of the rows that count, of items of a level: `leaf`, `parent` or `all`."""
        mask = np.ones(self.size, dtype=np.bool_)
        mask[self.dead] = False
        if self.topic.levels and level != "all":
            mask &= (self.parents == (level == "parent"))[self.item]
        return mask


class ItemTable:
    """The growing columns behind the snapshots of one topic; written by one task only."""

    def __init__(self, topic: ItemTopic, context: Context) -> None:
        self.topic = topic
        self.context = context
        self._times = {name: Buffer(dtype) for name, dtype in TIMES.items()}
        self._coded = {name: Buffer(np.uint8) for name in topic.columns}
        self._stage, self._visit, self._mark = Buffer(np.uint8), Buffer(np.uint32), Buffer(np.uint8)
        self._crossing: Array = np.empty(0, dtype=np.int64)
        self.dictionaries = {name: Codes() for name in topic.columns}
        self._numbers: dict[str, int] = {}
        # By item: its first row and how many rows it has; none once it is gone.
        self._first_row: Array = np.empty(0, dtype=np.uint32)
        self._rows: Array = np.empty(0, dtype=np.uint32)
        self._last_row: Array = np.empty(0, dtype=np.uint32)
        self._dead: Array = np.empty(0, dtype=np.int64)
        self._relations = Parents()
        self._parents: Mask = np.empty(0, dtype=np.bool_)
        self._first_start: Array = np.full(1, NEVER, dtype=np.uint32)
        self._lookups = build_lookups(topic, context, self.dictionaries)
        self._days = DayNumbers(self._times["start"], self._times["stop"])

    @property
    def size(self) -> int:
        """How many segments stand in the columns, dead ones included."""
        return self._times["item"].size

    @property
    def wasteful(self) -> bool:
        """True when so many segments are dead that a fresh table is worth its making."""
        return len(self._dead) > 50_000 and len(self._dead) * 5 > self.size

    def set_context(self, context: Context) -> None:
        """Map all statuses anew."""
        self.context = context
        self._lookups = build_lookups(self.topic, context, self.dictionaries)
        self._stage, self._visit, self._mark = Buffer(np.uint8), Buffer(np.uint32), Buffer(np.uint8)
        self._crossing = np.empty(0, dtype=np.int64)
        self._map_stages()

    def apply(self, facts: Iterable[Fact]) -> tuple[Rows, Rows]:
        """Take facts over; returns the rows that no longer count among the leaves and those that do now."""
        first = self.size
        died: list[Array] = [np.empty(0, dtype=np.int64)]
        times: dict[str, list[int]] = {name: [] for name in TIMES}
        values: dict[str, list[str]] = {name: [] for name in self.topic.columns}
        places: dict[int, tuple[int, int]] = {}
        numbered: list[tuple[int, Fact]] = []
        for fact in facts:
            number = self._number(fact["_id"])
            numbered.append((number, fact))
            at, rows = places.get(number) or self._place_of(number)
            if rows:
                died.append(np.arange(at, at + rows, dtype=np.int64))
            size = 0 if fact["tombstone"] else len(fact["segments"]["start"])
            places[number] = (first + len(times["item"]), size)
            if size:
                take_times(times, number, fact)
                take_values(values, self.topic, self.context, fact)
        for name, buffer in self._times.items():
            buffer.extend(np.array(times[name], dtype=np.uint32))
        for name, coded in self._coded.items():
            coded.extend(np.array(self.dictionaries[name].encode(values[name]), dtype=np.uint32))
        self._place(places)
        if self._lookups.sizes != sizes_of(self.dictionaries):
            self._lookups = build_lookups(self.topic, self.context, self.dictionaries)
        self._map_stages()
        dead, came = np.concatenate(died), np.arange(first, self.size, dtype=np.int64)
        if dead.size:
            self._dead = np.concatenate([self._dead, dead])
        self._find_first_starts(first, dead)
        if not self.topic.levels:
            return dead, came
        before = self._parents
        self._parents = self._relations.take(numbered, len(self._numbers))
        return self._among_leaves(dead, came, before, places)

    def _find_first_starts(self, first: int, dead: Rows) -> None:
        """Look for older starts among the rows from `first` on; if an oldest one died, among all rows."""
        workspace, start = self._coded["workspace"].view(), self._times["start"].view()
        known, before = self._first_start, dead[dead < first]
        if (known[workspace[before]] == start[before]).any():
            known, first = np.full(1, NEVER, dtype=np.uint32), 0
        alive = np.ones(self.size - first, dtype=np.bool_)
        alive[self._dead[self._dead >= first] - first] = False
        for at in range(first, self.size, CHUNK):
            rows = np.flatnonzero(alive[at - first : at - first + CHUNK]) + at
            known = earliest(known, workspace[rows], start[rows])
        self._first_start = known

    def _among_leaves(
        self, dead: Rows, came: Rows, before: Mask, places: Mapping[int, tuple[int, int]]
    ) -> tuple[Rows, Rows]:
        """What these rows, and those of items that became or ceased to be parents, change among the leaves.

        `before` says of the items known so far whether they were parents. Rows that came only to die count on
        both sides.
        """
        after, item = self._parents, self._times["item"].view()
        turned = np.flatnonzero(before != after[: len(before)])
        turned = turned[~np.isin(turned, list(places))]
        rows, _ = spread(self._first_row[turned].astype(np.int64), self._rows[turned].astype(np.int64))
        was_parent = after.copy()
        was_parent[: len(before)] = before
        new = dead >= self.size - len(came)
        left = dead[~np.where(new, after[item[dead]], was_parent[item[dead]])]
        joined = came[~after[item[came]]]
        now_parent = after[item[rows]]
        return np.concatenate([left, rows[now_parent]]), np.concatenate([joined, rows[~now_parent]])

    def snapshot(self) -> ItemFrame:
        """The rows as they are now, safe to read in a thread while more are appended."""
        size = self.size
        return ItemFrame(
            topic=self.topic,
            size=size,
            items=int(np.count_nonzero(self._rows)),
            item=self._times["item"].view(size),
            start=self._times["start"].view(size),
            stop=self._times["stop"].view(size),
            begin=self._times["begin"].view(size),
            end=self._times["end"].view(size),
            codes={name: buffer.view(size) for name, buffer in self._coded.items()},
            dictionaries=self.dictionaries,
            stage=self._stage.view(size),
            visit=self._visit.view(size),
            mark=self._mark.view(size),
            crossing=self._crossing,
            dead=self._dead,
            parents=self._parents,
            last_row=self._last_row,
            first_start=self._first_start,
            context=self.context,
            lookups=self._lookups,
            day_numbers=self._days,
        )

    def _number(self, key: str) -> int:
        return self._numbers.setdefault(key, len(self._numbers))

    def _place_of(self, number: int) -> tuple[int, int]:
        if number >= len(self._rows):
            return 0, 0
        return int(self._first_row[number]), int(self._rows[number])

    def _place(self, places: dict[int, tuple[int, int]]) -> None:
        """Note where the items' rows are; snapshots keep the array of last rows they were given."""
        numbers = np.fromiter(places, dtype=np.int64, count=len(places))
        placed = np.array(list(places.values()), dtype=np.uint32).reshape(-1, 2)
        self._first_row = grown(self._first_row, len(self._numbers))
        self._rows = grown(self._rows, len(self._numbers))
        self._first_row[numbers], self._rows[numbers] = placed[:, 0], placed[:, 1]
        last_row = np.zeros(len(self._numbers), dtype=np.uint32)
        last_row[: len(self._last_row)] = self._last_row
        some = placed[:, 1] > 0
        last_row[numbers[some]] = placed[some].sum(axis=1) - 1
        self._last_row = last_row

    def _map_stages(self) -> None:
        """Map the statuses of the rows that have no stage yet.

        Also find since when each stage has lasted, and the highest level reached by then.
        """
        first = self._stage.size
        looks = self._lookups
        workspace = self._coded["workspace"].view()[first:]
        stage = looks.class_of[workspace, self._coded["status"].view()[first:]]
        self._stage.extend(stage)
        fresh = self._times["begin"].view()[first:] != CONTINUES
        shown = looks.stage[stage]
        entered = fresh.copy()
        entered[1:] |= shown[1:] != shown[:-1]
        since = np.maximum.accumulate(np.where(entered, np.arange(len(stage), dtype=np.uint32), 0))
        self._visit.extend(self._times["start"].view()[first:][since])
        # Rows of an item stand together, so a running maximum that starts anew with each is enough.
        base = np.cumsum(fresh, dtype=np.int64) << 8
        self._mark.extend((np.maximum.accumulate(base | looks.level[stage]) & 0xFF).astype(np.uint8))
        flow = looks.flow_of[workspace]
        crossed = np.flatnonzero((flow[1:] != flow[:-1]) & ~fresh[1:]) + 1
        if crossed.size:
            item = self._times["item"].view()[first:]
            rows = np.flatnonzero(np.isin(item, item[crossed])) + first
            self._crossing = np.concatenate([self._crossing, rows])
