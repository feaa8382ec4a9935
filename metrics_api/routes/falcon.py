"""The falcon-plus grafana API under /api/v1/grafana, as its Grafana plugin and scripts use it."""

from __future__ import annotations

from aiohttp import hdrs, web

from metrics_api import falcon, graphite
from metrics_api.core.errors import BadRequest
from metrics_api.core.security import TOKEN_HEADER, is_near
from metrics_api.routes.answers import (
    SKIPPED,
    Handler,
    encoded,
    evaluated,
    json_answer,
    refuse_other_formats,
    register,
)
from metrics_api.routes.keys import CLOCK, EVALUATOR, LOCAL, principal_of
from metrics_api.routes.parameters import find_parameters, parameters

PREFIX = "/api/v1/grafana"

GET = (hdrs.METH_GET,)
BOTH = (hdrs.METH_GET, hdrs.METH_POST)


def add_routes(app: web.Application) -> None:
    """Register the prefix's routes; /events/get_data is asked for by the plugin, falcon-plus lacks it."""
    register(app, GET, PREFIX, find)
    register(app, BOTH, f"{PREFIX}/metrics/find", find)
    register(app, BOTH, f"{PREFIX}/render", render)
    register(app, GET, f"{PREFIX}/events/get_data", events)


async def find(request: web.Request) -> web.StreamResponse:
    """Names and values below a query; `limit` cuts the answer only when it is given."""
    given = await find_parameters(request)
    limit = given.one("limit")
    if limit and not (limit.isascii() and limit.removeprefix("-").isdigit() and len(limit) < 19):
        raise BadRequest("limit takes a whole number, as in limit=1000")
    nodes = await request.app[EVALUATOR].find(given.one("query"), principal_of(request))
    if limit and int(limit) >= 0:
        nodes = nodes[: int(limit)]
    return await json_answer(request, falcon.encode_nodes(nodes))


async def render(request: web.Request) -> web.StreamResponse:
    """The rows of the targets in their order; a target that cannot be answered is left out, saying why."""
    given = await parameters(request)
    refuse_other_formats(given)
    targets = given.all("target")
    if not targets:
        raise BadRequest("target is missing: give at least one, as in target=@tapd#bugs#change#daily")
    start = falcon.whole_seconds("from", given.all("from"))
    until = falcon.whole_seconds("until", given.all("until"))
    found = await evaluated(request, targets, start, until)
    rows = [one for answer in found.series for one in answer]
    body = await encoded(falcon.encode_series, rows, found)
    return await json_answer(request, body, found.skipped)


async def events(request: web.Request) -> web.StreamResponse:
    """Events to draw between `from` and `until` that carry all `tags`."""
    given = await parameters(request)
    now = request.app[CLOCK]()
    start = graphite.instant("from", given.one("from") or "-24h", now)
    until = graphite.instant("until", given.one("until") or "now", now)
    tags = given.one("tags").replace(",", " ").split()
    found = await request.app[EVALUATOR].annotations(start, until, tags, principal_of(request))
    return await json_answer(request, falcon.encode_annotations(found))


@web.middleware
async def cross_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let browsers on other origins read this prefix, as falcon-plus does (the plugin's direct access).

    What is for this machine alone is not for the pages of any site that is open on it.
    """
    if request.path != PREFIX and not request.path.startswith(f"{PREFIX}/"):
        return await handler(request)
    preflight = request.method == hdrs.METH_OPTIONS
    response = web.Response(status=200) if preflight else await handler(request)
    origin = request.headers.get(hdrs.ORIGIN)
    near = not request.app[LOCAL] or is_near((origin or "").partition("://")[2])
    if origin and near and origin.isascii() and origin.isprintable():
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_CREDENTIALS] = "true"
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = "GET, POST, OPTIONS"
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = (
            f"Authorization, Content-Type, X-Requested-With, Apitoken, {TOKEN_HEADER}, If-None-Match"
        )
        response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = f"{SKIPPED}, ETag"
        response.headers[hdrs.VARY] = ", ".join(filter(None, (response.headers.get(hdrs.VARY), hdrs.ORIGIN)))
    return response
