"""Webhooks, the collecting side: deliveries come out of the inboxes and become raw records and facts.

One process at a time takes the deliveries of an upstream, by a lease. A delivery leaves its inbox when its
record is stored and what depends on it is derived, all of which may be done twice: a process that is killed
on the way loses nothing and counts nothing again. What a webhook tells before polling does, and what it left
out, polling brings.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Final

from collectors.derivation import text
from collectors.deriving import Deriver
from collectors.signatures import project_of_hook, signature_of_hook
from metrics_api.core.days import utc_now
from metrics_api.core.errors import EngmetricsError
from metrics_api.core.inbox import UPSTREAMS, Inbox
from metrics_api.core.leases import Lease, Leases, LeaseTaken
from metrics_api.core.payloads import json_payload, tapd_payload
from metrics_api.core.raw import RawStore, Record
from metrics_api.core.schema import Delivery
from metrics_api.core.store import BulkWriteError, Document, Store, translated, unstorable

log = logging.getLogger(__name__)

LOOK_S = 0.1
# After a failure, and while another process is at it.
AGAIN_S = 1.0
UNREADABLE = (KeyError, TypeError, ValueError, OverflowError, RecursionError)
# What of a large body is shown in quarantine; its file has all of it.
BEGINNING_BYTES = 2**20
# The kinds of things of which TAPD tells by their own id, and on which facts depend.
ITEMS: Final = ("bug", "story", "task", "iteration")

# A raw collection and the record for it.
Read = tuple[str, Record]


class Webhooks:
    """Takes the deliveries of one upstream; any number of processes may have one."""

    def __init__(self, upstream: str, store: Store, leases: Leases, raw: RawStore, deriver: Deriver) -> None:
        self.upstream = upstream
        self._store = store
        self._leases = leases
        self._raw = raw
        self._deriver = deriver
        self._inbox = Inbox(store, upstream)

    async def run(self) -> None:
        """Take what comes until cancelled; a store that does not answer is waited for."""
        while True:
            try:
                async with self._leases.held(self._lease) as lease:
                    while True:
                        if not await self._took(lease):
                            await asyncio.sleep(LOOK_S)
            except LeaseTaken:
                log.debug("another process takes the webhooks upstream=%s", self.upstream)
            except EngmetricsError as error:
                log.warning("webhooks wait upstream=%s error=%s", self.upstream, error)
            await asyncio.sleep(AGAIN_S)

    async def drain(self) -> None:
        """Take what waits now; nothing where another process is at it."""
        try:
            async with self._leases.held(self._lease) as lease:
                while await self._took(lease):
                    pass
        except LeaseTaken:
            log.debug("another process takes the webhooks upstream=%s", self.upstream)

    @property
    def _lease(self) -> str:
        return f"inbox:{self.upstream}"

    async def _took(self, lease: Lease) -> bool:
        """Take the next deliveries; False when none waits."""
        lease.check()
        deliveries = await self._inbox.waiting()
        await self._handle(deliveries, lease)
        return bool(deliveries)

    async def _handle(self, deliveries: Sequence[Delivery], lease: Lease) -> None:
        """Store and derive deliveries, then forget them; what cannot be understood goes to quarantine."""
        records: defaultdict[tuple[str, str], list[Record]] = defaultdict(list)
        understood: list[Delivery] = []
        for delivery in deliveries:
            try:
                collection, record = READ[self.upstream](delivery)
            except UNREADABLE as error:
                await self._quarantine(delivery, f"not understood: {type(error).__name__}: {error}")
                continue
            records[collection, delivery["instance"]].append(record)
            understood.append(delivery)
        try:
            for (collection, instance), found in records.items():
                lease.check()
                outcome = await self._raw.upsert(collection, instance, found, utc_now(), fresh=True)
                # Derived whether new or not: a process before this one may have come no further.
                await self._deriver.derive(collection, instance, sorted(outcome.keys - {""}), urgent=True)
        except (*UNREADABLE, BulkWriteError) as error:
            if len(understood) > 1:
                # One of them is at fault: the others are not to wait for it.
                for delivery in understood:
                    await self._handle([delivery], lease)
                return
            log.exception("a delivery could not be derived upstream=%s", self.upstream)
            await self._quarantine(understood[0], f"not derived: {type(error).__name__}: {error}")
            return
        await self._inbox.remove(understood)

    async def _quarantine(self, delivery: Delivery, reason: str) -> None:
        """Keep a delivery as bytes, with the reason; a large one's file stays where it is."""
        log.warning("a delivery goes to quarantine upstream=%s reason=%s", self.upstream, reason)
        body = delivery["body"] or b""
        kept = {
            "upstream": self.upstream,
            "collection": OTHER[self.upstream],
            "scope": "",
            "reason": reason[:500],
            "body": body[:BEGINNING_BYTES] if "file" in delivery else body,
            "at": utc_now(),
            "delivery": {name: value for name, value in delivery.items() if name != "body"},
        }
        with translated():
            await self._store.durable("quarantine").update_one(
                {"_id": f"{self.upstream}:{delivery['_id']}"}, {"$set": kept}, upsert=True
            )
        await self._inbox.remove([delivery], files=False)


