"""The world as the API knows it at one moment: the context, the frames, and how far each scope is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from metrics_api.columns import NEVER, Array
from metrics_api.context import Context
from metrics_api.core.schema import FEEDS, LISTS
from metrics_api.events import EventFrame
from metrics_api.frames import ItemFrame
from metrics_api.query import Query
from metrics_api.selection import FIELDS, allowed_workspaces, values_within

Frame = ItemFrame | EventFrame


@dataclass(frozen=True)
class World:
    """An immutable whole; replaced when anything changes.

    `versions` rise with every change of a topic or of the context; `known` holds the start (epoch seconds)
    of the last successful run by (collector, `<instance>:<scope>`), `present` the scopes that are still
    collected, by the `<collector>:<instance>` that lists them.
    """

    context: Context
    bugs: ItemFrame | None = None
    events: EventFrame | None = None
    versions: Mapping[str, int] = field(default_factory=dict)
    known: Mapping[tuple[str, str], int] = field(default_factory=dict)
    present: Mapping[str, frozenset[str]] = field(default_factory=dict)
    _values: dict[frozenset[str] | None, Mapping[str, frozenset[str]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def frame(self, topic: str) -> Frame | None:
        """The frame of a topic; None while it is not loaded."""
        return self.bugs if topic == "bugs" else self.events

    def values(self, products: frozenset[str] | None) -> Mapping[str, frozenset[str]]:
        """The known values of every filter key within some products (None: all)."""
        if products not in self._values:
            self._values[products] = self._known_values(products)
        return self._values[products]

    def _known_values(self, products: frozenset[str] | None) -> Mapping[str, frozenset[str]]:
        def may_see(product: str) -> bool:
            return products is None or product in products

        workspaces = [one for one in self.context.workspaces.values() if may_see(one.product)]
        projects = [one for one in self.context.projects.values() if may_see(one.product)]
        found: dict[str, set[str]] = {
            "product": {one.product for one in workspaces} | {one.product for one in projects},
            "workspace": {one.id for one in workspaces},
            "stage": {stage.name for one in workspaces for stage in one.stages},
            "component": {one.path for one in projects},
        }
        if self.bugs:
            for name in FIELDS:
                found.setdefault(name, set()).update(values_within(self.bugs, name, products))
        if self.events:
            for name in ("branch", "ref"):
                found.setdefault(name, set()).update(self.events.values_within(name, products))
        return {name: frozenset(values - {""}) for name, values in found.items()}

    def scopes(self, topic: str, query: Query) -> list[str]:
        """The `<instance>:<scope>` keys of the workspaces or projects a query asks for."""
        if topic == "bugs":
            return [
                key
                for key, one in self.context.workspaces.items()
                if _passes(query, {"product": one.product, "workspace": one.id})
            ]
        return [
            key
            for key, one in self.context.projects.items()
            if _passes(query, {"product": one.product, "component": one.path})
        ]

    def known_until(self, topic: str, scopes: Iterable[str]) -> int | None:
        """The oldest start of a last successful run among the scopes; None if one never succeeded.

        Scopes that are no longer collected (deleted upstream, taken out of the configuration) do not count:
        nobody will ever look at them again.
        """
        asked = [scope for scope in scopes if self._is_present(topic, scope)]
        starts = [self.known.get((collector, scope)) for scope in asked for collector in FEEDS[topic]]
        return (
            min((start for start in starts if start is not None), default=None)
            if None not in starts
            else None
        )

    def _is_present(self, topic: str, scope: str) -> bool:
        instance, id = scope.split(":", 1)
        listed = self.present.get(f"{LISTS[topic]}:{instance}")
        return listed is None or id in listed

    def first_record(self, topic: str, query: Query) -> int | None:
        """The oldest record (epoch seconds) in the scopes a query asks for; None without any."""
        firsts: Array = np.empty(0, dtype=np.uint32)
        if topic == "bugs" and self.bugs:
            firsts = self.bugs.first_start
            firsts = firsts[allowed_workspaces(self.bugs, query)[: len(firsts)]]
        if topic == "events" and self.events:
            keys = self.events.dictionaries["project"].values[: len(self.events.first_at)]
            known = [self.context.projects.get(key) for key in keys]
            asked = [
                one is not None and _passes(query, {"product": one.product, "component": one.path})
                for one in known
            ]
            firsts = self.events.first_at[np.array(asked, dtype=np.bool_)]
        oldest = int(firsts.min(initial=NEVER))
        return None if oldest == NEVER else oldest

    def zone(self, topic: str, query: Query) -> str:
        """The one zone of the products asked for, else the default zone."""
        if topic == "bugs":
            zones = {
                one.zone
                for one in self.context.workspaces.values()
                if _passes(query, {"product": one.product, "workspace": one.id})
            }
        else:
            zones = {
                one.zone
                for one in self.context.projects.values()
                if _passes(query, {"product": one.product, "component": one.path})
            }
        return zones.pop() if len(zones) == 1 else self.context.zone


def _passes(query: Query, values: Mapping[str, str]) -> bool:
    if query.products is not None and values["product"] not in query.products:
        return False
    return all(one.accepts(values[one.key]) for one in query.filters if one.key in values)
