"""What the two Grafana prefixes share: evaluating targets, and answers with an ETag and what was skipped."""

from __future__ import annotations

import asyncio
import hashlib
import zlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, TypeVar
from urllib.parse import quote

from aiohttp import hdrs, web

from metrics_api.core.errors import BadRequest
from metrics_api.evaluate import Rendered
from metrics_api.routes.keys import EVALUATOR, TELEMETRY, principal_of
from metrics_api.routes.parameters import Parameters

T = TypeVar("T")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

SKIPPED: Final = "X-Engmetrics-Skipped"
MAX_SKIPPED_CHARACTERS = 2000
MAX_REASON_CHARACTERS = 400

# A panel of a year is shorter and not worth the milliseconds; what is longer is compressed in a thread.
MIN_COMPRESSED_BYTES = 65_536
# Takes a fifth of the usual level's time for a half more bytes.
LEVEL = 2
GZIP: Final = 16 + zlib.MAX_WBITS
# Points that are encoded in less than the time a thread costs others.
MAX_INLINE_POINTS = 10_000

# Printable ASCII but "%" and ";", which separate and escape.
_PLAIN = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) not in "%;")


def register(app: web.Application, methods: Iterable[str], path: str, handler: Handler) -> None:
    """Add a handler with and without a trailing slash, as graphite-web answers both."""
    for spelling in (path, path.rstrip("/") + "/"):
        for method in methods:
            if method == hdrs.METH_GET:
                app.router.add_get(spelling, handler)
            else:
                app.router.add_route(method, spelling, handler)


async def evaluated(request: web.Request, targets: Sequence[str], start: int, until: int) -> Rendered:
    """The series of each target and the reasons for what was skipped, counted."""
    if not targets:
        return Rendered([], [])
    answer = await request.app[EVALUATOR].render(targets, start, until, principal_of(request))
    request.app[TELEMETRY].evaluated(len(targets) - len(answer.skipped), len(answer.skipped))
    return answer


async def encoded(encode: Callable[[T], bytes], rows: T, found: Rendered) -> bytes:
    """What an encoder makes of the rows of an answer; long ones do not hold up the event loop."""
    points = sum(len(series.timestamps) for answer in found.series for series in answer)
    return encode(rows) if points <= MAX_INLINE_POINTS else await asyncio.to_thread(encode, rows)


async def json_answer(request: web.Request, body: bytes, skipped: Sequence[str] = ()) -> web.Response:
    """An answer with an ETag of its bytes, long ones compressed; 304 when the client has just these."""
    etag = f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
    compressed = len(body) > MIN_COMPRESSED_BYTES and takes_gzip(request)
    # The same content in other bytes: that is what a weak tag says.
    headers: dict[str, str] = {
        hdrs.ETAG: f"W/{etag}" if compressed else etag,
        hdrs.VARY: hdrs.ACCEPT_ENCODING,
    }
    if skipped:
        headers[SKIPPED] = skipped_header(skipped)
    if request.method in (hdrs.METH_GET, hdrs.METH_HEAD) and _has(request, etag):
        return web.Response(status=304, headers=headers)
    if compressed:
        headers[hdrs.CONTENT_ENCODING] = "gzip"
        body = await asyncio.to_thread(zlib.compress, body, LEVEL, GZIP)
    return web.Response(body=body, headers=headers, content_type="application/json", charset="utf-8")


def takes_gzip(request: web.Request) -> bool:
    """Whether the client reads gzip: `q=0` says that it does not."""
    for part in request.headers.get(hdrs.ACCEPT_ENCODING, "").lower().split(","):
        coding, _, quality = part.partition(";")
        if coding.strip() in ("gzip", "*"):
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def skipped_header(reasons: Sequence[str]) -> str:
    """The reasons as one header value: ASCII, other characters as %XX, joined by `; `, bounded."""
    parts: list[str] = []
    room = MAX_SKIPPED_CHARACTERS
    for number, reason in enumerate(reasons):
        shown = reason if len(reason) <= MAX_REASON_CHARACTERS else reason[:MAX_REASON_CHARACTERS] + "..."
        part = quote(shown, safe=_PLAIN, errors="replace").strip()
        room -= len(part) + 2
        if room < 0 and parts:
            parts.append(f"and {len(reasons) - number} more")
            break
        parts.append(part)
    return "; ".join(parts)


def refuse_other_formats(given: Parameters) -> None:
    """Raise BadRequest for a format other than JSON; Grafana's clients all ask for `format=json`."""
    kind = given.one("format", "json")
    if kind not in ("", "json"):
        raise BadRequest(f"format={kind[:40]!r} is not offered: this API draws no pictures, use format=json")


def _has(request: web.Request, etag: str) -> bool:
    asked = request.headers.get(hdrs.IF_NONE_MATCH, "")
    return any(part.strip().removeprefix("W/") in (etag, "*") for part in asked.split(","))
