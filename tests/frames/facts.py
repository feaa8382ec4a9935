"""Facts as the deriving side writes them, made by hand, and an evaluator over them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from metrics_api.context import Context, build_context
from metrics_api.core.config import Config, Product
from metrics_api.core.days import BEIJING
from metrics_api.core.schema import FEEDS
from metrics_api.core.security import READ_ALL
from metrics_api.core.store import Document, Store
from metrics_api.cube import build_cube
from metrics_api.evaluate import Evaluator
from metrics_api.frames import ItemFrame
from metrics_api.item_table import ItemTable
from metrics_api.reader import Reader
from metrics_api.segments import Fact
from metrics_api.topics import ItemTopic
from metrics_api.world import World

MONDAY = 1_772_380_800  # 2026-03-02 00:00 in Beijing
DAY_S = 86_400
# Friday noon: five days, the last of them not over.
NOW = MONDAY + 4 * DAY_S + 12 * 3600
CONFIG = Config(timezone=BEIJING, product=(Product(name="A", workspaces=("1",)),))

STORY_FIELDS = ("workspace", "status", "iteration", "priority", "label", "module", "type")
BUG_FIELDS = (
    *("workspace", "status", "iteration", "priority", "label", "module"),
    *("version_report", "version_fix", "severity"),
)
Stretch = tuple[int, Mapping[str, str]]


def ten(day: int) -> int:
    """Ten o'clock, so many days after Monday."""
    return MONDAY + day * DAY_S + 10 * 3600


def item(
    fields: Sequence[str], id: str, stretches: Sequence[Stretch], gone: int | None = None, **more: Any
) -> Document:
    """An item whose fields change at ten on some days; `gone` is the day on which it is deleted."""
    values = dict.fromkeys(fields, "") | {"workspace": "1"}
    segments: dict[str, list[Any]] = {name: [] for name in ("start", *fields)}
    for day, changed in stretches:
        values |= changed
        for name in fields:
            segments[name].append(values[name])
        segments["start"].append(ten(day))
    return {
        "_id": f"tapd:1:{id}",
        "instance": "tapd",
        "id": id,
        "title": "",
        "created": segments["start"][0],
        "removed_at": None if gone is None else ten(gone),
        "removed_why": None if gone is None else "deleted",
        "due": None,
        "findings": [],
        "parallel_steps": 0,
        "segments": segments,
        **more,
    }


def story(id: str, *stretches: Stretch, parents: Collection[str] = (), gone: int | None = None) -> Document:
    """A story."""
    return item(STORY_FIELDS, id, stretches, gone, parents=list(parents))


def bug(id: str, *stretches: Stretch, gone: int | None = None) -> Document:
    """A bug."""
    return item(BUG_FIELDS, id, stretches, gone)


def type_flow(
    id: str, statuses: Mapping[str, str], last: Sequence[str], first: str | None = None
) -> dict[str, Any]:
    """The workflow of one workitem type; `statuses` are labels by code."""
    return {
        "type": id,
        "statuses": [list(one) for one in statuses.items()],
        "last_steps": list(last),
        "first_step": first,
    }


def workflow(entity: str, *types: dict[str, Any]) -> Document:
    """The workflow of a workspace's bugs or stories, as one of all types and of each."""
    statuses: dict[str, str] = {}
    for one in types:
        for code, label in one["statuses"]:
            statuses.setdefault(code, label)
    firsts = [one["first_step"] for one in types if one["first_step"]]
    return {
        "_id": f"tapd:1:{entity}",
        "instance": "tapd",
        "workspace": "1",
        "entity": entity,
        "statuses": [list(one) for one in statuses.items()],
        "last_steps": list(dict.fromkeys(code for one in types for code in one["last_steps"])),
        "first_step": firsts[0] if firsts else None,
        "types": list(types),
    }


# Two workitem types: the second has no first step, shares codes with the first, and ends in ways of its own.
REQUIREMENT = type_flow(
    "10",
    {
        "planning": "规划中",
        "developing": "实现中",
        "status_4": "测试中",
        "resolved": "已实现",
        "rejected": "已拒绝",
    },
    ["resolved", "rejected"],
    "planning",
)
TECH = type_flow(
    "20",
    {
        "status_9": "评审",
        "developing": "开发",
        "status_5": "已取消",
        "resolved": "完成",
        "audited": "已上线",
    },
    ["status_5", "resolved", "audited"],
)
BUG_FLOW = type_flow("", {"new": "新", "closed": "已关闭"}, ["closed"], "new")


