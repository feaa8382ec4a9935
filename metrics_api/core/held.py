"""What a first collection stores, kept in memory until it is derived, lest all of it be read back.

Only for records that are never changed, such as those of a change feed, and only while all that was ever
inserted into a collection was inserted by this process: then what it kept of an item is all there is of it,
since an item's records are of one scope.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from metrics_api.core.store import Document, packed, unpacked

# As much as some 150,000 changes take; what does not fit is read back.
HELD_BYTES: Final = 96 * 2**20

Place = tuple[str, str, str]


class Held:
    """Records by collection, instance and scope, and by the item they belong to."""

    def __init__(self, limit: int = HELD_BYTES) -> None:
        self._limit = limit
        self._size = 0
        self._records: dict[Place, defaultdict[str, list[bytes]]] = {}
        self._numbers: defaultdict[str, int] = defaultdict(int)

    @contextmanager
    def holding(self, collection: str, instance: str, scope: str) -> Iterator[None]:
        """Keep what is inserted meanwhile; nothing of it may be stored yet."""
        place = (collection, instance, scope)
        self._records[place] = defaultdict(list)
        try:
            yield
        finally:
            self._drop(place)

    def numbered(self, collection: str, count: int) -> None:
        """Note that this process was given so many insertion numbers."""
        self._numbers[collection] += count

    def inserted(self, collection: str, envelopes: Iterable[Document]) -> None:
        """Keep those that were inserted into a place that is held."""
        for envelope in envelopes:
            place = (collection, envelope["instance"], envelope["scope"])
            records = self._records.get(place)
            if records is None:
                continue
            body = packed(envelope)
            records[envelope["key"]].append(body)
            self._size += len(body)
            if self._size > self._limit:
                self._drop(place)

    def changed(self, collection: str) -> None:
        """Drop what is held of a collection: its records are not as they were inserted."""
        for place in [place for place in self._records if place[0] == collection]:
            self._drop(place)

    def holds(self, collection: str) -> bool:
        """Whether anything of a collection is held."""
        return any(place[0] == collection for place in self._records)

    def found(
        self, collection: str, instance: str, keys: Collection[str], last: int
    ) -> dict[str, list[Document]]:
        """All records of those of the keys that are held; `last` is the collection's last number."""
        if self._numbers[collection] != last:
            return {}
        found: defaultdict[str, list[Document]] = defaultdict(list)
        for place, records in self._records.items():
            if place[:2] == (collection, instance):
                for key in records.keys() & set(keys):
                    found[key] += map(unpacked, records[key])
        return found

    def _drop(self, place: Place) -> None:
        for bodies in self._records.pop(place, {}).values():
            self._size -= sum(map(len, bodies))
