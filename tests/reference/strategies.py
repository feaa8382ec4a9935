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
from .plans import BugPlan, CompanyPlan, Move, Step, StoryPlan
from .questions import BACKLOG, CHANGES, EVENTS, FLOW, OF_BUGS, STORY_FLOW, VERSION_BUGS, Query
from .story_records import type_id
from .vocabulary import (
    CUSTOM,
    DEFAULT,
    EXTENDED,
    FIELDS,
    ITERATIONS,
    LABELS,
    MODULES,
    OWN,
    POOLS,
    PRIORITIES,
    PRODUCTS,
    SEVERITIES,
    SOURCES,
    STAGES,
    STORY_FIELDS,
    STORY_POOLS,
    STORY_STAGES,
    STRANGE_STATUS,
    TYPES,
    TYPES_OF_BUGS,
    VERSION_FIELDS,
    WORKFLOWS,
    WORKSPACES,
    ZONES,
)
from .wire import Company
from .written import wire_company

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
STORY_CHANGED = st.sampled_from(("status", "status", "status", "status", *STORY_POOLS))
STORIES = st.builds(
    StoryPlan,
    created=st.integers(0, MOMENTS - 1),
    first=st.tuples(*([NUMBERS] * len(STORY_FIELDS))),
    steps=st.lists(st.builds(Step, GAPS, STORY_CHANGED, NUMBERS, QUIRKS), max_size=6).map(tuple),
    workspace=st.integers(0, 2),
    end=st.sampled_from(("", "", "", "", "delete", "delete", "restored")),
    end_after=GAPS,
    unseen=RARELY,
    early=RARELY,
    mend=RARELY,
    told=st.booleans(),
    completed=st.sampled_from((None, None, None, *range(0, MOMENTS + A_DAY, 5))),
)
# The workitem types of a workspace, by number and in their order.
TYPE_LISTS = st.sampled_from(((0,), (0, 1), (1, 2), (2, 1), (0, 1, 2), (2, 0)))
EVENT_PLANS = st.builds(
    EventPlan,
    moment=st.integers(0, MOMENTS - 1),
    action=st.integers(0, len(ACTIONS) - 1),
    ref=st.integers(0, len(REFS) - 1),
    offset=st.integers(0, len(OFFSETS) - 1),
)
PAIR = st.tuples(st.integers(0, len(ZONES) - 1), st.integers(0, len(ZONES) - 1))


