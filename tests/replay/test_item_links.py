"""The links of the panels lead to lists that the API answers, below both datasources."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import aiohttp

from tests.conftest import RunningApi
from tests.moment import now
from tests.replay.panels import FALCON, GRAPHITE, panels

PLACES = {"/graphite": GRAPHITE, "/api/v1/grafana": FALCON}
PROXY = "/api/datasources/proxy/uid/${Datasource}"
DAY_MS = 86_400_000


def links() -> Iterator[tuple[str, str]]:
    """(what a link belongs to, its address below the API's own)."""
    for place, boards in PLACES.items():
        for slug, board in boards.items():
            for panel in panels(board):
                for link in panel.get("fieldConfig", {}).get("defaults", {}).get("links", []):
                    assert link["url"].startswith(PROXY)
                    yield f"{slug}: {panel['title']}", place + link["url"].removeprefix(PROXY)


def followed(url: str, product: str, now_ms: int) -> str:
    """The address with Grafana's variables filled in: a product, All of the rest, three days ago."""
    filled = {
        "${Product:percentencode}": quote(product, safe=""),
        "${Version:percentencode}": "*",
        "${Iteration:percentencode}": "*",
        "&series=${__field.displayName:percentencode}": "",
        "${__value.time}": str(now_ms - 3 * DAY_MS),
        "${__from}": str(now_ms - 90 * DAY_MS),
        "${__to}": str(now_ms),
    }
    for variable, value in filled.items():
        url = url.replace(variable, value)
    return url


async def test_every_link_is_answered_and_most_lists_hold_something(running_api: RunningApi) -> None:
    now_ms = now() * 1000
    totals = {}
    async with aiohttp.ClientSession() as session:
        for where, url in links():
            if url in totals:
                continue
            address = running_api.url + followed(url, running_api.products[0], now_ms)
            async with session.get(address, headers={"Accept": "text/html"}) as answer:
                assert answer.status == 200, (where, await answer.text())
                assert answer.content_type == "text/html"
                totals[url] = int(answer.headers["X-Engmetrics-Total"])
    assert sum(map(bool, totals.values())) > len(totals) / 2
    # Both datasources lead to the same lists.
    assert [totals[url] for url in totals if url.startswith("/graphite")] == [
        totals[url] for url in totals if url.startswith("/api")
    ]
