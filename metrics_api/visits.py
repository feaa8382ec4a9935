"""Visits to stages: when items came into them, when they were completed, and what went before.

A set of stages is a mask by stage class, such as `frame.lookups.active`; a visit to it lasts while the item
is in any of them. Rows of an item stand together and in the order of time, so all of this looks at the rows
in question and their neighbours only, never at the whole frame. Definitions: docs/definitions.md, sections 1
and 5.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from metrics_api.columns import NEVER, Array, Mask, Rows, looked_up, spread
from metrics_api.core.days import Buckets
from metrics_api.frames import ItemFrame
from metrics_api.narrowing import Condition, coded, within
from metrics_api.query import Query
from metrics_api.segments import BACKDATED, CONTINUES, CREATED
from metrics_api.selection import chosen, selected


def entered(frame: ItemFrame, rows: Rows, stages: Mask) -> Mask:
    """Which of some rows begin a visit to a set of stages, be it that the item was created there."""
    inside = looked_up(stages, frame.stage[rows])
    inside &= (frame.begin[rows] != CONTINUES) | ~looked_up(stages, frame.stage[rows - 1])
    return inside


def stays(frame: ItemFrame, rows: Rows, stages: Mask, end: int) -> Mask:
    """Which of the visits to a set of stages that some rows are in last until `end` (epoch s, exclusive).

    One that ended by a removal lasts: what happened before is not undone by it.
    """
    found = np.ones(len(rows), dtype=np.bool_)
    at, which = rows, np.arange(len(rows))
    while len(at):
        goes_on = np.flatnonzero(frame.end[at] == CONTINUES)
        goes_on = goes_on[frame.stop[at[goes_on]] < end]
        at, which = at[goes_on] + 1, which[goes_on]
        inside = stages[frame.stage[at]]
        found[which[~inside]] = False
        at, which = at[inside], which[inside]
    return found


def rows_between(frame: ItemFrame, first: int, end: int) -> Rows:
    """The rows that start in [first, end), epoch seconds; dead ones are among them."""
    return np.flatnonzero((frame.start >= first) & (frame.start < end))


def begun(frame: ItemFrame, query: Query, *conditions: Condition, stages: Mask | None = None) -> Rows:
    """The selected rows that start in the query's buckets, in a set of stages, and meet all conditions."""
    days = query.buckets.first_days[0], query.buckets.last_days[-1]
    inside = [within(frame.days(query.buckets.zone)[0], *days)]
    if stages is not None:
        inside.append(coded(frame.stage, stages))
    return chosen(frame, query, *inside, *conditions, blocks=frame.blocks.starting(*days, stages))


def completions(frame: ItemFrame, query: Query, stages: Mask | None = None) -> Rows:
    """The rows with which the selected items were completed in the query's buckets, each item at most once.

    That is the last entry to a done stage (or to one of `stages`) before the end of the whole window, of
    items that are still there at that end, or were removed from there. Filters look at the values of that
    row; moves between the stages are no entries. `completed_at` says when they were.
    """
    stages = frame.lookups.done if stages is None else stages
    rows = begun(frame, query, stages=stages)
    rows = _with_untold(frame, query, rows.compress(entered(frame, rows, stages)), stages)
    return rows.compress(stays(frame, rows, stages, query.since.ends[-1]))


def completed_at(frame: ItemFrame, rows: Rows) -> Array:
    """When the items of some rows were completed with these: epoch seconds, int64.

    That is when the row begins, or what the item itself tells where its history does not: see `untold`.
    """
    found = frame.start[rows].astype(np.int64)
    which = untold(frame, rows)
    if which.any():
        found[which] = frame.completed[frame.item[rows[which]]]
    return found


def untold(frame: ItemFrame, rows: Rows) -> Mask:
    """Which of the rows with which items were completed have their time from the item's own `completed`.

    That time lies in the row, and all that the history tells of before it is that the item was done, or
    dropped, from its creation on.
    """
    if not frame.completed.size:
        return np.zeros(len(rows), dtype=np.bool_)
    at = frame.completed[frame.item[rows]]
    found: Mask = (frame.start[rows] <= at) & (at < frame.stop[rows])
    some = np.flatnonzero(found)
    if len(some):
        looks = frame.lookups
        over = np.where(looks.done, 1, np.where(looks.dropped, 2, 0))
        told = over[frame.stage[rows[some]]]
        found[some] = (told > 0) & (frame.begin[first_rows(frame, rows[some])] == CREATED)
        earlier, owner = before(frame, rows[some])
        found[some[owner[over[frame.stage[earlier]] != told[owner]]]] = False
    return found


