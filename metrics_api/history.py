"""Arithmetic over histories: what moved on a day, and what ever arrived.

Shared by the metrics; every function takes a frame, selected segments and a query, and returns one line of
numbers per group and bucket. Definitions: docs/definitions.md, sections 2 (ledger) and 4 (flow).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from metrics_api.bands import accumulated
from metrics_api.columns import Array
from metrics_api.frames import CONTINUES, CREATED, DELETED, MERGED, MOVED, ItemFrame
from metrics_api.lookups import DROPPED_LEVEL
from metrics_api.query import Query

LEDGER = (
    "created", "reopened", "returned", "resolved", "closed",
    "removed", "removed_closed", "moved_in", "moved_out",
)  # fmt: skip


def ledger(frame: ItemFrame, group: Array, groups: int, query: Query) -> Array:
    """The moves of the selected items in each bucket: shape (groups, len(LEDGER), buckets), int64.

    `group` is the group of each segment, negative where it is not selected. Moves are neighbouring segments.
    A move between two segments of a group is one of status; into or out of a group it is moved_in or
    moved_out, of open items only.
    """
    starts, stops = frame.days(query.buckets.zone)
    looks = frame.lookups
    counts = np.zeros((groups, len(LEDGER), len(query.buckets)), dtype=np.int64)

    def count(name: str, which: Array, owner: Array, day: Array) -> None:
        inside, bucket = query.bucket_of(day[which])
        place = owner[which][inside].astype(np.int64) * len(query.buckets) + bucket
        found = np.bincount(place, minlength=groups * len(query.buckets))
        counts[:, LEDGER.index(name)] += found.reshape(groups, -1)

    born = np.flatnonzero((group >= 0) & (frame.begin == CREATED))
    stage, owner, day = frame.stage[born], group[born], starts[born]
    count("created", np.ones(len(born), dtype=np.bool_), owner, day)
    count("closed", ~looks.open[stage], owner, day)
    count("resolved", looks.resolved[stage], owner, day)

    touched = group >= 0
    touched[1:] |= touched[:-1].copy()
    rows = np.flatnonzero(touched & (frame.begin == CONTINUES))
    now, before = frame.stage[rows], frame.stage[rows - 1]
    owner, owned, day = group[rows], group[rows - 1], starts[rows]
    stays = (owner == owned) & (owner >= 0)
    is_open, was_open = looks.open[now], looks.open[before]
    is_resolved, was_resolved = looks.resolved[now], looks.resolved[before]
    earlier = looks.rank[now] < looks.rank[before]
    count("closed", stays & was_open & ~is_open, owner, day)
    count("reopened", stays & ~was_open & is_open, owner, day)
    count("resolved", stays & is_resolved & ~was_resolved, owner, day)
    count("returned", stays & was_resolved & is_open & ~is_resolved & earlier, owner, day)
    count("moved_in", ~stays & (owner >= 0) & is_open, owner, day)
    count("moved_out", ~stays & (owned >= 0) & was_open, owned, day)

    gone = np.flatnonzero((group >= 0) & (frame.end >= DELETED))
    is_open, end = looks.open[frame.stage[gone]], frame.end[gone]
    owner, day = group[gone], stops[gone]
    removed = (end == DELETED) | (end == MERGED)
    count("removed", removed & is_open, owner, day)
    count("removed_closed", removed & ~is_open, owner, day)
    count("moved_out", (end == MOVED) & is_open, owner, day)
    return counts


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
