"""The inbox: every delivery once, durably or not at all, and given out in portions that fit in memory."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import ujson

from collectors.status import Backlog, backlog
from metrics_api.core.inbox import GROUP, Inbox
from metrics_api.core.schema import Delivery
from metrics_api.core.store import Store
from metrics_api.embedded import embedded_store
from tests.webhooks.harness import GITLAB, SECRET, TAPD, TOKEN, hooks, receiving, taken

MB = 2**20
PIPELINE = {"object_kind": "pipeline", "project": {"id": 4}, "object_attributes": {"id": 31}}


def delivery(key: str, received: int = 1, body: bytes | None = b"{}", size: int = 2) -> Delivery:
    return {
        "_id": key, "instance": "gitlab", "received": received, "about": {}, "size": size, "body": body
    }  # fmt: skip


async def waiting(store: Store, upstream: str = "gitlab") -> list[str]:
    """The ids of what waits."""
    return sorted(one["_id"] for one in await store.all(f"inbox_{upstream}"))


async def test_a_delivery_sent_again_is_answered_well_and_kept_once(store: Store) -> None:
    async with receiving(store) as receiver:
        await asyncio.gather(*(receiver.gitlab(PIPELINE, key="same") for _ in range(20)))
        await receiver.gitlab(PIPELINE, key="same")
        # A resent one may differ in what its sender hides meanwhile: the key speaks for it.
        await receiver.gitlab(PIPELINE | {"user": "[REDACTED]"}, key="same")
        await receiver.gitlab(PIPELINE, key="other")
        assert await waiting(store) == ["other", "same"]
        await taken(store)
        await receiver.gitlab(PIPELINE, key="same")
    await taken(store)
    records = (await hooks(store))["raw_gitlab_hook"]
    assert sorted(record["_id"] for record in records) == ["gitlab:4:other", "gitlab:4:same"]
    assert [record["data"] for record in records] == [PIPELINE, PIPELINE]


async def test_without_a_key_the_content_tells_deliveries_apart(store: Store) -> None:
    first, second = ujson.dumps(PIPELINE).encode(), ujson.dumps(PIPELINE | {"n": 2}).encode()
    async with receiving(store) as receiver:
        for body in (first, second, first):
            await receiver.gitlab(body)
        for _ in range(2):
            await receiver.post(TAPD, b'{"event":"x::y","workspace_id":"1","secret":"%s"}' % SECRET.encode())
    assert len(await waiting(store)) == 2
    # printf 'tapd\0{"event":"x::y","workspace_id":"1","secret":""}' | b2sum -l 128
    assert await waiting(store, "tapd") == ["b800aa55f5fdbbd926d229bfa12ce933"]


async def test_tapds_event_and_queue_tell_deliveries_apart_where_both_are_said(store: Store) -> None:
    payload = {"event": "x::y", "workspace_id": "1", "event_id": "7", "queue_id": 8}
    async with receiving(store) as receiver:
        await receiver.tapd(payload)
        await receiver.tapd(payload | {"title": "another"})
        await receiver.tapd(payload | {"queue_id": "9"})
        await receiver.tapd(payload | {"queue_id": ""})
        await receiver.tapd(payload | {"queue_id": ["9"]})
    found = await waiting(store, "tapd")
    assert [key for key in found if ":" in key] == ["tapd:7:8", "tapd:7:9"]
    assert len(found) == 4


async def test_a_key_of_any_kind_is_kept_by(store: Store) -> None:
    async with receiving(store) as receiver:
        for key in ("k" * 200, "k" * 201, "k" * 3000, "a/b:c\u00e9$.", "\udcff"):
            headers = {"X-Gitlab-Token": TOKEN, "Idempotency-Key": key}
            if key == "\udcff":
                headers = {"X-Gitlab-Token": TOKEN, "webhook-id": "only this"}
            await receiver.post(GITLAB, PIPELINE, headers)
    found = await waiting(store)
    assert {"k" * 200, "a/b:c\u00e9$.", "only this"} < set(found)
    assert [len(key) for key in found if len(key) == 32] == [32, 32]


async def test_many_at_once_are_all_kept(store: Store) -> None:
    async with receiving(store) as receiver:
        await asyncio.gather(*(receiver.gitlab(PIPELINE, key=f"{n:04}") for n in range(900)))
    assert await waiting(store) == [f"{n:04}" for n in range(900)]
    await taken(store)
    assert len((await hooks(store))["raw_gitlab_hook"]) == 900


async def test_what_waits_is_given_out_oldest_first_in_portions_and_again_when_it_was_not_removed(
    store: Store,
) -> None:
    inbox = Inbox(store, "gitlab")
    await asyncio.gather(*(inbox.put(delivery(f"{n:04}", 5000 - n)) for n in range(GROUP + 100)))
    first = await inbox.waiting()
    assert [one["_id"] for one in first] == [f"{n:04}" for n in range(GROUP + 99, 99, -1)]
    second = await inbox.waiting()
    assert [one["_id"] for one in second] == [f"{n:04}" for n in range(99, -1, -1)]
    await inbox.remove(first[1:])
    assert [one["_id"] for one in await inbox.waiting()] == ["0499", *(f"{n:04}" for n in range(99, -1, -1))]


async def test_large_bodies_come_few_at_a_time(store: Store) -> None:
    inbox = Inbox(store, "gitlab")
    for n in range(5):
        await inbox.put(delivery(str(n), n + 1, bytes([n]) * 7 * MB, 7 * MB))
    await inbox.put(delivery("5", 6, b"5" * 20 * MB, 20 * MB))
    await inbox.put(delivery("6", 7))
    portions = [[one["_id"] for one in await inbox.waiting()] for _ in range(5)]
    assert portions == [["0", "1"], ["2", "3"], ["4"], ["5"], ["6"]]


async def test_a_body_whose_file_is_gone_goes_to_quarantine_saying_so(store: Store) -> None:
    inbox = Inbox(store, "gitlab")
    await inbox.put(delivery("k", 1, b"x" * 9 * MB, 9 * MB))
    (document,) = await store.all("inbox_gitlab")
    await store.drop_file(document["file"])
    await taken(store)
    (found,) = await store.all("quarantine")
    assert found["reason"] == "not understood: ValueError: the body is gone"


async def test_the_status_says_what_waits_and_for_how_long(store: Store) -> None:
    assert await backlog(store) == [Backlog("gitlab", 0, None), Backlog("tapd", 0, None)]
    ago = [time.time() - 90]
    async with receiving(store, clock=lambda: ago[0]) as receiver:
        await receiver.gitlab(PIPELINE, key="a")
        ago[0] += 60
        await receiver.gitlab(PIPELINE, key="b")
        await receiver.tapd({"event": "x::y", "workspace_id": "1"})
    gitlab, tapd = await backlog(store)
    assert (gitlab.upstream, gitlab.waiting, tapd.upstream, tapd.waiting) == ("gitlab", 2, "tapd", 1)
    assert 90 <= (gitlab.oldest_s or 0) < 100
    assert 30 <= (tapd.oldest_s or 0) < 40
    await taken(store)
    assert await backlog(store) == [Backlog("gitlab", 0, None), Backlog("tapd", 0, None)]


async def test_without_the_store_nothing_is_acknowledged_and_what_was_is_still_there(tmp_path: Path) -> None:
    async with embedded_store(tmp_path) as uri:
        pid = ujson.loads((tmp_path / "store.json").read_text())["pid"]
        store = Store(uri, "test")
        await store.prepare()
        async with receiving(store) as receiver:
            acknowledged = [f"{n:03}" for n in range(200)]
            await asyncio.gather(*(receiver.gitlab(PIPELINE, key=key) for key in acknowledged))
            os.kill(pid, signal.SIGKILL)
            began = time.monotonic()
            message = await receiver.gitlab(PIPELINE, key="lost", status=503)
            assert message.startswith("the store did not")
            # GitLab would not wait longer than ten seconds.
            assert time.monotonic() - began < 9.5
        await store.aclose()
    async with embedded_store(tmp_path) as uri:
        store = Store(uri, "test")
        assert await waiting(store) == acknowledged
        await store.aclose()
