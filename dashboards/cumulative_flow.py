"""The Cumulative Flow dashboard: where work piles up on its way from new to done."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.builders.timeseries import Panel
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue, GridPos

from dashboards import flow_times
from dashboards.colours import BACKLOG, LEDGER, fixed, pattern
from dashboards.flow_times import Kind
from dashboards.freshness import BUGS as BUG_COLLECTORS
from dashboards.freshness import STORIES as STORY_COLLECTORS
from dashboards.freshness import as_of
from dashboards.panels import DOWNWARD, areas, bars, coloured, lines, section, staged, without
from dashboards.queries import Expression
from dashboards.registry import REGISTRY
from dashboards.variables import iteration, version

STORIES = Kind(
    "story",
    "stories",
    "product=$Product,version=$Iteration",
    "Counted are stories without children: a story that others name as their parent moves because they do.\n"
    "Iterations are those each story was in on that day.",
)
BUGS = Kind(
    "bug",
    "bugs",
    "product=$Product,version=$Version",
    "Versions are those each bug had on that day.",
)

BANDS = """\
**Bands:** the number of {items} that are in each stage at the end of each day, done at the bottom. A band
that grows wider is where work waits; the height between the top and done is the work in the system.

Stages come from the history of statuses, with today's stage map for all of it. A reopened {item} leaves done,
so done may fall. A removed {item} counts until the day it was removed. done and dropped hold only what
entered them within the time range (`done_from=range`), else they would hide the rest. A status that belongs
to no stage shows as `unmapped`. The last day counts what happened so far.

{remark}"""

ARRIVALS = """\
**Arrivals:** the number of {items} that ever reached each stage or a later one by the end of each day; the
lines never fall and never cross. The vertical gap between two lines is the work between them, the horizontal
gap an approximate average time.

A skipped stage counts as passed, a {item} sent back does not lower a line, and dropping a {item} counts as
its arrival at done. What is not yet in a mapped stage arrives nowhere. Reopenings do not show here.

{remark}"""

MOVES = """\
**Per day:** what made the backlog grow (above zero: created, reopened, moved in) and shrink (below zero:
closed, removed, moved out). Above minus below is the day's change of the open bugs.

closed is an entry into done or dropped from an open stage; a move between those two counts nothing. removed
counts bugs that were open when they were deleted or merged. moved in and moved out are open bugs that a
change of the chosen field, or a move between workspaces, brought into or out of the selection."""

OPEN = """\
**Open bugs:** those in no done or dropped stage at the end of each day, unmapped ones included.

The day before, plus created, reopened and moved in, minus closed, removed and moved out. Gaps are days that
were not collected."""


# What is shown of stories and of bugs beside the flow itself, two beside each other.
TIMES = (
    (flow_times.wip, flow_times.age),
    (flow_times.throughput, flow_times.lead_time),
    (flow_times.cycle_time, flow_times.stage_time),
    (flow_times.efficiency, flow_times.readoff),
)


@REGISTRY.dashboard(
    "cumulative-flow",
    "Cumulative Flow",
    "How stories and bugs flow through the stages: how many wait where, how many arrive and leave, how long "
    "it takes.",
)
def cumulative_flow(board: Dashboard) -> Dashboard:
    """Add bands, arrivals, work in progress and times of stories and of bugs, and the bugs' moves."""
    board.with_variable(version()).with_variable(iteration())
    board.with_panel(as_of(25, (*STORY_COLLECTORS, *BUG_COLLECTORS), GridPos(x=0, y=0, w=24, h=3)))
    board.with_row(section(5, "Stories", 3))
    board.with_panel(_bands(6, STORIES, GridPos(x=0, y=4, w=24, h=12)))
    board.with_panel(_arrivals(7, STORIES, GridPos(x=0, y=16, w=24, h=9)))
    top = _add_times(board, 9, STORIES, 25)
    board.with_row(section(8, "Bugs", top))
    board.with_panel(_bands(1, BUGS, GridPos(x=0, y=top + 1, w=24, h=12)))
    board.with_panel(_arrivals(2, BUGS, GridPos(x=0, y=top + 13, w=24, h=9)))
    board.with_panel(_moves(GridPos(x=0, y=top + 22, w=12, h=9)))
    board.with_panel(_open(GridPos(x=12, y=top + 22, w=12, h=9)))
    _add_times(board, 17, BUGS, top + 31)
    return board


def _add_times(board: Dashboard, number: int, kind: Kind, top: int) -> int:
    """Add the panels of TIMES with ids from `number` on, and return where the next one goes."""
    for row, pair in enumerate(TIMES):
        for column, panel in enumerate(pair):
            place = GridPos(x=12 * column, y=top + 9 * row, w=12, h=9)
            board.with_panel(panel(number + 2 * row + column, kind, place))
    return top + 9 * len(TIMES)


def _bands(number: int, kind: Kind, place: GridPos) -> Panel:
    title = f"Cumulative flow: {kind.items} by stage at the end of the day"
    panel = areas(number, title, BANDS.format_map(vars(kind)), place).axis_label(kind.items)
    # Grafana stacks the first series at the bottom.
    asked = f"@tapd.{kind.items}.flow.cumulative/{kind.where},done_from=range,order=stacked"
    return staged(panel.with_target(Expression(asked)))


def _arrivals(number: int, kind: Kind, place: GridPos) -> Panel:
    title = f"Arrivals: {kind.items} that reached a stage or went beyond"
    # Not stacked: each line is the whole count from its stage on.
    panel = lines(number, title, ARRIVALS.format_map(vars(kind)), place).fill_opacity(15)
    asked = f"@tapd.{kind.items}.flow.cumulative/{kind.where},mode=arrivals"
    return staged(panel.axis_label(kind.items).with_target(Expression(asked)))


def _moves(place: GridPos) -> Panel:
    panel = bars(3, "Arrivals and departures per day", MOVES, place)
    panel.with_target(Expression(f"@tapd.bugs.change.daily/{BUGS.where}"))
    coloured(without(panel, ("returned", "resolved", "removed_closed")), LEDGER)
    return panel.override_by_regexp(pattern("closed", "removed", "moved_out"), DOWNWARD)


def _open(place: GridPos) -> Panel:
    panel = lines(4, "Open bugs", OPEN, place).fill_opacity(15)
    panel.with_target(Expression(f"@tapd.bugs.backlog.daily/{BUGS.where}"))
    return panel.override_by_regexp(
        pattern("all"), [DynamicConfigValue("displayName", "open"), fixed(BACKLOG)]
    )
