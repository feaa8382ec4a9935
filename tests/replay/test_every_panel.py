"""Every client gets an answer it can read for every panel of its build, and all get the same one."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import pytest_asyncio

from tests.replay.clients import (
    Client,
    build_of,
    drawn,
    last_90_days,
    read,
    request_of,
    requests_of,
)
from tests.replay.display import shown
from tests.replay.falcon_plugin import FalconPlugin
from tests.replay.graphite_116 import Graphite116
from tests.replay.graphite_go import GraphiteGo
from tests.replay.odd_names import NAMES
from tests.replay.panels import GRAPHITE, panel_requests, panels
from tests.replay.wire import PanelSeries, Values, interpolate

pytestmark = pytest.mark.asyncio(loop_scope="session")
PANELS = [
    pytest.param((slug, panel.number), id=f"{slug}-{panel.number}")
    for slug, board in GRAPHITE.items()
    for panel in panel_requests(board, {}).panels
]
CHOICES: dict[str, Mapping[str, Values]] = {
    "one": {"Product": NAMES[0]},
    "each": {"Product": NAMES},
}


@pytest.fixture(scope="module", params=PANELS)
def panel(request: pytest.FixtureRequest) -> tuple[str, int]:
    """A dashboard and the number of one of its panels."""
    slug, number = request.param
    return slug, number


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def answers(clients: list[Client], panel: tuple[str, int]) -> list[list[PanelSeries]]:
    """What each client gets for the panel, All chosen everywhere."""
    return [await read(client, *panel, {}) for client in clients]


async def test_every_client_reads_every_panel(
    clients: list[Client], panel: tuple[str, int], answers: list[list[PanelSeries]]
) -> None:
    found = {"all": answers}
    for name, chosen in CHOICES.items():
        found[name] = [await read(client, *panel, chosen) for client in clients]
    for name, read_by in found.items():
        for client, series in zip(clients, read_by, strict=True):
            where = f"{type(client).__name__}, products {name}"
            assert series, where
            assert any(value is not None for one in series for value, _ in one.points), where
            # A reader of one wire sees the numbers that a reader of the other sees, in the same order.
            assert drawn(series) == drawn(read_by[0]), where


async def test_legends_and_colours_are_the_same_whatever_the_datasource(
    clients: list[Client], panel: tuple[str, int], answers: list[list[PanelSeries]]
) -> None:
    slug, number = panel
    pictures = []
    for client, series in zip(clients, answers, strict=True):
        (built,) = (one for one in panels(build_of(client)[slug]) if one["id"] == number)
        pictures.append([shown(built, one) for one in series])
        # Graphite's label `series` is the endpoint; falcon-plus has none, so its names are cut to it.
        if not isinstance(client, FalconPlugin):
            asked = [query.target for query in request_of(client, slug, number).queries]
            counters = {target.partition("/")[0].partition(".")[2] for target in asked}
            for one, picture in zip(series, pictures[-1], strict=True):
                endpoint = one.labels["series"]
                assert one.name.removeprefix(f"{endpoint}.") in counters
                assert picture.name == endpoint or endpoint in ("all", "n")
    assert all(picture == pictures[0] for picture in pictures)


async def test_series_find_back_to_their_query(
    clients: list[Client], panel: tuple[str, int], answers: list[list[PanelSeries]]
) -> None:
    for client, series in zip(clients, answers, strict=True):
        if isinstance(client, Graphite116 | GraphiteGo):
            letters = {query.ref_id for query in request_of(client, *panel).queries}
            assert {one.ref_id for one in series} == letters, type(client).__name__


async def test_an_alert_on_a_panels_query_tells_its_series_apart(
    clients: list[Client], panel: tuple[str, int]
) -> None:
    slug, number = panel
    for client in clients:
        if isinstance(client, GraphiteGo):
            values = requests_of(client, slug).values | {"Product": NAMES}
            for query in request_of(client, slug, number).queries:
                # An alert rule does not put variables in; its author writes the values.
                written = type(query)(interpolate(query.target, values), query.ref_id)
                assert await client.alert(written, last_90_days())


@pytest.mark.parametrize("slug", GRAPHITE)
async def test_every_client_fills_the_variables(clients: list[Client], slug: str) -> None:
    assert sorted(await filled(clients, slug, "Product", {})) == sorted(NAMES)
    for name in (one.name for one in requests_of(clients[0], slug).variables if one.name != "Product"):
        everything = await filled(clients, slug, name, {"Product": "*"})
        assert everything
        for product in NAMES:
            assert set(await filled(clients, slug, name, {"Product": product})) <= set(everything)
        assert await filled(clients, slug, name, {"Product": NAMES}) == everything


@pytest.mark.parametrize("slug", GRAPHITE)
async def test_every_client_draws_the_annotations(clients: list[Client], slug: str) -> None:
    for place, tag in enumerate(requests_of(clients[0], slug).annotations):
        answers = [
            await client.annotations_of_events(requests_of(client, slug).annotations[place], last_90_days())
            for client in clients
        ]
        for client, marks in zip(clients, answers, strict=True):
            assert marks or tag != "iteration", type(client).__name__
            assert all(mark.tags[0] == tag and mark.title for mark in marks)
            # The browser side asks for "-90d" until "now", the others for seconds: the same days.
            assert {mark.title for mark in marks} == {mark.title for mark in answers[0]}


async def test_every_client_can_be_saved_and_tested(clients: list[Client]) -> None:
    for client in clients:
        await client.save_and_test()


async def filled(clients: list[Client], slug: str, name: str, values: Mapping[str, Values]) -> list[str]:
    """Return the options of a variable, which must be the same for all clients."""
    answers = []
    for client in clients:
        (variable,) = (one for one in requests_of(client, slug).variables if one.name == name)
        answers.append([choice.text for choice in await client.variable(variable.query, values)])
    assert all(answer == answers[0] for answer in answers)
    return answers[0]
