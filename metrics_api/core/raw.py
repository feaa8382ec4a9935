"""Raw records: what an upstream said, verbatim, in an envelope; written idempotently, never edited otherwise.

An unchanged record (content hash) writes nothing, an older version never replaces a newer one, and what BSON
cannot hold goes to `quarantine` as bytes with its reason. `n`, the immutable insertion number, comes from a
counter document per collection, so that long reads can walk windows of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import ujson

from metrics_api.core.errors import StoreUnavailable
from metrics_api.core.store import (
    CLASH,
    BulkWriteError,
    Document,
    ReplaceOne,
    Store,
    UpdateOne,
    refusals,
    translated,
    unstorable,
)

# Attempts to write a batch that other writers keep changing.
ROUNDS = 5
# What a new version of a record needs to know of the stored one.
KEPT = ("hash", "n", "collected_at", "updated_at", "removed_at", "removed_why", "asked", "names")


@dataclass(frozen=True)
class Dating:
    """How a record tells which version it is: the field of `data`, and how it becomes epoch seconds.

    `remember` is a field of which the envelope keeps all values so far, under `names`.
    """

    field: str
    read: Callable[[Any], float | None]
    remember: str = ""

    def of(self, data: Mapping[str, Any]) -> float | None:
        """Epoch seconds of the version, or None where the record does not say."""
        try:
            return self.read(data.get(self.field))
        except (TypeError, ValueError):
            return None


@dataclass(frozen=True)
class Record:
    """One upstream record on its way into the store; `key` is the item it belongs to.

    `asked` is the name in the configuration that led to it, if one did.
    """

    scope: str
    id: str
    key: str
    data: dict[str, Any]
    target: str = ""
    asked: str = ""


@dataclass
class Outcome:
    """What a batch did; `touched` are the keys of new and changed records, `keys` those of all."""

    seen: int = 0
    new: int = 0
    changed: int = 0
    quarantined: int = 0
    touched: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)


def encoded(record: Any) -> bytes:
    """A record as JSON bytes in ASCII, which holds what BSON and UTF-8 cannot (lone surrogates)."""
    return ujson.dumps(record, ensure_ascii=True, escape_forward_slashes=False).encode("ascii")


class RawStore:
    """Writes raw records of any collection."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._fields: dict[str, set[str]] = {}

    async def upsert(
        self,
        collection: str,
        instance: str,
        records: Sequence[Record],
        at: datetime,
        dating: Dating | None = None,
        fresh: bool = False,
    ) -> Outcome:
        """Store a batch read from the upstream at `at`; durable when it returns.

        `fresh` says that hardly any of them is stored yet: insertion is tried first.
        """
        outcome = Outcome(seen=len(records))
        waiting: dict[str, Document] = {}
        for record in records:
            envelope = _envelope(instance, record, at, dating)
            reason = unstorable(envelope)
            if reason:
                await self.quarantine(collection, record.scope, reason, encoded(record.data), at)
                outcome.quarantined += 1
                continue
            twin = waiting.get(envelope["_id"])
            if twin is None or not _older(envelope, twin, dating):
                waiting[envelope["_id"]] = envelope
            outcome.keys.add(record.key)
        await self._note_fields(collection, waiting.values())
        if fresh:
            waiting = await self._insert(collection, waiting, outcome)
        for _ in range(ROUNDS):
            if not waiting:
                return outcome
            waiting = await self._round(collection, waiting, dating, outcome)
        raise StoreUnavailable(f"{collection}: other writers keep changing the same records")

    async def _round(
        self, collection: str, waiting: dict[str, Document], dating: Dating | None, outcome: Outcome
    ) -> dict[str, Document]:
        """Write what is new or changed; returns what another writer got to first, to be looked at again."""
        fields = filter(None, (dating.field, dating.remember) if dating else ())
        asked = dict.fromkeys([*KEPT, *(f"data.{name}" for name in fields)], 1)
        known = {
            stored["_id"]: stored
            for stored in await self._store.matching(collection, "_id", list(waiting), asked)
        }
        left = await self._insert(
            collection, {key: one for key, one in waiting.items() if key not in known}, outcome
        )
        replacing = {}
        for key, stored in known.items():
            envelope = waiting[key]
            same = stored["hash"] == envelope["hash"] and stored.get("asked") == envelope.get("asked")
            if same or _older(envelope, stored, dating):
                continue
            envelope["n"] = stored["n"]
            if dating and dating.remember:
                envelope["names"] = _names(stored, envelope, dating.remember)
            envelope["collected_at"] = stored["collected_at"]
            if "removed_at" in stored and not _restored(envelope, stored["removed_at"], dating):
                envelope |= {"removed_at": stored["removed_at"], "removed_why": stored["removed_why"]}
            replacing[key] = ReplaceOne({"_id": key, "hash": stored["hash"]}, envelope)
        if replacing:
            matched, failed = len(replacing), dict[str, str]()
            try:
                with translated():
                    done = await self._store.durable(collection).bulk_write(
                        list(replacing.values()), ordered=False
                    )
                matched = done.matched_count
            except BulkWriteError as error:
                failed = refusals(error, list(replacing))
                matched = int((error.details or {}).get("nMatched", 0))
            outcome.quarantined += len(failed)
            for key, reason in failed.items():
                await self._refuse(collection, waiting[key], reason)
                del replacing[key]
            outcome.changed += matched
            outcome.touched |= {waiting[key]["key"] for key in replacing}
            if matched < len(replacing):
                left |= {key: waiting[key] for key in replacing}
        return left

    async def _insert(
        self, collection: str, envelopes: dict[str, Document], outcome: Outcome
    ) -> dict[str, Document]:
        """Insert records that are thought to be new; returns those that were there already."""
        if not envelopes:
            return {}
        last = await self._store.advance("counters", f"n:{collection}", "n", len(envelopes))
        for n, envelope in enumerate(envelopes.values(), start=last - len(envelopes) + 1):
            envelope["n"] = n
        failed: dict[str, str] = {}
        clashed: set[str] = set()
        try:
            with translated():
                await self._store.durable(collection).insert_many(list(envelopes.values()), ordered=False)
        except BulkWriteError as error:
            failed = refusals(error, list(envelopes))
            clashed = {key for key, reason in failed.items() if reason == CLASH}
        for key in failed.keys() - clashed:
            await self._refuse(collection, envelopes[key], failed[key])
        stored = [one for key, one in envelopes.items() if key not in failed]
        outcome.quarantined += len(failed) - len(clashed)
        outcome.new += len(stored)
        outcome.touched |= {one["key"] for one in stored}
        return {key: envelopes[key] for key in clashed}

    async def _refuse(self, collection: str, envelope: Document, reason: str) -> None:
        body = encoded(envelope["data"])
        await self.quarantine(collection, envelope["scope"], reason, body, envelope["updated_at"])

    async def quarantine(self, collection: str, scope: str, reason: str, body: bytes, at: datetime) -> None:
        """Keep a record that cannot be understood or stored, as bytes; the same one is kept once."""
        identity = hashlib.blake2b(f"{collection}\0{scope}\0".encode() + body, digest_size=16).hexdigest()
        # A record that fills a document by itself is kept by its beginning.
        kept = {"body": body[: 8 * 2**20], "reason": reason, "at": at}
        names = {"upstream": collection.split("_")[1], "collection": collection, "scope": scope}
        with translated():
            await self._store.durable("quarantine").update_one(
                {"_id": identity}, {"$set": kept | names}, upsert=True
            )

    async def stamp_removed(
        self, collection: str, removals: Mapping[str, tuple[int, str]], dating: Dating | None
    ) -> None:
        """Mark stored records as removed upstream: `_id` -> (epoch seconds, why); restored ones are not."""
        asked = {"removed_at": 1, "removed_why": 1}
        if dating:
            asked[f"data.{dating.field}"] = 1
        changes = []
        for stored in await self._store.matching(collection, "_id", list(removals), asked):
            epoch, why = removals[stored["_id"]]
            at = datetime.fromtimestamp(epoch, UTC)
            if stored.get("removed_at") == at or _restored(stored, at, dating):
                continue
            changes.append(
                UpdateOne({"_id": stored["_id"]}, {"$set": {"removed_at": at, "removed_why": why}})
            )
        if changes:
            with translated():
                await self._store.durable(collection).bulk_write(changes, ordered=False)

    async def _note_fields(self, collection: str, envelopes: Iterable[Document]) -> None:
        """Add unseen names of data fields to the collection's list, by which exports check what is asked."""
        known = self._fields.setdefault(collection, set())
        fields: set[str] = set()
        for envelope in envelopes:
            fields.update(envelope["data"])
        unseen = fields - known
        if not unseen:
            return
        with translated():
            await self._store.durable("state_fields").update_one(
                {"_id": collection}, {"$addToSet": {"fields": {"$each": sorted(unseen)}}}, upsert=True
            )
        known |= unseen


