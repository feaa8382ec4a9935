"""The collecting side: quickly, one process at a time, and the same when it is done twice."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import suppress
from functools import partial

import pytest

from collectors.deriving import Deriver
from collectors.scheduler import collect
from collectors.webhooks import Webhooks, retry
from metrics_api.core.config import Collect
from metrics_api.core.errors import StoreUnavailable
from metrics_api.core.facts import TURN_S, Batch, Batches, Facts
from metrics_api.core.leases import Leases
from metrics_api.core.raw import RawStore
from metrics_api.core.settings import Settings
from metrics_api.core.store import Store
from tests.webhooks.harness import CONFIG, ENVIRONMENT, facts, hooks, receiving, taken, until, webhooks

AFTER = "da1560886d4f094c3e6c9ef40349f7d38b5d27d7"
PUSH = {"object_kind": "push", "project_id": 15, "ref": "refs/heads/main", "before": "0" * 40, "after": AFTER}
BUG = {
    "event": "bug::create", "workspace_id": "20", "id": "1120", "title": "b", "status": "new",
    "created": "2025-03-01 09:00:00", "event_id": "1", "queue_id": "1",
}  # fmt: skip


async def count(store: Store, topic: str, number: int, within_s: float) -> float:
    """Wait until a topic has so many facts; returns the seconds that took."""

    async def there() -> bool:
        return len(await facts(store, topic)) == number

    return await until(there, within_s)


async def test_a_collecting_process_takes_what_comes_and_what_waited(store: Store) -> None:
    stop = asyncio.Event()
    async with receiving(store) as receiver:
        await receiver.gitlab(PUSH, "Push Hook", "waited")
        collecting = asyncio.create_task(collect(Settings(CONFIG, ENVIRONMENT), store, stop=stop))
        try:
            await count(store, "events", 1, 30)
            await receiver.gitlab(PUSH | {"ref": "refs/heads/other"}, "Push Hook", "came")
            await count(store, "events", 2, 30)
            await receiver.tapd(BUG)
            await count(store, "bugs", 1, 30)

            async def empty() -> bool:
                return await store.all("inbox_gitlab") == await store.all("inbox_tapd") == []

            await until(empty, 30)
        finally:
            stop.set()
            await collecting
    # It has given its leases back: the next one need not wait.
    leases = Leases(store)
    for upstream in ("gitlab", "tapd"):
        assert await leases.acquire(f"inbox:{upstream}") is not None


async def test_collecting_everything_once_takes_what_waits(store: Store) -> None:
    async with receiving(store) as receiver:
        await receiver.gitlab(PUSH, "Push Hook", "k")
    await collect(Settings(CONFIG, ENVIRONMENT), store, once="all")
    assert [fact["_id"] for fact in await facts(store, "events")] == ["gitlab:15:hook:k"]
    assert await store.all("inbox_gitlab") == []


async def test_one_process_takes_at_a_time_and_another_follows_one_that_vanished(store: Store) -> None:
    held = await Leases(store, 1.0).acquire("inbox:gitlab")
    assert held is not None
    async with receiving(store) as receiver:
        await receiver.gitlab(PUSH, "Push Hook", "k")
    follower = webhooks(store, "gitlab", ttl_s=1.0)
    await follower.drain()
    assert [one["_id"] for one in await store.all("inbox_gitlab")] == ["k"]
    running = asyncio.create_task(follower.run())
    try:
        # The holder does not renew its lease; the follower asks once a second.
        await count(store, "events", 1, 20)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_a_delivery_does_not_wait_for_those_who_have_much_to_derive(store: Store) -> None:
    leases, raw = Leases(store), RawStore(store)
    mine = Facts(store, leases)
    taking = Webhooks("gitlab", store, leases, raw, Deriver(store, mine, raw, {}))
    written, underway = 0, asyncio.Event()

    def much(who: str) -> Batches:
        async def produce(name: str) -> Batch:
            nonlocal written
            written += 1
            if written == 8:
                underway.set()
            await asyncio.sleep(TURN_S / 4)
            return Batch([{"_id": name, "instance": "gitlab"}])

        return lambda done: [partial(produce, f"{who}{number}") for number in range(done, 60)]

    # Three in its own process, and one in another.
    writers = (mine, mine, mine, Facts(store, Leases(store)))
    bulk = [
        asyncio.create_task(one.update("events", much(who))) for one, who in zip(writers, "abcd", strict=True)
    ]
    try:
        async with receiving(store) as receiver:
            await receiver.gitlab(PUSH, "Push Hook", "k")
        async with asyncio.timeout(30):
            await underway.wait()
            before = written
            await taking.drain()
        # The rest of a turn, which has five batches at most; twice as many where somebody overslept.
        assert written - before <= 10
        assert await store.one("fact_events", "gitlab:15:hook:k") is not None
    finally:
        for one in bulk:
            one.cancel()
        await asyncio.gather(*bulk, return_exceptions=True)


async def test_what_was_stored_by_a_process_that_was_killed_is_derived_by_the_next(store: Store) -> None:
    async with receiving(store) as receiver:
        await receiver.gitlab(PUSH, "Push Hook", "k")
        waiting = await store.all("inbox_gitlab")
        await taken(store)
        (record,) = (await hooks(store))["raw_gitlab_hook"]
        first = await facts(store, "events")
        # As it is after a kill once the record was stored: the delivery waits, and there is no fact.
        await store.collection("inbox_gitlab").insert_many(waiting)
        await store.collection("fact_events").delete_many({})
        await taken(store)
        assert (await hooks(store))["raw_gitlab_hook"] == [record]
        again = await facts(store, "events")
        assert [one["_id"] for one in again] == [one["_id"] for one in first] == ["gitlab:15:hook:k"]


class Picky(Deriver):
    """The real one, but for what it cannot bear and for the failures before it works."""

    cannot_bear = ""
    failures = 0

    async def derive(
        self,
        collection: str,
        instance: str,
        keys: Collection[str],
        fresh: bool = False,
        urgent: bool = False,
    ) -> None:
        """Derive as ever, unless it is to fail."""
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("the store did not answer")
        if any(self.cannot_bear in key for key in keys):
            raise ValueError("what is this?")
        await super().derive(collection, instance, keys, fresh, urgent)


def picky(store: Store) -> tuple[Picky, Webhooks]:
    """A collecting side with a deriver that can be made to fail."""
    leases, raw = Leases(store), RawStore(store)
    deriver = Picky(store, Facts(store, leases), raw, {})
    return deriver, Webhooks("gitlab", store, leases, raw, deriver)


async def test_a_delivery_that_cannot_be_derived_does_not_hold_up_the_others(store: Store) -> None:
    deriver, taking = picky(store)
    deriver.cannot_bear = "unbearable"
    async with receiving(store) as receiver:
        for name in ("one", "unbearable", "two", "three"):
            await receiver.gitlab(PUSH | {"ref": f"refs/heads/{name}"}, "Push Hook", name)
    await taking.drain()
    assert sorted(fact["branch"] for fact in await facts(store, "events")) == ["one", "three", "two"]
    (quarantined,) = await store.all("quarantine")
    assert quarantined["reason"] == "not derived: ValueError: what is this?"
    assert quarantined["delivery"]["_id"] == "unbearable"
    assert await store.all("inbox_gitlab") == []
    assert len((await hooks(store))["raw_gitlab_hook"]) == 4

    deriver.cannot_bear = "nothing any more"
    await retry(store, quarantined)
    await taking.drain()
    assert await store.all("quarantine") == []
    assert len(await facts(store, "events")) == 4


async def test_while_the_store_fails_deliveries_wait(store: Store) -> None:
    deriver, taking = picky(store)
    deriver.cannot_bear, deriver.failures = "nothing", 2
    async with receiving(store) as receiver:
        await receiver.gitlab(PUSH, "Push Hook", "k")
    with pytest.raises(StoreUnavailable):
        await taking.drain()
    assert [one["_id"] for one in await store.all("inbox_gitlab")] == ["k"]
    running = asyncio.create_task(taking.run())
    try:
        await count(store, "events", 1, 10)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    assert await store.all("quarantine") == []


async def test_of_several_processes_each_delivery_is_counted_once(store: Store) -> None:
    config = CONFIG.model_copy(update={"collect": Collect(lease_seconds=3)})
    stop = asyncio.Event()
    collecting = [
        asyncio.create_task(collect(Settings(config, ENVIRONMENT), store, stop=stop)) for _ in range(2)
    ]
    try:
        async with receiving(store) as receiver:
            for n in range(40):
                await asyncio.gather(
                    receiver.gitlab(PUSH | {"ref": f"refs/heads/{n}"}, "Push Hook", f"{n}"),
                    receiver.tapd(BUG | {"id": f"{1000 + n}", "queue_id": f"{n}"}),
                )
        await count(store, "events", 40, 20)
        await count(store, "bugs", 40, 20)
    finally:
        stop.set()
        await asyncio.gather(*collecting)
