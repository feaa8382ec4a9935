"""Random companies and questions about their defects."""

from typing import Any

from hypothesis import strategies as st

from .defect_events import ESCAPE_RATE, ESCAPE_VERSION, EVENTS, FIX_TIME, TIMES
from .defects import AGE, DI, DI_INTRODUCED, DISTRIBUTION, MATRIX, OVERDUE, DefectQuery
from .gates import CONDITIONS, GATE, GATES, UNTOUCHED
from .moments import A_DAY, MOMENTS, clock, epoch
from .strategies import VALUES, ZONES, company_plans, filter_sets
from .wire import Company
from .written import wire_company

ALL = (*EVENTS, *GATES, DISTRIBUTION, MATRIX, AGE, OVERDUE, DI, DI_INTRODUCED)
# Days after the first on which bugs may be due; none means that they need not be done by any day.
DUE = st.lists(st.sampled_from((None, None, -3, 0, 1, 2, 5, 9, 30)), min_size=1, max_size=7)


@st.composite
def defect_scenarios(draw: st.DrawFn, metric: str) -> tuple[Company, DefectQuery]:
    """A company and a question about its defects; everything in it has happened by the query's now."""
    company, (query,) = draw(defect_questions((metric,)))
    return company, query


@st.composite
def defect_questions(
    draw: st.DrawFn, metrics: tuple[str, ...] = ALL
) -> tuple[Company, tuple[DefectQuery, ...]]:
    """A company and a question for each metric, as above."""
    plan = draw(company_plans())
    company = wire_company(plan)
    days, ends = draw(DUE), draw(DUE)
    for place, workspace in enumerate(company.workspaces):
        for number, row in enumerate(workspace.iterations):
            offset = ends[(place + number) % len(ends)]
            row["enddate"] = None if offset is None else str(clock(plan.base, offset * A_DAY).date())
    for workspace in company.workspaces:
        for row in workspace.bugs:
            offset = days[int(row["id"][-6:-1]) % len(days)]
            word = "deadline" if int(row["id"][-6:-1]) % 2 else "due"
            row[word] = None if offset is None else str(clock(plan.base, offset * A_DAY).date())
    products = [one.name for one in company.products()]
    return company, tuple(draw(defect_queries(plan.base, metric, products)) for metric in metrics)


@st.composite
def defect_queries(draw: st.DrawFn, base: int, metric: str, products: list[str]) -> DefectQuery:
    """A question with any options; half of them are asked while the last bucket is not over."""
    start = epoch(base, draw(st.integers(-3 * A_DAY, MOMENTS - 1)))
    days, seconds = draw(st.sampled_from((0, 1, 7, 9, 3, 40))), draw(st.sampled_from((0, 3600, 86_399)))
    until = start + days * 86_400 + seconds
    options: dict[str, Any] = {"tz": draw(st.sampled_from((None, None, None, *ZONES, "Asia/Kolkata")))}
    options["asof"] = draw(st.sampled_from(("then", "then", "now")))
    options["deleted"] = draw(st.sampled_from(("until", "until", "exclude")))
    if metric not in (MATRIX, ESCAPE_VERSION):
        options["step"] = draw(st.sampled_from(("1d", "1d", "1d", "1w", "1M", "all")))
    if metric != MATRIX:
        options["by"] = draw(
            st.sampled_from((None, None, *VALUES) if metric != DISTRIBUTION else tuple(VALUES))
        )
    if metric == DISTRIBUTION:
        options["of"] = draw(st.sampled_from(("backlog", "created")))
        options["split"] = draw(st.sampled_from(("all", "first")))
    if metric in (AGE, FIX_TIME):
        options["since"] = draw(st.sampled_from(("first", "last")))
    if metric in (DI, DI_INTRODUCED, GATE) and draw(st.booleans()):
        options["weights"] = {products[0]: {"fatal": 20, "normal": 0.3, "S9": 7, "N/A": 0.5}}
    if metric == GATE:
        options["of"] = draw(st.sampled_from(("backlog", "backlog", *CONDITIONS)))
        gates = ((10, 0, 1), (3.3, 1, 0), (0, 2, 2))
        options["gates"] = {name: draw(st.sampled_from(gates)) for name in products}
    if metric == UNTOUCHED:
        days = ({"fatal": 3, "serious": 7}, {"fatal": 1, "serious": 2, "S9": 1, "N/A": 3, "normal": 20}, {})
        options["untouched"] = {name: draw(st.sampled_from(days)) for name in products}
    if metric in TIMES:
        options["calendar"] = draw(st.sampled_from(("elapsed", "elapsed", "work")))
        options["q"] = draw(st.sampled_from(("50,85,95", "5,25,50,99.9", "50")))
    if metric == ESCAPE_RATE:
        mappings = (("module", ("登录",)), ("severity", ("fatal", "S9")), ("priority", ("high", "low")), None)
        drawn = {name: draw(st.sampled_from(mappings)) for name in products}
        options["escape"] = {name: one for name, one in drawn.items() if one}
    # After the last change, removal and modification any bug may have, or later.
    late = epoch(base, MOMENTS + 40 * A_DAY)
    now = draw(st.sampled_from((late, late + 5 * 3600, max(late, until - 7200), late + 50 * 86_400)))
    return DefectQuery(metric, start, until, now, draw(filter_sets(VALUES)), **options)
