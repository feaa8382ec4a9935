"""Panels on how long work takes and how much of it there is, for stories and for bugs alike."""

from __future__ import annotations

from dataclasses import dataclass

from grafana_foundation_sdk.builders import stat
from grafana_foundation_sdk.builders.timeseries import Panel
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue, GridPos

from dashboards.colours import BACKLOG, GREY, LEDGER, STAGES, fixed, pattern
from dashboards.panels import COUNT, RATIO, SECONDS, bars, coloured, lines, numbers, quantiles, staged
from dashboards.queries import Expression

DASHED = DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [10, 10]})


@dataclass(frozen=True)
class Kind:
    """What flows: one and several of it, the filters that choose, and what is particular about it."""

    item: str
    items: str
    where: str
    remark: str


WIP = """\
**Work in progress:** {items} in each stage of work at the end of each day, from the first active stage up
to done. Waiting before the first active stage is backlog, not work in progress.

Dashed lines are the limits of the configuration, today's for the whole time range. They show where every
product in question has one, and only while neither version nor iteration is chosen."""

THROUGHPUT = """\
**Throughput** per week: {items} that came to done, each once, in the week of its last entry to done, if
it is in done at the end of the time range. What was completed and removed later counts.

dropped is the same of those that were rejected or cancelled; they are no throughput. The last week counts
what happened so far."""

LEAD = """\
**Lead time:** from a {item}'s creation to its last entry to done, by the week of that entry. p50 is the
median, 85 of 100 took no longer than p85.

Of {items} in done at the end of the time range; one that was reopened and not done again does not count.
Those done before they were created, by the dates of their changes, have none: `negative_n` tells how many.
`completed_n` are stories whose changes are lost, timed by TAPD's `completed`.
The bars are numbers of {items} (right axis); with fewer than five there is no p85."""

CYCLE = """\
**Cycle time:** from a {item}'s first entry to an active stage to its last entry to done, by the week of
that entry. Time after a reopening counts as well.

Those that never were in an active stage have none: `skipped_n` tells how many; nor have those done before
they were created, by the dates of their changes: `negative_n`. Of those skipped `completed_n` are stories
whose changes are lost. The bars are numbers of {items} (right axis); with fewer than five there is no p85."""

STAGE_TIME = """\
**Time in stage:** how long completed {items} were in each open stage, all their visits together, by the
week of completion: the median.

For each stage those {items} that ever were in it. A stage that takes longer than the work in it needs is
a queue. Statuses without a stage are `unmapped`."""

EFFICIENCY = """\
**Flow efficiency:** which part of its time in active and waiting stages a completed {item} spent in
active ones, by the week of completion: the median, and how many {items} it is of (bars, right axis).

There is none where no stage is configured or guessed as waiting. The rest of the time nobody worked on
it."""

AGE = """\
**Age of work in progress:** how long the {items} in work at the end of each day had been in work by then.

From the first entry to a stage of work since it was last done or dropped: a reopened {item} begins anew.
Today's ages are taken now. The bars are how many there are (right axis); a click on a line lists the
oldest."""

READOFF = """\
**Approximate, read off the arrivals** of the whole time range: the horizontal gap between arriving and
done is the lead time, the slope of done the throughput, the vertical gap the work in the system.

residual is that work minus throughput times lead time: near 0 where Little's Law holds, which it does
only between points of equal work. What {items} really took is lead time and cycle time."""


def wip(number: int, kind: Kind, place: GridPos) -> Panel:
    """Return the panel of work in progress by stage, with the limits."""
    panel = lines(number, f"Work in progress: {kind.items}", _said(WIP, kind), place).axis_label(kind.items)
    staged(panel.with_target(Expression(f"@tapd.{kind.items}.flow.wip/{kind.where},by=stage")))
    coloured(panel, {f"limit/{stage}": colour for stage, colour in STAGES.items()})
    return panel.override_by_regexp("/^limit\\//", [DASHED, DynamicConfigValue("custom.lineWidth", 1)])


def throughput(number: int, kind: Kind, place: GridPos) -> Panel:
    """Return the panel of what was completed per week."""
    panel = bars(number, f"Throughput: {kind.items} per week", _said(THROUGHPUT, kind), place)
    panel.axis_label(kind.items)
    panel.with_target(Expression(f"@tapd.{kind.items}.flow.throughput/{kind.where},step=1w"))
    done = [DynamicConfigValue("displayName", "done"), fixed(LEDGER["closed"])]
    return coloured(panel, {"dropped": GREY}).override_by_regexp(pattern("all"), done)


def lead_time(number: int, kind: Kind, place: GridPos) -> Panel:
    """Return the panel of lead times."""
    return _measured(number, f"Lead time: {kind.items}", LEAD, kind, "lead.time", place)


def cycle_time(number: int, kind: Kind, place: GridPos) -> Panel:
    """Return the panel of cycle times."""
    return _measured(number, f"Cycle time: {kind.items}", CYCLE, kind, "cycle.time", place)


def stage_time(number: int, kind: Kind, place: GridPos) -> Panel:
    """Return the panel of medians of the time in each stage."""
    panel = quantiles(number, f"Time in stage: {kind.items}", _said(STAGE_TIME, kind), place, SECONDS)
    panel.with_target(Expression(f"@tapd.{kind.items}.flow.stage.time/{kind.where},step=1w,q=50"))
    staged(panel)
    coloured(panel, {f"{stage}/p50": colour for stage, colour in STAGES.items()})
    hidden = DynamicConfigValue("custom.hideFrom", {"legend": True, "tooltip": True, "viz": True})
    return panel.override_by_regexp("/\\/n(\\.[a-z.]+)?$/", [hidden])


def efficiency(number: int, kind: Kind, place: GridPos) -> Panel:
    """Return the panel of flow efficiency."""
    panel = quantiles(number, f"Flow efficiency: {kind.items}", _said(EFFICIENCY, kind), place, RATIO)
    return panel.with_target(Expression(f"@tapd.{kind.items}.flow.efficiency/{kind.where},step=1w,q=50"))


def age(number: int, kind: Kind, place: GridPos) -> Panel:
    """Return the panel of ages of work in progress."""
    panel = quantiles(number, f"Age of work in progress: {kind.items}", _said(AGE, kind), place, SECONDS)
    return panel.with_target(Expression(f"@tapd.{kind.items}.flow.age/{kind.where}"))


def readoff(number: int, kind: Kind, place: GridPos) -> stat.Panel:
    """Return the panel of what the arrivals tell, in single numbers."""
    panel = numbers(number, f"Approximate, read off the arrivals: {kind.items}", _said(READOFF, kind), place)
    panel.decimals(1).with_target(Expression(f"@tapd.{kind.items}.flow.readoff/{kind.where},step=all"))
    coloured(
        panel, {"lead_time": BACKLOG, "throughput": LEDGER["closed"], "wip": "#FF9830", "residual": GREY}
    )
    for name, unit in (("lead_time", SECONDS), ("throughput", "suffix: per day"), ("wip", COUNT)):
        panel.override_by_regexp(pattern(name), [DynamicConfigValue("unit", unit)])
    return panel


def _measured(number: int, title: str, text: str, kind: Kind, metric: str, place: GridPos) -> Panel:
    panel = quantiles(number, title, _said(text, kind), place, SECONDS)
    return panel.with_target(Expression(f"@tapd.{kind.items}.flow.{metric}/{kind.where},step=1w,q={{50,85}}"))


def _said(text: str, kind: Kind) -> str:
    return text.format_map(vars(kind))
