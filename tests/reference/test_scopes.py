"""Burn-ups and burndowns of random companies, as the reference has them; and what must hold of them."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from metrics_api.item_table import ItemTable
from metrics_api.topics import ITEM_TOPICS
from metrics_api.world import World
from tests.reference.answers import Answer
from tests.reference.compare import differences
from tests.reference.scope_strategies import ScopeScenario, scope_scenarios, told_of
from tests.reference.scopes import BURNDOWN, BURNUP, Hours, ScopeQuery, scope_answer
from tests.reference.wire import last_look
from tests.soak import Soak
from tests.system.in_memory import answered, as_answer, context_of, facts_of, frame_of, raw_of, world_of

METRICS = (BURNUP, BURNDOWN)
SOME, MANY = 25, 300
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
FEW = settings(max_examples=SOME, deadline=None, suppress_health_check=SLOW, derandomize=True)


def estimated(scenario: ScopeScenario, world: World, in_steps: bool = False) -> tuple[World, Hours]:
    """The world with the estimates dealt out among the items asked about, and the same for the reference."""
    company, kind = last_look(scenario.company), scenario.kind
    facts, hours = facts_of(raw_of(company)), {}
    for number, fact in enumerate(sorted(facts[kind], key=lambda one: str(one["_id"]))):
        told = told_of(scenario, number, fact["created"], fact["removed_at"])
        if told:
            history = {"at": [at for at, _ in told], "value": [word for _, word in told]}
            fact["histories"] = {**fact.get("histories", {}), "remain": history}
            known = [(at, Fraction(word) if word else None) for at, word in told]
            hours[fact["_id"].rsplit(":", 1)[1]] = known
    table = ItemTable(ITEM_TOPICS[kind], context_of(company, facts))
    return replace(world, items={**world.items, kind: frame_of(table, facts[kind], False, in_steps)}), hours


def rounded(answer: Answer) -> Answer:
    """The answer, its fractions to nine places."""
    return [
        (name, [(at, round(value, 9) if value is not None else None) for at, value in points])
        for name, points in answer
    ]


def check(scenario: ScopeScenario) -> None:
    """Compare the reference with a frame made at once and with one that was refreshed."""
    company, now = last_look(scenario.company), scenario.queries[0].now
    for in_steps in (False, True):
        plain = world_of(company, now, cube=False, in_steps=in_steps)
        rich, hours = estimated(scenario, plain, in_steps) if scenario.estimates else (plain, {})
        for query in scenario.queries:
            expected = scope_answer(company, query, hours)
            got = as_answer(asyncio.run(answered(rich, query)))
            found = differences(rounded(expected), rounded(got))
            assert not found, (query.target(), in_steps, found)


@pytest.mark.parametrize("metric", METRICS)
def test_random_companies_are_answered_as_the_reference_answers_them(metric: str) -> None:
    FEW(given(scope_scenarios(metric))(check))()


@pytest.mark.soak
@pytest.mark.parametrize("metric", METRICS)
def test_many_random_companies_are_answered_as_the_reference_answers_them(metric: str, soak: Soak) -> None:
    began = time.monotonic()
    settings(max_examples=MANY, deadline=None, suppress_health_check=SLOW)(
        given(scope_scenarios(metric))(check)
    )()
    soak.note(
        f"Random companies against the reference, {metric}", rounds=MANY, seconds=time.monotonic() - began
    )


def lines(world: World, query: ScopeQuery) -> dict[str, list[Any]]:
    """The values of each endpoint."""
    found = as_answer(asyncio.run(answered(world, query)))
    return {name: [value for _, value in points] for name, points in found}


@FEW
@given(scope_scenarios(BURNDOWN))
def test_what_remains_changes_by_what_came_and_went(scenario: ScopeScenario) -> None:
    plain = world_of(last_look(scenario.company), scenario.queries[0].now, cube=False)
    world, _ = estimated(scenario, plain)
    for query in scenario.queries:
        found = lines(world, replace(query, by=None))
        for at, (before, after) in enumerate(pairwise(found.get("remaining", [])), start=1):
            if before is not None and after is not None:
                came = found["added"][at] + found["reopened"][at]
                went = found["done"][at] + found["removed"][at]
                assert after == pytest.approx(before + came - went), (query.target(), at)


@FEW
@given(scope_scenarios(BURNUP))
def test_scope_is_the_commitment_and_what_changed_since(scenario: ScopeScenario) -> None:
    world = world_of(last_look(scenario.company), scenario.queries[0].now, cube=False)
    for query in scenario.queries:
        found = lines(world, replace(query, by=None, step="1d"))
        if "scope" not in found:
            continue
        names = ("scope", "done", "ideal", "committed")
        for scope, done, ideal, committed in zip(*(found[name] for name in names), strict=True):
            assert scope is None or 0 <= done <= scope
            assert ideal is None or 0 <= ideal <= committed
        scopes, promises = found["scope"], found["committed"]
        for at, (before, after) in enumerate(pairwise(zip(scopes, promises, strict=True)), start=1):
            if after[1] is None or None in (before[0], after[0]):
                continue
            if before[1] is None:
                # The start day itself.
                assert after[0] == after[1], query.target()
            else:
                assert after[1] == before[1]
                assert after[0] == before[0] + found["added"][at] - found["removed"][at]
