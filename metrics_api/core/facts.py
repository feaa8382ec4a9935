"""Facts, the writing side: stamps, counters, tombstones, and the rebuild with its switch.

One writer at a time per topic, by a lease. Each fact is stamped (generation, seq); the topic's counter is
raised after the facts are acknowledged, and only if nobody else raised it meanwhile: a writer whose lease was
lost finds that out there and does its batch anew. A lease taken over raises the generation, on which readers
load everything again.

Who has much to write does so in turns, and gives the lease back after each; what is urgent comes next. So it
waits for the rest of one turn, however many have much to write, in whichever process.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from metrics_api.core.errors import StoreUnavailable
from metrics_api.core.leases import Lease, Leases
from metrics_api.core.store import (
    CLASH,
    WINDOW,
    BulkWriteError,
    Document,
    DuplicateKeyError,
    ReplaceOne,
    ReturnDocument,
    Store,
    refusals,
    translated,
)

log = logging.getLogger(__name__)

ATTEMPTS = 5
LEASE_WAIT_S = 300.0
# No batch is begun in a turn that has lasted so long.
TURN_S = 0.2
STAMP = ("generation", "seq", "tombstone")


@dataclass
class Batch:
    """Facts without stamps, and the `_id`s of facts that are none any more."""

    facts: list[Document] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)


Produce = Callable[[], Awaitable[Batch]]
# What derives the batches from one on; asked anew under each lease.
Batches = Callable[[int], Sequence[Produce]]
# Tells which of these `_id`s a rebuild has written a fact of.
Written = Callable[[Collection[str]], Awaitable[set[str]]]


class _Outrun(Exception):
    """Another writer changed what this one read."""


class Facts:
    """Writes the facts of any topic."""

    def __init__(self, store: Store, leases: Leases) -> None:
        self._store = store
        self._leases = leases
        # By topic, one for what is urgent and one for the rest: only the first of each asks for the lease.
        self._locks: defaultdict[tuple[str, bool], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def counter(self, topic: str) -> Document:
        """The topic's counter document, made if it is the first time."""
        key = f"topic:{topic}"
        found = await self._store.one("counters", key)
        if found:
            return found
        first: Document = {"_id": key, "generation": 1, "seq": 0, "collection": f"fact_{topic}"}
        with translated():
            try:
                await self._store.durable("counters").insert_one(dict(first))
            except DuplicateKeyError:
                return await self.counter(topic)
        return first

    async def update(self, topic: str, batches: Batches, *, fresh: bool = False, urgent: bool = False) -> int:
        """Write the batches; returns how many facts are different now.

        They are derived under the topic's lease, so that the last to read raw records is the last to write;
        the next one while its forerunner's facts are written. What was not written when the lease was given
        back or lost is derived under the next one. `fresh` says that hardly any of the facts is there:
        insertion is tried first. What is `urgent` comes before all that is not.
        """
        changed = done = outrun = 0
        while left := batches(done):
            async with self._alone(topic, urgent) as lease:
                counter = await self.counter(topic)
                if lease.taken_over:
                    await self._store.advance("counters", counter["_id"], "generation", 1)
                    counter = await self.counter(topic)
                try:
                    async with aclosing(self._turn(counter, left, fresh)) as turn:
                        async for written in turn:
                            changed, done, outrun = changed + written, done + 1, 0
                except _Outrun:
                    log.warning("facts are written anew, the lease was lost topic=%s", topic)
                    outrun += 1
            if outrun == ATTEMPTS:
                raise StoreUnavailable(f"the facts of {topic} could not be written under its lease")
        return changed

    @asynccontextmanager
    async def _alone(self, topic: str, urgent: bool = False) -> AsyncIterator[Lease]:
        """Be the only one that writes the topic's facts."""
        async with (
            self._locks[topic, urgent],
            self._leases.held(f"topic:{topic}", LEASE_WAIT_S, urgent) as lease,
        ):
            yield lease

    async def _turn(
        self, counter: Document, batches: Sequence[Produce], fresh: bool
    ) -> AsyncGenerator[int, None]:
        """Write batches until the turn is over; yields how many facts differ, or raises _Outrun.

        The counter is raised after each.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + TURN_S
        deriving = asyncio.ensure_future(batches[0]())
        try:
            for following in (*batches[1:], None):
                batch = await deriving
                last = following is None or loop.time() >= end
                if following and not last:
                    deriving = asyncio.ensure_future(following())
                written = await self._write(counter["collection"], batch, counter, fresh)
                if written:
                    await self._raise(counter, {"seq": counter["seq"] + written})
                counter["seq"] += written
                yield written
                if last:
                    return
        finally:
            deriving.cancel()
            await asyncio.gather(deriving, return_exceptions=True)

    async def rebuild(self, topic: str, batches: Callable[[Written], AsyncIterator[Batch]]) -> int:
        """Write all of a topic's facts into a new collection and switch to it; returns how many there are.

        The old collection stays readable, and is kept until the next rebuild; what is written meanwhile is
        brought along before the switch. A batch is asked for when the one before is written.
        """
        async with self._leases.held(f"rebuild:{topic}") as rebuilding:
            started = await self.counter(topic)
            generation = started["generation"] + 1
            name = f"fact_{topic}_{generation}"
            for leftover in await self._store.names(f"fact_{topic}"):
                mine = leftover == f"fact_{topic}" or leftover.startswith(f"fact_{topic}_")
                if mine and leftover != started["collection"]:
                    await self._store.drop_collection(leftover)
            await self._store.index(name, "seq")
            stamp: Document = {"generation": generation, "seq": 0}

            async def written(ids: Collection[str]) -> set[str]:
                return {one["_id"] for one in await self._store.matching(name, "_id", list(ids), {"_id": 1})}

            async for batch in batches(written):
                rebuilding.check()
                stamp["seq"] += await self._write(name, batch, stamp)
            there = await self.counter(topic)
            await self._catch_up(started, name, stamp, there["seq"])
            async with self._alone(topic):
                # Who writes after this look has the switch fail, should this lease be lost.
                counter = await self.counter(topic)
                if counter["collection"] != started["collection"]:
                    raise StoreUnavailable(f"another rebuild of {topic} finished first")
                await self._catch_up(there, name, stamp, counter["seq"])
                changed = {
                    "generation": max(counter["generation"] + 1, generation),
                    "seq": stamp["seq"],
                    "collection": name,
                }
                try:
                    await self._raise(counter, changed)
                except _Outrun:
                    raise StoreUnavailable(f"the rebuild of {topic} lost its lease; run it again") from None
            return int(stamp["seq"])

    async def _catch_up(self, since: Document, new: str, stamp: Document, last: int) -> None:
        """Bring along what was written since a counter was read, with a seq up to `last`."""
        after = since["seq"]
        while after < last:
            upto = min(after + WINDOW, last)
            batch = Batch()
            for fact in await self._store.window(since["collection"], "seq", after, upto):
                if fact["tombstone"]:
                    batch.gone.add(fact["_id"])
                else:
                    batch.facts.append({key: value for key, value in fact.items() if key not in STAMP})
            stamp["seq"] += await self._write(new, batch, stamp)
            after = upto

    async def _write(self, collection: str, batch: Batch, stamp: Document, fresh: bool = False) -> int:
        """Write the facts that differ, numbered on from the stamp's seq; returns how many. Raises _Outrun."""
        ids = sorted(batch.gone) + ([] if fresh else [fact["_id"] for fact in batch.facts])
        known = {fact["_id"]: fact for fact in await self._store.matching(collection, "_id", ids)}
        inserts: list[Document] = []
        replaces: list[ReplaceOne[Document]] = []

        def stamped(fact: Document, tombstone: bool) -> Document:
            seq = stamp["seq"] + len(inserts) + len(replaces) + 1
            return fact | {"generation": stamp["generation"], "seq": seq, "tombstone": tombstone}

        for fact in {fact["_id"]: fact for fact in batch.facts}.values():
            before = known.get(fact["_id"])
            if before is None:
                inserts.append(stamped(fact, tombstone=False))
            elif before["generation"] > stamp["generation"]:
                raise _Outrun
            elif before["tombstone"] or not _counted(before, stamp) or _content(before) != fact:
                replaces.append(ReplaceOne(_version(before), stamped(fact, tombstone=False)))
        for key in batch.gone:
            before = known.get(key)
            if before and not (before["tombstone"] and _counted(before, stamp)):
                replaces.append(ReplaceOne(_version(before), stamped(before, tombstone=True)))
        durable = self._store.durable(collection)
        with translated():
            there = await self._insert(collection, inserts) if inserts else set[str]()
            if there and not fresh:
                # They came to be since they were looked up, by another writer.
                raise _Outrun
            if replaces:
                done = await durable.bulk_write(replaces, ordered=False)
                if done.matched_count < len(replaces):
                    raise _Outrun
        written = len(inserts) + len(replaces)
        if not there:
            return written
        rest = Batch([fact for fact in batch.facts if fact["_id"] in there])
        return written + await self._write(collection, rest, stamp | {"seq": stamp["seq"] + written})

    async def _insert(self, collection: str, facts: list[Document]) -> set[str]:
        """Insert new facts; returns the `_id`s of those that are there already."""
        try:
            await self._store.durable(collection).insert_many(facts, ordered=False)
        except BulkWriteError as error:
            refused = refusals(error, [fact["_id"] for fact in facts])
            other = [why for why in refused.values() if why != CLASH]
            if other:
                raise StoreUnavailable(f"{collection} refused a fact: {other[0]}") from error
            return set(refused)
        return set()

    async def _raise(self, counter: Document, changed: dict[str, Any]) -> None:
        """Change the counter if it still is as it was read; raises _Outrun."""
        same = {key: counter[key] for key in ("_id", "generation", "seq")}
        with translated():
            done = await self._store.durable("counters").find_one_and_update(
                same, {"$set": changed}, return_document=ReturnDocument.AFTER
            )
        if done is None:
            raise _Outrun


def _counted(fact: Document, stamp: Document) -> bool:
    """Whether readers know a fact by its stamp; not if its writer lost the lease or stopped too early."""
    return bool(fact["generation"] == stamp["generation"] and fact["seq"] <= stamp["seq"])


def _content(fact: Document) -> Document:
    return {key: value for key, value in fact.items() if key not in STAMP}


def _version(fact: Document) -> Document:
    return {"_id": fact["_id"], "generation": fact["generation"], "seq": fact["seq"]}
