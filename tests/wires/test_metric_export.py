"""The metric export: the numbers of both wires and of pandas, and words for what is wrong."""

from __future__ import annotations

import asyncio
import gzip
from itertools import pairwise
from typing import Any

import aiohttp
import pandas as pd
import pytest
import ujson

from metrics_api.catalog import load_catalog
from metrics_api.client import frame
from metrics_api.routes.metrics import expression
from metrics_api.routes.parameters import Parameters
from tests.conftest import RunningApi
from tests.moment import now
from tests.wires.recomputed import ZONE, cumulative, histories, ledger

FLOW, CHANGES = "tapd.bugs.flow.cumulative", "tapd.bugs.change.daily"
Points = dict[str, list[tuple[int, float | None]]]


async def lines(api: RunningApi, name: str, **params: Any) -> list[dict[str, Any]]:
    """The lines of an export; `since` stands for `from`, which Python keeps for itself."""
    query = {"from" if key == "since" else key: value for key, value in params.items()}
    url = f"{api.url}/api/v1/metrics/{name}"
    async with aiohttp.ClientSession() as session, session.get(url, params=query) as answer:
        assert answer.status == 200, await answer.text()
        return [ujson.loads(line) for line in (await answer.text()).splitlines()]


async def refused(api: RunningApi, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"{api.url}{path}") as answer:
        return answer.status, (await answer.json())["message"]


def pointed(found: list[dict[str, Any]]) -> Points:
    """The points by endpoint, in the order of the lines."""
    points: Points = {}
    for one in found:
        points.setdefault(one["endpoint"], []).append((one["time"], one["value"]))
    return points


async def on_panels(api: RunningApi, target: str, start: int, until: int) -> list[Points]:
    """What the two wires answer."""
    form = {"target": target, "from": str(start), "until": str(until), "format": "json"}
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{api.url}/graphite/render", data=form) as answer:
            graphite = {
                one["tags"]["series"]: [(at, value) for value, at in one["datapoints"]]
                for one in await answer.json()
            }
        async with session.post(f"{api.url}/api/v1/grafana/render", data=form) as answer:
            falcon = {
                one["endpoint"]: [(point["timestamp"], point["value"]) for point in one["Values"]]
                for one in await answer.json()
            }
    return [graphite, falcon]


@pytest.mark.parametrize("place", [0, 1], ids=["first product", "second product"])
@pytest.mark.parametrize("metric, recomputed", [(FLOW, cumulative), (CHANGES, ledger)], ids=[FLOW, CHANGES])
async def test_panels_and_exports_and_pandas_agree(
    running_api: RunningApi, metric: str, recomputed: Any, place: int
) -> None:
    product, workspace = running_api.products[place], running_api.workspaces[place]
    other = running_api.workspaces[1 - place]
    today = pd.Timestamp(now(), unit="s", tz=ZONE).normalize()
    days = pd.date_range(today - pd.Timedelta(days=120), today - pd.Timedelta(days=1))
    start, until = int(days[0].timestamp()), int(days[-1].timestamp())
    exported = pointed(await lines(running_api, metric, product=product, since=start, until=until))
    target = f"@{metric}/product={product}"
    for wire in await on_panels(running_api, target, start, until):
        assert wire == exported
        assert list(wire) == list(exported)
    found = await asyncio.to_thread(histories, running_api.url, product, workspace, other)
    expected = recomputed(found, days)
    answered = pd.DataFrame({name: [value for _, value in points] for name, points in exported.items()})
    pd.testing.assert_frame_equal(
        answered.set_axis(days, axis=0), expected, check_dtype=False, check_freq=False
    )
    assert [at for at, _ in exported[expected.columns[0]]] == [int(day.timestamp()) for day in days]
    # The company has some of everything, else equal tables would say little.
    assert (expected.sum() > 0).sum() >= 6


