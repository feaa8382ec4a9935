"""Bodies of every size and kind: large, endless, compressed, broken; and what becomes of each."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator

import pytest

from collectors.webhooks import retry
from metrics_api.core.store import Document, Store
from tests.webhooks.harness import GITLAB, SECRET, TAPD, TOKEN, Receiver, hooks, receiving, taken

MB = 2**20
LIMIT = 25 * MB
HEADERS = {"X-Gitlab-Token": TOKEN, "Idempotency-Key": "one"}


def push(size: int) -> bytes:
    """A push's body of so many bytes; its message is what makes it long."""
    frame = '{"object_kind":"push","project_id":4,"ref":"refs/heads/main","after":"%s","message":"%s"}'
    return (frame % ("a" * 40, "m" * (size - len(frame % ("a" * 40, ""))))).encode()


async def chunks(body: bytes) -> AsyncIterator[bytes]:
    """A body in pieces, so that its length is not announced."""
    for at in range(0, len(body), MB):
        yield body[at : at + MB]


async def quarantined(store: Store) -> Document:
    """The only thing in quarantine."""
    (found,) = await store.all("quarantine")
    return found


@pytest.mark.parametrize("size", [8 * MB, 8 * MB + 1, 14 * MB])
async def test_a_body_that_a_document_can_hold_becomes_a_record(store: Store, size: int) -> None:
    body = push(size)
    async with receiving(store) as receiver:
        await receiver.post(GITLAB, body, HEADERS)
        # The same once more: it waits already.
        await receiver.post(GITLAB, body, HEADERS)
    assert len(await store.all("bodies.files")) == (size > 8 * MB)
    await taken(store)
    (record,) = (await hooks(store))["raw_gitlab_hook"]
    assert (record["key"], len(record["data"]["message"])) == (f"4:push:main:{'a' * 40}", size - 125)
    assert await store.all("bodies.files") == await store.all("bodies.chunks") == []


async def test_the_largest_body_is_kept_whole_in_quarantine_and_can_be_tried_again(store: Store) -> None:
    body = push(LIMIT)
    async with receiving(store) as receiver:
        await receiver.post(GITLAB, chunks(body), HEADERS)
    await taken(store)
    assert await hooks(store) == {}
    found = await quarantined(store)
    assert found["reason"].startswith(
        "not understood: ValueError: the store cannot hold it: the record has 2621"
    )
    assert (found["collection"], found["scope"], found["body"]) == ("raw_gitlab_hook", "", body[:MB])
    assert found["delivery"]["size"] == LIMIT
    assert await store.file(found["delivery"]["file"]) == body

    await retry(store, found)
    assert await store.all("quarantine") == []
    await taken(store)
    again = await quarantined(store)
    assert (again["_id"], again["reason"]) == (found["_id"], found["reason"])
    assert again["at"] > found["at"]
    assert await store.file(again["delivery"]["file"]) == body


@pytest.mark.parametrize("path", [GITLAB, TAPD])
async def test_a_body_over_the_limit_is_refused_and_says_the_limit(store: Store, path: str) -> None:
    message = "the body is larger than 26214400 bytes, the most a webhook sends"
    secret = b'{"secret":"' + SECRET.encode() + b'","x":"'
    body = secret + b"x" * (LIMIT + 1 - len(secret) - 2) + b'"}'
    async with receiving(store) as receiver:
        assert await receiver.post(path, body, HEADERS, 413) == message
        assert await receiver.post(path, chunks(body), HEADERS, 413) == message
        assert await receiver.post(path, chunks(body[:-3] + b'"}'), HEADERS) == "accepted"


async def test_a_compressed_body_is_taken_and_bounded_by_its_full_size(store: Store) -> None:
    async with receiving(store) as receiver:
        coded = HEADERS | {"Content-Encoding": "gzip"}
        await receiver.post(GITLAB, gzip.compress(push(3 * MB)), coded)
        message = await receiver.post(GITLAB, gzip.compress(b"{" + b" " * 100 * MB), coded, 413)
        assert message == "the body is larger than 26214400 bytes, the most a webhook sends"
        await broken(receiver, coded)
    await taken(store)
    (record,) = (await hooks(store))["raw_gitlab_hook"]
    assert len(record["data"]["message"]) == 3 * MB - 125


