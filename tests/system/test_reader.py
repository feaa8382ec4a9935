"""The reader against a real store: what it takes over, and what it does when the store fails half-way."""

from __future__ import annotations

import asyncio
import signal
from datetime import UTC, datetime
from typing import Any

import pytest

from metrics_api.core.config import Config, Product, Stage, Stages
from metrics_api.core.days import BEIJING
from metrics_api.core.errors import StoreUnavailable
from metrics_api.core.schema import FEEDS
from metrics_api.core.security import READ_ALL
from metrics_api.core.settings import Settings
from metrics_api.core.store import Document, Store
from metrics_api.evaluate import Evaluator
from metrics_api.reader import FACTS, Reader
from metrics_api.server import bound, serving

MONDAY = 1_772_380_800  # 2026-03-02 00:00 in Beijing
NOW = MONDAY + 3 * 86_400
STAGES = Stages(
    bugs=(
        Stage(name="open", statuses=("new",), flag="waiting"),
        Stage(name="done", statuses=("closed",), flag="done"),
    )
)
CONFIG = Config(timezone=BEIJING, product=(Product(name="A", workspaces=("1",), stages=STAGES),))


class FlakyStore(Store):
    """The real store, whose windows can be made to fail, or to be preceded by another write."""

    fail_at = 0
    before_window: Any = None
    windows = 0

    async def window(self, *args: Any, **options: Any) -> list[Document]:
        """Read as ever, unless this one is to fail."""
        self.windows += 1
        if self.windows == self.fail_at:
            raise StoreUnavailable("the store did not answer")
        if self.before_window is not None:
            doing, self.before_window = self.before_window, None
            await doing()
        return await super().window(*args, **options)


def fact(number: int, seq: int, closed: bool = False) -> Document:
    """A bug created on Monday, and closed on Tuesday if so."""
    size = 2 if closed else 1
    segments: dict[str, list[Any]] = {
        name: [""] * size
        for name in ("version_report", "version_fix", "iteration", "severity", "priority", "module", "label")
    }
    segments |= {
        "start": [MONDAY, MONDAY + 86_400][:size],
        "workspace": ["1"] * size,
        "status": ["new", "closed"][:size],
    }
    return {
        "_id": f"tapd:1:{number}",
        "generation": 1,
        "seq": seq,
        "tombstone": False,
        "instance": "tapd",
        "id": str(number),
        "title": "",
        "created": MONDAY,
        "removed_at": None,
        "removed_why": None,
        "due": None,
        "findings": [],
        "segments": segments,
    }


async def publish(store: Store, facts: list[Document]) -> None:
    """Write facts as the deriving side does: the counter after the facts."""
    known = [one["_id"] for one in facts]
    for at in range(0, len(known), 100):
        await store.collection("fact_bugs").delete_many({"_id": {"$in": known[at : at + 100]}})
    await store.collection("fact_bugs").insert_many(facts)
    counter = {
        "_id": "topic:bugs",
        "generation": 1,
        "seq": max(one["seq"] for one in facts),
        "collection": "fact_bugs",
    }
    await store.collection("counters").replace_one({"_id": "topic:bugs"}, counter, upsert=True)


async def know(store: Store) -> None:
    """Say that everything was looked at just now."""
    for name in FEEDS["bugs"]:
        mark = {"collector": name, "instance": "tapd", "scope": "1", "cursor": {}, "clean": True}
        at = datetime.fromtimestamp(NOW, UTC)
        await store.collection("watermarks").insert_one({"_id": f"{name}:tapd:1", **mark, "started_at": at})


async def flows(reader: Reader) -> list[dict[str, list[Any]]]:
    """The cumulative flow from Monday on, by the cube and by the segments."""
    evaluator = Evaluator(reader, clock=lambda: NOW)
    targets = ["@tapd.bugs.flow.cumulative", "@tapd.bugs.flow.cumulative/asof=now"]
    try:
        rendered = await evaluator.render(targets, MONDAY, NOW, READ_ALL)
    finally:
        evaluator.close()
    return [{one.endpoint: list(one.values) for one in series} for series in rendered.series]


@pytest.fixture
async def flaky(mongodb_url: str, database_name: str) -> Any:
    """A store on a database of its own."""
    store = FlakyStore(mongodb_url, database_name)
    await store.prepare()
    await know(store)
    yield store
    await store.drop()
    await store.aclose()


