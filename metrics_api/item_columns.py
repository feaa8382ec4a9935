"""What a frame holds once per item: where its rows are, when it is due, and the stories it is linked to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from metrics_api.columns import NEVER, NO_DAY, Array, Codes, Parted, PerItem, Rows, spread
from metrics_api.links import LinkTable
from metrics_api.segments import Fact, completed, planned
from metrics_api.topics import ItemTopic

# Items looked at in one go: what holds the interpreter's lock must be short.
ITEMS = 20_000
# By the number of an item: its first row, and how many rows it has.
Places = dict[int, tuple[int, int]]


class ItemColumns:
    """The columns by item of one topic; items are numbered as they come, and keep their numbers.

    `keys` are the `_id`s of their facts, `count` is how many of them have rows.
    """

    def __init__(self, topic: ItemTopic, ids: Codes) -> None:
        self.keys: list[str] = []
        self.count = 0
        self._numbers = Parted()
        self._first_row, self._rows, self._last_row = (PerItem(np.uint32) for _ in range(3))
        self._due = PerItem(np.int32, NO_DAY)
        self._completed = PerItem(np.uint32, NEVER) if topic.dated else None
        self.links = LinkTable(topic, ids)

    def number(self, key: str) -> int:
        """The number of the item with a key, a new one if need be."""
        number = self._numbers.setdefault(key, len(self.keys))
        if number == len(self.keys):
            self.keys.append(key)
        return number

    def place_of(self, number: int) -> tuple[int, int]:
        """(the first row of an item, how many it has)."""
        return self._first_row.entry(number), self._rows.entry(number)

    def rows_of(self, numbers: Array) -> Rows:
        """All the rows of some items."""
        rows, _ = spread(
            self._first_row.of(numbers).astype(np.int64), self._rows.of(numbers).astype(np.int64)
        )
        return rows

    def put(self, places: Places, facts: Mapping[int, Fact]) -> None:
        """Note where the rows of some items are now, and what their facts say, by their numbers."""
        size = len(self.keys)
        numbers = np.fromiter(places, dtype=np.int64, count=len(places))
        first, rows = np.array(list(places.values()), dtype=np.int64).reshape(-1, 2).T
        self.count += int(np.count_nonzero(rows)) - int(np.count_nonzero(self._rows.of(numbers)))
        self._first_row.put(numbers, first, size)
        self._rows.put(numbers, rows, size)
        some = rows > 0
        self._last_row.put(numbers[some], (first + rows - 1)[some], size)
        days: Sequence[int] = [planned(facts[number]) for number in places]
        self._due.put(numbers, np.array(days, dtype=np.int64), size)
        if self._completed is not None:
            moments = [completed(facts[number]) for number in places]
            self._completed.put(numbers, np.array(moments, dtype=np.int64), size)
        self.links.take(facts, size)

    def arrange(self, order: Array) -> tuple[Array, Array]:
        """Give items the numbers that are their places in an order, and let their rows stand in it.

        Others, that have no rows, are forgotten. The answer is by new row (the old one, the item).
        """
        first, rows = (column.of(order).astype(np.int64) for column in (self._first_row, self._rows))
        after = np.cumsum(rows)
        places, owner = np.empty((2, rows.sum()), dtype=np.uint32)
        for at in range(0, len(order), ITEMS):
            part = slice(at, at + ITEMS)
            span = slice(after[at] - rows[at], after[part][-1])
            places[span], owner[span] = spread(first[part], rows[part])
            owner[span] += at
        known, self.keys = self.keys, []
        gone = np.ones(len(known), dtype=np.bool_)
        gone[order] = False
        for item in np.flatnonzero(gone).tolist():
            self._numbers.forget(known[item])
        for at in range(0, len(order), ITEMS):
            self.keys += [known[item] for item in order[at : at + ITEMS].tolist()]
        for number, key in enumerate(self.keys):
            self._numbers.put(key, number)
        self._rows, self._due = self._rows.arranged(order), self._due.arranged(order)
        self._completed = self._completed and self._completed.arranged(order)
        self.links.arrange(order)
        items = np.arange(len(order))
        self._first_row, self._last_row = PerItem(np.uint32), PerItem(np.uint32)
        self._first_row.put(items, after - rows, len(order))
        self._last_row.put(items, after - 1, len(order))
        return places, owner

    @property
    def present(self) -> Array:
        """The items that have rows."""
        return np.flatnonzero(self._rows.of(np.arange(len(self.keys))))

    @property
    def first_row(self) -> Array:
        """By item its first row, of one that is gone the place where it would be."""
        return self._first_row.view(len(self.keys))

    @property
    def last_row(self) -> Array:
        """By item its last row, of one that is gone the last it had."""
        return self._last_row.view(len(self.keys))

    @property
    def due(self) -> Array:
        """By item the number of the day on which it is due, NO_DAY without one."""
        return self._due.view(len(self.keys))

    @property
    def completed(self) -> Array:
        """By item when it was completed by its own telling, NEVER without that; empty where none can tell."""
        none = np.empty(0, dtype=np.uint32)
        return none if self._completed is None else self._completed.view(len(self.keys))
