"""Behind every number of a panel are as many items as it says, by the link of its own series."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
import ujson

from metrics_api.catalog import load_catalog
from metrics_api.core.store import Store
from simulator.products import PRODUCTS
from tests.moment import now
from tests.replay.display import shown
from tests.replay.panels import GRAPHITE, panels
from tests.replay.wire import PanelSeries
from tests.system.harness import generated_config, serving
from tests.wires.lists import agrees

PROXY = "/api/datasources/proxy/uid/${Datasource}"
WEEK_S = 7 * 86_400
SLUGS = ("defect-analysis", "release-gate", "iteration", "cumulative-flow")
# How many of the last buckets with a number are followed, of each series; its first one is besides.
FOLLOWED = 3
Row = Mapping[str, Any]


def asked(slug: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    """(panel, target) of each query whose items can be named."""
    for panel in panels(GRAPHITE[slug]):
        for row in panel.get("targets", []):
            target: str = row["target"]
            if metric_of(target) in load_catalog().listed and "mode=arrivals" not in target:
                yield panel, target


def metric_of(target: str) -> str:
    """The name of what is asked for."""
    return target.removeprefix("@").partition("/")[0]


def address(panel: Mapping[str, Any], series: PanelSeries, filled: Mapping[str, str]) -> str:
    """Where the link of a series leads; "" for one that has none."""
    picture = shown(panel, series)
    links = picture.properties.get("links", panel["fieldConfig"]["defaults"]["links"])
    if not links:
        return ""
    url: str = links[0]["url"]
    name = quote(picture.name, safe="")
    for variable, value in {
        PROXY: "/graphite",
        "${__field.displayName:percentencode}": name,
        **filled,
    }.items():
        url = url.replace(variable, value)
    assert "$" not in url
    return url


@pytest.mark.parametrize("slug", SLUGS)
async def test_a_number_is_what_the_items_behind_it_make(
    mongodb_url: str, collected_company: str, slug: str
) -> None:
    until = now()
    since = until - 12 * WEEK_S
    product, followed, counted, nowhere = PRODUCTS[0].name, 0, 0, set()
    store = Store(mongodb_url, collected_company)
    # Ages hang on the clock.
    async with (
        serving(store, generated_config("", ""), now) as api,
        aiohttp.ClientSession(api) as session,
    ):
        sprint = await busiest_iteration(session, product, since, until)
        for panel, target in asked(slug):
            text = target.replace("$Product", product).replace("$Version", "*").replace("$Iteration", sprint)
            rows = await rendered(session, text, since, until)
            assert rows, target
            for row in rows:
                points = [point for point in row["datapoints"] if point[0] is not None]
                reduced = panel["type"] in ("stat", "bargauge")
                for value, at in points[-1:] if reduced else [*points[:1], *points[1:][-FOLLOWED:]]:
                    filled = {
                        "${Product:percentencode}": quote(product, safe=""),
                        "${Version:percentencode}": "*",
                        "${Iteration:percentencode}": quote(sprint, safe=""),
                        "${__value.time}": f"{at}000",
                        "${__from}": f"{since}000",
                        "${__to}": f"{until}000",
                    }
                    series = PanelSeries(row["target"], [], None, row["tags"])
                    url = address(panel, series, filled)
                    if not url:
                        nowhere.add(row["tags"].get("line") or row["tags"]["readoff"])
                        continue
                    url = url.replace("limit=100", "limit=1000")
                    async with session.get(url, headers={"Accept": "application/json"}) as answer:
                        said = await answer.text()
                        assert answer.status == 200, (panel["title"], url, said)
                        total = int(answer.headers["X-Engmetrics-Total"])
                    values = [ujson.loads(line)["value"] for line in said.splitlines()]
                    assert len(values) == total
                    assert agrees(target, row["tags"], value, values), (
                        *(panel["title"], row["target"], value, values, url),
                    )
                    followed += 1
                    counted += bool(value)
    await store.aclose()
    assert followed > 20
    assert counted > 10
    of_nobody = {
        "release-gate": {"gate"},
        "iteration": {"ideal"},
        "cumulative-flow": {"lead_time", "residual"},
    }
    assert nowhere == of_nobody.get(slug, set())


async def rendered(session: aiohttp.ClientSession, target: str, since: int, until: int) -> list[Row]:
    """The answer to a panel."""
    form = {"target": target, "from": str(since), "until": str(until), "format": "json"}
    async with session.post("/graphite/render", data=form) as answer:
        found: list[Row] = await answer.json()
    return found


async def busiest_iteration(session: aiohttp.ClientSession, product: str, since: int, until: int) -> str:
    """The iteration that most of the new bugs are planned for."""
    target = f"@tapd.bugs.distribution/product={product},by=iteration,of=created,step=all"
    found = {
        row["tags"]["iteration"]: row["datapoints"][0][0]
        for row in await rendered(session, target, since, until)
    }
    return max((name for name in found if name != "N/A"), key=lambda name: found[name])
