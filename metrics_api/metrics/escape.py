"""Defects that escaped: found in production, or after the release of the version they are in."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from metrics_api.catalog import metric
from metrics_api.cohorts import created, shares
from metrics_api.columns import NEVER, Array, Rows
from metrics_api.context import Context
from metrics_api.core.days import day_start
from metrics_api.core.errors import BadRequest
from metrics_api.frames import ItemFrame
from metrics_api.items import Listed, items, standing_rows
from metrics_api.query import Query, Row, parts
from metrics_api.selection import allowed_workspaces, field_values, grouped
from metrics_api.topics import BUGS
from metrics_api.visits import first_rows

OPTIONS = ("tz", "by", "asof", "deleted")
UNKNOWN, BEFORE, PRODUCTION = 0, 1, 2


@metric(
    "tapd.bugs.escape.rate",
    topic=BUGS.name,
    splits=("kind",),
    filters=BUGS.fields,
    options=("step", *OPTIONS),
    unit="ratio",
)
def rate(frame: ItemFrame, query: Query) -> list[Row]:
    """Of the bugs created in each bucket, how many were found in production; null where none are.

    `[product.escape]` says for each product which field tells where a bug was found, and which of its values
    mean production; without it nothing is guessed and the question is refused. What the field says today
    counts. `unknown_n` are the bugs of which nobody said where they were found, or of products without that
    setting; they are not in the rate. Filters and `by` go by the values at the creation. Definition:
    docs/definitions.md, section 2.
    """
    found = created(frame, query)
    where = _where_found(frame, query, found.row)
    production, unknown = found.counted(where == PRODUCTION), found.counted(where == UNKNOWN)
    lines = shares(production, found.counted(where != UNKNOWN))
    return [
        row
        for at in range(len(found.groups))
        for row in (
            Row(found.split(query, at), lines[at]),
            Row((*found.split(query, at), ("kind", "unknown_n")), unknown[at]),
        )
    ]


@items("tapd.bugs.escape.rate")
def escaped(frame: ItemFrame, query: Query, at: int) -> Listed:
    """The bugs of the bucket that were found in production; or those of which nobody said where."""
    rows = created(frame, replace(query, options={**query.options, "by": ""})).row
    asked = UNKNOWN if query.options.get("series") == "unknown_n" else PRODUCTION
    rows = rows[_where_found(frame, query, rows) == asked]
    return Listed(frame.item[rows], np.ones(len(rows)), "bugs")


def _where_found(frame: ItemFrame, query: Query, rows: Rows) -> Array:
    """Where the bugs of some rows were found, as far as anybody said, by the setting of their product."""
    last = frame.last_row[frame.item[rows]]
    workspace = frame.codes["workspace"][last if query.options.get("asof") == "now" else rows]
    asked = allowed_workspaces(frame, query)
    found = np.full(len(rows), UNKNOWN)
    mapped = set()
    for code, key in enumerate(frame.dictionaries["workspace"].values[: len(asked)]):
        place = frame.context.workspaces.get(key)
        if not asked[code] or place is None or place.settings.escape is None:
            continue
        mapping = place.settings.escape
        mapped.add(place.product)
        if mapping.field not in frame.topic.fields:
            raise BadRequest(
                f"tapd.bugs.escape.rate: bugs have no field {mapping.field!r}; under [product.escape] of "
                f"{place.product} set field to one of {', '.join(frame.topic.fields)}"
            )
        codes, values = field_values(frame, mapping.field)
        table = np.array([_meaning(mapping.field, value, mapping.production) for value in values])
        own = np.flatnonzero(workspace == code)
        found[own] = table[codes[last[own]]]
    if not mapped:
        raise BadRequest(
            "tapd.bugs.escape.rate is not mapped: say under [product.escape] of a product which field of a "
            "bug tells where it was found (field), and which values mean in production (production)"
        )
    return found


def _meaning(field: str, value: str, production: tuple[str, ...]) -> int:
    """What a value says of where a bug was found."""
    if not value:
        return UNKNOWN
    return PRODUCTION if set(parts(field, value)) & set(production) else BEFORE


@metric(
    "tapd.bugs.escape.version",
    topic=BUGS.name,
    splits=("kind",),
    filters=BUGS.fields,
    options=OPTIONS,
    unit="ratio",
    last_only=True,
)
def by_version(frame: ItemFrame, query: Query) -> list[Row]:
    """Of the bugs of versions, how many were created after the version's release: where no field says more.

    Bugs that are there at the end of the window, open or not. The release is the planned end of the release
    of the product that is called like the version, else of such an iteration; a bug created on that day was
    not created after it. `undated_n` are the bugs of versions without such a day, and of none. Definition:
    docs/definitions.md, section 2.
    """
    rows, group, names = grouped(frame, query, standing_rows(frame, query))
    released = _released(frame, query, rows)
    dated = released != NEVER
    late = dated.copy()
    late[dated] = frame.start[first_rows(frame, rows[dated])] >= released[dated]
    after, whole, undated = (
        np.bincount(group[which], minlength=len(names)) for which in (late, dated, ~dated)
    )
    lines = shares(after, whole)
    return [
        Row((*([(query.by, name)] if query.by else []), *kind), np.array([line[at]]))
        for at, name in enumerate(names)
        for kind, line in (((), lines), ((("kind", "undated_n"),), undated))
    ]


@items("tapd.bugs.escape.version")
def late(frame: ItemFrame, query: Query, at: int) -> Listed:
    """The bugs created after the release of their version, by how long after; or those without such a day."""
    rows = standing_rows(frame, query)
    released, born = _released(frame, query, rows), frame.start[first_rows(frame, rows)].astype(np.int64)
    if query.options.get("series") == "undated_n":
        none = rows[released == NEVER]
        return Listed(frame.item[none], np.full(len(none), np.nan), "seconds")
    some = (released != NEVER) & (born >= released)
    return Listed(frame.item[rows[some]], (born - released)[some], "seconds")


def _released(frame: ItemFrame, query: Query, rows: Rows) -> Array:
    """When the day after the release of the version of each row began; NEVER where nobody knows."""
    at = frame.last_row[frame.item[rows]] if query.options.get("asof") == "now" else rows
    keys, (codes, versions) = frame.dictionaries["workspace"].values, field_values(frame, "version")
    days = _release_days(frame.context)
    both = frame.codes["workspace"][at].astype(np.int64) * len(versions) + codes[at]
    table = np.bincount(both)
    for pair in np.flatnonzero(table).tolist():
        workspace, version = divmod(pair, len(versions))
        known = frame.context.workspaces.get(keys[workspace])
        day = days.get((known.product if known else "", versions[version]))
        table[pair] = day_start(day + timedelta(days=1), query.buckets.zone) if day else NEVER
    found: Array = table[both]
    return found


def _release_days(context: Context) -> dict[tuple[str, str], date]:
    """The day of each release, by product and name; of several called the same the first one."""
    found: dict[tuple[str, str], date] = {}
    iterations = [one for one in context.iterations if not one.removed]
    for plans in (iterations, context.releases):
        known: dict[tuple[str, str], date] = {}
        for one in plans:
            place = context.workspaces.get(one.workspace)
            if place and one.end:
                key, day = (place.product, one.name), date.fromisoformat(one.end)
                known[key] = min(known.get(key, day), day)
        found |= known
    return found
