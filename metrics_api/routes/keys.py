"""What routes find in the application and in a request, and what they expect of the evaluator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from aiohttp import web

from metrics_api.core.security import Principal
from metrics_api.core.settings import Settings
from metrics_api.core.store import Store
from metrics_api.routes.telemetry import Telemetry
from metrics_api.series import Annotation, Node, Series


class Rendered(Protocol):
    """An answer: the series of each target in order, and why targets were left out."""

    @property
    def series(self) -> Sequence[Sequence[Series]]:
        """As many lists as targets; an empty one for a target that was skipped."""

    @property
    def skipped(self) -> Sequence[str]:
        """One reason per target that could not be answered."""


class Evaluator(Protocol):
    """The core behind the wires; instants are epoch seconds."""

    async def render(self, targets: Sequence[str], start: int, until: int, principal: Principal) -> Rendered:
        """The series of the targets; a target that cannot be answered is skipped, never raised."""

    async def find(self, query: str, principal: Principal) -> Sequence[Node]:
        """The names or values below a query, in the order to show them."""

    async def annotations(
        self, start: int, until: int, tags: Sequence[str], principal: Principal
    ) -> Sequence[Annotation]:
        """The events of a window that carry all of the tags."""


EVALUATOR: web.AppKey[Evaluator] = web.AppKey("evaluator", Evaluator)
STORE: web.AppKey[Store] = web.AppKey("store", Store)
SETTINGS: web.AppKey[Settings] = web.AppKey("settings", Settings)
CLOCK: web.AppKey[Callable[[], float]] = web.AppKey("clock")
TELEMETRY: web.AppKey[Telemetry] = web.AppKey("telemetry", Telemetry)

_PRINCIPAL: web.RequestKey[Principal] = web.RequestKey("principal", Principal)
_STREAM: web.RequestKey[web.StreamResponse] = web.RequestKey("stream", web.StreamResponse)


def authorize(request: web.Request, principal: Principal) -> None:
    """Note who asks."""
    request[_PRINCIPAL] = principal


def principal_of(request: web.Request) -> Principal:
    """Who asks; a request that nobody was noted for is a KeyError, so nothing is answered without one."""
    return request[_PRINCIPAL]


def begin_stream(request: web.Request, response: web.StreamResponse) -> None:
    """Note that a response has begun, so that a failure breaks the connection instead of ending it well."""
    request[_STREAM] = response


def stream_of(request: web.Request) -> web.StreamResponse | None:
    """The response that has begun, if any."""
    return request.get(_STREAM)