@st.composite
def company_plans(draw: st.DrawFn, settled: bool = True, mostly: str = "bugs") -> CompanyPlan:
    """Plans of companies with 1 to 3 workspaces, 1 or 2 products and up to 12 events.

    They have 5 to 15 bugs or stories, whichever they are to have `mostly`, and few others.
    """
    homes = draw(st.sampled_from(((0,), (0, 0), (0, 1), (0, 0, 1), (0, 1, 1), (0, 0, 0))))
    kinds = st.integers(0, len(WORKFLOWS) - 1)
    workflow, configured, types = draw(kinds), draw(st.booleans()), draw(TYPE_LISTS)

    def some(plans: st.SearchStrategy[Any], what: str) -> tuple[Any, ...]:
        fewest, most = (5, 15) if what == mostly else (0, 2)
        return tuple(draw(st.lists(plans, min_size=fewest, max_size=most)))

    plan = CompanyPlan(
        base=draw(st.integers(0, 2)),
        homes=homes,
        workflows=(workflow, workflow if settled else draw(kinds)),
        configured=(configured, configured if settled else draw(st.booleans())),
        zones=draw(PAIR),
        version_fields=draw(st.tuples(*([st.integers(0, len(VERSION_FIELDS) - 1)] * 2))),
        labelled=draw(st.booleans()),
        bugs=some(BUGS, "bugs"),
        events=tuple(draw(st.lists(EVENT_PLANS, max_size=12))),
        cornerstones=settled or draw(st.booleans()),
        types=(types, types if settled else draw(TYPE_LISTS)),
        stories=some(STORIES, "stories"),
        renamed=draw(st.sampled_from((None, None, MOMENTS // 4, MOMENTS // 2, 2 * MOMENTS))),
    )
    if not settled:
        return plan
    return replace(
        plan,
        bugs=tuple(settled_bug(bug) for bug in plan.bugs),
        stories=tuple(settled_story(story) for story in plan.stories),
    )


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


def settled_story(story: StoryPlan) -> StoryPlan:
    """Leaves out a story gone before a look of which the feed tells a type but no status, and a creation told
    twice with different parents."""
    steps = tuple(step for step in story.steps if (step.field, step.quirk) != ("parent_id", "created"))
    told = {step.field for step in steps if step.quirk not in ("parallel", "flagged")}
    unclear = story.end == "delete" and "workitem_type_id" in told and "status" not in told
    return replace(story, steps=steps, told=story.told or unclear)


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
    "label": (*dict.fromkeys(label for text in LABELS for label in text.split("|") if label), "N/A", "none"),
    "bugtype": (*(value or "N/A" for value in TYPES_OF_BUGS), "none"),
    "source": tuple(value or "N/A" for value in SOURCES),
    CUSTOM: ("测试", "生产", "v1#0.", "N/A", "none"),
}
STORY_VALUES: dict[str, tuple[str, ...]] = {
    **{name: values for name, values in VALUES.items() if name not in OF_BUGS},
    "version": (*ITERATION_NAMES, "v1#1#0", "N/A", "no such"),
    "stage": (
        *(stage.name for stage in STORY_STAGES),
        *("planning", "developing", "resolved", "rejected", "草稿", "Test, #2", "已上线", "unmapped"),
    ),
    "status": (*dict.fromkeys(code for _, codes, _, _ in TYPES for code in codes), STRANGE_STATUS),
    "priority": ("N/A", "Nice To Have", "Low", "Middle", "High", "high", "3"),
    "type": (*(name for name, _, _, _ in TYPES if name), type_id(WORKSPACES[0], 2), "N/A", "bug"),
}
EVENT_VALUES: dict[str, tuple[str, ...]] = {
    "product": (*PRODUCTS, "nobody's"),
    "component": (project_path(0), project_path(1), "group/none"),
    "ref": ("main", "feature/a #1", "N/A", "none"),
}
METRICS = st.sampled_from(
    (CHANGES, CHANGES, FLOW, FLOW, BACKLOG, VERSION_BUGS, EVENTS, STORY_FLOW, STORY_FLOW)
)


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
        values = STORY_VALUES if metric == STORY_FLOW else VALUES
        filters = draw(filter_sets(values))
        options["asof"] = draw(st.sampled_from(("then", "then", "now")))
        options["deleted"] = draw(st.sampled_from(("until", "until", "exclude")))
    if metric in (BACKLOG, FLOW, STORY_FLOW) or (metric == CHANGES and not settled):
        options["by"] = draw(st.sampled_from((None, None, *values)))
    if metric == STORY_FLOW:
        options["level"] = draw(st.sampled_from(("leaf", "leaf", "parent", "all")))
    if metric in (FLOW, STORY_FLOW):
        options["order"] = draw(st.sampled_from(("stages", "stages", "stacked")))
        options["mode"] = draw(st.sampled_from(("bands", "arrivals")))
        options["done_from"] = draw(st.sampled_from(("all", "range")))
    # After the last change, removal and modification any bug may have.
    now = epoch(base, MOMENTS + 40 * A_DAY)
    return Query(metric, start, until, now, filters, **options)


@st.composite
def scenarios(draw: st.DrawFn, metric: str | None = None, settled: bool = True) -> tuple[Company, Query]:
    """A company and a question about it."""
    metric = metric or draw(METRICS)
    plan = draw(company_plans(settled, {STORY_FLOW: "stories", EVENTS: "events"}.get(metric, "bugs")))
    return wire_company(plan), draw(queries(plan.base, metric, settled))
