"""Defects: what came and went each day, what is left, and where it stands by version."""

from __future__ import annotations

import numpy as np

from metrics_api.bands import standing
from metrics_api.catalog import metric
from metrics_api.frames import ItemFrame
from metrics_api.history import LEDGER, ledger, turning
from metrics_api.items import Listed, ages, items, moved, standing_rows
from metrics_api.query import Query, Row, rows_of
from metrics_api.selection import grouped
from metrics_api.topics import BUGS
from metrics_api.visits import first_rows


@metric(
    "tapd.bugs.change.daily",
    topic=BUGS.name,
    splits=("move",),
    filters=BUGS.fields,
    options=("step", "tz", "by", "asof", "deleted"),
    unit="items",
)
def change(frame: ItemFrame, query: Query) -> list[Row]:
    """Bugs created, reopened, returned, resolved, closed, removed and moved in each bucket: the ledger.

    For every filter the backlog grows by created + reopened + moved_in - closed - removed - moved_out. Split
    by a field, each value has the ledger it would have as a filter; values without a move are left out.
    Definition: docs/definitions.md, section 2.
    """
    rows, group, names = grouped(frame, query, turning(frame, query))
    counts = ledger(frame, rows, group, len(names), query)
    return [
        Row((*([(query.by, name)] if query.by else []), ("move", move)), line)
        for name, moves in zip(names, counts, strict=True)
        if not query.by or moves.any()
        for move, line in zip(LEDGER, moves, strict=True)
    ]


@metric(
    "tapd.bugs.backlog.daily",
    topic=BUGS.name,
    splits=(),
    filters=BUGS.fields,
    options=("step", "tz", "by", "asof", "deleted"),
    unit="items",
)
def backlog(frame: ItemFrame, query: Query) -> list[Row]:
    """Open bugs (neither done nor dropped) at the end of each bucket, split by a field if asked.

    Definition: docs/definitions.md, section 2.
    """
    found = standing(frame, query, frame.lookups.open)
    counts = found.counts.sum(axis=1)
    if not query.by:
        return [Row((), counts[0])]
    return rows_of(query.by, found.groups, counts)


@items("tapd.bugs.change.daily")
def changed(frame: ItemFrame, query: Query, at: int) -> Listed:
    """The bugs that came, went or moved in the bucket, by how often that happened."""
    asked = query.options.get("series", "")
    return moved(frame, query, [move for move in LEDGER if asked in ("", move)])


@items("tapd.bugs.backlog.daily")
def open_bugs(frame: ItemFrame, query: Query, at: int) -> Listed:
    """The open bugs, the oldest by their creation first."""
    rows = standing_rows(frame, query, frame.lookups.open)
    return Listed(frame.item[rows], ages(frame.start[first_rows(frame, rows)], at), "seconds")


@metric(
    "tapd.product.version.bugs",
    topic=BUGS.name,
    splits=("version",),
    filters=BUGS.fields,
    options=("tz", "asof", "deleted"),
    unit="items",
    last_only=True,
)
def by_version(frame: ItemFrame, query: Query) -> list[Row]:
    """Bugs, open or not, that have each version at the end of the window; removed ones are not counted.

    Versions without bugs are not listed. Definition: docs/definitions.md, section 2.
    """
    split = Query(query.buckets, query.filters, {**query.options, "by": "version"}, query.products)
    found = standing(frame, split)
    counts = found.counts.sum(axis=1)
    listed = np.flatnonzero(counts[:, -1] > 0)
    return rows_of("version", [found.groups[at] for at in listed], counts[listed])


@items("tapd.product.version.bugs")
def bugs_of_versions(frame: ItemFrame, query: Query, at: int) -> Listed:
    """The bugs that are there, the oldest by their creation first."""
    rows = standing_rows(frame, query)
    return Listed(frame.item[rows], ages(frame.start[first_rows(frame, rows)], at), "seconds")
