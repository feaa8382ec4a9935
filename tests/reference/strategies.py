"""Hypothesis strategies for small companies and questions about them.

They are for comparing the product with the reference. `scenarios()` gives a company and a question; with
`settled` (the default) it keeps to what the definitions say outright, without it also makes what they leave
open and the reference had to decide.
"""

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from .event_plans import ACTIONS, OFFSETS, REFS, EventPlan, project_path
from .moments import A_DAY, MOMENTS, epoch
from .plans import (
    DEFAULT,
    EXTENDED,
    FIELDS,
    ITERATIONS,
    MODULES,
    OWN,
    POOLS,
    PRIORITIES,
    PRODUCTS,
    SEVERITIES,
    STAGES,
    STRANGE_STATUS,
    VERSION_FIELDS,
    WORKFLOWS,
    WORKSPACES,
    ZONES,
    BugPlan,
    CompanyPlan,
    Move,
    Step,
    wire_company,
)
from .questions import BACKLOG, CHANGES, EVENTS, FLOW, VERSION_BUGS, Query
from .wire import Company

NUMBERS = st.integers(0, 9)
# Half of what happens follows in the same second or the next that matters.
GAPS = st.sampled_from((1, 0, 0, 1, 2, 3, 7, 11, 12, 13, 30))
# Most changes are changes of the status.
CHANGED = st.sampled_from(("status", "status", "status", "status", *POOLS))
QUIRKS = st.sampled_from(("", "", "", "", "", "", "broken", "parallel", "flagged", "created"))
ENDS = st.sampled_from(("", "", "", "", "delete", "delete", "merge", "move", "restored"))
RARELY = st.sampled_from((False, False, False, False, True))

STEPS = st.builds(Step, GAPS, CHANGED, NUMBERS, QUIRKS)
MOVES = st.builds(Move, GAPS, st.integers(0, 2), st.lists(STEPS, max_size=3).map(tuple))
BUGS = st.builds(
    BugPlan,
    created=st.integers(0, MOMENTS - 1),
    first=st.tuples(*([NUMBERS] * len(FIELDS))),
    steps=st.lists(STEPS, max_size=5).map(tuple),
    workspace=st.integers(0, 2),
    moves=st.sampled_from((0, 0, 0, 1, 2)).flatmap(
        lambda n: st.lists(MOVES, min_size=n, max_size=n).map(tuple)
    ),
    end=ENDS,
    end_after=GAPS,
    unseen=RARELY,
    early=RARELY,
    mend=RARELY,
)
EVENT_PLANS = st.builds(
    EventPlan,
    moment=st.integers(0, MOMENTS - 1),
    action=st.integers(0, len(ACTIONS) - 1),
    ref=st.integers(0, len(REFS) - 1),
    offset=st.integers(0, len(OFFSETS) - 1),
)
PAIR = st.tuples(st.integers(0, len(ZONES) - 1), st.integers(0, len(ZONES) - 1))


@st.composite
def company_plans(draw: st.DrawFn, settled: bool = True) -> CompanyPlan:
    """Plans of companies with 1 to 3 workspaces, 1 or 2 products, 5 to 15 bugs and up to 12 events."""
    homes = draw(st.sampled_from(((0,), (0, 0), (0, 1), (0, 0, 1), (0, 1, 1), (0, 0, 0))))
    kinds = st.integers(0, len(WORKFLOWS) - 1)
    workflow, configured = draw(kinds), draw(st.booleans())
    plan = CompanyPlan(
        base=draw(st.integers(0, 2)),
        homes=homes,
        workflows=(workflow, workflow if settled else draw(kinds)),
        configured=(configured, configured if settled else draw(st.booleans())),
        zones=draw(PAIR),
        version_fields=draw(st.tuples(*([st.integers(0, len(VERSION_FIELDS) - 1)] * 2))),
        labelled=draw(st.booleans()),
        bugs=tuple(draw(st.lists(BUGS, min_size=5, max_size=15))),
        events=tuple(draw(st.lists(EVENT_PLANS, max_size=12))),
        cornerstones=settled or draw(st.booleans()),
    )
    return replace(plan, bugs=tuple(settled_bug(bug) for bug in plan.bugs)) if settled else plan


def settled_bug(bug: BugPlan) -> BugPlan:
    """Leaves out what a moved bug may bring along that the definitions do not speak of: iterations of
    another workspace, a row nobody ever saw."""
    if not bug.moves:
        return bug
    first = list(bug.first)
    first[FIELDS.index("iteration_id")] = 0
    return replace(
        bug,
        first=tuple(first),
        steps=without_iterations(bug.steps),
        moves=tuple(replace(move, steps=without_iterations(move.steps)) for move in bug.moves),
        unseen=False,
    )


