"""Defects by any of their fields: those that are open, or those that were created."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from metrics_api.catalog import metric
from metrics_api.cohorts import created
from metrics_api.columns import Array
from metrics_api.frames import ItemFrame
from metrics_api.items import Listed, ages, items, standing_rows
from metrics_api.query import Query, Row, rows_of
from metrics_api.selection import field_values, groups_of
from metrics_api.stretches import counted, open_stretches
from metrics_api.topics import BUGS
from metrics_api.visits import first_rows


@metric(
    "tapd.bugs.distribution",
    topic={"backlog": BUGS.name, "created": BUGS.name},
    splits=(),
    filters=BUGS.fields,
    options=("step", "tz", "by", "asof", "deleted", "of", "split"),
    unit="items",
    required=("by",),
)
def distribution(frame: ItemFrame, query: Query) -> list[Row]:
    """Bugs by the values of a field: open at the end of each bucket, or with of=created, created in it.

    A bug with several values counts under each, so that the lines may add up to more than there are; with
    split=first it counts under the first one only. Definition: docs/definitions.md, section 2.
    """
    first = query.options.get("split") == "first"
    asked = replace(query, options={**query.options, "by": ""}) if first else query
    if query.options.get("of") == "created":
        births = created(frame, asked)
        group, names = _groups(frame, query, births.row) if first else (births.group, births.groups)
        counts = replace(births, groups=names, group=group).counted()
    else:
        found = open_stretches(frame, asked)
        group, names = _groups(frame, query, found.row) if first else (found.group, found.groups)
        counts = counted(group, found.low, found.high, len(names), len(query.buckets))
    listed = np.flatnonzero(counts.any(axis=1))
    return rows_of(query.by, [names[at] for at in listed], counts[listed])


@items("tapd.bugs.distribution")
def counted_bugs(frame: ItemFrame, query: Query, at: int) -> Listed:
    """The open bugs, or those created in the bucket, by their age since creation."""
    if query.options.get("of") == "created":
        rows = created(frame, replace(query, options={**query.options, "by": ""})).row
    else:
        rows = standing_rows(frame, query, frame.lookups.open)
    if first := query.options.get("series"):
        group, names = _groups(frame, query, rows)
        rows = rows[np.array([name == first for name in names], dtype=np.bool_)[group]]
    return Listed(frame.item[rows], ages(frame.start[first_rows(frame, rows)], at), "seconds")


def _groups(frame: ItemFrame, query: Query, rows: Array) -> tuple[Array, list[str]]:
    """(the group of each row by the first of its values, the names of the groups)."""
    codes, values = field_values(frame, query.by)
    picked = codes[frame.last_row[frame.item[rows]] if query.options.get("asof") == "now" else rows]
    found = groups_of(frame, query.by, picked, values)
    group: Array = found.places[found.first[picked]]
    return group, found.names
