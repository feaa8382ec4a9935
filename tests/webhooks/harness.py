"""The running API with webhook secrets, senders for it, and the collecting side by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import ujson
from aiohttp import web

from collectors.deriving import Deriver
from collectors.webhooks import Webhooks
from metrics_api.app import create_app
from metrics_api.core.config import Config, GitlabInstance, TapdInstance
from metrics_api.core.facts import Facts
from metrics_api.core.leases import Leases
from metrics_api.core.raw import RawStore
from metrics_api.core.settings import Settings
from metrics_api.core.store import Document, Store
from metrics_api.evaluate import Evaluator
from metrics_api.reader import Reader

TOKEN, SECRET = "gitlab-token-of-the-tests", "tapd secret+of/the=tests"
ENVIRONMENT = {
    "ENGMETRICS_GITLAB_GITLAB_WEBHOOK_SECRET": TOKEN,
    "ENGMETRICS_TAPD_TAPD_WEBHOOK_SECRET": SECRET,
}
CONFIG = Config(tapd=(TapdInstance(),), gitlab=(GitlabInstance(),))
GITLAB, TAPD = "/api/v1/gitlab/webhook", "/api/v1/tapd/webhook"


@dataclass(frozen=True)
class Receiver:
    """A running API and a client for it."""

    url: str
    session: aiohttp.ClientSession

    async def post(
        self, path: str, body: Any, headers: Mapping[str, str] | None = None, status: int = 200
    ) -> str:
        """Send a body, an object as JSON; the status is checked and the answer's message returned."""
        data = ujson.dumps(body, ensure_ascii=False).encode() if isinstance(body, dict) else body
        async with self.session.post(f"{self.url}{path}", data=data, headers=headers) as response:
            answer = await response.json()
            assert response.status == status, answer
            return str(answer.get("message", answer.get("status")))

    async def gitlab(self, body: Any, event: str = "", key: str = "", status: int = 200) -> str:
        """Send a delivery of GitLab with its token."""
        headers = {"X-Gitlab-Token": TOKEN, "Content-Type": "application/json"}
        more = {"X-Gitlab-Event": event, "Idempotency-Key": key}
        found = headers | {name: value for name, value in more.items() if value}
        return await self.post(GITLAB, body, found, status)

    async def tapd(self, body: dict[str, Any], status: int = 200) -> str:
        """Send a delivery of TAPD as JSON, with its secret."""
        return await self.post(TAPD, body | {"secret": SECRET}, status=status)


@asynccontextmanager
async def receiving(
    store: Store,
    environment: Mapping[str, str] | None = None,
    config: Config = CONFIG,
    clock: Callable[[], float] = time.time,
) -> AsyncIterator[Receiver]:
    """The API on a socket of its own; its frames are not loaded."""
    evaluator = Evaluator(Reader(store, config), clock)
    settings = Settings(config, ENVIRONMENT if environment is None else environment)
    runner = web.AppRunner(create_app(settings, store, evaluator, clock), access_log=None)
    try:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with aiohttp.ClientSession() as session:
            yield Receiver(f"http://127.0.0.1:{runner.addresses[0][1]}", session)
    finally:
        await runner.cleanup()
        evaluator.close()


def webhooks(store: Store, upstream: str, ttl_s: float = 30.0) -> Webhooks:
    """The collecting side as a process has it."""
    leases, raw = Leases(store, ttl_s), RawStore(store)
    return Webhooks(upstream, store, leases, raw, Deriver(store, Facts(store, leases), raw, {}))


async def taken(store: Store) -> None:
    """Take all that waits."""
    for upstream in ("gitlab", "tapd"):
        await webhooks(store, upstream).drain()
        assert await store.all(f"inbox_{upstream}") == []


async def hooks(store: Store) -> dict[str, list[Document]]:
    """All raw records of webhooks, by collection; the empty ones are left out."""
    names = [name for name in await store.names("raw_") if name.endswith("_hook")]
    found = {name: await store.all(name) for name in names}
    return {name: records for name, records in found.items() if records}


async def facts(store: Store, topic: str) -> list[Document]:
    """The facts of a topic that are not gone."""
    counter = await store.one("counters", f"topic:{topic}")
    found = await store.all(counter["collection"]) if counter else []
    return [fact for fact in found if not fact["tombstone"]]


async def until(holds: Callable[[], Awaitable[bool]], within_s: float) -> float:
    """Wait until something holds; returns the seconds that took."""
    began = time.monotonic()
    while time.monotonic() - began < within_s:
        if await holds():
            return time.monotonic() - began
        await asyncio.sleep(0.02)
    raise AssertionError(f"not within {within_s} s")
