"""The account's quota, counted by a server of its own."""

from __future__ import annotations

import asyncio
import time

from aiohttp import web

from collectors.quota import Quota
from collectors.upstream import Upstream
from tests.collectors.conftest import HASTY, Fake


def most_in_any_window(times: list[float], window_s: float) -> int:
    times = sorted(times)
    return max(sum(1 for other in times if at <= other < at + window_s) for at in times)


async def test_no_window_ever_holds_more_requests_than_the_quota(fake: Fake) -> None:
    async def slow_sometimes(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.02 if len(fake.asked) % 3 else 0.0)
        return web.json_response({})

    fake.routes["/x"] = slow_sometimes
    connection = Upstream("u", fake.url, {}, Quota(10, width=4, window_s=0.4), patience=HASTY)
    address = connection.address("/x", {})
    began = time.monotonic()
    await asyncio.gather(*(connection.ask(address, lambda answer: answer.status) for _ in range(45)))
    await connection.aclose()
    assert len(fake.asked) == 45
    assert most_in_any_window([one.at for one in fake.asked], 0.4) <= 10
    # 45 requests at 10 a window: four windows have to pass, and hardly more.
    assert 1.6 <= time.monotonic() - began < 8.0


async def test_a_request_that_takes_long_keeps_its_place_until_a_window_after_its_answer() -> None:
    quota = Quota(1, window_s=0.2)
    loop = asyncio.get_running_loop()
    async with quota.place():
        await asyncio.sleep(0.2)
        answered = loop.time()
    async with quota.place():
        assert loop.time() - answered >= 0.2


async def test_a_pause_holds_everybody_back() -> None:
    quota = Quota(100, width=10)
    quota.pause(0.15)
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def one() -> float:
        async with quota.place():
            return loop.time() - began

    assert min(await asyncio.gather(*(one() for _ in range(5)))) >= 0.15


async def test_an_overloaded_upstream_gets_one_request_at_a_time() -> None:
    quota = Quota(100, width=5)
    under_way, most = 0, 0

    async def one() -> None:
        nonlocal under_way, most
        async with quota.place():
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0.01)
            under_way -= 1

    await asyncio.gather(*(one() for _ in range(10)))
    assert most == 5
    most = 0
    quota.narrow(10.0)
    await asyncio.gather(*(one() for _ in range(10)))
    assert most == 1


async def test_a_task_that_is_stopped_while_it_waits_takes_no_place() -> None:
    quota = Quota(1, width=1)
    async with quota.place():
        waiting = asyncio.create_task(quota.place().__aenter__())
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    assert quota._under_way == 0
