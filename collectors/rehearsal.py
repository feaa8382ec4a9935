"""A backfill rehearsed: what it would request, and the stages that would be guessed; nothing is stored."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from datetime import UTC, date
from typing import Any, cast

from collectors import WHOLE, Collector, Since
from collectors.derive import workflows
from collectors.first_collection import event_pages, feed_requests, row_count
from collectors.gitlab import EVENT_OVERLAP, Events
from collectors.sources import Source, sources
from collectors.tapd import FirstSteps, LastSteps, StatusMaps, Workflows
from collectors.tapd_client import TapdClient, bodies
from collectors.tapd_fields import ADDRESSES, CustomFields
from collectors.tapd_items import ItemChanges, Items, RemovedItems
from collectors.tapd_known import DAY
from collectors.tapd_limits import PAGE_SIZES
from collectors.tapd_plans import IterationChanges, Iterations
from collectors.tapd_stories import STORIES_PER_REQUEST, StoryBugs
from collectors.tapd_time import TIMESHEETS, LifeTimes, Timesheets
from metrics_api.core.config import Config
from metrics_api.core.days import utc_now
from metrics_api.core.errors import Skippable, UnknownName
from metrics_api.core.fact_types import WorkflowFact
from metrics_api.core.settings import Settings
from metrics_api.core.stages import Stage, configured, guessed_for_bugs, guessed_for_stories
from metrics_api.core.store import Store
from metrics_api.core.tasks import Order

# By what a workflow is of: the topic, and how its stages are guessed.
TOPICS = {"bug": ("bugs", guessed_for_bugs), "story": ("stories", guessed_for_stories)}


@dataclass(frozen=True)
class Expected:
    """Requests of one collector in a scope; `since` is the day they begin at, None: the beginning."""

    collector: str
    since: date | None
    requests: int


@dataclass(frozen=True)
class StageMap:
    """The stages of a workspace's bugs or stories, and whether they are guessed."""

    topic: str
    guessed: bool
    stages: tuple[Stage, ...]


@dataclass(frozen=True)
class Rehearsed:
    """What is to be expected of one scope, called `name` upstream."""

    scope: str
    name: str
    expected: list[Expected]
    stages: list[StageMap]


async def rehearse(
    settings: Settings, store: Store, orders: Iterable[Order]
) -> AsyncIterator[tuple[Source, Rehearsed]]:
    """What to expect of each scope of these orders, with its source.

    Raises UpstreamError, ConfigError, and UnknownName for a scope that is not there.
    """
    async with AsyncExitStack() as stack:
        found = sources(settings, store)
        for source in found:
            stack.push_async_callback(source.connection.aclose)
        for order in orders:
            for source in found:
                if (source.upstream, source.name) == (order.upstream, order.instance):
                    async for one in _rehearsed(settings.config, store, source, order):
                        yield source, one


async def _rehearsed(config: Config, store: Store, source: Source, order: Order) -> AsyncIterator[Rehearsed]:
    """What to expect of each scope of an order, one after the other.

    The upstream is asked to count, which takes some requests. What overflows a page of a change feed's day is
    not counted by it, and comes on top.
    """
    marks = {
        (mark["collector"], mark["scope"]): mark["started_at"]
        for mark in await store.all("watermarks")
        if mark["instance"] == order.instance and mark["started_at"]
    }
    day = date.fromisoformat(order.since or "")
    names: dict[str, str] = {}
    for lister in (one for one in source.collectors if one.whole):
        pages = 0
        async with aclosing(lister.fetch(WHOLE, Since(None, {}, utc_now()))) as found:
            async for page in found:
                pages += bool(page.records)
                for record in page.records:
                    scope = lister.identify(record, page.about).id
                    names[scope] = str(record.get("path_with_namespace") or record.get("name") or scope)
        if not order.scope:
            yield Rehearsed(WHOLE, source.name, [Expected(lister.name, None, max(pages, 1))], [])
    for scope in [_called(order, names)] if order.scope else names:
        asking = _Asking(source, scope)
        expected = []
        for one in source.collectors:
            if not one.whole:
                mark = marks.get((one.name, scope))
                since = min(day, mark.astimezone(UTC).date()) if mark else None
                expected.append(Expected(one.name, since, await asking.requests(one, since)))
        stages = await asking.stage_maps(config)
        yield Rehearsed(scope, names.get(scope, scope), expected, stages)


def _called(order: Order, names: Mapping[str, str]) -> str:
    """The id of an order's scope; raises UnknownName where the instance has none of that name."""
    for scope, name in names.items():
        if order.scope in (scope, name):
            return scope
    raise UnknownName(
        f"scope {order.scope!r} is not there: {order.instance} has {', '.join(names) or 'none'}"
    )