async def test_a_line_says_when_of_what_how_much_and_whether_it_is_over(running_api: RunningApi) -> None:
    product = running_api.products[0]
    found = await lines(running_api, CHANGES, product=product, since="-2d", until="now")
    assert len(found) == 9 * 3
    assert found[0] == {
        "time": found[0]["time"],
        "endpoint": "created",
        "tags": {"product": product, "move": "created", "name": CHANGES, "series": "created"},
        "value": found[0]["value"],
        "partial": False,
    }
    assert [one["endpoint"] for one in found[::3]] == list(dict.fromkeys(one["endpoint"] for one in found))
    assert [one["partial"] for one in found] == [False, False, True] * 9


async def test_a_name_may_be_spelled_as_in_a_target(running_api: RunningApi) -> None:
    plain = await lines(running_api, CHANGES, since="-3d")
    assert plain == await lines(running_api, "@tapd%23bugs%23change%23daily", since="-3d")
    assert plain == await lines(running_api, f"{CHANGES}/", since="-3d")


async def test_values_may_be_repeated_or_separated_by_commas_or_in_braces(running_api: RunningApi) -> None:
    first, second = running_api.products
    both = pointed(await lines(running_api, CHANGES, product=f"{{{first},{second}}}", since="-30d"))
    spellings: list[dict[str, Any]] = [{"product": f"{first},{second}"}, {"product": "*"}]
    for one in spellings:
        assert pointed(await lines(running_api, CHANGES, **one, since="-30d")) == both
    url = f"{running_api.url}/api/v1/metrics/{CHANGES}"
    listed = await asyncio.to_thread(frame, url, product=[first, second], **{"from": "-30d"})
    assert len(listed) == sum(map(len, both.values()))
    async with aiohttp.ClientSession() as session:
        query = [("product", first), ("product", second), ("from", "-30d")]
        async with session.get(url, params=query) as answer:
            assert pointed([ujson.loads(line) for line in (await answer.text()).splitlines()]) == both


async def test_options_and_regular_expressions_are_those_of_the_grammar(running_api: RunningApi) -> None:
    weeks = await lines(running_api, "tapd.bugs.backlog.daily", step="1w", by="severity", since="-60d")
    assert {one["endpoint"] for one in weeks} >= {"serious", "normal"}
    times = sorted({one["time"] for one in weeks})
    assert {after - before for before, after in pairwise(times)} == {7 * 86_400}
    some = pointed(await lines(running_api, "tapd.bugs.backlog.daily", severity="~s.*|f.*", since="-9d"))
    named = pointed(
        await lines(running_api, "tapd.bugs.backlog.daily", severity="serious,fatal", since="-9d")
    )
    others = pointed(
        await lines(running_api, "tapd.bugs.backlog.daily", **{"severity!": "fatal"}, since="-9d")
    )
    assert some == named
    fatal = pointed(await lines(running_api, "tapd.bugs.backlog.daily", severity="fatal", since="-9d"))
    whole = pointed(await lines(running_api, "tapd.bugs.backlog.daily", since="-9d"))
    assert [a + b for (_, a), (_, b) in zip(fatal["all"], others["all"], strict=True)] == [  # type: ignore[operator]
        value for _, value in whole["all"]
    ]


async def test_dates_are_whole_days_of_the_zone_that_answers(running_api: RunningApi) -> None:
    for zone in ("Asia/Shanghai", "America/New_York"):
        found = await lines(running_api, CHANGES, tz=zone, since="2026-10-30", until="2026-11-02")
        days = pd.date_range("2026-10-30", "2026-11-02", tz=zone)
        assert [one["time"] for one in found[:4]] == [int(day.timestamp()) for day in days]
        assert len(found) == 9 * 4
    # A metric of the end of the window stands at its last day.
    (at,) = {one["time"] for one in await lines(running_api, "tapd.product.version.bugs", until="2026-11-02")}
    assert at == int(pd.Timestamp("2026-11-02", tz=ZONE).timestamp())


async def test_what_is_not_known_yet_or_unknown_has_no_number(running_api: RunningApi) -> None:
    assert await lines(running_api, CHANGES, product="nobody's") == []
    early = await lines(running_api, CHANGES, since="2001-01-01", until="2001-01-03")
    assert [one["value"] for one in early] == [None] * 27


