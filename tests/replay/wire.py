"""What the replayed clients share: time ranges, variables as Grafana interpolates them, raw HTTP."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import aiohttp
from yarl import URL

FORM = "application/x-www-form-urlencoded"
# One value, several, or a custom "All" value, which Grafana puts in verbatim.
Values = str | Sequence[str]


class ClientError(Exception):
    """The real client would show an error, or crash, instead of the answer."""


@dataclass(frozen=True)
class TimeRange:
    """A dashboard's time range: resolved milliseconds, and the texts of a relative range (else None)."""

    start_ms: int
    end_ms: int
    raw_start: str | None = None
    raw_end: str | None = None


@dataclass(frozen=True)
class Query:
    """One query row of a panel."""

    target: str
    ref_id: str = "A"
    hide: bool = False


@dataclass(frozen=True)
class Choice:
    """One option of a variable."""

    text: str
    expandable: bool


@dataclass(frozen=True)
class PanelSeries:
    """One series as a panel gets it; points are (value or None, epoch milliseconds)."""

    name: str
    points: list[tuple[float | None, int]]
    ref_id: str | None = None
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Mark:
    """One annotation; `time_ms` in epoch milliseconds."""

    time_ms: int
    title: str
    tags: tuple[str, ...] = ()
    text: str = ""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer as it came."""

    status: int
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON; NaN and Infinity are no JSON to browsers and to Go."""
        if not 200 <= self.status < 300:
            raise ClientError(f"status {self.status}: {self.body[:500]!r}")
        try:
            return json.loads(self.body, parse_constant=_no_json)
        except ValueError as error:
            raise ClientError(f"no JSON: {error}: {self.body[:500]!r}") from error


class Wire:
    """Sends requests exactly as given, below a base URL."""

    def __init__(self, session: aiohttp.ClientSession, base: str) -> None:
        self._session = session
        self._base = base.rstrip("/")

    async def get(self, path: str) -> Answer:
        """GET `path`, its query string already in the form that goes over the wire."""
        return await self._send("GET", path, None)

    async def post(self, path: str, body: str) -> Answer:
        """POST `body` as UTF-8 under the form content type, whatever it holds."""
        return await self._send("POST", path, body.encode())

    async def _send(self, method: str, path: str, body: bytes | None) -> Answer:
        url = URL(self._base + path, encoded=True)
        headers = {} if body is None else {"Content-Type": FORM}
        async with self._session.request(method, url, data=body, headers=headers) as response:
            return Answer(response.status, await response.read())


def interpolate(text: str, variables: Mapping[str, Values]) -> str:
    """Put variables in as Grafana's template service does, format glob unless one is named.

    `$name`, `${name}`, `${name:format}`, `[[name]]`; an unknown name stays as typed.
    """

    def replaced(match: re.Match[str]) -> str:
        plain, square, square_format, curly, curly_format = match.groups()
        name = plain or square or curly
        if name not in variables:
            return match.group()
        return _formatted(variables[name], square_format or curly_format or "glob")

    return _VARIABLE.sub(replaced, text)


# JavaScript's \w is ASCII only.
_VARIABLE = re.compile(r"\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?::([^}]+))?\}", re.ASCII)


def _formatted(value: Values, form: str) -> str:
    values = [value] if isinstance(value, str) else list(value)
    if form in ("csv", "raw") or len(values) == 1:
        return ",".join(values)
    if form == "glob":
        return "{" + ",".join(values) + "}"
    raise ClientError(f"format {form!r} is not replayed")


def uri_component(text: str) -> str:
    """Encode as JavaScript's encodeURIComponent."""
    return quote(text, safe="!*'()")


def go_form(fields: Mapping[str, Sequence[str]]) -> str:
    """Encode as Go's url.Values.Encode: keys sorted, spaces as `+`."""
    pairs = [(key, value) for key in sorted(fields) for value in fields[key]]
    return "&".join(f"{_go_escape(key)}={_go_escape(value)}" for key, value in pairs)


def browser_query(text: str) -> str:
    """Encode what a script put into a URL's query unencoded, as a browser's fetch does.

    Everything from a `#` on is a fragment and is not sent.
    """
    return quote(text.partition("#")[0], safe="!$%&()*+,-./:;=?@[\\]^_`{|}~")


def interval_text(text: str) -> str:
    """Rewrite Grafana intervals in single quotes to Graphite's: `'5m'` to `'5min'`, `'5M'` to `'5mon'`."""
    fixed = re.sub(r"'(\d+)m'", r"'\1min'", text)
    return re.sub(r"'(\d+)M'", r"'\1mon'", fixed)


def _go_escape(text: str) -> str:
    return quote(text, safe=" ").replace(" ", "+")


def _no_json(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")
