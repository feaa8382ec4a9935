"""The worker: how many at once, who goes on with what, and how a task ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import pytest

from collectors.tasks import Doer, Work, Worker
from metrics_api.core.errors import EngmetricsError, StoreUnavailable
from metrics_api.core.leases import Leases
from metrics_api.core.store import Store
from metrics_api.core.task_types import Task
from metrics_api.core.tasks import Order, Tasks


async def queued(store: Store, number: int) -> list[str]:
    return [
        (await Tasks(store).put(Order("collect", "tapd", "tapd", str(one))))["_id"] for one in range(number)
    ]


@asynccontextmanager
async def working(
    store: Store, do: Callable[[Work], Awaitable[str | None]], number: int = 1, grace_s: float = 0.0
) -> AsyncIterator[list[asyncio.Task[None]]]:
    """So many workers, as in processes of their own, for as long as the block lasts."""
    doers: Mapping[str, Doer] = {"collect": do}
    workers = [Worker(store, Leases(store, 3.0), doers, grace_s=grace_s) for _ in range(number)]
    running = [asyncio.create_task(worker.run()) for worker in workers]
    try:
        yield running
    finally:
        for one in running:
            one.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def until(store: Store, holds: Callable[[list[Task]], bool], within_s: float = 30.0) -> list[Task]:
    async with asyncio.timeout(within_s):
        while True:
            tasks = await Tasks(store).listed()
            if holds(tasks):
                return tasks
            await asyncio.sleep(0.05)


def over(tasks: list[Task]) -> bool:
    return all(task["finished_at"] for task in tasks)


async def test_five_at_once_are_done_by_all_workers_together(store: Store) -> None:
    names = await queued(store, 8)
    at_once, most, done, let_go = 0, 0, list[str](), asyncio.Event()

    async def do(work: Work) -> str | None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await let_go.wait()
        at_once -= 1
        done.append(work.task["_id"])
        return None

    async with working(store, do, number=2):
        await until(store, lambda tasks: sum(task["state"] == "running" for task in tasks) == 5)
        # Two more looks change nothing: all places are taken.
        await asyncio.sleep(2.2)
        assert at_once == 5
        assert len(await Tasks(store).listed("running")) == 5
        let_go.set()
        tasks = await until(store, over)
    assert most == 5
    assert sorted(done) == sorted(names)
    assert {task["state"] for task in tasks} == {"success"}
    assert [line["line"] for line in (await Tasks(store).one(names[0]))["log"]] == ["begun", "done"]


async def test_who_is_told_to_stop_puts_the_task_back_and_another_goes_on(store: Store) -> None:
    (name,) = await queued(store, 1)
    begun = asyncio.Event()

    async def never(work: Work) -> str | None:
        begun.set()
        work.far(3, 7, "runs", 12, "tapd.bugs 0")
        await asyncio.Event().wait()
        return None

    async def at_once(work: Work) -> str | None:
        return None

    async with working(store, never):
        await asyncio.wait_for(begun.wait(), 30)
        await until(store, lambda tasks: tasks[0]["progress"]["done"] == 3)
    task = await Tasks(store).one(name)
    assert (task["state"], task["owner"]) == ("waiting", "")
    async with working(store, at_once):
        await until(store, over)
    task = await Tasks(store).one(name)
    assert [line["line"] for line in task["log"]] == [
        "begun",
        "stopped, and waits for a process to go on",
        "begun",
        "done",
    ]
    # Given back in order, it was not taken over.
    assert (task["generation"], task["progress"]["records"]) == (1, 12)


async def test_what_fails_is_noted_and_what_the_store_did_is_tried_again(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    names = await queued(store, 4)
    tries: dict[str, int] = dict.fromkeys(names, 0)

    async def do(work: Work) -> str | None:
        name = work.task["_id"]
        tries[name] += 1
        if name == names[0]:
            return "1 of 3 runs failed: tapd.bugs 0: HTTP 500"
        if name == names[1]:
            raise EngmetricsError("the topic is unknown")
        if name == names[2]:
            raise ValueError("a mistake of ours")
        if tries[name] == 1:
            raise StoreUnavailable("the store did not answer: AutoReconnect")
        return None

    async with working(store, do):
        await until(store, over)
    found = {task["_id"]: (task["state"], task["error"]) for task in await Tasks(store).listed()}
    assert found == {
        names[0]: ("failed", "1 of 3 runs failed: tapd.bugs 0: HTTP 500"),
        names[1]: ("failed", "the topic is unknown"),
        names[2]: ("failed", "ValueError: a mistake of ours"),
        names[3]: ("success", None),
    }
    assert tries == {names[0]: 1, names[1]: 1, names[2]: 1, names[3]: 2}


async def test_a_task_of_a_vanished_process_is_taken_over(store: Store) -> None:
    (name,) = await queued(store, 1)
    # A process that holds the leases and is gone: nobody renews them.
    vanished = Leases(store, 1.5)
    lease = await vanished.acquire(f"task:{name}")
    assert lease is not None
    assert await vanished.acquire("task_place:0") is not None
    assert await Tasks(store).claim(name, lease) is not None
    await Tasks(store).note_step(name, "tapd.bugs:991", "running", {"low": "2024-01-31"})
    seen: list[Mapping[str, object]] = []

    async def do(work: Work) -> str | None:
        seen.append((await work.tasks.steps(name))["tapd.bugs:991"]["place"])
        return None

    async with working(store, do, number=2):
        (task,) = await until(store, over)
    assert seen == [{"low": "2024-01-31"}]
    assert (task["state"], task["generation"]) == ("success", 2)
    assert (await Tasks(store).one(name))["log"][0]["line"] == "taken over from a process that vanished"


async def test_one_that_follows_leaves_the_first_chance_to_others(store: Store) -> None:
    done: list[str] = []

    async def mine(work: Work) -> str | None:
        done.append("mine")
        return None

    async def theirs(work: Work) -> str | None:
        done.append("theirs")
        return None

    async with working(store, mine, grace_s=4.0), working(store, theirs):
        await queued(store, 2)
        await until(store, over)
    assert done == ["theirs", "theirs"]
