"""Known values looked for in a text: literally first, then with `#`, `.` and `~` as the same character.

The longest value that fits is taken, so a known value may hold the characters that otherwise separate values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from functools import cached_property, lru_cache

# (text, where the value starts, the farthest it can reach) -> where it may end, the farthest first.
Ends = Callable[[str, int, int], list[int]]

_COMMA, _COMMA_OR_BRACE = re.compile(","), re.compile("[,}]")
_FOLD = str.maketrans({"#": ".", "~": "."})


class KnownValues:
    """The known values of one key, ready to be looked for at a place in a text."""

    def __init__(self, values: frozenset[str]) -> None:
        self._literal = values
        self._longest = max(map(len, self._literal), default=0)

    @cached_property
    def _folded(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for value in sorted(self._literal):
            found.setdefault(value.translate(_FOLD), []).append(value)
        return found

    def match(self, text: str, at: int, ends: Ends) -> tuple[str, int] | None:
        """(the longest known value that stands at `at` and ends where a value may end, its end)."""
        places = ends(text, at, min(len(text), at + self._longest))
        for end in places:
            if text[at:end] in self._literal:
                return text[at:end], end
        for end in places:
            candidates = self._folded.get(text[at:end].translate(_FOLD))
            if candidates:
                # The plugin turned dots into "#": of several, the value with dots is the one that was typed.
                typed = text[at:end].replace("#", ".")
                return (typed if typed in candidates else candidates[0]), end
        return None


def known_values(values: Collection[str]) -> KnownValues:
    """The known values; made once for as long as the same ones are asked for."""
    return _known_values(values if isinstance(values, frozenset) else frozenset(values))


@lru_cache(maxsize=128)
def _known_values(values: frozenset[str]) -> KnownValues:
    return KnownValues(values)


def ends_of_pair(text: str, at: int, upto: int) -> list[int]:
    """Where a value that starts at `at` may end, the farthest first: at commas and at the end."""
    places = [found.start() for found in _COMMA.finditer(text, at, min(upto + 1, len(text)))]
    return ([upto] if upto == len(text) else []) + places[::-1]


def ends_of_text(text: str, at: int, upto: int) -> list[int]:
    """Where a value that is the whole text ends."""
    return [upto] if upto == len(text) else []


def ends_in_braces(text: str, at: int, upto: int) -> list[int]:
    """As `ends_of_pair`, within braces: at commas and at the brace that closes."""
    places = [found.start() for found in _COMMA_OR_BRACE.finditer(text, at, min(upto + 1, len(text)))]
    return [place for place in reversed(places) if text[place] == "," or _closes(text, place)]


def _closes(text: str, place: int) -> bool:
    return text[place + 1 : place + 2] in ("", ",")
