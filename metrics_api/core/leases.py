"""Leases in the store: who may do a piece of work now, among any number of processes.

A lease is one document with an owner and an end. Taking over a lease whose holder vanished raises its
generation, so that the follower knows that half-done work may be lying about. The processes' clocks must
agree to within a few seconds.

Who waits for a lease names itself the next one, and has it when it is given back: a holder that wants it
again at once does not come before those who wait. Who is in a hurry is next before who is not.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from metrics_api.core.concurrency import to_the_end
from metrics_api.core.days import utc_now
from metrics_api.core.errors import EngmetricsError, StoreUnavailable
from metrics_api.core.store import Document, DuplicateKeyError, ReturnDocument, Store, translated

log = logging.getLogger(__name__)

TTL_S = 30.0
POLL_S = 0.05
# So long a lease is kept for the next one, who says so again at each look.
NEXT_S = 1.0
FREE = ""
# Who is next, how long it is kept for that one, and whether that one is in a hurry.
NEXT = ("next", "next_until", "hurry")


class LeaseTaken(EngmetricsError):
    """Another process or task holds the lease."""


class LeaseLost(EngmetricsError):
    """The lease ran out while its work was going on; what was not yet acknowledged must be done again."""


@dataclass
class Lease:
    """A lease held: `generation` is raised whenever one is taken over from a holder that vanished.

    `taken_over` says that this was such a case; `lost` becomes true when the lease could not be renewed.
    """

    name: str
    owner: str
    generation: int
    taken_over: bool
    expires_at: datetime
    lost: bool = field(default=False)

    def check(self) -> None:
        """Raise LeaseLost when the lease is no longer ours."""
        if self.lost:
            raise LeaseLost(f"the lease {self.name} was lost")


class Leases:
    """The leases of one store. `clock` tells the time (aware UTC)."""

    def __init__(self, store: Store, ttl_s: float = TTL_S, clock: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._ttl = timedelta(seconds=ttl_s)
        self._clock = clock

    async def acquire(self, name: str) -> Lease | None:
        """The lease, or None while another holds it or is the next one."""
        return await self._taken(name, uuid.uuid4().hex)

    async def _taken(self, name: str, owner: str) -> Lease | None:
        leases = self._store.durable("leases")
        ours = {"owner": owner, "expires_at": self._clock() + self._ttl}
        taking: Document = {"$set": ours, "$unset": dict.fromkeys(NEXT, "")}
        with translated():
            free = await leases.find_one_and_update(
                {"_id": name, "owner": FREE, "$or": self._next(owner)},
                taking,
                return_document=ReturnDocument.AFTER,
            )
            if free:
                return _lease(free, taken_over=False)
            first = {"_id": name, "generation": 1} | ours
            with suppress(DuplicateKeyError):
                await leases.insert_one(first)
                return _lease(first, taken_over=False)
            # One that was given back since the look above is free, not abandoned.
            expired = await leases.find_one_and_update(
                {"_id": name, "owner": {"$ne": FREE}, "expires_at": {"$lte": self._clock()}},
                taking | {"$inc": {"generation": 1}},
                return_document=ReturnDocument.AFTER,
            )
            if expired:
                log.warning("lease taken over from a vanished holder lease=%s", name)
                return _lease(expired, taken_over=True)
        return None

    def _next(self, owner: str) -> list[Document]:
        """Match the leases for which nobody but this one is next."""
        return [{"next": owner}, {"next_until": {"$not": {"$gt": self._clock()}}}]

    async def free(self, names: Sequence[str]) -> list[str]:
        """Those of the leases that nobody holds at present."""
        now = self._clock()
        held = {
            document["_id"]
            for document in await self._store.matching("leases", "_id", names)
            if document["owner"] != FREE and document["expires_at"] > now
        }
        return [name for name in names if name not in held]

    async def renew(self, lease: Lease) -> bool:
        """Prolong a lease; False, and the lease is marked lost, when it is no longer ours."""
        until = self._clock() + self._ttl
        with translated():
            kept = await self._store.durable("leases").find_one_and_update(
                {"_id": lease.name, "owner": lease.owner}, {"$set": {"expires_at": until}}
            )
        if kept is None:
            lease.lost = True
            return False
        lease.expires_at = until
        return True

    async def release(self, lease: Lease) -> None:
        """Give a lease back; does nothing when it is no longer ours."""
        with translated():
            await self._store.durable("leases").find_one_and_update(
                {"_id": lease.name, "owner": lease.owner},
                {"$set": {"owner": FREE, "expires_at": self._clock()}},
            )

    @asynccontextmanager
    async def held(self, name: str, wait_s: float = 0.0, hurry: bool = False) -> AsyncIterator[Lease]:
        """Hold a lease, renewed in the background; raises LeaseTaken when it is not free within `wait_s`.

        Who is in a `hurry` has it before those who wait and are not.
        """
        lease = await self._waited(name, wait_s, hurry)
        renewal = asyncio.create_task(self._keep(lease), name=f"renew {name}")
        try:
            yield lease
        finally:
            await to_the_end(self._ended(lease, renewal))

    async def _ended(self, lease: Lease, renewal: asyncio.Task[None]) -> None:
        """Give a lease back, after its renewal has ended; one that cannot be given back runs out."""
        renewal.cancel()
        try:
            with suppress(asyncio.CancelledError):
                await renewal
        finally:
            with suppress(StoreUnavailable):
                await self.release(lease)

    async def _waited(self, name: str, wait_s: float, hurry: bool) -> Lease:
        loop, owner = asyncio.get_running_loop(), uuid.uuid4().hex
        deadline = loop.time() + wait_s
        lease = await self._reached(name, owner)
        while lease is None:
            if loop.time() >= deadline:
                raise LeaseTaken(f"another process works under the lease {name}")
            if await self._comes_next(name, owner, hurry):
                lease = await self._reached(name, owner)
            else:
                await asyncio.sleep(POLL_S)
        return lease

    async def _reached(self, name: str, owner: str) -> Lease | None:
        """As `acquire`; a lease that came to one who was cancelled meanwhile is given back."""
        taking = asyncio.create_task(self._taken(name, owner))
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            await to_the_end(self._unwanted(taking))
            raise

    async def _unwanted(self, taking: asyncio.Task[Lease | None]) -> None:
        with suppress(StoreUnavailable):
            lease = await taking
            if lease is not None:
                await self.release(lease)

    async def _comes_next(self, name: str, owner: str, hurry: bool) -> bool:
        """Be the next one for a while, unless another is; says whether the lease can be had now."""
        now = self._clock()
        before = self._next(owner) + ([{"hurry": False}] if hurry else [])
        told = dict(zip(NEXT, (owner, now + timedelta(seconds=NEXT_S), hurry), strict=True))
        with translated():
            found = await self._store.collection("leases").find_one_and_update(
                {"_id": name, "$or": before}, {"$set": told}, return_document=ReturnDocument.AFTER
            )
        return bool(found and (found["owner"] == FREE or found["expires_at"] <= now))

    async def _keep(self, lease: Lease) -> None:
        while not lease.lost:
            await asyncio.sleep(self._ttl.total_seconds() / 3)
            try:
                await self.renew(lease)
            except StoreUnavailable:
                lease.lost = self._clock() >= lease.expires_at


def _lease(document: Document, taken_over: bool) -> Lease:
    return Lease(
        document["_id"],
        document["owner"],
        int(document["generation"]),
        taken_over,
        document["expires_at"],
    )
