"""Deriving facts from raw records: what loads, calls the pure derivations, and writes."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from collectors import WHOLE
from collectors.derivation import Derivation, Mention, Rejected, Wanted
from collectors.derive import DERIVATIONS
from metrics_api.core.concurrency import together
from metrics_api.core.days import BEIJING, utc_now
from metrics_api.core.errors import UnknownName
from metrics_api.core.facts import Batch, Facts, Produce, Written
from metrics_api.core.leases import Leases
from metrics_api.core.raw import RawStore, encoded
from metrics_api.core.store import WINDOW, Document, Store

log = logging.getLogger(__name__)

# Items derived at once: some ten milliseconds of computing.
CHUNK = 50
# So many of these are written at once: well below what is written in a turn, for which others wait.
AT_ONCE = 2
# What of a record's envelope is loaded where a derivation names the fields it needs.
ENVELOPE = ("instance", "scope", "key", "n")
# What the `_id` of an item's fact is made of.
NAMED = ENVELOPE[:3]

RebuildReport = Callable[[str, int, int], None]


class Scopes:
    """The records of whole scopes, which many items want: looked up once for all of them."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], list[Document]] = {}

    async def records(
        self, store: Store, collection: str, scopes: Sequence[str], only: Document | None
    ) -> list[Document]:
        """Those of a collection, of some scopes of any instance."""
        new = [scope for scope in scopes if (collection, scope) not in self._found]
        if new:
            found: dict[str, list[Document]] = {scope: [] for scope in new}
            for record in await store.matching(collection, "scope", new, only):
                found[record["scope"]].append(record)
            self._found |= {(collection, scope): records for scope, records in found.items()}
        return [record for scope in scopes for record in self._found[collection, scope]]


