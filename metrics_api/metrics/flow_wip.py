"""Work in progress: how many items are being worked on, and how many the teams want that to be at most."""

from __future__ import annotations

import numpy as np

from metrics_api.bands import standing
from metrics_api.catalog import metric
from metrics_api.core.stages import in_progress
from metrics_api.frames import ItemFrame
from metrics_api.items import Listed, ages, items, standing_rows
from metrics_api.query import Query, Row, rows_of
from metrics_api.selection import allowed, asked_stages_of, natural_order
from metrics_api.topics import BUGS, STORIES
from metrics_api.wip import began

OPTIONS = ("step", "tz", "by", "asof", "deleted")

# By what a number of items and a limit can stand side by side; other fields have no limits.
LIMITED = ("", "stage", "product")


@metric(
    "tapd.bugs.flow.wip",
    topic=BUGS.name,
    splits=("line",),
    filters=BUGS.fields,
    options=OPTIONS,
    unit="items",
)
@metric(
    "tapd.stories.flow.wip",
    topic=STORIES.name,
    splits=("line",),
    filters=STORIES.fields,
    options=(*OPTIONS, "level"),
    unit="items",
)
def wip(frame: ItemFrame, query: Query) -> list[Row]:
    """Items in work at the end of each bucket: in any stage from the first active one up to done.

    Waiting stages before the first active one are the backlog, not work in progress; statuses without a stage
    are in neither. With by=stage or by=product the limits of the configuration stand beside the lines, as
    `limit/NAME`, without `by` their sum as `limit`: where all stages concerned have one, and nothing but
    products and stages is filtered by. They are today's, over the whole window. Definition:
    docs/definitions.md, section 1.
    """
    found = standing(frame, query, frame.lookups.wip)
    counts = found.counts.sum(axis=1)
    limits = _limits(frame, query)
    if not query.by:
        rows = [Row((), counts[0])]
    else:
        shown = dict(zip(found.groups, counts, strict=True))
        if query.by == "stage":
            none = np.zeros(len(query.buckets), dtype=np.int64)
            shown |= {name: none for name in _stages(frame, query) if name not in shown}
        names = natural_order(frame, query.by, set(shown))
        rows = rows_of(query.by, names, np.array([shown[name] for name in names]))
    return rows + [
        Row(
            (("line", "limit"), *([(query.by, name)] if name else [])),
            np.full(len(query.buckets), limit, dtype=np.int64),
        )
        for name, limit in limits.items()
    ]


@items("tapd.bugs.flow.wip", "tapd.stories.flow.wip", configured=("limit",))
def in_work(frame: ItemFrame, query: Query, at: int) -> Listed:
    """The items in work, those first that have been in work for longest."""
    rows = standing_rows(frame, query, frame.lookups.wip)
    return Listed(frame.item[rows], ages(frame.start[began(frame, rows)], at), "seconds")


def _limits(frame: ItemFrame, query: Query) -> dict[str, int]:
    """By name of the query's `by` ("" without one) the limit of all stages concerned, where all have one."""
    narrowed = any(one.key not in ("product", "stage") for one in query.filters)
    if narrowed or query.by not in LIMITED or query.options.get("asof") == "now" or query.level != "leaf":
        return {}
    found: dict[str, dict[tuple[str, str], int | None]] = {}
    for (product, stage), limit in _stage_limits(frame, query).items():
        name = {"": "", "stage": stage, "product": product}[query.by]
        found.setdefault(name, {})[product, stage] = limit
    whole = {
        name: sum(one for one in limits.values() if one is not None)
        for name, limits in found.items()
        if None not in limits.values()
    }
    return {name: whole[name] for name in natural_order(frame, query.by, set(whole))}


def _stages(frame: ItemFrame, query: Query) -> set[str]:
    """The stages of work in progress that are asked for; by today's stages nobody asks for any."""
    if query.options.get("asof") == "now":
        return set()
    return {stage for _, stage in _stage_limits(frame, query)}


def _stage_limits(frame: ItemFrame, query: Query) -> dict[tuple[str, str], int | None]:
    """The limit of each stage of work in progress of each product asked for, None where there is none."""
    filters = [one for one in query.filters if one.key == "stage"]
    found: dict[tuple[str, str], int | None] = {}
    for product, stages in asked_stages_of(frame, query):
        for stage in in_progress(stages):
            if allowed([stage.name], filters)[0]:
                found[product, stage.name] = stage.limit
    return found
