"""A small company on real sockets, collected or not, and the commands as processes of their own."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from collectors.scheduler import collect
from metrics_api.core.config import Collect, Config, GitlabInstance, TapdInstance
from metrics_api.core.settings import Settings
from metrics_api.core.store import Document, Store, opened_store
from simulator import Company, GitlabAccount, Running, TapdAccount, generate, running
from simulator.faults import Faults
from tests.collectors.conftest import HASTY

SECRETS = {
    "ENGMETRICS_TAPD_TAPD_TOKEN": TapdAccount().token,
    "ENGMETRICS_GITLAB_GITLAB_TOKEN": GitlabAccount().token,
}


DAYS = 24


@dataclass(frozen=True)
class Past:
    """A company that does not live on, and what a store holds by collection once all of it was collected."""

    company: Company
    documents: dict[str, list[Document]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def past(mongodb_url: str) -> Past:
    """A company whose days are over, collected once for all tests."""
    born = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    company = generate(seed=7, now=born, bugs=30, days=DAYS)
    async with (
        opened_store(mongodb_url, f"test_past_{uuid.uuid4().hex[:12]}") as store,
        running(company, tapd_quota=None) as servers,
    ):
        runs = await collect(configured(servers), store, once="all", patience=HASTY)
        assert [run["error"] for run in runs if run["error"]] == []
        documents = {name: found for name in await store.names("") if (found := await store.all(name))}
        await store.drop()
    return Past(company, documents)


@pytest_asyncio.fixture
async def simulated(past: Past) -> AsyncIterator[Running]:
    """The company on its servers."""
    async with running(
        past.company, tapd_faults=Faults(), gitlab_faults=Faults(), tapd_quota=None
    ) as servers:
        yield servers


@pytest_asyncio.fixture
async def collected(store: Store, past: Past) -> Store:
    """The store as a round of all collectors left it."""
    for name, documents in past.documents.items():
        await store.collection(name).insert_many(documents)
    return store


def configured(simulated: Running) -> Settings:
    """The settings for a company; a vanished process is taken over from after three seconds."""
    tapd = TapdInstance(
        url=simulated.tapd_url, company_id=simulated.company.company_id, quota_per_minute=100_000
    )
    gitlab = GitlabInstance(url=simulated.gitlab_url, quota_per_minute=100_000)
    return Settings(Config(collect=Collect(lease_seconds=3), tapd=(tapd,), gitlab=(gitlab,)), SECRETS)


@pytest.fixture
def settings(simulated: Running) -> Settings:
    """The settings for the company."""
    return configured(simulated)


@dataclass
class Commands:
    """Starts commands on this test's database."""

    folder: Path
    environment: dict[str, str]

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "metrics_api", *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=self.folder,
            env=self.environment,
        )

    async def done(self, *arguments: str) -> tuple[int, str, str]:
        """(exit status, standard output, standard error) of a command."""
        process = await self.start(*arguments)
        async with asyncio.timeout(120):
            out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()


@pytest.fixture
def engmetrics(simulated: Running, mongodb_url: str, database_name: str, tmp_path: Path) -> Commands:
    """The commands, configured for the small company."""
    lines = [
        *("[store]", f'uri = "{mongodb_url}"', f'database = "{database_name}"'),
        *("[collect]", "lease_seconds = 3", "[log]", 'level = "warning"'),
        *("[[tapd]]", f'url = "{simulated.tapd_url}"', "quota_per_minute = 100000"),
        f"company_id = {json.dumps(simulated.company.company_id)}",
        *("[[gitlab]]", f'url = "{simulated.gitlab_url}"', "quota_per_minute = 100000"),
    ]
    (tmp_path / "engmetrics.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("ENGMETRICS_") and name != "MONGODB_URI"
    }
    root = str(Path(__file__).parents[2])
    return Commands(tmp_path, kept | SECRETS | {"NO_PROXY": "127.0.0.1", "PYTHONPATH": root})
