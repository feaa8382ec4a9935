"""All clients at once, each reading the build of the dashboards that is made for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp

from tests.moment import now
from tests.replay.falcon_plugin import FalconPlugin
from tests.replay.graphite_94 import Graphite94
from tests.replay.graphite_116 import Graphite116
from tests.replay.graphite_go import GraphiteGo, GraphiteGo122, GraphiteGoWrapped
from tests.replay.panels import FALCON, GRAPHITE, DashboardRequests, PanelRequest, panel_requests
from tests.replay.wire import PanelSeries, TimeRange, Values

Client = FalconPlugin | Graphite94 | GraphiteGo
GRAPHITE_CLIENTS = (Graphite94, Graphite116, GraphiteGo, GraphiteGo122, GraphiteGoWrapped)


def clients_of(session: aiohttp.ClientSession, api: str) -> list[Client]:
    """Return every client, each with the URL that a user types into Grafana."""
    falcon = f"{api}/api/v1/grafana"
    return [
        *(client(session, f"{api}/graphite") for client in GRAPHITE_CLIENTS),
        FalconPlugin(session, falcon),
        FalconPlugin(session, falcon, render_method="GET"),
    ]


def build_of(client: Client) -> Mapping[str, dict[str, Any]]:
    """Return the dashboards that are made for a client."""
    return FALCON if isinstance(client, FalconPlugin) else GRAPHITE


def requests_of(client: Client, slug: str) -> DashboardRequests:
    """Return what a dashboard asks a client for."""
    return panel_requests(build_of(client)[slug], {})


def request_of(client: Client, slug: str, number: int) -> PanelRequest:
    """Return what one panel asks a client for."""
    (request,) = (one for one in requests_of(client, slug).panels if one.number == number)
    return request


async def read(client: Client, slug: str, number: int, values: Mapping[str, Values]) -> list[PanelSeries]:
    """Return what a client gets for a panel over the last 90 days, All for the variables not given."""
    asked = requests_of(client, slug).values | dict(values)
    return await client.panel(request_of(client, slug, number).queries, last_90_days(), asked)


def last_90_days() -> TimeRange:
    """The dashboards' range, at whole minutes: the browser then asks for no second more than the others."""
    end = now() // 60 * 60
    return TimeRange((end - 90 * 86_400) * 1000, end * 1000, "now-90d", "now")


def drawn(series: list[PanelSeries]) -> list[tuple[str, list[tuple[float | None, int]]]]:
    """Return names and points."""
    return [(one.name, one.points) for one in series]
