"""The defect index: what defects weigh by how serious they are, and what a release may have at most."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from metrics_api.catalog import metric
from metrics_api.cohorts import created
from metrics_api.columns import Array, Rows
from metrics_api.core.sections import DefectIndex
from metrics_api.frames import ItemFrame
from metrics_api.items import Listed, items, standing_rows
from metrics_api.query import EMPTY, Query, Row
from metrics_api.selection import allowed_workspaces, field_values
from metrics_api.stretches import counted, open_stretches
from metrics_api.topics import BUGS

OPTIONS = ("step", "tz", "by", "asof", "deleted")
# Sums of weights such as 0.1 are told without the noise of binary fractions.
DECIMALS = 6


@metric(
    "tapd.bugs.di",
    topic=BUGS.name,
    splits=("line",),
    filters=BUGS.fields,
    options=OPTIONS,
    unit="weighted",
)
def left_over(frame: ItemFrame, query: Query) -> list[Row]:
    """The defect index left over: the weights of the bugs open at the end of each bucket, and the `gate`.

    A severity that has no weight is not taken as 0: how many bugs have one is the line `unknown`, and the
    index of nothing but such bugs is null. Weights and gate are those of each product; where products with
    different gates are asked for, each has its own line, `gate/<product>`. Tags of the gate tell how many
    fatal and serious bugs it lets pass. Definition: docs/definitions.md, section 2.
    """
    found = open_stretches(frame, query)
    kind, weights = _weighed(frame, query, found.row)

    def count(line: Array, which: Rows | slice, lines: int) -> Array:
        return counted(line[which], found.low[which], found.high[which], lines, len(query.buckets))

    kinds, groups = len(weights) + 1, len(found.groups)
    counts = count(found.group * kinds + kind, slice(None), groups * kinds).reshape(
        groups, kinds, len(query.buckets)
    )
    unknown = count(np.zeros_like(kind), _unweighed(found.row, kind, weights), 1)
    return [*_indices(query, found.groups, counts, weights), *_gates(frame, query), *_listed(unknown)]


@metric(
    "tapd.bugs.di.introduced",
    topic=BUGS.name,
    splits=("line",),
    filters=BUGS.fields,
    options=OPTIONS,
    unit="weighted",
)
def introduced(frame: ItemFrame, query: Query) -> list[Row]:
    """The defect index introduced: the weights of the bugs created in each bucket, as they were then.

    Bugs of a severity without a weight are the line `unknown`, as in `tapd.bugs.di`. Definition:
    docs/definitions.md, section 2.
    """
    found = created(frame, query)
    kind, weights = _weighed(frame, query, found.row)
    counts = found.by(kind, len(weights) + 1)
    which = _unweighed(found.row, kind, weights)
    unknown = np.bincount(found.bucket[which], minlength=len(query.buckets))[None]
    return [*_indices(query, found.groups, counts, weights), *_listed(unknown)]


@items("tapd.bugs.di")
def weighing(frame: ItemFrame, query: Query, at: int) -> Listed:
    """The open bugs by their weight, those without one last."""
    return _listing(frame, query, standing_rows(frame, query, frame.lookups.open))


@items("tapd.bugs.di.introduced")
def weighing_then(frame: ItemFrame, query: Query, at: int) -> Listed:
    """The bugs created in the bucket by their weight, those without one last."""
    return _listing(frame, query, created(frame, replace(query, options={**query.options, "by": ""})).row)


def _listing(frame: ItemFrame, query: Query, rows: Rows) -> Listed:
    kind, weights = _weighed(frame, query, rows)
    return Listed(frame.item[rows], np.append(weights, np.nan)[kind], "weighted")


def _weighed(frame: ItemFrame, query: Query, rows: Rows) -> tuple[Array, Array]:
    """(the place in the weights of what each row's bug weighs, one more than there are for unknown; weights).

    Each workspace has the weights of its product.
    """
    keys = list(frame.dictionaries["workspace"].values)
    codes, severities = field_values(frame, "severity")
    known = [frame.context.workspaces.get(key) for key in keys]
    settings = [one.settings.defect_index if one else DefectIndex() for one in known]
    weights = sorted({weight for one in settings for weight in one.weights.values()})
    place = {weight: at for at, weight in enumerate(weights)} | {None: len(weights)}
    table = np.array([[place[one.weights.get(name or EMPTY)] for name in severities] for one in settings])
    at = frame.last_row[frame.item[rows]] if query.options.get("asof") == "now" else rows
    return table[frame.codes["workspace"][at], codes[at]], np.array(weights)


def _unweighed(row: Rows, kind: Array, weights: Array) -> Rows:
    """The places of the rows without a weight, of a row in several groups the first."""
    fresh = np.ones(len(row), dtype=np.bool_)
    fresh[1:] = row[1:] != row[:-1]
    return np.flatnonzero(fresh & (kind == len(weights)))


def _indices(query: Query, groups: list[str], counts: Array, weights: Array) -> list[Row]:
    """The index of each group from counts of the shape (groups, weights and unknown, buckets)."""
    known, unknown = counts[:, :-1], counts[:, -1]
    index = np.round(np.einsum("gkb,k->gb", known, weights), DECIMALS)
    index[(unknown > 0) & ~known.any(axis=1)] = np.nan
    listed = range(len(groups)) if not query.by else np.flatnonzero(counts.sum(axis=(1, 2))).tolist()
    return [Row(((query.by, groups[at]),) if query.by else (), index[at]) for at in listed]


def _listed(unknown: Array) -> list[Row]:
    """The line of bugs without a weight, where there are any."""
    return [Row((("line", "unknown"),), line) for line in unknown if line.any()]


def _gates(frame: ItemFrame, query: Query) -> list[Row]:
    """The gate of the products asked for: one line, or one for each product where they differ."""
    wanted = allowed_workspaces(frame, query)
    keys = zip(list(frame.dictionaries["workspace"].values), wanted, strict=False)
    asked = [frame.context.workspaces.get(key) for key, allow in keys if allow]
    gates = {
        one.product: (index.gate, index.fatal, index.serious)
        for one in asked
        if one
        for index in [one.settings.defect_index]
    }
    if len(set(gates.values())) == 1:
        gates = {"": next(iter(gates.values()))}
    return [
        Row(
            (("line", f"gate/{product}" if product else "gate"),),
            np.full(len(query.buckets), gate, dtype=np.float64),
            (("fatal", str(fatal)), ("serious", str(serious))),
        )
        for product, (gate, fatal, serious) in sorted(gates.items())
    ]
