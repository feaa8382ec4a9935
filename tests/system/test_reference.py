"""The frames answer what the independent reference answers: random companies, all filters and options."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings

from tests.reference.answers import answer
from tests.reference.compare import differences
from tests.reference.questions import BACKLOG, CHANGES, EVENTS, FLOW, VERSION_BUGS, Query
from tests.reference.strategies import scenarios
from tests.reference.wire import Company, last_look
from tests.system.in_memory import answered, as_answer, world_of

METRICS = [VERSION_BUGS, CHANGES, BACKLOG, FLOW, EVENTS]
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def check(company: Company, query: Query) -> None:
    """Compare four ways to the same answer: cube, segments, and both after changes."""
    seen = last_look(company)
    expected = answer(seen, query)
    for cube in (True, False):
        for in_steps in (False, True):
            world = world_of(seen, query.now, cube=cube, in_steps=in_steps)
            got = as_answer(asyncio.run(answered(world, query)))
            found = differences(expected, got)
            assert not found, (query.target(), f"cube={cube} in_steps={in_steps}", found)


@pytest.mark.parametrize("metric", METRICS)
def test_random_companies_are_answered_as_the_reference_answers_them(metric: str) -> None:
    @settings(max_examples=80, deadline=None, suppress_health_check=SLOW, derandomize=True)
    @given(scenarios(metric))
    def run(scenario: tuple[Company, Query]) -> None:
        check(*scenario)

    run()


@pytest.mark.soak
@pytest.mark.parametrize("metric", METRICS)
def test_many_random_companies_are_answered_as_the_reference_answers_them(metric: str) -> None:
    @settings(max_examples=3000, deadline=None, suppress_health_check=SLOW)
    @given(scenarios(metric))
    def run(scenario: tuple[Company, Query]) -> None:
        check(*scenario)

    run()
