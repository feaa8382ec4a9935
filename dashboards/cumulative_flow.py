"""The Cumulative Flow dashboard: where work piles up on its way from new to done."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.builders.timeseries import Panel
from grafana_foundation_sdk.models.dashboard import GridPos

from dashboards.colours import BACKLOG, LEDGER, STAGES, fixed, pattern
from dashboards.graphite import Expression
from dashboards.panels import DOWNWARD, areas, bars, coloured, lines, without
from dashboards.registry import REGISTRY

WHERE = "product=$Product,version=$Version"

BANDS = """\
**Bands:** the number of bugs that are in each stage at the end of each day, done at the bottom. A band that
grows wider is where work waits; the height between the top and done is the work in the system.

Stages come from the history of statuses, with today's stage map for all of it. A reopened bug leaves done, so
done may fall. A removed bug counts until the day it was removed. done and dropped hold only what entered them
within the time range (`done_from=range`), else they would hide the rest. A status that belongs to no stage
shows as `unmapped`. The last day counts what happened so far. Versions are those each bug had on that day."""

ARRIVALS = """\
**Arrivals:** the number of bugs that ever reached each stage or a later one by the end of each day; the lines
never fall and never cross. The vertical gap between two lines is the work between them, the horizontal gap
an approximate average time.

A skipped stage counts as passed, a bug sent back does not lower a line, and dropping a bug counts as its
arrival at done. Bugs not yet in a mapped stage arrive nowhere. Reopenings do not show here."""

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
    "How bugs flow through the stages: how many wait where, how many arrive and leave.",
)
def cumulative_flow(board: Dashboard) -> Dashboard:
    """Add the panels: bands, arrivals, moves per day, open bugs."""
    return (
        board.with_panel(_bands(GridPos(x=0, y=0, w=24, h=12)))
        .with_panel(_arrivals(GridPos(x=0, y=12, w=24, h=9)))
        .with_panel(_moves(GridPos(x=0, y=21, w=12, h=9)))
        .with_panel(_open(GridPos(x=12, y=21, w=12, h=9)))
    )


def _bands(place: GridPos) -> Panel:
    panel = areas(1, "Cumulative flow: bugs by stage at the end of the day", BANDS, place)
    # Grafana stacks the first series at the bottom.
    panel.with_target(Expression(f"@tapd.bugs.flow.cumulative/{WHERE},done_from=range,order=stacked"))
    return coloured(panel, STAGES)


def _arrivals(place: GridPos) -> Panel:
    # Not stacked: each line is the whole count from its stage on.
    panel = lines(2, "Arrivals: bugs that reached a stage or went beyond", ARRIVALS, place).fill_opacity(15)
    panel.with_target(Expression(f"@tapd.bugs.flow.cumulative/{WHERE},mode=arrivals"))
    return coloured(panel, STAGES)


def _moves(place: GridPos) -> Panel:
    panel = bars(3, "Arrivals and departures per day", MOVES, place)
    panel.with_target(Expression(f"@tapd.bugs.change.daily/{WHERE}"))
    coloured(without(panel, ("returned", "resolved", "removed_closed")), LEDGER)
    return panel.override_by_regexp(pattern("closed", "removed", "moved_out"), DOWNWARD)


def _open(place: GridPos) -> Panel:
    panel = lines(4, "Open bugs", OPEN, place).fill_opacity(15)
    panel.with_target(Expression(f"@tapd.bugs.backlog.daily/{WHERE}"))
    return panel.override_by_regexp(pattern("all"), [fixed(BACKLOG)])
