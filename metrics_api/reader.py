"""The reader: keeps the world fresh from the facts, without ever stopping those who ask.

It looks at the topics' counter documents at most once a second and loads the facts with a higher seq in
windows. A new generation is loaded beside the old frame, which answers meanwhile. Columns are filled in a
thread, so that the event loop goes on. Now and then it also looks at how collecting goes.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from metrics_api.collecting import Collecting
from metrics_api.columns import Codes, Parted
from metrics_api.context import Context, build_context
from metrics_api.core.config import Config, patience_s
from metrics_api.core.errors import StoreUnavailable
from metrics_api.core.memory import give_back, settle
from metrics_api.core.schema import FEEDS, LISTS, Gap
from metrics_api.core.store import Store
from metrics_api.cube import Cube, build_cube, change_cube, merged_cube
from metrics_api.events import EventTable
from metrics_api.fields import reads
from metrics_api.flaws import BrokenChains, unmapped_statuses
from metrics_api.health import COLLECTION, HealthFrame
from metrics_api.item_table import ItemTable
from metrics_api.stage_maps import noted
from metrics_api.topics import ITEM_TOPICS
from metrics_api.world import World

log = logging.getLogger(__name__)

LOOK_S = 1.0
# How often it is looked at how collecting goes.
COLLECTING_S = 15
SMALL = (
    *("workspaces", "workflows", "iterations", "projects"),
    *("releases", "workitem_types", "custom_fields"),
)
MAX_CUBES = 12
# Clocks of machines agree to within some seconds.
OVERLAP_S = 3600
# Facts read at once: the garbage collector walks through all of them, a pause of some milliseconds.
FACTS = 500

Counter = tuple[int, int, str]


class Reader:
    """Owns the tables of all topics and publishes a new `world` whenever something changed."""

    def __init__(self, store: Store, config: Config, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._config = config
        self._clock = clock
        self._seen: dict[str, Counter] = {}
        context = Context(config.timezone)
        self._ids = Codes(Parted())
        self._items = {name: ItemTable(topic, context, self._ids) for name, topic in ITEM_TOPICS.items()}
        self._events = EventTable(context)
        self._chains = {name: BrokenChains() for name in ITEM_TOPICS}
        # By item topic: the statuses in no stage, and the frame's version that they were found in.
        self._unmapped: dict[str, tuple[int, Mapping[str, frozenset[str]]]] = {}
        self._collecting = Collecting()
        self._looked_at = 0
        patience = {
            f"{upstream}:{one.name}": int(patience_s(60.0 * one.interval_minutes))
            for upstream, instances in (("tapd", config.tapd), ("gitlab", config.gitlab))
            for one in instances
        }
        self.world = World(context, patience=patience)
        self.refreshed_at: float | None = None

    async def run(self) -> None:
        """Keep the world fresh until cancelled; a store that does not answer is waited for."""
        while True:
            try:
                await self.look()
            except StoreUnavailable as error:
                log.warning("facts not read, answering from what is known", extra={"error": str(error)})
            await asyncio.sleep(LOOK_S)

    async def look(self) -> bool:
        """Take over what changed since the last look and say whether anything did; or StoreUnavailable."""
        counters = await self._counters((*SMALL, *FEEDS))
        changed = await self._look_at_known()
        if self.refreshed_at is None or any(counters.get(one) != self._seen.get(one) for one in SMALL):
            changed = await self._load_context(counters) or changed
        for topic in FEEDS:
            counter = counters.get(topic)
            if counter and counter != self._seen.get(topic):
                changed = await self._load(topic, counter) or changed
        self.refreshed_at = time.time()
        now = int(self._clock())
        if now - self._looked_at >= COLLECTING_S or not self._collecting.complete(now):
            await self._collecting.look(self._store, now)
            self._publish(COLLECTION, health=await asyncio.to_thread(self._health, now))
            self._looked_at = now
        return changed

    def _health(self, now: int) -> HealthFrame:
        world = self.world
        for topic, frame in world.items.items():
            version = world.versions[topic]
            if self._unmapped.get(topic, (0,))[0] != version:
                self._unmapped[topic] = version, unmapped_statuses(frame)
        return self._collecting.frame(
            now,
            world.context,
            frozenset(world.patience),
            world.present,
            {topic: self._chains[topic].counts(world.context.workspaces) for topic in world.items},
            {topic: found for topic, (_, found) in self._unmapped.items()},
        )

    async def _look_at_known(self) -> bool:
        names = [*(name for feeds in FEEDS.values() for name in feeds), *LISTS.values()]
        marks = await self._store.matching("watermarks", "collector", names)
        known = {
            (mark["collector"], f"{mark['instance']}:{mark['scope']}"): int(mark["started_at"].timestamp())
            for mark in marks
            if mark["started_at"] is not None
        }
        present = {
            f"{mark['collector']}:{mark['instance']}": frozenset(mark["cursor"]["scopes"])
            for mark in marks
            if mark["collector"] in LISTS.values() and "scopes" in mark["cursor"]
        }
        if (known, present) == (self.world.known, self.world.present):
            return False
        self.world = replace(self.world, known=known, present=present, gaps=await self._gaps())
        return True

    async def _gaps(self) -> tuple[Gap, ...]:
        """The known gaps and those that ended since; a run that ends one also moves what is known."""
        last = max((gap["end"] for gap in self.world.gaps), default=0)
        # Another scope's may have ended in the same second, or a little earlier on another machine's clock.
        after = max(last - OVERLAP_S, 0)
        found: list[Any] = await self._store.window("gaps", "end", after, int(time.time()) + OVERLAP_S)
        return tuple({gap["_id"]: gap for gap in (*self.world.gaps, *found)}.values())

    async def _load_context(self, counters: Mapping[str, Counter]) -> bool:
        facts: dict[str, list[Any]] = {}
        for topic in SMALL:
            counter = counters.get(topic)
            facts[topic] = await self._store.all(counter[2]) if counter else []
        context = build_context(self._config, **facts)
        stage_maps = await noted(self._store, context, int(time.time()))
        self._seen.update({topic: counters[topic] for topic in SMALL if topic in counters})
        before = self.world.context
        if context == before and stage_maps == self.world.stage_maps:
            return False
        for topic, table in self._items.items():
            if _values_depend(topic, before, context):
                self._seen.pop(topic, None)
            await asyncio.to_thread(table.set_context, context)
        self._events.set_context(context)
        self.world = replace(self.world, context=context, stage_maps=stage_maps)
        for topic in self.world.items:
            await self._publish_items(topic, None)
        if self.world.events:
            self._publish("events", events=self._events.snapshot())
        return True

    async def _load(self, topic: str, counter: Counter) -> bool:
        seen = self._seen.pop(topic, None)
        table: ItemTable | EventTable = self._items.get(topic, self._events)
        fresh = seen is None or (seen[0], seen[2]) != (counter[0], counter[2])
        fresh = fresh or (isinstance(table, EventTable) and table.wasteful)
        chains = self._chains.get(topic)
        if fresh:
            table = self._empty(topic)
            chains = BrokenChains() if chains else None
        elif isinstance(table, ItemTable) and table.scattered:
            await asyncio.to_thread(table.cluster)
        # While anything fails, the topic counts as not seen: what was half taken over is loaded anew.
        changes: list[Any] = []
        after = 0 if fresh or seen is None else seen[1]
        while after < counter[1]:
            async for facts in self._facts(counter, after):
                change = await asyncio.to_thread(table.apply, facts)
                if chains:
                    chains.apply(facts)
                if fresh:
                    # What the columns have grown to stays: the garbage collector need not walk through it.
                    settle()
                else:
                    changes.append(change)
            after = counter[1]
            # What was stamped anew while loading is not where it was: catch up before anyone sees the frame.
            now = await self._counters([topic])
            if topic in now and (now[topic][0], now[topic][2]) == (counter[0], counter[2]):
                counter = now[topic]
        if isinstance(table, ItemTable):
            if fresh:
                await asyncio.to_thread(table.cluster)
            self._items[topic] = table
            self._chains[topic] = chains or BrokenChains()
            await self._publish_items(topic, None if fresh else changes)
        else:
            self._events = table
            self._publish(topic, events=table.snapshot())
        self._seen[topic] = counter
        return True

    def _empty(self, topic: str) -> ItemTable | EventTable:
        context = self.world.context
        if topic not in ITEM_TOPICS:
            return EventTable(context)
        return ItemTable(ITEM_TOPICS[topic], context, self._ids)

    async def _counters(self, topics: Sequence[str]) -> dict[str, Counter]:
        found = await self._store.matching("counters", "_id", [f"topic:{topic}" for topic in topics])
        return {
            document["_id"].removeprefix("topic:"): (
                document["generation"],
                document["seq"],
                document["collection"],
            )
            for document in found
        }

    async def _facts(self, counter: Counter, after: int) -> AsyncIterator[list[Any]]:
        _, upto, collection = counter
        while after < upto:
            until = min(after + FACTS, upto)
            facts = await self._store.window(collection, "seq", after, until)
            if facts:
                yield facts
            after = until

    async def _publish_items(self, topic: str, changes: list[Any] | None) -> None:
        """Publish bugs or stories with cubes: from scratch, or with what the changes add."""
        frame, before = self._items[topic].snapshot(), self.world.items.get(topic)
        cubes: tuple[Cube, ...] = before.cubes if before else ()
        if changes is None or not cubes:
            cubes = (await asyncio.to_thread(build_cube, frame),)
            settle()
            await asyncio.to_thread(give_back)
        else:
            more = [await asyncio.to_thread(change_cube, frame, *change) for change in changes]
            cubes = (*cubes, *more)
            if len(cubes) > MAX_CUBES:
                cubes = (cubes[0], await asyncio.to_thread(merged_cube, cubes[1:]))
            if len(cubes[-1].delta) * 4 > len(cubes[0].delta) + 400_000:
                cubes = (await asyncio.to_thread(merged_cube, cubes),)
        self._publish(topic, items={**self.world.items, topic: replace(frame, cubes=cubes)})

    def _publish(self, topic: str, **frames: Any) -> None:
        versions = {**self.world.versions, topic: self.world.versions.get(topic, 0) + 1}
        self.world = replace(self.world, versions=versions, **frames)


def _values_depend(topic: str, before: Context, after: Context) -> bool:
    """Whether the columns of items already loaded would be others in the new context, or say other things."""
    fields = ITEM_TOPICS[topic]
    if reads(fields, before) != reads(fields, after):
        return True

    def first_status(context: Context, key: str) -> Mapping[str, str]:
        return context.workspaces[key].flows[topic].first_status if key in context.workspaces else {}

    def version(context: Context, key: str) -> str:
        return context.workspaces[key].bug_version if key in context.workspaces else "version_report"

    def differs(read: Callable[[Context, str], object]) -> bool:
        return any(read(before, key) != read(after, key) for key in after.workspaces)

    if differs(first_status) or "version" not in fields.columns:
        return differs(first_status)
    by_iteration = any(one.bug_version == "iteration" for one in after.workspaces.values())
    return differs(version) or (by_iteration and before.iteration_by_id != after.iteration_by_id)