def read_gitlab(delivery: Delivery) -> Read:
    """The raw record in a delivery of GitLab; raises one of UNREADABLE saying why there is none."""
    data = json_payload(_body(delivery))
    project = project_of_hook(data)
    return OTHER["gitlab"], _record(delivery, data, project, signature_of_hook(data, project))


def read_tapd(delivery: Delivery) -> Read:
    """The raw record in a delivery of TAPD, without its secret; raises one of UNREADABLE."""
    data = tapd_payload(_body(delivery))
    data.pop("secret", None)
    event = data.get("event")
    if not isinstance(event, str) or not event:
        raise ValueError("the payload names no event")
    workspace = _id(data, "workspace_id")
    if not workspace:
        raise ValueError("the payload names no workspace_id")
    kind = event.partition("::")[0]
    if kind not in ITEMS:
        return OTHER["tapd"], _record(delivery, data, workspace, _id(data, "entity_id") or _id(data, "id"))
    key = _id(data, "id")
    if not key:
        raise ValueError(f"the payload names no id of the {kind}")
    return f"raw_tapd_{kind}_hook", _record(delivery, data, workspace, key)


READ: Final[dict[str, Callable[[Delivery], Read]]] = {"gitlab": read_gitlab, "tapd": read_tapd}
# The raw collections of what is no record of an item.
OTHER: Final = {"gitlab": "raw_gitlab_hook", "tapd": "raw_tapd_hook"}


def _body(delivery: Delivery) -> bytes:
    if delivery["body"] is None:
        raise ValueError("the body is gone")
    return delivery["body"]


def _id(data: dict[str, Any], name: str) -> str:
    """An id as text, "" for none; raises TypeError for what is no id."""
    found = data.get(name)
    if found is not None and (isinstance(found, bool) or not isinstance(found, str | int)):
        raise TypeError(f"{name} is no id")
    return text(found)


def _record(delivery: Delivery, data: dict[str, Any], scope: str, key: str) -> Record:
    about = {**delivery["about"], "received": str(delivery["received"] // 1000)}
    reason = unstorable({"data": data, "about": about, "scope": scope, "key": key})
    if reason:
        raise ValueError(f"the store cannot hold it: {reason}")
    return Record(scope, delivery["_id"], key, data, about=about)


async def retry(store: Store, quarantined: Document) -> None:
    """Let a quarantined delivery wait again; one that is not understood comes back with a new `at`."""
    delivery: Delivery = quarantined["delivery"]
    body = None if "file" in delivery else quarantined["body"]
    await Inbox(store, quarantined["upstream"]).put({**delivery, "body": body})
    same = {"_id": quarantined["_id"], "at": quarantined["at"]}
    with translated():
        await store.durable("quarantine").delete_one(same)


def all_webhooks(store: Store, leases: Leases, raw: RawStore, deriver: Deriver) -> list[Webhooks]:
    """One for each upstream."""
    return [Webhooks(upstream, store, leases, raw, deriver) for upstream in UPSTREAMS]
