"""Small upstreams on real sockets, for the cases that a test has to script itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
import pytest_asyncio
import ujson
from aiohttp import web

from collectors.quota import Quota
from collectors.tapd_client import TapdClient
from collectors.upstream import Patience, Upstream
from metrics_api.core.config import TapdInstance
from metrics_api.core.facts import Facts
from metrics_api.core.leases import Leases
from metrics_api.core.raw import RawStore
from metrics_api.core.store import Store

HASTY = Patience(
    attempts=4,
    first_s=0.01,
    longest_s=0.05,
    limited_first_s=0.05,
    limited_s=2.0,
    timeout_s=1.0,
    silence_s=0.3,
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Asked:
    """One request as it arrived."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    at: float


@dataclass
class Fake:
    """A server whose answers a test writes: `routes` by path, else `otherwise`."""

    url: str = ""
    routes: dict[str, Handler] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Note the request and let the route answer."""
        now = asyncio.get_running_loop().time()
        self.asked.append(Asked(request.path, dict(request.query), dict(request.headers), now))
        handler = self.routes.get(request.path)
        if handler is None:
            return envelope("Hello world from TAPD API. 1")
        return await handler(request)

    def queries(self, path: str) -> list[dict[str, str]]:
        """What was asked of one path, in order."""
        return [one.query for one in self.asked if one.path == path]


def envelope(data: Any, status: int = 1, info: str = "success", http: int = 200) -> web.Response:
    """TAPD's envelope."""
    text = ujson.dumps({"status": status, "data": data, "info": info}, escape_forward_slashes=False)
    return web.Response(text=text, status=http, content_type="application/json")


def listing(rows: list[dict[str, Any]], wrapper: str) -> Handler:
    """A list that honours page, limit, order by created and a `created` range or day."""

    async def handler(request: web.Request) -> web.StreamResponse:
        found = list(rows)
        created = request.query.get("created", "")
        if "~" in created:
            low, high = created.split("~")
            found = [row for row in found if low <= row["created"] <= high]
        elif created:
            found = [row for row in found if row["created"].startswith(created)]
        modified = request.query.get("modified", "")
        if modified:
            found = [row for row in found if row["modified"] >= modified.lstrip(">")]
        ascending = request.query.get("order", "").endswith("asc")
        found.sort(key=lambda row: (row["created"], row["id"]), reverse=not ascending)
        limit, page = int(request.query.get("limit", "30")), int(request.query.get("page", "1"))
        return envelope([{wrapper: row} for row in found[(page - 1) * limit : page * limit]])

    return handler


@pytest_asyncio.fixture
async def fake() -> AsyncIterator[Fake]:
    """A scripted server on a free port."""
    server = Fake()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


@pytest_asyncio.fixture
async def upstream(fake: Fake) -> AsyncIterator[Upstream]:
    """A connection to the scripted server that does not wait long."""
    connection = Upstream("tapd", fake.url, {"Authorization": "Bearer hush"}, Quota(10_000), patience=HASTY)
    yield connection
    await connection.aclose()


@pytest.fixture
def tapd(upstream: Upstream, fake: Fake) -> TapdClient:
    """A TAPD client of the scripted server."""
    return TapdClient(TapdInstance(url=fake.url, workspaces=("991",)), upstream)


async def succeeded(store: Store, collector: str, at: datetime, scope: str = "991") -> None:
    """Note that a collector read a scope whole, in a run that began at `at`."""
    mark = {"_id": f"{collector}:tapd:{scope}", "started_at": at}
    await store.durable("watermarks").insert_one(mark)


@pytest.fixture
def raw(store: Store) -> RawStore:
    """The raw store of this test's database."""
    return RawStore(store)


@pytest.fixture
def facts(store: Store) -> Facts:
    """The facts of this test's database."""
    return Facts(store, Leases(store))
