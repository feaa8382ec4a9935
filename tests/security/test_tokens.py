"""The API's token over real sockets: who is let in, who is not, and what stays open."""

from __future__ import annotations

import base64
import logging
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from metrics_api.app import OPEN, create_app
from metrics_api.core.config import Config, Server
from metrics_api.core.settings import Settings
from metrics_api.core.store import Store
from tests.wires.stand_in import NOW, StandIn

Client = TestClient[web.Request, web.Application]

TOKEN = "t0ken-Of:This+test/0123456789="
FIND = "/api/v1/grafana/metrics/find"
PRODUCTS = [{"expandable": False, "text": name} for name in ("A", "B", "R&D #1")]


def basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode('ascii')}"


async def client_of(environment: dict[str, str], insecure: bool = False) -> AsyncIterator[Client]:
    store = Store("mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=300", "nowhere")
    config = Config(server=Server(insecure=insecure))
    app = create_app(Settings(config, environment), store, StandIn(), lambda: NOW)
    async with TestClient(TestServer(app)) as found:
        yield found
    await store.aclose()


@pytest_asyncio.fixture
async def guarded() -> AsyncIterator[Client]:
    """A client of an API that asks for its token."""
    async for client in client_of({"ENGMETRICS_API_TOKEN": TOKEN}):
        yield client


@pytest_asyncio.fixture
async def unguarded() -> AsyncIterator[Client]:
    """A client of an API without a token."""
    async for client in client_of({}):
        yield client


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {TOKEN}"},
        {"Authorization": f"bearer  {TOKEN}"},
        {"Authorization": basic("grafana", TOKEN)},
        {"Authorization": basic("", TOKEN)},
        {"Authorization": basic("产品", TOKEN)},
        {"X-Engmetrics-Token": TOKEN},
        {"Apitoken": f'{{"name": "root", "sig": "{TOKEN}"}}'},
        {"Authorization": "Bearer another", "X-Engmetrics-Token": TOKEN},
    ],
)
async def test_whoever_sends_the_token_is_let_in(guarded: Client, headers: dict[str, str]) -> None:
    answer = await guarded.get(FIND, params={"query": "$product"}, headers=headers)
    assert (answer.status, await answer.json()) == (200, PRODUCTS)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": f"Bearer {TOKEN.upper()}"},
        {"Authorization": f"Digest {TOKEN}"},
        {"Authorization": TOKEN},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Basic ==="},
        {"Authorization": "Basic é"},
        {"Authorization": basic(TOKEN, "")},
        {"X-Engmetrics-Token": "é\udcff"},
        {"X-Engmetrics-Token": f'"{TOKEN}"'},
        {"Apitoken": TOKEN},
        {"Apitoken": "[" * 4000},
        {"Apitoken": f'{{"name": "{TOKEN}", "sig": ""}}'},
        {"Apitoken": '{"name": "root", "sig": 7}'},
        {"Apitoken": '{"name": "root", "sig": "\\ud800"}'},
        {"Cookie": f"token={TOKEN}"},
    ],
)
async def test_anybody_else_is_refused_in_json_and_told_how(guarded: Client, headers: dict[str, str]) -> None:
    answer = await guarded.get(FIND, params={"query": "$product"}, headers=headers)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="engmetrics"'
    assert await answer.json() == {
        "error": "Unauthorized",
        "message": "this API asks for its token: send it as a header, Authorization: Bearer TOKEN",
    }


async def test_the_token_is_not_taken_from_the_address(guarded: Client) -> None:
    answer = await guarded.get(FIND, params={"query": "$product", "token": TOKEN, "access_token": TOKEN})
    assert answer.status == 401


async def test_every_page_asks_for_the_token_but_the_probes_and_the_webhooks(guarded: Client) -> None:
    app = guarded.app
    assert app is not None
    asked, open_to_all = set(), set()
    for route in app.router.routes():
        assert route.resource is not None
        path = route.resource.canonical
        answer = await guarded.request(route.method, path)
        (asked if answer.status == 401 else open_to_all).add(path)
    assert {"/", "/metrics", FIND, "/graphite/render", "/api/v1/tapd/bugs", "/api/v1/gitlab/events"} <= asked
    assert open_to_all == OPEN & (asked | open_to_all)
    assert open_to_all >= {"/healthz", "/readyz", "/api/v1/gitlab/webhook", "/api/v1/tapd/webhook"}


async def test_what_is_not_there_does_not_show_without_the_token(guarded: Client) -> None:
    for method, path in (("GET", "/nothing"), ("PUT", FIND), ("GET", "/api/v1/tapd/webhook")):
        assert (await guarded.request(method, path)).status == 401
    login = {"Authorization": f"Bearer {TOKEN}"}
    assert (await guarded.get("/nothing", headers=login)).status == 404
    assert (await guarded.put(FIND, headers=login)).status == 405


