"""The frames answer what the independent reference answers: random companies, all filters and options."""

from __future__ import annotations

import asyncio
import time

import aiohttp
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from metrics_api.core.store import Store
from tests.reference.answers import answer
from tests.reference.compare import differences
from tests.reference.questions import BACKLOG, CHANGES, EVENTS, FLOW, STORY_FLOW, VERSION_BUGS, Query
from tests.reference.strategies import scenarios
from tests.reference.wire import Company, first_look, last_look
from tests.soak import Soak
from tests.system.harness import collected, configured, over_graphite, serving, upstreams_of
from tests.system.in_memory import answered, as_answer, config_of, world_of

# How many companies are asked for each metric whenever the tests run, and in a campaign.
SOME, MANY, OVER_HTTP = 25, 3000, 12
METRICS = (VERSION_BUGS, CHANGES, BACKLOG, FLOW, EVENTS, STORY_FLOW)
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
    @settings(max_examples=SOME, deadline=None, suppress_health_check=SLOW, derandomize=True)
    @given(scenarios(metric))
    def run(scenario: tuple[Company, Query]) -> None:
        check(*scenario)

    run()


@pytest.mark.soak
@pytest.mark.parametrize("metric", METRICS)
def test_many_random_companies_are_answered_as_the_reference_answers_them(metric: str, soak: Soak) -> None:
    @settings(max_examples=MANY, deadline=None, suppress_health_check=SLOW)
    @given(scenarios(metric))
    def run(scenario: tuple[Company, Query]) -> None:
        check(*scenario)

    began = time.monotonic()
    run()
    soak.note(
        f"Random companies against the reference, {metric}", rounds=MANY, seconds=time.monotonic() - began
    )


@pytest.mark.soak
@pytest.mark.parametrize("metric", [FLOW, STORY_FLOW])
async def test_random_companies_collected_over_http_are_answered_as_the_reference_answers_them(
    metric: str, store: Store, soak: Soak
) -> None:
    drawn: list[tuple[Company, Query]] = []

    @settings(max_examples=OVER_HTTP, deadline=None, phases=[Phase.generate], suppress_health_check=SLOW)
    @given(scenarios(metric))
    def draw(scenario: tuple[Company, Query]) -> None:
        drawn.append(scenario)

    draw()
    began = time.monotonic()
    for company, query in drawn:
        await store.drop()
        await store.prepare()
        # What was seen before it was removed stays known. Removals are dated before the first look, so the
        # watermarks that would have been older then are taken away.
        for look in (first_look(company), last_look(company)):
            removals = ["tapd.removed_bugs", "tapd.removed_stories"]
            await store.collection("watermarks").delete_many({"collector": {"$in": removals}})
            records = await collected(upstreams_of(look), store, configured(company))
            assert [(one["collector"], one["error"]) for one in records if one["state"] != "success"] == []
        async with (
            aiohttp.ClientSession() as session,
            serving(store, config_of(company), lambda now=query.now: now) as url,  # type: ignore[misc]
        ):
            got = await over_graphite(session, url, query)
        assert differences(answer(company, query), got) == [], query.target()
    seconds = time.monotonic() - began
    soak.note(f"Random companies collected over HTTP, {metric}", rounds=len(drawn), seconds=seconds)
