"""Arithmetic over histories: what moved on a day, and what ever arrived.

Shared by the metrics; every function takes a frame, selected segments and a query, and returns one line of
numbers per group and bucket. Definitions: docs/definitions.md, sections 2 (ledger) and 4 (flow).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from metrics_api.bands import accumulated
from metrics_api.columns import Array, Mask, Rows, looked_up
from metrics_api.core.days import Buckets
from metrics_api.frames import ItemFrame
from metrics_api.lookups import DROPPED_LEVEL
from metrics_api.narrowing import WHOLE, Condition, either, pieces, within
from metrics_api.query import Query
from metrics_api.segments import CONTINUES, DELETED, MERGED, MOVED
from metrics_api.selection import allowed_workspaces, chosen, field_values, grouped, selected

LEDGER = (
    "created", "reopened", "returned", "resolved", "closed",
    "removed", "removed_closed", "moved_in", "moved_out",
)  # fmt: skip


_Parts = tuple[list[Rows], list[Rows]]
_NONE: Rows = np.empty(0, dtype=np.int64)


def ledger(frame: ItemFrame, rows: Array, group: Array, groups: int, query: Query) -> Array:
    """The moves of the selected items in each bucket: shape (groups, len(LEDGER), buckets), int64.

    `rows` are the selected segments in the frame's order, `group` the group of each; a segment may stand in
    several groups. Moves are neighbouring segments. A move between two segments of a group is one of status;
    into or out of a group it is moved_in or moved_out, of open items only.
    """
    if (rows[1:] == rows[:-1]).any():
        order = _by_group(group, groups)
        rows, group = rows[order], group[order]
    looks, width = frame.lookups, len(query.buckets)
    start, stop = (query.bucket_of(days[rows]) for days in frame.days(query.buckets.zone))
    stage, begin, end = frame.stage[rows], frame.begin[rows], frame.end[rows]
    is_open, is_resolved = looked_up(looks.open, stage), looked_up(looks.resolved, stage)
    counts = np.zeros((groups, len(LEDGER), width), dtype=np.int64)

    def count(name: str, which: Mask, bucket: Array) -> None:
        places = np.flatnonzero(which)
        line = bucket[places] if groups == 1 else group[places] * (width + 1) + bucket[places]
        found = np.bincount(line, minlength=groups * (width + 1)).reshape(groups, width + 1)
        counts[:, LEDGER.index(name)] = found[:, :width]

    # Whether a segment goes on where the one before it in its group ended, and what that one was.
    follows = np.zeros(len(rows), dtype=np.bool_)
    follows[1:] = rows[1:] == rows[:-1] + 1
    if groups > 1:
        follows[1:] &= group[1:] == group[:-1]
    follows &= begin == CONTINUES
    was_open, was_resolved, was_later = np.zeros((3, len(rows)), dtype=np.bool_)
    was_open[1:], was_resolved[1:] = is_open[:-1], is_resolved[:-1]
    left = np.flatnonzero(follows & was_resolved)
    was_later[left] = looks.rank[stage[left - 1]] > looks.rank[stage[left]]
    born = begin != CONTINUES
    count("created", born, start)
    count("closed", ~is_open & (born | (follows & was_open)), start)
    count("resolved", is_resolved & (born | (follows & ~was_resolved)), start)
    count("reopened", follows & is_open & ~was_open, start)
    count("returned", was_later & is_open & ~is_resolved, start)
    count("moved_in", is_open & ~follows & ~born, start)

    followed = np.append(follows[1:], False)[: len(rows)]
    removed = (end == DELETED) | (end == MERGED)
    count("removed", is_open & removed, stop)
    count("removed_closed", ~is_open & removed, stop)
    count("moved_out", is_open & ((end == MOVED) | (end == CONTINUES)) & ~followed, stop)
    return counts


def turning(frame: ItemFrame, query: Query) -> Rows:
    """The selected segments that moves in the query's buckets are told from: they begin or end in these."""
    first, last = query.buckets.first_days[0], query.buckets.last_days[-1]
    starts, stops = (within(days, first, last) for days in frame.days(query.buckets.zone))
    blocks = frame.blocks.starting(first, last) | frame.blocks.stopping(first, last)
    return chosen(frame, query, either(starts, stops), blocks=blocks)


@dataclass(frozen=True)
class Arrivals:
    """The segments with which items first reached each of some levels: rows, groups and start days by level.

    `groups` are the names of all groups that anything selected is in.
    """

    groups: list[str]
    row: list[Rows]
    group: list[Array]
    day: list[Array]

    def counted(self, buckets: Buckets) -> Array:
        """How many had arrived by the end of each bucket: shape (groups, levels, buckets), int64."""
        size = len(self.groups)
        lines = [
            accumulated(group, day, None, size, buckets)
            for group, day in zip(self.group, self.day, strict=True)
        ]
        return np.stack(lines, axis=1) if lines else np.empty((size, 0, len(buckets)), dtype=np.int64)

    def come(self, place: int, buckets: Buckets) -> Rows:
        """The rows of those who had arrived at one of the levels by the end of the last bucket."""
        found: Rows = self.row[place][self.day[place] <= buckets.last_days[-1]]
        return found


