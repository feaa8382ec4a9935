"""Open items at the ends of buckets, one by one: only segments that stood at such an end are looked at.

For numbers that need more of each open item than its stage and the group it is in: its age, its due date,
its weight. Mere counts are in bands.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metrics_api.columns import Array, Mask, Rows
from metrics_api.core.days import Buckets
from metrics_api.frames import ItemFrame
from metrics_api.narrowing import Condition, coded
from metrics_api.query import DAYS, Query
from metrics_api.segments import CONTINUES
from metrics_api.selection import chosen, grouped


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
    start, stop = frame.days(buckets.zone)
    first, last = buckets.last_days[0], buckets.last_days[-1]

    def stood(part: slice) -> Mask:
        # What does not stand at the end of a day stands at that of no bucket.
        found: Mask = start[part] < stop[part]
        found &= start[part] <= last
        found &= stop[part] > first
        return found

    blocks = frame.blocks.standing(first, last, among)
    rows = chosen(frame, query, stood, coded(frame.stage, among), blocks=blocks)
    if buckets.step != "1d":
        rows = rows[np.less(*_stood(frame, rows, buckets))]
    rows, group, groups = grouped(frame, query, rows)
    return Stretches(groups, rows, group, *_stood(frame, rows, buckets))


def joined(frame: ItemFrame, found: Stretches) -> Stretches:
    """The stretches with those of an item made one that follow each other, whatever was between two ends.

    For numbers that hang on the item alone.
    """
    row, group, low, high = found.row, found.group, found.low, found.high
    item = frame.item[row]
    follows = (item[1:] == item[:-1]) & (group[1:] == group[:-1]) & (low[1:] == high[:-1])
    first, last = _outermost(follows, len(row))
    return Stretches(found.groups, row[first], group[first], low[first], high[last])


def visits(frame: ItemFrame, query: Query, among: Mask) -> Stretches:
    """The selected items' visits to a set of stage classes, as far as they stood there at an end of a bucket.

    For numbers that hang on the visit: its segments are one stretch, whose `row` is the first of those that
    the window has and that fall into the group. With calendar=work each workspace has its own, for it may go
    by a calendar of its own.
    """
    start, stop = frame.days(query.buckets.zone)
    first_day, last_day = query.buckets.last_days[0], query.buckets.last_days[-1]

    conditions: list[Condition] = [lambda part: stop[part] > first_day, coded(frame.stage, among)]
    if frame.latest >= query.buckets.ends[-1]:
        conditions.append(lambda part: start[part] <= last_day)
    blocks = frame.blocks.standing(first_day, last_day, among)
    rows, group, groups = grouped(frame, query, chosen(frame, query, *conditions, blocks=blocks))
    follows = (np.diff(rows) == 1) & (frame.begin[rows[1:]] == CONTINUES)
    if len(groups) > 1:
        follows &= group[1:] == group[:-1]
    if query.options.get("calendar") == "work":
        place = frame.codes["workspace"][rows]
        follows &= place[1:] == place[:-1]
    first, last = _outermost(follows, len(rows))
    low, high = _first_ends(start[rows[first]], query.buckets), _first_ends(stop[rows[last]], query.buckets)
    real = np.flatnonzero(low < high)
    first = first[real]
    return Stretches(groups, rows[first], group[first], low[real], high[real])


def _outermost(follows: Mask, size: int) -> tuple[Rows, Rows]:
    """The places of the first and the last of some things that follow each other, of `size` in all."""
    turns = np.flatnonzero(~follows)
    return np.append(0, turns + 1)[:size], np.append(turns, size - 1)[:size]


def _stood(frame: ItemFrame, rows: Array, buckets: Buckets) -> tuple[Array, Array]:
    """The places [low, high) of the buckets at whose end each row stood."""
    start, stop = frame.days(buckets.zone)
    return _first_ends(start[rows], buckets), _first_ends(stop[rows], buckets)


def _first_ends(day: Array, buckets: Buckets) -> Array:
    """The place of the first bucket that ends on some days or later; one more than there are for none."""
    first, last = buckets.first_days[0], buckets.last_days[-1]
    table = np.zeros(DAYS, dtype=np.int32)
    table[first:] = len(buckets)
    within = table[first : last + 1]
    within[:] = np.searchsorted(np.array(buckets.last_days), np.arange(first, first + len(within)))
    return table.take(day)


def counted(line: Array, low: Array, high: Array, lines: int, buckets: int) -> Array:
    """How many stretches cover each bucket: shape (lines, buckets), int64; empty ones cover none."""
    real = low < high
    if not real.all():
        line, low, high = line[real], low[real], high[real]
    place, width = line * (buckets + 1), buckets + 1
    came = np.bincount(place + low, minlength=lines * width)
    went = np.bincount(place + high, minlength=lines * width)
    return np.cumsum((came - went).reshape(lines, width), axis=1)[:, :buckets]


def first_ends_after(query: Query, instants: Array) -> Array:
    """The place of the first bucket that is over at some instants (epoch s) or later; see `ends`."""
    moments, whole = ends(query), np.array(query.buckets.ends)
    length = whole[0] - query.buckets.starts[0]
    if (np.diff(whole) != length).any():
        return np.searchsorted(moments, instants)
    # Most buckets are of one length; the present one is over now.
    found: Array = np.clip((instants - whole[0] + length - 1) // length, 0, len(whole))
    found[(instants > moments[-1]) & (found < len(whole))] = len(whole)
    return found


def ends(query: Query) -> Array:
    """When each bucket is over, the present one so far: epoch seconds, int64."""
    return np.minimum(np.array(query.buckets.ends, dtype=np.int64), query.now)
