"""The API over real sockets, before a stand-in evaluator and a store that may be away."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from metrics_api.app import create_app
from metrics_api.core.config import Config
from metrics_api.core.settings import Settings
from metrics_api.core.store import Store
from tests.wires.stand_in import NOW, StandIn

Client = TestClient[web.Request, web.Application]


@pytest.fixture
def evaluator() -> StandIn:
    return StandIn()


@pytest_asyncio.fixture
async def client(evaluator: StandIn) -> AsyncIterator[Client]:
    """A client of an API whose store does not answer: the Grafana routes do without it."""
    store = Store("mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=300", "nowhere")
    app = create_app(Settings(Config(), {}), store, evaluator, lambda: NOW)
    async with TestClient(TestServer(app)) as found:
        yield found
    await store.aclose()


@pytest_asyncio.fixture
async def exporting(store: Store, evaluator: StandIn) -> AsyncIterator[Client]:
    """A client of an API on a real store."""
    app = create_app(Settings(Config(), {}), store, evaluator, lambda: NOW)
    async with TestClient(TestServer(app)) as found:
        yield found
