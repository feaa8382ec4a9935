"""Scope: what a selection holds over a window, what came into it and what left it.

Shared by burn-ups and burndowns. Changes of scope are told as the ledger tells them: by neighbouring
segments of one item (docs/definitions.md, sections 2 and 5).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metrics_api.columns import Array, Mask
from metrics_api.frames import ItemFrame
from metrics_api.narrowing import Condition, coded, either
from metrics_api.query import Query
from metrics_api.segments import CONTINUES
from metrics_api.selection import chosen, grouped


@dataclass(frozen=True)
class Scope:
    """Selected segments that matter to a window, in their groups; each array has one entry per segment.

    `names` are those of the groups, `width` is the number of buckets. `begin` and `end` are the places of the
    buckets in which a segment starts and stops: `width` outside of the window. `follows` says that a
    segment goes on where the one before it in these arrays ended, in the same group; `followed` that the one
    after it does so.
    """

    names: list[str]
    width: int
    rows: Array
    group: Array
    begin: Array
    end: Array
    follows: Mask
    followed: Mask

    def standing(self, which: Mask, weight: Array | None = None) -> Array:
        """What some segments hold at the end of each bucket, one each without weights.

        The shape is (groups, buckets).
        """
        places = np.flatnonzero(which)
        came = self._added_up(self.begin[places], places, weight)
        went = self._added_up(self.end[places], places, weight)
        # What came outside of the window came before it.
        found: Array = np.cumsum((came - went)[:, : self.width], axis=1) + came[:, self.width :]
        return found

    def began(self, which: Mask, weight: Array | None = None) -> Array:
        """What the beginnings of some segments bring to each bucket: shape (groups, buckets)."""
        return self._happened(np.flatnonzero(which), self.begin, weight)

    def ended(self, which: Mask, weight: Array | None = None) -> Array:
        """What the ends of some segments take from each bucket: shape (groups, buckets)."""
        return self._happened(np.flatnonzero(which), self.end, weight)

    def within(self, which: Mask, bucket: Array) -> Array:
        """The places of some segments whose `begin`, or `end`, lies in the window."""
        return np.flatnonzero(which & (bucket < self.width))

    def _happened(self, places: Array, bucket: Array, weight: Array | None) -> Array:
        return self._added_up(bucket[places], places, weight)[:, : self.width]

    def _added_up(self, bucket: Array, places: Array, weight: Array | None) -> Array:
        """The sums by group and bucket, those outside the window in one more: (groups, width + 1)."""
        size = len(self.names) * (self.width + 1)
        line = bucket if len(self.names) == 1 else self.group[places] * (self.width + 1) + bucket
        if weight is None:
            found = np.bincount(line, minlength=size)
        else:
            # Of nothing the sums would be whole numbers.
            found = np.bincount(line, weight[places], minlength=size).astype(np.float64, copy=False)
        return found.reshape(len(self.names), self.width + 1)


def scope_of(frame: ItemFrame, query: Query, stages: Mask | None = None) -> Scope:
    """The scope of the selected segments: those that begin or end in the window, or stand in it.

    Of those that neither begin nor end in it, only the ones in `stages` (by stage class) are looked at, none
    without any.
    """
    start, stop = frame.days(query.buckets.zone)
    first, last = query.buckets.first_days[0], query.buckets.last_days[-1]

    def there(part: slice) -> Mask:
        found: Mask = start[part] <= last
        found &= stop[part] >= first
        return found

    matters: list[Condition] = [lambda part: start[part] >= first, lambda part: stop[part] <= last]
    blocks = frame.blocks.starting(first, last) | frame.blocks.stopping(first, last)
    if stages is not None:
        matters.append(coded(frame.stage, stages))
        blocks |= frame.blocks.standing(first, last, stages)
    rows = chosen(frame, query, there, either(*matters), blocks=blocks)
    rows, group, names = grouped(frame, query, rows)
    follows = np.zeros(len(rows), dtype=np.bool_)
    if len(names) > 1:
        order = np.argsort(group.astype(np.min_scalar_type(len(names))), kind="stable")
        rows, group = rows[order], group[order]
        follows[1:] = group[1:] == group[:-1]
    else:
        follows[1:] = True
    follows[1:] &= rows[1:] - rows[:-1] == 1
    follows &= frame.begin[rows] == CONTINUES
    followed = np.append(follows[1:], False)[: len(rows)]
    begin, end = (query.bucket_of(days[rows]) for days in (start, stop))
    return Scope(names, len(query.buckets), rows, group, begin, end, follows, followed)
