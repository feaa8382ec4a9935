"""Speaking TAPD: envelope, wrappers, paging, Beijing strings."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from collectors.derivation import epoch
from collectors.tapd_limits import PAGE_SIZES, Labels, Limits
from collectors.upstream import Answer, Limited, Overloaded, Upstream, rejected
from metrics_api.core.config import TapdInstance
from metrics_api.core.days import naive_text
from metrics_api.core.errors import Fatal, Retriable, Skippable
from metrics_api.core.settings import Credentials

# page * limit may not go beyond this.
DEPTH = 20_000
READINGS = 4
# Nobody has bugs of an earlier year; a wrong one would have the change feed walked from there.
YEARS_FROM = 1970
FAR_AHEAD = "2099-12-31 23:59:59"


MEANINGS = {
    "401": "the credentials are not right",
    "403": "not allowed",
    "404": "not there",
    "422": "a parameter is wrong",
    "429": "too many requests",
}


@dataclass(frozen=True)
class Rows:
    """One page of a list: wrapped rows, and whether more may follow."""

    rows: list[Any]
    more: bool


class TapdClient:
    """One TAPD account; every method raises UpstreamError. `people` says that names may be kept."""

    def __init__(self, config: TapdInstance, upstream: Upstream, people: bool = False) -> None:
        self.config = config
        self.upstream = upstream
        self.people = people
        self._limits = Limits()
        self._labels = Labels()

    def day(self, at: datetime) -> str:
        """The calendar day of an instant on TAPD's clocks, `YYYY-MM-DD`."""
        return naive_text(int(at.timestamp()), self.config.timezone)[:10]

    def epoch(self, text: Any) -> int | None:
        """Epoch seconds of a TAPD time, None for its empty spellings; raises ValueError or TypeError."""
        return epoch(text, self.config.timezone)

    async def call(self, path: str, params: Mapping[str, str], overload: bool = False) -> Any:
        """The `data` of an answer, whatever its shape."""
        address = self.upstream.address(path, params)
        return await self.upstream.ask(address, partial(_data, self.upstream.name, path), overload)

    async def listed(self, path: str, params: Mapping[str, str], overload: bool = False) -> list[Any]:
        """The rows of a list that comes all at once."""
        return _rows(await self.call(path, params, overload), self.upstream.name, path)

    async def mapping(self, path: str, params: Mapping[str, str]) -> dict[str, Any]:
        """An object; TAPD writes an empty one as an empty array."""
        data = await self.call(path, params)
        if data == [] or data is None:
            return {}
        if not isinstance(data, dict):
            raise Fatal(f"{self.upstream.name} {path}: data is {type(data).__name__}, not an object")
        return data

    async def paged(
        self, path: str, params: Mapping[str, str], created_in: str = ""
    ) -> AsyncGenerator[Rows, None]:
        """The pages of one list, until one is short or empty; a 502 makes the pages smaller.

        Raises TooDeep where the list goes beyond what TAPD serves by pages.
        """
        start, before = 0, None
        limit = self._limits.grown(path)
        while True:
            if start + limit > DEPTH:
                raise TooDeep(f"{path}: more than {DEPTH} rows")
            asked = {**params, "limit": str(limit), "page": str(start // limit + 1)}
            if created_in:
                asked["created"] = created_in
            overload = limit > PAGE_SIZES[-1]
            try:
                rows = await self._labels.page(path, asked, partial(self.listed, path, overload=overload))
            except Overloaded:
                limit = self._limits.shrunk(path, limit, start)
                if not limit:
                    raise
                continue
            if rows and rows == before:
                raise Fatal(f"{path}: the same page came twice, the page number is not honoured")
            # A server that ignores the limit has no second page.
            more = len(rows) == limit
            yield Rows(rows, more)
            if not more:
                return
            start, before = start + limit, rows

    async def ascending(
        self, path: str, params: Mapping[str, str], wrapper: str, anchor: str = ""
    ) -> AsyncIterator[Rows]:
        """All rows of a list, oldest `created` first, without counting offsets.

        After each full page the list is asked again from the last `created` on: rows that vanish or appear
        before it shift nothing, and no list is too deep. Within a second of several pages those are counted,
        and read again until that brings nothing new. Repeated rows are left out. Where a server honours
        neither order nor range, pages are counted after all. `anchor` begins later.
        """
        asked = {**params, "order": "created asc"}
        seen: set[str] = set()
        readings = 0
        while True:
            low = _second_before(anchor) if anchor else ""
            last, more, pages_read, fresh = anchor, False, 0, 0
            async with aclosing(self.paged(path, asked, f"{low}~{FAR_AHEAD}" if low else "")) as pages:
                async for page in pages:
                    times = [clock(one) for one in bodies(page.rows, wrapper)]
                    if page.more and (times != sorted(times) or times[:1] < [low[:10]]):
                        async for rest in self.settled(path, params, wrapper, seen):
                            yield rest
                        return
                    rows = [row for row in page.rows if _unseen(row, wrapper, seen)]
                    pages_read, fresh = pages_read + 1, fresh + len(rows)
                    yield Rows(rows, page.more)
                    last, more = max(times, default=last), page.more
                    if last > anchor:
                        break
            readings += 1
            if pages_read > 1 and fresh and readings < READINGS:
                continue
            if not more:
                return
            anchor, readings = last, 0

    async def settled(
        self, path: str, params: Mapping[str, str], wrapper: str, seen: set[str] | None = None
    ) -> AsyncIterator[Rows]:
        """All rows of a list whose order cannot be asked for.

        Rows that come and go between two pages shift the others. A list of several pages is therefore read
        again until a reading brings nothing new.
        """
        seen = set() if seen is None else seen
        for _ in range(READINGS):
            pages, fresh = 0, 0
            async for page in self.paged(path, params):
                rows = [row for row in page.rows if _unseen(row, wrapper, seen)]
                pages, fresh = pages + 1, fresh + len(rows)
                yield Rows(rows, page.more)
            if pages <= 1 or not fresh:
                return


class TooDeep(Skippable):
    """A list goes beyond what TAPD serves by pages."""


class UnknownAddress(Fatal):
    """TAPD has nothing at this address, which it says with a greeting."""


def tapd_headers(credentials: Credentials) -> dict[str, str]:
    """The authentication header: the access token, or user and password."""
    if credentials.token:
        return {"Authorization": f"Bearer {credentials.token}"}
    pair = f"{credentials.user}:{credentials.password}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}


def inside(row: Any, wrapper: str) -> Any:
    """The record in its wrapper (`{"Bug": {…}}`), or the row itself where it has none."""
    return row[wrapper] if isinstance(row, dict) and isinstance(row.get(wrapper), dict) else row


def bodies(rows: Iterable[Any], wrapper: str) -> list[dict[str, Any]]:
    """The records of those rows that have one."""
    return [record for record in (inside(row, wrapper) for row in rows) if isinstance(record, dict)]


def _unseen(row: Any, wrapper: str, seen: set[str]) -> bool:
    found = bodies([row], wrapper)
    name = str(found[0].get("id")) if found and found[0].get("id") else ""
    if name and name in seen:
        return False
    seen.add(name)
    return True


def _second_before(text: str) -> str:
    # Whether a range includes its first second is not documented.
    return str(datetime.fromisoformat(text) - timedelta(seconds=1))


def clock(record: dict[str, Any]) -> str:
    """When the record was created, as TAPD writes times, "" where it is no time."""
    # Now and then there are two spaces before the hour.
    text = " ".join(str(record.get("created")).split())
    if not re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", text):
        return ""
    try:
        # The empty spelling is all zeros, which is before any calendar.
        return text if datetime.fromisoformat(text).year >= YEARS_FROM else ""
    except ValueError:
        return ""


def _rows(data: Any, name: str, path: str) -> list[Any]:
    if data in ("", {}):
        return []
    if not isinstance(data, list):
        raise Fatal(f"{name} {path}: data is {type(data).__name__}, not a list")
    return data


def _data(name: str, path: str, answer: Answer) -> Any:
    """The `data` of the envelope; raises by what the status says. HTTP 200 alone is not success."""
    failure = rejected(answer)
    if failure:
        raise failure
    envelope = answer.json()
    if not isinstance(envelope, dict) or "status" not in envelope:
        raise Retriable(f"{name} {path}: HTTP {answer.status} without TAPD's envelope")
    status = str(envelope["status"])
    if status == "1" and answer.status == 200:
        data = envelope.get("data")
        if isinstance(data, str) and data.startswith("Hello world"):
            raise UnknownAddress(f"{name} {path}: TAPD knows no such address")
        return data
    what = f"{name} {path}: TAPD says {status}: {_meaning(status, str(envelope.get('info', '')))}"
    if status == "429":
        raise Limited(what, answer.wait_s())
    if status in ("502", "504"):
        raise Overloaded(what)
    if status.isdecimal() and int(status) >= 500:
        raise Retriable(what)
    if status in ("403", "404"):
        raise Skippable(what)
    raise Fatal(what)


def _meaning(status: str, info: str) -> str:
    """What a status means, in our words: TAPD's own may name the account.

    Only what is not there and which parameter is wrong is told in TAPD's words, up to any such name.
    """
    if status in ("404", "422"):
        told = re.split("api.account", info, maxsplit=1, flags=re.IGNORECASE)[0].strip(" ,;:")
        return told[:200] or MEANINGS[status]
    return MEANINGS.get(status, "it failed" if status.isdecimal() and int(status) >= 500 else "refused")
