"""How TAPD's lists are asked: the page sizes that it bears, and the word that has rows carry their labels."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from metrics_api.core.errors import Fatal

# The first is the documented maximum. Were more asked and silently cut, a full page would look short.
PAGE_SIZES = (200, 100, 50, 25, 5)
# Where the documented maximum is smaller.
LARGEST = {"/story_changes": 100, "/task_changes": 100}
GROW_AFTER = 20

# Rows may lack `label` unless it is asked for by this odd word, which is no field and brings all of them.
LABELLED = frozenset({"/bugs", "/stories"})
ASK_FOR_LABELS = {"fields": "labels"}
# What a whole row has besides.
WHOLE = frozenset({"id", "created", "modified", "status"})

Ask = Callable[[Mapping[str, str]], Awaitable[list[Any]]]


class Limits:
    """The page sizes that an upstream bears, by address: smaller after a 502, larger again after a while."""

    def __init__(self) -> None:
        self._place: dict[str, int] = {}
        self._good: dict[str, int] = {}

    def grown(self, path: str) -> int:
        """The size to begin a list with."""
        first = PAGE_SIZES.index(LARGEST.get(path, PAGE_SIZES[0]))
        place, good = self._place.get(path, first), self._good.get(path, 0) + 1
        if place > first and good >= GROW_AFTER:
            place, good = place - 1, 0
        self._place[path], self._good[path] = place, good
        return PAGE_SIZES[place]

    def shrunk(self, path: str, limit: int, start: int) -> int:
        """The next smaller size of which the rows read so far are whole pages; 0 when there is none."""
        for place, size in enumerate(PAGE_SIZES):
            if size < limit and start % size == 0:
                self._place[path], self._good[path] = place, 0
                return size
        return 0


class Labels:
    """Whether the rows of an address have to be asked for with their labels; found out by the rows."""

    def __init__(self) -> None:
        self._asking: dict[str, bool] = {}

    async def page(self, path: str, asked: Mapping[str, str], ask: Ask) -> list[Any]:
        """The rows of a page as `ask` brings them, with labels wherever there is a way to have them.

        What is asked for by `fields` may one day mean something else: an answer with fewer fields than the
        plain one, or with no row, is never taken instead of it.
        """
        if path not in LABELLED or "fields" in asked:
            return await ask(asked)
        known = self._asking.get(path)
        if known:
            rows = await self._labelled(asked, ask)
            if _names(rows) >= {*WHOLE, "label"}:
                return rows
        plain = await ask(asked)
        names = _names(plain)
        if "label" in names or not names >= WHOLE:
            return plain
        if known is None:
            rows = await self._labelled(asked, ask)
            self._asking[path] = len(rows) >= len(plain) and _names(rows) >= {*names, "label"}
            return rows if self._asking[path] else plain
        # It was tried and did not help, or does not any more.
        self._asking[path] = False
        return plain

    async def _labelled(self, asked: Mapping[str, str], ask: Ask) -> list[Any]:
        try:
            return await ask({**asked, **ASK_FOR_LABELS})
        except Fatal:
            # The word is refused: the plain question is answered all the same.
            return []


def _names(rows: Iterable[Any]) -> set[str]:
    """The fields that rows have in their wrappers."""
    found: set[str] = set()
    for row in rows:
        for record in row.values() if isinstance(row, dict) else ():
            if isinstance(record, dict):
                found.update(record)
    return found
