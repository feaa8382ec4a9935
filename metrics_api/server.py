"""The API as a running server: reader, evaluator and HTTP on a port."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestHandler

from metrics_api.app import create_app
from metrics_api.core.errors import ConfigError
from metrics_api.core.memory import keep_blocks, settle
from metrics_api.core.security import PROTECT, exposed
from metrics_api.core.settings import Settings
from metrics_api.core.store import Store
from metrics_api.evaluate import Evaluator
from metrics_api.reader import Reader

log = logging.getLogger(__name__)


# Answers under way when the API is told to stop have so long.
SHUTDOWN_S = 2.0
# The longest request line: a GET render with hundreds of values.
MAX_LINE = 65_536


class _Protocol(RequestHandler):
    """Answers what is not HTTP at all in the same form as every other error."""

    def handle_error(
        self, request: Any, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """A JSON body for requests the parser refuses; everything else as aiohttp does it."""
        if not isinstance(exc, HttpProcessingError):
            return super().handle_error(request, status, exc, message)
        reason = "it must be HTTP, its URL percent-encoded (curl -G --data-urlencode does that)"
        body = {"error": "Bad Request", "message": f"the request cannot be read: {reason}"}
        answer = web.json_response(body, status=status)
        answer.force_close()
        return answer


class _Server(web.Server):
    def __call__(self) -> RequestHandler:
        return _Protocol(self, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """An AppRunner whose protocol answers unreadable requests in JSON."""

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(made.request_handler, request_factory=made.request_factory, **made._kwargs)


def bound(host: str, port: int) -> socket.socket:
    """A listening socket; raises ConfigError in words for a taken port or an address that is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError, UnicodeError) as error:
        listener.close()
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        about_port = getattr(error, "errno", None) in (errno.EADDRINUSE, errno.EACCES)
        todo = (
            "name another port with --port" if about_port else "name an address of this machine with --host"
        )
        raise ConfigError(f"cannot listen on {_place(host, port)} ({reason}): {todo}") from None
    return listener


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def listening(settings: Settings) -> socket.socket:
    """The socket that the settings ask for; raises ConfigError as `bound` does, and for an open address.

    What counts is the address it really got: names and "" stand for others.
    """
    server = settings.config.server
    token = settings.api_token()
    listener = bound(server.host, server.port)
    refusal = exposed(listener.getsockname()[0], token, server.insecure)
    if refusal:
        listener.close()
        raise ConfigError(f"{refusal}: {PROTECT}")
    return listener


def _stop_if_broken(reader: asyncio.Task[None]) -> None:
    """Without its reader the API would serve old numbers for ever: stop, and let whoever started it know."""
    if not reader.cancelled() and reader.exception() is not None:
        log.critical("the reader ended, stopping", exc_info=reader.exception())
        signal.raise_signal(signal.SIGTERM)


@asynccontextmanager
async def serving(settings: Settings, store: Store, listener: socket.socket) -> AsyncIterator[str]:
    """Serve the API while inside and yield its URL; everything started here is stopped and awaited."""
    settle()
    keep_blocks()
    reader = Reader(store, settings.config)
    evaluator = Evaluator(reader)
    refreshing = asyncio.create_task(reader.run(), name="reader")
    refreshing.add_done_callback(_stop_if_broken)
    runner = Runner(
        create_app(settings, store, evaluator),
        access_log=None,
        max_line_size=MAX_LINE,
        shutdown_timeout=SHUTDOWN_S,
    )
    try:
        await runner.setup()
        await web.SockSite(runner, listener).start()
        host, port = listener.getsockname()[:2]
        yield f"http://{_place(host, port)}"
    finally:
        await runner.cleanup()
        refreshing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await refreshing
        evaluator.close()
        listener.close()
