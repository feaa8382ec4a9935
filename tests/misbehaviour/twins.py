"""Two collections of one company: through a server with switches, and through one that never does wrong."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from collectors.scheduler import collect
from collectors.upstream import Patience
from metrics_api.core.config import Config, TapdInstance
from metrics_api.core.schema import TOPICS
from metrics_api.core.settings import Settings
from metrics_api.core.store import Document, Store
from simulator import Company, Faults, Running, TapdAccount, TapdWorkspaceRecords, running
from tests.misbehaviour.office import WORKSPACE

TOKEN = {"ENGMETRICS_TAPD_TAPD_TOKEN": TapdAccount().token}
STAMPS = ("generation", "seq", "tombstone")
QUICK = Patience(
    attempts=4,
    first_s=0.002,
    longest_s=0.01,
    limited_first_s=0.01,
    limited_s=5.0,
    timeout_s=10.0,
    silence_s=1.0,
)
Facts = dict[str, dict[str, Document]]


async def facts(store: Store) -> Facts:
    """The facts that stand, by topic and `_id`, without their stamps."""
    found: Facts = {}
    for topic in TOPICS:
        counter = await store.one("counters", f"topic:{topic}")
        documents = await store.all(counter["collection"]) if counter else []
        found[topic] = {
            one["_id"]: {name: value for name, value in one.items() if name not in STAMPS}
            for one in documents
            if not one["tombstone"]
        }
    return found


@dataclass
class Twins:
    """One company at two servers, and a store for each: `plagued` has the switches, `quiet` has none."""

    plagued: Running
    quiet: Running
    store: Store
    untouched: Store

    @property
    def faults(self) -> Faults:
        """The switches."""
        return self.plagued.tapd.faults

    @property
    def workspace(self) -> TapdWorkspaceRecords:
        """The company's workspace."""
        return self.plagued.company.workspaces[WORKSPACE]

    async def collected(
        self,
        what: str = "all",
        environment: Mapping[str, str] = TOKEN,
        workspaces: tuple[str, ...] = (WORKSPACE,),
    ) -> list[Document]:
        """The records of a round at the server that does wrong."""
        return await _round(self.plagued, self.store, what, environment, workspaces)

    async def undisturbed(self, what: str = "all") -> None:
        """A round at the other server."""
        records = await _round(self.quiet, self.untouched, what, TOKEN, (WORKSPACE,))
        assert failures(records) == {}

    async def until_well(self, rounds: int = 15) -> None:
        """Rounds until one of them goes well."""
        for _ in range(rounds):
            failed = failures(await self.collected())
            if not failed:
                return
        raise AssertionError(failed)

    async def agree(self) -> Facts:
        """A last round at both servers, without faults; then all facts are the same. Returns them."""
        self.faults.disarm()
        # Relations rest for hours between two rounds, but not when they are asked for by name.
        for what in ("all", "tapd.story_bugs"):
            records, _ = await asyncio.gather(self.collected(what), self.undisturbed(what))
            assert failures(records) == {}
        ours, theirs = await facts(self.store), await facts(self.untouched)
        for bug in (*ours["bugs"].values(), *theirs["bugs"].values()):
            # Whether those of a story that is gone are known depends on who looked when.
            bug["stories"] = [name for name in bug["stories"] if name in self.workspace.stories]
        for topic, expected in theirs.items():
            assert ours[topic] == expected, (topic, _differing(ours[topic], expected))
        assert {len(theirs[topic]) > 5 for topic in ("bugs", "stories", "tasks")} == {True}
        assert await self.store.all("quarantine") == []
        return ours


def failures(records: list[Document]) -> dict[str, Any]:
    """What the runs that failed say, by collector."""
    return {record["collector"]: record["error"] for record in records if record["error"]}


def _differing(ours: dict[str, Document], theirs: dict[str, Document]) -> list[Any]:
    """The first facts that differ, and by what."""
    names = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
    found = []
    for name in names[:3]:
        one, other = ours.get(name, {}), theirs.get(name, {})
        fields = (field for field in one.keys() | other.keys() if one.get(field) != other.get(field))
        found.append((name, {field: (one.get(field), other.get(field)) for field in fields}))
    return found


async def _round(
    servers: Running, store: Store, what: str, environment: Mapping[str, str], workspaces: tuple[str, ...]
) -> list[Document]:
    instance = TapdInstance(url=servers.tapd_url, workspaces=workspaces, quota_per_minute=1_000_000)
    return await collect(Settings(Config(tapd=(instance,)), environment), store, once=what, patience=QUICK)


@asynccontextmanager
async def twins_of(company: Company, mongodb_url: str) -> AsyncIterator[Twins]:
    """Both servers and both stores, for as long as the block lasts."""
    stores = [Store(mongodb_url, f"test_{uuid.uuid4().hex[:12]}") for _ in range(2)]
    for store in stores:
        await store.prepare()
    try:
        async with running(company, tapd_quota=None) as plagued, running(company, tapd_quota=None) as quiet:
            yield Twins(plagued, quiet, *stores)
    finally:
        for store in stores:
            await store.drop()
            await store.aclose()
