"""Open defects that nobody touches: nothing about them changes for longer than their severity allows."""

from __future__ import annotations

import numpy as np

from metrics_api.catalog import metric
from metrics_api.columns import NEVER, Array, Rows
from metrics_api.core.days import DAY_S
from metrics_api.frames import ItemFrame
from metrics_api.items import Listed, ages, items, standing_rows
from metrics_api.query import EMPTY, Query, Row, rows_of
from metrics_api.selection import field_values
from metrics_api.stretches import counted, ends, open_stretches
from metrics_api.topics import BUGS


@metric(
    "tapd.bugs.untouched",
    topic=BUGS.name,
    splits=(),
    filters=BUGS.fields,
    options=("step", "tz", "by", "asof", "deleted"),
    unit="items",
    timely=True,
)
def untouched(frame: ItemFrame, query: Query) -> list[Row]:
    """Open bugs at the end of each bucket that nobody has touched for as long as their severity allows.

    Nothing that is followed of them changed for at least so many days of 24 hours; owners are followed where
    people are enabled, comments are not. `untouched_days` of each product says for which severities, and how
    many days; bugs of other severities never count. Today's ages are taken now. Definition:
    docs/definitions.md, section 2.
    """
    found = open_stretches(frame, query)
    over = frame.start[found.row].astype(np.int64) + _patience(frame, query, found.row)
    late = np.maximum(found.low, np.searchsorted(ends(query), over))
    counts = counted(found.group, late, found.high, len(found.groups), len(query.buckets))
    if not query.by:
        return [Row((), counts[0])]
    listed = np.flatnonzero(counts.any(axis=1))
    return rows_of(query.by, [found.groups[at] for at in listed], counts[listed])


@items("tapd.bugs.untouched")
def forgotten(frame: ItemFrame, query: Query, at: int) -> Listed:
    """The open bugs nobody touched, those left alone the longest first."""
    rows = standing_rows(frame, query, frame.lookups.open)
    alone = ages(frame.start[rows], at)
    some = alone >= _patience(frame, query, rows)
    return Listed(frame.item[rows[some]], alone[some], "seconds")


def _patience(frame: ItemFrame, query: Query, rows: Rows) -> Array:
    """For how many seconds the bug of each row may be left alone; NEVER: as long as anybody likes."""
    codes, severities = field_values(frame, "severity")
    known = [frame.context.workspaces.get(key) for key in list(frame.dictionaries["workspace"].values)]
    days = [one.settings.untouched_days if one else {} for one in known]
    table = np.array(
        [
            [one[name] * DAY_S if (name := severity or EMPTY) in one else NEVER for severity in severities]
            for one in days
        ],
        dtype=np.int64,
    )
    at = frame.last_row[frame.item[rows]] if query.options.get("asof") == "now" else rows
    found: Array = table[frame.codes["workspace"][at], codes[at]]
    return found
