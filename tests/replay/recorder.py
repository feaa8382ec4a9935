"""A server on a free port that records requests as they came and gives the answers it was told to."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass(frozen=True)
class Request:
    """One request as it came over the wire: method, path with query undecoded, body, content type."""

    method: str
    path: str
    body: str
    content_type: str


@dataclass
class Recorder:
    """What was asked, in order, and what to answer: JSON values, or text sent as it is."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    answer: Any = field(default_factory=list)
    status: int = 200

    async def handle(self, request: web.Request) -> web.Response:
        """Record the request and answer."""
        body = (await request.read()).decode()
        kind = request.headers.get("Content-Type", "")
        self.requests.append(Request(request.method, request.raw_path, body, kind))
        text = self.answer if isinstance(self.answer, str) else json.dumps(self.answer)
        return web.Response(text=text, status=self.status, content_type="application/json")

    @property
    def last(self) -> Request:
        """The last request."""
        return self.requests[-1]


@asynccontextmanager
async def recording() -> AsyncIterator[Recorder]:
    """Run a recorder for as long as the context lasts."""
    recorder = Recorder()
    application = web.Application()
    application.router.add_route("*", "/{tail:.*}", recorder.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    recorder.url = f"http://{host}:{port}"
    try:
        yield recorder
    finally:
        await runner.cleanup()
