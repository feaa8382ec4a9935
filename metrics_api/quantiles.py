"""Percentiles by nearest rank: of n sorted values, p is value number ceil(p * n).

The median is shown from one value on, higher percentiles from `min_for_quantiles` on (docs/definitions.md,
section 0); how many values there are is always told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from metrics_api.columns import Array
from metrics_api.frames import ItemFrame
from metrics_api.query import Query, Row
from metrics_api.selection import allowed_workspaces

Q = "50,85,95"
# Percentiles have up to three decimals; as whole numbers they know no rounding.
WHOLE = 100_000
# Values beside the line they belong to, in one number to sort by.
BITS = 33


def percentiles(query: Query) -> dict[str, int]:
    """What the query's `q` asks for: by endpoint (`p50`) the percentile in thousandths of a percent."""
    return {f"p{text}": round(float(text) * 1000) for text in query.options.get("q", Q).split(",")}


def fewest(frame: ItemFrame, query: Query) -> int:
    """How many values percentiles above the median need: the most that any product asked for says."""
    keys = frame.dictionaries["workspace"].values
    asked = (keys[code] for code in np.flatnonzero(allowed_workspaces(frame, query)).tolist())
    settings = (frame.context.workspaces[key].settings for key in asked if key in frame.context.workspaces)
    return max((one.min_for_quantiles for one in settings), default=1)


def nearest_ranks(
    values: Array, line: Array, lines: int, asked: Sequence[int], few: int
) -> tuple[Array, Array]:
    """(percentiles, counts) of values by line: shapes (asked, lines), NaN for none, and (lines,).

    `asked` are thousandths of a percent; those above the median are NaN for lines of fewer than `few` values.
    Values are not negative.
    """
    count = np.bincount(line, minlength=lines)
    ordered = _sorted(values, line)
    found = np.full((len(asked), lines), np.nan)
    for at, percentile in enumerate(asked):
        shown = np.flatnonzero(count >= (few if 2 * percentile > WHOLE else 1))
        rank = -(-percentile * count[shown] // WHOLE)
        found[at, shown] = ordered[(np.cumsum(count) - count)[shown] + rank - 1]
    return found, count


def _sorted(values: Array, line: Array) -> Array:
    """The values by line, rising within each."""
    if values.dtype.kind in "iu" and int(values.max(initial=0)) < 1 << BITS:
        both = line.astype(np.int64)
        both <<= BITS
        both |= values.astype(np.int64, copy=False)
        both.sort()
        both &= (1 << BITS) - 1
        return both
    order = np.argsort(values)
    order = order[np.argsort(line[order].astype(np.min_scalar_type(int(line.max(initial=0)))), kind="stable")]
    return values[order]


def quantile_rows(
    query: Query,
    few: int,
    values: Array,
    group: Array,
    bucket: Array,
    splits: Sequence[tuple[tuple[str, str], ...]],
    *,
    counts: Mapping[str, Array] | None = None,
    tags: tuple[tuple[str, str], ...] = (),
) -> list[Row]:
    """The rows of each group: the percentiles that `q` asks for, rising, `n`, and further `counts`.

    `values`, `group` and `bucket` are by value, `splits` say by group what tells it from others, `counts`
    have the shape (groups, buckets).
    """
    width = len(query.buckets)
    asked = percentiles(query)
    lines = group.astype(np.int64) * width + bucket
    found, n = nearest_ranks(values, lines, len(splits) * width, list(asked.values()), few)
    named = dict(zip(asked, found, strict=True)) | {"n": n} | dict(counts or {})
    shaped = {name: line.reshape(len(splits), width) for name, line in named.items()}
    return [
        Row((*split, ("quantile", name)), line[at], tags)
        for at, split in enumerate(splits)
        for name, line in shaped.items()
    ]


def counted(group: Array, bucket: Array, groups: int, buckets: int) -> Array:
    """How many of some things there are by group and bucket: shape (groups, buckets), int64."""
    place = group.astype(np.int64) * buckets + bucket
    return np.bincount(place, minlength=groups * buckets).reshape(groups, buckets)
