"""Pages for those who run the service: alive, ready, metrics, and what there is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from metrics_api import __version__
from metrics_api.core.errors import StoreUnavailable
from metrics_api.evaluate import FrameState
from metrics_api.routes.keys import CLOCK, EVALUATOR, STORE, TELEMETRY

PROBE_TIMEOUT_S = 2.0

# The reader looks once a second: after this long it died or cannot read the facts.
STALE_S = 60.0

PAGE = f"""engmetrics {__version__}: how work flows, from request to release

Grafana
  /graphite            URL of a Graphite datasource (Grafana 9.4 to 13, no plugin)
  /api/v1/grafana      URL of an openfalcon datasource (falcon-plus plugin, Grafana up to 10)

Records as JSON lines
  /api/v1/tapd/bugs?workspace_id=ID[&fields=id,status][&removed=include][&instance=NAME]
  the same for bug_changes, removed_bugs, stories, story_changes, removed_stories, story_bugs, categories,
  tasks, task_changes, removed_tasks, iterations, iteration_changes, releases
  /api/v1/gitlab/events?project_id=ID-OR-PATH

Metrics as JSON lines
  /api/v1/metrics      what there is, with filters and options
  /api/v1/metrics/NAME?from=2026-01-01[&until=now][&product=NAME][&by=FIELD][&step=1w]

Items behind a number, for a browser too
  /api/v1/items?metric=NAME[&at=2026-01-31][&product=NAME][&series=LINE][&stage=NAME][&limit=20][&format=json|table|html]

Webhooks
  POST /api/v1/gitlab/webhook, POST /api/v1/tapd/webhook

Tasks
  POST /api/v1/tasks   {{"kind": "backfill", "since": "2024-01-31", "scope": "ID-OR-PATH"}} as JSON
  /api/v1/tasks        all of them, /api/v1/tasks/ID one with its log

Operation
  /healthz             the process is alive
  /readyz              the store answers, the frames are loaded and kept current
  /metrics             Prometheus
"""


def add_routes(app: web.Application) -> None:
    """Register the pages."""
    app.router.add_get("/", index)
    app.router.add_get("/healthz", alive)
    app.router.add_get("/readyz", ready)
    app.router.add_get("/metrics", metrics)


async def index(request: web.Request) -> web.StreamResponse:
    """What there is, as plain text."""
    return web.Response(text=PAGE)


async def alive(request: web.Request) -> web.StreamResponse:
    """200 while the process runs."""
    return web.json_response({"status": "alive"})


async def ready(request: web.Request) -> web.StreamResponse:
    """200 when a document was read from the store in time and every frame is current, else 503."""
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            await request.app[STORE].probe()
    except TimeoutError:
        raise StoreUnavailable(f"the store did not answer within {PROBE_TIMEOUT_S:g} s") from None
    _require_current(request.app[EVALUATOR].frame_states(), request.app[CLOCK]())
    return web.json_response({"status": "ready"})


def _require_current(states: Sequence[FrameState], now: float) -> None:
    loading = [state.topic for state in states if state.refreshed_at is None]
    if loading:
        raise StoreUnavailable(f"not loaded yet: {', '.join(loading)}")
    for state in states:
        if state.refreshed_at is not None and now - state.refreshed_at > STALE_S:
            since = datetime.fromtimestamp(state.refreshed_at, UTC).isoformat(timespec="seconds")
            raise StoreUnavailable(f"{state.topic} not compared with the store since {since}")


async def metrics(request: web.Request) -> web.StreamResponse:
    """Prometheus' text format."""
    return web.Response(body=request.app[TELEMETRY].page(), headers={"Content-Type": CONTENT_TYPE_LATEST})
