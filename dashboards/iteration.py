"""The Iteration dashboard: what was planned, what came and went, how much is done, and when it will be."""

from __future__ import annotations

from grafana_foundation_sdk.builders import stat
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.builders.timeseries import Panel
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue, GridPos

from dashboards import flow_times
from dashboards.colours import BACKLOG, GREY, LEDGER, fixed, pattern
from dashboards.flow_times import DASHED, Kind
from dashboards.freshness import BUGS as BUG_COLLECTORS
from dashboards.freshness import STORIES as STORY_COLLECTORS
from dashboards.freshness import as_of
from dashboards.panels import (
    DOWNWARD,
    NUMBERS,
    OVER_BARS,
    bars,
    coloured,
    dated,
    lines,
    numbers,
    section,
    without,
)
from dashboards.queries import Expression
from dashboards.registry import REGISTRY
from dashboards.variables import one_iteration

WHERE = "product=$Product,iteration=$Iteration"
# The lines of a burn-up and a burndown, the same colour for the same thing on all panels.
PLAN = {"scope": BACKLOG, "done": LEDGER["closed"], "committed": "#FF9830", "ideal": GREY}
CHANGES = {"added": LEDGER["created"], "removed": GREY}
REMAINING = {"remaining": BACKLOG, "reopened": LEDGER["reopened"], "done": LEDGER["closed"], **CHANGES}

STORIES = Kind("story", "stories", WHERE, "Counted are stories without children.")
BUGS = Kind("bug", "bugs", WHERE, "A bug is in the iteration that TAPD plans it for.")

BURNUP = """\
**Burn-up:** {items} in the iteration (scope) and those of them that are done, at the end of each day.
committed is what was in scope at the end of the start day; ideal leads from 0 there to all of it at the
end of the end day.

Dropped {items} stay in scope and are never done. Renames of the iteration do not matter. Without a
planned start there is no commitment, without an end no ideal line. {remark}"""

SCOPE = """\
**Scope change:** {items} that came into the iteration (added) and left it (removed) after its start day,
per day.

A {item} that leaves and returns counts in both. From the start day on, scope is committed, plus all that
was added, minus all that was removed. The last day counts what happened so far."""

BURNDOWN = """\
**Burndown:** open {items} of the iteration at the end of each day (remaining), and what changed that:
above zero added and reopened, below zero done and removed.

done is what was finished or dropped while it was open; removed was moved out, deleted or merged while
open. remaining is the day before, plus added and reopened, minus done and removed."""

EFFORT = """\
**Effort left:** the hours that TAPD calls remaining effort, of the open stories of the iteration, as they
were at the end of each day.

A changed estimate changes the line too. A story without an estimate weighs nothing: unestimated_n counts
them (bars, right axis), and as long as there are many the line says little."""

DENSITY = """\
**Density:** bugs linked to the stories of the iteration, for each of these stories (density) and for each
unit of their size (per_size), whatever stage they are in.

Only links between stories and bugs count. Bugs of the iteration without a link (unlinked_n) are never
spread over stories: while there are many, the density is too low."""

FORECAST = """\
**Forecast** for the open stories of the iteration: the days by which they are done with a chance of 50 %
and of 85 %, if the days to come are like the last 8 weeks; remaining is how many are open, n how many the
product's teams did in those weeks, in whatever iteration.

10,000 futures, drawn from what was done per day. There is no date with fewer than 20 completions; work
that is still to come is not foreseen. Days are shown in the zone of the browser."""


