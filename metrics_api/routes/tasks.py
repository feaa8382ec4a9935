"""Tasks over HTTP: ask for a backfill, a collection or a rebuild, and see how far it is."""

from __future__ import annotations

from typing import Final

from aiohttp import hdrs, web

from metrics_api.core.errors import BadRequest
from metrics_api.core.orders import named, orders
from metrics_api.core.tasks import Order, Tasks, as_json
from metrics_api.routes.answers import register
from metrics_api.routes.keys import SETTINGS, STORE, principal_of
from metrics_api.routes.parameters import Parameters, parameters, query_parameters

PATH: Final = "/api/v1/tasks"
FIELDS: Final = ("kind", "since", "scope")
LISTED: Final = ("state", "limit")
LIMIT = 100
EXAMPLE = '{"kind": "backfill", "since": "2024-01-31", "scope": "12345"}'


def add_routes(app: web.Application) -> None:
    """Register the queue's pages."""
    register(app, (hdrs.METH_GET,), PATH, listed)
    register(app, (hdrs.METH_POST,), PATH, put)
    register(app, (hdrs.METH_GET,), f"{PATH}/{{id}}", one)


async def listed(request: web.Request) -> web.StreamResponse:
    """The tasks, the latest first; `state` and `limit` (100) narrow the list."""
    principal_of(request)
    given = query_parameters(request)
    _refuse_others(given, LISTED)
    limit = given.one("limit", str(LIMIT))
    if not limit.isascii() or not limit.isdecimal() or int(limit) < 1:
        raise BadRequest(f"limit={limit[:20]!r} is not a number of tasks: use 1 or more")
    tasks = await Tasks(request.app[STORE]).listed(given.one("state"))
    return web.json_response({"tasks": [as_json(task, log=False) for task in tasks[: int(limit)]]})


async def one(request: web.Request) -> web.StreamResponse:
    """A task with the lines of its log."""
    principal_of(request)
    return web.json_response(as_json(await Tasks(request.app[STORE]).one(request.match_info["id"])))


async def put(request: web.Request) -> web.StreamResponse:
    """Queue what a JSON object asks for; 202 with the tasks, one for each instance or scope concerned."""
    principal_of(request)
    # A form is what any page of any site may make a browser send.
    if request.content_type != "application/json":
        raise BadRequest(f"the body has to be JSON, with its Content-Type, as {EXAMPLE}")
    given = await parameters(request)
    _refuse_others(given, FIELDS)
    for name in ("kind", "since"):
        if len(given.all(name)) > 1:
            raise BadRequest(f"{name} is given {len(given.all(name))} times: a task has one")
    kind = given.one("kind")
    if not kind:
        raise BadRequest(f"kind is missing, as in {EXAMPLE}")
    asked: list[Order] = []
    for scope in named(given.fields.get("scope")):
        since = given.one("since") or None
        asked += await orders(request.app[SETTINGS].config, request.app[STORE], kind, since, scope)
    queue = Tasks(request.app[STORE])
    tasks = [await queue.put(order) for order in dict.fromkeys(asked)]
    return web.json_response({"tasks": [as_json(task) for task in tasks]}, status=202)


def _refuse_others(given: Parameters, known: tuple[str, ...]) -> None:
    unknown = [name for name in given.fields if name not in known]
    if unknown:
        raise BadRequest(f"unknown field {unknown[0][:40]!r}: use {', '.join(known)}")
