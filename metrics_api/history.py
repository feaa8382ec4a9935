"""Arithmetic over histories: what moved on a day, and what ever arrived.

Shared by the metrics; every function takes a frame, selected segments and a query, and returns one line of
numbers per group and bucket. Definitions: docs/definitions.md, sections 2 (ledger) and 4 (flow).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from metrics_api.bands import accumulated
from metrics_api.columns import Array, Mask
from metrics_api.frames import ItemFrame
from metrics_api.lookups import DROPPED_LEVEL
from metrics_api.query import Query
from metrics_api.segments import CONTINUES, CREATED, DELETED, MERGED, MOVED

LEDGER = (
    "created", "reopened", "returned", "resolved", "closed",
    "removed", "removed_closed", "moved_in", "moved_out",
)  # fmt: skip


def ledger(frame: ItemFrame, rows: Array, group: Array, groups: int, query: Query) -> Array:
    """The moves of the selected items in each bucket: shape (groups, len(LEDGER), buckets), int64.

    `rows` are the selected segments in the frame's order, `group` the group of each; a segment may stand in
    several groups. Moves are neighbouring segments. A move between two segments of a group is one of status;
    into or out of a group it is moved_in or moved_out, of open items only.
    """
    if (rows[1:] == rows[:-1]).any():
        order = _by_group(group, groups)
        rows, group = rows[order], group[order]
    looks = frame.lookups
    start, stop = (days[rows] for days in frame.days(query.buckets.zone))
    stage, begin, end = frame.stage[rows], frame.begin[rows], frame.end[rows]
    is_open, is_resolved, rank = looks.open[stage], looks.resolved[stage], looks.rank[stage]
    counts = np.zeros((groups, len(LEDGER), len(query.buckets)), dtype=np.int64)

    def count(name: str, which: Mask, day: Array) -> None:
        inside, bucket = query.bucket_of(day[which])
        line = group[which][inside] * len(query.buckets) + bucket
        found = np.bincount(line, minlength=groups * len(query.buckets))
        counts[:, LEDGER.index(name)] = found.reshape(groups, len(query.buckets))

    # Whether a segment goes on where the one before it in its group ended, and what that one was.
    follows = np.zeros(len(rows), dtype=np.bool_)
    follows[1:] = (rows[1:] == rows[:-1] + 1) & (group[1:] == group[:-1])
    follows &= begin == CONTINUES
    was_open, was_resolved, was_later = (np.zeros(len(rows), dtype=np.bool_) for _ in range(3))
    was_open[1:], was_resolved[1:], was_later[1:] = is_open[:-1], is_resolved[:-1], rank[:-1] > rank[1:]
    born = begin == CREATED
    count("created", born, start)
    count("closed", ~is_open & (born | (follows & was_open)), start)
    count("resolved", is_resolved & (born | (follows & ~was_resolved)), start)
    count("reopened", follows & is_open & ~was_open, start)
    count("returned", follows & is_open & ~is_resolved & was_resolved & was_later, start)
    count("moved_in", is_open & ~follows & ~born, start)

    followed = np.append(follows[1:], False)[: len(rows)]
    removed = (end == DELETED) | (end == MERGED)
    count("removed", is_open & removed, stop)
    count("removed_closed", ~is_open & removed, stop)
    count("moved_out", is_open & ((end == MOVED) | (end == CONTINUES)) & ~followed, stop)
    return counts


def arrivals(
    frame: ItemFrame,
    rows: Array,
    group: Array,
    groups: int,
    levels: Sequence[str],
    query: Query,
    shown: Sequence[int] | None = None,
) -> Array:
    """Items that ever reached each level by the end of each bucket: shape (groups, levels, buckets), int64.

    `rows` are the selected segments in the frame's order, `group` the group of each; a segment may stand in
    several groups. `levels` are the stages up to done that are asked for. An item is counted from the moment
    it was selected with its high-water mark at the level or beyond; the mark is kept through stages without a
    level and counts what happened outside the selection as well. With `shown` only the lines of the levels at
    these places are answered.
    """
    item, mark = frame.item[rows], marks(frame, rows, levels)
    day = frame.days(query.buckets.zone)[0][rows]
    if groups > 1:
        order = _by_group(group, groups)
        item, mark, group, day = item[order], mark[order], group[order], day[order]
    before = np.zeros(len(rows), dtype=mark.dtype)
    same = (item[1:] == item[:-1]) & (group[1:] == group[:-1])
    before[1:][same] = mark[:-1][same]
    shown = range(len(levels)) if shown is None else shown
    lines = [
        accumulated(group[now], day[now], None, groups, query.buckets)
        for now in ((before <= place) & (mark > place) for place in shown)
    ]
    return np.stack(lines, axis=1) if lines else np.empty((groups, 0, len(query.buckets)), dtype=np.int64)


def _by_group(group: Array, groups: int) -> Array:
    """The order in which groups stand one after another, each in the frame's order: items stay together."""
    return np.argsort(group.astype(np.min_scalar_type(groups)), kind="stable")


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
    if crossing.size:
        flows = looks.flow_of[frame.codes["workspace"][crossing]]
        own = table[flows, looks.level[frame.stage[crossing]]].astype(np.int64)
        base = np.cumsum(frame.begin[crossing] != CONTINUES) << 8
        whole = np.maximum.accumulate(base | own) & 0xFF
        at = np.minimum(np.searchsorted(crossing, rows), len(crossing) - 1)
        hit = crossing[at] == rows
        found[hit] = whole[at[hit]]
    return found
