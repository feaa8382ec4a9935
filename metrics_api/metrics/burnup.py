"""Burn-up: how far the work of an iteration has come, and how its scope changed after it began."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from metrics_api.bands import standing
from metrics_api.catalog import metric
from metrics_api.columns import Array, Mask, Rows
from metrics_api.core.days import day_number, day_of
from metrics_api.core.errors import BadRequest
from metrics_api.frames import ItemFrame
from metrics_api.items import Listed, ages, items, standing_rows
from metrics_api.iterations import Plan, plan_of
from metrics_api.query import Filter, Query, Row
from metrics_api.scope import scope_of
from metrics_api.selection import chosen, grouped, natural_order
from metrics_api.topics import BUGS, SHARED_FIELDS, STORIES
from metrics_api.visits import first_rows


@metric(
    "tapd.iteration.burnup",
    topic={"stories": STORIES.name, "bugs": BUGS.name},
    splits=("line",),
    filters=SHARED_FIELDS,
    options=("of", "step", "tz", "by", "asof", "deleted", "level"),
    unit="items",
)
def burnup(frame: ItemFrame, query: Query) -> list[Row]:
    """Items in an iteration (scope) and those of them that are done, beside what was planned.

    `scope` and `done` are counted at the end of each bucket; dropped items stay in scope and are never done.
    `committed` is what was in scope at the end of the start day, drawn from then on; `ideal` is the straight
    line from 0 at the end of the start day to `committed` at the end of the end day, null outside of the
    two. `added` and `removed` are what came into scope and left it after the start day: an item that leaves
    and returns counts in both. From the start day on, scope = committed + all added - all removed.

    An iteration goes by its id and has today's name and dates, whatever it was called before. Several
    iterations are one population with one plan, from the earliest start to the latest end: an item that
    passes from one to another is neither added nor removed. Without a start date there is no commitment, and
    every change of scope counts; without an end date there is no ideal line. Split by a field, values that
    nothing in the window has are left out. Definition: docs/definitions.md, section 1.
    """
    stood, changes = standing(frame, query), scope_of(frame, query)
    held = dict(zip(stood.groups, stood.counts, strict=True))
    there = {name for name, counts in held.items() if counts.any()}
    names = natural_order(frame, query.by, there.union(changes.names)) if query.by else [""]
    plans = {name: _plan(frame, query, name) for name in names}
    since = np.array([plans[name].start for name in changes.names], dtype=np.float64)
    start, stop = frame.days(query.buckets.zone)

    def later(which: Mask, days: Array) -> Mask:
        """Those of some changes that came after the start day, all of them where there is none."""
        places = np.flatnonzero(which)
        which[places] = ~(days[changes.rows[places]] <= since[changes.group[places]])
        return which

    added = dict(zip(changes.names, changes.began(later(~changes.follows, start)), strict=True))
    removed = dict(zip(changes.names, changes.ended(later(~changes.followed, stop)), strict=True))
    committed = _committed(frame, query, plans)
    nothing = np.zeros(len(query.buckets), dtype=np.int64)
    found = []
    for name in names:
        counts = held.get(name, np.zeros((len(frame.lookups.stage), len(nothing)), dtype=np.int64))
        frozen, ideal = _promised(query, plans[name], committed.get(name, 0))
        lines = {
            "scope": counts.sum(axis=0),
            "done": counts[frame.lookups.done].sum(axis=0),
            "ideal": ideal,
            "committed": frozen,
            "added": added.get(name, nothing),
            "removed": removed.get(name, nothing),
        }
        split = ((query.by, name),) if query.by else ()
        found += [Row((*split, ("line", line)), values) for line, values in lines.items()]
    return found


@items("tapd.iteration.burnup", without=("ideal",))
def behind(frame: ItemFrame, query: Query, at: int) -> Listed:
    """The items in scope, the oldest first; or those that the line asked about counts."""
    line, alone = query.options.get("series", "scope"), replace(query, options={**query.options, "by": ""})
    if line in ("scope", "done"):
        everything = np.ones(len(frame.lookups.stage), dtype=np.bool_)
        rows = standing_rows(frame, query, everything if line == "scope" else frame.lookups.done)
    elif line == "committed":
        rows = _held(frame, alone, _plan(frame, alone, ""))
    elif line in ("added", "removed"):
        return _changed(frame, alone, _plan(frame, alone, ""), came=line == "added")
    else:
        raise BadRequest(f"{line} counts no items: ask for series=scope, done, committed, added or removed")
    return Listed(frame.item[rows], ages(frame.start[first_rows(frame, rows)], at), "seconds")


def _changed(frame: ItemFrame, query: Query, plan: Plan, *, came: bool) -> Listed:
    """The items that came into scope in the bucket, after the start day, or left it, by how often."""
    scope, days = scope_of(frame, query), frame.days(query.buckets.zone)[0 if came else 1]
    places = scope.within(~(scope.follows if came else scope.followed), scope.begin if came else scope.end)
    if plan.start is not None:
        places = places[days[scope.rows[places]] > plan.start]
    numbers, times = np.unique(frame.item[scope.rows[places]], return_counts=True)
    return Listed(numbers, times, "times")


def _held(frame: ItemFrame, query: Query, plan: Plan) -> Rows:
    """The rows in which the selected items stand at the end of the plan's start day, once that has come."""
    day = plan.start
    if day is None:
        raise BadRequest("nothing was committed: ask for an iteration that has a start date")
    if day > query.buckets.last_days[-1] or _is_to_come(query, day):
        return np.empty(0, dtype=np.int64)
    start, stop = frame.days(query.buckets.zone)
    return chosen(frame, query, lambda part: (start[part] <= day) & (stop[part] > day))


