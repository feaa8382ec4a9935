"""Activity in GitLab, by team, never by person."""

from __future__ import annotations

import numpy as np

from metrics_api.catalog import EVENT_FILTERS, metric
from metrics_api.events import EventFrame
from metrics_api.query import Query, Row, rows_of


@metric(
    "gitlab.events.daily",
    topic="events",
    splits=("action",),
    filters=EVENT_FILTERS,
    options=("step", "tz"),
    unit="events",
)
def daily(frame: EventFrame, query: Query) -> list[Row]:
    """GitLab project events in each bucket, by action in the words of GitLab's answer.

    A bulk push counts once. Definition: metrics.md, section 3, Activity, and section 5, GitLab.
    """
    rows = np.flatnonzero(frame.selected(query))
    inside, bucket = query.bucket_of(frame.days(query.buckets.zone)[rows])
    action = frame.codes["action"][rows]
    names = list(frame.dictionaries["action"].values)
    present = sorted(np.unique(action).tolist(), key=lambda code: names[code])
    place = np.zeros(len(names), dtype=np.int64)
    place[present] = np.arange(len(present))
    size = len(query.buckets)
    flat = place[action[inside]] * size + bucket
    counts = np.bincount(flat, minlength=len(present) * size).reshape(len(present), size)
    return rows_of("action", [names[code] for code in present], counts)
