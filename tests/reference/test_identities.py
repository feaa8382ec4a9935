"""What must hold of the reference's answers for any company, as the definitions list it."""

import random
from dataclasses import replace
from typing import TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .answers import Answer, answer
from .moments import A_DAY, epoch
from .plans import BugPlan, CompanyPlan, Step, StoryPlan
from .questions import BACKLOG, CHANGES, FLOW, STORY_FLOW, VERSION_BUGS, Query
from .strategies import company_plans, scenarios
from .vocabulary import TYPES, WORKFLOWS
from .wire import Company, last_look
from .written import wire_company

CAMPAIGN = settings(
    max_examples=25, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


Plan = TypeVar("Plan", BugPlan, StoryPlan)


def values(answered: Answer) -> list[list[int | None]]:
    return [[value for _, value in points] for _, points in answered]


def lines(company: Company, query: Query) -> dict[str, list[int | None]]:
    return {endpoint: [value for _, value in points] for endpoint, points in answer(company, query)}


@CAMPAIGN
@given(scenarios(CHANGES, settled=False))
def test_the_ledger_accounts_for_every_change_of_the_backlog(scenario: tuple[Company, Query]) -> None:
    company, asked = scenario
    query = replace(asked, by=None, step="1d")
    ledger = lines(company, query)
    backlog = lines(company, replace(query, metric=BACKLOG)).get("all", [])
    for n in range(1, len(backlog)):
        before, after = backlog[n - 1], backlog[n]
        if before is None or after is None:
            continue
        day = {name: series[n] or 0 for name, series in ledger.items()}
        came = day["created"] + day["reopened"] + day["moved_in"]
        went = day["closed"] + day["removed"] + day["moved_out"]
        assert after == before + came - went


@CAMPAIGN
@given(scenarios(FLOW, settled=False))
def test_bands_sum_to_what_exists_and_none_is_negative(scenario: tuple[Company, Query]) -> None:
    company, asked = scenario
    query = replace(asked, by=None, mode="bands", done_from="all", step="1d", asof="then", filters={})
    query = replace(query, tz="UTC")
    bands = answer(company, query)
    rows = zip(*values(bands), strict=True)
    sums = [None if None in row else sum(value or 0 for value in row) for row in rows]
    for n, (start, _) in enumerate(bands[0][1]):
        if sums[n] is not None:
            point = answer(company, replace(query, metric=VERSION_BUGS, until=start))
            assert sums[n] == sum(points[0][1] or 0 for _, points in point)
    ranged = values(answer(company, replace(asked, mode="bands", done_from="range")))
    assert all(value is None or value >= 0 for series in ranged for value in series)


@CAMPAIGN
@given(st.sampled_from((FLOW, STORY_FLOW)).flatmap(lambda metric: scenarios(metric, settled=False)))
def test_arrivals_never_fall_and_never_cross(scenario: tuple[Company, Query]) -> None:
    company, asked = scenario
    series = values(answer(company, replace(asked, mode="arrivals", by=None, order="stages")))
    for line in series:
        known = [value for value in line if value is not None]
        assert known == sorted(known)
    for row in zip(*series, strict=True):
        assert list(row) == sorted(row, key=lambda value: -(value or 0))


def forward_only(plan: CompanyPlan) -> CompanyPlan:
    """The same items, moving only forward through mapped stages to done."""
    codes = list(WORKFLOWS[0][0])
    paths = {
        BugPlan: [codes.index(code) for code in ("new", "in_progress", "resolved", "verified", "closed")],
        StoryPlan: [list(TYPES[0][1]).index(code) for code in ("planning", "developing", "resolved")],
    }

    def forward(old: Plan) -> Plan:
        path = paths[type(old)]
        place = old.first[0] % len(path)
        steps = tuple(
            Step(step.after + 1, "status", code)
            for step, code in zip(old.steps, path[place + 1 :], strict=False)
        )
        return type(old)(old.created, (path[place], *old.first[1:]), steps, old.workspace)

    return replace(
        plan,
        workflows=(0, 0),
        types=((0,), (0,)),
        configured=(False, False),
        bugs=tuple(forward(one) for one in plan.bugs),
        stories=tuple(forward(one) for one in plan.stories),
    )


@CAMPAIGN
@given(st.sampled_from(("bugs", "stories")), st.data())
def test_both_definitions_agree_while_work_only_moves_forward(mostly: str, data: st.DataObject) -> None:
    plan = data.draw(company_plans(mostly=mostly))
    company = wire_company(forward_only(plan))
    start = epoch(plan.base, -2 * A_DAY)
    query = Query(
        STORY_FLOW if mostly == "stories" else FLOW, start, start + 16 * 86_400, start + 60 * 86_400
    )
    bands = values(answer(company, query))[:-1]
    arrivals = values(answer(company, replace(query, mode="arrivals")))
    for row, arrived in zip(zip(*bands, strict=True), zip(*arrivals, strict=True), strict=True):
        if None not in row:
            assert [sum(v or 0 for v in row[k:]) for k in range(len(row))] == list(arrived)


@CAMPAIGN
@given(scenarios(settled=False), st.integers(0, 2**16))
def test_the_order_of_records_does_not_matter(scenario: tuple[Company, Query], seed: int) -> None:
    company, query = scenario
    shaken = random.Random(seed)
    workspaces = [
        replace(
            w,
            bugs=shaken.sample(w.bugs, len(w.bugs)),
            changes=shaken.sample(w.changes, len(w.changes)),
            removed=shaken.sample(w.removed, len(w.removed)),
            stories=shaken.sample(w.stories, len(w.stories)),
            story_changes=shaken.sample(w.story_changes, len(w.story_changes)),
            removed_stories=shaken.sample(w.removed_stories, len(w.removed_stories)),
        )
        for w in company.workspaces
    ]
    projects = [replace(p, events=shaken.sample(p.events, len(p.events))) for p in company.projects]
    assert answer(replace(company, workspaces=workspaces, projects=projects), query) == answer(company, query)


@CAMPAIGN
@given(scenarios(settled=False))
def test_the_past_reads_the_same_tomorrow(scenario: tuple[Company, Query]) -> None:
    company, asked = scenario
    query = replace(asked, asof="then", deleted="until", step="1d")
    if query.metric == VERSION_BUGS:
        query = replace(query, metric=BACKLOG, by="version")
    early = replace(query, now=query.start + 3 * 86_400, until=query.start + 3 * 86_400)
    late = lines(company, query)
    for endpoint, series in lines(company, early).items():
        for then, now in zip(series[:-1], late.get(endpoint, []), strict=False):
            assert then == now


@CAMPAIGN
@given(scenarios(settled=False))
def test_a_query_is_answered_whatever_it_asks(scenario: tuple[Company, Query]) -> None:
    company, query = scenario
    for seen in (company, last_look(company)):
        answered = answer(seen, query)
        assert len({endpoint for endpoint, _ in answered}) == len(answered)
        if query.metric in (FLOW, STORY_FLOW, CHANGES) and query.by is None:
            assert len({tuple(at for at, _ in points) for _, points in answered}) <= 1
    assert query.target().startswith("@")
