"""The Release Gate dashboard: whether a version may go out, and what keeps it."""

from __future__ import annotations

from grafana_foundation_sdk.builders import bargauge, stat
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.builders.timeseries import Panel
from grafana_foundation_sdk.models.common import BigValueColorMode
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue, GridPos

from dashboards.colours import BACKLOG, GREY, LEDGER, SEVERITIES, fixed, pattern
from dashboards.flow_times import DASHED
from dashboards.freshness import BUGS as BUG_COLLECTORS
from dashboards.freshness import as_of
from dashboards.panels import (
    DOWNWARD,
    OVER_BARS,
    RATIO,
    Coloured,
    areas,
    bars,
    coloured,
    last,
    lines,
    numbers,
    ranking,
)
from dashboards.queries import Expression
from dashboards.registry import REGISTRY
from dashboards.variables import version

WHERE = "product=$Product,version=$Version"
GRAVE_BUGS = f"@tapd.bugs.backlog.daily/{WHERE},severity={{fatal,serious}},by=severity"
GATE = "#C4162A"
PASSES, FAILS = LEDGER["closed"], GATE
# The smallest number above 0 that the API tells.
LEAST = 0.000001
REMAINING = {"remaining": BACKLOG, "added": LEDGER["created"], "reopened": LEDGER["reopened"]}
SHRINKING = {"done": LEDGER["closed"], "removed": GREY}

INDEX = """\
**The defect index against the gate:** what the open bugs of the chosen versions weigh at the end of each
day, beside what a release may have at most (dashed). Above the line the answer is no.

Weights and gate are configured per product; by default fatal 10, serious 3, normal 1, prompt 0.1, advice
0, and a gate of 10. Bugs of a severity without a weight are not taken as 0: they are the line unknown."""

BY_VERSION = """\
**The defect index per version:** what the open bugs of each version weigh at the end of each day, by the
version each bug had on that day, beside the gate (dashed).

A version is ready as far as its weight is concerned once its line is below the gate. Which field of a bug
is its version is configured per product."""

VERDICT = """\
**Go or no-go** for the chosen versions as of the last day of the time range, and why. It is go while the
defect index is within the gate, and the open fatal and serious bugs are as few as the configuration allows:
by default an index of 10, no fatal and one serious bug. What exceeds that shows by how much (over).

Not known: nobody looked at TAPD on that day yet, or a bug has a severity without a weight, so that nobody
can say what the index is. Each product is held against its own gate, and all have to pass."""

NOW = """\
**The gate in numbers, at the end of the time range:** the index of the open bugs, and what the gate lets
pass. unknown, where it is there, are open bugs of a severity without a weight, which are not in the index.

Choose one version to see the numbers for it."""

GRAVE_NOW = """\
**Open fatal and serious bugs at the end of the time range.** A severity without an open bug is left out.

How many a release may have is configured: by default no fatal one and one serious one."""

GRAVE = """\
**Open fatal and serious bugs** at the end of each day, by the severity each had on that day. A release
may have no fatal one and, unless configured otherwise, at most one serious one, whatever the index says.

A click on an area lists them."""

BURNDOWN = """\
**Burndown of the version:** its open bugs at the end of each day (remaining), and what changed that:
above zero added and reopened, below zero done and removed.

done is what was finished or dropped while it was open; removed was moved to another version, deleted or
merged while open. remaining is the day before, plus added and reopened, minus done and removed."""

INTRODUCED = """\
**What was introduced:** the weights of the bugs created in each week, by their severity at that time.
While this does not fall, new bugs come as fast as old ones go, and a version below the gate does not stay
there.

The last week counts what happened so far. Bugs of a severity without a weight are the line unknown."""


ESCAPED = """\
**Found after the release:** which part of the bugs of each version was created after the version's
release, of those that are there at the end of the time range, open or not.

The release is the planned end of the release, else of the iteration, that is called like the version;
versions without such a day are not shown. Where a field says which bugs were found in production, ask for
the escape rate instead: it is measured, this is inferred."""


@REGISTRY.dashboard(
    "release-gate",
    "Release Gate",
    "Whether a version may go out: the defect index against its gate, fatal and serious bugs, what remains.",
)
def release_gate(board: Dashboard) -> Dashboard:
    """Add the answer with its reasons, the index over time and per version, grave bugs, what escaped."""
    return (
        board.with_variable(version())
        .with_panel(_verdict(GridPos(x=0, y=0, w=18, h=6)))
        .with_panel(as_of(2, BUG_COLLECTORS, GridPos(x=18, y=0, w=6, h=6)))
        .with_panel(_now(GridPos(x=0, y=6, w=12, h=4)))
        .with_panel(_grave_now(GridPos(x=12, y=6, w=12, h=4)))
        .with_panel(_index(3, "Defect index against the gate", INDEX, "", GridPos(x=0, y=10, w=12, h=10)))
        .with_panel(
            _index(4, "Defect index by version", BY_VERSION, ",by=version", GridPos(x=12, y=10, w=12, h=10))
        )
        .with_panel(_grave(GridPos(x=0, y=20, w=12, h=9)))
        .with_panel(_burndown(GridPos(x=12, y=20, w=12, h=9)))
        .with_panel(_introduced(GridPos(x=0, y=29, w=12, h=9)))
        .with_panel(_escaped(GridPos(x=12, y=29, w=12, h=9)))
    )


