"""The house's panels: the SDK's builders with the settings that all dashboards share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

from grafana_foundation_sdk.builders import bargauge, common, dashboard, stat, timeseries
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BigValueGraphMode,
    BigValueTextMode,
    GraphDrawStyle,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    GridPos,
)

from dashboards.colours import GREY, STAGES, fixed, pattern, stage_words
from dashboards.queries import SOURCE, Expression

Coloured = TypeVar("Coloured", timeseries.Panel, stat.Panel, bargauge.Panel)
# Counts with thousands separators, never abbreviated to "1.2 K".
COUNT = "locale"
SECONDS = "s"
RATIO = "percentunit"
# Percentiles, the farther the darker, and beside them how many items they are of.
QUANTILES = {"p50": "#5794F2", "p85": "#FF9830", "p95": "#F2495C", "max": "#AD0317"}
NUMBERS = [
    DynamicConfigValue("unit", COUNT),
    DynamicConfigValue("decimals", 0),
    DynamicConfigValue("custom.drawStyle", "bars"),
    DynamicConfigValue("custom.fillOpacity", 15),
    DynamicConfigValue("custom.lineWidth", 0),
    DynamicConfigValue("custom.axisPlacement", "right"),
    DynamicConfigValue("custom.axisLabel", "items"),
    fixed(GREY),
]
HIDDEN = [DynamicConfigValue("custom.hideFrom", {"legend": True, "tooltip": True, "viz": True})]
# A line over stacked bars.
OVER_BARS = [
    DynamicConfigValue("custom.drawStyle", "line"),
    DynamicConfigValue("custom.lineWidth", 2),
    DynamicConfigValue("custom.fillOpacity", 0),
    DynamicConfigValue("custom.stacking", {"mode": "none", "group": "B"}),
]
DOWNWARD = [DynamicConfigValue("custom.transform", "negative-Y")]


def lines(number: int, title: str, description: str, place: GridPos) -> timeseries.Panel:
    """Return a time series panel of counts as lines from zero.

    `number` is the panel's id, unique in its dashboard and never to change: links and alerts go by it.
    """
    return _series(number, title, description, place).min(0)


def _series(number: int, title: str, description: str, place: GridPos) -> timeseries.Panel:
    return (
        timeseries.Panel()
        .id(number)
        .title(title)
        .description(description)
        .grid_pos(place)
        .datasource(SOURCE)
        .unit(COUNT)
        .decimals(0)
        .color_scheme(_palette())
        .legend(_legend(["lastNotNull"]))
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.NONE))
        .draw_style(GraphDrawStyle.LINE)
        .line_width(2)
        .fill_opacity(0)
        .show_points(VisibilityMode.NEVER)
        # A gap is what nobody looked at; a line across it would claim to know.
        .span_nulls(False)
        .axis_label("bugs")
    )


def areas(number: int, title: str, description: str, place: GridPos) -> timeseries.Panel:
    """Return a time series panel of counts as stacked areas, the first series at the bottom."""
    return _stacked(lines(number, title, description, place).line_width(1).fill_opacity(80))


def bars(number: int, title: str, description: str, place: GridPos) -> timeseries.Panel:
    """Return a time series panel of counts per bucket as stacked bars, with their sums in the legend.

    The axis may go below zero, for series that are drawn downward.
    """
    panel = _series(number, title, description, place).draw_style(GraphDrawStyle.BARS).line_width(0)
    return _stacked(panel.fill_opacity(80)).legend(_legend(["sum"]))


def quantiles(number: int, title: str, description: str, place: GridPos, unit: str) -> timeseries.Panel:
    """Return a time series panel of percentiles in a unit, with points where a bucket stands alone.

    How many items they are of (`n`, `skipped_n` and such) stands behind them as bars.
    """
    panel = lines(number, title, description, place).unit(unit).decimals(1).axis_label("")
    coloured(panel.show_points(VisibilityMode.AUTO), QUANTILES)
    return panel.override_by_regexp("/^(n|[a-z]+_n)(\\.[a-z.]+)?$/", NUMBERS)


def numbers(number: int, title: str, description: str, place: GridPos) -> stat.Panel:
    """Return a panel of single numbers, one per series: its last value."""
    return (
        stat.Panel()
        .id(number)
        .title(title)
        .description(description)
        .grid_pos(place)
        .datasource(SOURCE)
        .unit(COUNT)
        .decimals(0)
        .color_scheme(_palette())
        .graph_mode(BigValueGraphMode.NONE)
        .text_mode(BigValueTextMode.VALUE_AND_NAME)
        .orientation(VizOrientation.AUTO)
        .reduce_options(last())
    )


def dated(
    number: int, title: str, description: str, place: GridPos, asked: str, dates: Mapping[str, str]
) -> stat.Panel:
    """Return a panel of single numbers, of which those in `dates` are days, shown by the names given there.

    The API tells days as epoch seconds, Grafana reads milliseconds. It can multiply only by names, so the
    names are cut to the endpoints before, whatever the datasource.
    """
    counter = asked.partition("/")[0].partition(".")[2]
    short = {"regex": f"/^(.*)\\.{re.escape(counter)}.*$/", "renamePattern": "$1"}
    steps = [DataTransformerConfig("renameByRegex", options=short)]
    for endpoint, name in dates.items():
        product = {"left": endpoint, "operator": "*", "right": "1000", "reducer": "sum"}
        options = {"mode": "binary", "binary": product, "alias": name, "replaceFields": False}
        steps.append(DataTransformerConfig("calculateField", options=options))
    panel = numbers(number, title, description, place).transformations(steps).with_target(Expression(asked))
    hidden = "|".join(re.escape(one) for one in dates)
    panel.reduce_options(last(f"/^(?!({hidden})$).+$/"))
    for name in dates.values():
        panel.override_by_name(name, [DynamicConfigValue("unit", "time:YYYY-MM-DD")])
    return panel


def ranking(number: int, title: str, description: str, place: GridPos) -> bargauge.Panel:
    """Return a panel of horizontal bars, one per series: its last value, in the answer's order."""
    return (
        bargauge.Panel()
        .id(number)
        .title(title)
        .description(description)
        .grid_pos(place)
        .datasource(SOURCE)
        .unit(COUNT)
        .decimals(0)
        .min(0)
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.FIXED).fixed_color("#5794F2"))
        .display_mode(BarGaugeDisplayMode.BASIC)
        .orientation(VizOrientation.HORIZONTAL)
        .reduce_options(last())
    )


