"""Defects that were none: how many of those that ended were refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from metrics_api.catalog import metric
from metrics_api.cohorts import cohort, shares
from metrics_api.frames import ItemFrame
from metrics_api.items import Listed, items
from metrics_api.query import Query, Row
from metrics_api.topics import BUGS
from metrics_api.visits import completions


@metric(
    "tapd.bugs.invalid.rate",
    topic=BUGS.name,
    splits=(),
    filters=BUGS.fields,
    options=("step", "tz", "by", "asof", "deleted"),
    unit="ratio",
)
def rate(frame: ItemFrame, query: Query) -> list[Row]:
    """Of the bugs that ended in each bucket, done or dropped, how many were dropped.

    A bug counts once, as for the throughput: in the bucket of its last entry to done or to dropped before the
    end of the window, if it is there at that end. Null where none ended. With by=resolution the lines are
    parts of the whole rate: of all that ended, those dropped with each resolution. Definition:
    docs/definitions.md, section 2.
    """
    looks = frame.lookups
    rows = [completions(frame, query, stages) for stages in (looks.done, looks.dropped)]
    ended = np.sort(np.concatenate(rows))
    found = cohort(frame, query, ended)
    invalid = found.counted(looks.dropped[frame.stage[found.row]])
    if query.by == "resolution":
        whole = cohort(frame, replace(query, options={**query.options, "by": ""}), ended)
        some = invalid.any(axis=1)
        lines = shares(invalid, whole.counted())
    else:
        some = np.ones(len(found.groups), dtype=np.bool_)
        lines = shares(invalid, found.counted())
    return [Row(found.split(query, at), lines[at]) for at in np.flatnonzero(some).tolist()]


@items("tapd.bugs.invalid.rate")
def refused(frame: ItemFrame, query: Query, at: int) -> Listed:
    """The bugs of the bucket that were dropped."""
    rows = completions(frame, query, frame.lookups.dropped)
    return Listed(frame.item[rows], np.ones(len(rows)), "bugs")