def _envelope(instance: str, record: Record, at: datetime, dating: Dating | None) -> Document:
    envelope: Document = {
        "_id": f"{instance}:{record.scope}:{record.id}",
        "n": 0,
        "instance": instance,
        "scope": record.scope,
        "key": record.key,
        "hash": hashlib.blake2b(encoded(record.data), digest_size=16).hexdigest(),
        "collected_at": at,
        "updated_at": at,
        "data": record.data,
    }
    if record.target:
        envelope["target"] = record.target
    if record.asked:
        envelope["asked"] = record.asked
    if dating and dating.remember:
        envelope["names"] = _names({}, envelope, dating.remember)
    return envelope


def _names(stored: Document, envelope: Document, field: str) -> list[Document]:
    """All values of a field that a record had, with when each was first seen, the present one last."""
    present = envelope["data"].get(field)
    before = {"name": stored.get("data", {}).get(field), "at": stored.get("collected_at")}
    first: dict[str, Document] = {}
    for one in [*stored.get("names", [before]), {"name": present, "at": envelope["updated_at"]}]:
        if isinstance(one["name"], str):
            first.setdefault(one["name"], one)
    return sorted(first.values(), key=lambda one: bool(one["name"] == present))


def _older(envelope: Document, stored: Document, dating: Dating | None) -> bool:
    """Whether a record just read is an older version than the stored one."""
    if dating:
        ours, theirs = dating.of(envelope["data"]), dating.of(stored.get("data", {}))
        if ours is not None and theirs is not None:
            return ours < theirs
    return bool(envelope["updated_at"] < stored["updated_at"])


def _restored(document: Document, removed_at: datetime, dating: Dating | None) -> bool:
    """Whether a record was modified after its removal, which means that it is back."""
    version = dating.of(document.get("data", {})) if dating else None
    return version is not None and version > removed_at.timestamp()
