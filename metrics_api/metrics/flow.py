"""Flow: how much work stands in each stage, and how much ever arrived there."""

from __future__ import annotations

import numpy as np

from metrics_api.bands import standing
from metrics_api.catalog import ITEM_FILTERS, metric
from metrics_api.frames import ItemFrame
from metrics_api.history import arrivals
from metrics_api.query import Query, Row
from metrics_api.selection import asked_stages, grouped, selected


@metric(
    "tapd.bugs.flow.cumulative",
    topic="bugs",
    splits=("stage",),
    filters=ITEM_FILTERS,
    options=("step", "tz", "by", "asof", "deleted", "mode", "done_from"),
    unit="items",
)
def cumulative(frame: ItemFrame, query: Query) -> list[Row]:
    """Items in each stage at the end of each bucket (bands), or ever arrived at it (mode=arrivals).

    Bands follow items back and forth; arrivals never fall. With done_from=range the bands of final stages
    count only items whose present visit to that stage began in the window. Statuses without a stage show as
    the band `unmapped`. Definition: metrics.md, section 4.
    """
    stages = asked_stages(frame, query)
    if query.options.get("mode") == "arrivals":
        rows = np.flatnonzero(selected(frame, query))
        group, groups = grouped(frame, query, rows)
        counts = arrivals(frame, rows, group, len(groups), query)
        wanted = {frame.lookups.stages[place] for place in stages}
        names = [name for name in frame.lookups.level_names if name in wanted]
        lines = {name: counts[:, frame.lookups.level_names.index(name)] for name in names}
    else:
        found = standing(frame, query)
        groups = found.groups
        classes = frame.lookups.stage
        unmapped = len(frame.lookups.stages) - 1
        if found.counts[:, classes == unmapped].any():
            stages = [*stages, unmapped]
        lines = {frame.lookups.stages[at]: found.counts[:, classes == at].sum(axis=1) for at in stages}
    return [
        Row({query.by: name, "stage": stage} if query.by else {"stage": stage}, values[at])
        for at, name in enumerate(groups)
        for stage, values in lines.items()
    ]
