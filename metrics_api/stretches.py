"""Open items at the ends of buckets, one by one: only segments that stood at such an end are looked at.

For numbers that need more of each open item than its stage and the group it is in: its age, its due date,
its weight. Mere counts are in bands.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metrics_api.columns import Array, Mask
from metrics_api.core.days import Buckets
from metrics_api.frames import ItemFrame
from metrics_api.query import Query
from metrics_api.segments import CONTINUES
from metrics_api.selection import grouped, selected


@dataclass(frozen=True)
class Stretches:
    """The segments in which selected items were open at the end of a bucket.

    `row` is a segment, `group` the place in `groups` it falls into (it comes once for each), `low` and `high`
    are the places of the first bucket at whose end it stood, and of the first later one where it did not.
    """

    groups: list[str]
    row: Array
    group: Array
    low: Array
    high: Array


def open_stretches(frame: ItemFrame, query: Query, among: Mask | None = None) -> Stretches:
    """The stretches of the items that the query selects, in the frame's order.

    With `among` it is these stage classes in which they stood, instead of the open ones.
    """
    buckets = query.buckets
    among = frame.lookups.open if among is None else among
    rows = np.flatnonzero((frame.stop >= buckets.ends[0]) & (frame.start < buckets.ends[-1]))
    rows = rows[among[frame.stage[rows]]]
    low, high = _stood(frame, rows, buckets)
    some = low < high
    rows, low, high = rows[some], low[some], high[some]
    mask = selected(frame, query, rows)
    rows, low, high = rows[mask], low[mask], high[mask]
    found, group, groups = grouped(frame, query, rows)
    if len(found) != len(rows):
        low, high = _stood(frame, found, buckets)
    return Stretches(groups, found, group, low, high)


def joined(frame: ItemFrame, found: Stretches) -> Stretches:
    """The stretches with those made one that follow each other: for what is the same all the time."""
    row, group, low, high = found.row, found.group, found.low, found.high
    follows = (row[1:] == row[:-1] + 1) & (group[1:] == group[:-1]) & (low[1:] == high[:-1])
    follows &= frame.begin[row[1:]] == CONTINUES
    first = np.append(True, ~follows)[: len(row)]
    last = np.append(~follows, True)[: len(row)]
    return Stretches(found.groups, row[first], group[first], low[first], high[last])


def _stood(frame: ItemFrame, rows: Array, buckets: Buckets) -> tuple[Array, Array]:
    """The places [low, high) of the buckets at whose end each row stood."""
    start, stop = frame.days(buckets.zone)
    return _first_ends(start[rows], buckets), _first_ends(stop[rows], buckets)


def _first_ends(day: Array, buckets: Buckets) -> Array:
    """The place of the first bucket that ends on some days or later; one more than there are for none."""
    first = buckets.first_days[0]
    days = np.arange(first, buckets.last_days[-1] + 2)
    table = np.searchsorted(np.array(buckets.last_days), days).astype(np.int32)
    found: Array = table[np.clip(day.astype(np.int32) - first, 0, len(table) - 1)]
    return found


def counted(line: Array, low: Array, high: Array, lines: int, buckets: int) -> Array:
    """How many stretches cover each bucket: shape (lines, buckets), int64; empty ones cover none."""
    real = low < high
    place, width = line[real] * (buckets + 1), buckets + 1
    came = np.bincount(place + low[real], minlength=lines * width)
    went = np.bincount(place + high[real], minlength=lines * width)
    return np.cumsum((came - went).reshape(lines, width), axis=1)[:, :buckets]


def ends(query: Query) -> Array:
    """When each bucket is over, the present one so far: epoch seconds, int64."""
    return np.minimum(np.array(query.buckets.ends, dtype=np.int64), query.now)
