"""Work in progress and its items are told as the independent reference tells them: random companies."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from metrics_api.core.security import READ_ALL
from metrics_api.evaluate import Evaluator
from metrics_api.items import found
from metrics_api.world import World
from tests.reference.compare import differences
from tests.reference.in_work import IN_WORK, WorkQuery, in_work_answer, listed
from tests.reference.in_work_scenarios import in_work_scenarios, listing_scenarios
from tests.reference.wire import Company, last_look
from tests.soak import Soak
from tests.system.in_memory import answered, as_answer, world_of
from tests.system.test_completions import configured

FEW, MANY = 25, 300
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
METRICS = [f"tapd.{topic}.{what}" for topic in ("bugs", "stories") for what in IN_WORK]


def check(company: Company, queries: tuple[WorkQuery, ...]) -> None:
    """Compare, by cubes and by segments, with all facts taken at once and in steps."""
    seen = last_look(company)
    for cube in (True, False):
        world = world_of(seen, queries[0].now, cube=cube, in_steps=cube)
        for query in queries:
            got = as_answer(asyncio.run(answered(configured(world, query), query)))
            found = differences(in_work_answer(seen, query), got)
            assert not found, (query.target(), f"cube={cube}", found)


def named(world: World, query: WorkQuery) -> dict[str, float | None]:
    """The ids of the items behind a question in its last bucket, with their values."""
    reader: Any = SimpleNamespace(world=world)
    evaluator = Evaluator(reader, clock=lambda: query.now)
    try:
        asked = evaluator.asked(world, query.target(), query.start, query.until, READ_ALL)
    finally:
        evaluator.close()
    window = asked.query.buckets
    bucket = window.part(len(window) - 1, len(window))
    last = replace(asked.query, buckets=bucket, window=window, now=query.now, frames=world.items)
    items = found(world.items[asked.topic], asked.metric.name, last).items
    assert len({one.key for one in items}) == len(items)
    values = [one.value for one in items if one.value is not None]
    assert values == sorted(values, reverse=True)
    return {one.key.rsplit(":", 1)[-1]: one.value for one in items}


def check_items(company: Company, query: WorkQuery) -> None:
    """Compare the items and their values with the reference, and their number with the metric."""
    seen = last_look(company)
    world = configured(world_of(seen, query.now), query)
    items = named(world, query)
    assert items == listed(seen, query), query.target()
    series = asyncio.run(answered(world, query))
    lines = {one.endpoint: one.values[-1] for one in series if one.values}
    if None in lines.values() and "n" not in lines:
        assert not items
    elif lines:
        count = lines["n"] if "n" in lines else sum(value or 0 for value in lines.values())
        assert len(items) == (count or 0), (query.target(), lines)


def test_random_companies_are_answered_as_the_reference_answers_them() -> None:
    @settings(max_examples=FEW, deadline=None, suppress_health_check=SLOW, derandomize=True)
    @given(in_work_scenarios())
    def run(scenario: tuple[Company, tuple[WorkQuery, ...]]) -> None:
        check(*scenario)

    run()


def test_the_items_behind_a_number_are_as_many_as_it_says_and_those_of_the_reference() -> None:
    @settings(max_examples=2 * FEW, deadline=None, suppress_health_check=SLOW, derandomize=True)
    @given(listing_scenarios())
    def run(scenario: tuple[Company, WorkQuery]) -> None:
        check_items(*scenario)

    run()


@pytest.mark.soak
@pytest.mark.parametrize("metric", METRICS)
def test_many_random_companies_are_answered_as_the_reference_answers_them(metric: str, soak: Soak) -> None:
    @settings(max_examples=MANY, deadline=None, suppress_health_check=SLOW)
    @given(in_work_scenarios(metric))
    def run(scenario: tuple[Company, tuple[WorkQuery, ...]]) -> None:
        check(*scenario)

    began = time.monotonic()
    run()
    seconds = time.monotonic() - began
    soak.note(f"Random companies against the reference, {metric}", rounds=MANY, seconds=seconds)


@pytest.mark.soak
def test_the_items_of_many_random_companies_are_those_of_the_reference(soak: Soak) -> None:
    @settings(max_examples=4 * MANY, deadline=None, suppress_health_check=SLOW)
    @given(listing_scenarios())
    def run(scenario: tuple[Company, WorkQuery]) -> None:
        check_items(*scenario)

    began = time.monotonic()
    run()
    soak.note(
        "Items behind a number against the reference", rounds=4 * MANY, seconds=time.monotonic() - began
    )
