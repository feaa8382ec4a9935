"""Streams of records: they end well or break, in constant memory, and let others be served."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

import psutil
import pytest
import pytest_asyncio
import requests
from aiohttp.test_utils import TestClient, TestServer

from metrics_api.app import create_app
from metrics_api.client import frame, read_lines
from metrics_api.core.config import Config
from metrics_api.core.errors import StoreUnavailable
from metrics_api.core.settings import Settings
from metrics_api.core.store import Document, Store
from tests.wires.conftest import Client
from tests.wires.records import bug, keep, workspaces
from tests.wires.stand_in import StandIn

BUGS = "/api/v1/tapd/bugs"


class FailingStore(Store):
    """A store whose windows fail from the n-th on."""

    def __init__(self, uri: str, database: str, windows: int) -> None:
        super().__init__(uri, database)
        self.windows = windows

    async def window(self, name: str, field: str, after: int, upto: int, *more: Any) -> list[Document]:
        self.windows -= 1
        if self.windows < 0:
            raise StoreUnavailable("the store did not answer: AutoReconnect")
        return await super().window(name, field, after, upto, *more)


@pytest_asyncio.fixture
async def many(store: Store) -> AsyncIterator[Store]:
    """Some 2,000 bugs of one workspace: eight windows."""
    await workspaces(store, "1001")
    await keep(store, "raw_tapd_bug", "1001", [bug(number, title="x" * 200) for number in range(2000)])
    yield store


@pytest.mark.parametrize("coding", ["identity", "gzip"])
async def test_a_failure_in_the_middle_breaks_the_connection(
    many: Store, mongodb_url: str, database_name: str, coding: str
) -> None:
    failing = FailingStore(mongodb_url, database_name, windows=2)
    app = create_app(Settings(Config(), {}), failing, StandIn())
    async with TestClient(TestServer(app)) as client:
        url = str(client.make_url(BUGS))
        lines: list[bytes] = []

        def script() -> None:
            headers = {"Accept-Encoding": coding}
            response = requests.get(
                url, params={"workspace_id": "1001"}, stream=True, timeout=10, headers=headers
            )
            assert response.status_code == 200
            lines.extend(response.iter_lines())

        with pytest.raises(requests.exceptions.RequestException):
            await asyncio.to_thread(script)
        assert len(lines) <= 500
        assert lines or coding == "gzip"
        failing.windows = 2
        with pytest.raises(requests.exceptions.RequestException):
            await asyncio.to_thread(frame, url, workspace_id="1001")
        failing.windows = 99
        assert len(await asyncio.to_thread(frame, url, workspace_id="1001")) == 2000
    await failing.aclose()


async def test_a_server_that_stops_in_the_middle_breaks_the_connection(many: Store) -> None:
    await keep(many, "raw_tapd_bug", "1001", [bug(n, title="y" * 18_000) for n in range(2000, 4000)])
    server = TestServer(create_app(Settings(Config(), {}), many, StandIn()))
    await server.start_server(shutdown_timeout=0.1)
    url, started = str(server.make_url(BUGS)), asyncio.Event()
    loop = asyncio.get_running_loop()

    def script() -> None:
        lines = read_lines(url, workspace_id="1001")
        next(lines)
        loop.call_soon_threadsafe(started.set)
        asyncio.run_coroutine_threadsafe(asyncio.sleep(1), loop).result()
        list(lines)

    reading = asyncio.create_task(asyncio.to_thread(script))
    await started.wait()
    await server.close()
    with pytest.raises(requests.exceptions.RequestException):
        await reading


async def test_a_failure_before_the_first_record_is_a_503_in_words(
    many: Store, mongodb_url: str, database_name: str
) -> None:
    failing = FailingStore(mongodb_url, database_name, windows=0)
    async with TestClient(TestServer(create_app(Settings(Config(), {}), failing, StandIn()))) as client:
        answer = await client.get(f"{BUGS}?workspace_id=1001")
        assert (answer.status, await answer.json()) == (
            503,
            {"error": "Service Unavailable", "message": "the store did not answer: AutoReconnect"},
        )
    await failing.aclose()


async def test_a_client_that_leaves_stops_the_reading(
    many: Store, mongodb_url: str, database_name: str
) -> None:
    counting = FailingStore(mongodb_url, database_name, windows=10**6)
    await keep(many, "raw_tapd_bug", "1001", [bug(n, title="y" * 18_000) for n in range(2000, 4000)])
    async with TestClient(TestServer(create_app(Settings(Config(), {}), counting, StandIn()))) as client:
        answer = await client.get(f"{BUGS}?workspace_id=1001", headers={"Accept-Encoding": "identity"})
        await answer.content.readline()
        answer.close()
        await asyncio.sleep(0.5)
        read = 10**6 - counting.windows
        assert read < 7
        assert (await client.get("/healthz")).status == 200
    await counting.aclose()


async def test_memory_does_not_grow_with_the_number_of_records(many: Store, exporting: Client) -> None:
    process = psutil.Process(os.getpid())
    url = f"{BUGS}?workspace_id=1001&workspace_id=1001"

    async def drained() -> int:
        size = 0
        async with exporting.get(url) as answer:
            async for chunk in answer.content.iter_any():
                size += len(chunk)
        return size

    await drained()
    before = process.memory_info().rss
    await keep(many, "raw_tapd_bug", "1001", [bug(n, title="x" * 9000) for n in range(2000, 6000)])
    after_writing = process.memory_info().rss
    assert await drained() > 30_000_000
    assert process.memory_info().rss - max(before, after_writing) < 25_000_000


async def test_others_are_served_while_a_long_export_runs(many: Store, exporting: Client) -> None:
    await keep(many, "raw_tapd_bug", "1001", [bug(n, title="x" * 1500) for n in range(2000, 6000)])
    export = asyncio.create_task(_text(exporting))
    served = 0
    while not export.done():
        assert (await exporting.get("/healthz")).status == 200
        served += 1
    assert len((await export).splitlines()) == 6000
    # 24 windows are read and encoded, and between any two of them others have their turn.
    assert served >= 12


async def _text(client: Client) -> str:
    return await (await client.get(f"{BUGS}?workspace_id=1001")).text()