class _Asking:
    """Asks an upstream about one scope, everything once."""

    def __init__(self, source: Source, scope: str) -> None:
        self._client: Any = source.collectors[0].client
        self._instance = source.name
        self._scope = scope
        self._counts: dict[str, int] = {}
        self._types: list[str] | None = None

    async def requests(self, one: Collector[Any], since: date | None) -> int:
        """How many requests a collector needs for what is new since a day, None: for everything."""
        try:
            if isinstance(one, Events):
                after = {"after": (since - EVENT_OVERLAP).isoformat()} if since else {}
                return await event_pages(self._client, self._scope, after)
            if isinstance(one, Items):
                return await self._rows(one.kind.address, since) // PAGE_SIZES[0] + 1
            if isinstance(one, Iterations):
                return await self._rows("/iterations", since) // PAGE_SIZES[0] + 1
            if isinstance(one, Timesheets):
                return await self._rows("/timesheets", since) // PAGE_SIZES[0] + len(TIMESHEETS)
            if isinstance(one, LifeTimes):
                return await self._rows("/stories", since) + await self._rows("/bugs", since)
            if isinstance(one, IterationChanges):
                return await self._rows("/iterations", None)
            if isinstance(one, StoryBugs):
                return -(-await self._rows("/stories", None) // STORIES_PER_REQUEST)
            if isinstance(one, CustomFields):
                return len(ADDRESSES)
            if isinstance(one, Workflows):
                return 1 + len(await self._story_types())
            if isinstance(one, ItemChanges):
                return await self._days(one, since)
        except Skippable:
            # Switched off there, which a request finds out.
            return 1
        return len(one.kind.removed_asked) if isinstance(one, RemovedItems) else 1

    async def _rows(self, path: str, since: date | None) -> int:
        asked = {"workspace_id": self._scope}
        if since:
            asked["modified"] = f">{since - DAY}"
        key = f"{path} {since}"
        if key not in self._counts:
            self._counts[key] = await row_count(self._client, path, asked)
        return self._counts[key]

    async def _days(self, one: ItemChanges, since: date | None) -> int:
        """Requests for the days of a feed, and for what finds the first of them."""
        today = date.fromisoformat(self._client.day(utc_now()))
        kind = one.kind
        needed = await feed_requests(self._client, kind.address, kind.wrapper, self._scope, today)
        if since:
            return len(kind.removed_asked) + min(needed, (today - since).days + 2)
        return 1 + len(kind.removed_asked) + needed

    async def _story_types(self) -> list[str]:
        if self._types is None:
            rows = await self._client.listed("/workitem_types", {"workspace_id": self._scope})
            kinds = bodies(rows, "WorkitemType")
            self._types = [str(one["id"]) for one in kinds if one.get("entity_type", "story") == "story"]
        return self._types

    async def stage_maps(self, config: Config) -> list[StageMap]:
        """The stages by which a workspace's bugs and stories would be counted; none of a project."""
        if not isinstance(self._client, TapdClient):
            return []
        key = f"{self._instance}:{self._scope}"
        product = next(
            (one for one in config.product if key in map(config.workspace_key, one.workspaces)), None
        )
        found = []
        flows: dict[str, WorkflowFact] | None = None
        for entity, (topic, guess) in TOPICS.items():
            own = configured(getattr(product.stages, topic)) if product else ()
            if not own and flows is None:
                flows = await self._flows()
            if own:
                found.append(StageMap(topic, False, own))
            elif flows and entity in flows:
                found.append(StageMap(topic, True, guess(flows[entity])))
        return found

    async def _flows(self) -> dict[str, WorkflowFact]:
        """The workflows by entity, made of the answers as a collection would make them of its records."""
        raw: dict[str, list[Mapping[str, Any]]] = {}
        try:
            kinds = [("bug", ""), *(("story", kind) for kind in await self._story_types())]
        except Skippable:
            kinds = [("bug", "")]
        for unit in (StatusMaps, LastSteps, FirstSteps):
            raw[unit.collection] = [record async for record in self._records(unit, kinds)]
        facts: Iterable[dict[str, Any]] = workflows.derive(raw, self._client.config.timezone).facts
        return {str(fact["entity"]): cast(WorkflowFact, fact) for fact in facts}

    async def _records(
        self, unit: type[Workflows], kinds: Iterable[tuple[str, str]]
    ) -> AsyncIterator[Mapping[str, Any]]:
        for number, (system, kind) in enumerate(kinds):
            asked = {"workspace_id": self._scope, "system": system}
            if kind:
                asked["workitem_type_id"] = kind
            try:
                data = await self._client.mapping(unit.path, asked)
            except Skippable:
                continue
            key = f"{self._scope}:{system}"
            name = f"{self._instance}:{self._scope}:{system}:{kind}".removesuffix(":")
            yield {"_id": name, "key": key, "instance": self._instance, "n": number, "data": data}
