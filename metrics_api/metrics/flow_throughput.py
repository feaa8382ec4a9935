"""Throughput: how much work was completed, and how much was dropped."""

from __future__ import annotations

import numpy as np

from metrics_api.catalog import metric
from metrics_api.frames import ItemFrame
from metrics_api.items import Listed, items
from metrics_api.quantiles import counted
from metrics_api.query import Query, Row
from metrics_api.selection import grouped
from metrics_api.topics import BUGS, STORIES
from metrics_api.visits import backdated, buckets_of, completed_at, completions, first_rows

OPTIONS = ("step", "tz", "by", "asof", "deleted")


@metric(
    "tapd.bugs.flow.throughput",
    topic=BUGS.name,
    splits=("outcome",),
    filters=BUGS.fields,
    options=OPTIONS,
    unit="items",
)
@metric(
    "tapd.stories.flow.throughput",
    topic=STORIES.name,
    splits=("outcome",),
    filters=STORIES.fields,
    options=(*OPTIONS, "level"),
    unit="items",
)
def throughput(frame: ItemFrame, query: Query) -> list[Row]:
    """Items completed in each bucket; those dropped are a series of their own, `dropped`.

    An item counts once, in the bucket of its last entry to done before the end of the window, if it is in
    done at that end; what was completed and removed later counts. Dropped is the same of dropped stages. A
    change from dropped to done is an entry to done, one from done to dropped an entry to dropped. A story
    whose history does not tell its entry came there when it was `completed`, as TAPD says. Filters and `by`
    go by the values at that entry. Definition: docs/definitions.md, sections 1 and 5.
    """
    looks, width = frame.lookups, len(query.buckets)
    ended = [completions(frame, query, stages) for stages in (looks.done, looks.dropped)]
    rows, group, names = grouped(frame, query, np.concatenate(ended))
    bucket = buckets_of(query.buckets, completed_at(frame, rows))
    done = looks.done[frame.stage[rows]]
    completed, dropped = (counted(group[which], bucket[which], len(names), width) for which in (done, ~done))
    return [
        Row((*([(query.by, name)] if query.by else []), *outcome), counts[at])
        for at, name in enumerate(names)
        for outcome, counts in (((), completed), ((("outcome", "dropped"),), dropped))
    ]


@items("tapd.bugs.flow.throughput", "tapd.stories.flow.throughput")
def completed(frame: ItemFrame, query: Query, at: int) -> Listed:
    """The completed items, or the dropped ones, those first that it took longest to complete."""
    rows = completions(
        frame, query, frame.lookups.dropped if query.options.get("series") == "dropped" else None
    )
    took = completed_at(frame, rows) - frame.start[first_rows(frame, rows)]
    return Listed(frame.item[rows], np.where(backdated(frame, rows), np.nan, took), "seconds")
