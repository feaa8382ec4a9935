"""Columns in memory: growing dictionaries of codes and append-only buffers.

A reader holds views of the first n rows; rows are never changed once written, so it may compute in a thread
while the writer appends.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from metrics_api.core.days import day_numbers

Array = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]

NEVER = 2**32 - 1
# The planned day of an item that has none: after all others.
NO_DAY = 2**31 - 1
WIDER: dict[np.dtype[Any], np.dtype[Any]] = {
    np.dtype(np.uint8): np.dtype(np.uint16),
    np.dtype(np.uint16): np.dtype(np.uint32),
}
# Up to so many codes that are no neighbours a whole column is compared with each, quicker than looking it up.
COMPARED = 8
# How many rows are moved in one go: what holds the interpreter's lock must be short.
CHUNK = 200_000
# The parts of a dictionary of very many strings.
PARTS = 256


class Parted:
    """Numbers by string, of very many strings: a dictionary in parts.

    A single one of a million strings stops everybody for a tenth of a second while it grows.
    """

    def __init__(self) -> None:
        self._parts: list[dict[str, int]] = [{} for _ in range(PARTS)]

    def get(self, text: str) -> int | None:
        """The number of a string, None without one."""
        return self._parts[hash(text) % PARTS].get(text)

    def put(self, text: str, number: int) -> None:
        """Set the number of a string."""
        self._parts[hash(text) % PARTS][text] = number

    def forget(self, text: str) -> None:
        """Let a string have no number any more."""
        del self._parts[hash(text) % PARTS][text]

    def setdefault(self, text: str, number: int) -> int:
        """The number of a string: the one it has, else this one."""
        return self._parts[hash(text) % PARTS].setdefault(text, number)


class Codes:
    """A growing dictionary of strings and small integers; code 0 is the empty string.

    `codes` is an empty one to fill, in parts where very many strings are to come.
    """

    def __init__(self, codes: Parted | None = None) -> None:
        self.values: list[str] = [""]
        self._codes: Parted | dict[str, int] = {} if codes is None else codes
        self._codes.setdefault("", 0)

    def __len__(self) -> int:
        return len(self.values)

    def encode(self, values: Iterable[str]) -> list[int]:
        """The codes of strings; new strings get new codes."""
        codes = self._codes
        found = []
        for value in values:
            code = codes.get(value)
            if code is None:
                code = codes.setdefault(value, len(self.values))
                self.values.append(value)
            found.append(code)
        return found


class Buffer:
    """An append-only column; `view(n)` is its first n rows, which stay as they are for ever.

    A column of codes (unsigned) widens when a code outgrows it.
    """

    def __init__(self, dtype: npt.DTypeLike) -> None:
        self._rows: Array = np.empty(1024, dtype=dtype)
        self.size = 0

    def extend(self, values: Sequence[int] | Array) -> None:
        """Append values."""
        added = np.asarray(values)
        if not added.size:
            return
        dtype = self._rows.dtype
        while dtype.kind == "u" and int(added.max()) > np.iinfo(dtype).max:
            dtype = WIDER[dtype]
        size = self.size + len(added)
        if size > len(self._rows) or dtype != self._rows.dtype:
            grown: Array = np.empty(max(size + size // 8, 1024), dtype=dtype)
            grown[: self.size] = self._rows[: self.size]
            self._rows = grown
        self._rows[self.size : size] = added
        self.size = size

    def arranged(self, order: Array) -> Buffer:
        """Another column of these rows, in this order."""
        found = Buffer(self._rows.dtype)
        found._rows = np.empty_like(self._rows)
        for at in range(0, len(order), CHUNK):
            rows = order[at : at + CHUNK]
            found._rows[at : at + len(rows)] = self._rows[rows]
        found.size = len(order)
        return found

    def view(self, size: int | None = None) -> Array:
        """The first rows, read-only."""
        rows = self._rows[: self.size if size is None else size]
        rows.flags.writeable = False
        return rows


class Sparse:
    """A column whose rows are mostly `blank`; it takes no memory until a first one is not."""

    def __init__(self, dtype: npt.DTypeLike, blank: float = 0) -> None:
        self._blank: Array = np.array(blank, dtype=dtype)
        self._filled: Buffer | None = None
        self.size = 0

    def extend(self, rows: int, places: Array, values: Array) -> None:
        """Append so many blank rows, and put values at some places among them."""
        if self._filled is None and len(places):
            self._filled = Buffer(self._blank.dtype)
            self._filled.extend(np.full(self.size, self._blank))
        if self._filled is not None:
            added: Array = np.full(rows, self._blank, dtype=np.result_type(self._blank, values))
            added[places] = values
            self._filled.extend(added)
        self.size += rows

    def arranged(self, order: Array) -> Sparse:
        """Another column of these rows, in this order."""
        found = Sparse(self._blank.dtype, self._blank.item())
        found._filled = self._filled and self._filled.arranged(order)
        found.size = len(order)
        return found

    def view(self, size: int) -> Array:
        """The first rows, read-only."""
        return np.broadcast_to(self._blank, (size,)) if self._filled is None else self._filled.view(size)


class PerItem:
    """A column with one entry per item, which may change; a view stays as it was."""

    def __init__(self, dtype: npt.DTypeLike, blank: int = 0) -> None:
        self._blank = blank
        self._entries: Array = np.full(1024, blank, dtype=dtype)
        self._lent = False

    def put(self, items: Array, values: Array, size: int) -> None:
        """Set the entries of some items, of `size` that there are now."""
        known = self._entries
        if self._lent or size > len(known):
            room = len(known) if size <= len(known) else size + size // 8
            self._entries = np.full(room, self._blank, dtype=known.dtype)
            self._entries[: len(known)] = known
            self._lent = False
        self._entries[items] = values

    def arranged(self, order: Array) -> PerItem:
        """Another column of some items, in this order."""
        found = PerItem(self._entries.dtype, self._blank)
        found._entries = self.of(order)
        return found

    def view(self, size: int) -> Array:
        """The entries of the first items, read-only."""
        self._lent = True
        entries = self._entries[:size]
        entries.flags.writeable = False
        return entries

    def entry(self, item: int) -> int:
        """The present entry of an item, blank for a new one."""
        return int(self._entries[item]) if item < len(self._entries) else self._blank

    def of(self, items: Array) -> Array:
        """The present entries of some items, blank for new ones."""
        found: Array = np.full(len(items), self._blank, dtype=self._entries.dtype)
        known = items < len(self._entries)
        found[known] = self._entries[items[known]]
        return found


class DayNumbers:
    """The day numbers on which segments start and stop, by zone, computed once per row."""

    def __init__(self, start: Buffer, stop: Buffer) -> None:
        self._sources = start, stop
        self._zones: dict[str, tuple[Buffer, Buffer]] = {}
        self._lock = threading.Lock()

    def of(self, zone: str, size: int) -> tuple[Array, Array]:
        """(start days, stop days) of the first `size` rows; the four zones asked for last are kept."""
        with self._lock:
            columns = self._zones.pop(zone, None) or (Buffer(np.uint16), Buffer(np.uint16))
            self._zones[zone] = columns
            if len(self._zones) > 4:
                self._zones.pop(next(iter(self._zones)))
            for column, source in zip(columns, self._sources, strict=True):
                if column.size < size:
                    column.extend(day_numbers(source.view(size)[column.size :], zone))
            return columns[0].view(size), columns[1].view(size)


class Kept:
    """The masks over a snapshot that were asked for last: a few, each as large as the snapshot has rows."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._found: OrderedDict[Hashable, Mask] = OrderedDict()
        self._lock = threading.Lock()

    def __contains__(self, key: Hashable) -> bool:
        return key in self._found

    def get(self, key: Hashable, compute: Callable[[], Mask]) -> Mask:
        """The mask for a key, read-only; computed if need be."""
        with self._lock:
            found = self._found.pop(key, None)
        if found is None:
            found = compute()
            found.flags.writeable = False
        with self._lock:
            self._found[key] = found
            while len(self._found) > self._limit:
                self._found.popitem(last=False)
        return found