def small_facts() -> dict[str, list[Document]]:
    """The workflows, types and iterations of workspace 1."""
    kinds = [{"id": "10", "name": "需求"}, {"id": "20", "name": "Tech"}]
    sprints = [("501", "Sprint 1", "2026-03-02"), ("502", "Sprint 0", "2026-02-01")]
    return {
        "workspaces": [{"_id": "tapd:1", "instance": "tapd", "id": "1", "name": "A", "created": None}],
        "workflows": [workflow("bug", BUG_FLOW), workflow("story", REQUIREMENT, TECH)],
        "workitem_types": [
            one | {"_id": f"tapd:1:{one['id']}", "instance": "tapd", "workspace": "1", "entity": "story"}
            for one in kinds
        ],
        "iterations": [
            {
                "_id": f"tapd:1:{id}",
                "instance": "tapd",
                "workspace": "1",
                "id": id,
                "name": name,
                "names": [],
                "start": start,
                "end": None,
                "status": "open",
                "created": None,
                "removed_at": None,
            }
            for id, name, start in sprints
        ],
    }


class Publisher:
    """Writes facts into a store as the deriving side does: numbered on, the counter after the facts."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seqs: dict[str, int] = {}

    async def publish(self, topic: str, facts: Sequence[Document], tombstone: bool = False) -> None:
        """Put facts in the place of those with the same `_id`."""
        name = f"fact_{topic}"
        await self._store.collection(name).delete_many({"_id": {"$in": [one["_id"] for one in facts]}})
        first = self._seqs.get(topic, 0) + 1
        stamped = [
            one | {"generation": 1, "seq": seq, "tombstone": tombstone}
            for seq, one in enumerate(facts, start=first)
        ]
        await self._store.collection(name).insert_many(stamped)
        self._seqs[topic] = first + len(facts) - 1
        key = f"topic:{topic}"
        counter = {"_id": key, "generation": 1, "seq": self._seqs[topic], "collection": name}
        await self._store.collection("counters").replace_one({"_id": key}, counter, upsert=True)

    async def everything(self, **topics: Sequence[Document]) -> None:
        """Publish the small facts and those given, and say that all was looked at just now."""
        for topic, facts in {**small_facts(), **topics}.items():
            await self.publish(topic, facts)
        marks = [
            {"_id": f"{name}:tapd:1", "collector": name, "instance": "tapd", "scope": "1", "cursor": {}}
            for topic in ("bugs", "stories")
            for name in FEEDS[topic]
        ]
        at = {"started_at": datetime.fromtimestamp(NOW, UTC), "clean": True}
        await self._store.collection("watermarks").insert_many([mark | at for mark in marks])


async def values(reader: Reader, target: str) -> dict[str, list[Any]]:
    """The values of each endpoint from Monday to Friday."""
    evaluator = Evaluator(reader, clock=lambda: NOW)
    try:
        rendered = await evaluator.render([target], MONDAY, NOW, READ_ALL)
    finally:
        evaluator.close()
    assert rendered.skipped == []
    return {series.endpoint: list(series.values) for series in rendered.series[0]}


async def loaded(store: Store, **topics: Sequence[Document]) -> Reader:
    """A reader that has read the small facts and those given."""
    await Publisher(store).everything(**topics)
    reader = Reader(store, CONFIG)
    await reader.look()
    return reader


def context_of(config: Config) -> Context:
    """The context of the small facts."""
    facts: dict[str, Any] = {"projects": [], "releases": []} | {
        topic: [one | {"tombstone": False} for one in found] for topic, found in small_facts().items()
    }
    return build_context(config, **facts)


def at_once(topic: ItemTopic, context: Context, facts: Sequence[Document]) -> ItemFrame:
    """A frame of some facts, read for the first time, with its cube."""
    table = ItemTable(topic, context)
    table.apply(cast(Sequence[Fact], facts))
    table.cluster()
    return replace(table.snapshot(), cubes=(build_cube(table.snapshot()),))


def answers(
    frame: ItemFrame, targets: Sequence[str], start: int = MONDAY, until: int = NOW
) -> list[dict[str, list[Any]]]:
    """The values of each endpoint by target, from Monday to Friday unless it is said otherwise."""
    topic, context = frame.topic.name, frame.context
    known = {(name, key): NOW for name in FEEDS[topic] for key in context.workspaces}
    reader: Any = SimpleNamespace(world=World(context, {topic: frame}, versions={topic: 1}, known=known))
    evaluator = Evaluator(reader, clock=lambda: NOW)
    try:
        rendered = asyncio.run(evaluator.render(list(targets), start, until, READ_ALL))
    finally:
        evaluator.close()
    assert rendered.skipped == []
    return [{one.endpoint: list(one.values) for one in series} for series in rendered.series]
