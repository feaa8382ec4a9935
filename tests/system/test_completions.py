"""Completed items are answered as the independent reference answers them: random companies, all options."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from metrics_api.core.sections import Calendar, Product
from metrics_api.world import World
from tests.reference.compare import differences
from tests.reference.completion_scenarios import completion_scenarios
from tests.reference.completions import COMPLETIONS, CompletionQuery, completion_answer
from tests.reference.population import Population
from tests.reference.wire import Company, last_look
from tests.soak import Soak
from tests.system.in_memory import answered, as_answer, world_of

FEW, MANY = 25, 300
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
METRICS = [f"tapd.{topic}.{what}" for topic in ("bugs", "stories") for what in COMPLETIONS]


def configured(world: World, query: CompletionQuery) -> World:
    """The world with what the query takes as configured for its products."""

    def settings_of(product: Product) -> Product:
        found: dict[str, object] = {}
        if product.name in query.fewest:
            found["min_for_quantiles"] = query.fewest[product.name]
        if product.name in query.calendars:
            one = query.calendars[product.name]
            found["calendar"] = Calendar(hours=one.hours, off=tuple(one.off), on=tuple(one.on))
        return product.model_copy(update=found)

    context = replace(
        world.context,
        workspaces={
            key: replace(one, settings=settings_of(one.settings))
            for key, one in world.context.workspaces.items()
        },
    )
    items = {name: replace(frame, context=context) for name, frame in world.items.items()}
    return replace(world, context=context, items=items)


def check(company: Company, queries: tuple[CompletionQuery, ...]) -> None:
    """Compare, with all facts taken at once and in steps."""
    seen = last_look(company)
    population = Population(seen, "stories" if queries[0].kind == "stories" else "bugs")
    expected = [completion_answer(population, query) for query in queries]
    for in_steps in (False, True):
        world = world_of(seen, queries[0].now, in_steps=in_steps)
        for query, answer in zip(queries, expected, strict=True):
            got = as_answer(asyncio.run(answered(configured(world, query), query)))
            found = differences(answer, got)
            assert not found, (query.target(), f"in_steps={in_steps}", found)


def test_random_companies_are_answered_as_the_reference_answers_them() -> None:
    @settings(max_examples=FEW, deadline=None, suppress_health_check=SLOW, derandomize=True)
    @given(completion_scenarios())
    def run(scenario: tuple[Company, tuple[CompletionQuery, ...]]) -> None:
        check(*scenario)

    run()


@pytest.mark.soak
@pytest.mark.parametrize("metric", METRICS)
def test_many_random_companies_are_answered_as_the_reference_answers_them(metric: str, soak: Soak) -> None:
    @settings(max_examples=MANY, deadline=None, suppress_health_check=SLOW)
    @given(completion_scenarios(metric))
    def run(scenario: tuple[Company, tuple[CompletionQuery, ...]]) -> None:
        check(*scenario)

    began = time.monotonic()
    run()
    seconds = time.monotonic() - began
    soak.note(f"Random companies against the reference, {metric}", rounds=MANY, seconds=seconds)
