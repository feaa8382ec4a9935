"""Files of large bodies that a process left behind are deleted; those that something names are not."""

from __future__ import annotations

from datetime import timedelta

from collectors.bodies import ORPHANED_AFTER, forget_orphans
from metrics_api.core.inbox import Inbox
from metrics_api.core.schema import Delivery
from metrics_api.core.store import Store


async def test_only_files_that_nothing_names_are_deleted_when_they_are_old_enough(store: Store) -> None:
    body = b"x" * (9 * 2**20)
    waiting: Delivery = {
        "_id": "waiting",
        "instance": "gitlab",
        "received": 1_772_323_200_000,
        "about": {},
        "size": len(body),
        "body": body,
    }
    await Inbox(store, "gitlab").put(waiting)
    (delivery,) = await store.all("inbox_gitlab")
    quarantined = await store.keep_file("tapd:q", b"in quarantine")
    kept = {"_id": "tapd:q", "delivery": {"_id": "q", "file": quarantined}}
    await store.collection("quarantine").insert_one(kept)
    orphan = await store.keep_file("gitlab:gone", b"nobody names it")
    # A process that was killed while it kept a body has not come to the file itself.
    half = await store.keep_file("gitlab:half", body)
    await store.collection("bodies.files").delete_one({"_id": half})
    assert await forget_orphans(store, ORPHANED_AFTER) == 0
    assert await store.file(orphan) == b"nobody names it"
    assert await forget_orphans(store, -timedelta(seconds=5)) == 2
    assert await store.file(orphan) is None
    assert await store.all("bodies.chunks", {"files_id": half}) == []
    assert await store.file(delivery["file"]) == body
    assert await store.file(quarantined) == b"in quarantine"
    assert await forget_orphans(store, -timedelta(seconds=5)) == 0
