"""A company over HTTP that is collected once, losses planted in it, and nights in which it is reconciled."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import aiohttp

from collectors.deriving import Deriver
from collectors.reconcile import reconcile
from collectors.scheduler import collect
from collectors.sources import sources, zones
from metrics_api.core.config import Config
from metrics_api.core.days import utc_now
from metrics_api.core.facts import Facts
from metrics_api.core.leases import Leases
from metrics_api.core.raw import RawStore
from metrics_api.core.schema import Reconciliation
from metrics_api.core.settings import Settings
from metrics_api.core.store import Store
from simulator import Company, Running, running
from tests.collectors.conftest import HASTY
from tests.system.harness import CREDENTIALS, generated_config, serving

DAY_S = 86_400
BEIJING_S = 8 * 3600
TOPICS = ("bugs", "stories", "tasks", "iterations")


@dataclass
class Night:
    """A company on its simulated TAPD, and the store it is collected into."""

    servers: Running
    store: Store

    @property
    def config(self) -> Config:
        return generated_config(self.servers.tapd_url, "")

    @property
    def settings(self) -> Settings:
        return Settings(self.config, CREDENTIALS)

    async def collect(self) -> list[dict[str, Any]]:
        """A round of all collectors."""
        records = await collect(self.settings, self.store, once="all", patience=HASTY)
        assert [record["error"] for record in records if record["error"]] == []
        return records

    async def reconcile(
        self, scope: str = "", since: date | None = None, clock: Callable[[], datetime] = utc_now
    ) -> list[Reconciliation]:
        """Reconcile; returns what differed."""
        store = self.store
        leases, raw = Leases(store), RawStore(store)
        deriver = Deriver(store, Facts(store, leases), raw, zones(self.settings))
        (source,) = sources(self.settings, store, HASTY)
        try:
            return await reconcile(source, store, leases, raw, deriver, scope, since=since, clock=clock)
        finally:
            await source.connection.aclose()

    async def nights(self, number: int) -> list[Reconciliation]:
        """Reconcile in so many nights, other months in each, as if the last rounds had been days ago."""
        found = list[Reconciliation]()
        marks = await self.store.all("watermarks")
        for back in reversed(range(number)):
            for one in marks:
                at = {"$set": {"started_at": one["started_at"] - timedelta(days=back)}}
                await self.store.collection("watermarks").update_one({"_id": one["_id"]}, at)
            found += await self.reconcile()
        return found

    async def facts(self) -> dict[str, dict[str, Any]]:
        """All facts of what is reconciled, without their stamps."""
        found: dict[str, dict[str, Any]] = {}
        for topic in TOPICS:
            counter = await self.store.one("counters", f"topic:{topic}")
            for fact in await self.store.all(counter["collection"]) if counter else []:
                if not fact["tombstone"]:
                    kept = {
                        name: value
                        for name, value in fact.items()
                        if name not in ("generation", "seq", "tombstone")
                    }
                    found[f"{topic} {fact['_id']}"] = kept
        return found

    async def rendered(self) -> list[Any]:
        """What panels show of the last ten weeks."""
        # The beginning of the day in Beijing, so that what happens now is on its last day.
        now = (int(time.time()) + BEIJING_S) // DAY_S * DAY_S - BEIJING_S
        targets = (
            "@tapd.bugs.flow.cumulative/product=*",
            "@tapd.bugs.change.daily/product=*",
            "@tapd.bugs.backlog.daily/product=*",
            "@tapd.stories.flow.cumulative/product=*,level=all",
            "@tapd.product.version.bugs/product=*",
        )
        found = []
        async with (
            serving(self.store, self.config, lambda: now) as url,
            aiohttp.ClientSession() as session,
        ):
            for target in targets:
                form = {"target": target, "from": str(now - 70 * DAY_S), "until": str(now), "format": "json"}
                async with session.post(f"{url}/graphite/render", data=form) as response:
                    assert response.status == 200, await response.text()
                    rows = await response.json()
                    assert rows, target
                    found.append(rows)
        return found

    async def lost(
        self, collection: str, number: int, scope: str, spare: Sequence[str] = (), since: str = ""
    ) -> list[str]:
        """Take the oldest records created since then out of the store, but none of `spare` items.

        Returns the ids of their items.
        """
        records = sorted(
            await self.store.all(collection, {"scope": scope}),
            key=lambda one: (one["data"]["created"], one["_id"]),
        )
        there = [one for one in records if "removed_at" not in one and one["key"] not in spare]
        there = [one for one in there if one["data"]["created"] >= since]
        assert len(there) >= number, (collection, scope, len(there))
        await self.store.remove(collection, [one["_id"] for one in there[:number]])
        return [one["key"] for one in there[:number]]

    async def noted(self) -> dict[str, tuple[int, int, int]]:
        """Missing, extra and repaired in all months together, by list."""
        found: dict[str, tuple[int, int, int]] = {}
        for one in await self.store.all("reconciliations"):
            before = found.get(one["entity"], (0, 0, 0))
            found[one["entity"]] = (
                before[0] + one["missing"],
                before[1] + one["extra"],
                before[2] + one["repaired"],
            )
        return found


@asynccontextmanager
async def night(company: Company, store: Store) -> AsyncIterator[Night]:
    """The company, collected once."""
    async with running(company, tapd_quota=None) as servers:
        found = Night(servers, store)
        await found.collect()
        yield found
