"""What stands at the end of each bucket: from the cube where it can say, else from the segments.

Definition: docs/definitions.md, section 4.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from metrics_api.columns import Array, Mask
from metrics_api.core.days import Buckets
from metrics_api.cube import Cube, answers
from metrics_api.frames import ItemFrame
from metrics_api.narrowing import coded, either
from metrics_api.query import Query
from metrics_api.selection import (
    allowed,
    allowed_workspaces,
    chosen,
    field_values,
    grouped,
    groups_among,
    groups_of,
    selected,
)

# Of more than one row in so many, those that stood in the window are sought out.
SOME = 16


@dataclass(frozen=True)
class Standing:
    """Items at the end of each bucket: shape (groups, stage classes, buckets); `groups` are their names."""

    groups: list[str]
    counts: Array


@dataclass(frozen=True)
class _Deltas:
    """Changes of a number of items: the group, the stage class and the day number of each."""

    group: Array
    stage: Array
    day: Array
    delta: Array | None


def standing(frame: ItemFrame, query: Query, among: Mask | None = None) -> Standing:
    """The items standing at the end of each bucket, of all stage classes or of those among the given ones."""
    if _cube_answers(frame, query):
        groups, deltas = _from_cubes(frame, query, among)
    else:
        groups, deltas = _from_segments(frame, query, among)
    classes = len(frame.lookups.stage)
    counts = np.zeros((len(groups) * classes, len(query.buckets)), dtype=np.int64)
    for one in deltas:
        counts += accumulated(one.group * classes + one.stage, one.day, one.delta, len(counts), query.buckets)
    return Standing(groups, counts.reshape(len(groups), classes, len(query.buckets)))


def accumulated(line: Array, day: Array, delta: Array | None, lines: int, buckets: Buckets) -> Array:
    """The running sums of some deltas at the end of each bucket: shape (lines, buckets), int64."""
    ends = np.array(buckets.last_days)
    if lines == 1:
        whole: Array = np.cumsum(np.bincount(day, delta, minlength=ends[-1] + 1))[ends].astype(np.int64)
        return whole[np.newaxis]
    first, days = buckets.first_days[0], ends[-1] - buckets.first_days[0] + 1
    width = days + 1
    place = np.clip(day.astype(np.int64) - first, 0, days) + line * width
    sums = np.cumsum(np.bincount(place, delta, minlength=lines * width).reshape(lines, width), axis=1)
    return sums[:, ends - first].astype(np.int64)


def _cube_answers(frame: ItemFrame, query: Query) -> bool:
    fields = {one.key for one in query.filters} | ({query.by} if query.by else set())
    if not frame.cubes or not all(answers(frame.topic, field) for field in fields):
        return False
    if query.options.get("asof") == "now" or query.options.get("deleted") == "exclude":
        return False
    if frame.topic.levels and query.level != "leaf":
        return False
    wanted = allowed_workspaces(frame, query)
    # Code 0 is no workspace: no segment has it.
    zones = {zone for zone, allow in zip(frame.lookups.zones[1:], wanted[1:], strict=True) if allow}
    return zones <= {query.buckets.zone}


def _from_cubes(frame: ItemFrame, query: Query, among: Mask | None) -> tuple[list[str], Iterable[_Deltas]]:
    looks = frame.lookups
    picked = [(cube, _combinations(frame, query, cube, among)) for cube in frame.cubes]
    codes = [_codes(frame, query.by, cube)[ids] for cube, ids in picked] if query.by else []
    table, groups = np.zeros(1, dtype=np.int64), [""]
    if query.by:
        found = groups_of(frame, query.by, np.concatenate(codes), field_values(frame, query.by)[1])
        table, groups = found.one_each(), found.names

    def deltas() -> Iterable[_Deltas]:
        since = query.since.first_days[0]
        for at, (cube, ids) in enumerate(picked):
            stage = looks.class_of[cube.axes["workspace"][ids], cube.axes["status"][ids]]
            group = table[codes[at]] if query.by else np.zeros(len(ids), dtype=np.int64)
            places, owner = cube.entries(ids)
            if query.options.get("done_from") == "range":
                fresh = looks.open[stage][owner] | (cube.visit[places] >= since)
                places, owner = places[fresh], owner[fresh]
            yield _Deltas(group[owner], stage[owner], cube.day[places], cube.delta[places])

    return groups, deltas()


def _codes(frame: ItemFrame, field: str, cube: Cube) -> Array:
    """The code of each of the cube's combinations in a field, as `field_values` counts them."""
    if field == "stage":
        return frame.lookups.class_of[cube.axes["workspace"], cube.axes["status"]]
    return cube.axes[frame.topic.column(field)]


def _combinations(frame: ItemFrame, query: Query, cube: Cube, among: Mask | None) -> Array:
    mask = allowed_workspaces(frame, query)[cube.axes["workspace"]]
    for field in dict.fromkeys(one.key for one in query.filters):
        if field not in ("product", "workspace"):
            values = field_values(frame, field)[1]
            table = allowed(values, [one for one in query.filters if one.key == field])
            mask &= table[_codes(frame, field, cube)]
    if among is not None:
        mask &= among[_codes(frame, "stage", cube)]
    return np.flatnonzero(mask)


def _from_segments(frame: ItemFrame, query: Query, among: Mask | None) -> tuple[list[str], Iterable[_Deltas]]:
    conditions = [] if among is None else [coded(frame.stage, among)]
    if query.options.get("done_from") == "range":
        is_open = coded(frame.stage, frame.lookups.open)
        conditions.append(either(is_open, lambda part: frame.visit[part] >= query.since.starts[0]))
    start, stop = frame.days(query.buckets.zone)
    first, last = query.buckets.last_days[0], query.buckets.last_days[-1]

    def stood(part: slice) -> Mask:
        # What was over before the end of the first bucket stands at the end of none. Not to look at it is
        # worth the while where very much is selected.
        found: Mask = start[part] <= last
        found &= stop[part] > first
        return found

    few = np.count_nonzero(selected(frame, query)) * SOME < frame.size
    inside = [] if few else [stood]
    rows, group, names = grouped(frame, query, chosen(frame, query, *inside, *conditions))
    groups = names if few else groups_among(frame, query, *conditions)
    place_of = {name: place for place, name in enumerate(groups)}
    group = np.array([place_of[name] for name in names], dtype=np.int64)[group]
    stage, ended = frame.stage[rows], np.flatnonzero(stop[rows] <= last)
    down = np.full(len(ended), -1, dtype=np.int64)
    return groups, (
        _Deltas(group, stage, start[rows], None),
        _Deltas(group[ended], stage[ended], stop[rows[ended]], down),
    )
