"""The application: routes, middlewares and what they share; one middleware makes every error a JSON body."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus

from aiohttp import hdrs, web

from metrics_api import __version__
from metrics_api.core.errors import EngmetricsError
from metrics_api.core.security import identified, is_near
from metrics_api.core.settings import Settings
from metrics_api.core.store import Store
from metrics_api.evaluate import Evaluator
from metrics_api.routes import export, falcon, graphite, items, metrics, ops, tasks, webhook
from metrics_api.routes.answers import Handler
from metrics_api.routes.keys import CLOCK, EVALUATOR, LOCAL, SETTINGS, STORE, TELEMETRY, authorize, stream_of
from metrics_api.routes.telemetry import Telemetry

__all__ = ["CLOCK", "EVALUATOR", "SETTINGS", "STORE", "TELEMETRY", "create_app"]

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 4 * 1024 * 1024

# What is answered without the token: it tells nothing, or webhooks bring a secret of their own.
OPEN = frozenset(
    f"{path}{slash}"
    for path in ("/healthz", "/readyz", "/api/v1/gitlab/webhook", "/api/v1/tapd/webhook")
    for slash in ("", "/")
)

FROM_ELSEWHERE = (
    "without a token the API answers this machine's own names only, as a page of another site could make "
    "its name stand for this machine: set ENGMETRICS_API_TOKEN, or say --insecure"
)

_TOKEN: web.AppKey[str] = web.AppKey("token", str)

# What nginx writes for a client that did not wait for its answer.
CLIENT_LEFT = 499


def create_app(
    settings: Settings, store: Store, evaluator: Evaluator, clock: Callable[[], float] = time.time
) -> web.Application:
    """The API as an application; `clock` gives epoch seconds. The store stays its opener's to close."""
    app = web.Application(
        client_max_size=MAX_BODY_BYTES,
        middlewares=[_observed, falcon.cross_origin, _errors_as_json, _identified],
    )
    app[SETTINGS] = settings
    app[STORE] = store
    app[EVALUATOR] = evaluator
    app[CLOCK] = clock
    app[_TOKEN] = settings.api_token()
    app[LOCAL] = not app[_TOKEN] and not settings.config.server.insecure
    app[TELEMETRY] = Telemetry(evaluator, clock)
    for routes in (ops, falcon, graphite, export, metrics, items, webhook, tasks):
        routes.add_routes(app)
    app.cleanup_ctx.append(_announced)
    return app


async def _announced(app: web.Application) -> AsyncIterator[None]:
    log.info("API starting", extra={"version": __version__})
    yield
    log.info("API stopped")


@web.middleware
async def _observed(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count and log each request by its route's pattern: a path may hold what is not to be logged."""
    began = time.perf_counter()
    status = CLIENT_LEFT
    try:
        response = await handler(request)
        status = response.status
        return response
    finally:
        seconds = time.perf_counter() - began
        route = _pattern(request)
        method = request.method if request.method in hdrs.METH_ALL else "other"
        request.app[TELEMETRY].request(route, method, status, seconds)
        fields = {"method": method, "route": route, "status": status, "ms": round(seconds * 1000, 1)}
        log.info("request", extra=fields)


def _pattern(request: web.Request) -> str:
    """The pattern of the request's route."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else "unmatched"


@web.middleware
async def _identified(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Note who asks; refuse who is not known, but to the pages that tell nothing or ask for another secret.

    Only Bearer is offered: a browser that had asked for a password would send it along from any page.
    """
    principal = identified(request.app[_TOKEN], request.headers)
    if request.app[LOCAL] and _pattern(request) not in OPEN and not _asked_here(request):
        raise web.HTTPForbidden(reason=FROM_ELSEWHERE)
    if principal is not None:
        authorize(request, principal)
    elif _pattern(request) not in OPEN:
        raise web.HTTPUnauthorized(headers={hdrs.WWW_AUTHENTICATE: 'Bearer realm="engmetrics"'})
    return await handler(request)


def _asked_here(request: web.Request) -> bool:
    """Whether the API was called by a name of this machine; a program may call it by none."""
    called = request.headers.get(hdrs.HOST, "")
    return not called or is_near(called) or called.split(":")[0] == request.app[SETTINGS].config.server.host


@web.middleware
async def _errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every error as {"error", "message"}; after a stream has begun break the connection instead.

    Ended well, a stream cut short would look complete to its reader.
    """
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        response = _failure(error.status, _explained(error))
        for name in (hdrs.ALLOW, hdrs.WWW_AUTHENTICATE):
            if name in error.headers:
                response.headers[name] = error.headers[name]
    except EngmetricsError as error:
        if error.status >= 500:
            log.error("request failed", extra={"reason": str(error)})
        response = _failure(error.status, str(error))
    except ConnectionError:
        log.info("client left before its answer was complete")
        response = _failure(CLIENT_LEFT, "the client left")
    except Exception:
        log.exception("request failed")
        response = _failure(500, "the server failed; its log says why")
    begun = stream_of(request)
    if begun is None:
        if request.content.exception() is not None:
            # The rest of a body that cannot be read cannot be told from the next request.
            response.force_close()
        return response
    if request.transport is not None:
        request.transport.abort()
    return begun


def _failure(status: int, message: str) -> web.Response:
    return web.json_response({"error": _phrase(status), "message": message}, status=status)


def _explained(error: web.HTTPException) -> str:
    if isinstance(error, web.HTTPNotFound):
        return "there is nothing at this path; GET / lists what there is"
    if isinstance(error, web.HTTPUnauthorized):
        return "this API asks for its token: send it as a header, Authorization: Bearer TOKEN"
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        return f"{error.method[:20]} is not allowed here: use {allowed}"
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return f"the body is larger than {MAX_BODY_BYTES} bytes: ask for less at a time"
    return error.reason


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return str(status)