def _verdict(place: GridPos) -> stat.Panel:
    panel = numbers(9, "Go or no-go", VERDICT, place).decimals(1).color_mode(BigValueColorMode.BACKGROUND)
    # The last day's, known or not: an earlier answer is none.
    panel.with_target(Expression(f"@tapd.bugs.gate/{WHERE}")).reduce_options(last(calc="last"))
    answer = [DynamicConfigValue("displayName", "release"), _mapped("GO", "NO-GO")]
    over = [DynamicConfigValue("unit", "suffix: over"), _mapped("within", None)]
    panel.override_by_regexp(pattern("all"), answer)
    return panel.override_by_regexp(pattern("index", "fatal", "serious"), over)


def _mapped(passes: str, fails: str | None) -> DynamicConfigValue:
    """Return how 0, more and nothing are written; None: as the number itself."""
    told = {"color": FAILS, "index": 1} | ({"text": fails} if fails else {})
    return DynamicConfigValue(
        "mappings",
        [
            {"type": "value", "options": {"0": {"color": PASSES, "index": 0, "text": passes}}},
            {"type": "range", "options": {"from": LEAST, "to": None, "result": told}},
            {
                "type": "special",
                "options": {"match": "null+nan", "result": {"color": GREY, "index": 2, "text": "not known"}},
            },
        ],
    )


def _now(place: GridPos) -> stat.Panel:
    panel = numbers(1, "The gate in numbers", NOW, place).decimals(1)
    _gate(panel.with_target(Expression(f"@tapd.bugs.di/{WHERE}")))
    index = [DynamicConfigValue("displayName", "index"), fixed(BACKLOG)]
    return panel.override_by_regexp(pattern("all"), index)


def _grave_now(place: GridPos) -> stat.Panel:
    panel = numbers(10, "Fatal and serious bugs now", GRAVE_NOW, place)
    return coloured(panel.with_target(Expression(GRAVE_BUGS)), SEVERITIES)


def _index(number: int, title: str, text: str, more: str, place: GridPos) -> Panel:
    panel = lines(number, title, text, place).decimals(1).axis_label("weight")
    panel.with_target(Expression(f"@tapd.bugs.di/{WHERE}{more}"))
    panel.override_by_regexp(pattern("all"), [DynamicConfigValue("displayName", "index"), fixed(BACKLOG)])
    panel.override_by_regexp("/^gate(\\/|\\.|$)/", [DASHED])
    return _gate(panel)


def _gate(panel: Coloured) -> Coloured:
    return coloured(panel.override_by_regexp("/^gate(\\/|\\.|$)/", [fixed(GATE)]), {"unknown": GREY})


def _grave(place: GridPos) -> Panel:
    panel = areas(5, "Open fatal and serious bugs", GRAVE, place)
    return coloured(panel.with_target(Expression(GRAVE_BUGS)), SEVERITIES)


def _burndown(place: GridPos) -> Panel:
    panel = bars(6, "Burndown of the version", BURNDOWN, place)
    panel.with_target(Expression(f"@tapd.version.burndown/{WHERE},of=bugs"))
    coloured(panel, REMAINING | SHRINKING).override_by_regexp(pattern(*SHRINKING), DOWNWARD)
    return panel.override_by_regexp(pattern("remaining"), OVER_BARS)


def _introduced(place: GridPos) -> Panel:
    panel = bars(7, "Weight of the bugs created per week", INTRODUCED, place).decimals(1).axis_label("weight")
    panel.with_target(Expression(f"@tapd.bugs.di.introduced/{WHERE},step=1w"))
    created = [DynamicConfigValue("displayName", "introduced"), fixed(LEDGER["created"])]
    return coloured(panel, {"unknown": GREY}).override_by_regexp(pattern("all"), created)


def _escaped(place: GridPos) -> bargauge.Panel:
    panel = ranking(8, "Found after the release, by version", ESCAPED, place).unit(RATIO).decimals(1).max(1)
    panel.with_target(Expression(f"@tapd.bugs.escape.version/{WHERE},by=version"))
    # Without the numbers of bugs that nothing can be said of.
    return panel.reduce_options(last("/^(?!.*undated_n$)/"))
