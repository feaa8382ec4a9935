"""One process of the bench: a frame of so many bugs, asked over HTTP as Grafana would, and refreshed.

Prints one JSON line. The facts are made here instead of being read from the store, which at this size is what
the bench would otherwise measure.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Coroutine
from typing import Any

import aiohttp
import psutil
import ujson

from bench.company import DAY_S, END, config
from bench.facts import MadeStore
from bench.serving import now, served
from metrics_api.core.memory import keep_blocks, settle
from metrics_api.core.settings import Settings
from metrics_api.reader import Reader

CFD = "@tapd.bugs.flow.cumulative/product=Product 1"
QUERIES = {
    "cube": f"{CFD},version=v3.1.0",
    "cube, done_from=range": f"{CFD},version=v3.1.0,done_from=range",
    "cube, product only": CFD,
    "segments, severity as of": f"{CFD},version=v3.1.0,severity=serious,tz=UTC",
    "segments, label": f"{CFD},version=v3.1.0,label=label 07",
    "segments, by label": "@tapd.bugs.backlog.daily/product=Product 1,version=v3.1.0,by=label",
    "segments, module": f"{CFD},version=v3.1.0,severity=serious,module=module 7",
    "ledger": "@tapd.bugs.change.daily/product=Product 1,version=v3.1.0",
    "arrivals": f"{CFD},version=v3.1.0,mode=arrivals",
}


async def longest_pause(stop: asyncio.Event) -> float:
    """The longest time, in milliseconds, that the event loop did not come round."""
    worst = 0.0
    while not stop.is_set():
        began = time.perf_counter()
        await asyncio.sleep(0.001)
        worst = max(worst, time.perf_counter() - began - 0.001)
    return worst * 1000


async def timed(session: aiohttp.ClientSession, url: str, target: str, rounds: int) -> float:
    """The median of so many answers in milliseconds; each asks for another window, so none is cached."""
    took = []
    for number in range(rounds + 2):
        until = END - number * DAY_S
        form = {"target": target, "from": str(until - 364 * DAY_S), "until": str(until), "format": "json"}
        began = time.perf_counter()
        async with session.post(f"{url}/graphite/render", data=form) as response:
            body = await response.read()
        took.append((time.perf_counter() - began) * 1000)
        rows = ujson.loads(body)
        assert len(rows) >= 6, (target, len(rows))
        assert len(rows[0]["datapoints"]) == 365, len(rows[0]["datapoints"])
        assert any(value for row in rows for value, _ in row["datapoints"]), target
    return statistics.median(took[2:])


async def measured(count: int) -> dict[str, Any]:
    """Everything about one size."""
    process = psutil.Process()
    settle()
    keep_blocks()
    store, settings = MadeStore({"bugs": count}), Settings(config(), {})
    reader = Reader(store, settings.config, clock=now)
    loading = await watched(reader.look())
    frame = reader.world.items["bugs"]
    found: dict[str, Any] = {"bugs": frame.items, "segments": frame.size}
    found |= {"load_s": round(loading[0] / 1000, 1), "load_pause_ms": round(loading[1], 1)}
    async with served(store, settings, reader) as (url, _), aiohttp.ClientSession() as session:
        for name, target in QUERIES.items():
            found[name] = round(await timed(session, url, target, 21), 2)
        found["rss_mb"] = round(process.memory_info().rss / 2**20)
        refreshes = []
        for _ in range(7):
            store.change(1000)
            refreshes.append(await watched(reader.look()))
    found["refresh_ms"] = round(statistics.median(took for took, _ in refreshes), 1)
    found["refresh_pause_ms"] = round(max(pause for _, pause in refreshes), 1)
    return found


async def watched(doing: Coroutine[Any, Any, Any]) -> tuple[float, float]:
    """(how long something took, the longest the event loop did not come round meanwhile), milliseconds."""
    stop = asyncio.Event()
    watching = asyncio.create_task(longest_pause(stop))
    await asyncio.sleep(0.01)
    began = time.perf_counter()
    await doing
    took = (time.perf_counter() - began) * 1000
    stop.set()
    return took, await watching


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measured(int(sys.argv[1])))))
