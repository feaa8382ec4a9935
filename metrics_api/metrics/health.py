"""Collecting: whether it goes on, what it brings, and what is known to be missing or wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from metrics_api.catalog import Function, metric
from metrics_api.columns import Array, Mask
from metrics_api.health import COLLECTION, FIELDS, HealthFrame, of_places
from metrics_api.query import Query, Row

SPLITS = ("collector", "scope")


def _by_the_hour(name: str, unit: str) -> Callable[[Function], Function]:
    """Register a metric with a value for each bucket, also of an hour."""
    return metric(
        f"health.collection.{name}",
        topic=COLLECTION,
        splits=SPLITS,
        filters=FIELDS,
        options=("step", "tz", "by"),
        unit=unit,
        hourly=True,
    )


def _at_the_end(name: str, unit: str, filters: Sequence[str] = FIELDS) -> Callable[[Function], Function]:
    """Register a metric with one value, as it is now."""
    return metric(
        f"health.collection.{name}",
        topic=COLLECTION,
        splits=SPLITS,
        filters=filters,
        options=("tz", "by"),
        unit=unit,
        last_only=True,
    )


@_by_the_hour("age", unit="seconds")
def age(frame: HealthFrame, query: Query) -> list[Row]:
    """Seconds since the start of the last successful run of each collector and scope, at each bucket's end.

    Of one that never succeeded, since its first run that failed; null before. Split by a field, the oldest.
    Definition: docs/definitions.md, section 6.
    """
    asked = frame.asked(query, going_on=True)
    return of_places(query, [frame.places[at] for at in asked], _ages(frame, query)[asked], worst=True)


@_by_the_hour("overdue", unit="seconds")
def overdue(frame: HealthFrame, query: Query) -> list[Row]:
    """Seconds by which the age exceeds three of the planned intervals, and at least 30 minutes; 0 in time.

    Split by a field, the longest. Definition: docs/definitions.md, section 6.
    """
    asked = frame.asked(query, going_on=True)
    late = np.maximum(_ages(frame, query)[asked] - frame.patience_s[asked, None], 0)
    return of_places(query, [frame.places[at] for at in asked], late, worst=True)


@_by_the_hour("runs", unit="runs")
def runs(frame: HealthFrame, query: Query) -> list[Row]:
    """Runs that began in each bucket and are over.

    Definition: docs/definitions.md, section 6.
    """
    return _summed(frame, query, np.ones(len(frame.runs.place)))


@_by_the_hour("errors", unit="runs")
def errors(frame: HealthFrame, query: Query) -> list[Row]:
    """Runs that began in each bucket and failed; those that were stopped on purpose did not fail.

    Definition: docs/definitions.md, section 6.
    """
    return _summed(frame, query, frame.runs.failed.astype(np.float64))


@_by_the_hour("items", unit="records")
def items(frame: HealthFrame, query: Query) -> list[Row]:
    """Records that the runs which began in each bucket were given by the upstream, known ones included.

    Definition: docs/definitions.md, section 6.
    """
    return _summed(frame, query, frame.runs.seen.astype(np.float64))


@_by_the_hour("quarantine", unit="records")
def quarantine(frame: HealthFrame, query: Query) -> list[Row]:
    """Records that lie in quarantine and had come there by the end of each bucket.

    Definition: docs/definitions.md, section 6.
    """
    asked = frame.asked(query)
    place, came = frame.quarantine
    counts = _table(frame, query, place, came, frame.moments(query), np.ones(len(place)))
    return of_places(query, [frame.places[at] for at in asked], counts.cumsum(axis=1)[asked])


@_at_the_end("missing", unit="records")
def missing(frame: HealthFrame, query: Query) -> list[Row]:
    """Records in which upstream and store differed when they were last compared, and that were not repaired.

    Null where no comparison left anything to tell. Definition: docs/definitions.md, section 6.
    """
    return _counted(frame, query, frame.missing)


@_at_the_end("broken.chains", unit="items")
def broken_chains(frame: HealthFrame, query: Query) -> list[Row]:
    """Bugs and stories whose changes do not follow from one another, or do not lead to what they are today.

    Definition: docs/definitions.md, section 6.
    """
    return _counted(frame, query, frame.broken)


@_at_the_end("unmapped", unit="statuses", filters=(*FIELDS, "status"))
def unmapped(frame: HealthFrame, query: Query) -> list[Row]:
    """Statuses that bugs or stories have or had, and that belong to no stage; `by=status` names them.

    Definition: docs/definitions.md, section 6.
    """
    filters = [one for one in query.filters if one.key == "status"]
    found = {
        at: sorted(name for name in frame.unmapped[at] if all(one.accepts(name) for one in filters))
        for at in frame.asked(query, going_on=True)
        if at in frame.unmapped
    }
    if query.by != "status" or not any(found.values()):
        return _counted(frame, query, {at: len(names) for at, names in found.items()})
    named = [replace(frame.places[at], status=name) for at, names in found.items() for name in names]
    return of_places(query, named, np.ones((len(named), len(query.buckets))))


def _ages(frame: HealthFrame, query: Query) -> Array:
    """The age of every place at each moment, NaN where there is none."""
    moments = frame.moments(query)
    shape = len(frame.places), len(moments)
    known = frame.runs
    last = np.full(shape, -1, dtype=np.int64)

    def note(place: Array, started: Array, finished: Array) -> None:
        bucket = np.searchsorted(moments, finished)
        inside = bucket < len(moments)
        np.maximum.at(last, (place[inside], bucket[inside]), started[inside])

    note(*_picked(known.succeeded, known.place, known.started, known.finished))
    # What succeeded last, where that run's record is gone.
    newest = np.full(len(frame.places), -1, dtype=np.int64)
    np.maximum.at(newest, *_picked(known.succeeded, known.place, known.started))
    lost = np.flatnonzero(frame.succeeded > newest)
    note(lost, frame.succeeded[lost], frame.succeeded[lost])
    never = known.failed & (frame.succeeded[known.place] < 0)
    first = np.full(len(frame.places), np.iinfo(np.int64).max)
    np.minimum.at(first, known.place[never], known.started[never])
    note(known.place[never], first[known.place[never]], known.finished[never])
    last = np.maximum.accumulate(last, axis=1)
    return np.where(last >= 0, np.maximum(moments - last, 0), np.nan)


def _picked(mask: Mask, *columns: Array) -> tuple[Array, ...]:
    return tuple(column[mask] for column in columns)


def _summed(frame: HealthFrame, query: Query, weights: Array) -> list[Row]:
    """The sums of the weights of the runs that began in each bucket."""
    asked = [at for at in frame.asked(query) if frame.ran[at]]
    known = frame.runs
    inside = known.started >= query.buckets.starts[0]
    place, started, weights = _picked(inside, known.place, known.started, weights)
    # A bucket's end belongs to the next one.
    sums = _table(frame, query, place, started + 1, np.array(query.buckets.ends), weights)
    return of_places(query, [frame.places[at] for at in asked], sums[asked])


def _table(
    frame: HealthFrame, query: Query, place: Array, when: Array, moments: Array, weights: Array
) -> Array:
    """By place and bucket: the weights of what happened after the moment before and up to this one."""
    bucket = np.searchsorted(moments, when)
    inside = bucket < len(moments)
    cells = place[inside].astype(np.int64) * len(moments) + bucket[inside]
    size = len(frame.places) * len(moments)
    found: Array = np.bincount(cells, weights[inside], size).reshape(len(frame.places), len(moments))
    return found


def _counted(frame: HealthFrame, query: Query, counts: Mapping[int, int]) -> list[Row]:
    """The counts of the places that have one, the same in every bucket."""
    asked = [at for at in frame.asked(query, going_on=True) if at in counts]
    found = np.array([counts[at] for at in asked], dtype=np.float64)
    values = np.repeat(found[:, None], len(query.buckets), axis=1)
    return of_places(query, [frame.places[at] for at in asked], values)
