"""Burn-up: how far the work of an iteration has come, and how its scope changed after it began."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from metrics_api.catalog import metric
from metrics_api.columns import Array
from metrics_api.core.days import day_number, day_of
from metrics_api.frames import ItemFrame
from metrics_api.iterations import Plan, plan_of
from metrics_api.query import Filter, Query, Row
from metrics_api.scope import scope_of
from metrics_api.selection import chosen, grouped
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
    scope = scope_of(frame, query, np.ones(len(frame.lookups.stage), dtype=np.bool_))
    everything = np.ones(len(scope.rows), dtype=np.bool_)
    plans = [_plan(frame, query, name) for name in scope.names]
    counts = _committed(frame, query, scope.names, plans)
    promised = [_promised(query, plan, count) for plan, count in zip(plans, counts, strict=True)]
    since = np.array([-1 if plan.start is None else plan.start for plan in plans], dtype=np.int64)
    start, stop = (days[scope.rows] for days in frame.days(query.buckets.zone))
    came, went = (days > since[scope.group] for days in (start, stop))
    lines: dict[str, Array] = {
        "scope": scope.standing(everything),
        "done": scope.standing(frame.lookups.done[frame.stage[scope.rows]]),
        "ideal": np.array([ideal for _, ideal in promised]),
        "committed": np.array([frozen for frozen, _ in promised]),
        "added": scope.began(~scope.follows & came),
        "removed": scope.ended(~scope.followed & went),
    }
    return [
        Row((*([(query.by, name)] if query.by else []), ("line", line)), values[at])
        for at, name in enumerate(scope.names)
        for line, values in lines.items()
    ]


def _plan(frame: ItemFrame, query: Query, name: str) -> Plan:
    """The plan of the whole question, or of one value of its split as if that were a filter."""
    value = (Filter(query.by, frozenset({name})),) if query.by else ()
    return plan_of(frame.context, frame.topic, query, (*query.filters, *value))


def _committed(frame: ItemFrame, query: Query, names: Sequence[str], plans: Sequence[Plan]) -> list[int]:
    """How many items of each group are in it at the end of its plan's start day; 0 without a start."""
    began = {name: plan.start for name, plan in zip(names, plans, strict=True) if plan.start is not None}
    if not began:
        return [0] * len(names)
    start, stop = frame.days(query.buckets.zone)
    rows = chosen(frame, query, (start <= max(began.values())) & (stop > min(began.values())))
    rows, group, found = grouped(frame, query, rows)
    day = np.array([began.get(name, -1) for name in found], dtype=np.int64)[group]
    held = (start[rows] <= day) & (stop[rows] > day)
    counts = dict(zip(found, np.bincount(group[held], minlength=len(found)).tolist(), strict=True))
    return [counts.get(name, 0) for name in names]


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
