"""Storing what a run has read, and deriving what that changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from collectors import Collector, Unit, registry
from collectors.deriving import Deriver
from collectors.run import Batch, Run, Told
from metrics_api.core.raw import RawStore, encoded
from metrics_api.core.store import Document, Store, translated


class Behind:
    """Work that goes on while its giver does, one piece at a time; over when the block is left.

    What a piece raises comes out where the next one is given, or at the end. Whoever leaves by an error, or
    is cancelled, ends the work under way.
    """

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    async def follow(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin a piece when the one before is done."""
        try:
            await self._done()
        except BaseException:
            work.close()
            raise
        self._task = asyncio.create_task(work)

    async def _done(self) -> None:
        if self._task is not None:
            await self._task

    async def __aenter__(self) -> Behind:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            await self._done()
        elif self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


class Storing:
    """Takes what runs have read into the store, and has it derived."""

    def __init__(self, store: Store, raw: RawStore, deriver: Deriver, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._raw = raw
        self._deriver = deriver
        self._clock = clock

    @contextmanager
    def holding(self, run: Run) -> Iterator[None]:
        """Keep in memory what a first run stores, if it waits for another, or others for it.

        All of that is derived at the end of the run that brings the rest.
        """
        place, waiting = (run.collector.instance, run.scope), completed(run.collector)
        if run.fresh and (waiting or run.collector.completed_by):
            self._raw.held.hold((run.collector.collection, *place))
        try:
            yield
        finally:
            if waiting:
                for name in (run.collector.collection, *(unit.collection for unit in waiting)):
                    self._raw.held.drop((name, *place))

    def release(self, instance: str, scope: str) -> None:
        """Keep nothing of a scope in memory any more."""
        self._raw.held.release(instance, scope)

    async def store(self, run: Run, batch: Batch, told: Told) -> None:
        """Store the waiting pages and derive what they change, on a first run later and all at once."""
        collector = run.collector
        place = (collector.instance, run.scope)
        for data, about, reason in told.refused:
            body, at = encoded(data), self._clock()
            await self._raw.quarantine(collector.collection, *place, reason, body, at, about=about)
        outcome = await self._raw.upsert(
            collector.collection,
            collector.instance,
            told.records,
            run.started_at,
            collector.dating(),
            fresh=run.fresh,
        )
        run.counts.seen += batch.records
        run.counts.new += outcome.new
        run.counts.changed += outcome.changed
        run.counts.quarantined += outcome.quarantined + len(told.refused)
        if told.removals:
            await self._raw.stamp_removed(collector.removes, told.removals, collector.dating())
        if told.complete:
            present = {":".join((*place, record.id)) for record in told.records}
            outcome.touched |= await self._raw.stamp_unlinked(
                collector.collection, *place, told.complete, present, run.started_at
            )
        keys = outcome.keys | told.complete if run.unclean else outcome.touched
        if run.first or run.waits:
            run.pending |= keys
        elif keys:
            await self.derive(run, keys)

    async def awaited(self, run: Run) -> dict[str, Document]:
        """The marks of the collectors whose records wait for this one's, by the collector's name.

        Read when the run begins: what comes to wait later may tell of more than this run reads.
        """
        names = {f"{one.name}:{run.collector.instance}:{run.scope}": one for one in completed(run.collector)}
        marks = await self._store.matching("watermarks", "_id", list(names))
        return {names[mark["_id"]].name: mark for mark in marks if waits(mark)}

    async def complete(self, run: Run) -> set[str]:
        """Derive what waited for this collector's records, items or a whole scope, and return the keys."""
        derived, instance = set[str](), run.collector.instance
        for name, mark in run.awaited.items():
            collection = registry()[name].collection
            if mark.get("whole"):
                derived |= await self._deriver.derive_scope(collection, instance, run.scope, run.fresh)
            else:
                await self._deriver.derive(collection, instance, mark["waiting"])
                derived.update(mark["waiting"])
            same: Document = {key: mark[key] for key in ("_id", "run", "waiting", "whole") if key in mark}
            # Where more has come to wait meanwhile, all of it is derived once more.
            with translated():
                await self._store.durable("watermarks").update_one(
                    same, {"$set": {"waiting": []}, "$unset": {"whole": ""}}
                )
        return derived

    async def derive(self, run: Run, keys: set[str]) -> None:
        """Derive what depends on the run's records with these keys."""
        await self._deriver.derive(run.collector.collection, run.collector.instance, sorted(keys))


def waits(mark: Document) -> bool:
    """Whether records of a collector's scope, of which this is the watermark, are not derived yet."""
    return bool(mark.get("whole") or mark.get("waiting"))


def completed(collector: Collector[Any]) -> list[Unit]:
    """The collectors whose records tell but half without those of this one."""
    return [unit for unit in registry().values() if unit.completed_by == collector.name]