def _is_to_come(query: Query, day: int) -> bool:
    """Whether a day is later than today: a bucket of several days may hold such a one."""
    return day > day_number(day_of(query.now, query.buckets.zone))


def _plan(frame: ItemFrame, query: Query, name: str) -> Plan:
    """The plan of the whole question, or of one value of its split as if that were a filter."""
    value = (Filter(query.by, frozenset({name})),) if query.by else ()
    return plan_of(frame.context, frame.topic, query, (*query.filters, *value))


def _committed(frame: ItemFrame, query: Query, plans: Mapping[str, Plan]) -> dict[str, int]:
    """How many items of each group are in it at the end of its plan's start day, of groups with one."""
    began = {name: plan.start for name, plan in plans.items() if plan.start is not None}
    if not began:
        return {}
    start, stop = frame.days(query.buckets.zone)
    first, last = min(began.values()), max(began.values())
    rows = chosen(frame, query, lambda part: (start[part] <= last) & (stop[part] > first))
    rows, group, found = grouped(frame, query, rows)
    day = np.array([began.get(name, -1) for name in found], dtype=np.int64)[group]
    held = (start[rows] <= day) & (stop[rows] > day)
    return dict(zip(found, np.bincount(group[held], minlength=len(found)).tolist(), strict=True))


def _promised(query: Query, plan: Plan, committed: int) -> tuple[Array, Array]:
    """(the commitment, the ideal line) at the end of each bucket, NaN where there is none."""
    first, last = np.array(query.buckets.first_days), np.array(query.buckets.last_days)
    frozen, ideal = np.full(len(last), np.nan), np.full(len(last), np.nan)
    start, end = plan.start, plan.end
    if start is None or _is_to_come(query, start):
        return frozen, ideal
    frozen[last >= start] = committed
    if end is not None and end >= start:
        within = (last >= start) & (first <= end)
        part = np.minimum(last[within], end) - start
        ideal[within] = committed * (part / (end - start) if end > start else np.ones(len(part)))
    return frozen, ideal
