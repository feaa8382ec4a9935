"""HTTP towards an upstream: session, authentication, quota, retries; knows no upstream in particular.

Nothing here logs a token, a query or a body. Redirects are followed on the same server only, because the
credentials go with them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import ssl
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import ujson
from yarl import URL

from collectors.proxies import Proxies
from collectors.quota import Quota
from metrics_api.core.errors import ConfigError, Fatal, Retriable

log = logging.getLogger(__name__)

REDIRECTS = (301, 302, 307, 308)
HOPS = 5
T = TypeVar("T")


class Limited(Retriable):
    """Too many requests: the account has to wait."""


class Overloaded(Retriable):
    """The upstream could not finish this: ask for less at once."""


class Tally:
    """Counts the requests sent on behalf of one run."""

    def __init__(self) -> None:
        self.requests = 0


REQUESTS: ContextVar[Tally | None] = ContextVar("requests", default=None)


@dataclass(frozen=True)
class Patience:
    """How long to try: attempts after failures, and seconds in all when there were too many requests.

    Waits double from `first_s` up to `longest_s`, with jitter. TAPD names no time to wait and counts by ten
    minutes: `limited_s` outlasts such a window.
    """

    attempts: int = 6
    first_s: float = 0.5
    longest_s: float = 30.0
    limited_first_s: float = 2.0
    limited_s: float = 1500.0
    timeout_s: float = 120.0
    silence_s: float = 30.0


@dataclass(frozen=True)
class Answer:
    """A response whose body was read."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON; raises Retriable where it is none (HTML of a proxy, a cut-off answer).

        Integers of any size and lone surrogates are kept.
        """
        try:
            return ujson.loads(self.body)
        except (ValueError, RecursionError):
            raise Retriable(
                f"HTTP {self.status} with {len(self.body)} bytes that are not JSON "
                f"({self.headers.get('Content-Type', 'no content type')})"
            ) from None

    def wait_s(self) -> float | None:
        """The seconds to wait that the headers ask for, if they do."""
        after = self.headers.get("Retry-After", "")
        with contextlib.suppress(ValueError):
            return max(0.0, float(after))
        with contextlib.suppress(ValueError, TypeError):
            return max(0.0, parsedate_to_datetime(after).timestamp() - time.time())
        with contextlib.suppress(ValueError):
            return max(0.0, float(self.headers.get("RateLimit-Reset", "")) - time.time())
        return None


class Upstream:
    """One account at one server; used by any number of runs at once."""

    def __init__(
        self,
        name: str,
        url: str,
        headers: Mapping[str, str],
        quota: Quota,
        ca_file: Path | None = None,
        patience: Patience | None = None,
        proxies: Proxies | None = None,
    ) -> None:
        self.name = name
        self.quota = quota
        self.patience = patience or Patience()
        self._proxies = proxies or Proxies()
        self._root = URL(url.rstrip("/"))
        self._headers = dict(headers)
        self._ca_file = ca_file
        self._session: aiohttp.ClientSession | None = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            tls: ssl.SSLContext | bool = True
            if self._ca_file:
                try:
                    tls = ssl.create_default_context(cafile=str(self._ca_file))
                except OSError as error:
                    raise ConfigError(f"{self.name}: ca_file {self._ca_file}: {error}") from None
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=tls, limit=8),
                headers=self._headers | {"Accept": "application/json", "User-Agent": "engmetrics"},
                timeout=aiohttp.ClientTimeout(
                    total=self.patience.timeout_s,
                    sock_connect=self.patience.silence_s,
                    sock_read=self.patience.silence_s,
                ),
                trust_env=False,
            )
        return self._session

    async def aclose(self) -> None:
        """Close the connections and give back what is held of the account's quota."""
        await self.quota.aclose()
        if self._session is not None:
            await self._session.close()

    def address(self, path: str, params: Mapping[str, str]) -> URL:
        """The URL of a path below the root; the path comes percent-encoded."""
        address = URL(str(self._root) + path, encoded=True)
        return address.update_query(params) if params else address

    async def ask(self, address: URL, read: Callable[[Answer], T], overload: bool = False) -> T:
        """What `read` makes of the answer; tries again after failures that may pass.

        `read` raises Limited, Overloaded or Retriable to have it tried again. With `overload` a second
        Overloaded goes to the caller, who then asks for less. Raises UpstreamError.
        """
        failures, hops, waited = 0, 0, 0.0
        while True:
            try:
                async with self.quota.place():
                    answer = await self._sent(address)
                if answer.status in REDIRECTS and hops < HOPS:
                    address, hops = self._followed(address, answer), hops + 1
                    continue
                return read(answer)
            except Limited as error:
                wait = error.after_s
                if wait is None:
                    wait = max(self.patience.limited_first_s, waited)
                if waited + wait > self.patience.limited_s:
                    raise
                waited += wait
                log.info("limited upstream=%s path=%s wait_s=%.1f", self.name, address.path, wait)
                self.quota.pause(wait * random.uniform(1.0, 1.05))
            except Retriable as error:
                failures += 1
                overloaded = isinstance(error, Overloaded)
                if overloaded:
                    self.quota.narrow(60.0)
                if failures >= self.patience.attempts or (overload and overloaded and failures > 1):
                    raise
                longest = min(self.patience.longest_s, self.patience.first_s * 2 ** (failures - 1))
                wait = error.after_s if error.after_s is not None else longest * random.uniform(0.5, 1.0)
                log.info(
                    "retry upstream=%s path=%s failures=%d wait_s=%.1f reason=%s",
                    *(self.name, address.path, failures, wait, error),
                )
                await asyncio.sleep(wait)

    async def _sent(self, address: URL) -> Answer:
        tally = REQUESTS.get()
        if tally:
            tally.requests += 1
        try:
            proxy = self._proxies.leading_to(address)
            async with self._opened().get(address, allow_redirects=False, proxy=proxy) as response:
                return Answer(response.status, response.headers, await response.read())
        except aiohttp.ClientConnectorCertificateError:
            raise Fatal(f"{self.name}: the server's certificate is not trusted; give ca_file") from None
        except aiohttp.InvalidURL:
            raise Fatal(f"{self.name}: not a URL that can be asked") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Retriable(f"{self._root} does not answer ({type(error).__name__})") from None

    def _followed(self, address: URL, answer: Answer) -> URL:
        return self.same_server(address.join(URL(answer.headers.get("Location", ""), encoded=True)))

    def same_server(self, address: URL) -> URL:
        """The address, if it is on this server; raises Fatal: credentials go nowhere else."""
        if address.origin() != self._root.origin():
            raise Fatal(f"{self.name}: the server points to another one ({address.host})")
        return address


def rejected(answer: Answer) -> Retriable | None:
    """The failure an HTTP status means for any upstream, if it is one that may pass."""
    if answer.status == 429:
        return Limited("HTTP 429: too many requests", answer.wait_s())
    if answer.status in (502, 504):
        return Overloaded(f"HTTP {answer.status}", answer.wait_s())
    if answer.status >= 500 or answer.status == 408:
        return Retriable(f"HTTP {answer.status}", answer.wait_s())
    return None
