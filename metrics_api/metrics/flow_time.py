"""How long work took: from its creation, from its beginning, in each stage, and how much of it was work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from metrics_api.catalog import Function, metric
from metrics_api.columns import NEVER, Array, Mask, Rows
from metrics_api.frames import ItemFrame
from metrics_api.items import Listed, items
from metrics_api.quantiles import counted, fewest, quantile_rows
from metrics_api.query import Query, Row
from metrics_api.selection import allowed, asked_stages, grouped
from metrics_api.topics import BUGS, STORIES
from metrics_api.visits import (
    backdated,
    buckets_of,
    completed_at,
    completions,
    first_entries,
    first_rows,
    time_within,
    untold,
)
from metrics_api.worktime import asked_measure

OPTIONS = ("step", "tz", "by", "asof", "deleted", "calendar", "q")


def _of_both(name: str, splits: tuple[str, ...], unit: str) -> Callable[[Function], Function]:
    """Register a metric for bugs and for stories."""

    def register(function: Function) -> Function:
        for topic, options in ((BUGS, OPTIONS), (STORIES, (*OPTIONS, "level"))):
            metric(
                f"tapd.{topic.name}.flow.{name}",
                topic=topic.name,
                splits=splits,
                filters=topic.fields,
                options=options,
                unit=unit,
            )(function)
        return function

    return register


@dataclass(frozen=True)
class _Completed:
    """The items that were completed, by the rows with which they were; each once for each of its groups.

    `which` are their places in `rows`, `group` and `bucket` are where each counts; `splits` are by group.
    """

    rows: Rows
    which: Array | slice
    group: Array
    bucket: Array
    splits: list[tuple[tuple[str, str], ...]]


def _completed(frame: ItemFrame, query: Query) -> _Completed:
    rows = completions(frame, query)
    found, group, names = grouped(frame, query, rows)
    which = slice(None) if len(found) == len(rows) else np.searchsorted(rows, found)
    bucket = buckets_of(query.buckets, completed_at(frame, rows))[which]
    return _Completed(rows, which, group, bucket, [((query.by, name),) if query.by else () for name in names])


class _Took(NamedTuple):
    """A value of each completed item, which of them have one, and what else is to be told of all."""

    values: Array
    known: Mask
    tags: tuple[tuple[str, str], ...]


@_of_both("lead.time", splits=("quantile",), unit="seconds")
def lead_time(frame: ItemFrame, query: Query) -> list[Row]:
    """Lead time: how long it took from an item's creation to its last entry to done, in percentiles.

    In the bucket of that entry, of items that are in done at the end of the window: one reopened and not done
    again does not count, one completed and removed later does. An item that was moved between workspaces was
    created where it was first. Items that were done before they were created, by the dates of their changes,
    have no lead time; `negative_n` tells how many. Of stories, `completed_n` counts those whose history does
    not tell when they were done, and whose time of it is TAPD's `completed`. Filters and `by` go by the
    values at the completion. With calendar=work only working time counts, by the calendar of the product.
    Definition: docs/definitions.md, sections 1 and 5.
    """
    done = _completed(frame, query)
    return _quantiles(frame, query, done, _leads(frame, query, done.rows), _odd(frame, query, done))


def _odd(frame: ItemFrame, query: Query, done: _Completed) -> dict[str, Array]:
    """How many of the completions are odd, by what is odd about them."""
    found = {"negative_n": _counted(query, done, backdated(frame, done.rows))}
    if frame.topic.dated:
        found["completed_n"] = _counted(query, done, untold(frame, done.rows))
    return found


@items("tapd.bugs.flow.lead.time", "tapd.stories.flow.lead.time")
def led(frame: ItemFrame, query: Query, at: int) -> Listed:
    """The completed items, those with the longest lead times first, those that have none at the end."""
    rows = completions(frame, query)
    others = {"negative_n": backdated(frame, rows), "completed_n": untold(frame, rows)}
    return _listed(frame, query, rows, _leads(frame, query, rows), "seconds", others)


def _leads(frame: ItemFrame, query: Query, rows: Rows) -> _Took:
    measure, tags = asked_measure(frame, query, rows)
    created = frame.start[first_rows(frame, rows)]
    seconds = measure(np.arange(len(rows)), created, completed_at(frame, rows))
    return _Took(seconds, ~backdated(frame, rows), tags)


@_of_both("cycle.time", splits=("quantile",), unit="seconds")
def cycle_time(frame: ItemFrame, query: Query) -> list[Row]:
    """Cycle time: how long it took from the first entry to an active stage to the last one to done.

    Items as for the lead time. Those that never were in an active stage have no cycle time, nor have those
    that were done before they were created; `skipped_n` and `negative_n` tell how many. Of those skipped,
    `completed_n` counts the stories whose history is lost, as for the lead time. After a reopening the time
    goes on from the first beginning. Definition: docs/definitions.md, sections 1 and 5.
    """
    done = _completed(frame, query)
    took = _cycles(frame, query, done.rows)
    skipped = _counted(query, done, ~took.known & ~backdated(frame, done.rows))
    return _quantiles(frame, query, done, took, {"skipped_n": skipped, **_odd(frame, query, done)})


@items("tapd.bugs.flow.cycle.time", "tapd.stories.flow.cycle.time")
def cycled(frame: ItemFrame, query: Query, at: int) -> Listed:
    """The completed items, those with the longest cycle times first, those that have none at the end."""
    rows = completions(frame, query)
    took, negative = _cycles(frame, query, rows), backdated(frame, rows)
    others = {
        "skipped_n": ~took.known & ~negative,
        "negative_n": negative,
        "completed_n": untold(frame, rows),
    }
    return _listed(frame, query, rows, took, "seconds", others)


def _cycles(frame: ItemFrame, query: Query, rows: Rows) -> _Took:
    measure, tags = asked_measure(frame, query, rows)
    begun = first_entries(frame, rows, frame.lookups.active)
    seconds = measure(np.arange(len(rows)), begun, completed_at(frame, rows))
    return _Took(seconds, begun != NEVER, tags)


@_of_both("stage.time", splits=("stage", "quantile"), unit="seconds")
def stage_time(frame: ItemFrame, query: Query) -> list[Row]:
    """Time in stage: how long completed items were in each open stage, all their visits together.

    Items as for the lead time, in the bucket of their completion; for each stage those that ever were in it.
    A `stage` filter says which stages are shown, not which items count. An item that was done or dropped and
    taken up again was in no open stage meanwhile. Statuses without a stage are the stage `unmapped`.
    Definition: docs/definitions.md, sections 1 and 5.
    """
    done = _completed(frame, _whatever_stage(query))
    seconds, there, tags = _stays(frame, query, done.rows)
    shown = _shown_stages(frame, query, there)
    parts = [(at, np.flatnonzero(there[at][done.which])) for at in shown]
    values = _joined([seconds[at][done.which][some] for at, some in parts])
    group = _joined([done.group[some] * len(shown) + line for line, (_, some) in enumerate(parts)])
    bucket = _joined([done.bucket[some] for _, some in parts])
    splits = [(*split, ("stage", frame.lookups.stages[at])) for split in done.splits for at in shown]
    return quantile_rows(query, fewest(frame, query), values, group, bucket, splits, tags=tags)


@items("tapd.bugs.flow.stage.time", "tapd.stories.flow.stage.time")
def stayed(frame: ItemFrame, query: Query, at: int) -> Listed:
    """The completed items, those first that were for longest in the stages asked for, in any by default."""
    rows = completions(frame, _whatever_stage(query))
    seconds, there, _ = _stays(frame, query, rows)
    shown = _shown_stages(frame, query, there)
    some = np.flatnonzero(there[shown].any(axis=0))
    return Listed(frame.item[rows[some]], seconds[shown].sum(axis=0)[some], "seconds")


def _whatever_stage(query: Query) -> Query:
    """The query without its filters by stage, which are about the lines that are shown."""
    return replace(query, filters=tuple(one for one in query.filters if one.key != "stage" or one.group))


def _stays(frame: ItemFrame, query: Query, rows: Rows) -> tuple[Array, Mask, tuple[tuple[str, str], ...]]:
    """(seconds, ever there or not, tags) of completed items in each open stage: shapes (stages, rows)."""
    looks, width = frame.lookups, len(frame.lookups.stages)
    measure, tags = asked_measure(frame, query, rows)
    return *time_within(frame, rows, np.where(looks.open, looks.stage, width), width, measure), tags


def _shown_stages(frame: ItemFrame, query: Query, there: Mask) -> list[int]:
    """The open stages (places) that the workspaces asked for have or some item was in, as far as filtered."""
    looks = frame.lookups
    keep = allowed(looks.stages, [one for one in query.filters if one.key == "stage" and not one.group])
    open_places = np.zeros(len(looks.stages), dtype=np.bool_)
    open_places[looks.stage[looks.open]] = True
    asked = np.zeros(len(looks.stages), dtype=np.bool_)
    asked[asked_stages(frame, query)] = True
    found: list[int] = np.flatnonzero(keep & ((asked & open_places) | there.any(axis=1))).tolist()
    return found


def _joined(parts: list[Array]) -> Array:
    return np.concatenate([np.empty(0, dtype=np.int64), *parts])


@_of_both("efficiency", splits=("quantile",), unit="ratio")
def efficiency(frame: ItemFrame, query: Query) -> list[Row]:
    """Flow efficiency: which part of its time in active and waiting stages an item was in active ones.

    Items as for the lead time; those of workspaces without a waiting stage have none, nor have those that
    never spent any time in either. Definition: docs/definitions.md, sections 1 and 5.
    """
    done = _completed(frame, query)
    return _quantiles(frame, query, done, _shares(frame, query, done.rows))


@items("tapd.bugs.flow.efficiency", "tapd.stories.flow.efficiency")
def waited(frame: ItemFrame, query: Query, at: int) -> Listed:
    """The completed items, those with the highest efficiency first, those without any at the end."""
    rows = completions(frame, query)
    return _listed(frame, query, rows, _shares(frame, query, rows), "ratio", {})


def _shares(frame: ItemFrame, query: Query, rows: Rows) -> _Took:
    looks = frame.lookups
    measure, tags = asked_measure(frame, query, rows)
    column = np.where(looks.active, 0, np.where(looks.waiting, 1, 2))
    seconds, _ = time_within(frame, rows, column, 2, measure)
    total = seconds.sum(axis=0)
    known = (total > 0) & _waits(frame)[frame.codes["workspace"][rows]]
    return _Took(np.divide(seconds[0], total, out=np.zeros(len(rows)), where=known), known, tags)


def _waits(frame: ItemFrame) -> Mask:
    """By workspace code whether any of its stages is one of waiting."""
    found = []
    for key in list(frame.dictionaries["workspace"].values):
        workspace = frame.context.workspaces.get(key)
        stages = workspace.flows[frame.topic.name].stages if workspace else ()
        found.append(any(stage.flag == "waiting" for stage in stages))
    return np.array(found, dtype=np.bool_)


def _quantiles(
    frame: ItemFrame,
    query: Query,
    done: _Completed,
    took: _Took,
    counts: Mapping[str, Array] | None = None,
) -> list[Row]:
    """The rows of the values that completed items have."""
    at = np.flatnonzero(took.known[done.which])
    values, group, bucket = took.values[done.which][at], done.group[at], done.bucket[at]
    few = fewest(frame, query)
    return quantile_rows(query, few, values, group, bucket, done.splits, counts=counts, tags=took.tags)


def _counted(query: Query, done: _Completed, some: Mask) -> Array:
    """How many of some of the completed rows there are by group and bucket."""
    at = np.flatnonzero(some[done.which])
    return counted(done.group[at], done.bucket[at], len(done.splits), len(query.buckets))


def _listed(
    frame: ItemFrame, query: Query, rows: Rows, took: _Took, unit: str, others: Mapping[str, Mask]
) -> Listed:
    """The completed items with their values, or those behind one line: `others` are without a value."""
    values = np.where(took.known, took.values, np.nan)
    line = query.options.get("series")
    some = others.get(line, took.known) if line else np.ones(len(rows), dtype=np.bool_)
    return Listed(frame.item[rows[some]], values[some], unit)
