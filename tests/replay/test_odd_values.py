"""Names with signs to which the wires give a meaning choose what they say, and nothing else."""

from __future__ import annotations

import re

import pytest

from tests.replay.clients import Client, drawn, last_90_days, read, requests_of
from tests.replay.falcon_plugin import FalconPlugin, fix_targets
from tests.replay.odd_names import NAMES, ODD_NAMES
from tests.replay.panels import FALCON, panel_requests
from tests.replay.wire import PanelSeries, Query

pytestmark = pytest.mark.asyncio(loop_scope="session")
PANELS = [
    pytest.param(slug, panel.number, id=f"{slug}-{panel.number}")
    for slug, board in FALCON.items()
    for panel in panel_requests(board, {}).panels
]

EFFORT = ("iteration", 7)


def certain(series: list[PanelSeries]) -> list[tuple[str, list[tuple[float | None, int]]]]:
    """What is drawn but for forecast days: chance is the question's own, so another name has another."""
    return drawn([one for one in series if not re.match(r"p\d+\..*\.forecast$", one.name)])


@pytest.mark.parametrize("slug, number", PANELS)
async def test_a_product_has_the_same_numbers_under_any_name(
    clients: list[Client], odd_clients: list[Client], slug: str, number: int
) -> None:
    choices = [(NAMES[0], ODD_NAMES[0]), (NAMES[1], ODD_NAMES[1]), (NAMES, ODD_NAMES)]
    for names, odd_names in choices:
        expected = certain(await read(clients[0], slug, number, {"Product": names}))
        numbers = [value for _, points in expected for value, _ in points if value is not None]
        # Where all is well with the data, and where nobody estimates effort, the numbers are zeros.
        assert any(numbers) or (numbers and (slug == "data-health" or (slug, number) == EFFORT))
        for client in odd_clients:
            found = certain(await read(client, slug, number, {"Product": odd_names}))
            assert found == expected, type(client).__name__


async def test_odd_products_are_offered_and_lead_to_their_versions(
    clients: list[Client], odd_clients: list[Client]
) -> None:
    for client in odd_clients:
        product, version, iteration = requests_of(client, "cumulative-flow").variables
        assert [one.text for one in await client.variable(product.query)] == sorted(ODD_NAMES)
        for query in (version.query, iteration.query):
            for odd_name, name in zip(ODD_NAMES, NAMES, strict=True):
                expected = await clients[0].variable(query, {"Product": name})
                assert len(expected) > 1
                assert await client.variable(query, {"Product": odd_name}) == expected


async def test_each_version_chooses_its_own_bugs(clients: list[Client]) -> None:
    for client in clients:
        versions = [one.text for one in await client.variable("$bugversion")]
        # The generated company has versions such as "v2.1.0 & 热修" and "v2.2.0#灰度".
        assert all(any(sign in version for version in versions) for sign in ".&+# 量")
        whole = created(await read(client, "cumulative-flow", 3, {}))
        each = [created(await read(client, "cumulative-flow", 3, {"Version": one})) for one in versions]
        together = created(await read(client, "cumulative-flow", 3, {"Version": versions}))
        assert whole > 0
        # Every bug is created with one version or without, which is called N/A.
        assert (sum(each), together) == (whole, whole), type(client).__name__


async def test_a_version_typed_into_a_query_is_found_although_the_plugin_rewrites_its_dots(
    clients: list[Client],
) -> None:
    (plugin, _) = (client for client in clients if isinstance(client, FalconPlugin))
    versions = [one.text for one in await plugin.variable("$bugversion")]
    dotted = [version for version in versions if fix_targets(version) != version]
    assert len(dotted) > 3
    for version in dotted:
        target = "@tapd.bugs.change.daily/version="
        typed = await plugin.panel([Query(target + version)], last_90_days())
        chosen = await plugin.panel([Query(f"{target}$Version")], last_90_days(), {"Version": version})
        assert drawn(typed) == drawn(chosen), version


def created(series: list[PanelSeries]) -> float:
    """Return how many bugs were created in the range."""
    (found,) = (one for one in series if one.name == "created.bugs.change.daily")
    return sum(value or 0 for value, _ in found.points)
