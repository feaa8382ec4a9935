"""Collecting again, and rebuilding, change nothing; the analyst's script reads what was collected."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pandas as pd
import requests
import ujson

from collectors.deriving import rebuild
from metrics_api import client
from metrics_api.core.schema import TOPICS
from metrics_api.core.store import Store
from tests.company import stories
from tests.company.cases import TWO_WEEKS, query
from tests.conftest import RunningApi
from tests.moment import now
from tests.reference.questions import CHANGES, EVENTS, FLOW, STORY_FLOW
from tests.reference.wire import first_look
from tests.system.harness import collected, configured, over_graphite, serving, upstreams_of
from tests.system.in_memory import config_of

QUESTIONS = [TWO_WEEKS, query(FLOW, mode="arrivals"), query(CHANGES), query(EVENTS), query(STORY_FLOW)]


async def answers(store: Store) -> list[Any]:
    """What the API answers to some questions."""
    config = config_of(stories.company())
    async with aiohttp.ClientSession() as session, serving(store, config, lambda: TWO_WEEKS.now) as url:
        return [await over_graphite(session, url, one) for one in QUESTIONS]


async def facts(store: Store, counted: bool) -> dict[str, list[dict[str, Any]]]:
    """All facts by topic, without their stamps unless `counted`."""
    found = {}
    for topic in TOPICS:
        counter = await store.one("counters", f"topic:{topic}")
        documents = await store.all(counter["collection"]) if counter else []
        stamps = () if counted else ("generation", "seq")
        found[topic] = sorted(
            ({name: value for name, value in one.items() if name not in stamps} for one in documents),
            key=lambda one: str(one["_id"]),
        )
    return found


async def test_collecting_twice_and_rebuilding_change_nothing(store: Store) -> None:
    company = first_look(stories.company())
    await collected(upstreams_of(company), store, configured(company))
    expected, first = await answers(store), await facts(store, counted=True)
    assert all(one for one in expected)
    records = await collected(upstreams_of(company), store, configured(company))
    assert sum(record["new"] + record["changed"] for record in records) == 0
    assert sum(record["seen"] for record in records) > 0
    assert await facts(store, counted=True) == first
    assert await answers(store) == expected

    plain = await facts(store, counted=False)
    counts = await rebuild(store)
    assert (counts["bugs"], counts["stories"]) == (len(plain["bugs"]), len(plain["stories"]))
    assert await facts(store, counted=False) == plain
    assert await answers(store) == expected


async def test_the_analysts_script_reads_what_was_collected(running_api: RunningApi, store: Store) -> None:
    def script() -> pd.DataFrame:
        params = {"workspace_id": running_api.workspaces[0], "fields": "id,status"}
        answer = requests.get(f"{running_api.url}/api/v1/tapd/bugs", params, stream=True, timeout=30)
        return pd.DataFrame(ujson.loads(line) for line in answer.iter_lines())

    bugs = await asyncio.to_thread(script)
    assert list(bugs.columns) == ["id", "status"]
    assert len(bugs) > 100
    assert bugs["id"].is_unique
    again = await asyncio.to_thread(
        client.frame,
        f"{running_api.url}/api/v1/tapd/bugs",
        workspace_id=running_api.workspaces[0],
        fields="id,status",
    )
    pd.testing.assert_frame_equal(again, bugs)


async def test_bugs_by_version_add_up_to_the_exported_bugs(running_api: RunningApi) -> None:
    """The panel's number and pandas' own over the export are the same."""

    def exported() -> dict[str, int]:
        url = f"{running_api.url}/api/v1/tapd/bugs"
        rows = client.frame(url, workspace_id=running_api.workspaces[0], fields="id,version_report")
        return dict(rows["version_report"].replace("", None).fillna("N/A").value_counts())

    counted = await asyncio.to_thread(exported)
    form = {
        "target": f"@tapd.product.version.bugs/product={running_api.products[0]}",
        "from": now(),
        "until": now(),
    }
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{running_api.url}/graphite/render", data=form) as response,
    ):
        rows = await response.json()
    assert {row["tags"]["version"]: row["datapoints"][0][0] for row in rows} == counted
