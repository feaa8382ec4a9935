"""Burndown: what is left to do in a version, and what changed it."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from metrics_api.bands import standing
from metrics_api.catalog import metric
from metrics_api.columns import Array, Mask, looked_up
from metrics_api.frames import ItemFrame
from metrics_api.items import Listed, ages, items, standing_rows
from metrics_api.query import Query, Row
from metrics_api.scope import Scope, scope_of
from metrics_api.segments import CONTINUES
from metrics_api.selection import natural_order
from metrics_api.topics import BUGS, SHARED_FIELDS, STORIES
from metrics_api.visits import first_rows

# Hours are added up in thousandths: whole numbers, so that the parts of a sum are the sum.
PARTS = 1000


@metric(
    "tapd.version.burndown",
    topic={"bugs": BUGS.name, "stories": STORIES.name},
    splits=("line",),
    filters=SHARED_FIELDS,
    options=("of", "unit", "step", "tz", "by", "asof", "deleted", "level"),
    unit="items or hours",
)
def burndown(frame: ItemFrame, query: Query) -> list[Row]:
    """Open items of a version, or the hours left in them, at the end of each bucket, and what changed that.

    For every filter remaining = remaining before + added + reopened - done - removed. `done` is what was
    finished or dropped while open; `added` was created in the version or moved into it open, `removed` was
    moved out of it, deleted or merged while open. An item created in a final stage is added and done at
    once.

    With unit=effort an item weighs the hours that TAPD calls remaining effort, as they were then: it is done
    with the hours it had left, and reopened with those it then has. A changed estimate of an open item is
    added where it rose and removed where it fell, also where it fell because hours were worked off. An item
    without an estimate weighs nothing and is counted in `unestimated_n`. Definition: docs/definitions.md,
    section 1.
    """
    if query.options.get("unit") == "effort":
        return _hours(frame, query)
    stood, scope = standing(frame, query, frame.lookups.open), scope_of(frame, query)
    held = {
        name: counts
        for name, counts in zip(stood.groups, stood.counts.sum(axis=1), strict=True)
        if counts.any()
    }
    names = natural_order(frame, query.by, held.keys() | set(scope.names)) if query.by else [""]
    changed = {
        line: dict(zip(scope.names, values, strict=True)) for line, values in _changed(frame, scope).items()
    }
    nothing = np.zeros(len(query.buckets), dtype=np.int64)
    lines = {"remaining": held} | changed
    return [
        Row((*([(query.by, name)] if query.by else []), ("line", line)), values.get(name, nothing))
        for name in names
        for line, values in lines.items()
    ]


def _hours(frame: ItemFrame, query: Query) -> list[Row]:
    """The hours left in open items, and what changed them."""
    scope = scope_of(frame, query, frame.lookups.open)
    weight, is_open = _weight(frame, scope), looked_up(frame.lookups.open, frame.stage[scope.rows])
    lines = {"remaining": scope.standing(is_open, weight), **_changed(frame, scope, weight)}
    lines = {name: line / PARTS for name, line in lines.items()}
    lines["unestimated_n"] = scope.standing(is_open & np.isnan(frame.numbers["remain"][scope.rows]))
    return [
        Row((*([(query.by, name)] if query.by else []), ("line", line)), values[at])
        for at, name in enumerate(scope.names)
        for line, values in lines.items()
    ]


@items("tapd.version.burndown")
def left(frame: ItemFrame, query: Query, at: int) -> Listed:
    """The open items, the oldest by their creation first; or those that the line asked about counts.

    With unit=effort their values are hours, and the open items are those with the most hours left.
    """
    asked, effort = query.options.get("series", "remaining"), query.options.get("unit") == "effort"
    if asked in ("remaining", "unestimated_n"):
        rows = standing_rows(frame, query, frame.lookups.open)
        hours = frame.numbers["remain"][rows]
        if asked == "unestimated_n":
            rows = rows[np.isnan(hours)]
        elif effort:
            return Listed(frame.item[rows], hours, "hours")
        return Listed(frame.item[rows], ages(frame.start[first_rows(frame, rows)], at), "seconds")
    scope = scope_of(frame, replace(query, options={**query.options, "by": ""}), frame.lookups.open)
    found = [
        (scope.within(one.which, scope.begin if one.begins else scope.end), one.weight)
        for one in _changes(frame, scope, _weight(frame, scope) if effort else None)
        if one.line == asked
    ]
    places = np.concatenate([np.empty(0, dtype=np.int64), *(places for places, _ in found)])
    weights = np.concatenate([np.empty(0), *(_of(weight, places) for places, weight in found)])
    numbers, place = np.unique(frame.item[scope.rows[places]], return_inverse=True)
    sums = np.bincount(place, weights, minlength=len(numbers))
    some = np.flatnonzero(sums)
    return Listed(numbers[some], sums[some] / (PARTS if effort else 1), "hours" if effort else "times")


class _Change(NamedTuple):
    """What some segments bring to a line as they begin, or take as they end: each its weight, or one."""

    line: str
    begins: bool
    which: Mask
    weight: Array | None


def _of(weight: Array | None, places: Array) -> Array:
    return np.ones(len(places)) if weight is None else weight[places]


def _weight(frame: ItemFrame, scope: Scope) -> Array:
    """The hours left of each segment in thousandths, 0 where nothing is known."""
    hours = frame.numbers["remain"][scope.rows]
    found: Array = np.rint(np.nan_to_num(hours).astype(np.float64) * PARTS)
    return found


def _changes(frame: ItemFrame, scope: Scope, weight: Array | None) -> list[_Change]:
    """What changes what remains, each segment with its weight; without weights each counts."""
    is_open, follows = looked_up(frame.lookups.open, frame.stage[scope.rows]), scope.follows
    was_open = np.append(False, is_open[:-1])[: len(is_open)]
    born = ~follows & (frame.begin[scope.rows] != CONTINUES)
    # What goes on from open to done leaves with the weight it had.
    was = None if weight is None else np.append(0, weight[:-1])[: len(weight)]
    found = [
        _Change("added", True, ~follows & (is_open | born), weight),
        _Change("reopened", True, follows & is_open & ~was_open, weight),
        _Change("done", True, follows & ~is_open & was_open, was),
        _Change("done", True, born & ~is_open, weight),
        _Change("removed", False, ~scope.followed & is_open, weight),
    ]
    if weight is not None and was is not None:
        grown = np.where(follows & is_open & was_open, weight - was, 0)
        found += [_Change("added", True, grown > 0, grown), _Change("removed", True, grown < 0, -grown)]
    return found


def _changed(frame: ItemFrame, scope: Scope, weight: Array | None = None) -> dict[str, Array]:
    """By line what it counts or weighs of all that changes what remains: shape (groups, buckets)."""
    lines: dict[str, Array] = {}
    for one in _changes(frame, scope, weight):
        line = (scope.began if one.begins else scope.ended)(one.which, one.weight)
        lines[one.line] = lines[one.line] + line if one.line in lines else line
    return lines
