"""Defects that came back: how many of those that were thought to be over, and how many each day."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from metrics_api.catalog import metric
from metrics_api.cohorts import Cohort, cohort, first_ever, shares
from metrics_api.columns import Mask, Rows, spread
from metrics_api.core.days import DAY_S, day_of
from metrics_api.frames import ItemFrame
from metrics_api.history import LEDGER, ledger
from metrics_api.items import Listed, items, moved
from metrics_api.query import Query, Row, rows_of
from metrics_api.segments import CONTINUES
from metrics_api.selection import grouped, selected
from metrics_api.topics import BUGS
from metrics_api.visits import begun

OPTIONS = ("step", "tz", "by", "asof", "deleted")
# For so long after a bug was thought to be over it often comes back.
MATURING_S = 14 * DAY_S


@metric(
    "tapd.bugs.reopen.rate",
    topic=BUGS.name,
    splits=("way",),
    filters=BUGS.fields,
    options=OPTIONS,
    unit="ratio",
    timely=True,
)
def rate(frame: ItemFrame, query: Query) -> list[Row]:
    """Of the bugs resolved, closed or rejected for the first time in each bucket, how many came back since.

    Reopened or returned at any time later, and each of the two apart; null where there are none. The tag
    `maturing` tells the day from which on buckets are younger than two weeks: more of their bugs may yet come
    back. Filters and `by` go by the values at that first entry. Definition: docs/definitions.md, section 2.
    """
    found = _over(frame, query)
    reopened, returned = _came_back(frame, found.row)
    ways = {(): reopened | returned, (("way", "reopened"),): reopened, (("way", "returned"),): returned}
    lines = {way: shares(found.counted(which), found.counted()) for way, which in ways.items()}
    return [
        Row((*found.split(query, at), *way), line[at], _maturing(query))
        for at in range(len(found.groups))
        for way, line in lines.items()
    ]


@items("tapd.bugs.reopen.rate")
def back(frame: ItemFrame, query: Query, at: int) -> Listed:
    """The bugs of the bucket that came back."""
    rows = _over(frame, replace(query, options={**query.options, "by": ""})).row
    reopened, returned = _came_back(frame, rows)
    ways = {"": reopened | returned, "reopened": reopened, "returned": returned}
    rows = rows[ways.get(query.options.get("series", ""), np.zeros(len(rows), dtype=np.bool_))]
    return Listed(frame.item[rows], np.ones(len(rows)), "bugs")


def _over(frame: ItemFrame, query: Query) -> Cohort:
    """The bugs that were resolved, done or dropped for the first time."""
    over = frame.lookups.resolved | ~frame.lookups.open
    rows = begun(frame, query, stages=over)
    return cohort(frame, query, rows[first_ever(frame, rows, over)])


def _came_back(frame: ItemFrame, rows: Rows) -> tuple[Mask, Mask]:
    """Which of the items of some rows were reopened after them, and which returned."""
    looks = frame.lookups
    reopened, returned = np.zeros((2, len(rows)), dtype=np.bool_)
    later, which = spread(rows + 1, frame.last_row[frame.item[rows]] - rows)
    before, after = frame.stage[later - 1], frame.stage[later]
    was_open, is_open = looks.open[before], looks.open[after]
    reopened[which[~was_open & is_open]] = True
    left = np.flatnonzero(looks.resolved[before] & was_open & is_open)
    before, after = before[left], after[left]
    back = ~looks.resolved[after] & (looks.rank[after] < looks.rank[before])
    returned[which[left[back]]] = True
    return reopened, returned


def _maturing(query: Query) -> tuple[tuple[str, str], ...]:
    """The tag that says from which day on the numbers may still rise; none where they will not."""
    buckets = query.buckets
    young = (
        start for start, end in zip(buckets.starts, buckets.ends, strict=True) if end > query.now - MATURING_S
    )
    first = next(young, None)
    return () if first is None else (("maturing", day_of(first, buckets.zone).isoformat()),)


@metric(
    "tapd.bugs.reopen.count",
    topic=BUGS.name,
    splits=(),
    filters=BUGS.fields,
    options=OPTIONS,
    unit="items",
)
def count(frame: ItemFrame, query: Query) -> list[Row]:
    """Bugs reopened in each bucket: moved from done or dropped to an open stage, each time.

    The same as `reopened` in the ledger. Definition: docs/definitions.md, section 2.
    """
    is_open = frame.lookups.open
    rows = begun(frame, query, lambda part: frame.begin[part] == CONTINUES, stages=is_open)
    rows = rows[~is_open[frame.stage[rows - 1]]]
    # What the ledger looks at: the segments that begin with a reopening, and those before them.
    near = np.unique(np.concatenate([rows - 1, rows]))
    near, group, groups = grouped(frame, query, near[selected(frame, query, near)])
    counts = ledger(frame, near, group, len(groups), query)[:, LEDGER.index("reopened")]
    if not query.by:
        return [Row((), counts[0])]
    listed = np.flatnonzero(counts.any(axis=1))
    return rows_of(query.by, [groups[at] for at in listed], counts[listed])


@items("tapd.bugs.reopen.count")
def reopened(frame: ItemFrame, query: Query, at: int) -> Listed:
    """The bugs that were reopened in the bucket, by how often."""
    return moved(frame, query, ("reopened",))
