"""As many items are listed behind a number as it says: each line of each flow metric, random companies."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metrics_api.core.errors import BadRequest
from metrics_api.core.security import READ_ALL
from metrics_api.evaluate import Evaluator
from metrics_api.items import Found, found, line_of
from metrics_api.world import World
from tests.reference.completion_scenarios import completion_queries, ending
from tests.reference.completions import COMPLETIONS
from tests.reference.in_work import IN_WORK
from tests.reference.in_work_scenarios import work_queries
from tests.reference.questions import FLOW, STORY_FLOW, Query
from tests.reference.scope_strategies import ScopeScenario, scope_scenarios
from tests.reference.scopes import BURNDOWN, BURNUP
from tests.reference.strategies import company_plans, queries
from tests.reference.test_forecasts import scenarios as forecasts
from tests.reference.test_scopes import estimated
from tests.reference.wire import Company, last_look
from tests.reference.written import wire_company
from tests.soak import Soak
from tests.system.in_memory import answered, world_of

FEW, MANY = 8, 300
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
# Numbers that count no items, or of which nothing says whose they are.
OF_NOBODY = ("ideal", "lead_time", "residual")
# What counts how often something happened to items, or how much of it.
SUMMED = ("added", "removed", "reopened", "done")
Scenario = tuple[World, list[Query]]


@st.composite
def flows(draw: st.DrawFn) -> Scenario:
    """A company and a question for each flow metric of its bugs or stories."""
    topic = draw(st.sampled_from(("bugs", "stories")))
    plan = draw(company_plans(mostly=topic))
    plan = replace(plan, stories=tuple(draw(ending(one, plan)) for one in plan.stories))
    asked: list[Query] = [draw(completion_queries(plan.base, f"tapd.{topic}.{one}")) for one in COMPLETIONS]
    asked += [draw(work_queries(plan.base, f"tapd.{topic}.{one}")) for one in IN_WORK]
    asked += [draw(queries(plan.base, FLOW if topic == "bugs" else STORY_FLOW)) for _ in range(3)]
    # Averages over several days are of no day's items.
    asked = [replace(one, step="1d") if "readoff" in one.metric else one for one in asked]
    return world_of(last_look(wire_company(plan)), max(one.now for one in asked)), asked


def scopes(scenario: ScopeScenario) -> Scenario:
    """A company, perhaps with estimates, and questions about its scope."""
    world = world_of(last_look(scenario.company), scenario.queries[0].now, cube=False)
    return (estimated(scenario, world)[0] if scenario.estimates else world), list(scenario.queries)


def futures(scenario: tuple[Company, Query]) -> Scenario:
    """A company with much to do, and a question about when it will be done."""
    company, query = scenario
    return world_of(last_look(company), query.now), [query]


SCENARIOS = {
    "flow": flows(),
    BURNUP: scope_scenarios(BURNUP).map(scopes),
    BURNDOWN: scope_scenarios(BURNDOWN).map(scopes),
    "forecast of bugs": forecasts("bugs").map(futures),
    "forecast of stories": forecasts("stories").map(futures),
}


def behind(world: World, query: Query, endpoint: str) -> Found:
    """The items behind the last value of a line."""
    reader: Any = SimpleNamespace(world=world)
    evaluator = Evaluator(reader, clock=lambda: query.now)
    try:
        asked = evaluator.asked(world, query.target(), query.start, query.until, READ_ALL)
    finally:
        evaluator.close()
    frame, window = world.items[asked.topic], asked.query.buckets
    last = replace(asked.query, buckets=window.part(len(window) - 1, len(window)), window=window)
    line = line_of(frame, asked.metric, replace(last, now=query.now, frames=world.items), endpoint)
    assert line, endpoint
    return found(frame, query.metric, line)


def check(scenario: Scenario) -> None:
    """Hold each line's last value against the items behind it."""
    world, asked = scenario
    for query in asked:
        lines = {one.endpoint: one.values[-1] for one in asyncio.run(answered(world, query)) if one.values}
        for endpoint, value in lines.items():
            group, _, line = endpoint.rpartition("/")
            if line in OF_NOBODY and value is None:
                continue
            if line in OF_NOBODY:
                with pytest.raises(BadRequest, match="series="):
                    behind(world, query, endpoint)
                continue
            quantile = re.fullmatch(r"p[\d.]+|max", line)
            counted = lines.get(f"{group}/n" if group else "n") if quantile else value
            if "forecast" in query.metric and quantile:
                counted = lines["remaining"]
            if counted is None:
                continue
            listed = behind(world, query, endpoint)
            keys = [one.key for one in listed.items]
            assert len(set(keys)) == len(keys) == listed.total
            hours = "unit=effort" in query.target() and line == "remaining"
            scope = query.metric in (BURNUP, BURNDOWN)
            if hours or (scope and line in SUMMED and (line, query.metric) != ("done", BURNUP)):
                total = sum(one.value or 0 for one in listed.items)
                assert total == pytest.approx(counted), (query.target(), endpoint)
            else:
                assert len(keys) == counted, (query.target(), endpoint)


@pytest.mark.parametrize("which", SCENARIOS)
def test_as_many_items_are_listed_as_each_number_says(which: str) -> None:
    @settings(max_examples=FEW, deadline=None, suppress_health_check=SLOW, derandomize=True)
    @given(SCENARIOS[which])
    def run(scenario: Scenario) -> None:
        check(scenario)

    run()


@pytest.mark.soak
@pytest.mark.parametrize("which", SCENARIOS)
def test_as_many_items_of_many_companies_are_listed_as_each_number_says(which: str, soak: Soak) -> None:
    @settings(max_examples=MANY, deadline=None, suppress_health_check=SLOW)
    @given(SCENARIOS[which])
    def run(scenario: Scenario) -> None:
        check(scenario)

    began = time.monotonic()
    run()
    soak.note(f"Items behind every number, {which}", rounds=MANY, seconds=time.monotonic() - began)
