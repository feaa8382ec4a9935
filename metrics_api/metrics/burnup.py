"""Burn-up: how far the work of an iteration has come, and how its scope changed after it began."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from metrics_api.bands import standing
from metrics_api.catalog import metric
from metrics_api.columns import Array, Mask
from metrics_api.core.days import day_number, day_of
from metrics_api.frames import ItemFrame
from metrics_api.iterations import Plan, plan_of
from metrics_api.query import Filter, Query, Row
from metrics_api.scope import scope_of
from metrics_api.selection import chosen, grouped, natural_order
from metrics_api.topics import BUGS, SHARED_FIELDS, STORIES


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
    # A bucket of several days may hold a start day that is still to come.
    if start is None or start > day_number(day_of(query.now, query.buckets.zone)):
        return frozen, ideal
    frozen[last >= start] = committed
    if end is not None and end >= start:
        within = (last >= start) & (first <= end)
        part = np.minimum(last[within], end) - start
        ideal[within] = committed * (part / (end - start) if end > start else np.ones(len(part)))
    return frozen, ideal
