"""Deriving facts from raw records: what loads, calls the pure derivations, and writes."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from typing import Any

from collectors import WHOLE
from collectors.derivation import Derivation, Rejected, Wanted
from collectors.derive import DERIVATIONS
from metrics_api.core.days import BEIJING, utc_now
from metrics_api.core.errors import UnknownName
from metrics_api.core.facts import Batch, Change, Facts
from metrics_api.core.leases import Leases
from metrics_api.core.raw import RawStore, encoded
from metrics_api.core.store import WINDOW, Document, Store

log = logging.getLogger(__name__)

# Items derived at once: one query of the embedded store, and some milliseconds of computing.
CHUNK = 100

RebuildReport = Callable[[str, int, int], None]


class Deriver:
    """Keeps the facts of all topics up to date. `zones` are the upstreams' zones by instance."""

    def __init__(self, store: Store, facts: Facts, raw: RawStore, zones: Mapping[str, str]) -> None:
        self._store = store
        self._facts = facts
        self._raw = raw
        self._zones = zones

    async def derive(self, collection: str, instance: str, keys: Collection[str]) -> None:
        """Derive anew what depends on records of a collection with these keys."""
        for derivation in DERIVATIONS.values():
            if collection in derivation.inputs:
                await self._topic(derivation, instance, keys)

    async def derive_scope(self, collection: str, instance: str, scope: str) -> None:
        """Derive anew what depends on any record of a scope, or of all; walks the whole collection."""
        query = {"instance": instance} if scope == WHOLE else {"instance": instance, "scope": scope}
        async for keys in self._keys(collection, query):
            await self.derive(collection, instance, keys[instance])

    async def rebuild(self, topic: str, report: RebuildReport | None = None) -> int:
        """Derive a topic's facts from the beginning into a new collection; returns how many there are."""
        derivation = DERIVATIONS[topic]

        async def batches() -> AsyncIterator[Batch]:
            for collection in derivation.roots:
                total = await self._last(collection)
                done = 0
                async for groups in self._keys(collection):
                    for instance, keys in groups.items():
                        for chunk in _chunks(keys):
                            yield await self._produced(derivation, instance, chunk)
                    done = min(done + WINDOW, total)
                    if report:
                        report(topic, done, total)

        return await self._facts.rebuild(topic, batches)

    async def _topic(self, derivation: Derivation, instance: str, keys: Iterable[str]) -> None:
        changes: list[Change] = []
        for chunk in _chunks(keys):

            async def produce(chunk: list[str] = chunk) -> Batch:
                return await self._produced(derivation, instance, chunk)

            changes += await self._facts.update(derivation.topic, produce)
        for follower in DERIVATIONS.values():
            copied = follower.follows.get(derivation.topic, ())
            for change in changes if copied else ():
                await self._follow(follower, instance, change, copied)

    async def _follow(
        self, follower: Derivation, instance: str, change: Change, copied: tuple[str, ...]
    ) -> None:
        """Derive a scope's facts anew when what they copy from the changed fact is different now."""
        if not change.before or not change.after:
            return
        if all(change.before[name] == change.after[name] for name in copied):
            return
        scope = change.after["id"]
        for collection in follower.roots:
            async for keys in self._keys(collection, {"instance": instance, "scope": scope}):
                await self._topic(follower, instance, keys[instance])

    async def _produced(self, derivation: Derivation, instance: str, keys: Iterable[str]) -> Batch:
        raw = await self._loaded(derivation, instance, set(keys))
        derived = derivation.derive(raw, self._zones.get(instance, BEIJING))
        for rejected in derived.rejected:
            await self._reject(derivation.topic, rejected)
        return Batch(derived.facts, derived.gone)

    async def _loaded(
        self, derivation: Derivation, instance: str, keys: set[str]
    ) -> dict[str, list[Document]]:
        """All the records that the derivation wants for these keys."""
        found: dict[str, dict[str, Document]] = defaultdict(dict)
        asked: Wanted = defaultdict(set)
        while True:
            raw = {collection: list(records.values()) for collection, records in found.items()}
            new = {
                place: values - asked[place]
                for place, values in derivation.wanted(keys, raw).items()
                if values - asked[place]
            }
            if not new:
                return raw
            for (collection, field), values in new.items():
                asked[collection, field] |= values
                for record in await self._store.matching(collection, field, sorted(values)):
                    if record["instance"] == instance:
                        found[collection][record["_id"]] = record

    async def _reject(self, topic: str, rejected: Rejected) -> None:
        record: Mapping[str, Any] = rejected.record
        log.warning("not derived topic=%s collection=%s", topic, rejected.collection)
        await self._raw.quarantine(
            rejected.collection,
            record["scope"],
            f"not derived for {topic}: {rejected.reason}",
            encoded(record["data"]),
            utc_now(),
        )

    async def _last(self, collection: str) -> int:
        counter = await self._store.one("counters", f"n:{collection}")
        return int(counter["n"]) if counter else 0

    async def _keys(
        self, collection: str, query: Document | None = None
    ) -> AsyncIterator[defaultdict[str, list[str]]]:
        """The keys of a collection's records by instance, a window of numbers at a time."""
        last = await self._last(collection)
        for after in range(0, last, WINDOW):
            keys: defaultdict[str, list[str]] = defaultdict(list)
            asked = {"n": 1, "key": 1, "instance": 1}
            upto = min(after + WINDOW, last)
            for record in await self._store.window(collection, "n", after, upto, query, asked):
                keys[record["instance"]].append(record["key"])
            yield keys


def _chunks(keys: Iterable[str]) -> list[list[str]]:
    distinct = list(dict.fromkeys(keys))
    return [distinct[at : at + CHUNK] for at in range(0, len(distinct), CHUNK)]


async def rebuild(
    store: Store,
    topic: str | None = None,
    progress: RebuildReport | None = None,
    zones: Mapping[str, str] | None = None,
) -> dict[str, int]:
    """Rebuild the facts of a topic, or of all, from the raw records; returns how many there are by topic.

    The old facts answer until the switch. `progress(topic, done, total)` counts raw records; `zones` gives
    the zone of each TAPD instance where it is not Beijing's. Raises UnknownName.
    """
    if topic is not None and topic not in DERIVATIONS:
        raise UnknownName(f"unknown topic {topic!r}: use one of {', '.join(DERIVATIONS)}")
    deriver = Deriver(store, Facts(store, Leases(store)), RawStore(store), zones or {})
    return {name: await deriver.rebuild(name, progress) for name in ([topic] if topic else DERIVATIONS)}
