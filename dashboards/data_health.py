"""The Data Health dashboard: whether collecting goes on, and what is known to be missing or wrong."""

from __future__ import annotations

from grafana_foundation_sdk.builders import bargauge
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.builders.timeseries import Panel
from grafana_foundation_sdk.models.dashboard import GridPos

from dashboards.panels import SECONDS, bars, lines, ranking, section
from dashboards.queries import Expression
from dashboards.registry import REGISTRY
from dashboards.variables import collector

WHERE = "product=$Product,collector=$Collector"
HOURLY = f"{WHERE},by=collector,step=1h"

AGE = """\
**Age per collector:** how long ago the last successful run began, in the scope (workspace or project) where
it is longest ago. Numbers on the other dashboards are as old as their oldest collector.

A collector that never succeeded in a scope counts from its first run that failed. Some run rarely, relations
between stories and bugs every six hours: what is too old is shown beside."""

OVERDUE = """\
**Overdue:** by how much the age exceeds what is planned, in the scope where it is most. Zero is in time.

A scope is overdue when it was not read for three of the planned intervals, and for at least 30 minutes. The
alert rule "stale" goes by this. `engmetrics status` shows each scope with its last error."""

FAILING = """\
**Failing runs** per hour, by collector. A run that was stopped with its process did not fail.

A single failure is made up for by the next run; the alert rule "failing" goes off at several of one scope.
`engmetrics status` shows the error, `engmetrics doctor` tells credentials, quota and network apart."""

RUNS = """\
**Runs** that began in each hour and are over, by collector: one run reads one scope.

When the runs of all collectors stop, `engmetrics collect` does not run. When those of one stop, a run may be
going on for long, as a first one does."""

ITEMS = """\
**Records read** per hour, by collector: what the upstream gave to the runs that began in that hour, known
records included. Divided by the runs it is what a run brings.

Each run reads the day of the last one again, so it is seldom zero. A collector that suddenly reads nothing,
or everything, is worth a look."""

QUARANTINE = """\
**Quarantine:** records that could not be understood or stored, by when they came there; no number has them.

A record that was read again successfully is gone from all of the line. `engmetrics quarantine list` shows the
reasons, `engmetrics quarantine retry` reads them again."""

MISSING = """\
**Missing:** records in which TAPD and the store differed when the counts of each month were last compared,
and that could not be repaired: not stored, or stored and not there any more.

Only what once differed is listed; zero is repaired since. The comparison runs every night."""

BROKEN = """\
**Broken chains:** bugs and stories whose changes do not follow from one another, or do not lead to what they
are today. Such a history is mended at the later change, so some days of its past may be wrong.

`engmetrics status --quality` lists the items. Some are normal where a workspace imports or edits in bulk."""

UNMAPPED = """\
**Unmapped statuses** that bugs or stories have or had: they belong to no stage and show as `unmapped` in the
cumulative flow. The number is in how many workspaces; `N/A` with zero says that there are none.

Add them to a stage of the product in the configuration; all of history then counts by the new stages."""


@REGISTRY.dashboard(
    "data-health",
    "Data Health",
    "Whether collecting goes on, how old the numbers are, and what is known to be missing or wrong.",
)
def data_health(board: Dashboard) -> Dashboard:
    """Add age and overdue, what runs did, and what is wrong with the records."""
    return (
        board.time("now-7d", "now")
        .with_variable(collector())
        .with_row(section(10, "Collecting", 0))
        .with_panel(_age(GridPos(x=0, y=1, w=12, h=10)))
        .with_panel(_overdue(GridPos(x=12, y=1, w=12, h=10)))
        .with_panel(_errors(GridPos(x=0, y=11, w=8, h=9)))
        .with_panel(_runs(GridPos(x=8, y=11, w=8, h=9)))
        .with_panel(_items(GridPos(x=16, y=11, w=8, h=9)))
        .with_row(section(11, "Records", 20))
        .with_panel(_missing(GridPos(x=0, y=21, w=12, h=9)))
        .with_panel(_quarantine(GridPos(x=12, y=21, w=12, h=9)))
        .with_panel(_broken(GridPos(x=0, y=30, w=12, h=9)))
        .with_panel(_unmapped(GridPos(x=12, y=30, w=12, h=9)))
    )


def _age(place: GridPos) -> bargauge.Panel:
    panel = ranking(1, "Age per collector", AGE, place).unit(SECONDS).decimals(1)
    return panel.with_target(Expression(f"@health.collection.age/{WHERE},by=collector"))


def _overdue(place: GridPos) -> Panel:
    panel = lines(2, "Overdue", OVERDUE, place).unit(SECONDS).decimals(1).axis_label("overdue")
    return panel.with_target(Expression(f"@health.collection.overdue/{HOURLY}"))


def _errors(place: GridPos) -> Panel:
    panel = bars(3, "Failing runs", FAILING, place).axis_label("runs")
    return panel.with_target(Expression(f"@health.collection.errors/{HOURLY}"))


def _runs(place: GridPos) -> Panel:
    panel = bars(4, "Runs", RUNS, place).axis_label("runs")
    return panel.with_target(Expression(f"@health.collection.runs/{HOURLY}"))


def _items(place: GridPos) -> Panel:
    panel = bars(5, "Records read", ITEMS, place).axis_label("records")
    return panel.with_target(Expression(f"@health.collection.items/{HOURLY}"))


def _missing(place: GridPos) -> bargauge.Panel:
    panel = ranking(6, "Missing records", MISSING, place)
    return panel.with_target(Expression(f"@health.collection.missing/{WHERE}"))


def _quarantine(place: GridPos) -> Panel:
    panel = lines(7, "Quarantine", QUARANTINE, place).axis_label("records")
    return panel.with_target(Expression(f"@health.collection.quarantine/{HOURLY}"))


def _broken(place: GridPos) -> bargauge.Panel:
    panel = ranking(8, "Broken chains", BROKEN, place)
    return panel.with_target(Expression(f"@health.collection.broken.chains/{WHERE}"))


def _unmapped(place: GridPos) -> bargauge.Panel:
    panel = ranking(9, "Unmapped statuses", UNMAPPED, place)
    return panel.with_target(Expression(f"@health.collection.unmapped/{WHERE},by=status"))
