"""One process of the bench: every metric of the catalog, asked as a dashboard asks, of so many items each.

A question is about one product and 90 days; where a metric can be asked `of` several things, or cannot do
without an option, there is a question for each value. Prints one JSON line: by question the median answer
over HTTP in milliseconds, and how many numbers were in it.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import statistics
import sys
import time
from collections.abc import Iterator

import aiohttp
import ujson

from bench.company import DAY_S, END, config
from bench.facts import MadeStore
from bench.serving import served
from metrics_api.catalog import Metric, choices, load_catalog
from metrics_api.core.settings import Settings

WINDOW_DAYS = 90
ROUNDS = 7
# So often the reader looks until it knows all the runs that are kept.
LOOKS = 40


def questions(metric: Metric) -> Iterator[str]:
    """The targets that ask a metric in all its ways."""
    keys = dict.fromkeys((*(("of",) if "of" in metric.options else ()), *metric.required))
    ways = [[f"{key}={value}" for value in choices(metric, key)] for key in keys]
    for way in itertools.product(*ways):
        pairs = ["product=Product 1", *way] if "product" in metric.filters else list(way)
        yield f"@{metric.name}/{','.join(pairs)}"


async def asked(session: aiohttp.ClientSession, url: str, target: str) -> tuple[float, int]:
    """(the median of some answers in milliseconds, how many numbers one has); none of them is cached."""
    took, numbers = [], 0
    for number in range(ROUNDS + 1):
        until = END - (number + 1) * DAY_S
        start = until - (WINDOW_DAYS - 1) * DAY_S
        form = {"target": target, "from": str(start), "until": str(until), "format": "json"}
        began = time.perf_counter()
        async with session.post(f"{url}/graphite/render", data=form) as response:
            body = await response.read()
        took.append((time.perf_counter() - began) * 1000)
        rows = ujson.loads(body)
        assert response.status == 200, (target, rows)
        numbers = sum(value is not None for row in rows for value, _ in row["datapoints"])
    return statistics.median(took[1:]), numbers


async def measured(count: int) -> dict[str, tuple[float, int]]:
    """By question the time of an answer, and how many numbers it has."""
    store = MadeStore({"bugs": count, "stories": count, "events": count})
    found = {}
    async with (
        served(store, Settings(config(), {})) as (url, reader),
        aiohttp.ClientSession() as session,
    ):
        for _ in range(LOOKS):
            await reader.look()
        for metric in load_catalog().metrics.values():
            for target in questions(metric):
                took, numbers = await asked(session, url, target)
                found[target] = round(took, 1), numbers
    return found


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measured(int(sys.argv[1])))))
