"""Raw records: what an upstream said, verbatim, in an envelope; written idempotently, never edited otherwise.

An unchanged record (content hash) writes nothing, an older version never replaces a newer one, and what BSON
cannot hold goes to `quarantine` as bytes with its reason. `n`, the immutable insertion number, comes from a
counter document per collection, so that long reads can walk windows of it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from metrics_api.core.envelopes import (
    KEPT,
    Dating,
    Outcome,
    Record,
    all_names,
    back,
    encoded,
    enveloped,
    older,
    restored,
)
from metrics_api.core.errors import StoreUnavailable
from metrics_api.core.held import Held
from metrics_api.core.schema import VANISHED
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

__all__ = ["Dating", "Outcome", "RawStore", "Record", "encoded"]

# A record that fills a document by itself is kept in quarantine by its beginning.
QUARANTINED_BYTES = 8 * 2**20
# So many names of a collection's fields are noted, more than TAPD's largest records have. The store looks
# through the whole list for each: a payload of 60,000 names would hold up a webhook's inbox for hours.
MAX_FIELDS = 1000
# Attempts to write a batch that other writers keep changing.
ROUNDS = 5


class RawStore:
    """Writes raw records of any collection; `held` is what it keeps of them for their derivation."""

    def __init__(self, store: Store) -> None:
        self.held = Held()
        self._store = store
        self._fields: dict[str, set[str]] = {}
        # The embedded store takes longer for two batches at once than for one after the other.
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

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
            envelope = enveloped(instance, record, at, dating)
            reason = unstorable(envelope)
            if reason:
                body = encoded(record.data)
                await self.quarantine(collection, instance, record.scope, reason, body, at)
                outcome.quarantined += 1
                continue
            twin = waiting.get(envelope["_id"])
            if twin is None or not older(envelope, twin, dating):
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
            marked = "removed_at" in stored and not back(envelope, stored, dating)
            healed = stored.get("removed_why") == VANISHED and not marked
            if (same and not healed) or older(envelope, stored, dating):
                continue
            envelope["n"] = stored["n"]
            if dating and dating.remember:
                envelope["names"] = all_names(stored, envelope, dating.remember)
            envelope["collected_at"] = stored["collected_at"]
            if marked:
                envelope |= {"removed_at": stored["removed_at"], "removed_why": stored["removed_why"]}
            replacing[key] = ReplaceOne({"_id": key, "hash": stored["hash"]}, envelope)
        if replacing:
            self.held.changed(collection)
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
        self.held.numbered(collection, len(envelopes))
        for n, envelope in enumerate(envelopes.values(), start=last - len(envelopes) + 1):
            envelope["n"] = n
        failed: dict[str, str] = {}
        clashed: set[str] = set()
        try:
            async with self._locks[collection]:
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
        self.held.inserted(collection, stored)
        if clashed:
            self.held.changed(collection)
        return {key: envelopes[key] for key in clashed}

    async def _refuse(self, collection: str, envelope: Document, reason: str) -> None:
        body = encoded(envelope["data"])
        place = (envelope["instance"], envelope["scope"])
        await self.quarantine(collection, *place, reason, body, envelope["updated_at"])

    async def quarantine(
        self,
        collection: str,
        instance: str,
        scope: str,
        reason: str,
        body: bytes,
        at: datetime,
        key: str = "",
        about: Mapping[str, str] | None = None,
    ) -> None:
        """Keep a record that cannot be understood or stored, as bytes; the same one is kept once.

        `key` is its item's, where the record itself is stored; `about` is what was asked for it.
        """
        named = f"{collection}\0{instance}\0{scope}\0".encode()
        identity = hashlib.blake2b(named + body, digest_size=16).hexdigest()
        kept: Document = {"body": body[:QUARANTINED_BYTES], "reason": reason, "at": at}
        names: Document = {
            "upstream": collection.split("_")[1],
            "collection": collection,
            "instance": instance,
        }
        names |= {"scope": scope, "key": key, "about": dict(about or {})}
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
            if stored.get("removed_at") == at or restored(stored, at, dating):
                continue
            changes.append(
                UpdateOne({"_id": stored["_id"]}, {"$set": {"removed_at": at, "removed_why": why}})
            )
        if changes:
            self.held.changed(collection)
            with translated():
                await self._store.durable(collection).bulk_write(changes, ordered=False)

    async def stamp_unlinked(
        self,
        collection: str,
        instance: str,
        scope: str,
        keys: Collection[str],
        present: Collection[str],
        at: datetime,
    ) -> set[str]:
        """Mark the records of a scope with these keys that are not `present` (`_id`s) as unlinked at `at`.

        For relations that are always told whole. Those that came back lose the mark. Returns the keys of
        the records whose mark changed.
        """
        changes, touched = [], set()
        asked = dict.fromkeys(("instance", "scope", "key", "removed_at"), 1)
        for stored in await self._store.matching(collection, "key", sorted(keys), asked):
            there = stored["_id"] in present
            if (stored["instance"], stored["scope"]) != (instance, scope) or there != (
                "removed_at" in stored
            ):
                continue
            mark = {"removed_at": at, "removed_why": "unlinked"}
            changes.append(UpdateOne({"_id": stored["_id"]}, {"$unset" if there else "$set": mark}))
            touched.add(stored["key"])
        if changes:
            self.held.changed(collection)
            with translated():
                await self._store.durable(collection).bulk_write(changes, ordered=False)
        return touched

    async def _note_fields(self, collection: str, envelopes: Iterable[Document]) -> None:
        """Add unseen names of data fields to the collection's list, by which exports check what is asked.

        The list has an end.
        """
        known = self._fields.setdefault(collection, set())
        fields: set[str] = set()
        for envelope in envelopes:
            fields.update(envelope["data"])
        unseen = sorted(fields - known)[: MAX_FIELDS - len(known)]
        if not unseen:
            return
        with translated():
            await self._store.durable("state_fields").update_one(
                {"_id": collection}, {"$addToSet": {"fields": {"$each": unseen}}}, upsert=True
            )
        known.update(unseen)
