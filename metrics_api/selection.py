"""Selections: which rows of a frame a query's filters pick, and into which groups they fall.

Filters use the value a field had during the segment (as of then); `asof=now` uses the value of the item's
last segment (docs/definitions.md, section 0).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from metrics_api.columns import Array, Mask
from metrics_api.frames import LASTS, ItemFrame
from metrics_api.query import EMPTY, Filter, Query
from metrics_api.stages import Stage

FIELDS = ("product", "workspace", "version", "iteration", "stage", "status", "severity", "priority", "module")
SEVERITIES = ("fatal", "serious", "normal", "prompt", "advice")


def field_values(frame: ItemFrame, field: str) -> tuple[Array, Sequence[str]]:
    """(code of each segment, value of each code) of a field; several codes may have the same value."""
    lookups = frame.lookups
    if field == "product":
        return frame.codes["workspace"], lookups.products
    if field == "workspace":
        return frame.codes["workspace"], [
            key.split(":", 1)[-1] for key in frame.dictionaries["workspace"].values
        ]
    if field == "iteration":
        return frame.codes["iteration"], lookups.iteration_names
    if field == "stage":
        return frame.stage, [lookups.stages[place] for place in lookups.stage]
    return frame.codes[field], list(frame.dictionaries[field].values)


def values_within(frame: ItemFrame, field: str, products: frozenset[str] | None) -> set[str]:
    """The values a field ever had in some products (None: all), "" among them."""
    codes, values = field_values(frame, field)
    if products is None:
        return set(values)
    table = np.array([product in products for product in frame.lookups.products], dtype=np.bool_)
    inside = frame.alive() & table[frame.codes["workspace"]]
    return {
        values[code] for code in np.flatnonzero(np.bincount(codes[inside], minlength=len(values))).tolist()
    }


def allowed(values: Sequence[str], filters: Sequence[Filter]) -> Mask:
    """A table by code: whether a value meets all filters on its field."""
    return np.fromiter((all(one.accepts(value) for one in filters) for value in values), dtype=np.bool_)


def allowed_workspaces(frame: ItemFrame, query: Query) -> Mask:
    """A table by workspace code: inside the products asked for that the caller may read."""
    found = np.ones(len(frame.lookups.products), dtype=np.bool_)
    for field in ("product", "workspace"):
        filters = [one for one in query.filters if one.key == field]
        found &= allowed(field_values(frame, field)[1], filters)[: len(found)]
    if query.products is not None:
        found &= np.array([product in query.products for product in frame.lookups.products], dtype=np.bool_)
    return found


def selected(frame: ItemFrame, query: Query) -> Mask:
    """The segments that count under the query's filters, `asof` and `deleted`."""
    mask = frame.alive()
    now = query.options.get("asof") == "now"
    conditions = [(frame.codes["workspace"], allowed_workspaces(frame, query))]
    for field in dict.fromkeys(one.key for one in query.filters):
        if field not in ("product", "workspace"):
            codes, values = field_values(frame, field)
            conditions.append((codes, allowed(values, [one for one in query.filters if one.key == field])))
    for codes, table in conditions:
        if not table.all():
            mask &= table[codes[frame.last_row]][frame.item] if now else table[codes]
    if query.options.get("deleted") == "exclude":
        ended = frame.end[frame.last_row] > LASTS
        if ended.any():
            mask &= ~ended[frame.item]
    return mask


def grouped(frame: ItemFrame, query: Query, rows: Array) -> tuple[Array, list[str]]:
    """(group of each of the rows, names of the groups in their natural order) for the query's `by`.

    Without a `by` there is one group, called "". Groups that no row falls into are left out.
    """
    if not query.by:
        return np.zeros(len(rows), dtype=np.int64), [""]
    codes, values = field_values(frame, query.by)
    picked = codes[frame.last_row[frame.item[rows]] if query.options.get("asof") == "now" else rows]
    table, names = group_table(frame, query.by, picked, values)
    return table[picked], names


def group_table(
    frame: ItemFrame, field: str, picked: Array, values: Sequence[str]
) -> tuple[Array, list[str]]:
    """(group of each code, names of the groups in their natural order) for the codes that were picked."""
    present = np.flatnonzero(np.bincount(picked, minlength=len(values))).tolist()
    names = natural_order(frame, field, {values[code] or EMPTY for code in present})
    places = {name: place for place, name in enumerate(names)}
    table = np.zeros(len(values), dtype=np.int64)
    for code in present:
        table[code] = places[values[code] or EMPTY]
    return table, names


def asked_stages(frame: ItemFrame, query: Query) -> list[int]:
    """The places, in `lookups.stages`, of the stages the workspaces asked for have, in their order.

    `unmapped` is not among them.
    """
    names = {stage.name for stage in _stages(frame, query)}
    return [place for place, name in enumerate(frame.lookups.stages[:-1]) if name in names]


def asked_levels(frame: ItemFrame, query: Query) -> list[str]:
    """The stages up to done that the workspaces asked for have, in their order."""
    names = {stage.name for stage in _stages(frame, query) if stage.flag != "dropped"}
    return [name for name in frame.lookups.stages[:-1] if name in names]


def _stages(frame: ItemFrame, query: Query) -> Iterator[Stage]:
    wanted = allowed_workspaces(frame, query)
    for key, allow in zip(list(frame.dictionaries["workspace"].values), wanted, strict=False):
        workspace = frame.context.workspaces.get(key)
        if allow and workspace:
            yield from workspace.stages


def natural_order(frame: ItemFrame, field: str, names: set[str]) -> list[str]:
    """Names in their field's order: stages as configured, versions by iteration start, severity by weight.

    All others by name; the empty value last.
    """
    if field == "stage":
        order = {name: place for place, name in enumerate(frame.lookups.stages)}
        return sorted(names, key=lambda name: (order.get(name, len(order)), name))
    if field == "severity":
        weight = {name: place for place, name in enumerate(SEVERITIES)}
        return sorted(names, key=lambda name: (name == EMPTY, weight.get(name, len(weight)), name))
    if field in ("version", "iteration"):
        starts = frame.context.iteration_starts
        return sorted(names, key=lambda name: (name == EMPTY, starts.get(name) or "9999", name))
    return sorted(names, key=lambda name: (name == EMPTY, name))