def _with_untold(frame: ItemFrame, query: Query, rows: Rows, stages: Mask) -> Rows:
    """The entries with those at their right time that the history puts at the creation.

    An item that is in the stages from its creation on, and says that it was completed later, came to them
    then: with the row in which it was then.
    """
    items = np.flatnonzero(frame.completed != NEVER)
    first = frame.first_row[items].astype(np.int64)
    born = np.flatnonzero((frame.begin[first] == CREATED) & stages[frame.stage[first]])
    if not len(born):
        return rows
    first, moment = first[born], frame.completed[items[born]].astype(np.int64)
    at = first.copy()
    while True:
        later = (frame.stop[at] <= moment) & (frame.end[at] == CONTINUES)
        if not later.any():
            break
        at[later] += 1
    kept = untold(frame, at)
    rows = rows[~np.isin(rows, first[kept])]
    kept &= (moment >= query.buckets.starts[0]) & (moment < query.buckets.ends[-1])
    at = at[kept]
    found: Rows = np.sort(np.concatenate([rows, at[selected(frame, query, at)]]))
    return found


def backdated(frame: ItemFrame, rows: Rows) -> Mask:
    """Which of some rows tell of what was there before the creation, by the dates of the changes."""
    found: Mask = frame.begin[rows] == BACKDATED
    return found


def buckets_of(buckets: Buckets, instants: Array) -> Array:
    """The bucket that each of some instants (epoch s), none outside the buckets, lies in."""
    seconds, starts, ends = instants.astype(np.int64), np.array(buckets.starts), np.array(buckets.ends)
    length = ends - starts
    if (length == length[0]).all():
        found: Array = (seconds - starts[0]) // length[0]
        return found
    return np.searchsorted(ends, seconds, side="right")


def first_rows(frame: ItemFrame, rows: Rows) -> Rows:
    """The first rows of the items of some rows that count."""
    return frame.first_row[frame.item[rows]].astype(np.int64)


def before(frame: ItemFrame, rows: Rows) -> tuple[Rows, Rows]:
    """(all earlier rows of the items of some rows, in order; for each the place in `rows` of its item)."""
    first = first_rows(frame, rows)
    return spread(first, rows - first)


def first_entries(frame: ItemFrame, rows: Rows, stages: Mask) -> Array:
    """When the items of some rows first entered a set of stages, by the row at the latest; NEVER: not yet."""
    earlier, owner = before(frame, rows)
    found = np.where(looked_up(stages, frame.stage[rows]), frame.start[rows].astype(np.int64), NEVER)
    # Backwards, so that of several the first is what stays.
    inside = np.flatnonzero(looked_up(stages, frame.stage[earlier]))[::-1]
    found[owner[inside]] = frame.start[earlier[inside]]
    return found


# Items whose past is looked at in one go.
AT_ONCE = 8192

# How long something lasted: (which of the rows, from, to), both epoch seconds, to seconds.
Measure = Callable[[Rows, Array, Array], Array]


def elapsed(which: Rows, start: Array, stop: Array) -> Array:
    """Seconds as they pass."""
    return stop - start


def time_within(
    frame: ItemFrame, rows: Rows, column: Array, width: int, measure: Measure = elapsed
) -> tuple[Array, Mask]:
    """(seconds, ever there or not) of the items of some rows before them, all visits together, by column.

    `column` says by stage class in which of the `width` columns its time is counted, `width` for in none.
    Both answers have the shape (width, rows).
    """
    # In one column more: the rows themselves, and what counts in none.
    size, place_of, wide = len(rows), column.astype(np.int64), width + 1
    seconds = np.zeros((width, size), dtype=np.int64)
    there = np.zeros((width, size), dtype=np.bool_)
    # What is looked at in one go, twice, stays in the processor's cache.
    for first in range(0, size, AT_ONCE):
        some = rows[first : first + AT_ONCE]
        begin = first_rows(frame, some)
        lives, owner = spread(begin, some - begin + 1)
        place = place_of.take(frame.stage[lives])
        place[np.cumsum(some - begin + 1) - 1] = width
        place += owner * wide
        start = frame.start[lives]
        # A row stops where the next one starts.
        lasted = measure(owner[:-1] + first, start[:-1], start[1:])
        cells = len(some) * wide
        inside = np.zeros(cells, dtype=np.bool_)
        inside[place] = True
        there[:, first : first + AT_ONCE] = inside.reshape(-1, wide).T[:width]
        sums = np.bincount(place[:-1], lasted, cells)
        seconds[:, first : first + AT_ONCE] = sums.reshape(-1, wide).T[:width]
    return seconds, there
