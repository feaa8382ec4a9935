"""Read-offs from arrivals: what a cumulative flow diagram tells of lead time, throughput and the like."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from metrics_api.catalog import metric
from metrics_api.columns import Array
from metrics_api.core.days import DAY_S, Buckets, day_number, day_of
from metrics_api.core.errors import BadRequest
from metrics_api.frames import ItemFrame
from metrics_api.history import arrivals
from metrics_api.items import Listed, ages, items
from metrics_api.query import Query, Row
from metrics_api.selection import asked_levels, asked_stages_of
from metrics_api.topics import BUGS, STORIES

OPTIONS = ("step", "tz", "by", "asof", "deleted")
# What every line says of itself.
TAGS = (("approximate", "true"),)


@metric(
    "tapd.bugs.flow.readoff",
    topic=BUGS.name,
    splits=("readoff",),
    filters=BUGS.fields,
    options=OPTIONS,
    unit="seconds, items per day, items",
    timely=True,
)
@metric(
    "tapd.stories.flow.readoff",
    topic=STORIES.name,
    splits=("readoff",),
    filters=STORIES.fields,
    options=(*OPTIONS, "level"),
    unit="seconds, items per day, items",
    timely=True,
)
def readoff(frame: ItemFrame, query: Query) -> list[Row]:
    """Approximate lead time, throughput and Little's Law, read off the arrivals in each bucket.

    `lead_time` (seconds, whole days) is how long before the bucket's end as many items had arrived as were
    done by then: the horizontal gap between the curves of the first stage and of the first done one; null
    while nothing is done. `throughput` is the slope of done, items per day. `wip` is the vertical gap, items,
    averaged over the bucket's days. `residual` = wip - throughput x lead time in days, items: 0 where
    Little's Law holds, which it does between points of equal work in progress only; a longer step (1w, 1M)
    comes nearer to it. Approximate, for the curves do not say which item was done: what items really took is
    lead time and cycle time. A removed item stays on the curves unless deleted=exclude. Definition:
    docs/definitions.md, sections 1 and 4.
    """
    levels = asked_levels(frame, query)
    done = _first_done(frame, query, levels)
    lines = dict.fromkeys(("lead_time", "throughput", "wip", "residual"), np.full(len(query.buckets), np.nan))
    curves = arrivals(frame, query, levels, () if done is None else (0, done))
    found = []
    if done is not None:
        days = _days(query, curves.day[0])
        spans = _spans(query, days)
        found = [_read(came, went, spans) for came, went in curves.counted(days)]
    return [
        Row((*([(query.by, name)] if query.by else []), ("readoff", what)), line, TAGS)
        for at, name in enumerate(curves.groups)
        for what, line in (found[at] if found else lines).items()
    ]


@items("tapd.bugs.flow.readoff", "tapd.stories.flow.readoff", without=("lead_time", "residual"))
def between(frame: ItemFrame, query: Query, at: int) -> Listed:
    """The items that had arrived and were not done at the end of the bucket, those first that came first.

    With series=throughput those that came to done in it. `wip` is an average where a bucket has several days.
    """
    line = query.options.get("series", "wip")
    if line not in ("wip", "throughput"):
        raise BadRequest(
            f"{line} is read off the curves, which do not say which item was done: ask for series=wip or "
            f"throughput, or for the items of tapd.{frame.topic.name}.flow.lead.time"
        )
    alone = replace(query, options={**query.options, "by": ""})
    levels = asked_levels(frame, alone)
    done = _first_done(frame, alone, levels)
    if done is None:
        return Listed(np.empty(0, dtype=np.int64), np.empty(0), "seconds")
    curves = arrivals(frame, alone, levels, (0, done))
    came, went = (curves.come(place, query.buckets) for place in (0, 1))
    if line == "throughput":
        day = frame.days(query.buckets.zone)[0][went]
        rows = went[day >= query.buckets.first_days[0]]
    else:
        rows = came[~np.isin(frame.item[came], frame.item[went])]
    return Listed(frame.item[rows], ages(frame.start[rows], at), "seconds")


def _read(came: Array, went: Array, spans: tuple[Array, Array]) -> dict[str, Array]:
    """The lines of two curves by day; each bucket goes from its first place in them up to its end."""
    first, end = spans
    reached = went[end - 1]
    began = np.searchsorted(came, reached)
    lead = np.where(reached > 0, (end - 1 - began).astype(np.float64), np.nan)
    length = end - first
    done = reached - np.where(first > 0, went[first - 1], 0)
    height = np.concatenate([[0], np.cumsum(came - went)])
    heights = height[end] - height[first]
    return {
        "lead_time": lead * DAY_S,
        "throughput": done / length,
        "wip": heights / length,
        "residual": (heights - done * lead) / length,
    }


def _days(query: Query, came: Array) -> Buckets:
    """The days from the first on which an item came, or from the window's first, to the window's last.

    They have numbers only: nothing else is asked of them.
    """
    zone, last = query.buckets.zone, query.buckets.last_days[-1]
    oldest = came.min(initial=last)
    numbers = tuple(range(min(int(oldest), query.buckets.first_days[0]), last + 1))
    return Buckets(zone, "1d", DAY_S, (), (), numbers, numbers)


def _spans(query: Query, days: Buckets) -> tuple[Array, Array]:
    """(the place among the days at which each bucket begins, that after its end); nothing is after today."""
    today = day_number(day_of(query.now, days.zone))
    first = np.array(query.buckets.first_days) - days.first_days[0]
    end = np.minimum(np.array(query.buckets.last_days), today) + 1 - days.first_days[0]
    return first, np.maximum(end, first + 1)


def _first_done(frame: ItemFrame, query: Query, levels: list[str]) -> int | None:
    """The place among the levels of the first stage that is done."""
    done = {
        stage.name for _, stages in asked_stages_of(frame, query) for stage in stages if stage.flag == "done"
    }
    return next((place for place, name in enumerate(levels) if name in done), None)
