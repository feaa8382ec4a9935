"""One process of the bench: a company's bugs with their history collected, against a bare loop.

The bare loop sends the same requests one after the other and inserts the same documents as durably, in
batches of the same size, into a database with the same indexes. It neither looks at a record nor derives
anything, and holds no lease. Both are done some times in turn, each time in a new store; the best counts.
Prints one JSON line.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import ujson

from collectors import registry
from collectors.run import FLUSH_RECORDS
from collectors.scheduler import collect
from metrics_api.core.config import Config, TapdInstance
from metrics_api.core.settings import Settings
from metrics_api.core.store import Document, Store, opened_store
from metrics_api.embedded import embedded_store
from simulator import Company, TapdAccount

DAYS = 365
UNLIMITED = 1_000_000
ROUNDS = 3
Writes = dict[str, list[Document]]


@contextmanager
def upstream(bugs: int) -> Iterator[str]:
    """The address of a TAPD with so many bugs, in a process of its own."""
    command = [sys.executable, "-m", "bench.upstream", str(bugs), str(DAYS)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.stdin.close()


async def control(url: str, order: dict[str, Any]) -> dict[str, Any]:
    """What the simulator's control address answers to an order."""
    async with aiohttp.ClientSession() as session, session.post(f"{url}/_simulator", json=order) as response:
        return dict(await response.json())


async def collected(url: str, store: Store) -> float:
    """The seconds that a round takes."""
    instance = TapdInstance(url=url, company_id=Company().company_id, quota_per_minute=UNLIMITED)
    settings = Settings(Config(tapd=(instance,)), {"ENGMETRICS_TAPD_TAPD_TOKEN": TapdAccount().token})
    began = time.perf_counter()
    records = await collect(settings, store, once="all")
    took = time.perf_counter() - began
    failed = [record["error"] for record in records if record["error"]]
    assert not failed, failed
    return took


async def written(store: Store) -> Writes:
    """All that a collection left in the store."""
    return {name: await store.all(name) for name in await store.names("")}


async def bare(url: str, asked: list[dict[str, Any]], writes: Writes, store: Store) -> float:
    """The seconds of the bare loop."""
    headers = {"Authorization": f"Bearer {TapdAccount().token}"}
    began = time.perf_counter()
    async with aiohttp.ClientSession(headers=headers) as session:
        for one in asked:
            async with session.get(f"{url}{one['path']}", params=one["query"]) as response:
                ujson.loads(await response.read())
    for name, documents in writes.items():
        for at in range(0, len(documents), FLUSH_RECORDS):
            part = documents[at : at + FLUSH_RECORDS]
            await store.durable(name).insert_many(part, ordered=False)
    return time.perf_counter() - began


async def compared(url: str) -> dict[str, float]:
    """The seconds of a first round, of a second one without news, and of the bare loop; and what they did."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            embedded_store(Path(folder)) as uri,
            opened_store(uri, "collected") as ours,
            opened_store(uri, "bare") as theirs,
        ):
            await control(url, {"clear": True})
            first = await collected(url, ours)
            asked = (await control(url, {"seen": True}))["seen"]
            writes = await written(ours)
            loop = await bare(url, asked, writes, theirs)
            again = await collected(url, ours)
    return {
        "bugs": len(writes["raw_tapd_bug"]),
        "changes": len(writes["raw_tapd_bug_change"]),
        "requests": len(asked),
        "first_s": first,
        "bare_s": loop,
        "again_s": again,
    }


async def measured(bugs: int) -> dict[str, float]:
    """The best of some rounds."""
    # What is imported when it is first needed is no part of collecting.
    registry()
    with upstream(bugs) as url:
        rounds = [await compared(url) for _ in range(ROUNDS)]
    return {name: round(min(one[name] for one in rounds), 2) for name in rounds[0]}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measured(int(sys.argv[1])))))
