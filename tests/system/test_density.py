"""Defects by story answer what the independent reference answers: random companies, links and questions."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from metrics_api.columns import Codes
from metrics_api.core.schema import FEEDS
from metrics_api.item_table import ItemTable
from metrics_api.topics import ITEM_TOPICS
from metrics_api.world import World
from tests.reference.compare import differences
from tests.reference.density import DENSITY, Linked, density_answer
from tests.reference.histories import histories
from tests.reference.moments import A_DAY, MOMENTS, epoch
from tests.reference.questions import Query
from tests.reference.strategies import (
    STORIES,
    STORY_VALUES,
    ZONES,
    company_plans,
    filter_sets,
    settled_story,
)
from tests.reference.wire import last_look
from tests.reference.written import wire_company
from tests.soak import Soak
from tests.system.in_memory import answered, as_answer, context_of, facts_of, frame_of, raw_of

FEW, MANY = 25, 300
# A company that fails is as it is: to make it smaller takes minutes.
PHASES = [Phase.explicit, Phase.reuse, Phase.generate]
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@st.composite
def linked_scenarios(draw: st.DrawFn) -> tuple[Linked, Query]:
    """A company with bugs and stories, links between some of them, and a question."""
    plan = draw(company_plans())
    stories = draw(st.lists(STORIES.map(settled_story), min_size=3, max_size=9))
    company = last_look(wire_company(replace(plan, stories=tuple(stories))))
    story_ids = [one.id for one in histories(company, "stories")]
    links = {
        one.id: frozenset(draw(st.lists(st.sampled_from([*story_ids, "404"]), max_size=2)))
        for one in histories(company)
    }
    sizes = {one: draw(st.sampled_from((0.0, 0.0, 0.5, 3.0, 8.0))) for one in story_ids}
    until = epoch(plan.base, draw(st.integers(-A_DAY, MOMENTS)))
    query = Query(
        DENSITY,
        until,
        until,
        epoch(plan.base, MOMENTS + 40 * A_DAY),
        draw(filter_sets(STORY_VALUES)),
        by=draw(st.sampled_from((None, None, "iteration", "product", *STORY_VALUES))),
        tz=draw(st.sampled_from((None, None, *ZONES))),
        asof=draw(st.sampled_from(("then", "then", "now"))),
        deleted=draw(st.sampled_from(("until", "until", "exclude"))),
        level=draw(st.sampled_from(("leaf", "leaf", "parent", "all"))),
    )
    return Linked(company, links, sizes), query


def world_of(linked: Linked, until: int) -> World:
    """The world of the company with its links, the facts taken in steps."""
    facts: dict[str, list[Any]] = facts_of(raw_of(linked.company))
    for bug in facts["bugs"]:
        bug["stories"] = sorted(linked.links.get(bug["_id"].rsplit(":", 1)[1], ()))
    for story in facts["stories"]:
        size = {"at": [story["created"]], "value": [str(linked.sizes[story["id"]] or "")]}
        story["histories"] = {**story.get("histories", {}), "size": size}
    context, ids = context_of(linked.company, facts), Codes()
    items = {
        name: frame_of(ItemTable(topic, context, ids), facts[name], cube=True, in_steps=True)
        for name, topic in ITEM_TOPICS.items()
    }
    workspaces = [f"tapd:{one.id}" for one in linked.company.workspaces]
    known = {(name, scope): until for topic in items for name in FEEDS[topic] for scope in workspaces}
    return World(context, items, None, dict.fromkeys(items, 1), known)


def check(linked: Linked, query: Query) -> None:
    got: Any = as_answer(asyncio.run(answered(world_of(linked, query.now), query)))
    expected: Any = density_answer(linked, query)
    found = differences(expected, got)
    assert not found, (query.target(), found)


def test_random_companies_are_answered_as_the_reference_answers_them() -> None:
    @settings(max_examples=FEW, deadline=None, phases=PHASES, suppress_health_check=SLOW, derandomize=True)
    @given(linked_scenarios())
    def run(scenario: tuple[Linked, Query]) -> None:
        check(*scenario)

    run()


@pytest.mark.soak
def test_many_random_companies_are_answered_as_the_reference_answers_them(soak: Soak) -> None:
    @settings(max_examples=MANY, deadline=None, phases=PHASES, suppress_health_check=SLOW)
    @given(linked_scenarios())
    def run(scenario: tuple[Linked, Query]) -> None:
        check(*scenario)

    began = time.monotonic()
    run()
    seconds = time.monotonic() - began
    soak.note(f"Random companies against the reference, {DENSITY}", rounds=MANY, seconds=seconds)
