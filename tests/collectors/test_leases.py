"""Leases: one holder at a time, taken over from one that vanished."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from metrics_api.core.leases import Lease, LeaseLost, Leases, LeaseTaken
from metrics_api.core.store import Store
from tests.webhooks.harness import until


class Cancelling(Store):
    """A store that has a task cancelled when it has done its n-th command, and before it says so."""

    def __init__(self, store: Store, command: int) -> None:
        self._real = store
        self.left = command
        self.task: asyncio.Task[None] | None = None

    def durable(self, name: str) -> Any:
        return _Commands(self, self._real.durable(name))


class _Commands:
    def __init__(self, cancelling: Cancelling, real: Any) -> None:
        self._cancelling = cancelling
        self._real = real

    def __getattr__(self, name: str) -> Any:
        async def command(*args: Any, **options: Any) -> Any:
            try:
                return await getattr(self._real, name)(*args, **options)
            finally:
                self._cancelling.left -= 1
                if self._cancelling.left == 0 and self._cancelling.task:
                    self._cancelling.task.cancel()
                    await asyncio.sleep(0)

        return command


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


async def test_only_one_of_many_gets_a_lease_until_it_is_released(store: Store) -> None:
    processes = [Leases(store) for _ in range(5)]
    got = [lease for lease in await asyncio.gather(*(one.acquire("x") for one in processes)) if lease]
    assert len(got) == 1
    assert await processes[0].acquire("x") is None
    await processes[0].release(got[0])
    again = await processes[1].acquire("x")
    assert again is not None
    assert (again.generation, again.taken_over) == (1, False)


async def test_a_lease_whose_holder_vanished_is_taken_over_with_a_higher_generation(store: Store) -> None:
    clock = Clock()
    first, second = Leases(store, ttl_s=60, clock=clock), Leases(store, ttl_s=60, clock=clock)
    vanished = await first.acquire("x")
    assert vanished is not None
    clock.now += timedelta(seconds=59)
    assert await second.acquire("x") is None
    clock.now += timedelta(seconds=2)
    taken = await second.acquire("x")
    assert taken is not None
    assert (taken.generation, taken.taken_over) == (2, True)
    assert await first.renew(vanished) is False
    with pytest.raises(LeaseLost):
        vanished.check()
    # The one that lost it cannot give it away either.
    await first.release(vanished)
    assert await first.acquire("x") is None


async def test_a_lease_given_back_while_others_reach_for_it_is_not_taken_over(store: Store) -> None:
    processes = [Leases(store) for _ in range(12)]
    seen = set()

    async def work(leases: Leases) -> None:
        for _ in range(12):
            async with leases.held("x", wait_s=30) as lease:
                seen.add((lease.generation, lease.taken_over))

    await asyncio.gather(*map(work, processes))
    assert seen == {(1, False)}


async def test_a_lease_that_is_held_is_renewed_for_as_long_as_the_work_takes(store: Store) -> None:
    leases = Leases(store, ttl_s=1.5)
    async with leases.held("x") as lease:
        await asyncio.sleep(2.5)
        assert await Leases(store, ttl_s=1.5).acquire("x") is None
        lease.check()
    assert await leases.acquire("x") is not None


async def test_who_waits_gets_the_lease_when_it_is_free(store: Store) -> None:
    leases = Leases(store)
    order = []

    async def work(name: str, seconds: float) -> None:
        async with leases.held("x", wait_s=5):
            order.append(f"{name} begins")
            await asyncio.sleep(seconds)
            order.append(f"{name} ends")

    await asyncio.gather(work("a", 0.1), work("b", 0.0))
    assert sorted(order[:2]) in (["a begins", "a ends"], ["b begins", "b ends"])
    with pytest.raises(LeaseTaken):
        async with leases.held("x"), leases.held("x"):
            pass


async def waiting(store: Store, lease: Lease, hurry: bool = False) -> asyncio.Task[Lease]:
    """Another process that waits for a lease, and has said so."""

    async def wait() -> Lease:
        async with Leases(store).held(lease.name, 30, hurry) as got:
            return got

    before = (await store.one("leases", lease.name) or {}).get("next")
    waiter = asyncio.create_task(wait())

    async def said() -> bool:
        return (await store.one("leases", lease.name) or {}).get("next") != before

    await until(said, 30)
    return waiter


async def test_a_lease_given_back_is_kept_for_the_one_that_waited(store: Store) -> None:
    holder = Leases(store)
    lease = await holder.acquire("x")
    assert lease is not None
    waiter = await waiting(store, lease)
    await holder.release(lease)
    # The holder wants it again at once, as one does that has much to do.
    async with holder.held("x", 30):
        assert waiter.done()
    await waiter
    assert (await store.one("leases", "x") or {}).keys() == {"_id", "owner", "generation", "expires_at"}


async def test_one_in_a_hurry_comes_before_one_that_waited_longer(store: Store) -> None:
    holder, got = Leases(store), list[str]()
    lease = await holder.acquire("x")
    assert lease is not None
    patient = await waiting(store, lease)
    patient.add_done_callback(lambda _: got.append("patient"))
    hurried = await waiting(store, lease, hurry=True)
    hurried.add_done_callback(lambda _: got.append("hurried"))
    await holder.release(lease)
    await asyncio.gather(patient, hurried)
    assert got == ["hurried", "patient"]


async def test_a_lease_is_not_kept_for_long_for_one_that_vanished(store: Store) -> None:
    clock = Clock()
    holder, other = Leases(store, clock=clock), Leases(store, clock=clock)
    lease = await holder.acquire("x")
    assert lease is not None
    vanished = {"next": "somebody", "next_until": clock.now + timedelta(seconds=1), "hurry": True}
    await store.collection("leases").update_one({"_id": "x"}, {"$set": vanished})
    await holder.release(lease)
    assert await other.acquire("x") is None
    clock.now += timedelta(seconds=1)
    taken = await other.acquire("x")
    assert taken is not None
    assert (taken.generation, taken.taken_over) == (1, False)


@pytest.mark.parametrize(
    ("state", "command", "begins"),
    [
        # It is not free, and not known: two commands; the third gives it back.
        *(("unknown", 1, False), ("unknown", 2, False), ("unknown", 3, True)),
        *(("free", 1, False), ("free", 2, True)),
        # Neither free nor new, but its holder vanished.
        *(("left", 1, False), ("left", 2, False), ("left", 3, False), ("left", 4, True)),
    ],
)
async def test_who_is_cancelled_while_the_store_answers_leaves_no_lease(
    store: Store, state: str, command: int, begins: bool
) -> None:
    if state == "left":
        await Leases(store, ttl_s=0).acquire("x")
    elif state == "free":
        async with Leases(store).held("x"):
            pass
    cancelling, begun = Cancelling(store, command), list[str]()

    async def work() -> None:
        async with Leases(cancelling).held("x") as lease:
            begun.append(lease.name)

    cancelling.task = asyncio.create_task(work())
    with pytest.raises(asyncio.CancelledError):
        await cancelling.task
    assert cancelling.left <= 0
    assert begun == ["x"] * begins
    assert [lease["owner"] for lease in await store.all("leases")] == [""]


async def test_who_is_cancelled_twice_leaves_no_lease(store: Store) -> None:
    leases, held = Leases(store), asyncio.Event()

    async def work() -> None:
        async with leases.held("x"):
            held.set()
            await asyncio.sleep(30)

    working = asyncio.create_task(work())
    await held.wait()
    while not working.done():
        working.cancel()
        await asyncio.sleep(0)
    assert working.cancelled()
    assert [lease["owner"] for lease in await store.all("leases")] == [""]
