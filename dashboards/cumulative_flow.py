"""The Cumulative Flow dashboard: where work piles up on its way from new to done."""

from __future__ import annotations

from dataclasses import dataclass

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.builders.timeseries import Panel
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue, GridPos

from dashboards.colours import BACKLOG, LEDGER, fixed, pattern
from dashboards.panels import DOWNWARD, areas, bars, coloured, lines, section, staged, without
from dashboards.queries import Expression
from dashboards.registry import REGISTRY
from dashboards.variables import iteration, version


@dataclass(frozen=True)
class Kind:
    """What flows: one and several of it, the filters that choose, and what is particular about it."""

    item: str
    items: str
    where: str
    remark: str


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


@REGISTRY.dashboard(
    "cumulative-flow",
    "Cumulative Flow",
    "How stories and bugs flow through the stages: how many wait where, how many arrive and leave.",
)
def cumulative_flow(board: Dashboard) -> Dashboard:
    """Add bands and arrivals of stories and of bugs, the bugs' moves per day and the open ones."""
    return (
        board.with_variable(version())
        .with_variable(iteration())
        .with_row(section(5, "Stories", 0))
        .with_panel(_bands(6, STORIES, GridPos(x=0, y=1, w=24, h=12)))
        .with_panel(_arrivals(7, STORIES, GridPos(x=0, y=13, w=24, h=9)))
        .with_row(section(8, "Bugs", 22))
        .with_panel(_bands(1, BUGS, GridPos(x=0, y=23, w=24, h=12)))
        .with_panel(_arrivals(2, BUGS, GridPos(x=0, y=35, w=24, h=9)))
        .with_panel(_moves(GridPos(x=0, y=44, w=12, h=9)))
        .with_panel(_open(GridPos(x=12, y=44, w=12, h=9)))
    )


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
