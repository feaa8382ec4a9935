"""Raw records as JSON lines: TAPD's and GitLab's own names and values, streamed in constant memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import Any, Final

from aiohttp import hdrs, web

from metrics_api.core.errors import BadRequest, StoreUnavailable, UnknownName
from metrics_api.core.store import IN_LIMIT, WINDOW, Store
from metrics_api.jsonl import encode_records
from metrics_api.routes.answers import takes_gzip
from metrics_api.routes.keys import EVALUATOR, STORE, begin_stream, principal_of
from metrics_api.routes.parameters import Parameters, query_parameters
from metrics_api.routes.scopes import Parameter, Scope, exportable

MAX_LISTED = 40

# Records are large (a TAPD bug has some 180 fields): fewer than WINDOW at a time keep pauses under 20 ms.
DENSE_WINDOW = 250

# What a record is chosen by, besides its data.
ENVELOPE: Final = ("n", "instance", "scope", "removed_at")


@dataclass(frozen=True)
class Export:
    """One collection on offer: its path, who collects it and the parameter that names its scopes."""

    path: str
    collection: str
    collector: str
    scope_parameter: Parameter


def _tapd(path: str, collection: str) -> Export:
    return Export(f"/api/v1/tapd/{path}", f"raw_tapd_{collection}", f"tapd.{path}", "workspace_id")


EXPORTS: Final = (
    _tapd("bugs", "bug"),
    _tapd("bug_changes", "bug_change"),
    _tapd("removed_bugs", "removed_bug"),
    _tapd("stories", "story"),
    _tapd("story_changes", "story_change"),
    _tapd("removed_stories", "removed_story"),
    _tapd("story_bugs", "story_bug"),
    _tapd("categories", "category"),
    _tapd("tasks", "task"),
    _tapd("task_changes", "task_change"),
    _tapd("removed_tasks", "removed_task"),
    _tapd("iterations", "iteration"),
    _tapd("iteration_changes", "iteration_change"),
    _tapd("releases", "release"),
    _tapd("timesheets", "timesheet"),
    _tapd("life_times", "life_time"),
    _tapd("users", "user"),
    Export("/api/v1/gitlab/events", "raw_gitlab_event", "gitlab.events", "project_id"),
)


def add_routes(app: web.Application) -> None:
    """Register one route per collection, with and without a trailing slash."""
    for export in EXPORTS:
        for path in (export.path, f"{export.path}/"):
            app.router.add_get(path, partial(_answer, export), allow_head=False)


async def _answer(export: Export, request: web.Request) -> web.StreamResponse:
    given = query_parameters(request)
    allowed = (export.scope_parameter, "fields", "removed", "instance")
    _refuse_unknown(given, allowed)
    if given.one("removed", "exclude") not in ("include", "exclude"):
        raise BadRequest("removed takes include or exclude (the default)")
    store = request.app[STORE]
    fields = _names(given, "fields") if given.all("fields") else None
    scopes = await _scopes(export, request, given)
    projection = await _projection(store, export.collection, fields) if fields else None
    windows = _windows(store, export.collection, scopes, given.one("removed") == "include", projection)
    response = web.StreamResponse()
    response.content_type = "application/x-ndjson"
    response.charset = "utf-8"
    response.headers[hdrs.VARY] = hdrs.ACCEPT_ENCODING
    if takes_gzip(request):
        response.enable_compression(web.ContentCoding.gzip)
    async with aclosing(_chunks(windows, fields)) as chunks:
        # The first records are read and encoded before the headers: what fails until here has a status.
        head = await anext(chunks, b"")
        if not head:
            await _refuse_uncollected(store, export, scopes)
        begin_stream(request, response)
        await response.prepare(request)
        await response.write(head)
        async for chunk in chunks:
            await response.write(chunk)
            # A write waits only when the client is slow; others shall have their turn all the same.
            await asyncio.sleep(0)
    await response.write_eof()
    return response


async def _refuse_uncollected(store: Store, export: Export, scopes: Sequence[Scope]) -> None:
    """Raise StoreUnavailable for a scope nobody has read yet: that it is empty is not known."""
    for instance, scope in scopes:
        mark = await store.one("watermarks", f"{export.collector}:{instance}:{scope}")
        if mark is None or mark["started_at"] is None:
            raise StoreUnavailable(
                f"{export.scope_parameter} {scope} has not been collected yet: "
                "`engmetrics status` says what the collectors did"
            )


async def _chunks(
    windows: AsyncIterator[list[dict[str, Any]]], fields: Sequence[str] | None
) -> AsyncGenerator[bytes]:
    async for records in windows:
        for chunk in encode_records(records, fields):
            yield chunk


async def _windows(
    store: Store,
    collection: str,
    scopes: Sequence[Scope],
    with_removed: bool,
    projection: dict[str, Any] | None,
) -> AsyncIterator[list[dict[str, Any]]]:
    """The records of the scopes in the order they came in, window by window; empty windows are left out.

    Records that are inserted meanwhile are not waited for: the counter is read once.
    """
    counter = await store.one("counters", f"n:{collection}")
    last = int(counter["n"]) if counter else 0
    wanted = set(scopes)
    names = sorted({scope for _, scope in scopes})
    query: dict[str, Any] = {}
    if len(names) <= IN_LIMIT:
        query = {"scope": names[0] if len(names) == 1 else {"$in": names}}
    after, step = 0, DENSE_WINDOW
    while after < last:
        upto = min(after + step, last)
        found = [
            document.get("data", {})
            for document in await store.window(collection, "n", after, upto, query, projection)
            if (document["instance"], document["scope"]) in wanted
            and (with_removed or document.get("removed_at") is None)
        ]
        after = upto
        # Where the scopes have little, larger windows get past it with fewer reads.
        step = min(2 * step, WINDOW) if len(found) < DENSE_WINDOW // 2 else DENSE_WINDOW
        if found:
            yield found


async def _scopes(export: Export, request: web.Request, given: Parameters) -> list[Scope]:
    """The scopes asked for; raises BadRequest without any, UnknownName for one nobody has collected."""
    names = _named(given, export.scope_parameter)
    readable = await exportable(request.app, export.scope_parameter, names, principal_of(request))
    instances = sorted({one.scope[0] for one in readable})
    asked = _names(given, "instance") if given.all("instance") else instances
    for instance in asked:
        if instance not in instances:
            raise UnknownName(f"unknown instance {instance[:60]!r}; known: {_listed(instances)}")
    readable = [one for one in readable if one.scope[0] in asked]
    spellings = sorted({one.names[-1] for one in readable})
    if not names:
        raise BadRequest(f"{export.scope_parameter} is missing; known: {_listed(spellings)}")
    found: dict[Scope, None] = {}
    for name in names:
        matching = [one.scope for one in readable if name in one.names]
        if not matching:
            if request.app[EVALUATOR].reader.refreshed_at is None:
                raise StoreUnavailable("which scopes there are is not loaded yet: try again in a few seconds")
            near = sorted(get_close_matches(name, spellings, n=5)) or spellings
            raise UnknownName(f"unknown {export.scope_parameter} {name[:60]!r}; known: {_listed(near)}")
        found.update(dict.fromkeys(matching))
    return list(found)


def _names(given: Parameters, parameter: str) -> list[str]:
    """As `_named`; raises BadRequest without any."""
    found = _named(given, parameter)
    if not found:
        raise BadRequest(f"{parameter} is empty: leave it out, or give names separated by commas")
    return found


def _named(given: Parameters, parameter: str) -> list[str]:
    """The comma-separated names of a parameter, each once, in their order."""
    names = [part.strip() for text in given.all(parameter) for part in text.split(",")]
    return list(dict.fromkeys(name for name in names if name))


def _refuse_unknown(given: Parameters, allowed: Sequence[str]) -> None:
    for name in given.fields:
        if name not in allowed:
            raise BadRequest(f"unknown parameter {name[:60]!r}; there are: {', '.join(allowed)}")


async def _projection(store: Store, collection: str, fields: Sequence[str]) -> dict[str, Any] | None:
    """What to read of each document for these fields; None for all of it.

    Raises BadRequest for a field that no record ever had, with the nearest that exist.
    """
    seen = await store.one("state_fields", collection)
    if not seen:
        return None
    known = sorted(seen["fields"])
    for name in fields:
        if name not in known:
            near = get_close_matches(name, known, n=5, cutoff=0.5)
            hint = f"did you mean {', '.join(near)}?" if near else f"known: {_listed(known)}"
            raise BadRequest(f"unknown field {name[:60]!r}; {hint}")
    if any("." in name or name.startswith("$") for name in fields):
        # A projection would take these for paths and operators.
        return None
    return dict.fromkeys((*ENVELOPE, *(f"data.{name}" for name in fields)), 1)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return (", ".join(names[:MAX_LISTED]) or "none yet, nothing has been collected") + more
