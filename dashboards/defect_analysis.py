"""The Defect Analysis dashboard: how many bugs there are, of what kind, and how they come and go."""

from __future__ import annotations

from grafana_foundation_sdk.builders import bargauge, stat
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.builders.timeseries import Panel
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue, GridPos

from dashboards import defect_times
from dashboards.colours import AGES, BACKLOG, GREY, LEDGER, PRIORITIES, SEVERITIES, fixed, pattern
from dashboards.defect_times import WHERE
from dashboards.freshness import BUGS as BUG_COLLECTORS
from dashboards.freshness import as_of
from dashboards.panels import areas, bars, coloured, lines, numbers, ranking, section, staged, without
from dashboards.queries import Expression
from dashboards.registry import REGISTRY
from dashboards.variables import version

TOTALS = """\
**The time range in numbers:** bugs open now, and what happened to bugs within the range.

closed is an entry into done or dropped from an open stage; reopened a move out of them; resolved an entry
into a stage marked resolved (fixed, not yet verified); returned a move from there back to an earlier open
stage. removed counts bugs deleted or merged while open, removed_closed those already closed. moved_in and
moved_out are open bugs that a change of the chosen field, or of the workspace, brought into or out of the
selection."""

TREND = """\
**Defect trend:** bugs created, closed, reopened and removed per day (left axis), and the bugs open at the
end of each day (right axis).

backlog = the day before + created + reopened + moved in - closed - removed - moved out. Removing a closed
bug does not lower it. The last day counts what happened so far; gaps are days that were not collected."""

FIXED = """\
**Fixed and closed are two things to testers.** resolved: entries into a stage marked resolved, that is
fixed and not yet verified. closed: entries into done or dropped from an open stage. returned: sent back
from a resolved stage to an earlier open one.

A bug fixed twice counts twice. Without a stage marked resolved, resolved and returned are zero."""

BY_FIELD = """\
**Open bugs by {field}** at the end of each day, stacked: the top line is the backlog.

Each bug counts under the {field} it had on that day, not under today's. An empty {field} is `N/A`."""

VERSIONS = """\
**Bugs per version:** all bugs, open and closed, of each version as of the end of the time range.

The version is the field configured for the product (version found in, unless set otherwise). Removed bugs
are not counted; versions without bugs are not listed; `N/A` are bugs without a version."""

ACTIVITY = """\
**GitLab activity:** events per day by action, in GitLab's own words, over the chosen products' projects.

A push counts once, however many commits it brings; a bulk push counts once too. The version does not
apply here. It shows that a team is at work, not how much anybody does."""


AGE = """\
**Age of open bugs:** how many bugs were open at the end of each day, by how old they were: days of 24
hours since their creation. All bands together are the backlog.

A bug is in 1-3 from the moment it is a day old until it is three days old; a reopened one keeps its age.
Today's ages are taken now. A growing band at the top are bugs that nobody takes up."""

MATRIX = """\
**Severity by stage:** the open bugs at the end of the time range, each in one cell. The cells add up to
the backlog.

Severities without an open bug are left out. A serious bug that stands in a resolved stage waits for its
test; one in the first stage waits for somebody."""

OVERDUE = """\
**Overdue:** open bugs whose due day was over at the end of each day, and how many open bugs have no due
day (no_due_n): these are never overdue.

The due day is today's for all of history. A bug that is due today is not overdue yet. With many that have
no due day the line says little."""

UNTOUCHED = """\
**Serious bugs left untouched:** open bugs at the end of each day of which nothing had changed for so long
that somebody should look: by default 3 days for fatal ones and 7 for serious ones, of 24 hours.

Severities and days are configured per product (`untouched_days`); comments are no change, a new owner is one
where people are enabled. The alert rule "Serious bugs are left untouched" goes by this."""

CREATED = """\
**Bugs created in the time range by {field}**, as it was at their creation, the empty one as `N/A`.

Which values there are is up to each workspace. Many without a value mean that nobody fills the field in,
and the rest may tell a wrong story."""


