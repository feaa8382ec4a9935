"""What routes find in the application and in a request."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from metrics_api.core.security import Principal
from metrics_api.core.settings import Settings
from metrics_api.core.store import Store
from metrics_api.evaluate import Evaluator
from metrics_api.routes.telemetry import Telemetry

EVALUATOR: web.AppKey[Evaluator] = web.AppKey("evaluator", Evaluator)
STORE: web.AppKey[Store] = web.AppKey("store", Store)
SETTINGS: web.AppKey[Settings] = web.AppKey("settings", Settings)
CLOCK: web.AppKey[Callable[[], float]] = web.AppKey("clock")
TELEMETRY: web.AppKey[Telemetry] = web.AppKey("telemetry", Telemetry)
# Whether it is for this machine alone: without a token, and not told to be open.
LOCAL: web.AppKey[bool] = web.AppKey("local", bool)

_PRINCIPAL: web.RequestKey[Principal] = web.RequestKey("principal", Principal)
_STREAM: web.RequestKey[web.StreamResponse] = web.RequestKey("stream", web.StreamResponse)


def authorize(request: web.Request, principal: Principal) -> None:
    """Note who asks."""
    request[_PRINCIPAL] = principal


def principal_of(request: web.Request) -> Principal:
    """Who asks; a request that nobody was noted for is a KeyError, so nothing is answered without one."""
    return request[_PRINCIPAL]


def begin_stream(request: web.Request, response: web.StreamResponse) -> None:
    """Note that a response has begun, so that a failure breaks the connection instead of ending it well."""
    request[_STREAM] = response


def stream_of(request: web.Request) -> web.StreamResponse | None:
    """The response that has begun, if any."""
    return request.get(_STREAM)