def without_iterations(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    return tuple(step for step in steps if step.field != "iteration_id")


def companies(settled: bool = True) -> st.SearchStrategy[Company]:
    """Companies in wire form."""
    return company_plans(settled).map(wire_company)


STATUSES = tuple(dict.fromkeys([*DEFAULT, *EXTENDED, *OWN, STRANGE_STATUS]))
ITERATION_NAMES = tuple(name for name, _ in ITERATIONS)
GUESSED = ("new", "in_progress", "resolved", "closed", "rejected", "Waiting, #2", "R&D", "unmapped")
# What may be asked for: values that occur, one nobody knows, one as a data source may have rewritten it.
VALUES: dict[str, tuple[str, ...]] = {
    "product": (*PRODUCTS, "nobody's"),
    "workspace": (*WORKSPACES, "1"),
    "version": ("v1.0.0", "v1#1#0", "R&D #1, beta+", "二期", "N/A", "no such", *ITERATION_NAMES),
    "iteration": (*ITERATION_NAMES, "N/A", "no such"),
    "stage": (*(stage.name for stage in STAGES), *GUESSED),
    "status": STATUSES,
    "severity": (*(value or "N/A" for value in SEVERITIES), "no such"),
    "priority": tuple(value or "N/A" for value in PRIORITIES),
    "module": tuple(value or "N/A" for value in MODULES),
}
EVENT_VALUES: dict[str, tuple[str, ...]] = {
    "product": (*PRODUCTS, "nobody's"),
    "component": (project_path(0), project_path(1), "group/none"),
    "ref": ("main", "feature/a #1", "N/A", "none"),
}
METRICS = st.sampled_from((CHANGES, CHANGES, FLOW, FLOW, BACKLOG, VERSION_BUGS, EVENTS))


@st.composite
def filter_sets(draw: st.DrawFn, values: dict[str, tuple[str, ...]]) -> dict[str, frozenset[str]]:
    """Up to three filters, each of one value, of several, or `*`."""
    most = draw(st.sampled_from((0, 1, 1, 2, 3)))
    names = draw(st.lists(st.sampled_from(tuple(values)), unique=True, max_size=most))
    filters = {}
    for name in sorted(names):
        chosen = draw(st.lists(st.sampled_from(values[name]), unique=True, min_size=1, max_size=3))
        filters[name] = frozenset(["*"]) if draw(RARELY) else frozenset(chosen)
    return filters


@st.composite
def queries(draw: st.DrawFn, base: int, metric: str | None = None, settled: bool = True) -> Query:
    """Questions about a company made with that base; everything in it has happened by the query's now."""
    metric = metric or draw(METRICS)
    start = epoch(base, draw(st.integers(-3 * A_DAY, MOMENTS - 1)))
    days, seconds = draw(st.sampled_from((0, 1, 7, 9, 3, 40))), draw(st.sampled_from((0, 3600, 86_399)))
    until = start + days * 86_400 + seconds
    options: dict[str, Any] = {}
    options["tz"] = draw(st.sampled_from((None, None, None, *ZONES, "Asia/Kolkata")))
    if metric != VERSION_BUGS:
        options["step"] = draw(st.sampled_from(("1d", "1d", "1d", "1w", "1M", "all")))
    if metric == EVENTS:
        filters = draw(filter_sets(EVENT_VALUES))
    else:
        filters = draw(filter_sets(VALUES))
        options["asof"] = draw(st.sampled_from(("then", "then", "now")))
        options["deleted"] = draw(st.sampled_from(("until", "until", "exclude")))
    if metric in (BACKLOG, FLOW) or (metric == CHANGES and not settled):
        options["by"] = draw(st.sampled_from((None, None, *VALUES)))
    if metric == FLOW:
        options["mode"] = draw(st.sampled_from(("bands", "arrivals")))
        options["done_from"] = draw(st.sampled_from(("all", "range")))
    # After the last change, removal and modification any bug may have.
    now = epoch(base, MOMENTS + 40 * A_DAY)
    return Query(metric, start, until, now, filters, **options)


@st.composite
def scenarios(draw: st.DrawFn, metric: str | None = None, settled: bool = True) -> tuple[Company, Query]:
    """A company and a question about it."""
    plan = draw(company_plans(settled))
    return wire_company(plan), draw(queries(plan.base, metric, settled))