@REGISTRY.dashboard(
    "defect-analysis",
    "Defect Analysis",
    "Bugs created, fixed, closed and open; by severity, priority, module, version and stage; how old they "
    "are, how long fixing takes, and how many come back.",
)
def defect_analysis(board: Dashboard) -> Dashboard:
    """Add totals and trend, the backlog by fields and age, times and rates, what was created, activity."""
    return (
        board.with_variable(version())
        .with_panel(_totals(GridPos(x=0, y=0, w=20, h=5)))
        .with_panel(as_of(10, BUG_COLLECTORS, GridPos(x=20, y=0, w=4, h=5)))
        .with_panel(_trend(GridPos(x=0, y=5, w=24, h=10)))
        .with_panel(_fixed(GridPos(x=0, y=15, w=8, h=9)))
        .with_panel(_overdue(GridPos(x=8, y=15, w=8, h=9)))
        .with_panel(_untouched(GridPos(x=16, y=15, w=8, h=9)))
        .with_row(section(12, "Backlog", 24))
        .with_panel(coloured(_backlog(4, "severity", GridPos(x=0, y=25, w=12, h=9)), SEVERITIES))
        .with_panel(coloured(_backlog(5, "priority", GridPos(x=12, y=25, w=12, h=9)), PRIORITIES))
        .with_panel(staged(_backlog(13, "stage", GridPos(x=0, y=34, w=12, h=9))))
        .with_panel(_age(GridPos(x=12, y=34, w=12, h=9)))
        .with_panel(_backlog(6, "module", GridPos(x=0, y=43, w=12, h=9)))
        .with_panel(_backlog(7, "version", GridPos(x=12, y=43, w=12, h=9)))
        .with_panel(_matrix(GridPos(x=0, y=52, w=12, h=12)))
        .with_panel(_versions(GridPos(x=12, y=52, w=12, h=12)))
        .with_row(section(16, "Times and rates", 64))
        .with_panel(defect_times.fix(17, GridPos(x=0, y=65, w=8, h=9)))
        .with_panel(defect_times.response(18, GridPos(x=8, y=65, w=8, h=9)))
        .with_panel(defect_times.verify(19, GridPos(x=16, y=65, w=8, h=9)))
        .with_panel(defect_times.reopened(20, GridPos(x=0, y=74, w=8, h=9)))
        .with_panel(defect_times.invalid(21, GridPos(x=8, y=74, w=8, h=9)))
        .with_panel(defect_times.escaped(26, GridPos(x=16, y=74, w=8, h=9)))
        .with_row(section(22, "Created, and activity", 83))
        .with_panel(_created(23, "bugtype", GridPos(x=0, y=84, w=8, h=9)))
        .with_panel(_created(24, "originphase", GridPos(x=8, y=84, w=8, h=9)))
        .with_panel(_activity(GridPos(x=16, y=84, w=8, h=9)))
    )


def _totals(place: GridPos) -> stat.Panel:
    panel = numbers(1, "The time range in numbers", TOTALS, place)
    panel.with_target(Expression(f"@tapd.bugs.backlog.daily/{WHERE}"))
    panel.with_target(Expression(f"@tapd.bugs.change.daily/{WHERE},step=all", "B"))
    panel.override_by_regexp(pattern("all"), [DynamicConfigValue("displayName", "open now"), fixed(BACKLOG)])
    return coloured(panel, LEDGER)


def _trend(place: GridPos) -> Panel:
    panel = lines(2, "Defect trend", TREND, place)
    panel.with_target(Expression(f"@tapd.bugs.change.daily/{WHERE}"))
    panel.with_target(Expression(f"@tapd.bugs.backlog.daily/{WHERE}", "B"))
    without(panel, ("returned", "resolved", "removed_closed", "moved_in", "moved_out"))
    backlog = [
        DynamicConfigValue("displayName", "backlog"),
        fixed(BACKLOG),
        DynamicConfigValue("custom.axisPlacement", "right"),
        DynamicConfigValue("custom.axisLabel", "open bugs"),
        DynamicConfigValue("custom.fillOpacity", 15),
    ]
    return coloured(panel, LEDGER).override_by_regexp(pattern("all"), backlog)


def _fixed(place: GridPos) -> Panel:
    panel = lines(3, "Fixed and closed", FIXED, place)
    panel.with_target(Expression(f"@tapd.bugs.change.daily/{WHERE}"))
    shown = ("resolved", "closed", "returned")
    return coloured(without(panel, [name for name in LEDGER if name not in shown]), LEDGER)


def _backlog(number: int, field: str, place: GridPos) -> Panel:
    panel = areas(number, f"Open bugs by {field}", BY_FIELD.format(field=field), place)
    return panel.with_target(Expression(f"@tapd.bugs.backlog.daily/{WHERE},by={field}"))


def _versions(place: GridPos) -> bargauge.Panel:
    panel = ranking(8, "Bugs per version", VERSIONS, place)
    return panel.with_target(Expression(f"@tapd.product.version.bugs/{WHERE}"))


def _activity(place: GridPos) -> Panel:
    panel = bars(9, "GitLab activity", ACTIVITY, place).axis_label("events")
    return panel.with_target(Expression("@gitlab.events.daily/product=$Product"))


def _age(place: GridPos) -> Panel:
    panel = areas(14, "Open bugs by age in days", AGE, place)
    return coloured(panel.with_target(Expression(f"@tapd.bugs.age/{WHERE}")), AGES)


def _matrix(place: GridPos) -> bargauge.Panel:
    panel = ranking(15, "Open bugs by severity and stage", MATRIX, place)
    panel.with_target(Expression(f"@tapd.bugs.matrix/{WHERE}"))
    for severity, colour in SEVERITIES.items():
        panel.override_by_regexp(f"/^{severity.replace('/', chr(92) + '/')}\\//", [fixed(colour)])
    return panel


def _overdue(place: GridPos) -> Panel:
    panel = lines(11, "Overdue bugs", OVERDUE, place)
    panel.with_target(Expression(f"@tapd.bugs.overdue/{WHERE}"))
    return coloured(panel, {"overdue": "#F2495C", "no_due_n": GREY})


def _untouched(place: GridPos) -> Panel:
    panel = areas(25, "Serious bugs left untouched", UNTOUCHED, place)
    return coloured(panel.with_target(Expression(f"@tapd.bugs.untouched/{WHERE},by=severity")), SEVERITIES)


def _created(number: int, field: str, place: GridPos) -> bargauge.Panel:
    panel = ranking(number, f"Bugs created by {field}", CREATED.format(field=field), place)
    return panel.with_target(Expression(f"@tapd.bugs.distribution/{WHERE},by={field},of=created,step=all"))
