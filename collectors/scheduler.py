"""When collectors run: a job per instance that finds its scopes, and a job per scope that reads it.

Beside them, a job per upstream takes what webhooks brought.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from collectors import WHOLE, Collector, Progress, Report, registry
from collectors.deriving import Deriver
from collectors.runner import Runner
from collectors.sources import Source, sources, zones
from collectors.upstream import Patience
from collectors.webhooks import Webhooks, all_webhooks
from metrics_api.core.days import utc_now
from metrics_api.core.errors import EngmetricsError, UnknownName
from metrics_api.core.facts import Facts
from metrics_api.core.leases import Leases
from metrics_api.core.raw import RawStore
from metrics_api.core.settings import Settings
from metrics_api.core.store import Document, Store, translated

log = logging.getLogger(__name__)

EVERYTHING = "all"
# Scopes of one instance that are read at once.
WIDTH = 4
TELL_EVERY_S = 10.0
# Once: another process ends its run, or its lease runs out and then this.
ONCE_WAIT_S = 5.0
# A job that goes on for ever is begun anew so soon, should it ever end.
REVIVE_S = 5.0
KEEP_RUNS = timedelta(days=30)


async def collect(
    settings: Settings,
    store: Store,
    *,
    once: str | None = None,
    progress: Report | None = None,
    stop: asyncio.Event | None = None,
    patience: Patience | None = None,
) -> list[Document]:
    """Collect until `stop` is set, or `once`: a collector's name or "all". Returns the run records of once.

    `progress` is called after each batch that was stored. Raises UnknownName for a name that is none, and
    ConfigError for what cannot be used; a source without credentials is off.
    """
    names = registry()
    if once is not None and once not in names and once != EVERYTHING:
        raise UnknownName(f"unknown collector {once!r}: use one of {', '.join(names)}, or {EVERYTHING}")
    lease_s = float(settings.config.collect.lease_seconds)
    raw, leases = RawStore(store), Leases(store, lease_s)
    deriver = Deriver(store, Facts(store, leases), raw, zones(settings))
    told = _Told(progress)
    runner = Runner(store, leases, raw, deriver, told)
    webhooks = all_webhooks(store, leases, raw, deriver)
    async with AsyncExitStack() as stack:
        found = sources(settings, store, patience)
        for source in found:
            stack.push_async_callback(source.connection.aclose)
        rounds = [Round(source, runner, store, lease_s) for source in found]
        if once is not None:
            done = await asyncio.gather(*(one.once(once) for one in rounds))
            if once == EVERYTHING:
                await asyncio.gather(*(one.drain() for one in webhooks))
            return [record for records in done for record in records]
        await _scheduled(rounds, webhooks, lease_s, stop or asyncio.Event())
    return []


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
            scopes = await self.scopes()
            done += await asyncio.gather(
                *(self.scope(scope, mine, wait_s=self._once_wait_s) for scope, mine in scopes.items())
            )
        else:
            mine = [collector for collector in self.source.collectors if collector.name == name]
            places = [(scope, one) for one in mine for scope in await one.scopes()]
            done = await asyncio.gather(
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
        for collector in self.source.collectors:
            for scope in () if collector.whole else await collector.scopes():
                found[scope].append(collector)
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
        """Read one scope, one collector after the other. None: another process is at it."""
        records = []
        async with self._places:
            for collector in collectors:
                if not pause or not await self._rests(collector, scope, rest_s):
                    records.append(await self._runner.run(collector, scope, wait_s))
        return records

    async def _rests(self, collector: Collector[Any], scope: str, rest_s: float) -> bool:
        """Whether the last success, by whichever process, is too young to read again."""
        pause_s = max(collector.pause_s, rest_s)
        if not pause_s:
            return False
        name = f"{collector.name}:{collector.instance}:{scope}"
        last = ((await self._store.one("watermarks", name)) or {}).get("started_at")
        return bool(last and (utc_now() - last).total_seconds() < pause_s)

    async def forget_old_runs(self) -> None:
        """Delete run records that are older than a month."""
        span = {"$gte": datetime.fromtimestamp(0, UTC), "$lt": utc_now() - KEEP_RUNS}
        with translated():
            await self._store.collection("runs").delete_many({"started_at": span})


async def _scheduled(
    rounds: list[Round], webhooks: list[Webhooks], lease_s: float, stop: asyncio.Event
) -> None:
    """Run the jobs until told to stop; every one of them is over when this returns."""
    # It warns each time a long first read is still going on.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    scheduler = AsyncIOScheduler(timezone=UTC)
    tasks: set[asyncio.Task[Any]] = set()

    def every(seconds: float, name: str, job: Callable[..., Any], *args: Any) -> None:
        scheduler.add_job(
            _tracked,
            "interval",
            args=[tasks, job, *args],
            seconds=seconds,
            id=name,
            next_run_time=utc_now(),
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )

    mine: dict[str, list[Collector[Any]]] = {}

    async def going_on(name: str, doing: Awaitable[list[Document | None]]) -> None:
        """Await a job's runs; it is due soon where another process was at it, or the store did not answer."""
        again = True
        try:
            # The other process may have vanished: its lease will tell.
            again = any(record is None or record.get("interrupted") for record in await doing)
        finally:
            if again and scheduler.get_job(name):
                scheduler.modify_job(name, next_run_time=utc_now() + timedelta(seconds=lease_s / 2))

    async def read(one: Round, name: str, scope: str) -> None:
        # Several processes share the work: what one has just read the others leave alone.
        await going_on(name, one.scope(scope, mine[name], rest_s=one.source.interval_s / 2))

    async def find(one: Round) -> None:
        await going_on(one.name, one.whole(rest_s=one.source.interval_s / 2))
        await one.forget_old_runs()
        prefix = f"{one.name}/"
        wanted = {f"{prefix}{scope}": (scope, found) for scope, found in (await one.scopes()).items()}
        known = {job.id for job in scheduler.get_jobs() if job.id.startswith(prefix)}
        for name in known - wanted.keys():
            scheduler.remove_job(name)
        for name, (scope, found) in wanted.items():
            mine[name] = found
            if name not in known:
                every(one.source.interval_s, name, read, one, name, scope)

    for one in rounds:
        every(one.source.interval_s, one.name, find, one)
    for taking in webhooks:
        every(REVIVE_S, f"webhooks/{taking.upstream}", taking.run)
    scheduler.start()
    try:
        await stop.wait()
    finally:
        scheduler.shutdown(wait=False)
        running = list(tasks)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _tracked(tasks: set[asyncio.Task[Any]], job: Callable[..., Any], *args: Any) -> None:
    """Run a job so that it can be stopped and awaited; the next one is due whatever happens."""
    task = asyncio.current_task()
    assert task is not None
    tasks.add(task)
    try:
        await job(*args)
    except asyncio.CancelledError:
        # Told to stop: the scheduler would log the cancellation as a failure.
        return
    except EngmetricsError as error:
        log.warning("a job failed, it is tried again when it is due: %s", error)
    finally:
        tasks.discard(task)


class _Told:
    """Passes progress on, and logs it now and then."""

    def __init__(self, report: Report | None) -> None:
        self._report = report
        self._last: dict[tuple[str, str, str], float] = {}

    def __call__(self, progress: Progress) -> None:
        if self._report:
            self._report(progress)
        key = (progress.collector, progress.instance, progress.scope)
        now = asyncio.get_running_loop().time()
        if now - self._last.setdefault(key, now) >= TELL_EVERY_S:
            self._last[key] = now
            log.info(
                "collecting collector=%s instance=%s scope=%s %s=%d of=%d records=%d",
                *(*key, progress.unit, progress.done, progress.total, progress.records),
            )
