"""Metrics as JSON lines: the numbers behind the panels, one line per point; and the list of what there is."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from difflib import get_close_matches
from typing import Any, Final

import orjson
from aiohttp import hdrs, web

from metrics_api import graphite
from metrics_api.catalog import Catalog, Metric, choices
from metrics_api.core.days import day_start
from metrics_api.core.errors import BadRequest, StoreUnavailable, UnknownName
from metrics_api.falcon import points
from metrics_api.jsonl import encode_records
from metrics_api.routes.answers import evaluated, json_answer, register, takes_gzip
from metrics_api.routes.keys import CLOCK, EVALUATOR, begin_stream, principal_of
from metrics_api.routes.parameters import Parameters, query_parameters
from metrics_api.series import Series

PATH: Final = "/api/v1/metrics"
# What a request may say besides filters and options, with what holds unless it does.
TIMES: Final = {"from": "-90d", "until": "now"}

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def add_routes(app: web.Application) -> None:
    """Register the list and the metrics; a stream has no use for HEAD."""
    register(app, (hdrs.METH_GET,), PATH, listed)
    for path in (f"{PATH}/{{name}}", f"{PATH}/{{name}}/"):
        app.router.add_get(path, exported, allow_head=False)


async def listed(request: web.Request) -> web.StreamResponse:
    """Every metric with what may be asked of it."""
    principal_of(request)
    metrics = [_described(one) for one in request.app[EVALUATOR].catalog.metrics.values()]
    return await json_answer(request, orjson.dumps({"metrics": metrics}))


def _described(one: Metric) -> dict[str, Any]:
    """A metric in words; an option without a list takes any zone (`tz`), or percentiles as 50,85,95 (`q`)."""
    return {
        "name": one.name,
        "help": one.help,
        "definition": one.definition,
        "unit": one.unit,
        "splits": list(one.splits),
        "filters": list(one.filters),
        "options": {option: list(choices(one, option)) for option in one.options},
        "required": list(one.required),
    }


async def exported(request: web.Request) -> web.StreamResponse:
    """The points of one metric, series by series as the panels have them, each in the order of time."""
    evaluator, now = request.app[EVALUATOR], request.app[CLOCK]()
    given = query_parameters(request)
    name = request.match_info["name"].lstrip("@").replace("#", ".")
    _require(name, evaluator.catalog)
    if evaluator.reader.refreshed_at is None:
        raise StoreUnavailable("the records are not loaded yet: try again in a few seconds")
    text = expression(name, given)
    # Asked of the present instant for what is wrong with the question, and whose days are meant.
    asked = evaluator.asked(evaluator.reader.world, text, int(now), int(now), principal_of(request))
    zone = asked.query.buckets.zone
    start, until = (moment(key, given.one(key) or usual, now, zone) for key, usual in TIMES.items())
    if start > until:
        raise BadRequest("from is later than until: nothing lies between them")
    found = await evaluated(request, [text], start, until)
    if found.skipped:
        raise BadRequest(found.skipped[0])
    return await _streamed(request, encode_records(_lines(found.series[0]), None))


def _require(name: str, catalog: Catalog) -> None:
    """Raise UnknownName, with the nearest there are, unless the catalog has a metric of that name."""
    if name not in catalog.metrics:
        near = get_close_matches(name, catalog.metrics, n=5, cutoff=0.5) or sorted(catalog.metrics)[:5]
        raise UnknownName(
            f"unknown metric {name[:60]!r}; nearest: {', '.join(sorted(near))}; {PATH} lists all of them"
        )


def expression(name: str, given: Parameters) -> str:
    """The target that the parameters of a request ask for, in the spelling `seriesByTag`.

    Several values of a key, repeated or separated by commas, are one set; a value that is known as it stands
    may hold commas. `key!=value`, `key=~regex` and `key!=~regex` mean what they mean there.
    """
    expressions = [f"name={name}"]
    for key, values in given.fields.items():
        if key not in TIMES:
            expressions += [f"{key}={one}" for one in values if one.startswith("~")]
            plain = [one for one in values if not one.startswith("~")]
            expressions += [f"{key}={_joined(plain)}"] if plain else []
    quoted = (re.sub(r"([\\'])", r"\\\1", one) for one in expressions)
    return "seriesByTag(" + ",".join(f"'{one}'" for one in quoted) + ")"


def _joined(values: Sequence[str]) -> str:
    """The values as one of the grammar: itself if there is one, else a set."""
    bare = [one[1:-1] if one.startswith("{") and one.endswith("}") else one for one in values]
    if len(values) == 1 and (values != bare or "," not in values[0]):
        return values[0]
    return "{" + ",".join(bare) + "}"


def moment(key: str, text: str, now: float, zone: str) -> int:
    """Epoch seconds of a time: a number, `now`, `-30d`, or a date, of which `until` takes the last second.

    Raises BadRequest, naming the parameter, for anything else.
    """
    if not _DATE.fullmatch(text):
        return graphite.instant(key, text, now)
    try:
        day = date.fromisoformat(text)
        return day_start(day + timedelta(days=1), zone) - 1 if key == "until" else day_start(day, zone)
    except (ValueError, OverflowError):
        raise BadRequest(f"{key}={text!r} is no day of the calendar") from None


def _lines(series: Sequence[Series]) -> Iterator[dict[str, Any]]:
    for one in series:
        tags, last = dict(one.tags), len(one.timestamps) - 1
        for place, (at, value) in enumerate(points(one)):
            yield {
                "time": at,
                "endpoint": one.endpoint,
                "tags": tags,
                "value": value,
                "partial": one.partial and place == last,
            }


async def _streamed(request: web.Request, chunks: Iterator[bytes]) -> web.StreamResponse:
    response = web.StreamResponse()
    response.content_type = "application/x-ndjson"
    response.charset = "utf-8"
    response.headers[hdrs.VARY] = hdrs.ACCEPT_ENCODING
    if takes_gzip(request):
        response.enable_compression(web.ContentCoding.gzip)
    begin_stream(request, response)
    await response.prepare(request)
    for chunk in chunks:
        await response.write(chunk)
        # A write waits only when the client is slow; others shall have their turn all the same.
        await asyncio.sleep(0)
    await response.write_eof()
    return response
