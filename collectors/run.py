"""A run under way: its watermark, its counts, the pages that wait to be stored, and the gap before it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from collectors import Collector, Page, Report, Since
from collectors.upstream import Tally
from metrics_api.core.config import patience_s
from metrics_api.core.leases import Lease
from metrics_api.core.raw import Outcome, Record
from metrics_api.core.schema import FEEDS, Gap
from metrics_api.core.store import Document

# Records are stored when so many have come together, or so much time has passed.
FLUSH_RECORDS = 1000
FLUSH_S = 5.0
WATCHED = frozenset(name for names in FEEDS.values() for name in names)


def _now() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class Batch:
    """Pages that wait to be stored."""

    pages: list[Page] = field(default_factory=list)
    began: float = field(default_factory=_now)

    @property
    def records(self) -> int:
        """How many records wait."""
        return sum(len(page.records) for page in self.pages)

    @property
    def full(self) -> bool:
        """Whether it is time to store them."""
        return bool(self.pages) and (self.records >= FLUSH_RECORDS or _now() - self.began >= FLUSH_S)

    @property
    def cursors(self) -> list[Mapping[str, Any]]:
        """The cursors of those pages that have one."""
        return [page.cursor for page in self.pages if page.cursor is not None]


@dataclass
class Told:
    """What pages told: records, removals, and what did not say who it is, with what was asked and why.

    `removals` goes by the `_id` of the item's record, `complete` are the keys that were told whole.
    """

    records: list[Record] = field(default_factory=list)
    removals: dict[str, tuple[int, str]] = field(default_factory=dict)
    complete: set[str] = field(default_factory=set)
    refused: list[tuple[Any, Mapping[str, str], str]] = field(default_factory=list)


@dataclass(frozen=True)
class Asked:
    """What a task asks of a run, and who hears of it.

    All is read again from `since` on (None: as always). `resumed` says that an earlier run for the same task
    was stopped, `place` how far it came; `keep` keeps such a place.
    """

    since: datetime | None
    resumed: bool
    place: Mapping[str, Any]
    keep: Callable[[Mapping[str, Any]], Awaitable[None]]
    report: Report


@dataclass
class Run:
    """A run under way.

    `fresh`: there was none before. `first`: none succeeded yet. `unclean`: what an earlier one stored may
    not be derived. `pending` are the keys that are derived at the end, or wait for another collector.
    `awaited` are the marks of the collectors whose records waited for this run's when it began, by name.
    """

    collector: Collector[Any]
    scope: str
    watermark: Document
    id: str
    started_at: datetime
    lease: Lease
    tally: Tally
    counts: Outcome = field(default_factory=Outcome)
    asked: Asked | None = None
    fresh: bool = False
    first: bool = False
    unclean: bool = False
    pending: set[str] = field(default_factory=set)
    awaited: Mapping[str, Document] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether the whole scope is derived in the end, from which place on it was read or not.

        What was stored before a stop may not be derived, and is not read again: by a first run, which goes on
        behind it, and by one for a task, whatever ran since that.
        """
        return (self.first and self.unclean) or bool(self.asked and self.asked.resumed)

    @property
    def waits(self) -> bool:
        """Whether the records are derived only when another collector has brought the rest."""
        return bool(self.collector.completed_by) and not self.first

    @property
    def since(self) -> Since:
        """Where it begins: at its watermark, or at the day from which a task reads again."""
        at, cursor = self.watermark["started_at"], self.watermark["cursor"]
        if self.asked is None or self.asked.since is None or at is None:
            return Since(at, cursor, self.started_at)
        return Since(min(at, self.asked.since), {**cursor, **self.asked.place}, self.started_at, back=True)

    @property
    def gap(self) -> Gap | None:
        """The stretch before this run, from the last success on, if that was much longer than planned."""
        before, name = self.watermark["started_at"], self.collector.name
        if before is None or name not in WATCHED:
            return None
        if (self.started_at - before).total_seconds() <= patience_s(self.collector.interval_s):
            return None
        start, end = int(before.timestamp()), int(self.started_at.timestamp())
        instance = self.collector.instance
        return {
            "_id": f"{name}:{instance}:{self.scope}:{end}",
            "collector": name,
            "instance": instance,
            "scope": self.scope,
            "start": start,
            "end": end,
        }

    def told(self, batch: Batch) -> Told:
        """What the pages of a batch tell."""
        told = Told()
        for page in batch.pages:
            told.complete.update(page.complete)
            for data in page.records:
                try:
                    if not isinstance(data, dict):
                        raise TypeError("the record is not an object")
                    identity = self.collector.identify(data, page.about)
                except (KeyError, TypeError, ValueError, OverflowError) as error:
                    reason = f"not identified: {type(error).__name__}: {error}"
                    told.refused.append((data, page.about, reason))
                    continue
                scope = identity.scope or self.scope
                removal = identity.removal
                target = removal.target if removal else ""
                told.records.append(Record(scope, identity.id, identity.key, data, target, identity.asked))
                if removal and self.collector.removes:
                    name = f"{self.collector.instance}:{scope}:{identity.id}"
                    told.removals[name] = (removal.at, removal.why)
        return told