@REGISTRY.dashboard(
    "iteration",
    "Iteration",
    "One iteration: what was committed, how its scope changed, how much is done, and a forecast.",
)
def iteration(board: Dashboard) -> Dashboard:
    """Add burn-up, scope change and burndown of the iteration's stories and bugs, effort and forecast."""
    return (
        board.with_variable(one_iteration())
        .with_panel(as_of(1, (*STORY_COLLECTORS, *BUG_COLLECTORS), GridPos(x=0, y=0, w=10, h=4)))
        .with_panel(_forecast(GridPos(x=10, y=0, w=14, h=4)))
        .with_row(section(3, "Stories", 4))
        .with_panel(_burnup(4, STORIES, GridPos(x=0, y=5, w=16, h=11)))
        .with_panel(_scope(5, STORIES, GridPos(x=16, y=5, w=8, h=11)))
        .with_panel(_burndown(6, STORIES, GridPos(x=0, y=16, w=12, h=9)))
        .with_panel(_effort(GridPos(x=12, y=16, w=12, h=9)))
        .with_panel(flow_times.wip(8, STORIES, GridPos(x=0, y=25, w=12, h=9)))
        .with_panel(flow_times.age(9, STORIES, GridPos(x=12, y=25, w=12, h=9)))
        .with_row(section(10, "Bugs", 34))
        .with_panel(_burnup(11, BUGS, GridPos(x=0, y=35, w=16, h=11)))
        .with_panel(_scope(12, BUGS, GridPos(x=16, y=35, w=8, h=11)))
        .with_panel(_burndown(13, BUGS, GridPos(x=0, y=46, w=16, h=9)))
        .with_panel(_density(GridPos(x=16, y=46, w=8, h=9)))
    )


def _burnup(number: int, kind: Kind, place: GridPos) -> Panel:
    panel = lines(number, f"Burn-up: {kind.items}", BURNUP.format_map(vars(kind)), place)
    panel.axis_label(kind.items)
    panel.with_target(Expression(f"@tapd.iteration.burnup/{WHERE},of={kind.items}"))
    coloured(without(panel, CHANGES), PLAN)
    panel.override_by_regexp(pattern("done"), [DynamicConfigValue("custom.fillOpacity", 30)])
    thin = DynamicConfigValue("custom.lineWidth", 1)
    return panel.override_by_regexp(pattern("committed", "ideal"), [DASHED, thin])


def _scope(number: int, kind: Kind, place: GridPos) -> Panel:
    panel = bars(number, f"Scope change: {kind.items}", SCOPE.format_map(vars(kind)), place)
    panel.axis_label(kind.items)
    panel.with_target(Expression(f"@tapd.iteration.burnup/{WHERE},of={kind.items}"))
    coloured(without(panel, PLAN), CHANGES)
    return panel.override_by_regexp(pattern("removed"), DOWNWARD)


def _burndown(number: int, kind: Kind, place: GridPos) -> Panel:
    panel = bars(number, f"Burndown: {kind.items}", BURNDOWN.format_map(vars(kind)), place)
    panel.axis_label(kind.items)
    panel.with_target(Expression(f"@tapd.version.burndown/{WHERE},of={kind.items}"))
    coloured(panel, REMAINING).override_by_regexp(pattern("done", "removed"), DOWNWARD)
    return panel.override_by_regexp(pattern("remaining"), OVER_BARS)


def _effort(place: GridPos) -> Panel:
    panel = lines(7, "Effort left: stories", EFFORT, place).unit("h").decimals(1).axis_label("effort")
    panel.with_target(Expression(f"@tapd.version.burndown/{WHERE},of=stories,unit=effort"))
    coloured(without(panel, [name for name in REMAINING if name != "remaining"]), REMAINING)
    return panel.override_by_regexp(pattern("unestimated_n"), NUMBERS)


def _forecast(place: GridPos) -> stat.Panel:
    asked = f"@tapd.stories.flow.forecast/{WHERE}"
    panel = dated(2, "Forecast: stories", FORECAST, place, asked, {"p50": "50 %", "p85": "85 %"})
    done = [DynamicConfigValue("displayName", "done in 8 weeks"), fixed(LEDGER["closed"])]
    return coloured(panel, {"remaining": BACKLOG}).override_by_regexp(pattern("n"), done)


def _density(place: GridPos) -> stat.Panel:
    panel = numbers(14, "Bugs per story", DENSITY, place).decimals(2)
    panel.with_target(Expression(f"@tapd.bugs.density/{WHERE}"))
    counted = [DynamicConfigValue("decimals", 0), fixed(GREY)]
    return panel.override_by_regexp(pattern("unlinked_n"), counted)
