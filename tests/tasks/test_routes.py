"""The queue over HTTP, on real sockets and the real store."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from metrics_api.app import create_app
from metrics_api.core.config import Config, GitlabInstance, TapdInstance
from metrics_api.core.settings import Settings
from metrics_api.core.store import Store
from metrics_api.core.tasks import Order, Tasks
from tests.wires.stand_in import NOW, StandIn

Client = TestClient[web.Request, web.Application]
CONFIG = Config(tapd=(TapdInstance(workspaces=("991", "992")),), gitlab=(GitlabInstance(),))
TOKEN = "t0ken-Of-This-test"


@pytest_asyncio.fixture
async def api(store: Store) -> AsyncIterator[Client]:
    app = create_app(Settings(CONFIG, {"ENGMETRICS_API_TOKEN": TOKEN}), store, StandIn(), lambda: NOW)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with TestClient(TestServer(app), headers=headers) as client:
        yield client


async def test_what_is_asked_for_is_queued_and_shown(api: Client, store: Store) -> None:
    body = {"kind": "backfill", "since": "2024-01-31", "scope": ["991", "gitlab"]}
    answer = await api.post("/api/v1/tasks", json=body)
    assert answer.status == 202
    first, second = (await answer.json())["tasks"]
    assert (first["kind"], first["upstream"], first["instance"], first["scope"], first["since"]) == (
        *("backfill", "tapd", "tapd", "991", "2024-01-31"),
    )
    assert (second["upstream"], second["scope"], second["state"], second["log"]) == (
        *("gitlab", "", "waiting", []),
    )
    again = await api.post("/api/v1/tasks/", json=body)
    assert [task["id"] for task in (await again.json())["tasks"]] == [first["id"], second["id"]]
    listed = await (await api.get("/api/v1/tasks")).json()
    assert [task["id"] for task in listed["tasks"]] == [second["id"], first["id"]]
    assert "log" not in listed["tasks"][0]
    one = await api.get(f"/api/v1/tasks/{first['id']}")
    assert await one.json() == first
    assert await (await api.get("/api/v1/tasks?state=running")).json() == {"tasks": []}
    assert len((await (await api.get("/api/v1/tasks?limit=1")).json())["tasks"]) == 1


async def test_without_the_token_nobody_sees_or_asks_for_anything(api: Client, store: Store) -> None:
    await Tasks(store).put(Order("collect", "tapd", "tapd"))
    nobody = {"Authorization": "Bearer wrong"}
    assert (await api.get("/api/v1/tasks", headers=nobody)).status == 401
    answer = await api.post("/api/v1/tasks", json={"kind": "collect"}, headers=nobody)
    assert answer.status == 401
    assert len(await store.all("tasks")) == 1


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, 'kind is missing, as in {"kind": "backfill", "since": "2024-01-31", "scope": "12345"}'),
        ({"kind": "sweep"}, "unknown kind 'sweep': use one of backfill, collect, reconcile, rebuild"),
        ({"kind": "backfill"}, "a backfill needs since, the first day to read again, as 2024-01-31"),
        (
            {"kind": "backfill", "since": "yesterday"},
            "since='yesterday' is not a day: write it as 2024-01-31",
        ),
        (
            {"kind": "collect", "scope": "993"},
            "unknown scope '993': use a workspace's id or a project's path, of 991, 992",
        ),
        *(
            (
                {"kind": "collect", "scope": scope},
                "scope names nothing: give a workspace's id or a project's path, "
                "or leave it out for everything",
            )
            for scope in ([], "", ["991", ""])
        ),
        ({"kind": "collect", "days": 3}, "unknown field 'days': use kind, since, scope"),
        ({"kind": ["a", {}]}, "kind: text or a number is needed"),
        ([], 'a JSON body is an object, as in {"target": ["@tapd#bugs#change#daily"]}'),
    ],
)
async def test_what_is_wrong_is_answered_with_what_would_be_right(
    api: Client, store: Store, body: object, message: str
) -> None:
    answer = await api.post("/api/v1/tasks", json=body)
    assert (answer.status, (await answer.json())["message"]) == (400, message)
    assert await store.all("tasks") == []


async def test_a_form_of_another_site_is_refused(api: Client, store: Store) -> None:
    answer = await api.post("/api/v1/tasks", data={"kind": "collect"})
    assert answer.status == 400
    assert (await answer.json())["message"].startswith("the body has to be JSON, with its Content-Type")
    assert await store.all("tasks") == []


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/api/v1/tasks/nobody", 404, "no task is called 'nobody': the list of tasks has their ids"),
        ("/api/v1/tasks?state=ill", 400, "unknown state 'ill': use one of waiting, running, success, failed"),
        ("/api/v1/tasks?limit=all", 400, "limit='all' is not a number of tasks: use 1 or more"),
        ("/api/v1/tasks?page=2", 400, "unknown field 'page': use state, limit"),
    ],
)
async def test_what_is_not_there_is_said(api: Client, path: str, status: int, message: str) -> None:
    answer = await api.get(path)
    assert (answer.status, (await answer.json())["message"]) == (status, message)
