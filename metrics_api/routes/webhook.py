"""The receivers of webhooks: prove where a delivery comes from, keep its bytes durably, answer.

What it says is a collector's business. GitLab waits 10 s for an answer and takes anything but success as a
failure that may switch the webhook off, so that what nobody understands is answered well, too.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, TypeVar

from aiohttp import hdrs, web

from metrics_api.core.errors import BadRequest, EngmetricsError
from metrics_api.core.inbox import UPSTREAMS, Inbox
from metrics_api.core.payloads import tapd_payload
from metrics_api.core.schema import Delivery
from metrics_api.core.settings import Settings, variable
from metrics_api.routes.answers import register
from metrics_api.routes.keys import CLOCK, SETTINGS, STORE
from metrics_api.routes.proofs import (
    ID,
    Refused,
    Sender,
    by_secret,
    by_signature,
    by_token,
    may_be_signed,
    senders,
)

T = TypeVar("T")

# GitLab sends no more.
MAX_BODY_BYTES = 25 * 2**20
# What is larger is hashed and searched in a thread.
MAX_INLINE_BYTES = 256 * 1024
# Of larger bodies only so many are in memory at once.
LARGE_BYTES = 2**20
LARGE_AT_ONCE = 4
PLACE_S = 8.0
READ_S = 30.0
KEY: Final = "Idempotency-Key"
MAX_KEY = 200


class TooLarge(BadRequest):
    """The body is larger than any webhook."""

    status = 413


class TooSlow(BadRequest):
    """The body did not come in time."""

    status = 408


class Busy(EngmetricsError):
    """Too many large bodies are being kept."""

    status = 503


@dataclass
class Receivers:
    """What both routes need: the inboxes, who may send, and the places for large bodies."""

    inboxes: dict[str, Inbox]
    senders: dict[str, Sequence[Sender]]
    missing: dict[str, str]
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LARGE_AT_ONCE))

    def known(self, upstream: str) -> Sequence[Sender]:
        """Who may send; raises Refused where nobody may."""
        if not self.senders[upstream]:
            raise Refused(f"this webhook is off: set {self.missing[upstream]} and restart the API")
        return self.senders[upstream]


RECEIVERS: web.AppKey[Receivers] = web.AppKey("receivers", Receivers)


def add_routes(app: web.Application) -> None:
    """Register the receivers; raises ConfigError for a secret that cannot be read."""
    settings = app[SETTINGS]
    app[RECEIVERS] = Receivers(
        {upstream: Inbox(app[STORE], upstream) for upstream in UPSTREAMS},
        {upstream: senders(settings.webhook_secrets(upstream)) for upstream in UPSTREAMS},
        {upstream: _variables(settings, upstream) for upstream in UPSTREAMS},
    )
    register(app, (hdrs.METH_POST,), "/api/v1/gitlab/webhook", gitlab)
    register(app, (hdrs.METH_POST,), "/api/v1/tapd/webhook", tapd)


def _variables(settings: Settings, upstream: str) -> str:
    """The settings of which one is missing."""
    instances = settings.config.gitlab if upstream == "gitlab" else settings.config.tapd
    kinds = ("WEBHOOK_SECRET", "WEBHOOK_SIGNING_KEY") if upstream == "gitlab" else ("WEBHOOK_SECRET",)
    names = [one.name for one in instances] or [upstream]
    return " or ".join(variable(upstream, name, kind) for name in names for kind in kinds)


async def gitlab(request: web.Request) -> web.StreamResponse:
    """Take a delivery of GitLab."""
    known = request.app[RECEIVERS].known("gitlab")
    instance = by_token(known, request.headers)
    # Where a signature speaks for the delivery, its key is the one that was signed.
    names = (KEY, ID) if instance else (ID,)
    if instance is None:
        may_be_signed(known, request.headers, request.app[CLOCK]())
    async with _received(request) as body:
        if instance is None:
            instance = await _computed(body, lambda: by_signature(known, request.headers, body))
        key = next(filter(None, (_text(request, name) for name in names)), "")
        if not key:
            key = await _computed(body, lambda: _content("gitlab", body))
        elif len(key) > MAX_KEY:
            key = _content("gitlab", key.encode())
        about = {"event": _text(request, "X-Gitlab-Event")[:MAX_KEY]}
        await _keep(request, "gitlab", key, instance, about, body)
    return web.json_response({"status": "accepted"})


async def tapd(request: web.Request) -> web.StreamResponse:
    """Take a delivery of TAPD; its secret is not kept."""
    known = request.app[RECEIVERS].known("tapd")
    async with _received(request) as received:
        instance, body = await _computed(received, lambda: by_secret(known, received))
        key = await _computed(body, lambda: _told_key(instance, body))
        await _keep(request, "tapd", key, instance, {}, body)
    return web.json_response({"status": "accepted"})


async def _keep(
    request: web.Request, upstream: str, key: str, instance: str, about: dict[str, str], body: bytes
) -> None:
    received = int(request.app[CLOCK]() * 1000)
    delivery: Delivery = {
        "_id": key,
        "instance": instance,
        "received": received,
        "about": about,
        "size": len(body),
        "body": body,
    }
    await request.app[RECEIVERS].inboxes[upstream].put(delivery)


@asynccontextmanager
async def _received(request: web.Request) -> AsyncIterator[bytes]:
    """The body, read in pieces up to its limit; while inside, a large one has one of the few places."""
    too_large = TooLarge(f"the body is larger than {MAX_BODY_BYTES} bytes, the most a webhook sends")
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise too_large
    body = bytearray()
    async with AsyncExitStack() as stack:
        try:
            async with asyncio.timeout(READ_S):
                async for piece in request.content.iter_any():
                    before = len(body)
                    body += piece
                    if len(body) > MAX_BODY_BYTES:
                        raise too_large
                    if before <= LARGE_BYTES < len(body):
                        await stack.enter_async_context(_placed(request.app[RECEIVERS].places))
        except TimeoutError:
            raise TooSlow(f"the body did not come within {READ_S:g} s") from None
        except (web.RequestPayloadError, ValueError) as error:
            raise BadRequest(f"the body could not be read: {type(error).__name__}") from None
        yield bytes(body)


@asynccontextmanager
async def _placed(places: asyncio.Semaphore) -> AsyncIterator[None]:
    """Hold one of the places; raises Busy when none becomes free."""
    try:
        async with asyncio.timeout(PLACE_S):
            await places.acquire()
    except TimeoutError:
        raise Busy("too many large deliveries at once: try again") from None
    try:
        yield
    finally:
        places.release()


async def _computed(body: bytes, compute: Callable[[], T]) -> T:
    """What is computed of a body; a large one does not hold up the event loop."""
    return compute() if len(body) <= MAX_INLINE_BYTES else await asyncio.to_thread(compute)


def _content(upstream: str, body: bytes) -> str:
    """A key for what has none: the same content comes under the same key."""
    return hashlib.blake2b(upstream.encode("ascii") + b"\0" + body, digest_size=16).hexdigest()


def _told_key(instance: str, body: bytes) -> str:
    """The key of a TAPD delivery: its event and queue, which its TAPD numbers, else its content."""
    try:
        payload = tapd_payload(body)
    except ValueError:
        return _content("tapd", body)
    event, queue = (payload.get(name) for name in ("event_id", "queue_id"))
    if all(isinstance(one, str | int) and 0 < len(str(one)) <= MAX_KEY for one in (event, queue)):
        return f"{instance}:{event}:{queue}"
    return _content("tapd", body)


def _text(request: web.Request, name: str) -> str:
    """A header as text that can be stored, whatever bytes were sent."""
    return request.headers.get(name, "").encode("utf-8", "surrogateescape").decode("utf-8", "replace")
