"""Which items are parents: those that any item ever named as its parent, over their whole history."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import numpy as np

from metrics_api.columns import Array, Codes, Mask, grown
from metrics_api.core.fact_types import StoryFact
from metrics_api.segments import Fact


class Parents:
    """Keeps up who names whom, in whatever order facts come, change and go.

    An item goes by its first id and, where a move gave it another, by its latest; a parent may come after the
    item that names it, or never. `ids` is a dictionary of ids that others may share.
    """

    def __init__(self, ids: Codes) -> None:
        self._ids = ids
        # By code of an id: how many items name it.
        self._named: Array = np.zeros(1, dtype=np.uint32)
        # By item: the codes of its ids, and of those it names.
        self._first: Array = np.zeros(1, dtype=np.uint32)
        self._latest: Array = np.zeros(1, dtype=np.uint32)
        self._names: dict[int, list[int]] = {}

    def take(self, facts: Iterable[tuple[int, Fact]], items: int) -> Mask:
        """Take over facts with the numbers of their items; says of all items whether each is a parent."""
        self._first, self._latest = grown(self._first, items), grown(self._latest, items)
        for number, fact in facts:
            of = fact["instance"]
            own = self._ids.encode((f"{of}:{fact['_id'].rsplit(':', 1)[1]}", f"{of}:{fact['id']}"))
            self._first[number], self._latest[number] = own
            names = () if fact["tombstone"] else dict.fromkeys(cast(StoryFact, fact)["parents"])
            after = self._ids.encode(f"{of}:{name}" for name in names)
            before = self._names.pop(number, [])
            if after:
                self._names[number] = after
            self._named = grown(self._named, len(self._ids))
            self._named[before] -= 1
            self._named[after] += 1
        return self._found(items)

    def arrange(self, order: Array) -> Mask:
        """Give items the numbers that are their places in an order; says which of them are parents.

        Others, who name nobody, are forgotten.
        """
        number = np.zeros(len(self._first), dtype=np.int64)
        number[order] = np.arange(len(order))
        self._first, self._latest = self._first[order], self._latest[order]
        self._names = {int(number[one]): names for one, names in self._names.items()}
        return self._found(len(order))

    def _found(self, items: int) -> Mask:
        is_named = self._named > 0
        found: Mask = (is_named[self._first] | is_named[self._latest])[:items]
        return found
