"""A task has one kind and one day: of several nobody knows which was meant."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import TestClient, TestServer

from metrics_api.app import create_app
from metrics_api.core.config import Config, TapdInstance
from metrics_api.core.settings import Settings
from metrics_api.core.store import Store
from tests.wires.stand_in import NOW, StandIn


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"kind": ["collect", "rebuild"]}, "kind is given 2 times: a task has one"),
        (
            {"kind": "backfill", "since": ["2024-01-31", "2024-02-29", "2024-03-31"]},
            "since is given 3 times: a task has one",
        ),
    ],
)
async def test_what_is_given_twice_is_refused(store: Store, body: object, message: str) -> None:
    app = create_app(Settings(Config(tapd=(TapdInstance(),)), {}), store, StandIn(), lambda: NOW)
    async with TestClient(TestServer(app)) as api:
        answer = await api.post("/api/v1/tasks", json=body)
        assert (answer.status, (await answer.json())["message"]) == (400, message)
    assert await store.all("tasks") == []
