"""What is read of one instance: its scopes, and their collectors in order."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from collectors import WHOLE, Collector
from collectors.run import Asked
from collectors.runner import Runner
from collectors.sources import Source
from collectors.storing import completed, waits
from metrics_api.core.concurrency import together
from metrics_api.core.days import utc_now
from metrics_api.core.store import Document, Store, translated

log = logging.getLogger(__name__)

EVERYTHING = "all"
# Scopes of one instance that are read at once.
WIDTH = 4
# Once: another process ends its run, or its lease runs out and then this.
ONCE_WAIT_S = 5.0
KEEP_RUNS = timedelta(days=30)


class Round:
    """All that is read of one instance."""

    def __init__(self, source: Source, runner: Runner, store: Store, lease_s: float) -> None:
        self.source = source
        self._runner = runner
        self._store = store
        self._once_wait_s = lease_s + ONCE_WAIT_S
        self._places = asyncio.Semaphore(WIDTH)

    @property
    def name(self) -> str:
        """What its jobs are called by."""
        return f"{self.source.upstream}/{self.source.name}"

    async def once(self, name: str) -> list[Document]:
        """Run one collector in all its scopes, or everything in order."""
        if name == EVERYTHING:
            done = [await self.whole(self._once_wait_s)]
            scopes = await self.wanted()
            done += await together(
                *(self.scope(scope, mine, wait_s=self._once_wait_s) for scope, mine in scopes.items())
            )
        else:
            mine = [collector for collector in self.source.collectors if collector.name == name]
            places = [(scope, one) for one in mine for scope in await one.scopes()]
            done = await together(
                *(self.scope(scope, [one], pause=False, wait_s=self._once_wait_s) for scope, one in places)
            )
        records = [record for part in done for record in part]
        if None in records:
            log.warning("some was left out, another process is at it source=%s", self.source.name)
        return [record for record in records if record]

    async def whole(self, wait_s: float = 0.0, rest_s: float = 0.0) -> list[Document | None]:
        """Run what belongs to no scope: it finds the scopes of the others. None: another process is at it."""
        records = []
        for collector in self.source.collectors:
            if collector.whole and not await self._rests(collector, WHOLE, rest_s):
                records.append(await self._runner.run(collector, WHOLE, wait_s))
        return records

    async def scopes(self) -> dict[str, list[Collector[Any]]]:
        """The collectors of each scope, in their order."""
        found: dict[str, list[Collector[Any]]] = defaultdict(list)
        # Asked once for all: of scopes that come meanwhile, some collectors would know and others not.
        asked: dict[Any, list[str]] = {}
        for collector in self.source.collectors:
            if collector.whole:
                continue
            how = type(collector).scopes
            if how not in asked:
                asked[how] = await collector.scopes()
            for scope in asked[how]:
                found[scope].append(collector)
        return found

    async def wanted(self) -> dict[str, list[Collector[Any]]]:
        """As `scopes`, after those were looked for: that there are none is worth a warning."""
        found = await self.scopes()
        if not found:
            log.warning("nothing to collect yet, no scope is known source=%s", self.source.name)
        return found

    async def scope(
        self,
        scope: str,
        collectors: list[Collector[Any]],
        *,
        pause: bool = True,
        wait_s: float = 0.0,
        rest_s: float = 0.0,
    ) -> list[Document | None]:
        """Read one scope, one collector after the other.

        None: another process is at it. Later collectors walk what earlier ones have read, so the rest of the
        scope is left to that one, and to the next round where the store did not answer.
        """
        records = list[Document | None]()
        async with self._places:
            try:
                for collector in collectors:
                    if not pause or not await self._rests(collector, scope, rest_s):
                        record = await self._runner.run(collector, scope, wait_s)
                        records.append(record)
                        if record is None or record["interrupted"]:
                            break
            finally:
                self._runner.release(self.source.name, scope)
        return records

    async def one(self, collector: Collector[Any], scope: str, asked: Asked) -> Document | None:
        """Run a collector for a task. None: another process is still at it after a while."""
        return await self._runner.run(collector, scope, self._once_wait_s, asked)

    async def _rests(self, collector: Collector[Any], scope: str, rest_s: float) -> bool:
        """Whether the last success, by whichever process, is too young to read again.

        It is not while records of others wait to be derived with those of this collector.
        """
        pause_s = max(collector.pause_s, rest_s)
        if not pause_s or await self._awaited(collector, scope):
            return False
        name = f"{collector.name}:{collector.instance}:{scope}"
        last = ((await self._store.one("watermarks", name)) or {}).get("started_at")
        return bool(last and (utc_now() - last).total_seconds() < pause_s)

    async def _awaited(self, collector: Collector[Any], scope: str) -> bool:
        names = [f"{unit.name}:{collector.instance}:{scope}" for unit in completed(collector)]
        marks = await self._store.matching("watermarks", "_id", names)
        return any(map(waits, marks))

    async def forget_old_runs(self) -> None:
        """Delete run records that are older than a month."""
        span = {"$gte": datetime.fromtimestamp(0, UTC), "$lt": utc_now() - KEEP_RUNS}
        with translated():
            await self._store.collection("runs").delete_many({"started_at": span})