async def test_changed_facts_are_taken_over_and_tombstones_leave(flaky: FlakyStore) -> None:
    reader = Reader(flaky, CONFIG)
    await publish(flaky, [fact(number, number) for number in range(1, 6)])
    assert await reader.look()
    assert await flows(reader) == [{"open": [5, 5, 5, 5], "done": [0, 0, 0, 0]}] * 2
    await publish(flaky, [fact(1, 6, closed=True), fact(2, 7) | {"tombstone": True}])
    assert await reader.look()
    assert await flows(reader) == [{"open": [4, 3, 3, 3], "done": [0, 1, 1, 1]}] * 2
    assert not await reader.look()


async def test_a_store_that_fails_half_way_through_a_change_leaves_no_wrong_number(flaky: FlakyStore) -> None:
    count = FACTS + 10
    reader = Reader(flaky, CONFIG)
    await publish(flaky, [fact(number, number) for number in range(1, count + 1)])
    await reader.look()
    await publish(flaky, [fact(number, count + number, closed=True) for number in range(1, count + 1)])
    flaky.fail_at = flaky.windows + 2
    with pytest.raises(StoreUnavailable):
        await reader.look()
    assert await flows(reader) == [{"open": [count] * 4, "done": [0] * 4}] * 2
    assert await reader.look()
    expected = {"open": [count, 0, 0, 0], "done": [0, count, count, count]}
    assert await flows(reader) == [expected] * 2


async def test_what_changes_while_it_is_loaded_is_not_missing(flaky: FlakyStore) -> None:
    reader = Reader(flaky, CONFIG)
    await publish(flaky, [fact(number, number) for number in range(1, 11)])
    flaky.before_window = lambda: publish(
        flaky, [fact(number, 10 + number, closed=True) for number in range(1, 6)]
    )
    await reader.look()
    assert await flows(reader) == [{"open": [10, 5, 5, 5], "done": [0, 5, 5, 5]}] * 2


async def test_many_stages_by_many_names_have_room(flaky: FlakyStore) -> None:
    names = [f"{number}" for number in range(1, 120)]
    stages = {
        name: Stages(
            bugs=tuple(
                Stage(name=f"{name} {place}", statuses=(f"s{place}",), flag="active") for place in range(3)
            )
        )
        for name in names
    }
    config = Config(
        product=tuple(Product(name=f"P{name}", workspaces=(name,), stages=stages[name]) for name in names)
    )
    reader = Reader(flaky, config)
    facts = [fact(int(name), int(name)) for name in names]
    for name, one in zip(names, facts, strict=True):
        one["segments"] |= {"workspace": [name], "status": ["s2"]}
    await publish(flaky, facts)
    await reader.look()
    evaluator = Evaluator(reader, clock=lambda: NOW)
    rendered = await evaluator.render(["@tapd.bugs.flow.cumulative/product=P117"], MONDAY, NOW, READ_ALL)
    evaluator.close()
    assert [one.endpoint for one in rendered.series[0]] == ["117 0", "117 1", "117 2"]


async def test_a_scope_that_is_no_longer_collected_does_not_blank_the_others(flaky: FlakyStore) -> None:
    workspaces = [
        {
            "_id": f"tapd:{id}",
            "generation": 1,
            "seq": int(id),
            "tombstone": False,
            "instance": "tapd",
            "id": id,
            "name": id,
        }
        for id in ("1", "2")
    ]
    await flaky.collection("fact_workspaces").insert_many(workspaces)
    await flaky.collection("counters").insert_one(
        {"_id": "topic:workspaces", "generation": 1, "seq": 2, "collection": "fact_workspaces"}
    )
    await publish(flaky, [fact(1, 1)])
    reader = Reader(flaky, CONFIG)
    await reader.look()
    assert (await flows(reader))[0]["open"] == [None] * 4
    mark = {
        "collector": "tapd.workspaces",
        "instance": "tapd",
        "scope": "all",
        "started_at": None,
        "clean": True,
    }
    await flaky.collection("watermarks").insert_one({"_id": "w", **mark, "cursor": {"scopes": ["1"]}})
    assert await reader.look()
    assert (await flows(reader))[0]["open"] == [1, 1, 1, 1]


async def test_a_fact_nobody_can_read_stops_the_server_instead_of_serving_old_numbers(
    flaky: FlakyStore,
) -> None:
    await publish(flaky, [fact(1, 1) | {"segments": {"start": ["Monday"]}}])
    listener = bound("127.0.0.1", 0)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)

    async def served() -> None:
        async with serving(Settings(CONFIG, {}), flaky, listener):
            await asyncio.wait_for(stopped.wait(), 10)

    try:
        with pytest.raises(KeyError):
            await served()
    finally:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
    assert stopped.is_set()
