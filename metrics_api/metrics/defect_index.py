"""The defect index: what defects weigh by how serious they are, and what a release may have at most."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from metrics_api.catalog import metric
from metrics_api.cohorts import created
from metrics_api.columns import Array, Mask, Rows
from metrics_api.core.sections import DefectIndex
from metrics_api.frames import ItemFrame
from metrics_api.items import Listed, items, standing_rows
from metrics_api.query import EMPTY, Query, Row
from metrics_api.selection import allowed_workspaces, field_values
from metrics_api.stretches import Stretches, counted, open_stretches
from metrics_api.topics import BUGS

OPTIONS = ("step", "tz", "by", "asof", "deleted")
# What the gate looks at.
CONDITIONS = ("index", "fatal", "serious")
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


@metric(
    "tapd.bugs.gate",
    topic=dict.fromkeys(CONDITIONS, BUGS.name),
    splits=("condition",),
    filters=BUGS.fields,
    options=(*OPTIONS, "of"),
    unit="items or weight",
)
def gate(frame: ItemFrame, query: Query) -> list[Row]:
    """Go or no-go at the end of each bucket: how many conditions of the gate fail, and each one's excess.

    `index`, `fatal` and `serious` are by how much the defect index, the open fatal bugs and the open serious
    bugs exceed what the product's gate lets pass, 0 where they do not; the line of all of them counts those
    that fail: 0 is go. While open bugs have a severity without a weight nobody knows that the index is within
    the gate: it is null unless the others alone exceed it, and so is the answer unless a condition fails.
    Each product is held against its own gate; of several it is the largest excess, go is go for all. With
    `of` one condition alone is answered. Definition: docs/definitions.md, section 2.
    """
    found = open_stretches(frame, query)
    over, unsure = _over(frame, query, found)
    failing = (over > 0).sum(axis=0, dtype=np.float64)
    failing[unsure & (failing == 0)] = np.nan
    over[0][unsure & (over[0] == 0)] = np.nan
    lines: list[tuple[tuple[tuple[str, str], ...], Array]] = [((), failing)]
    lines += [((("condition", name),), line) for name, line in zip(CONDITIONS, over, strict=True)]
    asked = query.options.get("of")
    return [
        Row((*(((query.by, group),) if query.by else ()), *split), line[at])
        for at, group in enumerate(found.groups)
        for split, line in lines
        if asked in (None, *(name for _, name in split))
    ]


@items("tapd.bugs.di", configured=("gate",))
def weighing(frame: ItemFrame, query: Query, at: int) -> Listed:
    """The open bugs by their weight, those without one last."""
    return _listing(frame, query, standing_rows(frame, query, frame.lookups.open))


@items("tapd.bugs.di.introduced")
def weighing_then(frame: ItemFrame, query: Query, at: int) -> Listed:
    """The bugs created in the bucket by their weight, those without one last."""
    return _listing(frame, query, created(frame, replace(query, options={**query.options, "by": ""})).row)


@items("tapd.bugs.gate")
def grave(frame: ItemFrame, query: Query, at: int) -> Listed:
    """The open bugs by their weight; of the condition fatal or serious, those of that severity."""
    rows = standing_rows(frame, query, frame.lookups.open)
    asked = query.options.get("series") or query.options.get("of", "")
    if asked in CONDITIONS[1:]:
        rows = rows[_of_severity(frame, query, rows, asked)]
    return _listing(frame, query, rows)


def _listing(frame: ItemFrame, query: Query, rows: Rows) -> Listed:
    kind, weights = _weighed(frame, query, rows)
    if query.options.get("series") == "unknown":
        rows, kind = rows[kind == len(weights)], kind[kind == len(weights)]
    return Listed(frame.item[rows], np.append(weights, np.nan)[kind], "weighted")


def _weighed(frame: ItemFrame, query: Query, rows: Rows) -> tuple[Array, Array]:
    """(the place in the weights of what each row's bug weighs, one more than there are for unknown; weights).

    Each workspace has the weights of its product.
    """
    codes, severities = field_values(frame, "severity")
    settings = [one for _, one in _settings(frame)]
    weights = sorted({weight for one in settings for weight in one.weights.values()})
    place = {weight: at for at, weight in enumerate(weights)} | {None: len(weights)}
    table = np.array([[place[one.weights.get(name or EMPTY)] for name in severities] for one in settings])
    at = _judging(frame, query, rows)
    return table[frame.codes["workspace"][at], codes[at]], np.array(weights)


def _settings(frame: ItemFrame) -> list[tuple[str, DefectIndex]]:
    """(product, weights and gate) of each workspace, by code."""
    known = [frame.context.workspaces.get(key) for key in list(frame.dictionaries["workspace"].values)]
    return [(one.product, one.settings.defect_index) if one else ("", DefectIndex()) for one in known]


def _judging(frame: ItemFrame, query: Query, rows: Rows) -> Rows:
    """The rows whose values say what the bug of each row is."""
    return frame.last_row[frame.item[rows]] if query.options.get("asof") == "now" else rows


def _of_severity(frame: ItemFrame, query: Query, rows: Rows, severity: str) -> Mask:
    """Which rows are of bugs of a severity."""
    codes, severities = field_values(frame, "severity")
    wanted = np.array([one == severity for one in severities], dtype=np.bool_)
    found: Mask = wanted[codes[_judging(frame, query, rows)]]
    return found


def _over(frame: ItemFrame, query: Query, found: Stretches) -> tuple[Array, Mask]:
    """(by how much each condition is exceeded, whether the index may be higher than what is known of it).

    Shapes (conditions, groups, buckets) and (groups, buckets); of several products the largest excess.
    """
    codes, severities = field_values(frame, "severity")
    at, settings = _judging(frame, query, found.row), _settings(frame)
    products = sorted({product for product, _ in settings})
    product_of = np.array([products.index(product) for product, _ in settings])
    both = found.group * len(products) + product_of[frame.codes["workspace"][at]]
    pairs = np.flatnonzero(np.bincount(both))
    line = np.searchsorted(pairs, both) * len(severities) + codes[at]
    size, buckets = len(pairs) * len(severities), len(query.buckets)
    counts = counted(line, found.low, found.high, size, buckets).reshape(-1, len(severities), buckets)
    index_of = dict(settings)
    asked = [index_of[products[pair % len(products)]] for pair in pairs]
    weights = np.array(
        [[one.weights.get(name or EMPTY, np.nan) for name in severities] for one in asked], dtype=np.float64
    ).reshape(-1, len(severities))
    index = np.round(np.einsum("psb,ps->pb", counts, np.nan_to_num(weights)), DECIMALS)
    grave = [counts[:, [name == one for one in severities]].sum(axis=1) for name in CONDITIONS[1:]]
    allowed = np.array([(one.gate, one.fatal, one.serious) for one in asked], dtype=np.float64)
    group = pairs // len(products)
    over = np.zeros((len(CONDITIONS), len(found.groups), buckets))
    for place, have in enumerate((index, *grave)):
        excess = np.round(have - allowed.reshape(-1, len(CONDITIONS))[:, place, None], DECIMALS)
        np.maximum.at(over[place], group, np.maximum(excess, 0))
    unsure = np.zeros(over.shape[1:], dtype=np.bool_)
    np.logical_or.at(unsure, group, (counts * np.isnan(weights)[:, :, None]).sum(axis=1) > 0)
    return over, unsure


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
