"""The items behind a number: which bugs or stories a metric counted, and where TAPD shows them.

The same list is below both prefixes of the datasources, so that a link in a panel may go through Grafana,
which knows who looks at it and has the token.
"""

from __future__ import annotations

import asyncio
import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import hdrs, web

from metrics_api.core.days import zone as day_zone
from metrics_api.core.errors import BadRequest, StoreUnavailable, UnknownName
from metrics_api.core.sections import TapdInstance
from metrics_api.core.store import Document
from metrics_api.evaluate import Asked
from metrics_api.item_pages import PAGE_HEADERS, Answer, encode_lines, encode_page, encode_table, row_of
from metrics_api.items import Found, found, line_of, meaning
from metrics_api.routes.answers import register
from metrics_api.routes.keys import CLOCK, EVALUATOR, SETTINGS, STORE, principal_of
from metrics_api.routes.metrics import expression, moment
from metrics_api.routes.parameters import Parameters, query_parameters
from metrics_api.world import World

PATHS: Final = ("/api/v1/items", "/graphite/items", "/api/v1/grafana/items")
# What a request may say besides filters and options.
OWN: Final = ("metric", "at", "from", "until", "limit", "format", "series")
# How a list is written, the kind of content that is, and the headers that go with it.
KINDS: Final[Mapping[str, tuple[Callable[[Answer], bytes], str, Mapping[str, str]]]] = {
    "json": (encode_lines, "application/x-ndjson", {}),
    "table": (encode_table, "application/json", {}),
    "html": (encode_page, "text/html", PAGE_HEADERS),
}
NOTHING: Final = Found((), 0, "")
# What only the facts know of an item.
FIELDS: Final[Document] = {"id": 1, "title": 1, "created": 1}
LIMIT = 20
MAX_LIMIT = 1000
TOTAL: Final = "X-Engmetrics-Total"
EXAMPLE = "metric=tapd.bugs.flow.age&product=A"

# Grafana's links tell times in milliseconds; as seconds such numbers are thousands of years from now.
_MILLISECONDS = re.compile(r"\d{12,15}", re.ASCII)


def add_routes(app: web.Application) -> None:
    """Register the list at each of its addresses."""
    for path in PATHS:
        register(app, (hdrs.METH_GET,), path, listed)


async def listed(request: web.Request) -> web.StreamResponse:
    """The items behind a metric at `at`, those with the largest values first; `limit` is how many (20).

    `from` and `until` are the time range of the panel, where a number hangs on that.
    `format` is json (one object per line), table (Grafana's) or html, the last being what a browser gets.
    `series` is the endpoint of one of the metric's lines, whose items alone are listed.
    """
    given = query_parameters(request)
    kind, limit, series = _format(request, given), _limit(given), given.one("series")
    asked, known_until = _asked(request, given)
    query = asked.query
    some = await asyncio.to_thread(_found, asked, series, limit)
    answer = Answer(
        metric=asked.metric.name,
        help=asked.metric.help,
        meaning=meaning(asked.metric.name),
        asked={**asked.written, **query.options, **({"series": series} if series else {})},
        rows=await _rows(request, some),
        total=some.total,
        moment=min(query.buckets.ends[-1], query.now),
        known_until=known_until,
        zone_name=query.buckets.zone,
        more=_longer(given) if len(some.items) < min(some.total, MAX_LIMIT) else "",
    )
    encode, content_type, headers = KINDS[kind]
    return web.Response(
        body=encode(answer),
        content_type=content_type,
        charset="utf-8",
        headers={TOTAL: str(some.total), hdrs.VARY: hdrs.ACCEPT, **headers},
    )


