"""The record export: the issue's script, parameters in words, and streams that end well or break."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
import pytest_asyncio
import requests
import ujson
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from metrics_api.app import create_app
from metrics_api.client import frame, read_lines
from metrics_api.core.config import Config, GitlabInstance, Product, TapdInstance
from metrics_api.core.security import Principal
from metrics_api.core.settings import Settings
from metrics_api.core.store import Store
from metrics_api.routes.answers import Handler
from metrics_api.routes.keys import authorize
from tests.wires.conftest import Client
from tests.wires.records import bug, keep, workspaces
from tests.wires.stand_in import StandIn, world_of

BUGS = "/api/v1/tapd/bugs"


@pytest_asyncio.fixture
async def few(store: Store, exporting: Client, evaluator: StandIn) -> Client:
    """Two workspaces with four bugs, one of them removed."""
    evaluator.reader.world = world_of({"1001": "Product 1001", "1002": "Product 1002"})
    await workspaces(store, "1001", "1002")
    await keep(store, "raw_tapd_bug", "1001", [bug(10001, status="closed"), bug(10002), bug(10003)])
    await keep(store, "raw_tapd_bug", "1002", [bug(20001, status="in_progress")])
    removal = {"removed_at": datetime(2026, 2, 1, tzinfo=UTC), "removed_why": "deleted"}
    await store.collection("raw_tapd_bug").update_one({"key": "10002"}, {"$set": removal})
    return exporting


async def text_of(client: Client, query: str, path: str = BUGS) -> str:
    answer = await client.get(f"{path}?{query}")
    assert answer.status == 200, await answer.text()
    assert answer.headers["Content-Type"] == "application/x-ndjson; charset=utf-8"
    return await answer.text()


async def test_the_scripts_lines_hold_the_fields_asked_for_in_their_order(few: Client) -> None:
    assert await text_of(few, "workspace_id=1001&fields=id,status") == (
        '{"id": "10001", "status": "closed"}\n{"id": "10003", "status": "new"}\n'
    )
    assert await text_of(few, "workspace_id=1001&fields=status,module,id,status", f"{BUGS}/") == (
        '{"status": "closed", "module": null, "id": "10001"}\n'
        '{"status": "new", "module": null, "id": "10003"}\n'
    )
    assert await text_of(few, "workspace_id=1002") == (
        '{"id": "20001", "title": "缺陷 20001", "status": "in_progress", "module": null}\n'
    )


async def test_removed_bugs_come_only_when_asked_for(few: Client) -> None:
    assert await text_of(few, "workspace_id=1001&fields=id&removed=include") == (
        '{"id": "10001"}\n{"id": "10002"}\n{"id": "10003"}\n'
    )
    assert await text_of(few, "workspace_id=1001&fields=id&removed=exclude") == (
        '{"id": "10001"}\n{"id": "10003"}\n'
    )


async def test_several_workspaces_come_in_the_order_the_records_were_first_seen(
    few: Client, store: Store
) -> None:
    await keep(store, "raw_tapd_bug", "1001", [bug(10004), bug(10001, status="reopened")])
    expected = '{"id": "10001"}\n{"id": "10003"}\n{"id": "20001"}\n{"id": "10004"}\n'
    assert await text_of(few, "workspace_id=1002,1001&fields=id") == expected
    assert await text_of(few, "workspace_id=1002&workspace_id=1001&fields=id") == expected


async def test_one_workspace_id_on_two_servers_is_told_apart_by_instance(few: Client, store: Store) -> None:
    await workspaces(store, "1002", instance="tapd-eu")
    await keep(store, "raw_tapd_bug", "1002", [bug(90001)], instance="tapd-eu")
    assert await text_of(few, "workspace_id=1002&fields=id") == '{"id": "20001"}\n{"id": "90001"}\n'
    assert await text_of(few, "workspace_id=1002&fields=id&instance=tapd-eu") == '{"id": "90001"}\n'


async def test_changes_iterations_and_events_are_exported_alike(
    few: Client, store: Store, evaluator: StandIn
) -> None:
    evaluator.reader.world = world_of({"1001": "Product 1001"}, {"7": "group/app"})
    await keep(store, "raw_tapd_bug_change", "1001", [{"id": "c1", "bug_id": "10001", "field": "status"}])
    await keep(store, "raw_tapd_iteration", "1001", [{"id": "i1", "name": "迭代1"}])
    await keep(store, "raw_gitlab_event", "7", [{"id": "1", "action_name": "pushed to", "n.b": 1}], "gitlab")
    assert await text_of(few, "workspace_id=1001&fields=id,field", "/api/v1/tapd/bug_changes") == (
        '{"id": "c1", "field": "status"}\n'
    )
    assert (
        await text_of(few, "workspace_id=1001", "/api/v1/tapd/iterations")
        == '{"id": "i1", "name": "迭代1"}\n'
    )
    for project_id in ("7", "group/app", "group%2Fapp"):
        assert await text_of(
            few, f"project_id={project_id}&fields=id,action_name", "/api/v1/gitlab/events"
        ) == ('{"id": "1", "action_name": "pushed to"}\n')
    assert await text_of(few, "project_id=7&fields=n.b", "/api/v1/gitlab/events") == '{"n.b": 1}\n'


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        (BUGS, 400, "workspace_id is missing; known: 1001, 1002"),
        (f"{BUGS}?workspace_id=,", 400, "workspace_id is missing; known: 1001, 1002"),
        (f"{BUGS}?workspace_id=1003", 404, "unknown workspace_id '1003'; known: 1001, 1002"),
        (f"{BUGS}?workspace_id=1001,x", 404, "unknown workspace_id 'x'; known: 1001, 1002"),
        (f"{BUGS}?workspace_id=1001&instance=eu", 404, "unknown instance 'eu'; known: tapd"),
        (f"{BUGS}?workspace_id=1001&fields=id,statsu", 400, "unknown field 'statsu'; did you mean status?"),
        (
            f"{BUGS}?workspace_id=1001&fields=$where",
            400,
            "unknown field '$where'; known: id, module, status, title",
        ),
        (
            f"{BUGS}?workspace_id=1001&fields=",
            400,
            "fields is empty: leave it out, or give names separated by commas",
        ),
        (
            f"{BUGS}?workspace_id=1001&limit=5",
            400,
            "unknown parameter 'limit'; there are: workspace_id, fields, removed, instance",
        ),
        (f"{BUGS}?workspace_id=1001&removed=yes", 400, "removed takes include or exclude (the default)"),
        (f"{BUGS}?workspace_id=%FF", 400, "the query string is not UTF-8"),
        (
            "/api/v1/gitlab/events?project_id=group/app",
            404,
            "unknown project_id 'group/app'; known: none yet, nothing has been collected",
        ),
        (
            "/api/v1/gitlab/events",
            400,
            "project_id is missing; known: none yet, nothing has been collected",
        ),
    ],
)
async def test_parameters_that_cannot_be_are_refused_in_words(
    few: Client, path: str, status: int, message: str
) -> None:
    answer = await few.get(path)
    assert answer.status == status
    assert (await answer.json())["message"] == message


async def test_a_workspace_without_records_is_an_empty_answer(few: Client, store: Store) -> None:
    await workspaces(store, "1003")
    at = datetime(2026, 3, 2, tzinfo=UTC)
    marks = [{"_id": f"tapd.bugs:{scope}", "started_at": at} for scope in ("tapd:1003", "eu:55")]
    await store.collection("watermarks").insert_many(marks)
    assert await text_of(few, "workspace_id=1003") == ""
    configured = TapdInstance(name="eu", workspaces=("55",))
    app = create_app(Settings(Config(tapd=(configured,)), {}), store, StandIn())
    async with TestClient(TestServer(app)) as client:
        assert await text_of(client, "workspace_id=55&fields=id") == ""


async def test_line_ends_of_unicode_stay_inside_their_record(few: Client, store: Store) -> None:
    odd = "a\u2028b\u2029c\x85d\ne\r\"'/\\ \U0001f600 \x00 \x1c"
    await workspaces(store, "1009")
    await keep(store, "raw_tapd_bug", "1009", [bug(1, title=odd)])
    text = await text_of(few, "workspace_id=1009&fields=title")
    assert len(text.splitlines()) == 1
    assert ujson.loads(text) == {"title": odd}


async def test_gzip_is_used_when_asked_for_and_only_then(few: Client) -> None:
    url = f"{BUGS}?workspace_id=1001&fields=id"
    for accepted, coded in (
        ("gzip", True),
        ("deflate, gzip;q=0.5", True),
        ("*", True),
        ("identity", False),
        ("gzip;q=0", False),
        ("deflate", False),
    ):
        answer = await few.get(url, headers={"Accept-Encoding": accepted})
        assert ("Content-Encoding" in answer.headers) is coded
        assert await answer.text() == '{"id": "10001"}\n{"id": "10003"}\n'
        assert answer.headers["Vary"] == "Accept-Encoding"


async def test_the_script_of_the_manual_works_as_it_stands(few: Client) -> None:
    url = str(few.make_url(BUGS))

    def script() -> pd.DataFrame:
        response = requests.get(
            url, params={"workspace_id": "1001,1002", "fields": "id,status"}, stream=True, timeout=10
        )
        return pd.DataFrame([ujson.loads(line) for line in response.iter_lines()])

    found = await asyncio.to_thread(script)
    assert found.to_dict("list") == {
        "id": ["10001", "10003", "20001"],
        "status": ["closed", "new", "in_progress"],
    }
    same = await asyncio.to_thread(frame, url, workspace_id=["1001", "1002"], fields="id, status")
    pd.testing.assert_frame_equal(same, found)
    nothing = await asyncio.to_thread(frame, url, workspace_id="1002", fields=["id"], instance="tapd")
    assert list(nothing.columns) == ["id"]


async def test_the_client_raises_the_servers_words(few: Client) -> None:
    with pytest.raises(requests.HTTPError, match="404: unknown workspace_id 'x'; known: 1001, 1002"):
        await asyncio.to_thread(lambda: list(read_lines(str(few.make_url(BUGS)), workspace_id="x")))


async def test_products_of_the_configuration_cover_workspaces_and_projects(store: Store) -> None:
    product = Product(name="A", workspaces=("1001",), projects=("group/app",))
    config = Config(tapd=(TapdInstance(),), gitlab=(GitlabInstance(),), product=(product,))
    evaluator = StandIn()
    evaluator.reader.world = world_of({"1002": "B"}, {"7": "group/app", "8": "group/other"}, config)
    await keep(store, "raw_tapd_bug", "1001", [bug(1)])
    await keep(store, "raw_gitlab_event", "7", [{"id": "1"}], "gitlab")
    app = create_app(Settings(config, {}), store, evaluator)
    app.middlewares.append(reading("A"))
    async with TestClient(TestServer(app)) as client:
        assert await text_of(client, "workspace_id=1001&fields=id") == '{"id": "1"}\n'
        events = "/api/v1/gitlab/events"
        assert await text_of(client, "project_id=group/app", events) == '{"id": "1"}\n'
        for path in (
            f"{BUGS}?workspace_id=1002",
            f"{events}?project_id=group/other",
            f"{events}?project_id=8",
        ):
            assert (await client.get(path)).status == 404
        answer = await client.head(f"{BUGS}?workspace_id=1001")
        assert answer.status == 405


def reading(*products: str) -> Any:
    """A middleware that lets callers read some products only."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        authorize(request, Principal("some", frozenset(products)))
        return await handler(request)

    return middleware


