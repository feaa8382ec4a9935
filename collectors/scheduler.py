"""When collectors run: a job per instance that finds its scopes, and a job per scope that reads it.

Beside them, a job per upstream takes what webhooks brought, and one does what was asked for by tasks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger

from collectors import Collector, Progress, Report, registry
from collectors.bodies import EVERY_S, forget_orphans
from collectors.deriving import Deriver
from collectors.rounds import EVERYTHING, Round
from collectors.runner import Runner
from collectors.sources import sources, zones
from collectors.steps import doers
from collectors.tasks import LOOK_S, Doer, Worker
from collectors.upstream import Patience
from collectors.webhooks import Webhooks, all_webhooks
from metrics_api.core.concurrency import together
from metrics_api.core.days import day_of, utc_now, zone
from metrics_api.core.errors import EngmetricsError, UnknownName
from metrics_api.core.facts import Facts
from metrics_api.core.leases import Leases
from metrics_api.core.memory import settle
from metrics_api.core.raw import RawStore
from metrics_api.core.settings import Settings
from metrics_api.core.store import Document, Store
from metrics_api.core.task_types import Task
from metrics_api.core.tasks import Order, Tasks

log = logging.getLogger(__name__)

TELL_EVERY_S = 10.0
# A collecting process takes a task sooner than one that was only asked to follow it.
GRACE_S = 5.0
# When a TAPD's people sleep, on its clocks.
NIGHT_HOUR = 3
# A job that goes on for ever is begun anew so soon, should it ever end.
REVIVE_S = 5.0


@dataclass(frozen=True)
class Parts:
    """What collecting consists of: the instances that are on, the webhooks, and who does tasks.

    `zones` are those of the TAPDs that are reconciled at night.
    """

    rounds: list[Round]
    webhooks: list[Webhooks]
    leases: Leases
    doers: Mapping[str, Doer]
    zones: Mapping[str, str]


@asynccontextmanager
async def _parts(
    settings: Settings, store: Store, report: Report | None, patience: Patience | None
) -> AsyncIterator[Parts]:
    """The parts, with connections that are closed on leaving; raises ConfigError."""
    lease_s = float(settings.config.collect.lease_seconds)
    raw, leases = RawStore(store), Leases(store, lease_s)
    deriver = Deriver(store, Facts(store, leases), raw, zones(settings))
    runner = Runner(store, leases, raw, deriver, _Told(report))
    # Records come and go as many small objects, while all that is imported stays.
    settle()
    async with AsyncExitStack() as stack:
        found = sources(settings, store, patience)
        for source in found:
            stack.push_async_callback(source.connection.aclose)
        rounds = [Round(source, runner, store, lease_s) for source in found]
        webhooks = all_webhooks(store, leases, raw, deriver)
        mine = doers(rounds, store, leases, raw, deriver, zones(settings))
        # Only what is on is reconciled.
        on = {one.name for one in found if one.upstream == "tapd"}
        nightly = {name: zone_name for name, zone_name in zones(settings).items() if name in on}
        yield Parts(rounds, webhooks, leases, mine, nightly)


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
    async with _parts(settings, store, progress, patience) as parts:
        if once is not None:
            done = await together(*(one.once(once) for one in parts.rounds))
            if once == EVERYTHING:
                await together(*(one.drain() for one in parts.webhooks))
            return [record for records in done for record in records]
        worker = Worker(store, parts.leases, parts.doers)
        lease_s = float(settings.config.collect.lease_seconds)
        await _scheduled(parts, worker, store, lease_s, stop or asyncio.Event())
    return []


async def work(
    settings: Settings,
    store: Store,
    names: Collection[str],
    show: Callable[[Sequence[Task]], None],
    patience: Patience | None = None,
    grace_s: float = GRACE_S,
) -> list[Task]:
    """Wait until these tasks are over; what no other process takes within `grace_s` is done here.

    `show` is called with all of them whenever they were looked at, about once a second.
    """
    queue = Tasks(store)
    async with _parts(settings, store, None, patience) as parts:
        worker = Worker(store, parts.leases, parts.doers, only=names, grace_s=grace_s)
        working = asyncio.create_task(worker.run(), name="tasks")
        try:
            while True:
                tasks = [await queue.one(name) for name in names]
                show(tasks)
                if all(task["finished_at"] for task in tasks):
                    return tasks
                if working.done():
                    await working
                await asyncio.sleep(LOOK_S)
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)


async def _scheduled(parts: Parts, worker: Worker, store: Store, lease_s: float, stop: asyncio.Event) -> None:
    """Run the jobs until told to stop; every one of them is over when this returns."""
    queue = Tasks(store)
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

    async def until_over(name: str, job: Callable[..., Awaitable[bool | None]], *args: Any) -> None:
        """Do a job, which is due again soon if it fails or says that not all of it is done."""
        over = False
        try:
            over = await job(*args) is not False
        finally:
            if not over and scheduler.get_job(name):
                scheduler.modify_job(name, next_run_time=utc_now() + timedelta(seconds=lease_s / 2))

    async def read(one: Round, name: str, scope: str) -> bool:
        # Several processes share the work: what one has just read the others leave alone.
        return _over(await one.scope(scope, mine[name], rest_s=one.source.interval_s / 2))

    async def find(one: Round) -> bool:
        over = _over(await one.whole(rest_s=one.source.interval_s / 2))
        await one.forget_old_runs()
        await queue.forget_old()
        prefix = f"{one.name}/"
        wanted = {f"{prefix}{scope}": (scope, found) for scope, found in (await one.wanted()).items()}
        known = {job.id for job in scheduler.get_jobs() if job.id.startswith(prefix)}
        for name in known - wanted.keys():
            scheduler.remove_job(name)
        for name, (scope, found) in wanted.items():
            mine[name] = found
            if name not in known:
                every(one.source.interval_s, name, until_over, name, read, one, name, scope)
        return over

    for one in parts.rounds:
        every(one.source.interval_s, one.name, until_over, one.name, find, one)
    for taking in parts.webhooks:
        every(REVIVE_S, f"webhooks/{taking.upstream}", taking.run)
    every(REVIVE_S, "tasks", worker.run)
    every(EVERY_S, "bodies", forget_orphans, store)
    for name, its_zone in parts.zones.items():
        scheduler.add_job(
            _tracked,
            CronTrigger(hour=NIGHT_HOUR, timezone=zone(its_zone)),
            args=[tasks, until_over, f"nightly/{name}", ask_nightly, queue, name, its_zone],
            id=f"nightly/{name}",
            coalesce=True,
            misfire_grace_time=None,
        )
    scheduler.start()
    try:
        await stop.wait()
    finally:
        scheduler.shutdown(wait=False)
        running = list(tasks)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _over(records: Sequence[Document | None]) -> bool:
    """Whether a job's runs are done.

    They are not where another process was at one, which may have vanished, or the store did not answer.
    """
    return not any(record is None or record["interrupted"] for record in records)


async def ask_nightly(
    queue: Tasks, instance: str, zone_name: str, clock: Callable[[], datetime] = utc_now
) -> None:
    """Ask for a TAPD to be reconciled; of all processes that do so in a night, one is heard."""
    night = day_of(int(clock().timestamp()), zone_name).isoformat()
    await queue.put(Order("reconcile", "tapd", instance), f"reconcile-{instance}-{night}")


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
