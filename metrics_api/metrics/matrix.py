"""Where the open defects stand, by how serious they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from metrics_api.bands import standing
from metrics_api.catalog import metric
from metrics_api.frames import ItemFrame
from metrics_api.items import Listed, ages, items, standing_rows
from metrics_api.query import Query, Row
from metrics_api.selection import allowed, asked_stages
from metrics_api.topics import BUGS
from metrics_api.visits import first_rows


@metric(
    "tapd.bugs.matrix",
    topic=BUGS.name,
    splits=("severity", "stage"),
    filters=BUGS.fields,
    options=("tz", "asof", "deleted"),
    unit="items",
    last_only=True,
)
def matrix(frame: ItemFrame, query: Query) -> list[Row]:
    """Open bugs at the end of the window by severity and stage; the cells add up to the backlog.

    Severities without an open bug are left out, open stages without one are not. Definition:
    docs/definitions.md, section 2.
    """
    split = replace(query, options={**query.options, "by": "severity"})
    found = standing(frame, split, frame.lookups.open)
    looks = frame.lookups
    filters = [one for one in query.filters if one.key == "stage"]
    keep = allowed(looks.stages, filters)
    is_open = np.zeros(len(looks.stages), dtype=np.bool_)
    is_open[looks.stage[looks.open]] = True
    counts = {at: found.counts[:, looks.stage == at].sum(axis=1) for at in range(len(looks.stages))}
    asked = {at for at in asked_stages(frame, query) if keep[at] and is_open[at]}
    shown = [at for at, cells in counts.items() if at in asked or cells.any()]
    return [
        Row((("severity", name), ("stage", looks.stages[at])), counts[at][place])
        for place, name in enumerate(found.groups)
        if found.counts[place].any()
        for at in shown
    ]


@items("tapd.bugs.matrix")
def open_bugs(frame: ItemFrame, query: Query, at: int) -> Listed:
    """The open bugs, by their age since creation."""
    rows = standing_rows(frame, query, frame.lookups.open)
    return Listed(frame.item[rows], ages(frame.start[first_rows(frame, rows)], at), "seconds")
