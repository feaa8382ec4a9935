"""Graphite's API under /graphite, as Grafana's built-in datasource (9.4 to 13) calls it."""

from __future__ import annotations

from aiohttp import hdrs, web

from metrics_api import graphite
from metrics_api.graphite import Answered, Constant
from metrics_api.routes.answers import encoded, evaluated, json_answer, refuse_other_formats, register
from metrics_api.routes.keys import CLOCK, EVALUATOR, principal_of
from metrics_api.routes.parameters import Parameters, find_parameters, parameters
from metrics_api.series import Node
from metrics_api.target import constant_line, peel

PREFIX = "/graphite"

# The version of graphite-web whose API this follows.
VERSION = "1.1.10"

GET = (hdrs.METH_GET,)
BOTH = (hdrs.METH_GET, hdrs.METH_POST)


def add_routes(app: web.Application) -> None:
    """Register the prefix's routes."""
    register(app, BOTH, f"{PREFIX}/metrics/find", find)
    register(app, BOTH, f"{PREFIX}/metrics/expand", expand)
    register(app, BOTH, f"{PREFIX}/render", render)
    register(app, GET, f"{PREFIX}/events/get_data", events)
    register(app, GET, f"{PREFIX}/functions", functions)
    register(app, GET, f"{PREFIX}/tags/autoComplete/tags", no_tags)
    register(app, GET, f"{PREFIX}/tags/autoComplete/values", no_tags)
    register(app, GET, f"{PREFIX}/version", version)


async def find(request: web.Request) -> web.StreamResponse:
    """Names and values below a query; `from` and `until` do not matter, some versions send `undefined`."""
    return await json_answer(request, graphite.encode_nodes(await _found(request)))


async def expand(request: web.Request) -> web.StreamResponse:
    """As find, the texts alone."""
    return await json_answer(request, graphite.encode_expanded(await _found(request)))


async def _found(request: web.Request) -> list[Node]:
    query = (await find_parameters(request)).one("query")
    return await request.app[EVALUATOR].find(query, principal_of(request))


async def render(request: web.Request) -> web.StreamResponse:
    """The rows of the targets in their order; the last 24 hours unless told, `[]` without a target.

    Grafana's wrap `aliasSub(…)` is peeled off, its letter put behind each name.
    """
    given = await parameters(request)
    refuse_other_formats(given)
    start, until = _window(request, given)
    wrapped = [peel(text) for text in given.all("target")]
    constants = [constant_line(text) for text, _ in wrapped]
    asked = [text for (text, _), constant in zip(wrapped, constants, strict=True) if constant is None]
    found = await evaluated(request, asked, start, until)
    series = iter(found.series)
    answers = [
        Answered(next(series), reference) if constant is None else Constant(constant, start, until, reference)
        for (_, reference), constant in zip(wrapped, constants, strict=True)
    ]
    return await json_answer(request, await encoded(graphite.encode_series, answers, found), found.skipped)


async def events(request: web.Request) -> web.StreamResponse:
    """Events to draw between `from` and `until` that carry all `tags`, separated by spaces or commas."""
    given = await parameters(request)
    start, until = _window(request, given)
    tags = given.one("tags").replace(",", " ").split()
    found = await request.app[EVALUATOR].annotations(start, until, tags, principal_of(request))
    return await json_answer(request, graphite.encode_annotations(found))


async def functions(request: web.Request) -> web.StreamResponse:
    """No functions: a target says all; the editor accepts an empty object."""
    return await json_answer(request, b"{}")


async def no_tags(request: web.Request) -> web.StreamResponse:
    """No tags to complete: targets are typed as text."""
    return await json_answer(request, b"[]")


async def version(request: web.Request) -> web.StreamResponse:
    """The version of graphite-web this API follows."""
    return web.Response(text=VERSION)


def _window(request: web.Request, given: Parameters) -> tuple[int, int]:
    now = request.app[CLOCK]()
    start = graphite.instant("from", given.one("from") or "-24h", now)
    return start, graphite.instant("until", given.one("until") or "now", now)
