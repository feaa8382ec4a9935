"""Senders of webhooks as TAPD and GitLab send them, with switches for what goes wrong on the way.

    async with GitlabSender("http://127.0.0.1:8080/api/v1/gitlab/webhook", token="…") as sender:
        sender.switches.copies = 2                      # every delivery twice, under the same key
        delivered = await sender.deliver(gitlab_payload(event, project.record))
        assert delivered.ok

A delivery that fails is not sent again, as upstream; GitLab counts failures and stops for a while.
"""

import asyncio
import hmac
import time
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from types import TracebackType
from typing import Self
from urllib.parse import urlencode
from uuid import uuid4

import aiohttp
import ujson

from simulator.webhooks_gitlab import event_header

_TIMEOUT_S = 10.0
_WRONG = "not-the-secret"
_WRONG_KEY = f"whsec_{b64encode(_WRONG.encode()).decode()}"


@dataclass
class Switches:
    """What goes wrong between the sender and the receiver.

    Each delivery is sent ``copies`` times, ``delay_s`` after it happened, with a wrong secret or token if
    ``wrong_secret``. Of many deliveries ``parallel`` are on the way at once, and each group of ``disorder``
    goes out with the last first.
    """

    copies: int = 1
    delay_s: float = 0.0
    wrong_secret: bool = False
    parallel: int = 1
    disorder: int = 1


@dataclass(frozen=True)
class Delivered:
    """How a delivery went: HTTP status (None: not sent, or no answer), seconds, the key it went under."""

    status: int | None
    seconds: float
    key: str
    sent: bool = True

    @property
    def ok(self) -> bool:
        """Whether the sender takes it for a success: any answer of 2xx or 3xx."""
        return self.status is not None and 200 <= self.status < 400


@dataclass
class Health:
    """GitLab's count of failures in a row: from the fourth on the hook rests for a minute, then twice as long
    each time, a day at most; from the fortieth on until a test succeeds.
    """

    clock: Callable[[], float] = time.monotonic
    failures: int = 0
    rests_until: float = 0.0

    @property
    def stopped(self) -> bool:
        """Whether nothing is sent now."""
        return self.failures >= 40 or self.clock() < self.rests_until

    def note(self, ok: bool) -> None:
        """Count a delivery."""
        if ok:
            self.failures, self.rests_until = 0, 0.0
            return
        self.failures += 1
        if self.failures >= 4:
            self.rests_until = self.clock() + min(60.0 * 2 ** (self.failures - 4), 86_400.0)


