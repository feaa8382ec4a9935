"""Defect metrics answer what the independent reference answers: random companies, all filters and options."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from metrics_api.core.sections import DefectIndex, Escape
from metrics_api.world import World
from tests.reference.compare import differences
from tests.reference.defect_events import ESCAPE_RATE, EVENTS, event_answer
from tests.reference.defect_scenarios import ALL, defect_questions
from tests.reference.defects import DefectQuery, Series, open_answer
from tests.reference.gates import GATES, gate_answer
from tests.reference.population import Population
from tests.reference.wire import Company, last_look
from tests.soak import Soak
from tests.system.in_memory import answered, as_answer, world_of

FEW, MANY = 25, 300
ANSWERS = dict.fromkeys(EVENTS, event_answer) | dict.fromkeys(GATES, gate_answer)
# A company that fails is as it is: to make it smaller takes minutes.
PHASES = [Phase.explicit, Phase.reuse, Phase.generate]
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def configured(world: World, query: DefectQuery) -> World:
    """The world with what the query takes as configured for its products."""

    def settings_of(product: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        index: dict[str, Any] = {}
        if product in query.weights:
            index["weights"] = query.weights[product]
        if product in query.gates:
            index |= dict(zip(("gate", "fatal", "serious"), query.gates[product], strict=True))
        found["defect_index"] = DefectIndex(**index)
        if product in query.untouched:
            found["untouched_days"] = query.untouched[product]
        if product in query.escape:
            field, values = query.escape[product]
            found["escape"] = Escape(field=field, production=values)
        return found

    context = replace(
        world.context,
        workspaces={
            key: replace(one, settings=one.settings.model_copy(update=settings_of(one.product)))
            for key, one in world.context.workspaces.items()
        },
    )
    items = {name: replace(frame, context=context) for name, frame in world.items.items()}
    return replace(world, context=context, items=items)


def rounded(answer: Any) -> Series:
    """Sums of fractions, added up in another order."""
    return [(name, [(at, None if n is None else round(n, 6)) for at, n in points]) for name, points in answer]


def check(company: Company, queries: tuple[DefectQuery, ...]) -> None:
    """Compare: from cube or segments, all facts at once or in steps."""
    seen = last_look(company)
    population = Population(seen)
    # Of an escape rate that is mapped nowhere there is nothing to ask: it is refused.
    asked = [
        query
        for query in queries
        if query.metric != ESCAPE_RATE
        or any(seen.product_of(s).name in query.escape for s in population.asked_workspaces(query))
    ]
    expected: list[Any] = [rounded(ANSWERS.get(one.metric, open_answer)(seen, one)) for one in asked]
    for cube, in_steps in ((True, False), (False, True)):
        world = world_of(seen, max(one.now for one in queries), cube=cube, in_steps=in_steps)
        for query, answer in zip(asked, expected, strict=True):
            got: Any = rounded(as_answer(asyncio.run(answered(configured(world, query), query))))
            found = differences(answer, got)
            assert not found, (query.target(), f"cube={cube} in_steps={in_steps}", found)


def test_random_companies_are_answered_as_the_reference_answers_them() -> None:
    @settings(
        max_examples=2 * FEW, deadline=None, phases=PHASES, suppress_health_check=SLOW, derandomize=True
    )
    @given(defect_questions())
    def run(scenario: tuple[Company, tuple[DefectQuery, ...]]) -> None:
        check(*scenario)

    run()


@pytest.mark.soak
@pytest.mark.parametrize("metric", ALL)
def test_many_random_companies_are_answered_as_the_reference_answers_them(metric: str, soak: Soak) -> None:
    @settings(max_examples=MANY, deadline=None, phases=PHASES, suppress_health_check=SLOW)
    @given(defect_questions((metric,)))
    def run(scenario: tuple[Company, tuple[DefectQuery, ...]]) -> None:
        check(*scenario)

    began = time.monotonic()
    run()
    seconds = time.monotonic() - began
    soak.note(f"Random companies against the reference, {metric}", rounds=MANY, seconds=seconds)
