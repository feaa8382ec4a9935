"""The world as the API knows it at one moment: the context, the frames, and how far each scope is known."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain

import numpy as np

from metrics_api.columns import NEVER, Array
from metrics_api.context import Context, Project, Workspace
from metrics_api.core.schema import FEEDS, LISTS, Gap, StageMap
from metrics_api.events import EventFrame
from metrics_api.fields import topic_in
from metrics_api.frames import ItemFrame
from metrics_api.health import COLLECTION, FIELDS, HealthFrame
from metrics_api.query import EMPTY, Query
from metrics_api.selection import SEVERITIES, allowed_workspaces, values_within
from metrics_api.topics import BUGS, ITEM_TOPICS, ItemTopic

Frame = ItemFrame | EventFrame | HealthFrame


@dataclass(frozen=True)
class World:
    """An immutable whole; replaced when anything changes.

    `items` are the frames of bugs and stories by topic, as far as they are loaded. `versions` rise with every
    change of a topic or of the context; `known` holds the start (epoch seconds) of the last successful run by
    (collector, `<instance>:<scope>`), `present` the scopes that are still collected, by the
    `<collector>:<instance>` that lists them. `gaps` are the stretches that were not looked at in time,
    `patience` says by `<upstream>:<instance>` after how many seconds that is so; `stage_maps` tell how stages
    changed; `health` is how collecting went.
    """

    context: Context
    items: Mapping[str, ItemFrame] = field(default_factory=dict)
    events: EventFrame | None = None
    versions: Mapping[str, int] = field(default_factory=dict)
    known: Mapping[tuple[str, str], int] = field(default_factory=dict)
    present: Mapping[str, frozenset[str]] = field(default_factory=dict)
    gaps: tuple[Gap, ...] = ()
    patience: Mapping[str, int] = field(default_factory=dict)
    stage_maps: tuple[StageMap, ...] = ()
    health: HealthFrame | None = None
    _values: dict[tuple[str, frozenset[str] | None], Mapping[str, frozenset[str]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def frame(self, topic: str) -> Frame | None:
        """The frame of a topic; None while it is not loaded."""
        if topic == COLLECTION:
            return self.health
        return self.items.get(topic) if topic in ITEM_TOPICS else self.events

    def item_topic(self, name: str, products: Collection[str] | None) -> ItemTopic:
        """A topic of items with the fields they have in some products (None: all)."""
        frame = self.items.get(name)
        topic = frame.topic if frame else topic_in(ITEM_TOPICS[name], self.context)
        if products is None:
            return topic
        fields = self.context.custom_fields(topic.entity, products).values()
        within = {one.column for each in fields for one in each}
        return replace(topic, custom=tuple(one for one in topic.custom if one in within))

    def values(self, topic: str, products: frozenset[str] | None) -> Mapping[str, frozenset[str]]:
        """The known values of every filter key of a topic within some products (None: all)."""
        key = topic, products
        if key not in self._values:
            self._values[key] = self._known_values(topic, products)
        return self._values[key]

    def iterations_within(self, products: Collection[str] | None) -> Iterator[tuple[Workspace, str]]:
        """The names of the iterations of some products (None: all) with their workspaces, items or not."""
        for one in self.context.iterations:
            place = self.context.workspaces.get(one.workspace)
            if place and (products is None or place.product in products):
                yield place, one.name

    def _known_values(self, topic: str, products: frozenset[str] | None) -> Mapping[str, frozenset[str]]:
        def may_see(product: str) -> bool:
            return products is None or product in products

        workspaces = [one for one in self.context.workspaces.values() if may_see(one.product)]
        projects = [one for one in self.context.projects.values() if may_see(one.product)]
        found: dict[str, set[str]] = {
            "product": {one.product for one in workspaces} | {one.product for one in projects},
            "workspace": {one.id for one in workspaces},
            "component": {one.path for one in projects},
        }
        frame = self.frame(topic)
        if topic in ITEM_TOPICS:
            # Known before any item has them: that there is none is known as well.
            flows = [one.flows[topic] for one in workspaces]
            found["stage"] = {stage.name for flow in flows for stage in flow.stages}
            found["status"] = {status for flow in flows for status in flow.statuses}
            found |= {"iteration": set(), "version": set()}
            if topic == BUGS.name:
                found["severity"] = set(SEVERITIES)
            else:
                types = self.context.type_by_id
                found["type"] = {types.get(one, one) for flow in flows for one in flow.first_status}
            for place, name in self.iterations_within(products):
                found["iteration"].add(name)
                if "iteration" in (ITEM_TOPICS[topic].column("version"), place.bug_version):
                    found["version"].add(name)
        if isinstance(frame, ItemFrame):
            for name in frame.topic.fields:
                found.setdefault(name, set()).update(values_within(frame, name, products))
            for fields in self.context.custom_fields(frame.topic.entity, products).values():
                for one in fields:
                    found.setdefault(one.column, set()).update(one.options)
            found["by"] = {*found, *frame.topic.fields}
        elif frame:
            for name in ("branch", "ref") if isinstance(frame, EventFrame) else (*FIELDS, "status"):
                found[name] = frame.values_within(name, products)
        return {name: frozenset(values - {"", EMPTY}) for name, values in found.items()}

    def scopes(self, topic: str, query: Query) -> list[str]:
        """The `<instance>:<scope>` keys of the workspaces or projects a query asks for."""
        return [key for key, _ in self._asked(topic, query)]

    def known_until(self, topic: str, scopes: Iterable[str]) -> int | None:
        """The oldest start of a last successful run among the scopes; None if one never succeeded.

        Scopes that are no longer collected (deleted upstream, taken out of the configuration) do not count:
        nobody will ever look at them again. How collecting went is known up to when we looked ourselves.
        """
        if topic == COLLECTION:
            return self.health.known_until if self.health else None
        asked = [scope for scope in scopes if self.is_present(topic, scope)]
        starts = [self.known.get((collector, scope)) for scope in asked for collector in FEEDS[topic]]
        return (
            min((start for start in starts if start is not None), default=None)
            if None not in starts
            else None
        )

    def is_present(self, topic: str, scope: str) -> bool:
        """Whether a scope is still collected, as far as anyone knows."""
        instance, id = scope.split(":", 1)
        listed = self.present.get(f"{LISTS[topic]}:{instance}")
        return listed is None or id in listed

    def first_record(self, topic: str, query: Query) -> int | None:
        """The oldest record (epoch seconds) in the scopes a query asks for; None without any."""
        frame = self.frame(topic)
        if isinstance(frame, HealthFrame):
            return frame.first_record(query)
        firsts: Array = np.empty(0, dtype=np.uint32)
        if isinstance(frame, ItemFrame):
            firsts = frame.first_start
            firsts = firsts[allowed_workspaces(frame, query)[: len(firsts)]]
        elif frame:
            asked = set(self.scopes(topic, query))
            keys = frame.dictionaries["project"].values[: len(frame.first_at)]
            firsts = frame.first_at[np.array([key in asked for key in keys], dtype=np.bool_)]
        oldest = int(firsts.min(initial=NEVER))
        return None if oldest == NEVER else oldest

    def zone(self, topic: str, query: Query) -> str:
        """The one zone of the products asked for, else the default zone."""
        zones = {one.zone for _, one in self._asked(topic, query)}
        return zones.pop() if len(zones) == 1 else self.context.zone

    def _asked(self, topic: str, query: Query) -> list[tuple[str, Workspace | Project]]:
        """The scopes a query asks for, by their keys."""
        workspaces = self.context.workspaces if topic in ITEM_TOPICS or topic == COLLECTION else {}
        projects = self.context.projects if topic not in ITEM_TOPICS else {}
        places: Iterable[tuple[str, Workspace | Project]] = chain(workspaces.items(), projects.items())
        return [(key, one) for key, one in places if _passes(query, one)]


def _passes(query: Query, place: Workspace | Project) -> bool:
    if query.products is not None and place.product not in query.products:
        return False
    own = ("workspace", place.id) if isinstance(place, Workspace) else ("component", place.path)
    values = dict((("product", place.product), own))
    return all(one.accepts(values[one.key]) for one in query.filters if one.key in values)
