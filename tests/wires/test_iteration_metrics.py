"""Burn-up, burndown and forecast over both wires, from facts in the real store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from metrics_api.core.store import Document, Store
from tests.frames.facts import CONFIG, DAY_S, MONDAY, NOW, Publisher, story
from tests.frames.sprints import DATES, iterations, sprint
from tests.frames.test_burndown import COUNT, EFFORT, seven
from tests.reference.forecasts import FORECAST
from tests.reference.questions import Query
from tests.reference.scopes import BURNDOWN, BURNUP, ScopeQuery
from tests.system.harness import over_falcon, over_graphite, serving

FRIDAY = MONDAY + 4 * DAY_S


def two_a_day() -> list[Document]:
    """What Sprint 0 had done on each of the 56 days before Friday, and six stories that are left of it."""
    planned, done = {"status": "planning", "iteration": "502"}, {"status": "resolved"}
    return [
        *(story(f"d{day}{half}", (-90, planned), (day, done)) for day in range(-52, 4) for half in "ab"),
        *(story(f"left {number}", (-90, planned)) for number in range(6)),
    ]


@pytest.fixture
async def url(store: Store) -> AsyncIterator[str]:
    """The API on Friday noon."""
    stories = [*sprint(), *two_a_day()]
    await Publisher(store).everything(stories=stories, bugs=seven(), iterations=iterations(DATES))
    async with serving(store, CONFIG, lambda: NOW) as url:
        yield url


async def both(url: str, query: Query) -> list[tuple[str, list[Any]]]:
    """The values of each endpoint from Monday to Friday, seen to be the same on both wires."""
    async with aiohttp.ClientSession() as session:
        falcon, graphite = await over_falcon(session, url, query), await over_graphite(session, url, query)
    assert falcon == graphite
    return [(name, [value for _, value in points]) for name, points in falcon]


async def test_a_burnup_goes_over_both_wires(url: str) -> None:
    asked = ScopeQuery(BURNUP, MONDAY, NOW, NOW, {"iteration": frozenset(["Sprint 1"])})
    assert await both(url, asked) == [
        ("scope", [4, 5, 5, 5, 6]),
        ("done", [0, 0, 1, 1, 2]),
        ("ideal", [None, 0, pytest.approx(5 / 3), pytest.approx(10 / 3), 5]),
        ("committed", [None, 5, 5, 5, 5]),
        ("added", [0, 0, 1, 1, 1]),
        ("removed", [0, 0, 1, 1, 0]),
    ]


async def test_a_burndown_goes_over_both_wires_in_items_and_in_hours(url: str) -> None:
    asked = ScopeQuery(BURNDOWN, MONDAY, NOW, NOW, {"version": frozenset(["v1"])})
    assert await both(url, asked) == list(COUNT.items())
    in_hours = ScopeQuery(BURNDOWN, MONDAY, NOW, NOW, {"version": frozenset(["v1"])}, unit="effort")
    assert await both(url, in_hours) == list(EFFORT.items())


async def test_a_forecast_goes_over_both_wires_as_one_point(url: str) -> None:
    # At two a day the six are done in three days, on Monday. One story of Sprint 1 was done as well.
    asked = Query(FORECAST["stories"], MONDAY, NOW, NOW, {"iteration": frozenset(["Sprint 0"])})
    assert await both(url, asked) == [
        ("p50", [MONDAY + 7 * DAY_S]),
        ("p85", [MONDAY + 7 * DAY_S]),
        ("remaining", [6]),
        ("n", [113]),
    ]


async def test_a_forecast_that_cannot_be_says_why_in_a_tag(url: str) -> None:
    # Story 7 is the only one with children.
    target = "@tapd.stories.flow.forecast/level=parent"
    form = {"target": target, "from": str(MONDAY), "until": str(NOW), "format": "json"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/graphite/render", data=form) as answer,
    ):
        rows = await answer.json()
    reason = "not enough data: 0 completions in 56 days, 20 are needed"
    assert [(row["tags"]["series"], row["datapoints"], row["tags"]["reason"]) for row in rows] == [
        ("p50", [[None, FRIDAY]], reason),
        ("p85", [[None, FRIDAY]], reason),
        ("remaining", [[1, FRIDAY]], reason),
        ("n", [[0, FRIDAY]], reason),
    ]
