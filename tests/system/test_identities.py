"""What must hold of the numbers whatever the company: the ledger's identity, bands, arrivals, order."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.reference.questions import BACKLOG, CHANGES, FLOW, STORY_FLOW, Query
from tests.reference.strategies import scenarios
from tests.reference.wire import Company, last_look
from tests.system.in_memory import answered, as_answer, world_of

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
FEW = settings(max_examples=25, deadline=None, suppress_health_check=SLOW, derandomize=True)
# Bugs or stories, and a question about their flow.
FLOWS = st.sampled_from((FLOW, STORY_FLOW)).flatmap(scenarios)


def ask(company: Company, query: Query) -> dict[str, list[int | None]]:
    """The values of each endpoint."""
    series = asyncio.run(answered(world_of(last_look(company), query.now), query))
    return {endpoint: [value for _, value in points] for endpoint, points in as_answer(series)}


def daily(query: Query, metric: str, **options: str | None) -> Query:
    """The same window, filters, zone and treatment of removals, by day and without a split."""
    return replace(query, metric=metric, **{"by": None, "step": "1d"} | options)  # type: ignore[arg-type]


@FEW
@given(scenarios(CHANGES))
def test_the_backlog_moves_by_the_ledger_for_every_filter(scenario: tuple[Company, Query]) -> None:
    company, query = scenario
    moves = ask(company, daily(query, CHANGES))
    backlog = ask(company, daily(query, BACKLOG)).get("all", [])
    for day in range(1, len(backlog)):
        before, after = backlog[day - 1], backlog[day]
        if before is None or after is None or "created" not in moves:
            continue
        change = {name: values[day] or 0 for name, values in moves.items()}
        grown = change["created"] + change["reopened"] + change["moved_in"]
        shrunk = change["closed"] + change["removed"] + change["moved_out"]
        assert after == before + grown - shrunk, (query.target(), day, change)


@FEW
@given(FLOWS)
def test_bands_are_never_negative_and_their_open_ones_are_the_backlog(
    scenario: tuple[Company, Query],
) -> None:
    company, query = scenario
    bands = ask(company, daily(query, query.metric, mode="bands", done_from="all"))
    assert all(value is None or value >= 0 for values in bands.values() for value in values)
    ranged = ask(company, daily(query, query.metric, mode="bands", done_from="range"))
    for stage, values in ranged.items():
        for value, whole in zip(values, bands.get(stage, []), strict=False):
            assert value is None or whole is None or 0 <= value <= whole


@FEW
@given(FLOWS)
def test_arrivals_never_fall_and_never_cross(scenario: tuple[Company, Query]) -> None:
    company, query = scenario
    lines = list(ask(company, daily(query, query.metric, mode="arrivals", order="stages")).values())
    for line in lines:
        known = [value for value in line if value is not None]
        assert known == sorted(known)
    for earlier, later in pairwise(lines):
        assert all(a is None or b is None or a >= b for a, b in zip(earlier, later, strict=False))


@FEW
@given(scenarios(STORY_FLOW))
def test_leaves_and_parents_are_all_stories(scenario: tuple[Company, Query]) -> None:
    company, query = scenario
    leaf, parent, whole = (
        ask(company, replace(query, mode="bands", level=level))  # type: ignore[arg-type]
        for level in ("leaf", "parent", "all")
    )
    for endpoint, values in whole.items():
        halves = [lines[endpoint] for lines in (leaf, parent) if endpoint in lines]
        for at, value in enumerate(values):
            assert (value or 0) == sum(half[at] or 0 for half in halves), (query.target(), endpoint)


@FEW
@given(scenarios(), st.randoms(use_true_random=False))
def test_the_order_in_which_records_come_changes_nothing(
    scenario: tuple[Company, Query], rng: random.Random
) -> None:
    company, query = scenario
    expected = ask(company, query)

    def shuffled(rows: list[dict[str, object]]) -> list[dict[str, object]]:
        return rng.sample(rows, len(rows))

    mixed = replace(
        company,
        workspaces=[
            replace(
                one,
                bugs=shuffled(one.bugs),
                changes=shuffled(one.changes),
                removed=shuffled(one.removed),
                stories=shuffled(one.stories),
                story_changes=shuffled(one.story_changes),
                removed_stories=shuffled(one.removed_stories),
            )
            for one in company.workspaces
        ],
        projects=[replace(one, events=shuffled(one.events)) for one in company.projects],
    )
    assert ask(mixed, query) == expected
