"""Activity in GitLab, by team, never by person."""

from __future__ import annotations

import numpy as np
import pandas as pd

from metrics_api.catalog import EVENT_FILTERS, metric
from metrics_api.events import EventFrame
from metrics_api.query import Query, Row


@metric(
    "gitlab.events.daily",
    topic="events",
    splits=("action",),
    filters=EVENT_FILTERS,
    options=("step", "tz", "by"),
    unit="events",
)
def daily(frame: EventFrame, query: Query) -> list[Row]:
    """GitLab project events in each bucket, by action in the words of GitLab's answer.

    A bulk push counts once; actions without an event in the window are left out. Definition:
    docs/definitions.md, section 3.
    """
    rows = np.flatnonzero(frame.selected(query))
    bucket = query.bucket_of(frame.days(query.buckets.zone)[rows])
    inside = np.flatnonzero(bucket < len(query.buckets))
    rows, bucket = rows[inside], bucket[inside]
    splits = [query.by, "action"] if query.by and query.by != "action" else ["action"]
    columns = {"bucket": bucket} | {split: frame.texts(split, rows) for split in splits}
    counts = (
        pd.DataFrame(columns)
        .groupby([*splits, "bucket"], sort=True, observed=True)
        .size()
        .unstack("bucket", fill_value=0)
    )
    counts = counts.reindex(columns=range(len(query.buckets)), fill_value=0)
    return [
        Row(tuple(zip(splits, names if isinstance(names, tuple) else (names,), strict=True)), line)
        for names, line in zip(counts.index, counts.to_numpy(), strict=True)
    ]
