"""Forecasts for random companies: by the reference's grounds, and within reach of the exact chances."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.reference.days import midnight
from tests.reference.forecasts import FORECAST, chances, grounds
from tests.reference.moments import A_DAY, MOMENTS, epoch
from tests.reference.questions import FLOW, STORY_FLOW, Query
from tests.reference.strategies import company_plans, queries
from tests.reference.wire import Company, last_look
from tests.reference.written import wire_company
from tests.soak import Soak
from tests.system.in_memory import answered, as_answer, world_of

SOME, MANY = 25, 300
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@st.composite
def scenarios(draw: st.DrawFn, kind: str) -> tuple[Company, Query]:
    """A company in which everything happens over and over, and a question about how it goes on."""
    plan = draw(company_plans(mostly=kind))
    plan = replace(plan, bugs=plan.bugs * 9) if kind == "bugs" else replace(plan, stories=plan.stories * 12)
    flow = draw(queries(plan.base, STORY_FLOW if kind == "stories" else FLOW))
    filters = flow.filters if draw(st.sampled_from((True, False, False))) else {}
    # From amid what happens to some time after it, which is today.
    moment = draw(st.one_of(st.integers(MOMENTS // 2, MOMENTS + 40 * A_DAY), st.just(MOMENTS + 40 * A_DAY)))
    query = Query(FORECAST[kind], flow.start, epoch(plan.base, moment), flow.now, filters)
    options = {name: getattr(flow, name) for name in ("tz", "asof", "deleted", "level")}
    return wire_company(plan), replace(query, **options)


def check(company: Company, query: Query, seen: Counter[str]) -> None:
    """Compare counts with the reference's, dates with the exact chances by it."""
    known = grounds(company, query)
    world = world_of(company, query.now, cube=False)
    got = as_answer(asyncio.run(answered(world, query)))
    if [name for name, _ in got] == ["all"]:
        # What is asked for is nowhere known.
        assert not known.remaining
        assert not sum(known.daily)
        return
    (starts,) = {tuple(at for at, _ in points) for _, points in got}
    assert starts == (midnight(known.day, known.zone),), query.target()
    found = {name: points[0][1] for name, points in got}
    if found["remaining"] is None:
        assert not known.daily
        return
    assert (found["remaining"], found["n"]) == (known.remaining, sum(known.daily)), query.target()
    if sum(known.daily) < 20:
        assert (found["p50"], found["p85"]) == (None, None)
        return
    seen["dated"] += 1
    exact = [0.0, *chances(known.daily, known.remaining, 0.95)]
    for name, chance in (("p50", 0.50), ("p85", 0.85)):
        days = [midnight(known.day + timedelta(days=n), known.zone) for n in range(len(exact))]
        taken = days.index(found[name])
        # Of 10,000 futures a share is within 0.02 of its chance but once in 15,000 times.
        assert exact[taken] - 0.02 < chance < exact[taken + 1] + 0.02, (query.target(), name)


@pytest.mark.parametrize("kind", FORECAST)
def test_random_companies_are_forecast_by_what_they_did(kind: str) -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=SOME, deadline=None, suppress_health_check=SLOW, derandomize=True)
    @given(scenarios(kind))
    def run(scenario: tuple[Company, Query]) -> None:
        check(last_look(scenario[0]), scenario[1], seen)

    run()
    assert seen["dated"]


@pytest.mark.soak
@pytest.mark.parametrize("kind", FORECAST)
def test_many_random_companies_are_forecast_by_what_they_did(kind: str, soak: Soak) -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=MANY, deadline=None, suppress_health_check=SLOW)
    @given(scenarios(kind))
    def run(scenario: tuple[Company, Query]) -> None:
        check(last_look(scenario[0]), scenario[1], seen)

    began = time.monotonic()
    run()
    soak.note(
        f"Random companies against the reference, {FORECAST[kind]}",
        rounds=MANY,
        seconds=time.monotonic() - began,
    )
    assert seen["dated"]
