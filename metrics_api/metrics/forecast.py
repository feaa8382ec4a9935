"""Forecast: on which day the open work will be done if the weeks to come are like the last ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from hashlib import blake2b

import numpy as np

from metrics_api.bands import standing
from metrics_api.catalog import metric
from metrics_api.columns import Array, Mask, Rows
from metrics_api.core.days import EPOCH, Buckets, buckets, day_number, day_of, day_start
from metrics_api.frames import ItemFrame
from metrics_api.items import Listed, ages, items, standing_rows
from metrics_api.query import Query, Row
from metrics_api.selection import allowed_workspaces
from metrics_api.simulation import days_taken
from metrics_api.topics import BUGS, STORIES
from metrics_api.visits import buckets_of, completed_at, completions, first_rows
from metrics_api.worktime import DAYS, work_clock

OPTIONS = ("tz", "asof", "deleted", "calendar")
# How many days are looked back on, and how many completions in them a forecast needs.
LOOKED_BACK, FEWEST = 56, 20
# What would take more days than these at the pace of those looked back on is not forecast.
FARTHEST = 3650
# What work is planned for says nothing of how fast it is done.
PLANS = ("iteration", "version")
CHANCES = {"p50": 50, "p85": 85}


@metric(
    "tapd.bugs.flow.forecast",
    topic=BUGS.name,
    splits=("line",),
    filters=BUGS.fields,
    options=OPTIONS,
    unit="date as epoch seconds; items",
    last_only=True,
)
@metric(
    "tapd.stories.flow.forecast",
    topic=STORIES.name,
    splits=("line",),
    filters=STORIES.fields,
    options=(*OPTIONS, "level"),
    unit="date as epoch seconds; items",
    last_only=True,
)
def forecast(frame: ItemFrame, query: Query) -> list[Row]:
    """The days by which the open items are done with a chance of 50 % and 85 %, at the last 8 weeks' pace.

    `p50` and `p85` are such days as the epoch seconds of their midnight; `remaining` counts the items open
    at the end of the window, `n` the completions in the 56 whole days before it (throughput: dropped items
    do not count). 10,000 futures are simulated from the day after the window on: each of their days brings
    as much as one of the 56, drawn at random; days before the first record are not among them. The same
    question about the same items has the same answer.

    With calendar=work only days of work count, in the past and in the future.

    Both dates are null, and the tag `reason` says why, with fewer than 20 completions, or where the work
    would take more than 3650 days. The pace is that of the items asked for, in whatever iteration or version:
    those who do the work have done another one's before. Nothing is foreseen of work yet to come. Definition:
    docs/definitions.md, section 1.
    """
    day = query.buckets.last_days[-1]
    works, tags = _days_that_count(frame, query)
    remaining = int(standing(frame, query, frame.lookups.open).counts[0, :, -1].sum())
    daily = _throughput(frame, query, _looked_back(frame, query, works), works)
    dates, reason = np.full(len(CHANCES), np.nan), ""
    if daily.sum() < FEWEST:
        reason = f"not enough data: {daily.sum()} completions in {LOOKED_BACK} days, {FEWEST} are needed"
    elif remaining > FARTHEST * daily.mean():
        reason = f"too far ahead: more than {FARTHEST} days of work"
    else:
        taken = days_taken(daily, remaining, np.random.default_rng(_seed(frame, query, day)))
        # By nearest rank: of n sorted values, percentile p is number ceil(p * n).
        ranks = [-(-len(taken) * chance // 100) - 1 for chance in CHANCES.values()]
        days = np.append(day, day + 1 + np.flatnonzero(works[day + 1 :]))[taken[ranks]]
        dates = np.array([_midnight(int(one), query.buckets.zone) for one in days])
    lines = dict(zip(CHANCES, dates, strict=True)) | {"remaining": remaining, "n": int(daily.sum())}
    tags = (*tags, ("reason", reason)) if reason else tags
    return [Row((("line", name),), np.array([value]), tags) for name, value in lines.items()]


@items("tapd.bugs.flow.forecast", "tapd.stories.flow.forecast")
def to_do(frame: ItemFrame, query: Query, at: int) -> Listed:
    """The open items, which the dates are about, the oldest by their creation first.

    With series=n those that were completed in the 56 days looked back on, the last ones at the end.
    """
    if query.options.get("series") == "n":
        days = _looked_back(frame, query, _days_that_count(frame, query)[0])
        rows = np.empty(0, dtype=np.int64) if days is None else _completed(frame, query, days)
        return Listed(frame.item[rows], ages(completed_at(frame, rows), at), "seconds")
    rows = standing_rows(frame, query, frame.lookups.open)
    return Listed(frame.item[rows], ages(frame.start[first_rows(frame, rows)], at), "seconds")


def _days_that_count(frame: ItemFrame, query: Query) -> tuple[Mask, tuple[tuple[str, str], ...]]:
    """(which days since 1970 count under `calendar`, the tags that say so).

    With calendar=work those on which anybody asked for works, by the calendars of their products.
    """
    if query.options.get("calendar") != "work":
        return np.ones(DAYS, dtype=np.bool_), ()
    found = np.zeros(DAYS, dtype=np.bool_)
    for code in np.flatnonzero(allowed_workspaces(frame, query)).tolist():
        place = frame.context.workspaces[frame.dictionaries["workspace"].values[code]]
        found |= work_clock(place.settings.calendar, place.zone).works
    return found, (("calendar", "work"),)


def _throughput(frame: ItemFrame, query: Query, days: Buckets | None, works: Mask) -> Array:
    """How many items were completed on each day that counts of those looked back on.

    What was completed on another day counts on the next one, at the end on the one before.
    """
    if days is None:
        return np.zeros(0, dtype=np.int64)
    first, end = days.first_days[0], days.last_days[-1] + 1
    counting = np.cumsum(works[first:end])
    at = buckets_of(days, completed_at(frame, _completed(frame, query, days)))
    place = np.minimum(counting[at] - works[first + at], counting[-1] - 1)
    return np.bincount(place, minlength=counting[-1])


def _looked_back(frame: ItemFrame, query: Query, works: Mask) -> Buckets | None:
    """The days that are looked back on, all of them over by now; None where none of them counts."""
    zone, day = query.buckets.zone, query.buckets.last_days[-1]
    last = day if query.buckets.ends[-1] <= query.now else day - 1
    firsts = frame.first_start[allowed_workspaces(frame, query)[: len(frame.first_start)]]
    record = day_number(day_of(int(firsts.min(initial=query.now)), zone))
    first = max(last - LOOKED_BACK + 1, record)
    if not works[first : last + 1].any():
        return None
    return buckets(_midnight(first, zone), _midnight(last, zone), "1d", zone)


def _completed(frame: ItemFrame, query: Query, days: Buckets) -> Rows:
    """The rows with which items were completed on some days, whatever they were planned for."""
    filters = tuple(one for one in query.filters if one.key not in PLANS)
    return completions(frame, replace(query, filters=filters, buckets=days, window=query.buckets))


def _seed(frame: ItemFrame, query: Query, day: int) -> int:
    """A number of the question's own: chance must not make one question's answers differ."""
    asked = sorted((one.key, sorted(one.values), one.regex or "", one.negated) for one in query.filters)
    text = repr((frame.topic.name, asked, sorted(query.options.items()), query.buckets.zone, day))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def _midnight(day: int, zone: str) -> int:
    return day_start(EPOCH + timedelta(days=day), zone)
