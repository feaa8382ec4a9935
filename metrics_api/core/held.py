"""What a first collection stores, kept in memory until it is derived, lest all of it be read back.

Only while the records of a collection are as they were inserted, and while all that was ever inserted into it
was inserted by this process: then what it kept of an item is all there is of it, since an item's records are
of one scope.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Final

from metrics_api.core.store import Document, packed, unpacked

# As much as some 10,000 bugs take with their changes; what does not fit is read back.
HELD_BYTES: Final = 192 * 2**20

Place = tuple[str, str, str]


class Held:
    """Records by collection, instance and scope, and by the item they belong to."""

    def __init__(self, limit: int = HELD_BYTES) -> None:
        self._limit = limit
        self._size = 0
        self._records: dict[Place, defaultdict[str, list[bytes]]] = {}
        self._numbers: defaultdict[str, int] = defaultdict(int)

    def hold(self, place: Place) -> None:
        """Keep what is inserted from now on; nothing of it may be stored yet."""
        self.drop(place)
        self._records[place] = defaultdict(list)

    def drop(self, place: Place) -> None:
        """Keep nothing of a place any more."""
        for bodies in self._records.pop(place, {}).values():
            self._size -= sum(map(len, bodies))

    def release(self, instance: str, scope: str) -> None:
        """Keep nothing of a scope any more."""
        for place in [place for place in self._records if place[1:] == (instance, scope)]:
            self.drop(place)

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
                self.drop(place)

    def changed(self, collection: str) -> None:
        """Drop what is held of a collection: its records are not as they were inserted."""
        for place in [place for place in self._records if place[0] == collection]:
            self.drop(place)

    def holds(self, collection: str) -> bool:
        """Whether anything of a collection is held."""
        return any(place[0] == collection for place in self._records)

    def keys(self, place: Place, last: int) -> list[str] | None:
        """The items that records of a place belong to, None where it is not held; `last` as for `found`."""
        records = self._records.get(place) if self._numbers[place[0]] == last else None
        return None if records is None else list(records)

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