class Deriver:
    """Keeps the facts of all topics up to date. `zones` are the upstreams' zones by instance."""

    def __init__(self, store: Store, facts: Facts, raw: RawStore, zones: Mapping[str, str]) -> None:
        self._store = store
        self._facts = facts
        self._raw = raw
        self._zones = zones

    async def derive(
        self,
        collection: str,
        instance: str,
        keys: Collection[str],
        fresh: bool = False,
        urgent: bool = False,
    ) -> None:
        """Derive anew what depends on records of a collection with these keys.

        `fresh` says that hardly any of it was ever derived, `urgent` that somebody waits for it.
        """
        for derivation in DERIVATIONS.values():
            if collection not in derivation.inputs:
                continue
            mention, field = derivation.mentions.get(collection), derivation.named.get(collection)
            items = keys
            if mention:
                items = await self._mentioned(mention, collection, instance, keys)
            elif field:
                items = await self._named(field, collection, instance, keys)
            await self._topic(derivation, instance, items, fresh, urgent)

    async def derive_scope(self, collection: str, instance: str, scope: str, fresh: bool = False) -> set[str]:
        """Derive anew what depends on any record of a scope, or of all; walks the whole collection.

        Returns the keys of the records. `fresh` says that hardly any of it was ever derived.
        """
        held = self._raw.held.keys((collection, instance, scope), await self._last(collection))
        if held is not None:
            await self.derive(collection, instance, held, fresh)
            return set(held)
        query = {"instance": instance} if scope == WHOLE else {"instance": instance, "scope": scope}
        # An item has records in many windows, and is derived once.
        found: dict[str, None] = {}
        async for keys in self._keys(collection, query):
            found |= dict.fromkeys(keys[instance])
        await self.derive(collection, instance, found, fresh)
        return set(found)

    async def rebuild(self, topic: str, report: RebuildReport | None = None) -> int:
        """Derive a topic's facts from the beginning into a new collection; returns how many there are."""
        derivation = DERIVATIONS[topic]

        async def batches(written: Written) -> AsyncIterator[Batch]:
            for place, collection in enumerate(derivation.roots):
                total, done = await self._last(collection), 0
                async for records in self._windows(collection, {}, list(ENVELOPE)):
                    ids = {":".join(one[name] for name in NAMED): one for one in records}
                    # What has come to the roots before is derived, unless it came after they were walked.
                    there = await written(ids) if place else set()
                    keys: defaultdict[str, list[str]] = defaultdict(list)
                    for name, record in ids.items():
                        if name not in there:
                            keys[record["instance"]].append(record["key"])
                    for instance, mine in keys.items():
                        for chunk in _chunks(mine):
                            yield await self._produced(derivation, instance, chunk, Scopes())
                    done = min(done + WINDOW, total)
                    if report:
                        report(topic, done, total)

        return await self._facts.rebuild(topic, batches)

    async def _topic(
        self, derivation: Derivation, instance: str, keys: Iterable[str], fresh: bool, urgent: bool
    ) -> None:
        chunks = _chunks(keys)
        groups = [chunks[at : at + AT_ONCE] for at in range(0, len(chunks), AT_ONCE)]

        def batches(done: int) -> Sequence[Produce]:
            # Of one lease: what others store meanwhile is derived under a later one.
            scopes = Scopes()
            return [partial(self._together, derivation, instance, one, scopes) for one in groups[done:]]

        await self._facts.update(derivation.topic, batches, fresh=fresh, urgent=urgent)

    async def _together(
        self, derivation: Derivation, instance: str, group: list[list[str]], scopes: Scopes
    ) -> Batch:
        # While one is computed the store looks up the others.
        parts = await together(*(self._produced(derivation, instance, chunk, scopes) for chunk in group))
        facts = [fact for part in parts for fact in part.facts]
        return Batch(facts, {key for part in parts for key in part.gone})

    async def _mentioned(
        self, mention: Mention, collection: str, instance: str, keys: Collection[str]
    ) -> list[str]:
        """The keys of the items that name one of these records by a word it has since its last version."""
        told: defaultdict[str, list[Document]] = defaultdict(list)
        for record in await self._store.matching(collection, "key", list(keys)):
            if record["instance"] == instance:
                told[record["scope"]].append(record)
        found: dict[str, None] = {}
        fields = [f"data.{field}" for field in mention.fields]
        for scope, named in told.items():
            words = mention.words(named)
            if not words:
                continue
            query = {"instance": instance, "scope": scope} | dict(mention.query)
            async for records in self._windows(mention.collection, query, ["key", *fields]):
                for record in records:
                    if not words.isdisjoint(mention.said(record["data"])):
                        found[record["key"]] = None
        return list(found)

    async def _named(self, field: str, collection: str, instance: str, keys: Collection[str]) -> list[str]:
        """The keys of the items that these records, also those that are gone, name in a field."""
        asked = {"instance": 1, f"data.{field}": 1}
        found = await self._store.matching(collection, "key", list(keys), asked)
        return sorted({str(record["data"][field]) for record in found if record["instance"] == instance})

    async def _produced(
        self, derivation: Derivation, instance: str, keys: Iterable[str], scopes: Scopes
    ) -> Batch:
        raw = await self._loaded(derivation, instance, set(keys), scopes)
        derived = derivation.derive(raw, self._zones.get(instance, BEIJING))
        for rejected in derived.rejected:
            await self._reject(derivation.topic, rejected)
        return Batch(derived.facts, derived.gone)

    async def _loaded(
        self, derivation: Derivation, instance: str, keys: set[str], scopes: Scopes
    ) -> dict[str, list[Document]]:
        """All the records that the derivation wants for these keys."""
        found: dict[str, dict[str, Document]] = defaultdict(dict)
        asked: Wanted = defaultdict(set)
        numbers = await self._numbers(derivation.inputs)
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
                last = numbers.get(collection, 0)
                if not last:
                    # Nothing was ever stored there.
                    continue
                held = self._raw.held.found(collection, instance, values, last) if field == "key" else {}
                for mine in held.values():
                    found[collection] |= {record["_id"]: record for record in mine}
                only, asking = derivation.projection(collection, ENVELOPE), sorted(values - held.keys())
                if field == "scope":
                    records = await scopes.records(self._store, collection, asking, only)
                else:
                    records = await self._store.matching(collection, field, asking, only)
                for record in records:
                    if record["instance"] == instance:
                        found[collection][record["_id"]] = record

    async def _reject(self, topic: str, rejected: Rejected) -> None:
        record: Mapping[str, Any] = rejected.record
        log.warning("not derived topic=%s collection=%s", topic, rejected.collection)
        if DERIVATIONS[topic].projection(rejected.collection, ENVELOPE):
            # Only a part of it was loaded.
            record = await self._store.one(rejected.collection, record["_id"]) or record
        await self._raw.quarantine(
            rejected.collection,
            record["instance"],
            record["scope"],
            f"not derived for {topic}: {rejected.reason}",
            encoded(record["data"]),
            utc_now(),
            record["key"],
        )

    async def _last(self, collection: str) -> int:
        return (await self._numbers([collection])).get(collection, 0)

    async def _numbers(self, collections: Iterable[str]) -> dict[str, int]:
        """The last number of each of these collections that ever had a record."""
        found = await self._store.matching("counters", "_id", [f"n:{one}" for one in collections])
        return {one["_id"].removeprefix("n:"): int(one["n"]) for one in found}

    async def _keys(
        self, collection: str, query: Document | None = None
    ) -> AsyncIterator[defaultdict[str, list[str]]]:
        """The keys of a collection's records by instance, a window of numbers at a time."""
        async for records in self._windows(collection, query or {}, ["key", "instance"]):
            keys: defaultdict[str, list[str]] = defaultdict(list)
            for record in records:
                keys[record["instance"]].append(record["key"])
            yield keys

    async def _windows(
        self, collection: str, query: Document, fields: list[str]
    ) -> AsyncIterator[list[Document]]:
        """These fields of a collection's matching records, a window of numbers at a time."""
        last = await self._last(collection)
        for after in range(0, last, WINDOW):
            asked = dict.fromkeys(["n", *fields], 1)
            yield await self._store.window(collection, "n", after, min(after + WINDOW, last), query, asked)


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
