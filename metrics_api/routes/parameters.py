"""Request parameters: query strings and bodies of every kind the Grafana clients send, decoded as UTF-8.

Grafana's Graphite datasource posts `query=<raw text>` unencoded; what it looks like decides how it is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

import ujson
from aiohttp import web

from metrics_api.core.errors import BadRequest

MAX_FIELDS = 2000

# The fields a find request may have beside its query; anything else after an "&" belongs to the query.
_FIND_FIELDS = "from|until|format|wildcards|limit|local|leavesOnly|groupByExpr|jsonp|maxDataPoints|query"
# What encodeURIComponent, Go's and Python's encoders leave as it is, and what they make of the rest.
_ENCODED = r"(?:[A-Za-z0-9._~*!'()+-]|%[0-9A-Fa-f]{2})*"
_FORM = re.compile(rf"query={_ENCODED}(?:&(?:{_FIND_FIELDS})={_ENCODED})*")
_BOUNDARY = re.compile(r'boundary="?([^";,\s]{1,70})')
_PART_NAME = re.compile(r'[;\s]name="?([^";\r\n]*)', re.IGNORECASE)


@dataclass(frozen=True)
class Parameters:
    """Names with their values, in the order sent."""

    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def all(self, name: str) -> Sequence[str]:
        """Every value of a name."""
        return self.fields.get(name, ())

    def one(self, name: str, default: str = "") -> str:
        """The last value of a name."""
        return self.fields[name][-1] if self.fields.get(name) else default


async def parameters(request: web.Request) -> Parameters:
    """The parameters of a request: its body's, and those of its query string that the body lacks.

    Raises BadRequest for what cannot be decoded.
    """
    return await _merged(request, raw_query=False)


async def find_parameters(request: web.Request) -> Parameters:
    """As `parameters`, for a find: a body `query=…` that no encoder wrote is taken literally."""
    return await _merged(request, raw_query=True)


async def _merged(request: web.Request, *, raw_query: bool) -> Parameters:
    found = query_parameters(request).fields
    if request.method != "POST":
        return Parameters(found)
    try:
        body = await request.read()
    except (web.RequestPayloadError, ValueError) as error:
        raise BadRequest(f"the body could not be read: {type(error).__name__}") from None
    return Parameters({**found, **_body(body, request.headers.get("Content-Type", ""), raw_query)})


def query_parameters(request: web.Request) -> Parameters:
    """The parameters of the query string alone."""
    # Taken from the request line, for clients send bytes and "#" that should have been escaped.
    raw = request.raw_path.partition("?")[2]
    return Parameters(_form(raw.encode("utf-8", "surrogateescape"), "the query string"))


def _body(body: bytes, content_type: str, raw_query: bool) -> Mapping[str, Sequence[str]]:
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return _multipart(body, content_type)
    if kind == "application/json":
        return _json(_utf8(body, "the body")) if body else {}
    if raw_query and body.startswith(b"query="):
        text = _utf8(body, "the body")
        if not _FORM.fullmatch(text):
            return {"query": [text.removeprefix("query=")]}
    return _form(body, "the body")


def _form(raw: bytes, where: str) -> dict[str, list[str]]:
    pieces = [piece for piece in raw.split(b"&") if piece]
    if len(pieces) > MAX_FIELDS:
        raise BadRequest(f"{where} has more than {MAX_FIELDS} fields")
    return _collected(
        (_utf8(unquote_to_bytes(name), where), _utf8(unquote_to_bytes(value), where))
        for name, _, value in (piece.replace(b"+", b" ").partition(b"=") for piece in pieces)
    )


def _multipart(body: bytes, content_type: str) -> dict[str, list[str]]:
    boundary = _BOUNDARY.search(content_type)
    if not boundary:
        raise BadRequest("a multipart body needs its boundary in Content-Type")
    mark = b"--" + boundary.group(1).encode("utf-8", "surrogateescape")
    parts = (b"\r\n" + body).split(b"\r\n" + mark)
    if len(parts) < 2 or not parts[-1].startswith(b"--"):
        raise BadRequest("the multipart body does not end with its boundary")
    if len(parts) > MAX_FIELDS:
        raise BadRequest(f"the body has more than {MAX_FIELDS} parts")
    fields = []
    for part in parts[1:-1]:
        head, _, value = part.partition(b"\r\n\r\n")
        name = _PART_NAME.search(_utf8(head, "the body"))
        if not name:
            raise BadRequest("a part of the multipart body has no name")
        fields.append((name.group(1), _utf8(value, "the body")))
    return _collected(fields)


def _json(text: str) -> dict[str, list[str]]:
    try:
        document = ujson.loads(text)
    except ValueError:
        raise BadRequest("the body is not valid JSON") from None
    if not isinstance(document, dict):
        raise BadRequest('a JSON body is an object, as in {"target": ["@tapd#bugs#change#daily"]}')
    fields, empty = [], dict[str, list[str]]()
    for name, value in document.items():
        if value == []:
            empty[_paired(name)] = []
        for item in value if isinstance(value, list) else [value]:
            # A boolean is an int to Python, and never meant as one here.
            if isinstance(item, bool | dict | list):
                raise BadRequest(f"{_paired(name)}: text or a number is needed")
            if item is not None:
                fields.append((_paired(name), _paired(str(item))))
    if len(fields) > MAX_FIELDS:
        raise BadRequest(f"the body has more than {MAX_FIELDS} fields")
    return empty | _collected(fields)


def _collected(fields: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in fields:
        found.setdefault(name, []).append(value)
    return found


def _utf8(raw: bytes, where: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest(f"{where} is not UTF-8") from None


def _paired(text: str) -> str:
    """The text; JSON can spell half a character (a lone surrogate), which is no text at all."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise BadRequest("the body holds half a character (a lone surrogate)") from None
    return text
