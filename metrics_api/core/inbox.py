"""Inboxes: where a webhook's delivery waits, as the bytes it was, from its answer until a collector took it.

Senders do not come back for long: a delivery is answered when it is in the journal, and what is done with it
is another process's business. Those that arrive together are written together, which is what lets a small
store keep up with hundreds a second.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final, cast

from metrics_api.core.errors import StoreUnavailable
from metrics_api.core.schema import Delivery
from metrics_api.core.store import CLASH, BulkWriteError, Document, Store, refusals, translated

UPSTREAMS: Final = ("gitlab", "tapd")
# GitLab waits 10 s for an answer.
PUT_S = 8.0
# A larger body is kept as a file: MongoDB refuses documents over 16 MB.
INLINE_BYTES = 8 * 2**20
# What is written, or taken, at once.
GROUP = 400
GROUP_BYTES = 16 * 2**20
# Later than any receipt, in epoch milliseconds: ranges are bounded on both sides.
FOREVER = 2**53


class Inbox:
    """The inbox of one upstream."""

    def __init__(self, store: Store, upstream: str) -> None:
        self.upstream = upstream
        self._store = store
        self._name = f"inbox_{upstream}"
        self._queue: deque[tuple[Delivery, asyncio.Future[bool]]] = deque()
        self._writer: asyncio.Task[None] | None = None
        self._ahead: deque[Document] = deque()

    async def put(self, delivery: Delivery) -> None:
        """Keep a delivery unless one of its `_id` waits; it will last when this returns.

        Raises StoreUnavailable; it may wait nevertheless.
        """
        try:
            async with asyncio.timeout(PUT_S):
                await self._put(delivery)
        except TimeoutError:
            raise StoreUnavailable(f"the store did not take the delivery within {PUT_S:g} s") from None

    async def _put(self, delivery: Delivery) -> None:
        body = delivery["body"]
        if body is None or len(body) <= INLINE_BYTES:
            await self._grouped(delivery)
            return
        file = await self._store.keep_file(f"{self.upstream}:{delivery['_id']}", body)
        if not await self._grouped({**delivery, "body": None, "file": file}):
            await self._store.drop_file(file)

    async def _grouped(self, delivery: Delivery) -> bool:
        """Write a delivery along with those that come at the same time; False when it was there already."""
        written: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._queue.append((delivery, written))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write(), name=f"write {self._name}")
        return await written

    async def _write(self) -> None:
        while self._queue:
            group = self._next_group()
            failure = StoreUnavailable("the delivery could not be written")
            try:
                refused = await self._inserted([delivery for delivery, _ in group])
                for at, (_, written) in enumerate(group):
                    reason = refused.get(str(at), "")
                    if not written.done() and reason in ("", CLASH):
                        written.set_result(not reason)
            except StoreUnavailable as error:
                failure = error
            finally:
                # Nobody is left without an answer, whatever happened.
                for _, written in group:
                    if not written.done():
                        written.set_exception(StoreUnavailable(str(failure)))

    def _next_group(self) -> list[tuple[Delivery, asyncio.Future[bool]]]:
        """The next deliveries to write whose senders still wait."""
        group: list[tuple[Delivery, asyncio.Future[bool]]] = []
        size = 0
        while self._queue and len(group) < GROUP and size < GROUP_BYTES:
            delivery, written = self._queue.popleft()
            if not written.done():
                group.append((delivery, written))
                size += len(delivery["body"] or b"")
        return group

    async def _inserted(self, deliveries: Sequence[Delivery]) -> dict[str, str]:
        """Insert deliveries; returns the places of those that were refused, with the reason."""
        if not deliveries:
            return {}
        try:
            with translated():
                documents: list[Document] = [{**delivery} for delivery in deliveries]
                await self._store.durable(self._name).insert_many(documents, ordered=False)
        except BulkWriteError as error:
            return refusals(error, [str(at) for at in range(len(deliveries))])
        return {}

    async def waiting(self) -> list[Delivery]:
        """The next deliveries with their bodies, about oldest first; none when nothing waits.

        Each is given once, until all others were: what was not removed comes again then. A body is None
        only where its file is gone.
        """
        if not self._ahead:
            self._ahead.extend(await self._sizes())
        taken: list[str] = []
        size = 0
        while self._ahead and len(taken) < GROUP:
            size += self._ahead[0]["size"]
            if taken and size > GROUP_BYTES:
                break
            taken.append(self._ahead.popleft()["_id"])
        found: list[Delivery] = []
        for document in await self._store.matching(self._name, "_id", taken):
            if "file" in document:
                document["body"] = await self._store.file(document["file"])
            found.append(cast(Delivery, document))
        return sorted(found, key=lambda delivery: delivery["received"])

    async def remove(self, deliveries: Sequence[Delivery], *, files: bool = True) -> None:
        """Forget deliveries, with their files or without."""
        await self._store.remove(self._name, [delivery["_id"] for delivery in deliveries])
        for delivery in deliveries if files else ():
            if "file" in delivery:
                await self._store.drop_file(delivery["file"])

    async def backlog(self) -> tuple[int, int | None]:
        """How many deliveries wait, and when the oldest of them came (epoch milliseconds)."""
        found = await self._sizes()
        return len(found), found[0]["received"] if found else None

    async def _sizes(self) -> list[Document]:
        """All that waits, oldest first, without the bodies."""
        asked = {"received": 1, "size": 1}
        return await self._store.window(self._name, "received", 0, FOREVER, fields=asked)
