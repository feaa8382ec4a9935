"""The cube: daily deltas by (workspace, version, severity, status), for the questions asked most.

Bands and backlogs that filter and split only by these fields are answered from it without touching the
segments. Days are those of the zone of each workspace's product. The entries of done and dropped stages also
carry the day on which the item entered that stage, so that `done_from=range` needs no segments either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from metrics_api.columns import NEVER, Array, Rows
from metrics_api.core.days import day_numbers
from metrics_api.frames import ItemFrame

# What a question may filter and split by to be answered from here.
FIELDS = frozenset(("product", "workspace", "version", "severity", "status", "stage"))
AXES = ("workspace", "version", "severity", "status")
CHUNK = 100_000


@dataclass(frozen=True)
class Cube:
    """Deltas sorted by combination: combination c owns entries `offsets[c]` to `offsets[c + 1]`.

    `axes` holds the four codes of each combination; an entry is a day, the day of entering a final stage (0
    in other stages) and a number of items.
    """

    axes: Mapping[str, Array]
    offsets: Array
    day: Array
    visit: Array
    delta: Array

    def entries(self, combinations: Array) -> tuple[Array, Array]:
        """(places of the entries of some combinations, which of the combinations each belongs to)."""
        sizes = self.offsets[combinations + 1] - self.offsets[combinations]
        owner = np.repeat(np.arange(len(combinations)), sizes)
        ends = np.cumsum(sizes)
        places = np.arange(len(owner)) + np.repeat(self.offsets[combinations] - (ends - sizes), sizes)
        return places, owner


@dataclass(frozen=True)
class _Part:
    combination: Array
    moment: Array
    delta: Array


def build_cube(frame: ItemFrame) -> Cube:
    """The cube of all segments of a frame that count."""
    widths = [len(frame.dictionaries[axis]) for axis in AXES]
    rows = np.flatnonzero(frame.alive())
    parts = [
        _summed(_part(frame, rows[at : at + CHUNK], widths)) for at in range(0, max(len(rows), 1), CHUNK)
    ]
    return _cube(parts, widths)


def change_cube(frame: ItemFrame, died: Rows, came: Rows) -> Cube:
    """What the death of some rows of the frame and the coming of others adds to its cube."""
    widths = [len(frame.dictionaries[axis]) for axis in AXES]
    lost = _part(frame, died, widths)
    return _cube([_Part(lost.combination, lost.moment, -lost.delta), _part(frame, came, widths)], widths)


def merged_cube(cubes: Sequence[Cube]) -> Cube:
    """The sum of some cubes."""
    widths = [max((int(cube.axes[axis].max(initial=0)) for cube in cubes), default=0) + 1 for axis in AXES]
    parts = []
    for cube in cubes:
        combination = np.ravel_multi_index([cube.axes[axis].astype(np.int64) for axis in AXES], widths)
        owner = np.repeat(np.arange(len(combination)), np.diff(cube.offsets))
        moment = (cube.visit.astype(np.int64) << 16) | cube.day.astype(np.int64)
        parts.append(_Part(combination[owner], moment, cube.delta.astype(np.int64)))
    return _cube(parts, widths)


def _part(frame: ItemFrame, rows: Rows, widths: list[int]) -> _Part:
    combination = np.ravel_multi_index([frame.codes[axis][rows].astype(np.int64) for axis in AXES], widths)
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
    order = np.lexsort((part.moment, part.combination))
    combination, moment, delta = part.combination[order], part.moment[order], part.delta[order]
    if not len(order):
        return part
    fresh = np.ones(len(order), dtype=np.bool_)
    fresh[1:] = (combination[1:] != combination[:-1]) | (moment[1:] != moment[:-1])
    firsts = np.flatnonzero(fresh)
    sums = np.add.reduceat(delta, firsts)
    kept = firsts[sums != 0]
    return _Part(combination[kept], moment[kept], sums[sums != 0])


def _cube(parts: list[_Part], widths: list[int]) -> Cube:
    whole = _summed(
        _Part(
            *(
                np.concatenate([getattr(part, name) for part in parts])
                for name in ("combination", "moment", "delta")
            )
        )
    )
    combinations, firsts = np.unique(whole.combination, return_index=True)
    axes = np.unravel_index(combinations, widths)
    return Cube(
        axes={axis: codes.astype(np.uint32) for axis, codes in zip(AXES, axes, strict=True)},
        offsets=np.append(firsts, len(whole.combination)).astype(np.int64),
        day=(whole.moment & 0xFFFF).astype(np.uint16),
        visit=(whole.moment >> 16).astype(np.uint16),
        delta=whole.delta.astype(np.int32),
    )
