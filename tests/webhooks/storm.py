"""A storm of webhooks: so many a second, whether or not the ones before were answered.

As a program it sends them and prints what happened as JSON, so that it has a process of its own.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import aiohttp
import ujson

from tests.webhooks.harness import GITLAB, SECRET, TAPD, TOKEN

PROJECT, WORKSPACE = 40, "20"
# What one hundred deliveries are; the last are sent a second time.
PUSHES, NOTES, PIPELINES, BUGS, UPDATES, STORIES, AGAIN = 35, 10, 10, 20, 10, 10, 5
FILLING = "Some two thousand characters that a commit's message and its files would have. " * 25


@dataclass(frozen=True)
class Hook:
    """One delivery: where to, its body and its headers."""

    path: str
    body: bytes
    headers: dict[str, str]


def hook(number: int) -> Hook:
    """The delivery of that number; those with a number of one hundred from 95 on repeat the first ones."""
    hundred, place = divmod(number, 100)
    if place >= 100 - AGAIN:
        return hook(hundred * 100 + place - (100 - AGAIN))
    for kind, count in (
        (_push, PUSHES),
        (_note, NOTES),
        (_pipeline, PIPELINES),
        (_bug, BUGS),
        (_update, UPDATES),
        (_story, STORIES),
    ):
        if place < count:
            return kind(hundred * count + place, number)
        place -= count
    raise AssertionError(number)


def _gitlab(event: str, key: int, body: dict[str, Any]) -> Hook:
    project = {"id": PROJECT, "path_with_namespace": "storm/sea", "description": FILLING}
    headers = {"X-Gitlab-Token": TOKEN, "X-Gitlab-Event": event, "Idempotency-Key": f"key-{key}"}
    return Hook(GITLAB, ujson.dumps(body | {"project": project}).encode(), headers)


def _push(number: int, key: int) -> Hook:
    after = hashlib.sha1(str(number).encode()).hexdigest()
    body = {"object_kind": "push", "ref": "refs/heads/main", "before": "1" * 40, "after": after}
    return _gitlab("Push Hook", key, body | {"project_id": PROJECT})


def _note(number: int, key: int) -> Hook:
    at = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    attributes = {"id": number + 1, "noteable_type": "Issue", "action": "create", "created_at": at}
    return _gitlab("Note Hook", key, {"object_kind": "note", "object_attributes": attributes})


def _pipeline(number: int, key: int) -> Hook:
    attributes = {"id": number + 1, "status": "success"}
    return _gitlab("Pipeline Hook", key, {"object_kind": "pipeline", "object_attributes": attributes})


def _tapd(kind: str, verb: str, number: int, key: int, fields: dict[str, str]) -> Hook:
    said = {"event": f"{kind}::{verb}", "workspace_id": WORKSPACE, "id": f"11{WORKSPACE}{number:09}"}
    numbers = {"event_id": str(key), "queue_id": str(key), "secret": SECRET, "description": FILLING}
    return Hook(TAPD, ujson.dumps(said | fields | numbers).encode(), {"Content-Type": "application/json"})


def _bug(number: int, key: int) -> Hook:
    fields = {"title": "t", "status": "new", "created": "2025-03-01 09:00:00", "severity": "normal"}
    return _tapd("bug", "create", number, key, fields)


def _update(number: int, key: int) -> Hook:
    # Every second bug is updated, in a storm more likely than not before it was created.
    old = {"old_status": "new", "old_created": "2025-03-01 09:00:00", "old_modified": "2025-03-01 09:00:00"}
    new = {"new_status": "closed", "new_modified": "2025-03-02 10:00:00", "change_fields": "status,modified"}
    return _tapd("bug", "update", number * 2, key, old | new | {"created": "2025-03-02 10:00:00"})


def _story(number: int, key: int) -> Hook:
    fields = {"name": "s", "status": "planning", "created": "2025-03-01 09:00:00"}
    return _tapd("story", "create", number + 500_000, key, fields)


async def storm(url: str, rate: int, seconds: int) -> dict[str, Any]:
    """Send so many a second for so long; returns how often each status came, and the seconds to an answer."""
    hooks = [hook(number) for number in range(rate * seconds)]
    loop = asyncio.get_running_loop()
    statuses: Counter[str] = Counter()
    waits: list[float] = []
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
        began = loop.time()

        async def send(number: int) -> None:
            due = began + number / rate
            one = hooks[number]
            try:
                async with session.post(f"{url}{one.path}", data=one.body, headers=one.headers) as response:
                    await response.read()
                    statuses[str(response.status)] += 1
            except (aiohttp.ClientError, TimeoutError) as error:
                statuses[type(error).__name__] += 1
            waits.append(loop.time() - due)

        sending = []
        for number in range(len(hooks)):
            await asyncio.sleep(max(began + number / rate - loop.time(), 0))
            sending.append(asyncio.create_task(send(number)))
        sent_s = loop.time() - began
        await asyncio.gather(*sending)
    waits.sort()
    return {
        "statuses": dict(statuses),
        "sent_s": round(sent_s, 2),
        "median_s": round(waits[len(waits) // 2], 3),
        "p99_s": round(waits[len(waits) * 99 // 100], 3),
        "longest_s": round(waits[-1], 3),
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(storm(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))))
