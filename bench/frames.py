"""One process of the bench: a frame of so many bugs, asked over HTTP as Grafana would, and refreshed.

Prints one JSON line. The facts are made here instead of being read from the store, which at this size is what
the bench would otherwise measure.
"""

from __future__ import annotations

import asyncio
import gc
import json
import statistics
import sys
import time
from dataclasses import replace
from random import Random
from typing import Any

import aiohttp
import psutil
from aiohttp import web

from bench.facts import BEGIN, DAY_S, DAYS, context, fact, facts
from metrics_api.app import create_app
from metrics_api.core.config import Config
from metrics_api.core.schema import FEEDS
from metrics_api.core.settings import Settings
from metrics_api.core.store import Store
from metrics_api.cube import build_cube, change_cube
from metrics_api.evaluate import Evaluator
from metrics_api.frames import ItemTable
from metrics_api.reader import Reader
from metrics_api.world import World

END = BEGIN + (DAYS + 20) * DAY_S
CFD = "@tapd.bugs.flow.cumulative/product=Product 1"
QUERIES = {
    "cube": f"{CFD},version=v3.1.0",
    "cube, done_from=range": f"{CFD},version=v3.1.0,done_from=range",
    "cube, product only": CFD,
    "segments, severity as of": f"{CFD},version=v3.1.0,severity=serious,tz=UTC",
    "segments, module": f"{CFD},version=v3.1.0,severity=serious,module=module 7",
    "ledger": "@tapd.bugs.change.daily/product=Product 1,version=v3.1.0",
    "arrivals": f"{CFD},version=v3.1.0,mode=arrivals",
}


class _Still(Reader):
    """A reader whose world is set by hand."""

    async def run(self) -> None:
        """Look at nothing."""

    async def look(self) -> bool:
        """Nothing changes by itself."""
        return False


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
            rows = await response.json()
        took.append((time.perf_counter() - began) * 1000)
        assert len(rows) >= 6, (target, len(rows))
        assert len(rows[0]["datapoints"]) == 365, len(rows[0]["datapoints"])
        assert any(value for row in rows for value, _ in row["datapoints"]), target
    return statistics.median(took[2:])


async def measured(count: int) -> dict[str, Any]:
    """Everything about one size."""
    process = psutil.Process()
    table = ItemTable(context())
    began = time.perf_counter()
    spent = 0.0
    for chunk in facts(count):
        at = time.perf_counter()
        table.apply(chunk)
        spent += time.perf_counter() - at
    frame = table.snapshot()
    at = time.perf_counter()
    cube = build_cube(frame)
    cube_s = time.perf_counter() - at
    frame = replace(frame, cubes=(cube,))
    known = {(name, key): END for name in FEEDS["bugs"] for key in table.context.workspaces}
    store = Store("mongodb://127.0.0.1:1/", "bench")
    settings = Settings(Config(), {})
    reader = _Still(store, settings.config)
    reader.world = World(table.context, bugs=frame, versions={"bugs": 1}, known=known)
    evaluator = Evaluator(reader, clock=lambda: END)
    runner = web.AppRunner(create_app(settings, store, evaluator, clock=lambda: END), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    found: dict[str, Any] = {
        "bugs": count,
        "segments": frame.size,
        "load_s": round(spent, 1),
        "cube_s": round(cube_s, 1),
    }
    found["made_s"] = round(time.perf_counter() - began, 1)
    found["cube_entries"] = len(cube.delta)
    async with aiohttp.ClientSession() as session:
        for name, target in QUERIES.items():
            found[name] = round(await timed(session, url, target, 21), 2)
    gc.collect()
    found["rss_mb"] = round(process.memory_info().rss / 2**20)
    refreshes, pauses = [], []
    rng = Random(2)
    for _ in range(7):
        changed = [fact(rng, rng.randrange(count)) for _ in range(1000)]
        stop = asyncio.Event()
        watching = asyncio.create_task(longest_pause(stop))
        await asyncio.sleep(0.01)
        at = time.perf_counter()
        change = await asyncio.to_thread(table.apply, changed)
        frame = table.snapshot()
        more = await asyncio.to_thread(change_cube, frame, *change)
        cubes = (*reader.world.bugs.cubes, more) if reader.world.bugs else (more,)
        reader.world = replace(reader.world, bugs=replace(frame, cubes=cubes))
        refreshes.append((time.perf_counter() - at) * 1000)
        stop.set()
        pauses.append(await watching)
    found["refresh_ms"] = round(statistics.median(refreshes), 1)
    found["refresh_pause_ms"] = round(max(pauses), 1)
    await runner.cleanup()
    evaluator.close()
    return found


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measured(int(sys.argv[1])))))