def section(number: int, title: str, top: int) -> dashboard.Row:
    """Return the heading of the panels below it, one unit high, to be handed to a board's `with_row`."""
    return dashboard.Row(title).id(number).grid_pos(GridPos(x=0, y=top, w=24, h=1))


def coloured(panel: Coloured, colours: Mapping[str, str]) -> Coloured:
    """Return the panel with each endpoint of `colours` in its colour."""
    for endpoint, colour in colours.items():
        panel.override_by_regexp(pattern(endpoint), [fixed(colour)])
    return panel


def staged(panel: timeseries.Panel) -> timeseries.Panel:
    """Return the panel, whose series are stages, with each stage in its colour."""
    for matcher, colour in stage_words():
        panel.override_by_regexp(matcher, [fixed(colour)])
    return coloured(panel, STAGES)


def without(panel: timeseries.Panel, endpoints: Iterable[str]) -> timeseries.Panel:
    """Return the panel with these endpoints hidden."""
    return panel.override_by_regexp(pattern(*endpoints), HIDDEN)


def _stacked(panel: timeseries.Panel) -> timeseries.Panel:
    return panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL).group("A"))


def _palette() -> dashboard.FieldColor:
    return dashboard.FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC)


def _legend(calcs: list[str]) -> common.VizLegendOptions:
    return (
        common.VizLegendOptions()
        .display_mode(LegendDisplayMode.TABLE)
        .placement(LegendPlacement.RIGHT)
        .show_legend(True)
        .calcs(calcs)
    )


def last(fields: str = "", calc: str = "lastNotNull") -> common.ReduceDataOptions:
    """Return how a series becomes one number: its last value; `fields` matches the names of those shown.

    With `last` it is the last one even where that is nothing.
    """
    return common.ReduceDataOptions().calcs([calc]).fields(fields).values(False)
