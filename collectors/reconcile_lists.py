"""Comparing one list of one workspace, month by month, and noting what differed."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime

from collectors.reconcile_plan import SAMPLED, Span
from collectors.reconcile_repairs import SHORT, Readers, Repairs, Unclear
from collectors.reconcile_stock import Stock
from collectors.tapd import named
from collectors.tapd_client import clock
from collectors.tapd_known import crowded
from metrics_api.core.errors import UpstreamError
from metrics_api.core.schema import Reconciliation
from metrics_api.core.store import Store, translated

log = logging.getLogger(__name__)

# Months that may fail one after the other before the list is left for another night.
FAILURES = 3
SHOWN_IDS = 10
LEFT = "not all could be put right: some are in quarantine, or listed as removed and yet there"


class GaveUp(UpstreamError):
    """Month after month failed: the rest of the list is left for another night."""


@dataclass
class Difference:
    """What was found in a month, as far as it went."""

    upstream: int = 0
    stored: int = 0
    missing: set[str] = field(default_factory=set)
    extra: set[str] = field(default_factory=set)
    repaired: int = 0
    error: str | None = None


class Ledger:
    """Notes what differed in the months of one list."""

    def __init__(self, store: Store, instance: str, workspace: str, entity: str, at: datetime) -> None:
        self._store = store
        self._names = {"instance": instance, "workspace": workspace, "entity": entity}
        self._at = at
        self._failures = 0
        self.open: set[str] = set()
        self.found: list[Reconciliation] = []

    async def look(self) -> None:
        """Read in which months something was not put right on an earlier night: they are `open`."""
        for one in await self._store.all("reconciliations", dict(self._names)):
            if one["error"] or one["missing"] + one["extra"] > one["repaired"]:
                self.open.add(one["month"])

    @asynccontextmanager
    async def month(self, month: str) -> AsyncIterator[Difference]:
        """Note what a month's check finds; one that fails leaves the others alone. Raises GaveUp."""
        found = Difference()
        try:
            yield found
            self._failures = 0
        except (UpstreamError, Unclear) as error:
            found.error = str(error)[:500]
            self._failures += isinstance(error, UpstreamError)
        await self._noted(month, found)
        if self._failures >= FAILURES:
            raise GaveUp(f"{self._names['entity']} of {self._names['workspace']}: {found.error}")

    async def _noted(self, month: str, found: Difference) -> None:
        differs = len(found.missing) + len(found.extra)
        if differs > found.repaired and not found.error:
            found.error = LEFT
        if not differs and not found.error and month not in self.open:
            return
        document: Reconciliation = {
            "_id": ":".join((*self._names.values(), month)),
            "instance": self._names["instance"],
            "workspace": self._names["workspace"],
            "entity": self._names["entity"],
            "month": month,
            "upstream": found.upstream,
            "stored": found.stored,
            "missing": len(found.missing),
            "extra": len(found.extra),
            "repaired": found.repaired,
            "ids": sorted(found.missing | found.extra)[:SHOWN_IDS],
            "at": self._at,
            "error": found.error,
        }
        with translated():
            await self._store.durable("reconciliations").replace_one(
                {"_id": document["_id"]}, dict(document), upsert=True
            )
        if differs or found.error:
            self.found.append(document)