def looked_up(table: Mask, codes: Array) -> Mask:
    """What a table by code says of each row of a whole column."""
    few = int(np.count_nonzero(table)) <= len(table) // 2
    named = np.flatnonzero(table == few)
    if codes.dtype.itemsize > 1:
        return table.take(codes)
    if len(named) and named[-1] - named[0] == len(named) - 1:
        # What is below the first of them comes out above all of them.
        among: Mask = codes - codes.dtype.type(named[0]) <= len(named) - 1
        return among if few else ~among
    if len(named) > COMPARED:
        return table.take(codes)
    hit: Mask = np.zeros(len(codes), dtype=np.bool_)
    for code in named.tolist():
        hit |= codes == code
    return hit if few else ~hit


def grown(known: Array, size: int) -> Array:
    """The array with room for `size` entries, new ones 0; some more room is made than asked for."""
    if size <= len(known):
        return known
    found: Array = np.zeros(size + size // 8, dtype=known.dtype)
    found[: len(known)] = known
    return found


def earliest(known: Array, codes: Array, instants: Array) -> Array:
    """The earliest instant by code, in a new array; NEVER for a code without any."""
    found: Array = np.full(max(len(known), int(codes.max(initial=0)) + 1), NEVER, dtype=np.uint32)
    found[: len(known)] = known
    np.minimum.at(found, codes, instants)
    return found


def spread(first: Array, size: Array) -> tuple[Array, Array]:
    """(the places of some runs one after another, which of the runs each belongs to)."""
    owner = np.repeat(np.arange(len(size)), size)
    # How far each run is from where it comes to stand.
    places = np.repeat(first - (np.cumsum(size) - size), size)
    places += np.arange(len(places))
    return places, owner
