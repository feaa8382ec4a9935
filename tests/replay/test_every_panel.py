"""Every client gets an answer it can read for every panel of every dashboard, and all get the same one."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import pytest

from tests.replay.falcon_plugin import FalconPlugin
from tests.replay.graphite_94 import Graphite94
from tests.replay.graphite_116 import Graphite116
from tests.replay.graphite_go import GraphiteGo, GraphiteGo122, GraphiteGoWrapped
from tests.replay.panels import DashboardRequests, PanelRequest, panel_requests
from tests.replay.wire import PanelSeries, TimeRange, Values, interpolate

FOLDER = Path(__file__).resolve().parents[2] / "grafana-provisioning" / "dashboards"
DASHBOARDS = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))]
PANELS = [
    pytest.param(panel, id=f"{panel.dashboard}-{panel.number}")
    for board in DASHBOARDS
    for panel in panel_requests(board, {}).panels
]
GRAPHITE_CLIENTS = (Graphite94, Graphite116, GraphiteGo, GraphiteGo122, GraphiteGoWrapped)
Client = FalconPlugin | Graphite94 | GraphiteGo


class RunningApi(Protocol):
    """An API that answers, with data of these products in the last 90 days."""

    url: str
    products: list[str]


@pytest.fixture
def clients(running_api: RunningApi, session: aiohttp.ClientSession) -> list[Client]:
    """All clients, each with the URL that a user types into Grafana."""
    graphite = [client(session, running_api.url + "/graphite") for client in GRAPHITE_CLIENTS]
    falcon = running_api.url + "/api/v1/grafana"
    return [*graphite, FalconPlugin(session, falcon), FalconPlugin(session, falcon, render_method="GET")]


def last_90_days() -> TimeRange:
    """The dashboards' range, at whole minutes: the browser then asks for no second more than the others."""
    end = int(time.time()) // 60 * 60
    return TimeRange((end - 90 * 86_400) * 1000, end * 1000, "now-90d", "now")


def choices(products: list[str]) -> dict[str, Mapping[str, Values]]:
    """Return the products to choose: All, the first, and all of them one by one."""
    return {"all": {"Product": "*"}, "one": {"Product": products[0]}, "each": {"Product": products}}


@pytest.mark.parametrize("panel", PANELS)
async def test_every_client_reads_every_panel(
    running_api: RunningApi, clients: list[Client], panel: PanelRequest
) -> None:
    span = last_90_days()
    for name, chosen in choices(running_api.products).items():
        values = {"Version": "*", **chosen}
        answers = [await client.panel(panel.queries, span, values) for client in clients]
        for client, series in zip(clients, answers, strict=True):
            where = f"{type(client).__name__}, products {name}"
            assert series, where
            assert any(value is not None for one in series for value, _ in one.points), where
            # A reader of one wire sees the numbers that a reader of the other sees, in the same order.
            assert plain(series) == plain(answers[0]), where


@pytest.mark.parametrize("panel", PANELS)
async def test_the_name_that_legends_show_is_the_endpoint(clients: list[Client], panel: PanelRequest) -> None:
    for client in clients:
        if isinstance(client, FalconPlugin):
            continue
        for one in await client.panel(panel.queries, last_90_days(), {"Product": "*", "Version": "*"}):
            counters = {query.target[1:].partition("/")[0].partition(".")[2] for query in panel.queries}
            assert one.name in {f"{one.labels['series']}.{counter}" for counter in counters}


@pytest.mark.parametrize("panel", PANELS)
async def test_series_find_back_to_their_query(clients: list[Client], panel: PanelRequest) -> None:
    letters = {query.ref_id for query in panel.queries}
    for client in clients:
        if isinstance(client, Graphite116 | GraphiteGo):
            series = await client.panel(panel.queries, last_90_days(), {"Product": "*", "Version": "*"})
            assert {one.ref_id for one in series} == letters, type(client).__name__


@pytest.mark.parametrize("panel", PANELS)
async def test_an_alert_on_a_panels_query_tells_its_series_apart(
    running_api: RunningApi, clients: list[Client], panel: PanelRequest
) -> None:
    values = {"Product": running_api.products, "Version": "*"}
    for client in clients:
        if isinstance(client, GraphiteGo):
            for query in panel.queries:
                # An alert rule does not put variables in; its author writes the values.
                written = type(query)(interpolate(query.target, values), query.ref_id)
                assert await client.alert(written, last_90_days())


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board["uid"])
async def test_every_client_fills_the_variables(
    running_api: RunningApi, clients: list[Client], board: dict[str, Any]
) -> None:
    requests = panel_requests(board, {})
    products = await filled(clients, requests, "Product", {})
    assert sorted(products) == sorted(running_api.products)
    everything = await filled(clients, requests, "Version", {"Product": "*"})
    assert everything
    for product in running_api.products:
        assert set(await filled(clients, requests, "Version", {"Product": product})) <= set(everything)
    assert await filled(clients, requests, "Version", {"Product": running_api.products}) == everything


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board["uid"])
async def test_every_client_draws_the_iterations(clients: list[Client], board: dict[str, Any]) -> None:
    (tags,) = panel_requests(board, {}).annotations
    answers = [await client.annotations_of_events(tags, last_90_days()) for client in clients]
    for client, marks in zip(clients, answers, strict=True):
        assert marks, type(client).__name__
        assert all("iteration" in mark.tags and mark.title for mark in marks)
    # The browser side asks for "-90d" until "now", the others for seconds: the same days.
    assert {mark.title for mark in answers[0]} == {mark.title for mark in answers[-1]}


async def test_every_client_can_be_saved_and_tested(clients: list[Client]) -> None:
    for client in clients:
        await client.save_and_test()


async def filled(
    clients: list[Client], requests: DashboardRequests, name: str, values: Mapping[str, Values]
) -> list[str]:
    """Return the options of a variable, which must be the same for all clients."""
    (variable,) = (one for one in requests.variables if one.name == name)
    answers = [
        [choice.text for choice in await client.variable(variable.query, values)] for client in clients
    ]
    assert all(answer == answers[0] for answer in answers)
    return answers[0]


def plain(series: list[PanelSeries]) -> list[tuple[str, list[tuple[float | None, int]]]]:
    """Return what is drawn: names and points."""
    return [(one.name, one.points) for one in series]
