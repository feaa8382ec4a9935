"""Fixtures that all tests share: the real store over the wire, a fresh database for each test."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from metrics_api import blocks
from metrics_api.core.store import Store
from metrics_api.embedded import embedded_store
from simulator import generate
from simulator.products import PRODUCTS
from tests.folders import quick_folder
from tests.moment import now
from tests.soak import Soak
from tests.system.harness import collected, generated_config, serving


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def mongodb_url() -> AsyncIterator[str]:
    """The store's URI: TEST_MONGODB_URI, or an embedded server that lives as long as the tests."""
    given = os.environ.get("TEST_MONGODB_URI")
    if given:
        yield given
        return
    with quick_folder() as folder:
        async with embedded_store(folder) as uri:
            yield uri


@pytest.fixture
def database_name() -> str:
    """A database of this test's own."""
    return f"test_{uuid.uuid4().hex[:12]}"


@pytest_asyncio.fixture
async def store(mongodb_url: str, database_name: str) -> AsyncIterator[Store]:
    """An open store on a fresh database, dropped afterwards."""
    store = Store(mongodb_url, database_name)
    await store.prepare()
    yield store
    await store.drop()
    await store.aclose()


@pytest.fixture(scope="session")
def recorded() -> Path:
    """The folder of recorded upstream responses; tests that need it are skipped, saying so, without it."""
    folder = os.environ.get("ENGMETRICS_RECORDED")
    if not folder or not Path(folder).is_dir():
        pytest.skip("recorded responses are not here: ENGMETRICS_RECORDED names no folder")
    return Path(folder)


@pytest.fixture(scope="session")
def soak() -> Iterator[Soak]:
    """Where long campaigns note their figures; SOAK_FIGURES names the file they are written to."""
    figures = Soak()
    yield figures
    file = os.environ.get("SOAK_FIGURES")
    if file and figures.rows:
        figures.write(Path(file))


@pytest.fixture(scope="session", autouse=True)
def small_blocks() -> Iterator[None]:
    """Let frames have blocks of a few rows, so that small companies have many of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "ROWS", 5)
        yield


@dataclass(frozen=True)
class RunningApi:
    """An API that answers for a collected company: its URL, its products and the ids of their workspaces."""

    url: str
    products: list[str]
    workspaces: list[str]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def collected_company(mongodb_url: str) -> AsyncIterator[str]:
    """A database holding a generated company of half a year, collected over HTTP by the real collectors."""
    name = f"test_company_{uuid.uuid4().hex[:12]}"
    store = Store(mongodb_url, name)
    await store.prepare()
    upstreams = generate(seed=7, bugs=260, days=180)
    records = await collected(upstreams, store, generated_config)
    assert [record["error"] for record in records if record["state"] != "success"] == []
    now()
    yield name
    await store.drop()
    await store.aclose()


@pytest_asyncio.fixture
async def running_api(mongodb_url: str, collected_company: str) -> AsyncIterator[RunningApi]:
    """The API over the generated company, on a port of its own."""
    store = Store(mongodb_url, collected_company)
    async with serving(store, generated_config("", ""), now) as url:
        names = [product.name for product in PRODUCTS]
        yield RunningApi(url, names, [product.workspace_id for product in PRODUCTS])
    await store.aclose()