@pytest.mark.parametrize(
    "query, message",
    [
        ("colour=red", "has no filter or option 'colour'; filters: product, workspace, "),
        ("step=1y", "step=1y: use one of 1d, 1w, 1M, all"),
        ("tz=Mars", "unknown time zone 'Mars'"),
        ("by=colour", "by=colour: use one of product, workspace"),
        ("from=yesterday", "from='yesterday' is not a time"),
        ("until=2026-02-30", "until='2026-02-30' is no day of the calendar"),
        ("from=0001-01-01&until=0001-01-02&tz=UTC", ""),
        ("from=now&until=-1d", "from is later than until"),
        ("product=A&product=~B", ""),
        ("version=~(", "the regular expression of version"),
        ("by=severity&by=module", "by takes one value"),
    ],
)
async def test_what_is_wrong_with_a_question_is_said(
    running_api: RunningApi, query: str, message: str
) -> None:
    if not message:
        assert (await lines(running_api, f"{CHANGES}?{query}")) is not None
        return
    status, words = await refused(running_api, f"/api/v1/metrics/{CHANGES}?{query}")
    assert (status, message in words) == (400, True), words


async def test_an_unknown_name_is_answered_with_the_nearest(running_api: RunningApi) -> None:
    status, words = await refused(running_api, "/api/v1/metrics/tapd.bugs.changes.daily")
    assert status == 404
    assert "unknown metric 'tapd.bugs.changes.daily'; nearest: " in words
    assert CHANGES in words


async def test_the_list_names_every_metric_with_all_that_may_be_asked(running_api: RunningApi) -> None:
    url = f"{running_api.url}/api/v1/metrics"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        listed = {one["name"]: one for one in (await answer.json())["metrics"]}
    assert list(listed) == sorted(load_catalog().metrics)
    flow = listed[FLOW]
    assert flow["unit"] == "items"
    assert flow["splits"] == ["stage"]
    assert "severity" in flow["filters"]
    assert flow["options"]["mode"] == ["bands", "arrivals"]
    assert flow["options"]["step"] == ["1d", "1w", "1M", "all"]
    assert flow["options"]["by"] == flow["filters"]
    assert flow["options"]["tz"] == []
    assert flow["help"].startswith("Items in each stage at the end of each bucket")
    assert flow["definition"].startswith("Bands follow items back and forth")


async def test_an_answer_is_compressed_for_those_who_ask_and_the_same_each_time(
    running_api: RunningApi,
) -> None:
    url = f"{running_api.url}/api/v1/metrics/{CHANGES}"
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        async with session.get(url, headers={"Accept-Encoding": "identity"}) as answer:
            plain = await answer.read()
            assert "Content-Encoding" not in answer.headers
            assert answer.headers["Content-Type"] == "application/x-ndjson; charset=utf-8"
        async with session.get(url, headers={"Accept-Encoding": "gzip"}) as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            assert gzip.decompress(await answer.read()) == plain
        async with session.head(url) as answer:
            assert answer.status == 405


@pytest.mark.parametrize(
    "fields, target",
    [
        ({}, "seriesByTag('name=m.n')"),
        ({"product": ["A"], "from": ["-1d"], "until": ["now"]}, "seriesByTag('name=m.n','product=A')"),
        ({"product": ["A", "B"]}, "seriesByTag('name=m.n','product={A,B}')"),
        ({"product": ["A,B", "{C,D}"]}, "seriesByTag('name=m.n','product={A,B,C,D}')"),
        ({"product": ["{A}"]}, "seriesByTag('name=m.n','product={A}')"),
        ({"q": ["50,85"]}, "seriesByTag('name=m.n','q={50,85}')"),
        ({"version!": ["~v'1\\d"]}, "seriesByTag('name=m.n','version!=~v\\'1\\\\d')"),
    ],
)
async def test_parameters_are_the_pairs_of_a_target(fields: dict[str, list[str]], target: str) -> None:
    assert expression("m.n", Parameters(fields)) == target
