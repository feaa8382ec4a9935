"""The growing columns of one topic's items, taken over fact by fact; snapshots of them are frames.

Segments are appended and never changed; a changed fact appends its new segments and declares its old ones
dead. Stages are mapped here, so a new stage map needs no reload.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from metrics_api.blocks import BlockTable
from metrics_api.columns import NEVER, Array, Buffer, Codes, DayNumbers, Mask, Rows, earliest
from metrics_api.context import Context
from metrics_api.fields import Fields, topic_in
from metrics_api.frames import ItemFrame
from metrics_api.item_columns import ItemColumns, Places
from metrics_api.lookups import build_lookups, sizes_of
from metrics_api.parents import Parents
from metrics_api.segments import CONTINUES, TIMES, Fact, take_times, take_values
from metrics_api.topics import ItemTopic

# How many rows are looked at in one go: what holds the interpreter's lock must be short.
CHUNK = 200_000
# So many rows may stand anywhere.
SCATTERED = 50_000


class ItemTable:
    """The growing columns behind the snapshots of one topic; written by one task only.

    `ids` is the dictionary of stories' ids, which bugs and stories share. What fields there are is settled
    when a table is made.
    """

    def __init__(self, topic: ItemTopic, context: Context, ids: Codes | None = None) -> None:
        self.topic = topic_in(topic, context)
        self.context = context
        self._times = {name: Buffer(dtype) for name, dtype in TIMES.items()}
        self._coded = {name: Buffer(np.uint8) for name in topic.columns}
        self._stage, self._visit, self._mark = Buffer(np.uint8), Buffer(np.uint32), Buffer(np.uint8)
        self._crossing: Array = np.empty(0, dtype=np.int64)
        self._blocks = BlockTable()
        self._fields = Fields(topic, context)
        self.dictionaries = {name: Codes() for name in topic.columns} | self._fields.dictionaries
        ids = Codes() if ids is None else ids
        self._items = ItemColumns(topic, ids)
        self._dead: Array = np.empty(0, dtype=np.int64)
        self._relations = Parents(ids)
        self._parents: Mask = np.empty(0, dtype=np.bool_)
        self._first_start: Array = np.full(1, NEVER, dtype=np.uint32)
        self._latest = 0
        self._clustered = 0
        self._lookups = build_lookups(self.topic, context, self.dictionaries)
        self._days = DayNumbers(self._times["start"], self._times["stop"])

    @property
    def size(self) -> int:
        """How many segments stand in the columns, dead ones included."""
        return self._times["item"].size

    @property
    def scattered(self) -> bool:
        """True when so many rows are dead, or came since they were clustered, that to do so is worth it."""
        dead, came = len(self._dead), self.size - self._clustered
        return (dead > SCATTERED and dead * 5 > self.size) or (came > SCATTERED and came * 2 > self.size)

    def set_context(self, context: Context) -> None:
        """Map all statuses anew."""
        self.context = context
        self._lookups = build_lookups(self.topic, context, self.dictionaries)
        self._stage, self._visit, self._mark = Buffer(np.uint8), Buffer(np.uint32), Buffer(np.uint8)
        self._crossing, self._blocks = np.empty(0, dtype=np.int64), BlockTable()
        self._map_stages()

    def apply(self, facts: Iterable[Fact]) -> tuple[Rows, Rows]:
        """Take facts over; returns the rows that no longer count among the leaves and those that do now."""
        first = self.size
        died: list[Array] = [np.empty(0, dtype=np.int64)]
        times: dict[str, list[int]] = {name: [] for name in TIMES}
        values: dict[str, list[str]] = {name: [] for name in self.topic.columns}
        places: Places = {}
        numbered: list[tuple[int, Fact]] = []
        for fact in facts:
            number = self._items.number(fact["_id"])
            numbered.append((number, fact))
            at, rows = places.get(number) or self._items.place_of(number)
            if rows:
                died.append(np.arange(at, at + rows, dtype=np.int64))
            size, begin = 0, len(times["item"])
            if not fact["tombstone"]:
                if fact.get("histories"):
                    fact = self._fields.parted(fact)
                    self._fields.take(fact, begin)
                take_times(times, number, fact)
                take_values(values, self.topic, self.context, fact)
                size = len(times["item"]) - begin
            places[number] = (first + begin, size)
        for name, buffer in self._times.items():
            buffer.extend(np.array(times[name], dtype=np.uint32))
        for name, coded in self._coded.items():
            coded.extend(np.array(self.dictionaries[name].encode(values[name]), dtype=np.uint32))
        self._latest = max(self._latest, max(times["start"], default=0))
        self._fields.extend(len(times["item"]))
        self._items.put(places, dict(numbered))
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
        self._parents = self._relations.take(numbered, len(self._items.keys))
        return self._among_leaves(dead, came, before, places)

    def cluster(self) -> None:
        """Let items stand in the order in which they came to rest, the open ones last; drop what is dead.

        What happened in some weeks then stands in few blocks, however long the history is. Snapshots that
        were taken before stay as they are.
        """
        present = self._items.present
        items = present[np.argsort(self._rested()[present], kind="stable")]
        crossing = np.zeros(self.size, dtype=np.bool_)
        crossing[self._crossing] = True
        order, item = self._items.arrange(items)
        if self.topic.levels:
            self._parents = self._relations.arrange(items)
        self._crossing = np.flatnonzero(crossing[order])
        self._times = {name: buffer.arranged(order) for name, buffer in self._times.items()}
        self._times["item"] = Buffer(np.uint32)
        self._times["item"].extend(item)
        self._coded = {name: buffer.arranged(order) for name, buffer in self._coded.items()}
        self._stage, self._visit, self._mark = (
            buffer.arranged(order) for buffer in (self._stage, self._visit, self._mark)
        )
        self._fields.arrange(order)
        self._dead, self._clustered = np.empty(0, dtype=np.int64), len(order)
        start, stop = self._times["start"], self._times["stop"]
        self._blocks, self._days = BlockTable(), DayNumbers(start, stop)
        self._blocks.extend(self._stage.view(), start.view(), stop.view())

    def _rested(self) -> Array:
        """By item since when nothing has happened to it (epoch seconds), NEVER while it is open."""
        found = np.zeros(len(self._items.keys), dtype=np.uint32)
        item, start, stop = (self._times[name].view() for name in ("item", "start", "stop"))
        stage, alive = self._stage.view(), np.ones(self.size, dtype=np.bool_)
        alive[self._dead] = False
        for at in range(0, self.size, CHUNK):
            rows = np.flatnonzero(alive[at : at + CHUNK]) + at
            last = np.where(self._lookups.open[stage[rows]], stop[rows], start[rows])
            np.maximum.at(found, item[rows], last)
        return found

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
        rows = self._items.rows_of(turned)
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
            items=self._items.count,
            item=self._times["item"].view(size),
            start=self._times["start"].view(size),
            stop=self._times["stop"].view(size),
            begin=self._times["begin"].view(size),
            end=self._times["end"].view(size),
            codes={name: buffer.view(size) for name, buffer in self._coded.items()}
            | self._fields.codes(size),
            dictionaries=self.dictionaries,
            numbers=self._fields.numbers(size),
            stage=self._stage.view(size),
            visit=self._visit.view(size),
            mark=self._mark.view(size),
            crossing=self._crossing,
            dead=self._dead,
            parents=self._parents,
            first_row=self._items.first_row,
            last_row=self._items.last_row,
            keys=self._items.keys,
            due=self._items.due,
            completed=self._items.completed,
            stories=self._items.links.view(len(self._items.keys)),
            first_start=self._first_start,
            latest=self._latest,
            blocks=self._blocks.view(),
            context=self.context,
            lookups=self._lookups,
            day_numbers=self._days,
        )

    def _map_stages(self) -> None:
        """Map the statuses of the rows that have no stage yet.

        Also find since when each stage has lasted, and the highest level reached by then.
        """
        first = self._stage.size
        looks = self._lookups
        workspace = self._coded["workspace"].view()[first:]
        stage = looks.class_of[workspace, self._coded["status"].view()[first:]]
        self._stage.extend(stage)
        start, stop = (self._times[name].view()[first:] for name in ("start", "stop"))
        self._blocks.extend(stage, start, stop)
        fresh = self._times["begin"].view()[first:] != CONTINUES
        shown = looks.stage[stage]
        entered = fresh.copy()
        entered[1:] |= shown[1:] != shown[:-1]
        since = np.maximum.accumulate(np.where(entered, np.arange(len(stage), dtype=np.uint32), 0))
        self._visit.extend(start[since])
        # Rows of an item stand together, so a running maximum that starts anew with each is enough.
        base = np.cumsum(fresh, dtype=np.int64) << 8
        self._mark.extend((np.maximum.accumulate(base | looks.level[stage]) & 0xFF).astype(np.uint8))
        flow = looks.flow_of[workspace]
        crossed = np.flatnonzero((flow[1:] != flow[:-1]) & ~fresh[1:]) + 1
        if crossed.size:
            item = self._times["item"].view()[first:]
            rows = np.flatnonzero(np.isin(item, item[crossed])) + first
            self._crossing = np.concatenate([self._crossing, rows])
