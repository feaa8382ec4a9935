"""Cohorts: items counted in the bucket in which something happened to each, such as its creation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metrics_api.columns import Array, Mask, Rows, looked_up
from metrics_api.frames import ItemFrame
from metrics_api.query import Query
from metrics_api.segments import CONTINUES
from metrics_api.selection import grouped, selected
from metrics_api.visits import before, begun


@dataclass(frozen=True)
class Cohort:
    """The segments that began with what the cohort is about, each in a group and a bucket.

    `group` is the place in `groups`; an item comes once for each group that it falls into. `buckets` is how
    many there are.
    """

    groups: list[str]
    row: Array
    group: Array
    bucket: Array
    buckets: int

    def counted(self, which: Mask | None = None) -> Array:
        """How many there are, of all or of some, in each group and bucket: int64."""
        return self.by(np.zeros(len(self.row), dtype=np.int64), 1, which)[:, 0]

    def by(self, kind: Array, kinds: int, which: Mask | None = None) -> Array:
        """How many there are of each kind in each group and bucket: shape (groups, kinds, buckets), int64."""
        line = (self.group * kinds + kind) * self.buckets + self.bucket
        shape = len(self.groups), kinds, self.buckets
        found = np.bincount(line if which is None else line[which], minlength=int(np.prod(shape)))
        return found.reshape(shape)

    def split(self, query: Query, at: int) -> tuple[tuple[str, str], ...]:
        """What tells a group (its place) from the others."""
        return ((query.by, self.groups[at]),) if query.by else ()


def shares(part: Array, whole: Array) -> Array:
    """The parts of wholes, NaN of nothing."""
    found: Array = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return found


def cohort(frame: ItemFrame, query: Query, rows: Array) -> Cohort:
    """Those of some rising rows that begin in the window and that the query selects, as of their begin."""
    day = frame.days(query.buckets.zone)[0]
    inside = query.bucket_of(day[rows]) < len(query.buckets)
    rows = rows.compress(inside & selected(frame, query, rows))
    rows, group, groups = grouped(frame, query, rows)
    return Cohort(groups, rows, group, query.bucket_of(day[rows]), len(query.buckets))


def created(frame: ItemFrame, query: Query) -> Cohort:
    """The items created in the window."""
    return cohort(frame, query, begun(frame, query, lambda part: frame.begin[part] != CONTINUES))


def first_ever(frame: ItemFrame, rows: Rows, stages: Mask) -> Mask:
    """Which of some rising rows that count are the first ones of their items in any of a set of stages."""
    inside, item = looked_up(stages, frame.stage[rows]), frame.item[rows]
    found = inside.copy()
    # Of several rows of an item only the first can be.
    found[1:] &= ~(inside[:-1] & (item[1:] == item[:-1]))
    candidates = np.flatnonzero(found)
    earlier, owner = before(frame, rows[candidates])
    found[candidates[owner[np.flatnonzero(looked_up(stages, frame.stage[earlier]))]]] = False
    return found
