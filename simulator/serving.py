"""What both servers share: counting, quotas, faults on the way out, and the control address
``/_simulator``.
"""

import asyncio
import math
import socket
import struct
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import ujson
from aiohttp import web

from simulator.faults import Fault, FaultKind, Faults

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: The control address of each server; it is neither counted nor limited.
CONTROL_PATH = "/_simulator"

#: Faults that replace or damage a whole answer, whatever the endpoint.
TRANSPORT_FAULTS = (
    FaultKind.SERVER_ERROR,
    FaultKind.HTML,
    FaultKind.TRUNCATED,
    FaultKind.RESET,
    FaultKind.SLOW_FIRST_BYTE,
    FaultKind.SLOW_DRIP,
)
_HTML = b"<html><head><title>%d</title></head><body><center><h1>%d</h1></center></body></html>"


@dataclass(frozen=True)
class Seen:
    """One request as it came in and the HTTP status it got (0 while it is being answered)."""

    method: str
    path: str
    query: dict[str, str]
    status: int


@dataclass
class Counters:
    """How many requests came, in all and by path; the last 20,000 in order; the most that ran at once."""

    total: int = 0
    by_path: Counter[str] = field(default_factory=Counter)
    by_status: Counter[int] = field(default_factory=Counter)
    seen: deque[Seen] = field(default_factory=lambda: deque(maxlen=20_000))
    in_flight: int = 0
    most_in_flight: int = 0

    def clear(self) -> None:
        """Begin to count anew."""
        self.total = self.most_in_flight = 0
        self.by_path.clear()
        self.by_status.clear()
        self.seen.clear()


@dataclass
class Quota:
    """A budget of requests per fixed window, one for the account; ``limit`` None means no limit."""

    limit: int | None
    window_s: float = 60.0
    clock: Callable[[], float] = time.monotonic
    spent: int = 0
    refused: int = 0
    _ends: float = 0.0

    def take(self) -> bool:
        """Count a request; False when it is over the budget of the running window."""
        now = self.clock()
        if now >= self._ends:
            self._ends, self.spent = now + self.window_s, 0
        self.spent += 1
        if self.limit is None or self.spent <= self.limit:
            return True
        self.refused += 1
        return False

    @property
    def remaining(self) -> int:
        """What is left of the window's budget."""
        return max((self.limit or 0) - self.spent, 0)

    @property
    def seconds_left(self) -> int:
        """Whole seconds until the window ends, at least 1."""
        return max(math.ceil(self._ends - self.clock()), 1)

    @property
    def text(self) -> str:
        """The budget in TAPD's words, ``6000req/1min``."""
        return f"{self.limit}req/{math.ceil(self.window_s / 60)}min"


@dataclass
class Server:
    """What a test or an operator may look at and switch on one server."""

    faults: Faults = field(default_factory=Faults)
    quota: Quota = field(default_factory=lambda: Quota(None))
    counters: Counters = field(default_factory=Counters)

    def state(self) -> dict[str, Any]:
        """Counts, quota and faults as served at the control address."""
        return {
            "requests": {
                "total": self.counters.total,
                "by_path": dict(self.counters.by_path),
                "by_status": {str(status): count for status, count in self.counters.by_status.items()},
                "most_in_flight": self.counters.most_in_flight,
            },
            "quota": {
                "limit": self.quota.limit,
                "window_s": self.quota.window_s,
                "spent": self.quota.spent,
                "refused": self.quota.refused,
            },
            "faults": self.faults.state(),
        }


SERVER: web.AppKey[Server] = web.AppKey("server", Server)


def json_response(data: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """A JSON answer; compressed by ``observed`` when the client takes gzip."""
    body = ujson.dumps(data).encode()
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")


@web.middleware
async def observed(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count the request and let the armed transport fault, if one matches, spoil the answer."""
    server = request.app[SERVER]
    if request.path == CONTROL_PATH:
        return await handler(request)
    counters = server.counters
    counters.total += 1
    counters.by_path[request.path] += 1
    counters.in_flight += 1
    counters.most_in_flight = max(counters.most_in_flight, counters.in_flight)
    status = 0
    try:
        fault = server.faults.take(TRANSPORT_FAULTS, request.path, request.query)
        response = await (handler(request) if fault is None else _spoiled(request, handler, fault))
        status = response.status
        if isinstance(response, web.Response) and fault is None:
            response.enable_compression()
        return response
    finally:
        counters.in_flight -= 1
        counters.by_status[status] += 1
        counters.seen.append(Seen(request.method, request.path, dict(request.query), status))


async def _spoiled(request: web.Request, handler: Handler, fault: Fault) -> web.StreamResponse:
    if fault.kind is FaultKind.SERVER_ERROR:
        return web.Response(status=fault.status, text=f"{fault.status}")
    if fault.kind is FaultKind.HTML:
        page = _HTML % (fault.status, fault.status)
        return web.Response(body=page, status=fault.status, content_type="text/html", charset="utf-8")
    if fault.kind is FaultKind.SLOW_FIRST_BYTE:
        await asyncio.sleep(fault.seconds)
        return await handler(request)
    answer = await handler(request)
    if not isinstance(answer, web.Response) or not isinstance(answer.body, bytes):
        return answer
    body = answer.body
    if fault.kind is FaultKind.TRUNCATED:
        answer.body = body[: len(body) // 2]
        return answer
    stream = web.StreamResponse(status=answer.status, headers=answer.headers)
    stream.content_length = len(body)
    await stream.prepare(request)
    if fault.kind is FaultKind.RESET:
        await stream.write(body[: len(body) // 2])
        _reset(request)
        return stream
    size = max(len(body) // 10, 1)
    for start in range(0, len(body), size):
        await stream.write(body[start : start + size])
        await asyncio.sleep(fault.seconds / 10)
    await stream.write_eof()
    return stream


def _reset(request: web.Request) -> None:
    """Close the connection with RST instead of FIN, as a dying proxy does."""
    if request.transport is None:
        return
    sock = request.transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.transport.abort()


async def control(request: web.Request) -> web.Response:
    """Answer counts, quota and faults; a POST changes them first.

    Orders of a POST: ``{"arm": {"kind": …, "path": …, "times": …}}``, ``{"disarm": true}``, ``{"quota": 60}``
    (null: no limit), ``{"clear": true}`` (the counts), ``{"seen": true}`` (the answer tells the last requests
    besides). 400 for one that cannot be.
    """
    server = request.app[SERVER]
    told: dict[str, Any] = {}
    if request.method == "POST":
        try:
            order = ujson.loads(await request.read())
            if order.get("disarm"):
                server.faults.disarm()
            if order.get("clear"):
                server.counters.clear()
            if "quota" in order:
                server.quota.limit = None if order["quota"] is None else int(order["quota"])
            if "arm" in order:
                server.faults.arm(**order["arm"])
            if order.get("seen"):
                told["seen"] = [asdict(one) for one in server.counters.seen]
        except (ValueError, TypeError, AttributeError) as error:
            return json_response({"error": str(error)}, 400)
    return json_response(server.state() | told)
