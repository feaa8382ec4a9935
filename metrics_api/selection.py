"""Selections: which rows of a frame a query's filters pick, and into which groups they fall.

Filters use the value a field had during the segment (as of then); `asof=now` uses the value of the item's
last segment (docs/definitions.md, section 0).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from metrics_api.columns import NEVER, Array, Mask, Rows, looked_up, spread
from metrics_api.context import UNPLANNED
from metrics_api.core.errors import BadRequest
from metrics_api.core.stages import Stage
from metrics_api.frames import ItemFrame
from metrics_api.narrowing import WHOLE, Condition, narrowed, pieces
from metrics_api.query import EMPTY, SEVERAL, Filter, Query, parts
from metrics_api.segments import LASTS

# Of more than one row in so many the selection is read off that of the whole frame, which is kept.
SOME = 16

SEVERITIES = ("fatal", "serious", "normal", "prompt", "advice")


def field_values(frame: ItemFrame, field: str) -> tuple[Array, Sequence[str]]:
    """(code of each segment, value of each code) of a field; several codes may have the same value.

    Raises BadRequest where the items have no such field.
    """
    if field == "stage":
        return frame.stage, [frame.lookups.stages[place] for place in frame.lookups.stage]
    column = frame.topic.column(field)
    if column not in frame.codes:
        raise BadRequest(f"{frame.topic.name} have no field {field!r}")
    return frame.codes[column], frame.lookups.names.get(field) or list(frame.dictionaries[column].values)


def values_within(frame: ItemFrame, field: str, products: frozenset[str] | None) -> set[str]:
    """The values a field ever had in some products (None: all), "N/A" among them where it was empty."""
    codes, values = field_values(frame, field)
    if products is not None:
        inside = frame.alive() & _of_products(frame, products)[frame.codes["workspace"]]
        present = np.flatnonzero(np.bincount(codes[inside], minlength=len(values)))
        values = [values[code] for code in present.tolist()]
    return {part for value in values for part in parts(field, value)}


def allowed(values: Sequence[str], filters: Sequence[Filter]) -> Mask:
    """A table by code: whether a value meets all filters on its field."""
    return np.fromiter((all(one.accepts(value) for one in filters) for value in values), dtype=np.bool_)


def _of_products(frame: ItemFrame, products: frozenset[str]) -> Mask:
    """A table by workspace code: inside some products."""
    return np.array([product in products for product in frame.lookups.names["product"]], dtype=np.bool_)


def allowed_workspaces(frame: ItemFrame, query: Query) -> Mask:
    """A table by workspace code: inside the products asked for that the caller may read.

    What a webhook of the company tells of workspaces nobody collects is inside none.
    """
    found = np.array([bool(product) for product in frame.lookups.names["product"]], dtype=np.bool_)
    for field in ("product", "workspace"):
        filters = [one for one in query.filters if one.key == field]
        found &= allowed(frame.lookups.names[field], filters)
    return found if query.products is None else found & _of_products(frame, query.products)


def selected(frame: ItemFrame, query: Query, rows: Array | None = None) -> Mask:
    """Which segments, of all or of some `rows`, count under the filters, `asof`, `deleted` and `level`.

    The answer for all of them is the same in every window; it is kept, and not to be changed.
    """
    options = tuple(query.options.get(name, "") for name in ("asof", "deleted"))
    key = "selected", query.filters, query.products, query.level, options
    if rows is None or len(rows) * SOME > frame.size or key in frame.kept:
        whole = frame.kept.get(key, lambda: _selected(frame, query, None))
        return whole if rows is None else whole[rows]
    return _selected(frame, query, rows)


def chosen(frame: ItemFrame, query: Query, *conditions: Condition, blocks: Mask | None = None) -> Rows:
    """The selected segments that meet all conditions, in the frame's order.

    With `blocks` (see `frame.blocks`) none is looked for but in these.
    """
    spans = (WHOLE,) if blocks is None else frame.blocks.spans(blocks)
    return narrowed(selected(frame, query), *conditions, spans=spans)


def _selected(frame: ItemFrame, query: Query, rows: Array | None) -> Mask:
    mask = frame.alive(query.level, rows).copy()
    if not frame.size:
        return mask
    now = query.options.get("asof") == "now"
    conditions = [(frame.codes["workspace"], allowed_workspaces(frame, query), False)]
    for field, then in dict.fromkeys((one.key, one.then) for one in query.filters):
        if field not in ("product", "workspace"):
            codes, values = field_values(frame, field)
            filters = [one for one in query.filters if (one.key, one.then) == (field, then)]
            conditions.append((codes, allowed(values, filters), then))
    for codes, table, then in conditions:
        if table.all():
            continue
        if now and not then:
            mask &= _by_item(frame, table[codes[frame.last_row]], rows)
        else:
            mask &= looked_up(table, codes) if rows is None else table[codes[rows]]
    if query.options.get("deleted") == "exclude":
        ended = frame.end[frame.last_row] > LASTS
        if ended.any():
            mask &= _by_item(frame, ~ended, rows)
    return mask


def _by_item(frame: ItemFrame, items: Mask, rows: Array | None) -> Mask:
    """What holds of all segments, or of some rows, where it is said by item."""
    found: Mask = items[frame.item if rows is None else frame.item[rows]]
    return found


@dataclass(frozen=True)
class Groups:
    """Groups by their names, and the `size[c]` groups of each code c: those at `first[c]` in `places`."""

    names: list[str]
    places: Array
    first: Array
    size: Array

    def one_each(self) -> Array:
        """The group of each code, where none has several."""
        found = np.zeros(len(self.size), dtype=np.int64)
        found[self.size > 0] = self.places
        return found


def groups_of(frame: ItemFrame, field: str, picked: Array, values: Sequence[str]) -> Groups:
    """The groups that codes fall into by the values of a field, in their natural order.

    Only the codes that were picked have any, all of them at least one.
    """
    present = np.flatnonzero(np.bincount(picked, minlength=len(values))).tolist()
    shown = [parts(field, values[code]) for code in present]
    names = natural_order(frame, field, {name for one in shown for name in one})
    place = {name: at for at, name in enumerate(names)}
    size = np.zeros(len(values), dtype=np.int64)
    size[present] = [len(one) for one in shown]
    places = np.array([place[name] for one in shown for name in one], dtype=np.int64)
    return Groups(names, places, np.cumsum(size) - size, size)


def grouped(frame: ItemFrame, query: Query, rows: Array) -> tuple[Array, Array, list[str]]:
    """(rows, the group of each, names of the groups in their natural order) for the query's `by`.

    A row comes once for each group it falls into; groups that no row falls into are left out. Without a `by`
    there is one group, called "".
    """
    if not query.by:
        return rows, np.zeros(len(rows), dtype=np.int64), [""]
    codes, values = field_values(frame, query.by)
    picked = codes[frame.last_row[frame.item[rows]] if query.options.get("asof") == "now" else rows]
    groups = groups_of(frame, query.by, picked, values)
    if query.by not in SEVERAL:
        return rows, groups.one_each()[picked], groups.names
    at, owner = spread(groups.first[picked], groups.size[picked])
    return rows[owner], groups.places[at], groups.names


def groups_among(frame: ItemFrame, query: Query, *conditions: Condition) -> list[str]:
    """The names of the groups that `grouped` finds for the selected segments that meet all conditions."""
    if not query.by:
        return [""]
    codes, values = field_values(frame, query.by)
    now, among = query.options.get("asof") == "now", selected(frame, query)
    told_by, size = (frame.item, len(frame.last_row)) if now else (codes, len(values))
    seen = np.zeros(size, dtype=np.bool_)
    for part in pieces((WHOLE,), frame.size):
        found = among[part].copy()
        for condition in conditions:
            found &= condition(part)
        seen[told_by[part][found]] = True
    present = np.flatnonzero(seen)
    picked = codes[frame.last_row[present]] if now else present
    return groups_of(frame, query.by, picked, values).names


def asked_stages(frame: ItemFrame, query: Query) -> list[int]:
    """The places, in `lookups.stages`, of the stages the workspaces asked for have, in their order.

    `unmapped` is not among them.
    """
    names = {stage.name for _, stages in asked_stages_of(frame, query) for stage in stages}
    return [place for place, name in enumerate(frame.lookups.stages[:-1]) if name in names]


def asked_levels(frame: ItemFrame, query: Query) -> list[str]:
    """The stages up to done that the workspaces asked for have, in their order."""
    every = [stage for _, stages in asked_stages_of(frame, query) for stage in stages]
    names = {stage.name for stage in every if stage.flag != "dropped"}
    return [name for name in frame.lookups.stages[:-1] if name in names]


def asked_stages_of(frame: ItemFrame, query: Query) -> Iterator[tuple[str, tuple[Stage, ...]]]:
    """(product, stages) of each workspace asked for that has items."""
    wanted = np.flatnonzero(allowed_workspaces(frame, query)[: len(frame.first_start)])
    keys = frame.dictionaries["workspace"].values
    for code in wanted[frame.first_start[wanted] != NEVER].tolist():
        workspace = frame.context.workspaces.get(keys[code])
        if workspace:
            yield workspace.product, workspace.flows[frame.topic.name].stages


def natural_order(frame: ItemFrame, field: str, names: set[str]) -> list[str]:
    """Names in their field's order: stages as configured, versions by iteration start, severity by weight.

    Iterations without a start come after those that have one, in the order in which they were made, before
    versions that are none. All others by name; the empty value last.
    """
    if field == "stage":
        order = {name: place for place, name in enumerate(frame.lookups.stages)}
        return sorted(names, key=lambda name: (order.get(name, len(order)), name))
    if field == "severity":
        weight = {name: place for place, name in enumerate(SEVERITIES)}
        return sorted(names, key=lambda name: (name == EMPTY, weight.get(name, len(weight)), name))
    if field in ("version", "iteration"):
        known, none = frame.context.iteration_order, (UNPLANNED, NEVER, "")
        return sorted(names, key=lambda name: (name == EMPTY, known.get(name, none), name))
    return sorted(names, key=lambda name: (name == EMPTY, name))
