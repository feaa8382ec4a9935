"""The frame of collecting: what the collectors' runs did, and what is known to be wrong with the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from metrics_api.columns import Array, Mask
from metrics_api.query import EMPTY, Query, Row

COLLECTION: Final = "collection"
# How long a look holds: the next one is due sooner.
FRESH_S = 60
FIELDS: Final = ("instance", "collector", "scope", "product", "workspace")


@dataclass(frozen=True)
class Place:
    """A collector in a scope of an instance, with the product and the workspace that scope belongs to.

    `status` stands where one status of the scope's items is meant.
    """

    instance: str
    collector: str
    scope: str
    product: str = ""
    workspace: str = ""
    status: str = ""

    def value(self, field: str) -> str:
        """The value of one of FIELDS, or of `status`."""
        found: str = getattr(self, field)
        return found


@dataclass(frozen=True)
class Runs:
    """The runs that are over, one entry each: the place's number, epoch seconds, and what became of them.

    A run that vanished without a word neither succeeded nor failed.
    """

    place: Array
    started: Array
    finished: Array
    succeeded: Mask
    failed: Mask
    seen: Array


@dataclass(frozen=True)
class HealthFrame:
    """How collecting stood when it was last looked at, `at` (epoch seconds).

    By place: `succeeded` is the start of the last successful run and `oldest` the first trace of anything (-1
    without one), `patience_s` after how many seconds another success should have come, `ran` says whether
    it is a collector's, `gone` that it is no longer collected.
    `quarantine` is (place, when it came) of each record that lies there. By the number of a place: `missing`
    counts the records that differ from upstream where that was found, `broken` the items whose history has a
    break, `unmapped` names the statuses in no stage; places where nobody looked for it are not there.
    """

    at: int
    places: tuple[Place, ...]
    ran: Mask
    gone: Mask
    succeeded: Array
    oldest: Array
    patience_s: Array
    runs: Runs
    quarantine: tuple[Array, Array]
    missing: Mapping[int, int]
    broken: Mapping[int, int]
    unmapped: Mapping[int, frozenset[str]]

    @property
    def known_until(self) -> int:
        """Up to when this may be taken for how collecting stands."""
        return self.at + FRESH_S

    @property
    def items(self) -> int:
        """How many runs are known."""
        return len(self.runs.place)

    def values_within(self, field: str, products: frozenset[str] | None) -> set[str]:
        """The values of a field in some products (None: all), "" among them."""
        if field == "status":
            return {
                status
                for place, found in self.unmapped.items()
                if products is None or self.places[place].product in products
                for status in found
            }
        return {one.value(field) for one in self.places if products is None or one.product in products}

    def first_record(self, query: Query) -> int | None:
        """The oldest trace (epoch seconds) of the places asked for; None without any."""
        found = self.oldest[self.asked(query)]
        found = found[found >= 0]
        return int(found.min()) if found.size else None

    def asked(self, query: Query, *, going_on: bool = False) -> list[int]:
        """The numbers of the places that a query asks for; with `going_on` only those still collected."""
        return [
            number
            for number, one in enumerate(self.places)
            if not (going_on and self.gone[number]) and _asks_for(query, one)
        ]

    def moments(self, query: Query) -> Array:
        """As of when each bucket is answered: its end, or the last look."""
        return np.minimum(np.array(query.buckets.ends, dtype=np.int64), self.at)


def _asks_for(query: Query, place: Place) -> bool:
    if query.products is not None and place.product not in query.products:
        return False
    # Statuses are chosen among by the metric: a place has several.
    return all(one.accepts(place.value(one.key)) for one in query.filters if one.key in FIELDS)


def of_places(query: Query, places: Sequence[Place], values: Array, *, worst: bool = False) -> list[Row]:
    """A row per place, or per value of the query's `by`: the sum of its places' values, or the `worst`.

    `values` has a line per place, NaN where nothing is known; such places are left out of a sum.
    """
    if not query.by:
        return _apart(places, values)
    names = [one.value(query.by) or EMPTY for one in places]
    rows = []
    for name in sorted(set(names), key=lambda name: (name == EMPTY, name)):
        lines = values[[at for at, one in enumerate(names) if one == name]]
        known = ~np.isnan(lines).all(axis=0)
        filled = np.nan_to_num(lines)
        total = filled.max(axis=0) if worst else filled.sum(axis=0)
        rows.append(Row(((query.by, name),), np.where(known, total, np.nan)))
    return rows


def _apart(places: Sequence[Place], values: Array) -> list[Row]:
    """A row per place by its name; a scope that several instances have is called `instance:scope`."""
    instances: dict[tuple[str, str], set[str]] = {}
    for one in places:
        instances.setdefault((one.collector, one.scope), set()).add(one.instance)
    shown = [
        replace(one, scope=f"{one.instance}:{one.scope}")
        if len(instances[one.collector, one.scope]) > 1
        else one
        for one in places
    ]
    order = sorted(range(len(shown)), key=lambda at: (shown[at].collector, shown[at].scope))
    return [
        Row(
            (("collector", shown[at].collector), ("scope", shown[at].scope or EMPTY)),
            values[at],
            tuple((name, shown[at].value(name)) for name in ("instance", "product") if shown[at].value(name)),
        )
        for at in order
    ]
