"""Reconciling: what TAPD counts against what is stored, by workspace and month; differences are repaired.

A night costs, in each workspace, for bugs, stories, tasks and iterations each: a request for the oldest, a
count for each of the newest months and of the years before, and the ids of two earlier months, by turns; for
each of the three change feeds a count for each of the newest days and of the days of one month, by turns.
With two years of history these are some 150 requests. What differs costs its rows besides.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any, Final

from collectors import Collector, Progress, Report
from collectors.deriving import Deriver
from collectors.reconcile_lists import Ledger, Lists
from collectors.reconcile_repairs import Readers, Repairs
from collectors.reconcile_stock import Stock
from collectors.sources import Source
from collectors.tapd_bugs import BUGS
from collectors.tapd_client import TapdClient
from collectors.tapd_known import Kind
from collectors.tapd_stories import STORIES
from collectors.tapd_tasks import TASKS
from metrics_api.core.days import utc_now
from metrics_api.core.errors import UpstreamError
from metrics_api.core.leases import Lease, Leases
from metrics_api.core.raw import RawStore
from metrics_api.core.schema import Reconciliation
from metrics_api.core.store import Store

log = logging.getLogger(__name__)

# Nobody lists the iterations that were removed, and their changes are asked for one at a time.
ITERATIONS: Final = Kind("iteration", "iterations", "Iteration", "IterationChange", removed="", at_once=1)
# Lists that may be given up one after the other before the rest is left for another night.
GIVEN_UP: Final = 3


async def reconcile(
    source: Source,
    store: Store,
    leases: Leases,
    raw: RawStore,
    deriver: Deriver,
    scope: str = "",
    *,
    since: date | None = None,
    report: Report | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> list[Reconciliation]:
    """Reconcile a workspace of a TAPD, or all of them; returns what differed or could not be compared.

    With `since` the ids of every month from that day on are compared, and all their days of changes. Doing it
    again is harmless. Raises LeaseTaken where another process is at it, and UpstreamError when TAPD keeps
    failing: what was repaired by then stays so.
    """
    async with leases.held(f"reconcile:{source.name}:{scope or 'all'}") as lease:
        work = _Reconciling(source, store, raw, deriver, since, lease, clock)
        await work.run(scope, report)
        return work.found


def told(one: Reconciliation) -> str:
    """A line that says what was found in a month."""
    found = f"{one['entity']} of {one['workspace']} in {one['month']}: "
    found += f"TAPD has {one['upstream']}, {one['stored']} were stored; "
    found += f"{one['missing']} missing, {one['extra']} not there any more, {one['repaired']} put right"
    return f"{found}: {one['error']}" if one["error"] else found


class _Reconciling:
    """One reconciliation under way."""

    def __init__(
        self,
        source: Source,
        store: Store,
        raw: RawStore,
        deriver: Deriver,
        since: date | None,
        lease: Lease,
        clock: Callable[[], datetime],
    ) -> None:
        self._source = source
        self._store = store
        self._raw = raw
        self._deriver = deriver
        self._since = since
        self._lease = lease
        self._clock = clock
        self._given_up = 0
        self.found: list[Reconciliation] = []

    async def run(self, scope: str, report: Report | None) -> None:
        """All kinds of things, each in all workspaces."""
        kinds = list(self._readers())
        for at, readers in enumerate(kinds):
            scopes = [scope] if scope else await readers.items.scopes()
            rows = await self._stock(readers.items).counts(scope)
            feed = readers.changes if readers.kind is not ITERATIONS else None
            changes = await self._stock(feed).counts(scope) if feed else {}
            for place, one in enumerate(scopes):
                self._lease.check()
                await self._workspace(readers, one, rows.get(one, Counter()), changes.get(one, Counter()))
                if report:
                    done, total = at * len(scopes) + place + 1, len(kinds) * len(scopes)
                    repaired = sum(difference["repaired"] for difference in self.found)
                    report(Progress("reconcile", self._source.name, one, done, total, "lists", repaired))
        log.info("reconciled instance=%s scope=%s differences=%d", self._source.name, scope, len(self.found))

    async def _workspace(
        self, readers: Readers, scope: str, rows: Counter[str], changes: Counter[str]
    ) -> None:
        plural, noun = readers.kind.plural, readers.kind.noun
        client = readers.items.client
        repairs = Repairs(self._store, self._raw, self._deriver, client, scope, self._clock)
        lists = Lists(readers, repairs, scope, await self._marks(readers, scope), self._since)
        ledgers = {
            entity: Ledger(self._store, self._source.name, scope, entity, self._clock())
            for entity in (plural, f"{noun}_changes")
        }
        try:
            for ledger in ledgers.values():
                await ledger.look()
            begin = await lists.rows(ledgers[plural], self._stock(readers.items), rows)
            if readers.changes and readers.kind is not ITERATIONS:
                differed = {one["month"] for one in ledgers[plural].found}
                stock = self._stock(readers.changes)
                await lists.changes(ledgers[f"{noun}_changes"], stock, changes, begin, differed)
            self._given_up = 0
        except UpstreamError as error:
            log.warning("not reconciled instance=%s %s", self._source.name, error)
            self._given_up += 1
            if self._given_up >= GIVEN_UP:
                raise
        finally:
            for ledger in ledgers.values():
                self.found += ledger.found
                for one in ledger.found:
                    log.info("reconciled instance=%s %s", self._source.name, told(one))

    def _readers(self) -> Iterator[Readers]:
        """The collectors of each kind of thing that is collected; none of an upstream that is no TAPD."""
        units: dict[str, Collector[Any]] = {one.name: one for one in self._source.collectors}
        for kind in (BUGS, STORIES, TASKS, ITERATIONS):
            items: Collector[TapdClient] | None = units.get(f"tapd.{kind.plural}")
            if items:
                changes = units.get(f"tapd.{kind.noun}_changes")
                yield Readers(kind, items, changes, units.get(f"tapd.removed_{kind.plural}"))

    def _stock(self, collector: Collector[TapdClient]) -> Stock:
        return Stock(self._store, collector.collection, self._source.name)

    async def _marks(self, readers: Readers, scope: str) -> dict[str, datetime]:
        """When the last successful runs began, by collector; those that never succeeded are not there."""
        names = [one.name for one in (readers.items, readers.changes, readers.removed) if one]
        ids = [f"{name}:{self._source.name}:{scope}" for name in names]
        marks = await self._store.matching("watermarks", "_id", ids)
        return {one["collector"]: one["started_at"] for one in marks if one["started_at"]}
