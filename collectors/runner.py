"""One run of a collector in a scope: lease, watermark, pages, store, derive, watermark, run record."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any

from collectors import Collector, Progress, Report
from collectors.deriving import Deriver
from collectors.run import Asked, Batch, Run, Told
from collectors.storing import Behind, Storing
from collectors.upstream import REQUESTS, Tally
from metrics_api.core.concurrency import to_the_end
from metrics_api.core.days import utc_now
from metrics_api.core.errors import EngmetricsError, StoreUnavailable, UpstreamError
from metrics_api.core.leases import Lease, Leases, LeaseTaken
from metrics_api.core.raw import Outcome, RawStore
from metrics_api.core.store import Document, Store, translated

log = logging.getLogger(__name__)


class Runner:
    """Runs collectors; any number at once, one at a time per collector, instance and scope."""

    def __init__(
        self,
        store: Store,
        leases: Leases,
        raw: RawStore,
        deriver: Deriver,
        report: Report | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store = store
        self._leases = leases
        self._deriver = deriver
        self._storing = Storing(store, raw, deriver, clock)
        self._report = report
        self._clock = clock

    async def run(
        self, collector: Collector[Any], scope: str, wait_s: float = 0.0, asked: Asked | None = None
    ) -> Document | None:
        """The run's record; None when another process is still at it after `wait_s`.

        A failure is in the record, not raised. `asked` is what a task wants of it.
        """
        name = f"{collector.name}:{collector.instance}:{scope}"
        try:
            async with self._leases.held(f"run:{name}", wait_s) as lease:
                return await self._recorded(collector, scope, name, lease, asked)
        except LeaseTaken:
            log.debug("already running run=%s", name)
            return None

    def release(self, instance: str, scope: str) -> None:
        """Keep nothing in memory of what runs in a scope have stored: whoever waited for more had it."""
        self._storing.release(instance, scope)

    async def _recorded(
        self, collector: Collector[Any], scope: str, name: str, lease: Lease, asked: Asked | None
    ) -> Document:
        started = self._clock()
        record: Document = {
            "_id": uuid.uuid4().hex,
            "collector": collector.name,
            "instance": collector.instance,
            "scope": scope,
            "state": "running",
            "started_at": started,
            "finished_at": None,
            "seconds": 0.0,
            **dict.fromkeys(("requests", "seen", "new", "changed", "quarantined"), 0),
            "error": None,
            "interrupted": False,
            "interval_s": max(collector.interval_s, collector.pause_s),
        }
        tally = Tally()
        token = REQUESTS.set(tally)
        run: Run | None = None
        began = asyncio.get_running_loop().time()
        try:
            with translated():
                await self._store.collection("runs").insert_one(dict(record))
            run = await self._begun(collector, scope, name, lease, record["_id"], started, tally, asked)
            with self._storing.holding(run):
                await self._collected(run)
            record["state"] = "success"
        except asyncio.CancelledError:
            record |= {"state": "failed", "error": "stopped"}
            raise
        except Exception as error:
            # The boundary of a run: whatever fails here fails this scope alone.
            expected = isinstance(error, EngmetricsError)
            reason = str(error) if expected else f"{type(error).__name__}: {error}"
            record |= {"state": "failed", "error": reason[:500]}
            record["interrupted"] = isinstance(error, StoreUnavailable)
            log.warning(
                "run failed collector=%s instance=%s scope=%s error=%s",
                *(collector.name, collector.instance, scope, record["error"]),
                exc_info=None if expected else error,
            )
        finally:
            REQUESTS.reset(token)
            counts = run.counts if run else Outcome()
            record |= {
                "finished_at": self._clock(),
                "seconds": round(asyncio.get_running_loop().time() - began, 3),
                "requests": tally.requests,
                "seen": counts.seen,
                "new": counts.new,
                "changed": counts.changed,
                "quarantined": counts.quarantined,
            }
            await to_the_end(self._note(record))
        return record

    async def _note(self, record: Document) -> None:
        log.info(
            "run collector=%s instance=%s scope=%s state=%s "
            "seen=%d new=%d changed=%d requests=%d seconds=%.1f",
            *(record[key] for key in ("collector", "instance", "scope", "state")),
            *(record[key] for key in ("seen", "new", "changed", "requests", "seconds")),
        )
        try:
            with translated():
                await self._store.collection("runs").replace_one({"_id": record["_id"]}, record, upsert=True)
        except EngmetricsError as error:
            log.warning("a run record could not be written: %s", error)

    async def _begun(
        self,
        collector: Collector[Any],
        scope: str,
        name: str,
        lease: Lease,
        run_id: str,
        started: datetime,
        tally: Tally,
        asked: Asked | None,
    ) -> Run:
        """Read the watermark and mark it as not clean until this run has come to its end."""
        stored = await self._store.one("watermarks", name)
        watermark = stored or {
            "_id": name,
            "collector": collector.name,
            "instance": collector.instance,
            "scope": scope,
            "started_at": None,
            "cursor": {},
            "clean": True,
        }
        await self._note_gap(watermark)
        watermark.pop("gap", None)
        run = Run(collector, scope, watermark, run_id, started, lease, tally, asked=asked)
        run.fresh = stored is None
        run.first = watermark["started_at"] is None
        run.unclean = not watermark["clean"]
        run.awaited = await self._storing.awaited(run)
        await self._mark(run, clean=False)
        return run

    async def _mark(self, run: Run, **changes: Any) -> None:
        run.lease.check()
        run.watermark |= changes | {"run": run.id}
        with translated():
            await self._store.durable("watermarks").replace_one(
                {"_id": run.watermark["_id"]}, run.watermark, upsert=True
            )

    async def _note_gap(self, watermark: Document) -> None:
        """Write the gap that ended with a run; does nothing where there was none, or where it is written."""
        gap = watermark.get("gap")
        if gap:
            with translated():
                await self._store.durable("gaps").replace_one({"_id": gap["_id"]}, gap, upsert=True)

    async def _collected(self, run: Run) -> None:
        """Read, store and derive; what was read before the upstream failed is kept, then the run fails."""
        batch, failure = await self._read(run)
        done = set[str]() if failure else await self._storing.complete(run)
        if run.collector.completed_by and (run.first or run.whole):
            run.watermark["whole"] = True
        elif run.whole:
            await self._deriver.derive_scope(run.collector.collection, run.collector.instance, run.scope)
        elif run.waits:
            run.watermark["waiting"] = sorted({*run.watermark.get("waiting", ()), *run.pending})
        elif run.pending - done:
            await self._storing.derive(run, run.pending - done)
        if failure is None:
            end: Document = {"cursor": dict(batch.cursors[-1])} if batch.cursors else {}
            if gap := run.gap:
                end["gap"] = gap
            await self._mark(run, started_at=run.started_at, clean=True, **end)
            await self._note_gap(run.watermark)
            return
        if run.first or run.whole or not run.unclean:
            # Nothing that was stored waits to be derived.
            await self._mark(run, clean=True)
        raise failure

    async def _read(self, run: Run) -> tuple[Batch, UpstreamError | None]:
        """Read and store all there is; returns the last batch, and why the upstream broke off, if it did."""
        batch = Batch()
        failure: UpstreamError | None = None
        async with Behind() as behind:
            try:
                async with aclosing(run.collector.fetch(run.scope, run.since)) as pages:
                    async for page in pages:
                        run.lease.check()
                        if batch.full:
                            # Stored when the next page is there: the last page's batch is the last one.
                            told = run.told(batch)
                            await behind.follow(self._stored(run, batch, told))
                            batch = Batch()
                        batch.pages.append(page)
            except UpstreamError as error:
                failure = error
        await self._storing.store(run, batch, run.told(batch))
        # A walk's last cursor forgets the place: it is noted only when all is derived.
        await self._placed(run, batch, batch.cursors if failure else batch.cursors[:-1])
        return batch, failure

    async def _stored(self, run: Run, batch: Batch, told: Told) -> None:
        await self._storing.store(run, batch, told)
        await self._placed(run, batch, batch.cursors)

    async def _placed(self, run: Run, batch: Batch, cursors: Sequence[Mapping[str, Any]]) -> None:
        """Note how far the walk has come, and tell: what came before the last of the cursors is stored."""
        if cursors and run.asked and run.since.back:
            await run.asked.keep(cursors[-1])
        elif cursors:
            await self._mark(run, cursor=dict(cursors[-1]))
        told = [page for page in batch.pages if page.total] or batch.pages[-1:]
        if told:
            place, last = (run.collector.name, run.collector.instance, run.scope), told[-1]
            far = Progress(*place, last.done, last.total, last.unit, run.counts.seen)
            for report in (self._report, run.asked.report if run.asked else None):
                if report:
                    report(far)