async def broken(receiver: Receiver, headers: dict[str, str]) -> None:
    """A body that is not what its header says."""
    message = await receiver.post(GITLAB, b"not compressed at all", headers, 400)
    assert message.startswith("the body could not be read")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not understood: JSONDecodeError: Expected object or value"),
        (b"garbage", "not understood: JSONDecodeError: "),
        (b"a=b&c=d", "not understood: JSONDecodeError: "),
        (b'{"object_kind":"push"', "not understood: JSONDecodeError: "),
        (b'{"object_kind":"\xff\xfe"}', "not understood: JSONDecodeError: "),
        (b"\x00\x01\x02\xff", "not understood: JSONDecodeError: "),
        (b'["push"]', "not understood: ValueError: the body is JSON, but no object"),
        (b'{"a":"\\ud800"}', "not understood: ValueError: the store cannot hold it: UnicodeEncodeError"),
        (b'{"a":18446744073709551616}', "not understood: ValueError: the store cannot hold it: Overflow"),
        (b'{"a\\u0000b":1}', "not understood: ValueError: the store cannot hold it: InvalidDocument"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "not understood: JSONDecodeError: "),
    ],
)
async def test_what_is_not_json_or_cannot_be_stored_is_answered_well_and_quarantined(
    store: Store, body: bytes, reason: str
) -> None:
    async with receiving(store) as receiver:
        await receiver.gitlab(body, "Push Hook", "k")
        await receiver.gitlab({"object_kind": "push", "project_id": 4, "ref": "refs/heads/m"}, key="good")
    await taken(store)
    found = await quarantined(store)
    assert found["reason"].startswith(reason)
    assert (found["upstream"], found["body"]) == ("gitlab", body)
    assert found["delivery"]["about"] == {"event": "Push Hook"}
    assert [record["_id"] for record in (await hooks(store))["raw_gitlab_hook"]] == ["gitlab:4:good"]


SECRETLY = b'"secret":"' + SECRET.encode() + b'"'


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"event":"bug::create","id":"2",%s}', "ValueError: the payload names no workspace_id"),
        (b'{"event":"bug::create","workspace_id":"1",%s}', "ValueError: the payload names no id of the bug"),
        (b'{"event":"story::x","workspace_id":"1","id":null,%s}', "ValueError: the payload names no id of"),
        (b'{"event":"task::x","workspace_id":"1","id":["2"],%s}', "TypeError: id is no id"),
        (b'{"event":"task::x","workspace_id":true,"id":"2",%s}', "TypeError: workspace_id is no id"),
        (b'{"workspace_id":"1","id":"2",%s}', "ValueError: the payload names no event"),
        (b'{"event":7,"workspace_id":"1","id":"2",%s}', "ValueError: the payload names no event"),
        (b'{"event":"bug::create","workspace_id":"1","id":"\xff",%s}', "JSONDecodeError: "),
        (b'{"event":"bug::create","workspace_id":"1",%s', "JSONDecodeError: "),
        (b'{"event":"bug::x","workspace_id":"1","id":"2","t":"\\udc00",%s}', "ValueError: the store cannot"),
        (b"event=bug%%3A%%3Ax&id=2&t=%%ff&secret=tapd+secret%%2Bof/the=tests%s", "UnicodeDecodeError: "),
        (b"event=bug::x&id=2&t=\xff&secret=tapd+secret%%2Bof/the=tests%s", "UnicodeDecodeError: "),
    ],
)
async def test_what_tapd_sends_and_nobody_understands_is_quarantined_without_its_secret(
    store: Store, body: bytes, reason: str
) -> None:
    json = body.startswith(b"{")
    async with receiving(store) as receiver:
        await receiver.post(TAPD, body % (SECRETLY if json else b""))
    await taken(store)
    found = await quarantined(store)
    assert found["reason"].startswith(f"not understood: {reason}")
    assert (found["upstream"], found["collection"]) == ("tapd", "raw_tapd_hook")
    blank = body % b'"secret":""' if json else (body % b"").replace(b"tapd+secret%2Bof/the=tests", b"")
    assert found["body"] == blank
    assert await hooks(store) == {}


async def test_a_form_of_tapd_says_what_its_json_says(store: Store) -> None:
    form = (
        "event=story%3A%3Aupdate&workspace_id=11&id=12&new_name=%E9%9C%80%E6%B1%82+1&old_name=&"
        "change_fields=name&event_id=5&queue_id=6&secret=tapd+secret%2Bof%2Fthe%3Dtests"
    )
    async with receiving(store) as receiver:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        await receiver.post(TAPD, form.encode(), kind)
    await taken(store)
    (record,) = (await hooks(store))["raw_tapd_story_hook"]
    assert (record["_id"], record["scope"], record["key"]) == ("tapd:11:tapd:5:6", "11", "12")
    assert record["data"] == {
        "event": "story::update",
        "workspace_id": "11",
        "id": "12",
        "new_name": "需求 1",
        "old_name": "",
        "change_fields": "name",
        "event_id": "5",
        "queue_id": "6",
    }


async def test_unknown_events_are_kept_as_they_are(store: Store) -> None:
    async with receiving(store) as receiver:
        await receiver.gitlab({"object_kind": "quantum", "novelty": [1, {"a": None}]}, "Quantum Hook", "q")
        await receiver.tapd({"event": "launchform::create", "workspace_id": 11, "id": 12, "event_id": "1"})
        await receiver.tapd({"event": "weather", "workspace_id": "11", "x": json.dumps({"a": 1})})
    await taken(store)
    found = await hooks(store)
    assert [(one["_id"], one["key"]) for one in found["raw_gitlab_hook"]] == [("gitlab::q", ":quantum:")]
    assert sorted((one["scope"], one["key"]) for one in found["raw_tapd_hook"]) == [("11", ""), ("11", "12")]
