"""Narrowing: the rows of a frame that meet some conditions, asked of one block of rows after the other.

The columns of a large frame do not fit into a processor's cache, a block of them and the masks made of it do:
that takes half the time and none of the memory of masks over the whole frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from metrics_api.columns import Array, Mask, Rows, looked_up

# Rows looked at in one go.
AT_ONCE = 131_072
# The span of all rows.
WHOLE = slice(None)

# Which rows of a block, given as a slice of the frame, meet it. The mask is the caller's, who may change it.
Condition = Callable[[slice], Mask]


def narrowed(mask: Mask, *conditions: Condition, spans: Iterable[slice] = (WHOLE,)) -> Rows:
    """The rows at which a mask over the frame is true and that meet all conditions, in the frame's order.

    Others than those of some `spans`, which rise, are not looked at.
    """
    parts = [np.empty(0, dtype=np.int64)]
    for part in pieces(spans, len(mask)):
        found = mask[part].copy()
        for condition in conditions:
            found &= condition(part)
        rows = np.flatnonzero(found)
        rows += part.start
        parts.append(rows)
    return np.concatenate(parts)


def pieces(spans: Iterable[slice], size: int) -> Iterator[slice]:
    """The rows of some spans of a frame of so many rows, as many at once as the processor's cache holds."""
    for span in spans:
        low, high, _ = span.indices(size)
        for first in range(low, high, AT_ONCE):
            yield slice(first, min(first + AT_ONCE, high))


def within(column: Array, low: int, high: int) -> Condition:
    """Where a column is in [low, high]."""

    def met(part: slice) -> Mask:
        values = column[part]
        found: Mask = values >= low
        found &= values <= high
        return found

    return met


def coded(column: Array, table: Mask) -> Condition:
    """Where a table by code says so of a column."""
    return lambda part: looked_up(table, column[part])


def counted(mask: Mask, condition: Condition) -> int:
    """How many rows there are at which a mask over the frame is true and that meet a condition."""
    found = 0
    for part in pieces((WHOLE,), len(mask)):
        met = condition(part)
        met &= mask[part]
        found += int(np.count_nonzero(met))
    return found


def either(*conditions: Condition) -> Condition:
    """Where at least one of some conditions is met."""

    def met(part: slice) -> Mask:
        found = conditions[0](part)
        for one in conditions[1:]:
            found |= one(part)
        return found

    return met