async def test_two_workspaces_of_one_name_are_the_two_products_that_the_metrics_show(store: Store) -> None:
    evaluator = StandIn()
    evaluator.reader.world = world_of({"1": "Shop", "2": "Shop"})
    for scope in ("1", "2", "3"):
        await keep(store, "raw_tapd_workspace", scope, [{"id": scope, "name": "Shop"}])
        await keep(store, "raw_tapd_bug", scope, [bug(int(scope))])
    app = create_app(Settings(Config(), {}), store, evaluator)
    app.middlewares.append(reading("Shop", "Shop (1)"))
    async with TestClient(TestServer(app)) as client:
        assert await text_of(client, "workspace_id=1&fields=id") == '{"id": "1"}\n'
        for other in ("2", "3"):
            answer = await client.get(f"{BUGS}?workspace_id={other}")
            assert (answer.status, (await answer.json())["message"]) == (
                404,
                f"unknown workspace_id '{other}'; known: 1",
            )


async def test_what_is_collected_but_not_yet_in_the_context_is_exported_to_who_may_read_all(
    store: Store, exporting: Client, evaluator: StandIn
) -> None:
    evaluator.reader.world = world_of({"1001": "Product 1001"})
    await workspaces(store, "1003")
    await keep(store, "raw_tapd_bug", "1003", [bug(3)])
    await keep(store, "raw_gitlab_project", "7", [{"id": "7", "path_with_namespace": "group/app"}], "gitlab")
    await keep(store, "raw_gitlab_event", "7", [{"id": "1"}], "gitlab")
    assert await text_of(exporting, "workspace_id=1003&fields=id") == '{"id": "3"}\n'
    assert await text_of(exporting, "project_id=7", "/api/v1/gitlab/events") == '{"id": "1"}\n'


async def test_an_id_nobody_knows_is_a_503_until_the_context_is_loaded(
    store: Store, exporting: Client, evaluator: StandIn
) -> None:
    evaluator.reader.refreshed_at = None
    loading = await exporting.get(f"{BUGS}?workspace_id=1003")
    assert (loading.status, await loading.json()) == (
        503,
        {
            "error": "Service Unavailable",
            "message": "which scopes there are is not loaded yet: try again in a few seconds",
        },
    )
    await workspaces(store, "1003")
    early = await exporting.get(f"{BUGS}?workspace_id=1003")
    assert (early.status, (await early.json())["message"]) == (
        503,
        "workspace_id 1003 has not been collected yet: `engmetrics status` says what the collectors did",
    )
