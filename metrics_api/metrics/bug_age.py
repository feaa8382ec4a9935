"""How old the open defects are."""

from __future__ import annotations

import numpy as np

from metrics_api.catalog import metric
from metrics_api.columns import Array, Rows
from metrics_api.core.days import DAY_S
from metrics_api.frames import ItemFrame
from metrics_api.items import Listed, ages, items, standing_rows
from metrics_api.query import Query, Row
from metrics_api.segments import CONTINUES
from metrics_api.stretches import counted, first_ends_after, joined, open_stretches
from metrics_api.topics import BUGS
from metrics_api.visits import first_rows

# From how many days of 24 hours on a bug is in each; up to where the next one begins.
AGES = {"0-1": 0, "1-3": 1, "3-7": 3, "7-14": 7, "14-30": 14, "30-90": 30, ">90": 90}


@metric(
    "tapd.bugs.age",
    topic=BUGS.name,
    splits=("age",),
    filters=BUGS.fields,
    options=("step", "tz", "by", "asof", "deleted", "since"),
    unit="items",
    timely=True,
)
def age(frame: ItemFrame, query: Query) -> list[Row]:
    """Open bugs at the end of each bucket by age: days of 24 hours since their creation.

    With since=last, since they were last reopened. Today's age is taken now. A bug is in `1-3` from the
    moment it is a day old until it is three days old; the bands add up to the backlog. Definition:
    docs/definitions.md, section 2.
    """
    reopened = query.options.get("since") == "last"
    found = open_stretches(frame, query)
    found = found if reopened else joined(frame, found)
    shape = len(found.groups), len(query.buckets)
    since = _since(frame, found.row, reopened)
    group, low, high = found.group, found.low, found.high
    older = []
    for days in AGES.values():
        if days:
            low = np.maximum(low, first_ends_after(query, since + days * DAY_S))
        older.append(counted(group, low, high, *shape))
        still = np.flatnonzero(low < high)
        group, low, high, since = group[still], low[still], high[still], since[still]
    bands = np.stack(older, axis=1)
    bands[:, :-1] -= bands[:, 1:]
    return [
        Row((*([(query.by, name)] if query.by else []), ("age", band)), line)
        for name, lines in zip(found.groups, bands, strict=True)
        if not query.by or lines.any()
        for band, line in zip(AGES, lines, strict=True)
    ]


@items("tapd.bugs.age")
def aged(frame: ItemFrame, query: Query, at: int) -> Listed:
    """The open bugs, the oldest first."""
    rows = standing_rows(frame, query, frame.lookups.open)
    old = ages(_since(frame, rows, query.options.get("since") == "last"), at)
    if asked := query.options.get("series"):
        band = np.searchsorted(np.array(list(AGES.values())) * DAY_S, old, side="right") - 1
        some = np.array([name == asked for name in AGES])[band]
        rows, old = rows[some], old[some]
    return Listed(frame.item[rows], old, "seconds")


def _since(frame: ItemFrame, rows: Rows, reopened: bool) -> Array:
    """The creation of the item of each open row, or its last reopening by then where there is one."""
    first = _opened(frame, rows) if reopened else first_rows(frame, rows)
    return frame.start[first].astype(np.int64)


def _opened(frame: ItemFrame, rows: Rows) -> Rows:
    """The rows from which on the items of some open rows have been open."""
    found = rows.copy()
    at, which = rows, np.arange(len(rows))
    while len(at):
        more = (frame.begin[at] == CONTINUES) & frame.lookups.open[frame.stage[at - 1]]
        at, which = at[more] - 1, which[more]
        found[which] = at
    return found
