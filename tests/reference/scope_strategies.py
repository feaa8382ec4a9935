"""Hypothesis strategies for questions about burn-ups and burndowns, and for the dates and hours they need."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Literal

from hypothesis import strategies as st

from .moments import BASES, DAYS, MOMENTS, epoch
from .questions import BUG_FILTERS, FLOW, STORY_FILTERS, STORY_FLOW
from .scopes import BURNDOWN, BURNUP, ScopeQuery, with_dates
from .strategies import ITERATION_NAMES, company_plans, queries
from .vocabulary import VERSIONS
from .wire import Company
from .written import wire_company

SHARED = tuple(name for name in BUG_FILTERS if name in STORY_FILTERS)
# Mostly days near what happens, now and then none.
OFFSETS = st.sampled_from((3, 1, 2, 3, 4, 5, 6, 8, DAYS, -1, 30, None))
ESTIMATES = ("", "0", "0.1", "2.5", "8", "13.75", "40")
# When an item got which estimate, as moments and words; the first holds from its creation.
Estimates = list[list[tuple[int, str]]]


@dataclass(frozen=True)
class ScopeScenario:
    """A company, questions about its stories or about its bugs, and estimates to deal out among these."""

    company: Company
    queries: tuple[ScopeQuery, ...]
    base: int
    estimates: Estimates

    @property
    def kind(self) -> Literal["stories", "bugs"]:
        """What all the questions are about."""
        return self.queries[0].kind


@st.composite
def scope_scenarios(draw: st.DrawFn, metric: str) -> ScopeScenario:
    """A company whose iterations have dates, and four questions about its burn-up or its burndown."""
    of = draw(st.sampled_from((None, "stories", "bugs")))
    plan = draw(company_plans(mostly=of or {BURNUP: "stories", BURNDOWN: "bugs"}[metric]))
    first = date(*BASES[plan.base])

    def day() -> str | None:
        offset = draw(OFFSETS)
        return None if offset is None else (first + timedelta(days=offset)).isoformat()

    dates = [(day(), day()) for _ in ITERATION_NAMES]
    told = st.lists(st.tuples(st.integers(0, MOMENTS), st.sampled_from(ESTIMATES)), max_size=4)
    return ScopeScenario(
        with_dates(wire_company(plan), dates),
        tuple(draw(scope_queries(metric, of, plan.base)) for _ in range(4)),
        plan.base,
        draw(st.lists(told, min_size=5, max_size=5)) if metric == BURNDOWN else [],
    )


@st.composite
def scope_queries(
    draw: st.DrawFn, metric: str, of: Literal["stories", "bugs"] | None, base: int
) -> ScopeQuery:
    """A question; most are asked of iterations or versions, over days in which something happens."""
    asked = ScopeQuery(metric, 0, 0, 0, of=of)
    flow = draw(queries(base, STORY_FLOW if asked.kind == "stories" else FLOW))
    filters: dict[str, frozenset[str]] = {}
    if draw(st.sampled_from((True, False, False))):
        filters = {name: values for name, values in flow.filters.items() if name in SHARED}
    key, values = draw(st.sampled_from((("iteration", ITERATION_NAMES), ("version", VERSIONS[1:]))))
    if asked.kind == "stories" or metric == BURNUP:
        values = ITERATION_NAMES
    if draw(st.sampled_from((True, True, False))):
        chosen = draw(st.lists(st.sampled_from(values), unique=True, min_size=1, max_size=2))
        filters[key] = frozenset(chosen)
    options: dict[str, Any] = {
        name: getattr(flow, name) for name in ("step", "tz", "asof", "deleted", "level")
    }
    options["by"] = draw(st.sampled_from((None, None, None, *SHARED)))
    if metric == BURNDOWN:
        options["unit"] = draw(st.sampled_from(("count", "effort")))
    start, until = flow.start, flow.until
    if draw(st.sampled_from((True, True, False))):
        start, until, options["step"] = epoch(base, 0), epoch(base, 0) + 12 * 86_400, "1d"
    return replace(asked, start=start, until=until, now=flow.now, filters=filters, **options)


def told_of(scenario: ScopeScenario, number: int, created: int, gone: int | None) -> list[tuple[int, str]]:
    """The estimates of the n-th item, from its creation on and while it is there: (epoch seconds, word)."""
    dealt = scenario.estimates[number % len(scenario.estimates)]
    times = {max(epoch(scenario.base, moment), created): word for moment, word in sorted(dealt)}
    found = {created: "", **times} if times else {}
    return [(at, word) for at, word in sorted(found.items()) if at == created or gone is None or at < gone]