def arrivals(frame: ItemFrame, query: Query, levels: Sequence[str], shown: Sequence[int]) -> Arrivals:
    """The selected items that ever reached those of the levels that are at the places `shown`.

    `levels` are the stages up to done that are asked for. An item is counted from the moment it was selected
    with its high-water mark at the level or beyond; it is kept through stages without a level, and counts
    what happened outside the selection as well.
    """
    codes = None
    if query.by and query.options.get("asof") != "now":
        codes, _ = field_values(frame, query.by)
    among, groups = selected(frame, query), [""]
    if query.by:
        anywhere = _runs(frame, among, [lambda part: among[part].copy()], codes)[0]
        groups = grouped(frame, query, anywhere.rows)[2]
    place_of, day = {name: at for at, name in enumerate(groups)}, frame.days(query.buckets.zone)[0]
    found = Arrivals(groups, [], [], [])
    for runs in _runs(frame, among, [_reached(frame, query, levels, place) for place in shown], codes):
        rows, group, names = grouped(frame, query, runs.rows)
        if query.by:
            group = np.array([place_of[name] for name in names], dtype=np.int64)[group]
            order = _by_group(group, len(groups))
            rows, group = rows[order], group[order]
            again = group[1:] == group[:-1]
            again &= frame.item[rows[1:]] == frame.item[rows[:-1]]
            later = np.flatnonzero(again) + 1
        else:
            later = np.searchsorted(rows, runs.back)
            later = later[(later > 0) & (frame.item[rows[later]] == frame.item[rows[later - 1]])]
        # Of several runs of an item in one group the first.
        if len(later):
            rows, group = np.delete(rows, later), np.delete(group, later)
        found.row.append(rows)
        found.group.append(group)
        found.day.append(day[rows])
    return found


class _Runs(NamedTuple):
    """The rows with which runs begin, and those of them that come after one which was not selected."""

    rows: Rows
    back: Rows


def _runs(frame: ItemFrame, among: Mask, conditions: Sequence[Condition], codes: Array | None) -> list[_Runs]:
    """By condition the runs of an item's rows that are selected and meet it, in each of which a code stays.

    What an item meets in one row it meets in all later ones.
    """
    found: list[_Parts] = [([_NONE], [_NONE]) for _ in conditions]
    for part in pieces((WHOLE,), frame.size):
        first = max(part.start - 1, 0)
        wider = slice(first, part.stop)
        inside, follows = among[wider], frame.begin[first + 1 : part.stop] == CONTINUES
        goes_on = inside[:-1] & follows
        returns = codes is None and bool((follows & (inside[1:] > inside[:-1])).any())
        if codes is not None:
            goes_on &= codes[first + 1 : part.stop] == codes[first : part.stop - 1]
        for condition, (rows, back) in zip(conditions, found, strict=True):
            met = condition(wider)
            begins = met & inside
            # Of two masks the one is greater where it is true and the other is not.
            np.greater(begins[1:], begins[:-1] & goes_on, out=begins[1:])
            rows.append(np.flatnonzero(begins[part.start - first :]) + part.start)
            if returns:
                back.append(np.flatnonzero(begins[1:] & met[:-1] & follows) + first + 1)
    return [_Runs(np.concatenate(rows), np.concatenate(back)) for rows, back in found]


def _by_group(group: Array, groups: int) -> Array:
    """The order in which groups stand one after another, each in the frame's order: items stay together."""
    return np.argsort(group.astype(np.min_scalar_type(groups)), kind="stable")


def _reached(frame: ItemFrame, query: Query, levels: Sequence[str], place: int) -> Condition:
    """In which segments of the workspaces asked for an item had reached the level at a place, or beyond.

    A workspace's own levels are translated into those asked for. An item that came from a workspace with
    other stages keeps what both have in common.
    """
    looks, workspace = frame.lookups, frame.codes["workspace"]
    number = {name: at for at, name in enumerate(levels, start=1)}
    table = np.zeros((len(looks.flows), DROPPED_LEVEL + 1), dtype=np.int64)
    for flow, names in enumerate(looks.flows):
        own = np.array([number.get(name, 0) for name in names], dtype=np.int64)
        table[flow, 1 : len(names) + 1] = np.maximum.accumulate(own)
        table[flow, DROPPED_LEVEL] = len(levels)
    # By workspace code the lowest of its own levels that is as high.
    least = (table > place).argmax(axis=1)[looks.flow_of]
    asked = np.flatnonzero(allowed_workspaces(frame, query)) if query.options.get("asof") != "now" else ()
    marks = np.unique(least[asked] if len(asked) else least).tolist()
    crossing = frame.crossing
    own = table[looks.flow_of[workspace[crossing]], looks.level[frame.stage[crossing]]]
    base = np.cumsum(frame.begin[crossing] != CONTINUES) << 8
    crossed = np.maximum.accumulate(base | own) & 0xFF > place

    def met(part: slice) -> Mask:
        found: Mask = frame.mark[part] >= marks[0]
        if len(marks) > 1:
            found &= looked_up(least == marks[0], workspace[part])
            for mark in marks[1:]:
                found |= (frame.mark[part] >= mark) & looked_up(least == mark, workspace[part])
        low, high = np.searchsorted(crossing, (part.start, part.stop))
        found[crossing[low:high] - part.start] = crossed[low:high]
        return found

    return met
