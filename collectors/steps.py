"""What tasks do: a backfill or a collect is one collector in one scope after the other, a rebuild is topics.

Each of these steps is noted when it begins and when it is over: a task that was stopped goes on with the one
it was at, and that one where it was. Reconciling begins anew, which finds what was repaired in order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import partial
from typing import Any, TypeVar

from collectors import WHOLE, Collector, Progress
from collectors.derive import DERIVATIONS
from collectors.deriving import Deriver
from collectors.reconcile import reconcile, told
from collectors.rounds import Round
from collectors.run import Asked
from collectors.tasks import Doer, Work
from metrics_api.core.days import day_start
from metrics_api.core.leases import Leases, LeaseTaken
from metrics_api.core.orders import collected_scopes
from metrics_api.core.raw import RawStore
from metrics_api.core.store import Document, Store
from metrics_api.core.task_types import TaskStep

# After the store did not answer, or while another process rebuilds.
AGAIN_S = 1.0

Place = tuple[Collector[Any], str]
T = TypeVar("T")


def doers(
    rounds: Sequence[Round],
    store: Store,
    leases: Leases,
    raw: RawStore,
    deriver: Deriver,
    zones: Mapping[str, str],
) -> dict[str, Doer]:
    """Who does a task, by its kind; `zones` are those of the TAPD instances."""

    async def collect(work: Work) -> str | None:
        return await Walk(work, rounds, zones).done()

    async def reconciled(work: Work) -> str | None:
        found = _round_of(work, rounds)
        if found is None:
            return _off(work)
        task = work.task
        since = date.fromisoformat(task["since"]) if task["since"] else None

        def report(step: Progress) -> None:
            work.far(step.done, step.total, step.unit, step.records, step.scope)

        differences = await _unless_taken(
            work,
            lambda: reconcile(
                found.source, store, leases, raw, deriver, task["scope"], since=since, report=report
            ),
        )
        for one in differences:
            await work.say(told(one))
        open_ones = [one for one in differences if one["error"]]
        return f"{len(open_ones)} months are not right yet: {told(open_ones[0])}"[:500] if open_ones else None

    async def rebuild(work: Work) -> str | None:
        await _rebuilt(work, deriver)
        return None

    return {"backfill": collect, "collect": collect, "reconcile": reconciled, "rebuild": rebuild}


def _round_of(work: Work, rounds: Sequence[Round]) -> Round | None:
    """The instance that a task is about, None where that is off."""
    wanted = (work.task["upstream"], work.task["instance"])
    return next((one for one in rounds if (one.source.upstream, one.source.name) == wanted), None)


def _off(work: Work) -> str:
    name = f"{work.task['upstream']} {work.task['instance']}"
    return f"{name} is off: no credentials, or it is not configured"


class Walk:
    """The steps of one backfill or collect."""

    def __init__(self, work: Work, rounds: Sequence[Round], zones: Mapping[str, str]) -> None:
        task = work.task
        self._work = work
        self._round = _round_of(work, rounds)
        self._since: datetime | None = None
        if task["since"]:
            zone = zones.get(task["instance"], "UTC") if task["upstream"] == "tapd" else "UTC"
            self._since = datetime.fromtimestamp(day_start(date.fromisoformat(task["since"]), zone), UTC)
        self._steps: dict[str, TaskStep] = {}
        self._over = 0
        self._total = 0
        self._records = task["progress"]["records"]
        self._failures: list[str] = []

    async def done(self) -> str | None:
        """Do all steps that are not over; returns None, or what failed."""
        task, found = self._work.task, self._round
        if found is None:
            return _off(self._work)
        self._steps = await self._work.tasks.steps(task["_id"])
        scope = task["scope"]
        whole = [(one, WHOLE) for one in found.source.collectors if one.whole]
        places: list[Place] = []
        if not scope or scope not in await found.scopes():
            places = whole
            self._total = len(places)
            for place in whole:
                await self._step(found, *place)
        scopes = await found.scopes()
        if scope and scope not in scopes:
            scope = await self._called(scope)
        if scope and scope not in scopes:
            return (
                f"scope {task['scope']!r} is not there: {task['instance']} has {', '.join(scopes) or 'none'}"
            )
        mine = [(one, name) for name, units in scopes.items() if scope in ("", name) for one in units]
        self._total = len(places) + len(mine)
        names = list(dict.fromkeys(one.name for one, _ in (*places, *mine)))
        await self._work.tasks.note(task["_id"], self._work.lease, collectors=names)
        for place in mine:
            await self._step(found, *place)
        if not self._failures:
            return None
        return f"{len(self._failures)} of {self._total} runs failed: {self._failures[0]}"[:500]

    async def _called(self, scope: str) -> str:
        """The id of what was asked for by another name before the instance's list was read."""
        place = (self._work.task["upstream"], self._work.task["instance"])
        known = await collected_scopes(self._work.tasks.store)
        return next((one[2] for name, one in known if name == scope and one[:2] == place), scope)

    async def _step(self, found: Round, collector: Collector[Any], scope: str) -> None:
        """Run a collector in a scope, unless that is over; a failure stops no other."""
        name = f"{collector.name}:{scope}"
        before = self._steps.get(name)
        if before is None or before["state"] == "running":
            record = await self._run(found, collector, scope, before)
            error = record["error"] if record["state"] != "success" else None
            await self._work.tasks.note_step(self._work.task["_id"], name, record["state"], error=error)
            self._records += record["seen"]
        else:
            error = before["error"]
        self._over += 1
        if error:
            self._failures.append(f"{collector.name} {scope}: {error}")
        if before is None or before["state"] == "running":
            self._far(f"{collector.name} {scope}")
            counts = f"{record['seen']} records, {record['new']} new, {record['changed']} changed"
            await self._work.say(f"{collector.name} {scope}: {error or counts}")

    async def _run(
        self, found: Round, collector: Collector[Any], scope: str, before: TaskStep | None
    ) -> Document:
        """Run until it succeeded or its upstream failed; a store that does not answer is waited for."""
        task, name = self._work.task["_id"], f"{collector.name}:{scope}"
        place: dict[str, Any] = before["place"] if before else {}
        resumed = before is not None

        async def keep(cursor: Mapping[str, Any]) -> None:
            place.update(cursor)
            await self._work.tasks.note_step(task, name, "running", place)

        while True:
            self._work.lease.check()
            await keep({})
            record = await found.one(
                collector, scope, Asked(self._since, resumed, dict(place), keep, self._report)
            )
            if record is not None and not record["interrupted"]:
                return record
            if record is not None:
                resumed = True
                await asyncio.sleep(AGAIN_S)

    def _report(self, told: Progress) -> None:
        far = f"{told.done} of {told.total} {told.unit}" if told.total else f"{told.records} records"
        self._far(f"{told.collector} {told.scope}: {far}", told.records)

    def _far(self, at: str, records: int = 0) -> None:
        self._work.far(self._over, self._total, "runs", self._records + records, at)


async def _rebuilt(work: Work, deriver: Deriver) -> None:
    """Rebuild a topic, or all that are not yet."""
    over = await work.tasks.steps(work.task["_id"])
    topics = [work.task["scope"]] if work.task["scope"] else list(DERIVATIONS)
    for number, topic in enumerate(topics):
        if topic in over:
            continue

        def report(name: str, done: int, total: int, number: int = number) -> None:
            work.far(number, len(topics), "topics", done, f"{name}: {done} of {total} records")

        count = await _unless_taken(work, partial(deriver.rebuild, topic, report))
        await work.tasks.note_step(work.task["_id"], topic, "success")
        work.far(number + 1, len(topics), "topics", 0, topic)
        await work.say(f"{topic}: {count} facts")


async def _unless_taken(work: Work, do: Callable[[], Awaitable[T]]) -> T:
    """What `do` gives; while another process does the same, or one that vanished did, that is waited for."""
    while True:
        try:
            return await do()
        except LeaseTaken:
            work.lease.check()
            await asyncio.sleep(AGAIN_S)