class Lists:
    """The lists of one kind of thing in one workspace: its rows, and its change feed.

    `marks` are the starts of the last successful runs by collector; with `since` the months from that day on
    are compared whole.
    """

    def __init__(
        self,
        readers: Readers,
        repairs: Repairs,
        scope: str,
        marks: Mapping[str, datetime],
        since: date | None,
    ) -> None:
        self._readers = readers
        self._repairs = repairs
        self._scope = scope
        self._marks = marks
        self._since = since

    async def rows(self, ledger: Ledger, stock: Stock, stored: Counter[str]) -> str:
        """Compare and repair the rows, of which so many are stored by day.

        Returns the day from which on days of changes are worth counting, "" where there is none.
        """
        mark = self._marks.get(self._readers.items.name)
        if mark is None:
            return ""
        kind, repairs = self._readers.kind, self._repairs
        oldest = min(filter(None, [await repairs.oldest(kind), *stored]), default="")
        span = Span(oldest, repairs.day(mark))
        suspects = span.since(self._since) | span.sampled(SAMPLED, span.earlier())
        singly = {*span.recent(), *ledger.open.intersection(span.months)}

        async def agrees(first: str, last: str, found: Difference) -> bool:
            created = span.range(first, last)
            found.upstream = await repairs.count(kind.address, created=created)
            found.stored = span.stored(stored, first, last)
            return found.upstream == found.stored

        for months in span.years():
            try:
                if await agrees(months[0], months[-1], Difference()):
                    continue
            except UpstreamError as error:
                log.info("a year could not be counted, its months are: %s", error)
            singly.update(months)
        planned, names = singly | suspects, dict[str, set[str]]()
        for month in sorted(planned):
            async with ledger.month(month) as found:
                if month not in suspects and await agrees(month, month, found):
                    continue
                names = names or await stock.names(self._scope, planned, span.last.isoformat())
                await self._month(found, span.range(month, month), names[month], mark)
        if not oldest:
            return ""
        born = [date.fromisoformat(day) for day in stored.elements()]
        return crowded(born, date.fromisoformat(oldest), span.last).isoformat()

    async def _month(self, found: Difference, created: str, stored: set[str], mark: datetime) -> None:
        """Compare the rows created in a range of days by their ids, and repair."""
        kind, repairs = self._readers.kind, self._repairs
        first, _, last = created.partition("~")
        rows = await repairs.rows(kind.address, kind.wrapper, created=created, fields=SHORT)
        there = {named(row): row for row in rows if first <= clock(row)[:10] <= last}
        found.upstream, found.stored = len(there), len(stored)
        # What was modified since the last run is the next run's.
        late = repairs.text(mark)
        found.missing = {
            name
            for name in there.keys() - stored
            if " ".join(str(there[name].get("modified") or "").split()) < late
        }
        found.extra = stored - there.keys()
        if found.missing:
            found.repaired += len(await repairs.fetched(self._readers, found.missing))
        if found.extra:
            found.extra -= await repairs.there(self._readers, found.extra)
        if found.extra:
            removed = self._readers.removed
            seen = self._marks.get(removed.name) if removed else None
            gone, coming = await repairs.let_go(self._readers, found.extra, created, seen)
            found.extra -= coming
            found.repaired += len(gone)

    async def changes(
        self, ledger: Ledger, stock: Stock, stored: Counter[str], begin: str, whole: Collection[str]
    ) -> None:
        """Compare and repair the change rows since a day: the newest days, a month by turns, `whole` ones."""
        collector = self._readers.changes
        mark = self._marks.get(collector.name) if collector else None
        if mark is None or not begin:
            return
        kind, repairs = self._readers.kind, self._repairs
        span = Span(begin, repairs.day(mark))
        planned = span.changes({*whole, *ledger.open}, self._since)
        every = [day for days in planned.values() for day in days]
        names: dict[str, set[str]] = {}
        for month, days in planned.items():
            async with ledger.month(month) as found:
                for day in days:
                    there = await repairs.count(kind.changes_address, created=day)
                    found.upstream += there
                    found.stored += stored[day]
                    if there != stored[day]:
                        names = names or await stock.names(self._scope, every, span.last.isoformat())
                        await self._day(found, day, names[day])

    async def _day(self, found: Difference, day: str, stored: set[str]) -> None:
        """Compare the change rows of a day by their ids, and repair."""
        kind, repairs = self._readers.kind, self._repairs
        rows = await repairs.rows(kind.changes_address, kind.change, created=day)
        there = {named(row): row for row in rows}
        missing, extra = there.keys() - stored, stored - there.keys()
        found.missing |= missing
        found.extra |= extra
        found.repaired += await repairs.changes_fetched(self._readers, [there[name] for name in missing])
        found.repaired += await repairs.changes_gone(self._readers, extra)
