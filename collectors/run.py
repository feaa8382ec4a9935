"""What a run under way knows: its watermark, its counts, and the pages that wait to be stored."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from collectors import Collector, Page
from collectors.upstream import Tally
from metrics_api.core.leases import Lease
from metrics_api.core.raw import Outcome
from metrics_api.core.store import Document

# Records are stored when so many have come together, or so much time has passed.
FLUSH_RECORDS = 500
FLUSH_S = 5.0


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
class Run:
    """A run under way.

    `fresh`: there was none before. `first`: none succeeded yet. `unclean`: what an earlier one stored may
    not be derived. `pending` are the keys that are derived at the end, or wait for another collector.
    """

    collector: Collector[Any]
    scope: str
    watermark: Document
    id: str
    started_at: datetime
    lease: Lease
    tally: Tally
    counts: Outcome = field(default_factory=Outcome)
    fresh: bool = False
    first: bool = False
    unclean: bool = False
    pending: set[str] = field(default_factory=set)

    @property
    def waits(self) -> bool:
        """Whether the records are derived only when another collector has brought the rest."""
        return bool(self.collector.completed_by) and not self.first
