"""Arithmetic over histories: what moved on a day, and what ever arrived.

Shared by the metrics; every function takes a frame, selected segments and a query, and returns one line of
numbers per group and bucket. Definitions: docs/definitions.md, sections 2 (ledger) and 4 (flow).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from metrics_api.bands import accumulated
from metrics_api.columns import Array, Mask
from metrics_api.frames import CONTINUES, CREATED, DELETED, MERGED, MOVED, ItemFrame
from metrics_api.lookups import DROPPED_LEVEL
from metrics_api.query import Query

LEDGER = (
    "created", "reopened", "returned", "resolved", "closed",
    "removed", "removed_closed", "moved_in", "moved_out",
)  # fmt: skip


def ledger(frame: ItemFrame, mask: Mask, query: Query) -> Array:
    """The moves of the selected items in each bucket: shape (len(LEDGER), buckets), int64.

    Moves are neighbouring segments. A move between two selected segments is one of status; into or out of the
    selection it is moved_in or moved_out, of open items only.
    """
    starts, stops = frame.days(query.buckets.zone)
    looks = frame.lookups
    counts = dict.fromkeys(LEDGER, np.zeros(len(query.buckets), dtype=np.int64))

    born = np.flatnonzero(mask & (frame.begin == CREATED))
    stage, day = frame.stage[born], starts[born]
    counts["created"] = query.counted(day)
    counts["closed"] = query.counted(day[~looks.open[stage]])
    counts["resolved"] = query.counted(day[looks.resolved[stage]])

    inside = mask.copy()
    inside[1:] |= mask[:-1]
    rows = np.flatnonzero(inside & (frame.begin == CONTINUES))
    now, before = frame.stage[rows], frame.stage[rows - 1]
    selected, was_selected = mask[rows], mask[rows - 1]
    stays, day = selected & was_selected, starts[rows]
    is_open, was_open = looks.open[now], looks.open[before]
    is_resolved, was_resolved = looks.resolved[now], looks.resolved[before]
    earlier = looks.rank[now] < looks.rank[before]
    for name, which in (
        ("closed", stays & was_open & ~is_open),
        ("reopened", stays & ~was_open & is_open),
        ("resolved", stays & is_resolved & ~was_resolved),
        ("returned", stays & was_resolved & is_open & ~is_resolved & earlier),
        ("moved_in", selected & ~was_selected & is_open),
        ("moved_out", was_selected & ~selected & was_open),
    ):
        counts[name] = counts[name] + query.counted(day[which])

    gone = np.flatnonzero(mask & (frame.end >= DELETED))
    is_open, end, day = looks.open[frame.stage[gone]], frame.end[gone], stops[gone]
    removed = (end == DELETED) | (end == MERGED)
    counts["removed"] = query.counted(day[removed & is_open])
    counts["removed_closed"] = query.counted(day[removed & ~is_open])
    counts["moved_out"] = counts["moved_out"] + query.counted(day[(end == MOVED) & is_open])
    return np.array([counts[name] for name in LEDGER])


def arrivals(
    frame: ItemFrame, rows: Array, group: Array, groups: int, levels: Sequence[str], query: Query
) -> Array:
    """Items that ever reached each level by the end of each bucket: shape (groups, levels, buckets), int64.

    `rows` are the selected segments in the frame's order, `group` the group of each, `levels` the stages up
    to done that are asked for. An item is counted from the moment it was selected with its high-water mark
    at the level or beyond; the mark is kept through stages without a level and counts what happened outside
    the selection as well.
    """
    item, mark = frame.item[rows], marks(frame, rows, levels)
    day = frame.days(query.buckets.zone)[0][rows]
    if groups > 1:
        order = np.lexsort((rows, item, group))
        item, mark, group, day = item[order], mark[order], group[order], day[order]
    before = np.zeros(len(rows), dtype=mark.dtype)
    same = (item[1:] == item[:-1]) & (group[1:] == group[:-1])
    before[1:][same] = mark[:-1][same]
    lines = [
        accumulated(group[now], day[now], None, groups, query.buckets)
        for now in ((before < level) & (mark >= level) for level in range(1, len(levels) + 1))
    ]
    return np.stack(lines, axis=1) if lines else np.empty((groups, 0, len(query.buckets)), dtype=np.int64)


def marks(frame: ItemFrame, rows: Array, levels: Sequence[str]) -> Array:
    """The highest of the levels (from 1, 0 for none) that the item of each of the rows had reached by then.

    A workspace's own levels are translated into those asked for. An item that came from a workspace with
    other stages keeps what both have in common.
    """
    looks = frame.lookups
    place = {name: number for number, name in enumerate(levels, start=1)}
    table = np.zeros((len(looks.flows), DROPPED_LEVEL + 1), dtype=np.uint8)
    for flow, names in enumerate(looks.flows):
        reached = np.array([place.get(name, 0) for name in names], dtype=np.uint8)
        table[flow, 1 : len(names) + 1] = np.maximum.accumulate(reached)
        table[flow, DROPPED_LEVEL] = len(levels)
    found: Array = table[looks.flow_of[frame.codes["workspace"][rows]], frame.mark[rows]]
    crossing = frame.crossing
    if crossing.size and len(rows):
        flows = looks.flow_of[frame.codes["workspace"][crossing]]
        own = table[flows, looks.level[frame.stage[crossing]]].astype(np.int64)
        base = np.cumsum(frame.begin[crossing] != CONTINUES) << 8
        whole = np.maximum.accumulate(base | own) & 0xFF
        at = np.minimum(np.searchsorted(rows, crossing), len(rows) - 1)
        hit = rows[at] == crossing
        found[at[hit]] = whole[hit]
    return found
