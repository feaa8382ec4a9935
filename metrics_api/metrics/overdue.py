"""Open defects whose day has come and gone."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from metrics_api.catalog import metric
from metrics_api.columns import NO_DAY, Array
from metrics_api.core.days import EPOCH, day_number, day_of, day_start
from metrics_api.frames import ItemFrame
from metrics_api.items import Listed, ages, items, standing_rows
from metrics_api.query import Query, Row
from metrics_api.stretches import counted, joined, open_stretches
from metrics_api.topics import BUGS
from metrics_api.visits import first_rows


@metric(
    "tapd.bugs.overdue",
    topic=BUGS.name,
    splits=("due",),
    filters=BUGS.fields,
    options=("step", "tz", "by", "asof", "deleted"),
    unit="items",
    timely=True,
)
def overdue(frame: ItemFrame, query: Query) -> list[Row]:
    """Open bugs whose due day is over at the end of each bucket, and `no_due_n`, those without a due day.

    Over all of history the due day is today's; a bug that is due today is not overdue yet. Definition:
    docs/definitions.md, section 2.
    """
    found = joined(frame, open_stretches(frame, query))
    due = frame.due[frame.item[found.row]]
    late = np.maximum(found.low, np.searchsorted(_days_over(query), due))
    shape = len(found.groups), len(query.buckets)
    none = due == NO_DAY
    counts = {
        "overdue": counted(found.group, late, found.high, *shape),
        "no_due_n": counted(found.group[none], found.low[none], found.high[none], *shape),
    }
    return [
        Row((*([(query.by, name)] if query.by else []), ("due", kind)), lines[at])
        for at, name in enumerate(found.groups)
        if not query.by or any(lines[at].any() for lines in counts.values())
        for kind, lines in counts.items()
    ]


@items("tapd.bugs.overdue")
def late(frame: ItemFrame, query: Query, at: int) -> Listed:
    """The overdue bugs, by how long their due day has been over; or those without a due day."""
    rows = standing_rows(frame, query, frame.lookups.open)
    due = frame.due[frame.item[rows]]
    asked = query.options.get("series", "overdue")
    if asked == "no_due_n":
        none = rows[due == NO_DAY]
        return Listed(frame.item[none], ages(frame.start[first_rows(frame, none)], at), "seconds")
    some = (due <= _days_over(query)[-1]) & (asked == "overdue")
    days, place = np.unique(due[some], return_inverse=True)
    over = [day_start(EPOCH + timedelta(days=day + 1), query.buckets.zone) for day in days.tolist()]
    return Listed(frame.item[rows[some]], ages(np.array(over, dtype=np.int64)[place], at), "seconds")


def _days_over(query: Query) -> Array:
    """The last day that is over at the end of each bucket, the present one so far."""
    buckets = query.buckets
    before_today = day_number(day_of(query.now, buckets.zone)) - 1
    return np.array(
        [
            last if end <= query.now else before_today
            for last, end in zip(buckets.last_days, buckets.ends, strict=True)
        ]
    )