class Sender:
    """What both senders share: the connection, the switches, and the order in which deliveries go out."""

    def __init__(self, url: str, *, timeout_s: float = _TIMEOUT_S) -> None:
        self.url = url
        self.switches = Switches()
        #: How the last deliveries went, each copy for itself.
        self.delivered: deque[Delivered] = deque(maxlen=10_000)
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        # Webhooks go to a receiver directly, whatever proxies the environment names.
        self._session = aiohttp.ClientSession(timeout=self._timeout, trust_env=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def deliver(self, payload: Mapping[str, object]) -> Delivered:
        """Send one payload, as often as the switches say; how the last copy went."""
        raise NotImplementedError

    async def deliver_all(self, payloads: Sequence[Mapping[str, object]]) -> list[Delivered]:
        """Send many in the order the switches say; how each went, in the order they were given."""
        size, gate = max(self.switches.disorder, 1), asyncio.Semaphore(max(self.switches.parallel, 1))
        order = [
            place
            for first in range(0, len(payloads), size)
            for place in reversed(range(first, min(first + size, len(payloads))))
        ]
        found: dict[int, Delivered] = {}

        async def one(place: int) -> None:
            async with gate:
                found[place] = await self.deliver(payloads[place])

        if self.switches.parallel > 1:
            await asyncio.gather(*(one(place) for place in order))
        else:
            for place in order:
                await one(place)
        return [found[place] for place in range(len(payloads))]

    async def post(self, body: bytes, headers: Mapping[str, str], key: str) -> Delivered:
        """Post bytes as they are; RuntimeError outside of the ``async with`` block."""
        if self._session is None:
            raise RuntimeError("open the sender with `async with` first")
        if self.switches.delay_s:
            await asyncio.sleep(self.switches.delay_s)
        began, status = time.monotonic(), None
        try:
            async with self._session.post(
                self.url, data=body, headers=headers, allow_redirects=False
            ) as response:
                await response.read()
                status = response.status
        except (aiohttp.ClientError, TimeoutError):
            status = None
        delivered = Delivered(status, time.monotonic() - began, key)
        self.delivered.append(delivered)
        return delivered


class TapdSender(Sender):
    """TAPD's side: the secret stands in the body, which is JSON or, as of old, a form."""

    def __init__(
        self, url: str, secret: str = "", *, form: bool = False, timeout_s: float = _TIMEOUT_S
    ) -> None:
        super().__init__(url, timeout_s=timeout_s)
        self.secret, self.form = secret, form

    async def deliver(self, payload: Mapping[str, object]) -> Delivered:
        """Send one payload with the secret; a copy has the same ``event_id`` and ``queue_id``."""
        told = dict(payload) | {"secret": _WRONG if self.switches.wrong_secret else self.secret}
        if self.form:
            body, kind = urlencode(told).encode(), "application/x-www-form-urlencoded"
        else:
            body, kind = ujson.dumps(told).encode(), "application/json"
        last = Delivered(None, 0.0, "", sent=False)
        for _ in range(self.switches.copies):
            last = await self.post(body, {"Content-Type": kind}, str(payload.get("event_id", "")))
        return last


class GitlabSender(Sender):
    """GitLab's side: its headers, a plain token or a signature or both, and its count of failures."""

    def __init__(
        self,
        url: str,
        token: str = "",
        *,
        signing_key: str = "",
        instance: str = "https://gitlab.example.com",
        auto_disable: bool = True,
        clock: Callable[[], float] = time.monotonic,
        timeout_s: float = _TIMEOUT_S,
    ) -> None:
        super().__init__(url, timeout_s=timeout_s)
        self.token, self.signing_key, self.instance = token, signing_key, instance
        self.auto_disable, self.health = auto_disable, Health(clock)

    async def deliver(
        self,
        payload: Mapping[str, object],
        *,
        event: str | None = None,
        key: str | None = None,
        timestamp: int | None = None,
        test: bool = False,
    ) -> Delivered:
        """Send one payload; nothing is sent while the hook rests, unless this is a ``test``.

        ``event`` is what the header says (default: what it says of such a payload), ``key`` the key to send
        it under again, ``timestamp`` the second the signature is made for.
        """
        name, body = key or str(uuid4()), ujson.dumps(payload).encode()
        last = Delivered(None, 0.0, name, sent=False)
        for _ in range(self.switches.copies):
            if self.auto_disable and self.health.stopped and not test:
                return last
            headers = self._headers(event or event_header(payload), name)
            headers |= self._signature(name, body, timestamp)
            last = await self.post(body, headers, name)
            self.health.note(last.ok)
        return last

    def _headers(self, event: str, key: str) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "GitLab/18.6.0",
            "Idempotency-Key": key,
            "X-Gitlab-Event": event,
            # GitLab makes both anew for each delivery: neither tells a repetition.
            "X-Gitlab-Webhook-UUID": str(uuid4()),
            "X-Gitlab-Event-UUID": str(uuid4()),
            "X-Gitlab-Instance": self.instance,
        }
        if self.token:
            headers["X-Gitlab-Token"] = _WRONG if self.switches.wrong_secret else self.token
        return headers

    def _signature(self, key: str, body: bytes, timestamp: int | None) -> dict[str, str]:
        if not self.signing_key:
            return {}
        secret = _WRONG_KEY if self.switches.wrong_secret else self.signing_key
        at = str(int(time.time()) if timestamp is None else timestamp)
        return {
            "webhook-id": key,
            "webhook-timestamp": at,
            "webhook-signature": signature(key, at, body, secret),
        }


def signature(key: str, timestamp: str, body: bytes, signing_key: str) -> str:
    """``v1,`` and the base64 HMAC-SHA256 of id, timestamp and body joined by dots, for a ``whsec_`` key."""
    secret = b64decode(signing_key.removeprefix("whsec_"))
    digest = hmac.new(secret, b".".join((key.encode(), timestamp.encode(), body)), sha256).digest()
    return f"v1,{b64encode(digest).decode()}"
