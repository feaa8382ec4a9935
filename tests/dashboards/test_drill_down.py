"""Behind every number on defects there are as many bugs as it says, by the link of its own series."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from metrics_api.catalog import load_catalog
from tests.conftest import RunningApi
from tests.replay.display import shown
from tests.replay.panels import GRAPHITE, panels
from tests.replay.wire import PanelSeries

PROXY = "/api/datasources/proxy/uid/${Datasource}"
WEEK_S = 7 * 86_400
Row = Mapping[str, Any]


def asked() -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """(dashboard, panel, target) of each query about bugs whose items can be named."""
    for slug in ("defect-analysis", "release-gate"):
        for panel in panels(GRAPHITE[slug]):
            for row in panel.get("targets", []):
                if row["target"].removeprefix("@").partition("/")[0] in load_catalog().listed:
                    yield slug, panel, row["target"]


def address(panel: Mapping[str, Any], series: PanelSeries, filled: Mapping[str, str]) -> str:
    """Where the link of a series leads."""
    picture = shown(panel, series)
    links = picture.properties.get("links") or panel["fieldConfig"]["defaults"]["links"]
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


@pytest.mark.parametrize("slug", ["defect-analysis", "release-gate"])
async def test_a_list_holds_as_many_bugs_as_the_number_says(running_api: RunningApi, slug: str) -> None:
    now = int(time.time())
    since = now - 12 * WEEK_S
    product, followed, counted = running_api.products[0], 0, 0
    async with aiohttp.ClientSession(running_api.url) as session:
        for _, panel, target in (one for one in asked() if one[0] == slug):
            text = target.replace("$Product", product).replace("$Version", "*")
            form = {"target": text, "from": str(since), "until": str(now), "format": "json"}
            async with session.post("/graphite/render", data=form) as answer:
                rows: list[Row] = await answer.json()
            unit = load_catalog().metric(target.removeprefix("@").partition("/")[0]).unit
            for row in rows:
                points = [point for point in row["datapoints"] if point[0] is not None]
                if not points:
                    continue
                value, at = points[-1]
                filled = {
                    "${Product:percentencode}": quote(product, safe=""),
                    "${Version:percentencode}": "*",
                    "${__value.time}": f"{at}000",
                    "${__from}": f"{since}000",
                    "${__to}": f"{now}000",
                }
                series = PanelSeries(row["target"], [], None, row["tags"])
                url = address(panel, series, filled)
                async with session.get(url, headers={"Accept": "text/html"}) as answer:
                    assert answer.status == 200, (panel["title"], url, await answer.text())
                    total = int(answer.headers["X-Engmetrics-Total"])
                followed += 1
                if unit == "items":
                    # A bug that was reopened twice on a day counts twice and is listed once.
                    assert total == value or ("move" in row["tags"] and 0 < total < value), (
                        panel["title"],
                        row["target"],
                        url,
                    )
                    counted += bool(value)
                elif value and row["tags"].get("line") != "gate" and row["tags"].get("kind") != "undated_n":
                    assert total, (panel["title"], row["target"], url)
    assert followed > 20
    assert counted > 3
