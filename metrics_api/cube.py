"""The cube: daily deltas by a topic's axes (of bugs: workspace, version, severity, status).

Bands and backlogs that filter and split only by these are answered from it without touching the segments.
Days are those of the zone of each workspace's product. The entries of done and dropped stages also carry the
day on which the item entered that stage, so that `done_from=range` needs no segments either. Of items that
may be parents of others only the leaves are in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from metrics_api.columns import NEVER, Array, Rows, spread
from metrics_api.core.days import day_numbers
from metrics_api.frames import ItemFrame
from metrics_api.topics import ItemTopic

CHUNK = 100_000


@dataclass(frozen=True)
class Cube:
    """Deltas sorted by combination: combination c owns entries `offsets[c]` to `offsets[c + 1]`.

    `axes` holds the codes of each combination; an entry is a day, the day of entering a final stage (0
    in other stages) and a number of items.
    """

    axes: Mapping[str, Array]
    offsets: Array
    day: Array
    visit: Array
    delta: Array

    def entries(self, combinations: Array) -> tuple[Array, Array]:
        """(places of the entries of some combinations, which of the combinations each belongs to)."""
        first = self.offsets[combinations]
        return spread(first, self.offsets[combinations + 1] - first)


@dataclass(frozen=True)
class _Part:
    combination: Array
    moment: Array
    delta: Array


def answers(topic: ItemTopic, field: str) -> bool:
    """Whether a question that filters or splits by a field can be answered from the topic's cube."""
    return field == "stage" or topic.column(field) in topic.axes


def build_cube(frame: ItemFrame) -> Cube:
    """The cube of all segments of a frame that count."""
    widths = _widths(frame)
    rows = np.flatnonzero(frame.alive("leaf"))
    parts = [
        _summed(_part(frame, rows[at : at + CHUNK], widths)) for at in range(0, max(len(rows), 1), CHUNK)
    ]
    return _cube(parts, widths)


def change_cube(frame: ItemFrame, left: Rows, joined: Rows) -> Cube:
    """What is added to its cube when some rows of the frame no longer count and others do."""
    widths = _widths(frame)
    lost = _part(frame, left, widths)
    return _cube([_Part(lost.combination, lost.moment, -lost.delta), _part(frame, joined, widths)], widths)


def merged_cube(cubes: Sequence[Cube]) -> Cube:
    """The sum of some cubes."""
    widths = {axis: max(int(cube.axes[axis].max(initial=0)) for cube in cubes) + 1 for axis in cubes[0].axes}
    parts = []
    for cube in cubes:
        codes = [cube.axes[axis].astype(np.int64) for axis in widths]
        combination = np.ravel_multi_index(codes, list(widths.values()))
        owner = np.repeat(np.arange(len(combination)), np.diff(cube.offsets))
        moment = (cube.visit.astype(np.int64) << 16) | cube.day.astype(np.int64)
        parts.append(_Part(combination[owner], moment, cube.delta.astype(np.int64)))
    return _cube(parts, widths)


def _widths(frame: ItemFrame) -> Mapping[str, int]:
    """How many codes each axis has."""
    return {axis: len(frame.dictionaries[axis]) for axis in frame.topic.axes}


def _part(frame: ItemFrame, rows: Rows, widths: Mapping[str, int]) -> _Part:
    codes = [frame.codes[axis][rows].astype(np.int64) for axis in widths]
    combination = np.ravel_multi_index(codes, list(widths.values()))
    final = ~frame.lookups.open[frame.stage[rows]]
    start, stop, visit = (np.empty(len(rows), dtype=np.int64) for _ in range(3))
    zone_names = sorted(set(frame.lookups.zones))
    zone_of = np.array([zone_names.index(name) for name in frame.lookups.zones])[
        frame.codes["workspace"][rows]
    ]
    for place, name in enumerate(zone_names):
        which = np.flatnonzero(zone_of == place)
        start[which] = day_numbers(frame.start[rows[which]], name)
        stop[which] = day_numbers(frame.stop[rows[which]], name)
        visit[which] = day_numbers(frame.visit[rows[which]], name)
    visit[~final] = 0
    ended = frame.stop[rows] != NEVER
    moment = visit << 16
    return _Part(
        np.concatenate([combination, combination[ended]]),
        np.concatenate([moment | start, moment[ended] | stop[ended]]),
        np.concatenate([np.ones(len(rows), dtype=np.int64), np.full(int(ended.sum()), -1, dtype=np.int64)]),
    )


def _summed(part: _Part) -> _Part:
    """The part sorted by (combination, moment), equal ones added up, zeros left out."""
    order = _order(part)
    combination, moment, delta = part.combination[order], part.moment[order], part.delta[order]
    if not len(order):
        return part
    fresh = np.ones(len(order), dtype=np.bool_)
    fresh[1:] = (combination[1:] != combination[:-1]) | (moment[1:] != moment[:-1])
    firsts = np.flatnonzero(fresh)
    sums = np.add.reduceat(delta, firsts)
    kept = firsts[sums != 0]
    return _Part(combination[kept], moment[kept], sums[sums != 0])


def _order(part: _Part) -> Array:
    """What sorts a part by (combination, moment): a moment has 32 bits, so most often both are one number."""
    if int(part.combination.max(initial=0)) < 1 << 31:
        return np.argsort((part.combination << 32) | part.moment)
    return np.lexsort((part.moment, part.combination))


def _cube(parts: list[_Part], widths: Mapping[str, int]) -> Cube:
    whole = _summed(
        _Part(
            *(
                np.concatenate([getattr(part, name) for part in parts])
                for name in ("combination", "moment", "delta")
            )
        )
    )
    fresh = np.append(True, whole.combination[1:] != whole.combination[:-1])[: len(whole.combination)]
    firsts = np.flatnonzero(fresh)
    axes = np.unravel_index(whole.combination[firsts], list(widths.values()))
    return Cube(
        axes={axis: codes.astype(np.uint32) for axis, codes in zip(widths, axes, strict=True)},
        offsets=np.append(firsts, len(whole.combination)).astype(np.int64),
        day=(whole.moment & 0xFFFF).astype(np.uint16),
        visit=(whole.moment >> 16).astype(np.uint16),
        delta=whole.delta.astype(np.int32),
    )
