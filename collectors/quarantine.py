"""Quarantine: what could not be understood or stored, to be looked at and to be read again.

Reading again goes the way of the first time, so that what a newer version understands needs no new request:
records through their collector, deliveries of webhooks through their inbox.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import ujson

from collectors import Collector, webhooks
from collectors.deriving import Deriver
from collectors.sources import Source, sources, zones
from metrics_api.core.errors import EngmetricsError, UnknownName
from metrics_api.core.facts import Facts
from metrics_api.core.leases import Leases
from metrics_api.core.raw import QUARANTINED_BYTES, RawStore, Record
from metrics_api.core.settings import Settings
from metrics_api.core.store import Document, Store, translated

SHOWN_BYTES = 120
UNKNOWN = "nothing in quarantine is called {!r}: `engmetrics quarantine list` shows all"
# How often and how long we look whether another process took a delivery.
LOOKS = 30
LOOK_S = 0.1


@dataclass(frozen=True)
class Kept:
    """What lies in quarantine: where it came from, since when, why, and how it begins."""

    id: str
    collection: str
    instance: str
    scope: str
    at: datetime
    reason: str
    beginning: bytes


async def listed(store: Store, collection: str | None = None, limit: int = 50) -> tuple[list[Kept], int]:
    """The latest of what is there, and how much there is in all."""
    query = {"collection": collection} if collection else {}
    there = await store.all("quarantine", query, {"body": 0})
    there.sort(key=lambda one: (one["at"], one["_id"]), reverse=True)
    found = []
    # One by one: bodies may be large.
    for one in there[: max(limit, 0)]:
        whole = await store.one("quarantine", one["_id"])
        if whole is not None:
            found.append(_kept(whole))
    return found, len(there)


async def purged(
    store: Store, only: str | None = None, before: datetime | None = None, collection: str | None = None
) -> int:
    """Delete one, or all from before an instant, perhaps of one collection, with their files.

    Returns how many; raises UnknownName for an id that is not there.
    """
    query: Document = {"_id": only} if only is not None else {}
    if collection:
        query["collection"] = collection
    found = await store.all("quarantine", query, {"at": 1, "delivery.file": 1})
    if only is not None and not found:
        raise UnknownName(UNKNOWN.format(only))
    old = [one for one in found if before is None or one["at"] < before]
    await store.remove("quarantine", [one["_id"] for one in old])
    for one in old:
        if file := one.get("delivery", {}).get("file"):
            await store.drop_file(file)
    return len(old)


def _kept(document: Document) -> Kept:
    return Kept(
        document["_id"],
        document["collection"],
        _instance(document),
        document["scope"],
        document["at"],
        document["reason"],
        bytes(document["body"][:SHOWN_BYTES]),
    )


def _instance(document: Document) -> str:
    """The instance it came from, "" where that was not noted."""
    return str(document.get("instance") or document.get("delivery", {}).get("instance", ""))


async def retried(
    settings: Settings, store: Store, only: str | None = None
) -> AsyncIterator[tuple[str, str]]:
    """Read one again, or all; gives the id of each with why it stays, "" where it is gone.

    Raises UnknownName for an id that is not there.
    """
    query = {} if only is None else {"_id": only}
    ids = [one["_id"] for one in await store.all("quarantine", query, {"_id": 1})]
    if only is not None and not ids:
        raise UnknownName(UNKNOWN.format(only))
    async with AsyncExitStack() as stack:
        found = sources(settings, store)
        for source in found:
            stack.push_async_callback(source.connection.aclose)
        retrial = Retrial(settings, store, found)
        for identity in ids:
            document = await store.one("quarantine", identity)
            if document is not None:
                yield identity, await retrial.result(document)


class Retrial:
    """Reads again what lies in quarantine."""

    def __init__(self, settings: Settings, store: Store, found: list[Source]) -> None:
        leases = Leases(store, float(settings.config.collect.lease_seconds))
        self._store = store
        self._raw = RawStore(store)
        self._deriver = Deriver(store, Facts(store, leases), self._raw, zones(settings))
        self._webhooks = {
            one.upstream: one for one in webhooks.all_webhooks(store, leases, self._raw, self._deriver)
        }
        self._sources = found

    async def result(self, document: Document) -> str:
        """Why it stays, "" when it is gone."""
        try:
            if "delivery" in document:
                return await self._delivered(document)
            if document.get("key"):
                await self._deriver.derive(document["collection"], document["instance"], [document["key"]])
                return await self._judged(document)
            return await self._stored(document)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            return f"{type(error).__name__}: {error}"
        except EngmetricsError as error:
            return str(error)

    async def _judged(self, document: Document) -> str:
        """Let it go, unless reading it again has put it there again."""
        with translated():
            same = {"_id": document["_id"], "at": document["at"]}
            await self._store.durable("quarantine").delete_one(same)
        return await self._reason(document)

    async def _reason(self, document: Document) -> str:
        """Why it is in quarantine, "" when it is not."""
        there = await self._store.matching("quarantine", "_id", [document["_id"]], {"reason": 1})
        return str(there[0]["reason"]) if there else ""

    async def _delivered(self, document: Document) -> str:
        upstream, name = document["upstream"], document["delivery"]["_id"]
        await webhooks.retry(self._store, document)
        await self._webhooks[upstream].drain()
        for _ in range(LOOKS):
            if not await self._store.matching(f"inbox_{upstream}", "_id", [name], {"_id": 1}):
                return await self._reason(document)
            # Another process is taking what comes.
            await asyncio.sleep(LOOK_S)
        return "it waits in its inbox for `engmetrics collect`"

    async def _stored(self, document: Document) -> str:
        """Store and derive a record; raises what `identify` does, and EngmetricsError."""
        collector = self._collector(document)
        if len(document["body"]) >= QUARANTINED_BYTES:
            raise EngmetricsError("only its beginning is kept: it is too large")
        data = ujson.loads(document["body"])
        if not isinstance(data, dict):
            raise TypeError("the record is not an object")
        identity = collector.identify(data, document.get("about", {}))
        scope, removal = identity.scope or document["scope"], identity.removal
        target = removal.target if removal else ""
        record = Record(scope, identity.id, identity.key, data, target, identity.asked)
        instance, dating = collector.instance, collector.dating()
        # As of when it was read: a later version that is stored stays.
        outcome = await self._raw.upsert(collector.collection, instance, [record], document["at"], dating)
        if outcome.quarantined:
            return await self._reason(document)
        if removal and collector.removes:
            named = f"{instance}:{scope}:{identity.id}"
            await self._raw.stamp_removed(collector.removes, {named: (removal.at, removal.why)}, dating)
        await self._deriver.derive(collector.collection, instance, [identity.key])
        return await self._judged(document)

    def _collector(self, document: Document) -> Collector[Any]:
        """Who reads such records of that instance; raises EngmetricsError."""
        instance = _instance(document)
        found = [
            one
            for source in self._sources
            if source.upstream == document["upstream"] and instance in ("", source.name)
            for one in source.collectors
            if one.collection == document["collection"]
        ]
        if len(found) == 1:
            return found[0]
        if not found:
            named = f"no {document['upstream']} {instance}".strip()
            raise EngmetricsError(f"{named} that collects {document['collection']} is configured and on")
        raise EngmetricsError("which instance it came from is not known, and several are configured")
