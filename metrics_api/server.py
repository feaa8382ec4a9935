"""The API as a running server: reader, evaluator and HTTP on a port."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from metrics_api.app import create_app
from metrics_api.core.errors import ConfigError
from metrics_api.core.settings import Settings
from metrics_api.core.store import Store
from metrics_api.evaluate import Evaluator
from metrics_api.memory import settle
from metrics_api.reader import Reader

log = logging.getLogger(__name__)


def bound(host: str, port: int) -> socket.socket:
    """A listening socket; raises ConfigError in words for a taken port or an address that is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        reason = error.strerror or str(error)
        raise ConfigError(
            f"cannot listen on {host}:{port} ({reason}): name another port with --port"
        ) from None
    return listener


def _stop_if_broken(reader: asyncio.Task[None]) -> None:
    """Without its reader the API would serve old numbers for ever: stop, and let whoever started it know."""
    if not reader.cancelled() and reader.exception() is not None:
        log.critical("the reader ended, stopping", exc_info=reader.exception())
        signal.raise_signal(signal.SIGTERM)


@asynccontextmanager
async def serving(
    settings: Settings, store: Store, listener: socket.socket | None = None
) -> AsyncIterator[str]:
    """Serve the API while inside and yield its URL; everything started here is stopped and awaited."""
    server = settings.config.server
    settle()
    listener = listener or bound(server.host, server.port)
    reader = Reader(store, settings.config)
    evaluator = Evaluator(reader)
    refreshing = asyncio.create_task(reader.run(), name="reader")
    refreshing.add_done_callback(_stop_if_broken)
    runner = web.AppRunner(create_app(settings, store, evaluator), access_log=None)
    try:
        await runner.setup()
        await web.SockSite(runner, listener).start()
        host, port = listener.getsockname()[:2]
        yield f"http://{host if ':' not in host else f'[{host}]'}:{port}"
    finally:
        await runner.cleanup()
        refreshing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await refreshing
        evaluator.close()
        listener.close()
