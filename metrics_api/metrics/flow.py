"""Flow: how much work stands in each stage, and how much ever arrived there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from metrics_api.bands import standing
from metrics_api.catalog import metric
from metrics_api.columns import Array
from metrics_api.core.stages import UNMAPPED
from metrics_api.frames import ItemFrame
from metrics_api.history import arrivals
from metrics_api.items import Listed, ages, items, standing_rows
from metrics_api.query import Query, Row
from metrics_api.selection import allowed, asked_levels, asked_stages
from metrics_api.topics import BUGS, STORIES

OPTIONS = ("step", "tz", "by", "asof", "deleted", "mode", "done_from", "order")


@metric(
    "tapd.bugs.flow.cumulative",
    topic=BUGS.name,
    splits=("stage",),
    filters=BUGS.fields,
    options=OPTIONS,
    unit="items",
)
@metric(
    "tapd.stories.flow.cumulative",
    topic=STORIES.name,
    splits=("stage",),
    filters=STORIES.fields,
    options=(*OPTIONS, "level"),
    unit="items",
)
def cumulative(frame: ItemFrame, query: Query) -> list[Row]:
    """Items in each stage at the end of each bucket (bands), or ever arrived at it (mode=arrivals).

    Bands follow items back and forth; arrivals never fall. With done_from=range the bands of final stages
    count only items whose present visit to that stage began in the window. Statuses without a stage show as
    the band `unmapped`. With order=stacked the stages come as a diagram stacks them, done at the bottom. Of
    stories only those count that no story ever named as its parent, unless `level` says otherwise.
    Definition: docs/definitions.md, section 4.
    """
    if query.options.get("mode") == "arrivals":
        groups, lines = _arrivals(frame, query)
    else:
        groups, lines = _bands(frame, query)
    if query.options.get("order") == "stacked":
        lines = {name: lines[name] for name in _from_the_bottom(frame, list(lines))}
    return [
        Row((*([(query.by, name)] if query.by else []), ("stage", stage)), values[at])
        for at, name in enumerate(groups)
        for stage, values in lines.items()
    ]


@items("tapd.bugs.flow.cumulative", "tapd.stories.flow.cumulative")
def in_stages(frame: ItemFrame, query: Query, at: int) -> Listed:
    """The items in the bands, those first that have been in their stages for longest.

    With mode=arrivals those that ever reached the stage that is asked about as `series`, the first one unless
    it is said otherwise, those first that reached it longest ago.
    """
    if query.options.get("mode") == "arrivals":
        return _arrived(frame, query, at)
    rows = standing_rows(frame, query)
    if query.options.get("done_from") == "range":
        fresh = frame.visit[rows] >= query.since.starts[0]
        rows = rows[frame.lookups.open[frame.stage[rows]] | fresh]
    return Listed(frame.item[rows], ages(frame.visit[rows], at), "seconds")


def _arrived(frame: ItemFrame, query: Query, at: int) -> Listed:
    levels = asked_levels(frame, query)
    stage = query.options.get("series") or next(iter(levels), "")
    alone = replace(query, options={**query.options, "by": ""})
    places = [levels.index(stage)] if stage in levels else []
    found = arrivals(frame, alone, levels, places)
    rows = found.come(0, query.buckets) if places else np.empty(0, dtype=np.int64)
    return Listed(frame.item[rows], ages(frame.start[rows], at), "seconds")


def _from_the_bottom(frame: ItemFrame, names: list[str]) -> list[str]:
    """Final stages, then the open ones from the last to the first, `unmapped` on top."""
    looks = frame.lookups
    open_names = {looks.stages[place] for place in looks.stage[looks.open].tolist()}
    final = [name for name in names if name not in open_names]
    waiting = [name for name in reversed(names) if name in open_names and name != UNMAPPED]
    return [*final, *waiting, *(name for name in names if name == UNMAPPED)]


def _arrivals(frame: ItemFrame, query: Query) -> tuple[list[str], dict[str, Array]]:
    """(groups, a line per group for each stage up to done); a stage filter limits items, not lines."""
    levels = asked_levels(frame, query)
    found = arrivals(frame, query, levels, range(len(levels)))
    counts = found.counted(query.buckets)
    return found.groups, {name: counts[:, at] for at, name in enumerate(levels)}


def _bands(frame: ItemFrame, query: Query) -> tuple[list[str], dict[str, Array]]:
    """(groups, a line per group for each stage the filter leaves, and for `unmapped` if there is any)."""
    found = standing(frame, query)
    places, unmapped = asked_stages(frame, query), len(frame.lookups.stages) - 1
    filters = [one for one in query.filters if one.key == "stage"]
    keep = allowed(frame.lookups.stages, filters)
    counts = {at: found.counts[:, frame.lookups.stage == at].sum(axis=1) for at in (*places, unmapped)}
    shown = [at for at in places if keep[at]] + ([unmapped] if counts[unmapped].any() else [])
    return found.groups, {frame.lookups.stages[at]: counts[at] for at in shown}
