"""Fixtures of the replay tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest_asyncio

from metrics_api.core.store import Store
from simulator.products import PRODUCTS
from tests.health.documents import differing, write
from tests.moment import now
from tests.replay.clients import Client, clients_of
from tests.replay.odd_names import ODD_NAMES
from tests.replay.recorder import Recorder, recording
from tests.system.harness import generated_config, serving


@pytest_asyncio.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP session; its defaults stay out of the requests under test."""
    async with aiohttp.ClientSession() as session:
        yield session


@pytest_asyncio.fixture
async def recorder() -> AsyncIterator[Recorder]:
    """A server that records what it is asked."""
    async with recording() as recorder:
        yield recorder


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def clients(mongodb_url: str, collected_company: str) -> AsyncIterator[list[Client]]:
    """All clients of an API over the generated company; tests that use it run in the session's loop."""
    async with _clients(mongodb_url, collected_company, None) as found:
        yield found


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def odd_clients(mongodb_url: str, collected_company: str) -> AsyncIterator[list[Client]]:
    """The same with the products called ODD_NAMES."""
    async with _clients(mongodb_url, collected_company, ODD_NAMES) as found:
        yield found


@asynccontextmanager
async def _clients(uri: str, database: str, names: list[str] | None) -> AsyncIterator[list[Client]]:
    config = generated_config("", "")
    if names:
        pairs = zip(config.product, names, strict=True)
        products = tuple(product.model_copy(update={"name": name}) for product, name in pairs)
        config = config.model_copy(update={"product": products})
    store = Store(uri, database)
    # What the nightly comparison leaves, which those who only collect have not.
    await write(
        store,
        "reconciliations",
        *(differing(one.workspace_id, "bugs", "2026-01", missing=3) for one in PRODUCTS),
    )
    async with serving(store, config, now) as url, aiohttp.ClientSession() as session:
        yield clients_of(session, url)
    await store.aclose()
