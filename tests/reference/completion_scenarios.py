"""Random companies and questions about their completed items."""

from dataclasses import replace
from datetime import date, time
from typing import Any, TypeVar

from hypothesis import strategies as st

from .completions import COMPLETIONS, THROUGHPUT, CompletionQuery
from .moments import A_DAY, MOMENTS, epoch
from .plans import BugPlan, CompanyPlan, Step, StoryPlan
from .strategies import GAPS, RARELY, STORY_VALUES, VALUES, ZONES, company_plans, filter_sets
from .vocabulary import PRODUCTS, TYPES, WORKFLOWS
from .wire import Company
from .working import WorkCalendar
from .written import wire_company

# Two spans, early and late, and days of its own: work on a Saturday and on a holiday, a Friday off.
SHIFTS = WorkCalendar(
    hours=((time(7), time(11, 30)), (time(20), time(23, 59))),
    off=frozenset({date(2024, 3, 15)}),
    on=frozenset({date(2024, 3, 9), date(2024, 4, 4)}),
)
# How many questions a company is asked for each metric.
QUESTIONS = 4
# How items end: done, dropped, done after all, dropped after all, done twice with other work in between.
OUTCOMES = (("done",), ("dropped",), ("dropped", "done"), ("done", "dropped"), ("done", "active", "done"))

# The codes that mean so in most workflows.
BUG_CODES = {"active": ("in_progress", "status_3"), "done": ("closed", "status_5"), "dropped": ("rejected",)}
STORY_CODES = {
    "active": ("developing",),
    "done": ("resolved", "status_4"),
    "dropped": ("rejected", "status_5"),
}


@st.composite
def completion_scenarios(
    draw: st.DrawFn, metric: str | None = None
) -> tuple[Company, tuple[CompletionQuery, ...]]:
    """A company, and questions for each metric about the bugs or the stories it mostly has, or for one."""
    topic = draw(st.sampled_from(("bugs", "stories"))) if metric is None else metric.split(".")[1]
    plan = draw(company_plans(mostly=topic))
    plan = replace(
        plan,
        bugs=tuple(draw(ending(bug, plan)) for bug in plan.bugs),
        stories=tuple(draw(ending(story, plan)) for story in plan.stories),
    )
    metrics = [f"tapd.{topic}.{what}" for what in COMPLETIONS] if metric is None else [metric]
    queries = tuple(draw(completion_queries(plan.base, one)) for one in metrics for _ in range(QUESTIONS))
    return wire_company(plan), queries


Plan = TypeVar("Plan", BugPlan, StoryPlan)


@st.composite
def ending(draw: st.DrawFn, plan: Plan, company: CompanyPlan) -> Plan:
    """The item with some work behind its steps and an end of it, as far as its workflow has such."""
    home = company.homes[plan.workspace % len(company.homes)]
    if isinstance(plan, BugPlan):
        codes, meant = list(WORKFLOWS[company.workflows[home]][0]), BUG_CODES
    else:
        codes = list(dict.fromkeys(code for number in company.types[home] for code in TYPES[number][1]))
        meant = STORY_CODES
    wanted: tuple[str, ...] = ("active",) if draw(st.booleans()) else ()
    wanted += draw(st.sampled_from(((), *OUTCOMES)))
    # Plans number the codes of a workspace in their order.
    numbers = [codes.index(code) for flag in wanted for code in meant[flag] if code in codes]
    steps = tuple(Step(draw(GAPS) + 1, "status", number) for number in numbers)
    if isinstance(plan, StoryPlan) and numbers and draw(RARELY):
        return lost(plan, numbers[-1], draw(GAPS))
    return replace(plan, steps=(*plan.steps, *steps))


def lost(plan: StoryPlan, status: int, after: int) -> StoryPlan:
    """The story with its last status and nothing that tells how it came there but its row."""
    first = (status, *plan.first[1:])
    others = tuple(step for step in plan.steps if step.field != "status")
    quiet = replace(plan, early=False, mend=False, completed=plan.created + after)
    return replace(quiet, first=first, steps=others)


@st.composite
def completion_queries(draw: st.DrawFn, base: int, metric: str) -> CompletionQuery:
    """A question with any options, mostly of long buckets, in which more items are completed."""
    start = epoch(base, draw(st.integers(-3 * A_DAY, MOMENTS - 1)))
    days, seconds = draw(st.sampled_from((40, 9, 7, 3, 1))), draw(st.sampled_from((0, 3600, 86_399)))
    values = STORY_VALUES if ".stories." in metric else VALUES
    options: dict[str, Any] = {
        "tz": draw(st.sampled_from((None, None, *ZONES, "Asia/Kolkata"))),
        "step": draw(st.sampled_from(("all", "1M", "1w", "1d"))),
        "asof": draw(st.sampled_from(("then", "then", "now"))),
        "deleted": draw(st.sampled_from(("until", "until", "exclude"))),
        "by": draw(st.sampled_from((None, None, None, *values))),
    }
    if ".stories." in metric:
        options["level"] = draw(st.sampled_from(("leaf", "leaf", "parent", "all")))
    if not metric.endswith(THROUGHPUT):
        options["calendar"] = draw(st.sampled_from(("elapsed", "work")))
        options["q"] = draw(st.sampled_from(("50,85,95", "50,85,95", "5,25,50,99.9", "33.333")))
        options["calendars"] = {PRODUCTS[0]: SHIFTS} if draw(st.booleans()) else {}
        options["fewest"] = {name: draw(st.sampled_from((5, 2, 1))) for name in PRODUCTS}
    # After the last change, removal and modification any item may have.
    now = epoch(base, MOMENTS + 40 * A_DAY)
    filters = draw(filter_sets(values)) if draw(st.sampled_from((False, False, True))) else {}
    until = start + days * 86_400 + seconds
    return CompletionQuery(metric, start, until, now, filters, **options)
