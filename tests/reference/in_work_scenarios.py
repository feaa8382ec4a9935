"""Random companies and questions about their work in progress."""

from typing import Any

from hypothesis import strategies as st

from .completion_scenarios import SHIFTS
from .in_work import AGE, IN_WORK, WorkQuery
from .moments import A_DAY, MOMENTS, epoch
from .questions import BACKLOG, FLOW, STORY_FLOW, VERSION_BUGS
from .strategies import STORY_VALUES, VALUES, ZONES, company_plans, filter_sets
from .vocabulary import PRODUCTS
from .wire import Company
from .written import wire_company

# What can name its items.
LISTING = (
    *(f"tapd.{topic}.{what}" for topic in ("bugs", "stories") for what in ("flow.wip", AGE)),
    *(BACKLOG, FLOW, STORY_FLOW, VERSION_BUGS),
)


@st.composite
def in_work_scenarios(draw: st.DrawFn, metric: str | None = None) -> tuple[Company, tuple[WorkQuery, ...]]:
    """A company, and a question for each metric about the bugs or the stories it mostly has, or for one."""
    topic = draw(st.sampled_from(("bugs", "stories"))) if metric is None else metric.split(".")[1]
    plan = draw(company_plans(mostly=topic))
    metrics = [f"tapd.{topic}.{what}" for what in IN_WORK] if metric is None else [metric]
    return wire_company(plan), tuple(draw(work_queries(plan.base, one)) for one in metrics)


@st.composite
def listing_scenarios(draw: st.DrawFn) -> tuple[Company, WorkQuery]:
    """A company and a question whose items are asked for."""
    metric = draw(st.sampled_from(LISTING))
    plan = draw(company_plans(mostly="stories" if ".stories." in metric else "bugs"))
    return wire_company(plan), draw(work_queries(plan.base, metric, split=False))


@st.composite
def work_queries(draw: st.DrawFn, base: int, metric: str, split: bool = True) -> WorkQuery:
    """A question with any options; now and then it is asked while something is still going on."""
    start = epoch(base, draw(st.integers(-3 * A_DAY, MOMENTS - 1)))
    days, seconds = draw(st.sampled_from((0, 1, 7, 9, 3, 40))), draw(st.sampled_from((0, 3600, 86_399)))
    until = start + days * 86_400 + seconds
    values = STORY_VALUES if ".stories." in metric else VALUES
    options: dict[str, Any] = {
        "tz": draw(st.sampled_from((None, None, *ZONES, "Asia/Kolkata"))),
        "asof": draw(st.sampled_from(("then", "then", "now"))),
        "deleted": draw(st.sampled_from(("until", "until", "exclude"))),
    }
    if metric != VERSION_BUGS:
        options["step"] = draw(st.sampled_from(("1d", "1d", "1d", "1w", "1M", "all")))
    if split:
        options["by"] = draw(st.sampled_from((None, None, *values)))
    if ".stories." in metric:
        options["level"] = draw(st.sampled_from(("leaf", "leaf", "parent", "all")))
    if metric in (FLOW, STORY_FLOW):
        options["done_from"] = draw(st.sampled_from(("all", "range")))
    if metric.endswith(AGE):
        options["calendar"] = draw(st.sampled_from(("elapsed", "elapsed", "work")))
        options["since"] = draw(st.sampled_from(("last", "first")))
        options["q"] = draw(st.sampled_from(("50,85", "50,85", "5,25,50,99.9", "33.333")))
        options["calendars"] = {PRODUCTS[0]: SHIFTS} if draw(st.booleans()) else {}
        options["fewest"] = {name: draw(st.sampled_from((5, 2, 1))) for name in PRODUCTS}
    # After the last change, removal and modification any item may have.
    now = epoch(base, MOMENTS + 40 * A_DAY)
    if draw(st.booleans()):
        # In the bucket that is asked for last.
        until = now - draw(st.sampled_from((0, 5, 40_000)))
    return WorkQuery(metric, start, until, now, draw(filter_sets(values)), **options)
