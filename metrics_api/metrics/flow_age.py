"""Ageing: for how long the work in progress has been in progress."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from metrics_api.catalog import metric
from metrics_api.columns import Array, Rows, spread
from metrics_api.frames import ItemFrame
from metrics_api.items import Listed, items, standing_rows
from metrics_api.quantiles import WHOLE, fewest, nearest_ranks, percentiles
from metrics_api.query import Query, Row
from metrics_api.stretches import Stretches, ends, visits
from metrics_api.topics import BUGS, STORIES
from metrics_api.wip import began
from metrics_api.worktime import asked_measure

OPTIONS = ("step", "tz", "by", "asof", "deleted", "calendar", "q", "since")
Q = "50,85"
# How many ages are looked at in one go: more take memory that others need.
AT_ONCE = 4_000_000


@metric(
    "tapd.bugs.flow.age",
    topic=BUGS.name,
    splits=("quantile",),
    filters=BUGS.fields,
    options=OPTIONS,
    unit="seconds",
    timely=True,
)
@metric(
    "tapd.stories.flow.age",
    topic=STORIES.name,
    splits=("quantile",),
    filters=STORIES.fields,
    options=(*OPTIONS, "level"),
    unit="seconds",
    timely=True,
)
def age(frame: ItemFrame, query: Query) -> list[Row]:
    """How long the items in work at the end of each bucket have been in work: percentiles and maximum.

    From the item's first entry to a stage of work in progress since it was last done or dropped, so that a
    reopened item begins anew; with since=first from the first entry of its life. Sent back to the backlog and
    taken up again it goes on ageing. Today's ages are taken now. Definition: docs/definitions.md, section 1.
    """
    return lines(frame, query, AT_ONCE)


def lines(frame: ItemFrame, query: Query, at_once: int) -> list[Row]:
    """The rows of `age`; not many more than `at_once` ages are looked at in one go."""
    found = visits(frame, query, frame.lookups.wip)
    aged = _aged(frame, query, found.row)
    asked = percentiles(replace(query, options={"q": Q, **query.options}))
    few, groups = fewest(frame, query), len(found.groups)
    parts: dict[str, list[Array]] = {name: [] for name in (*asked, "max", "n")}
    for low, high in _spans(found, len(query.buckets), at_once):
        begin, end = np.maximum(found.low, low), np.minimum(found.high, high)
        inside = np.flatnonzero(begin < end)
        bucket, owner = spread(begin[inside], (end - begin)[inside])
        row = inside[owner]
        line = bucket - low if groups == 1 else found.group[row] * (high - low) + bucket - low
        # The largest value is that of all percentiles, and shown as soon as there is one.
        ranks = [*asked.values(), WHOLE]
        ages, count = nearest_ranks(aged.at(row, bucket), line, groups * (high - low), ranks, 1)
        for age_at, percentile in zip(ages, asked.values(), strict=False):
            if 2 * percentile > WHOLE:
                age_at[count < few] = np.nan
        for name, values in zip(parts, (*ages, count), strict=True):
            parts[name].append(values.reshape(groups, high - low))
    whole = {name: np.concatenate(values, axis=1) for name, values in parts.items()}
    return [
        Row((*([(query.by, name)] if query.by else []), ("quantile", what)), values[at], aged.tags)
        for at, name in enumerate(found.groups)
        for what, values in whole.items()
    ]


@items("tapd.bugs.flow.age", "tapd.stories.flow.age")
def ageing(frame: ItemFrame, query: Query, at: int) -> Listed:
    """The items in work, those first that have been in work for longest."""
    rows = standing_rows(frame, query, frame.lookups.wip)
    return Listed(frame.item[rows], _aged(frame, query, rows).at(np.arange(len(rows)), 0), "seconds")


@dataclass(frozen=True)
class _Aged:
    """How old some rows are at the ends of buckets.

    `upto` says by row how old it is at the end of the last bucket, `rest` by calendar and bucket how much of
    that comes after the bucket; `calendar` is by row.
    """

    upto: Array
    rest: Array
    calendar: Array
    tags: tuple[tuple[str, str], ...]

    def at(self, rows: Rows, buckets: Array | int) -> Array:
        """The seconds of some rows, by their places, at the end of a bucket of each."""
        rest = self.rest[0][buckets] if len(self.rest) == 1 else self.rest[self.calendar[rows], buckets]
        found: Array = self.upto[rows] - rest
        return np.maximum(found, 0, out=found)


def _aged(frame: ItemFrame, query: Query, rows: Rows) -> _Aged:
    """The ages of items in work; a clock that lags behind makes none of them negative."""
    measure, tags = asked_measure(frame, query, rows)
    first = query.options.get("since") == "first"
    since = frame.start[began(frame, rows, first)].astype(np.int64)
    moments = ends(query)
    last = np.full(len(rows), moments[-1])
    # The items of a workspace go by one calendar, if by any: of what comes after a bucket one of them tells.
    codes = frame.codes["workspace"][rows] if tags else np.zeros(len(rows), dtype=np.uint8)
    present = np.flatnonzero(np.bincount(codes))
    one = np.array([np.argmax(codes == code) for code in present.tolist()], dtype=np.int64)
    calendar = np.searchsorted(present, np.arange(present.max(initial=0) + 1))[codes]
    several = np.repeat(one, len(moments))
    after = measure(several, np.tile(moments, len(one)), last[several])
    rest = after.reshape(len(one), len(moments))
    return _Aged(measure(np.arange(len(rows)), since, last), rest, calendar, tags)


def _spans(found: Stretches, buckets: int, at_once: int) -> Iterator[tuple[int, int]]:
    """Consecutive buckets [low, high) that have not many more than so many ages together."""
    width = buckets + 1
    came = np.bincount(found.low, minlength=width) - np.bincount(found.high, minlength=width)
    total, low = 0, 0
    for at, count in enumerate(np.cumsum(came)[:buckets].tolist()):
        total += count
        if total > at_once:
            yield low, at + 1
            total, low = 0, at + 1
    if low < buckets:
        yield low, buckets
