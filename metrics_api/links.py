"""Links: which stories a bug is linked to, by one dictionary of stories' ids that both frames share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np

from metrics_api.columns import Array, Buffer, Codes, PerItem, spread
from metrics_api.core.fact_types import BugFact
from metrics_api.segments import Fact
from metrics_api.topics import ItemTopic


@dataclass(frozen=True)
class Links:
    """Stories by the codes of their ids, which are the same in the frames of bugs and stories.

    In the frame of bugs item i is linked to the `size[i]` stories from `first[i]` on in `codes`. In that of
    stories `own` is by item the code of its own id, 0 for one that is no more.
    """

    first: Array
    size: Array
    codes: Array
    own: Array

    def items_of(self, codes: Array) -> Array:
        """The items that have these codes in the frame of stories, -1 for a story that is not there."""
        found: Array = np.full(len(codes), -1, dtype=np.int64)
        known = np.flatnonzero(codes < len(self._item_by_code))
        found[known] = self._item_by_code[codes[known]]
        return found

    @cached_property
    def linked(self) -> Array:
        """The bugs that are linked to any story, rising."""
        return np.flatnonzero(self.size)

    @cached_property
    def pairs(self) -> tuple[Array, Array]:
        """(the place in `linked` of a bug, the code of a story it is linked to), one bug after another."""
        first, size = (column[self.linked].astype(np.int64) for column in (self.first, self.size))
        places, owner = spread(first, size)
        return owner, self.codes[places]

    @cached_property
    def _item_by_code(self) -> Array:
        there = np.flatnonzero(self.own)
        found: Array = np.full(int(self.own.max(initial=0)) + 1, -1, dtype=np.int32)
        found[self.own[there]] = there
        return found


class LinkTable:
    """The growing links of one topic; `ids` is the dictionary of stories' ids."""

    def __init__(self, topic: ItemTopic, ids: Codes) -> None:
        self._topic = topic
        self._ids = ids
        self._first, self._size, self._own = (PerItem(np.uint32) for _ in range(3))
        self._codes = Buffer(np.uint32)

    def take(self, facts: Mapping[int, Fact], items: int) -> None:
        """Take over what facts say, by the number of their item; there are so many items now."""
        numbers = np.fromiter(facts, dtype=np.int64, count=len(facts))
        if not self._topic.linked:
            own = ("" if one["tombstone"] else f"{one['instance']}:{one['id']}" for one in facts.values())
            self._own.put(numbers, np.array(self._ids.encode(own), dtype=np.uint32), items)
            return
        size, codes = [], list[int]()
        for fact in facts.values():
            # A fact that was derived by an earlier version does not say.
            linked = cast(BugFact, fact).get("stories")
            if linked and not fact["tombstone"]:
                codes += self._ids.encode(f"{fact['instance']}:{story}" for story in linked)
                size.append(len(linked))
            else:
                size.append(0)
        sizes = np.array(size, dtype=np.int64)
        self._first.put(numbers, self._codes.size + np.cumsum(sizes) - sizes, items)
        self._size.put(numbers, sizes, items)
        self._codes.extend(np.array(codes, dtype=np.uint32))

    def arrange(self, order: Array) -> None:
        """Give items the numbers that are their places in an order, and forget the links of all others."""
        first, size = (column.of(order).astype(np.int64) for column in (self._first, self._size))
        codes, self._codes = self._codes.view(), Buffer(np.uint32)
        self._codes.extend(codes[spread(first, size)[0]])
        self._size, self._own = self._size.arranged(order), self._own.arranged(order)
        self._first = PerItem(np.uint32)
        self._first.put(np.arange(len(order)), np.cumsum(size) - size, len(order))

    def view(self, items: int) -> Links:
        """The links of the first items, as they are now."""
        bugs, stories = (items, 0) if self._topic.linked else (0, items)
        return Links(
            self._first.view(bugs), self._size.view(bugs), self._codes.view(), self._own.view(stories)
        )