async def test_the_probes_answer_without_the_token(guarded: Client) -> None:
    alive = await guarded.get("/healthz")
    assert (alive.status, await alive.json()) == (200, {"status": "alive"})
    assert (await guarded.get("/readyz")).status == 503


async def test_a_webhook_asks_for_its_own_secret_and_not_for_the_token(guarded: Client) -> None:
    for headers in ({}, {"Authorization": f"Bearer {TOKEN}"}):
        answer = await guarded.post("/api/v1/gitlab/webhook", data=b"{}", headers=headers)
        assert answer.status == 403
        assert "ENGMETRICS_GITLAB_GITLAB_WEBHOOK_SECRET" in (await answer.json())["message"]


async def test_a_browser_may_ask_whether_it_may_send_the_token(guarded: Client) -> None:
    asked = {
        "Origin": "http://grafana:3000",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "x-engmetrics-token",
    }
    preflight = await guarded.options(FIND, headers=asked)
    assert preflight.status == 200
    assert "X-Engmetrics-Token" in preflight.headers["Access-Control-Allow-Headers"]
    refused = await guarded.get(FIND, headers={"Origin": "http://grafana:3000"})
    assert (refused.status, refused.headers["Access-Control-Allow-Origin"]) == (401, "http://grafana:3000")


NEAR = ["http://localhost:3000", "http://127.0.0.1", "http://[::1]:3000", "http://grafana:3000"]
FAR = [
    "http://evil.example",
    "null",
    "http://localhost.evil.example",
    "http://evil@localhost",
    "http://8.8.8.8",
]


@pytest.mark.parametrize("origin", [*NEAR, *FAR])
async def test_without_a_token_pages_of_other_sites_do_not_read_from_this_machine(
    unguarded: Client, origin: str
) -> None:
    asked = {"Origin": origin, "Access-Control-Request-Method": "GET"}
    for answer in (
        await unguarded.get(FIND, params={"query": "$product"}, headers={"Origin": origin}),
        await unguarded.options(FIND, headers=asked),
    ):
        told = answer.headers.get("Access-Control-Allow-Origin")
        assert told == (origin if origin in NEAR else None)


async def test_told_to_be_open_it_lets_pages_of_any_site_read_as_falcon_plus_does() -> None:
    async for client in client_of({}, insecure=True):
        answer = await client.get(
            FIND, headers={"Origin": "http://grafana.example", "Host": "metrics.example"}
        )
        assert answer.headers["Access-Control-Allow-Origin"] == "http://grafana.example"
        assert answer.status == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8080", 200),
        ("localhost:8080", 200),
        ("[::1]:8080", 200),
        ("host.docker.internal:8080", 200),
        ("evil.example:8080", 403),
        ("evil.example", 403),
        ("localhost.evil.example:8080", 403),
        ("127.0.0.1.evil.example", 403),
    ],
)
async def test_without_a_token_only_names_of_this_machine_are_answered(
    unguarded: Client, host: str, status: int
) -> None:
    answer = await unguarded.get(FIND, params={"query": "$product"}, headers={"Host": host})
    assert answer.status == status
    if status == 403:
        assert "set ENGMETRICS_API_TOKEN, or say --insecure" in (await answer.json())["message"]
    # A webhook comes by whatever name there is, and has a secret of its own.
    assert (await unguarded.get("/healthz", headers={"Host": host})).status == 200


async def test_with_a_token_any_name_is_answered(guarded: Client) -> None:
    headers = {"Host": "metrics.example", "Authorization": f"Bearer {TOKEN}"}
    assert (await guarded.get(FIND, params={"query": "$product"}, headers=headers)).status == 200


async def test_without_a_token_everybody_reads(unguarded: Client) -> None:
    answer = await unguarded.get(FIND, params={"query": "$product"})
    assert (answer.status, await answer.json()) == (200, PRODUCTS)
    with_one = await unguarded.get(FIND, params={"query": "$product"}, headers={"Authorization": "Bearer x"})
    assert with_one.status == 200


async def test_no_token_is_ever_logged(guarded: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        await guarded.get(FIND, headers={"Authorization": f"Bearer {TOKEN}"})
        await guarded.get(FIND, headers={"Authorization": "Bearer a-wrong-token"})
    assert [record for record in caplog.records if record.message == "request"] != []
    written = "\n".join(str(vars(record)) for record in caplog.records)
    assert TOKEN not in written
    assert "a-wrong-token" not in written


def test_settings_do_not_show_their_token() -> None:
    settings = Settings(Config(), {"ENGMETRICS_API_TOKEN": TOKEN})
    assert settings.api_token() == TOKEN
    assert TOKEN not in repr(settings)
