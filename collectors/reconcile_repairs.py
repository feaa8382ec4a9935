"""Putting right what differs: what is missing is read, what is gone is looked up and marked as removed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from collectors import Collector, Identity, Removal
from collectors.deriving import Deriver
from collectors.tapd import named
from collectors.tapd_client import TapdClient, bodies, clock
from collectors.tapd_known import Kind
from metrics_api.core.days import naive_text
from metrics_api.core.errors import EngmetricsError, Fatal
from metrics_api.core.raw import RawStore, Record
from metrics_api.core.schema import VANISHED
from metrics_api.core.store import Store

# Ids in one question for rows.
AT_ONCE = 50
SHORT = "id,created,modified"


class Unclear(EngmetricsError):
    """What differs cannot be put right; the message says why."""


@dataclass(frozen=True)
class Readers:
    """The collectors of one kind of thing: of its rows, its change feed, and the list of removed ones."""

    kind: Kind
    items: Collector[TapdClient]
    changes: Collector[TapdClient] | None
    removed: Collector[TapdClient] | None


class Repairs:
    """Repairs in one workspace; every method raises UpstreamError."""

    def __init__(
        self,
        store: Store,
        raw: RawStore,
        deriver: Deriver,
        client: TapdClient,
        scope: str,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._raw = raw
        self._deriver = deriver
        self._client = client
        self._scope = scope
        self._now = now

    async def count(self, path: str, **asked: str) -> int:
        """How many rows of a list match."""
        address = f"{path}/count"
        told = (await self._client.mapping(address, {"workspace_id": self._scope, **asked})).get("count")
        if isinstance(told, bool) or not str(told).isdecimal():
            raise Fatal(f"{self._client.upstream.name} {address}: no count")
        return int(str(told))

    async def oldest(self, kind: Kind) -> str:
        """The day on which the oldest item was created, "" where there is none, or none that tells."""
        asked = {"workspace_id": self._scope, "order": "created asc", "limit": "1", "fields": SHORT}
        rows = bodies(await self._client.listed(kind.address, asked), kind.wrapper)
        return min((clock(row)[:10] for row in rows), default="")

    async def rows(self, path: str, wrapper: str, **asked: str) -> list[dict[str, Any]]:
        """The rows of a list that match, without those that do not say who they are."""
        found = []
        async for page in self._client.settled(path, {"workspace_id": self._scope, **asked}, wrapper):
            for row in bodies(page.rows, wrapper):
                with suppress(TypeError, ValueError):
                    named(row)
                    found.append(row)
        return found

    async def fetched(self, readers: Readers, names: Collection[str]) -> set[str]:
        """Read and store items with their changes, derive them; returns those that are stored now."""
        kind, wanted = readers.kind, sorted(names)
        changes = []
        rows = await self._by_id(readers, wanted)
        for ids in _parts([named(row) for row in rows], kind.at_once) if readers.changes else ():
            asked = {f"{kind.noun}_id": ",".join(ids)}
            changes += await self.rows(kind.changes_address, kind.change, **asked)
        await self._keep(readers.items, rows)
        if readers.changes:
            await self._keep(readers.changes, changes)
        await self._derive(readers.items, wanted)
        return await self._marked(readers.items, wanted, removed=False)

    async def there(self, readers: Readers, names: Collection[str]) -> set[str]:
        """Those of some stored items that are upstream when asked for by their ids; they are stored anew."""
        rows = await self._by_id(readers, sorted(names))
        changed = await self._keep(readers.items, rows)
        if changed:
            await self._derive(readers.items, sorted(changed))
        return {named(row) for row in rows}

    async def let_go(
        self, readers: Readers, names: Collection[str], created: str, since: datetime | None
    ) -> tuple[set[str], set[str]]:
        """Mark stored items as removed that are not upstream any more, and derive them.

        The list of removed ones, asked for those created in a range, tells when and why; where it does not,
        they vanished now. Returns those that are marked now, and those removed since the list was last
        read by its collector: they are its next run's. Raises Unclear where upstream shows nothing at
        all: that is rather a matter of what the account may see.
        """
        known: dict[str, tuple[dict[str, Any], Removal]] = {}
        removed = readers.removed
        if removed:
            for more in readers.kind.removed_asked:
                path, wrapper = readers.kind.removed_address, f"Removed{readers.kind.wrapper}"
                for row in await self.rows(path, wrapper, **{"created": created, **more}):
                    identity = _identity(removed, row)
                    if identity and identity.removal and identity.key in names:
                        known[identity.key] = (row, identity.removal)
        coming = {name for name, (_, one) in known.items() if since and one.at >= since.timestamp()}
        told = {name: one for name, one in known.items() if name not in coming}
        gone = sorted(set(names) - known.keys())
        if gone and not await self.count(readers.kind.address):
            raise Unclear(
                f"TAPD shows no {readers.kind.plural} at all in this workspace: "
                "is the account still allowed to read them?"
            )
        if removed and told:
            await self._keep(removed, [row for row, _ in told.values()])
        marks = {name: (removal.at, removal.why) for name, (_, removal) in told.items()}
        await self._mark(readers.items, marks)
        # One that was modified after it was listed had been restored, and went again.
        listed = await self._marked(readers.items, sorted(marks), removed=True)
        at = int(self._now().timestamp())
        await self._mark(readers.items, dict.fromkeys((marks.keys() - listed) | set(gone), (at, VANISHED)))
        names = [*sorted(marks), *gone]
        await self._derive(readers.items, names)
        return await self._marked(readers.items, names, removed=True), coming

    async def changes_fetched(self, readers: Readers, rows: Sequence[dict[str, Any]]) -> int:
        """Store change rows and derive their items; returns how many of them are stored now."""
        if not readers.changes or not rows:
            return 0
        await self._derive(readers.changes, sorted(await self._keep(readers.changes, rows)))
        return len(await self._marked(readers.changes, [named(row) for row in rows], removed=False))

    async def changes_gone(self, readers: Readers, names: Collection[str]) -> int:
        """Mark change rows that the feed does not tell any more; returns how many.

        They stay what they were to the derivation: what the feed once told has happened.
        """
        if not readers.changes or not names:
            return 0
        at = int(self._now().timestamp())
        await self._mark(readers.changes, dict.fromkeys(names, (at, VANISHED)))
        return len(names)

    def day(self, at: datetime) -> str:
        """The calendar day of an instant on TAPD's clocks."""
        return self._client.day(at)

    def text(self, at: datetime) -> str:
        """An instant as TAPD writes it."""
        return naive_text(int(at.timestamp()), self._client.config.timezone)

    async def _by_id(self, readers: Readers, names: Sequence[str]) -> list[dict[str, Any]]:
        kind, rows = readers.kind, []
        for ids in _parts(names, AT_ONCE):
            rows += await self.rows(kind.address, kind.wrapper, id=",".join(ids))
        return [row for row in rows if named(row) in names]

    async def _keep(self, collector: Collector[TapdClient], rows: Sequence[Any]) -> set[str]:
        """Store rows as a run of the collector would; returns the keys of those that are new or changed."""
        records = []
        for row in rows:
            identity = _identity(collector, row)
            if identity is None:
                continue
            target = identity.removal.target if identity.removal else ""
            records.append(Record(self._scope, identity.id, identity.key, row, target))
        place = (collector.collection, collector.instance)
        return (await self._raw.upsert(*place, records, self._now(), collector.dating())).touched

    async def _mark(self, collector: Collector[TapdClient], marks: dict[str, tuple[int, str]]) -> None:
        names = {f"{collector.instance}:{self._scope}:{name}": mark for name, mark in marks.items()}
        await self._raw.stamp_removed(collector.collection, names, collector.dating())

    async def _derive(self, collector: Collector[TapdClient], keys: Sequence[str]) -> None:
        await self._deriver.derive(collector.collection, collector.instance, keys)

    async def _marked(
        self, collector: Collector[TapdClient], names: Sequence[str], *, removed: bool
    ) -> set[str]:
        """Those that are stored and marked as removed, or stored and not."""
        prefix = f"{collector.instance}:{self._scope}:"
        ids = [f"{prefix}{name}" for name in names]
        found = await self._store.matching(collector.collection, "_id", ids, {"removed_at": 1})
        return {one["_id"].removeprefix(prefix) for one in found if ("removed_at" in one) == removed}


def _identity(collector: Collector[TapdClient], row: Any) -> Identity | None:
    """Which record a row is; None where it does not say, which the collector's own run quarantines."""
    try:
        return collector.identify(row, {})
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _parts(names: Sequence[str], size: int) -> list[Sequence[str]]:
    return [names[at : at + size] for at in range(0, len(names), size)]