def _asked(request: web.Request, given: Parameters) -> tuple[Asked, int]:
    """(the question, of the one bucket that holds `at`; up to when its records were looked at)."""
    evaluator, principal = request.app[EVALUATOR], principal_of(request)
    name = given.one("metric").lstrip("@").replace("#", ".")
    listed = evaluator.catalog.listed
    if not name:
        raise BadRequest(f"metric is missing, as in {EXAMPLE}; there are: {', '.join(sorted(listed))}")
    if name not in listed:
        known = ", ".join(sorted(listed))
        raise UnknownName(f"nobody can list the items of {name[:60]!r}, but of: {known}")
    if evaluator.reader.refreshed_at is None:
        raise StoreUnavailable("the records are not loaded yet: try again in a few seconds")
    world, now = evaluator.reader.world, int(request.app[CLOCK]())
    fields = {key: values for key, values in given.fields.items() if key not in OWN}
    text = expression(name, Parameters(fields))
    # Asked of the present instant for what is wrong with the question, and whose days are meant.
    first = evaluator.asked(world, text, now, now, principal)
    known_until = _known_until(world, first, now)
    zone = first.query.buckets.zone
    at = min(_moment("at", given.one("at"), now, zone, known_until), now)
    # A panel's first bucket begins before the panel's range does: `from` is then within that of `at`.
    start = min(_moment("from", given.one("from"), now, zone, at), at)
    # What is done at the end of the panel's range counts, whatever it was at the end of that bucket.
    until = max(_moment("until", given.one("until"), now, zone, at), at)
    asked = evaluator.asked(world, text, start, until, principal)
    window = asked.query.buckets
    if not len(window):
        raise BadRequest("at is before 1970")
    place = max(bisect_right(window.starts, at) - 1, 0)
    bucket = window.part(place, place + 1)
    if bucket.starts[0] > known_until:
        known = datetime.fromtimestamp(known_until, day_zone(zone)).isoformat(sep=" ", timespec="minutes")
        raise BadRequest(f"what there was then is not known yet: the records were looked at until {known}")
    query = replace(asked.query, buckets=bucket, window=window, now=now, frames=world.items)
    return replace(asked, query=query), known_until


def _known_until(world: World, asked: Asked, now: int) -> int:
    """Up to when the records that are asked for were looked at; nothing is missing where there are none."""
    known = []
    for topic in (asked.topic, *asked.metric.reads):
        scopes = world.scopes(topic, asked.query)
        until = world.known_until(topic, scopes)
        if scopes and until is None:
            raise StoreUnavailable(
                "not all of this has been collected yet: `engmetrics status` says what the collectors did"
            )
        known.append(now if until is None else until)
    return min(known)


def _found(asked: Asked, series: str, limit: int) -> Found:
    frame = asked.query.frames.get(asked.topic)
    if not frame:
        return NOTHING
    query = line_of(frame, asked.metric, asked.query, series) if series else asked.query
    return found(frame, asked.metric.name, query, limit) if query else NOTHING


async def _rows(request: web.Request, some: Found) -> list[dict[str, Any]]:
    """What is told of the items, with what only their facts know."""
    store, instances = request.app[STORE], request.app[SETTINGS].config.tapd
    counter = await store.one("counters", f"topic:{some.topic}") if some.items else None
    facts: list[Document] = []
    if counter:
        keys = [one.key for one in some.items]
        facts = await store.matching(counter["collection"], "_id", keys, FIELDS)
    by_key = {fact["_id"]: fact for fact in facts}
    places, web_of_tapd = {one.name: one.web for one in instances}, TapdInstance().web
    return [
        row_of(one, some.unit, some.topic, by_key.get(one.key, {}), places.get(one.instance, web_of_tapd))
        for one in some.items
    ]


def _moment(key: str, text: str, now: int, zone: str, usual: int) -> int:
    """Epoch seconds of a time as the metrics take it, or in milliseconds; `usual` where none is given."""
    if _MILLISECONDS.fullmatch(text):
        return int(text) // 1000
    return moment(key, text, now, zone) if text else usual


def _limit(given: Parameters) -> int:
    text = given.one("limit", str(LIMIT))
    if not text.isascii() or not text.isdecimal() or len(text) > 4 or not 1 <= int(text) <= MAX_LIMIT:
        raise BadRequest(f"limit={text[:20]!r} is not a number of items: use 1 to {MAX_LIMIT}")
    return int(text)


def _format(request: web.Request, given: Parameters) -> str:
    kind = given.one("format")
    if kind and kind not in KINDS:
        raise BadRequest(f"format={kind[:40]!r} is not offered: use one of {', '.join(KINDS)}")
    return kind or ("html" if "text/html" in request.headers.get(hdrs.ACCEPT, "") else "json")


def _longer(given: Parameters) -> str:
    """The address of the longest list, from that of this one."""
    fields = {**given.fields, "limit": [str(MAX_LIMIT)]}
    return "?" + urlencode(fields, doseq=True)
