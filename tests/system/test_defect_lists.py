"""Behind each number of defects are the items that make it: random companies, all filters and options."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings

from metrics_api.core.security import READ_ALL
from metrics_api.evaluate import Evaluator
from metrics_api.items import found, line_of
from tests.reference.defect_events import ESCAPE_RATE
from tests.reference.defect_scenarios import defect_questions
from tests.reference.defects import DefectQuery
from tests.reference.population import Population
from tests.reference.wire import Company, last_look
from tests.soak import Soak
from tests.system.in_memory import answered, world_of
from tests.system.test_defects import PHASES, SLOW, configured
from tests.wires.lists import agrees

FEW, MANY = 12, 300


def check(company: Company, queries: tuple[DefectQuery, ...]) -> None:
    """Of each line the number of the last bucket that has one, and the list behind it."""
    seen = last_look(company)
    population, plain = Population(seen), world_of(seen, max(one.now for one in queries))
    for query in queries:
        if query.metric == ESCAPE_RATE:
            if not population.asked_workspaces(query):
                continue
            mapping = ("severity", ("fatal", "serious"))
            query = replace(query, escape=dict.fromkeys((one.name for one in seen.products()), mapping))
        world = configured(plain, query)
        reader: Any = SimpleNamespace(world=world)
        evaluator = Evaluator(reader, clock=lambda now=query.now: now)  # type: ignore[misc]
        try:
            asked = evaluator.asked(world, query.target(), query.start, query.until, READ_ALL)
        finally:
            evaluator.close()
        frame, window = world.items[asked.topic], asked.query.buckets
        for series in asyncio.run(answered(world, query)):
            numbers = [at for at, value in enumerate(series.values) if value is not None]
            if not numbers or series.endpoint.startswith("gate"):
                continue
            at = numbers[-1]
            bucket = replace(
                asked.query,
                buckets=window.part(at, at + 1),
                window=window,
                now=query.now,
                frames=world.items,
            )
            line = line_of(frame, asked.metric, bucket, series.endpoint)
            items = found(frame, asked.metric.name, line).items if line else []
            values = [one.value for one in items]
            number: Any = series.values[at]
            assert len({one.key for one in items}) == len(items)
            assert agrees(query.target(), series.tags, number, values), (
                *(query.target(), series.endpoint, number, values),
            )


def test_the_items_behind_a_line_make_its_number() -> None:
    @settings(max_examples=FEW, deadline=None, phases=PHASES, suppress_health_check=SLOW, derandomize=True)
    @given(defect_questions())
    def run(scenario: tuple[Company, tuple[DefectQuery, ...]]) -> None:
        check(*scenario)

    run()


@pytest.mark.soak
def test_the_items_behind_the_lines_of_many_companies_make_their_numbers(soak: Soak) -> None:
    @settings(max_examples=MANY, deadline=None, phases=PHASES, suppress_health_check=SLOW)
    @given(defect_questions())
    def run(scenario: tuple[Company, tuple[DefectQuery, ...]]) -> None:
        check(*scenario)

    began = time.monotonic()
    run()
    seconds = time.monotonic() - began
    soak.note("Random companies, the items behind defect numbers", rounds=MANY, seconds=seconds)
