"""The API over a store whose facts are made, in this process, on a port of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from bench.company import END
from metrics_api.app import create_app
from metrics_api.core.memory import keep_blocks
from metrics_api.core.settings import Settings
from metrics_api.core.store import Store
from metrics_api.evaluate import Evaluator
from metrics_api.reader import Reader


def now() -> float:
    """The company's last moment."""
    return END


@asynccontextmanager
async def served(
    store: Store, settings: Settings, reader: Reader | None = None
) -> AsyncIterator[tuple[str, Reader]]:
    """The API's address and its reader."""
    keep_blocks()
    reader = reader or Reader(store, settings.config, clock=now)
    evaluator = Evaluator(reader, clock=now)
    runner = web.AppRunner(create_app(settings, store, evaluator, clock=now), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", reader
    finally:
        await runner.cleanup()
        evaluator.close()
