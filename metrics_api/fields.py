"""Fields that histories fill: what their columns take of a fact, beside what its segments say.

Which fields there are depends on what the workspaces made themselves and on whether people are enabled. A
custom field goes by the name its workspace gave it: two workspaces share a column though TAPD calls theirs
differently.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Final, cast

import numpy as np

from metrics_api.columns import Array, Codes, Sparse, spread
from metrics_api.context import Context
from metrics_api.core.fact_types import History
from metrics_api.query import JOINT
from metrics_api.segments import Fact
from metrics_api.topics import ItemTopic

# The column that a history fills, by its name, and how a value is written there.
Reads = Mapping[str, tuple[str, Callable[[str], str]]]
# Equal values in neighbouring rows: the first of them, how many they are, and the value.
Runs = tuple[list[int], list[int], list[str]]
PARTS: Final = str.maketrans(";", "|")


def topic_in(topic: ItemTopic, context: Context) -> ItemTopic:
    """The topic with all the fields that it has in a context."""
    custom = {one.column for fields in context.custom_fields(topic.entity).values() for one in fields}
    people = topic.people.values() if context.people else ()
    return replace(topic, fields=(*topic.fields, *people, *sorted(custom)), custom=tuple(sorted(custom)))


def single(value: str) -> str:
    """A value that is one."""
    return value


@cache
def people(value: str) -> str:
    """People, parted at `;`, in the order in which they are written."""
    return JOINT.join(filter(None, dict.fromkeys(one.strip() for one in value.split(";"))))


@cache
def several(value: str) -> str:
    """Values, parted at `|` or `;`."""
    return JOINT.join(sorted({one.strip() for one in value.translate(PARTS).split("|")} - {""}))


def number(value: str) -> float:
    """A number as TAPD writes it; NaN for what is none."""
    try:
        found = float(value)
    except ValueError:
        return math.nan
    return found if math.isfinite(found) else math.nan


def reads(topic: ItemTopic, context: Context) -> tuple[Reads, dict[str, Reads]]:
    """What histories fill in a context: (anywhere, by key in workspaces that have custom fields)."""
    plain = {name: (column, single) for name, column in topic.histories.items()}
    if context.people:
        plain |= {name: (column, people) for name, column in topic.people.items()}
    plain |= {name: (name, single) for name in topic.numbers}
    return plain, {
        key: plain | {one.field: (one.column, several if one.several else single) for one in fields}
        for key, fields in context.custom_fields(topic.entity).items()
    }


class Fields:
    """The growing columns of one table that histories fill; written by one task only."""

    def __init__(self, topic: ItemTopic, context: Context) -> None:
        self._everywhere, self._within = reads(topic, context)
        filled = {column for one in (self._everywhere, *self._within.values()) for column, _ in one.values()}
        self.dictionaries = {name: Codes() for name in sorted(filled - set(topic.numbers))}
        self._coded = {name: Sparse(np.uint8) for name in self.dictionaries}
        self._numbers = {name: Sparse(np.float32, math.nan) for name in topic.numbers}
        self._runs: dict[str, Runs] = {}

    def parted(self, fact: Fact) -> Fact:
        """The fact, which has histories, its segments parted where one of these fields changes."""
        starts = fact["segments"]["start"]
        changing = {name: one for name, one in fact["histories"].items() if len(one["at"]) > 1}
        if not changing:
            return fact
        legs = list(self._legs(fact))
        turns = {
            at
            for name, one in changing.items()
            if any(name in reads for _, _, reads in legs)
            for at in one["at"]
        }
        if turns.issubset(starts):
            return fact
        points = sorted(turns.union(starts))
        places = [max(bisect_right(starts, point) - 1, 0) for point in points]
        columns = cast(Mapping[str, list[Any]], fact["segments"]).items()
        segments = {name: [column[place] for place in places] for name, column in columns}
        return cast(Fact, {**fact, "segments": {**segments, "start": points}})

    def take(self, fact: Fact, first: int) -> None:
        """Note what a parted fact holds in its rows, the first of which is `first` of those to come."""
        starts = fact["segments"]["start"]
        for low, high, reads in self._legs(fact):
            for name, history in fact["histories"].items():
                if name not in reads:
                    continue
                column, written = reads[name]
                runs = self._runs.setdefault(column, ([], [], []))
                for begin, end, value in _stretches(history, starts, low, high):
                    runs[0].append(first + begin)
                    runs[1].append(end - begin)
                    runs[2].append(written(value))

    def extend(self, rows: int) -> None:
        """Append so many rows to the columns, with what was noted for them."""
        runs, self._runs = self._runs, {}
        nothing: Runs = ([], [], [])
        for name, coded in self._coded.items():
            first, size, values = runs.get(name, nothing)
            codes = np.array(self.dictionaries[name].encode(values), dtype=np.uint32)
            coded.extend(rows, *_filled(first, size, codes))
        for name, numbers in self._numbers.items():
            first, size, values = runs.get(name, nothing)
            found = np.array([number(value) for value in values], dtype=np.float32)
            numbers.extend(rows, *_filled(first, size, found))

    def arrange(self, order: Array) -> None:
        """Put the rows into another order, some perhaps left out."""
        self._coded = {name: column.arranged(order) for name, column in self._coded.items()}
        self._numbers = {name: column.arranged(order) for name, column in self._numbers.items()}

    def codes(self, size: int) -> dict[str, Array]:
        """The columns of codes, each of so many rows."""
        return {name: column.view(size) for name, column in self._coded.items()}

    def numbers(self, size: int) -> dict[str, Array]:
        """The columns of numbers, each of so many rows."""
        return {name: column.view(size) for name, column in self._numbers.items()}

    def _legs(self, fact: Fact) -> Iterator[tuple[int, int, Reads]]:
        """The runs of segments in one workspace, as [low, high), and what its histories fill."""
        places, low = fact["segments"]["workspace"], 0
        while low < len(places):
            place, high = places[low], len(places)
            if places[-1] != place or places.count(place) < high - low:
                high = next(at for at in range(low, high + 1) if at == high or places[at] != place)
            yield low, high, self._within.get(f"{fact['instance']}:{place}", self._everywhere)
            low = high


def _stretches(
    history: History, starts: Sequence[int], low: int, high: int
) -> Iterator[tuple[int, int, str]]:
    """The segments between `low` and `high` in which a value was held that is none of nothing."""
    at, values = history["at"], history["value"]
    begin = low
    for place, value in enumerate(values):
        end = high if place + 1 == len(at) else min(max(bisect_left(starts, at[place + 1]), low), high)
        if value and begin < end:
            yield begin, end, value
        begin = end


def _filled(first: Sequence[int], size: Sequence[int], values: Array) -> tuple[Array, Array]:
    """(the rows of some runs, the value in each)."""
    rows, owner = spread(np.array(first, dtype=np.int64), np.array(size, dtype=np.int64))
    return rows, values[owner]
