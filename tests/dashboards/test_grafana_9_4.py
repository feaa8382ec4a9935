"""The built JSON holds nothing that Grafana 9.4 lacks, by the names in its schema (@grafana/schema)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.replay.panels import FALCON, GRAPHITE, panels

BOARDS = [pytest.param(board, id=board["uid"]) for boards in (GRAPHITE, FALCON) for board in boards.values()]


def names(text: str) -> set[str]:
    """Return the words of a text."""
    return set(text.split())


DASHBOARD = names("""
    annotations description editable fiscalYearStartMonth gnetId graphTooltip id links liveNow panels refresh
    revision schemaVersion snapshot style tags templating time timepicker timezone title uid version weekStart
""")
PANEL = names("""
    datasource description fieldConfig gridPos id interval libraryPanel links maxDataPoints options
    pluginVersion repeat repeatDirection repeatPanelId tags targets thresholds timeFrom timeRegions timeShift
    title transformations transparent type
""")
ROW = names("collapsed datasource gridPos id panels repeat title type")
FIELD = names("""
    color custom decimals description displayName displayNameFromDS filterable links mappings max min noValue
    path thresholds unit writeable
""")
# Of time series; stat and bar gauge have no custom ones.
CUSTOM = names("""
    axisCenteredZero axisColorMode axisGridShow axisLabel axisPlacement axisSoftMax axisSoftMin axisWidth
    barAlignment barMaxWidth barWidthFactor drawStyle fillBelowTo fillColor fillOpacity gradientMode hideFrom
    lineColor lineInterpolation lineStyle lineWidth pointColor pointSize pointSymbol scaleDistribution
    showPoints spanNulls stacking thresholdsStyle transform
""")
OPTIONS = {
    "bargauge": names("displayMode minVizHeight minVizWidth orientation reduceOptions showUnfilled text"),
    "stat": names("colorMode graphMode justifyMode orientation reduceOptions text textMode"),
    "timeseries": names("legend timezone tooltip"),
}
# The target of Graphite annotations and the tags of an Angular datasource's are the datasource's own.
ANNOTATION = names("builtIn datasource enable hide iconColor name rawQuery showIn target type tags")
VARIABLE = names("""
    allValue current datasource definition description global hide id includeAll index label multi name
    options query refresh regex skipUrlSync sort type
""")
COLOUR_MODES = {"palette-classic", "fixed"}
UNITS = {"h", "locale", "percentunit", "s"}


@pytest.mark.parametrize("board", BOARDS)
def test_a_dashboard_has_no_key_that_9_4_does_not_know(board: dict[str, Any]) -> None:
    assert set(board) <= DASHBOARD
    # The highest schema that 9.4 itself does not migrate from.
    assert board["schemaVersion"] == 36
    for annotation in board["annotations"]["list"]:
        assert set(annotation) <= ANNOTATION
    for variable in board["templating"]["list"]:
        assert set(variable) <= VARIABLE


@pytest.mark.parametrize("board", BOARDS)
def test_a_panel_has_no_key_type_or_colour_mode_that_9_4_does_not_know(board: dict[str, Any]) -> None:
    for panel in panels(board):
        if panel["type"] == "row":
            assert set(panel) <= ROW
            # Grafana keeps panels inside a row only while it is collapsed.
            assert panel["collapsed"] == bool(panel["panels"])
            continue
        assert set(panel) <= PANEL
        assert set(panel["options"]) <= OPTIONS[panel["type"]]
        defaults = panel["fieldConfig"]["defaults"]
        assert set(defaults) <= FIELD
        assert set(defaults.get("custom", {})) <= (CUSTOM if panel["type"] == "timeseries" else set())
        assert defaults["color"]["mode"] in COLOUR_MODES
        assert defaults["unit"] in UNITS
        assert {step["id"] for step in panel.get("transformations", [])} <= {
            "calculateField",
            "renameByRegex",
        }


@pytest.mark.parametrize("board", BOARDS)
def test_overrides_go_by_names_and_set_what_9_4_has(board: dict[str, Any]) -> None:
    for matcher, properties in overrides(board):
        assert matcher["id"] in ("byName", "byRegexp")
        for one in properties:
            group, _, name = one["id"].rpartition(".")
            assert name in (CUSTOM if group == "custom" else FIELD)
            if one["id"] == "color":
                assert one["value"]["mode"] in COLOUR_MODES


def overrides(board: dict[str, Any]) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Yield (matcher, properties) of every override."""
    for panel in panels(board):
        for override in panel.get("fieldConfig", {}).get("overrides", []):
            yield override["matcher"], override["properties"]
