"""Every panel of every dashboard is complete, and the API would answer it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from metrics_api.catalog import load_catalog
from tests.replay.panels import panel_requests, panels
from tests.replay.wire import Values, interpolate

FOLDER = Path(__file__).resolve().parents[2] / "grafana-provisioning" / "dashboards"
DASHBOARDS = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))
}
PANELS = [
    pytest.param(board, panel, id=f"{name}-{panel['id']}")
    for name, board in DASHBOARDS.items()
    for panel in panels(board)
]
CHOICES: dict[str, Mapping[str, Values]] = {
    "all": {},
    "one": {"Product": "R&D Alpha", "Version": "v1.0.0"},
    "several": {"Product": ["A", "B"], "Version": ["v1.0.0", "N/A"]},
}
# The panel types of Grafana 9.4 that need no plugin.
CORE_PANELS_OF_9_4 = {
    "alertlist", "annolist", "barchart", "bargauge", "candlestick", "canvas", "dashlist", "flamegraph",
    "gauge", "geomap", "heatmap", "histogram", "logs", "news", "nodeGraph", "piechart", "row", "stat",
    "state-timeline", "status-history", "table", "text", "timeseries", "traces", "xychart",
}  # fmt: skip


def test_both_dashboards_are_there() -> None:
    assert {board["uid"]: board["title"] for board in DASHBOARDS.values()} == {
        "engmetrics-cumulative-flow": "Cumulative Flow",
        "engmetrics-defect-analysis": "Defect Analysis",
    }


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("board, panel", PANELS)
def test_the_catalog_knows_every_target_with_its_variables_filled(
    board: dict[str, Any], panel: dict[str, Any], choice: str
) -> None:
    asked = panel_requests(board, CHOICES[choice])
    (request,) = (one for one in asked.panels if one.number == panel["id"])
    assert request.queries
    for query in request.queries:
        filled = interpolate(query.target, asked.values)
        assert "$" not in filled
        load_catalog().check(filled)


@pytest.mark.parametrize("board, panel", PANELS)
def test_a_panel_says_what_it_shows(board: dict[str, Any], panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert len(panel["description"]) > 100
    assert panel["description"].startswith("**")
    assert panel["fieldConfig"]["defaults"]["unit"] == "locale"


@pytest.mark.parametrize("board, panel", PANELS)
def test_a_panel_is_one_that_grafana_9_4_has(board: dict[str, Any], panel: dict[str, Any]) -> None:
    assert panel["type"] in CORE_PANELS_OF_9_4
    assert not panel.get("transformations")
    assert panel["fieldConfig"]["defaults"]["color"]["mode"] in {"palette-classic", "fixed"}
    assert not {"valueMode", "namePlacement", "sizing", "wideLayout"} & set(panel["options"])
    assert board["schemaVersion"] == 36


@pytest.mark.parametrize("board, panel", PANELS)
def test_queries_survive_the_graphite_editor(board: dict[str, Any], panel: dict[str, Any]) -> None:
    source = {"type": "graphite", "uid": "${Datasource}"}
    assert panel["datasource"] == source
    assert [target["refId"] for target in panel["targets"]] == ["A", "B"][: len(panel["targets"])]
    for target in panel["targets"]:
        assert target["textEditor"] is True
        assert target["datasource"] == source
        # "#A" would be a reference to query A, so names are written with dots and in lower case.
        assert re.fullmatch(r"@[a-z]+(\.[a-z]+)+/[^#]+", target["target"])


@pytest.mark.parametrize("board, panel", PANELS)
def test_legends_show_the_endpoint_alone(board: dict[str, Any], panel: dict[str, Any]) -> None:
    assert panel["fieldConfig"]["defaults"]["displayName"] == "${__field.labels.series}"


@pytest.mark.parametrize("board, panel", PANELS)
def test_overrides_match_an_endpoint_before_and_after_it_is_shortened(
    board: dict[str, Any], panel: dict[str, Any]
) -> None:
    for override in panel["fieldConfig"]["overrides"]:
        assert override["matcher"]["id"] == "byRegexp"
        pattern = override["matcher"]["options"]
        assert pattern.startswith("/^")
        assert pattern.endswith("$/")
        name = pattern.strip("/").removeprefix("^").partition(r"(\.")[0].strip("()").partition("|")[0]
        for shown in (name, f"{name}.bugs.change.daily"):
            assert re.search(pattern[1:-1], shown)
        assert not re.search(pattern[1:-1], f"{name}_closed")


def test_a_name_has_the_same_colour_on_every_panel() -> None:
    colours: dict[str, set[str]] = {}
    for pattern, colour in _colours():
        colours.setdefault(pattern, set()).add(colour)
    assert {pattern for pattern, found in colours.items() if len(found) > 1} == set()
    assert colours["/^fatal(\\.[a-z.]+)?$/"] == {"#AD0317"}
    assert colours["/^closed(\\.[a-z.]+)?$/"] == {"#37872D"}


@pytest.mark.parametrize("board", DASHBOARDS.values(), ids=DASHBOARDS)
def test_variables_are_filled_from_the_graphite_datasource(board: dict[str, Any]) -> None:
    datasource, product, version = board["templating"]["list"]
    assert (datasource["name"], datasource["type"], datasource["query"]) == (
        "Datasource",
        "datasource",
        "graphite",
    )
    assert (product["name"], product["query"]) == ("Product", "$product")
    assert (version["name"], version["query"]) == ("Version", "$bugversion=$Product")
    for variable in (product, version):
        assert variable["datasource"] == {"type": "graphite", "uid": "${Datasource}"}
        assert variable["refresh"] == 1
        assert (variable["multi"], variable["includeAll"], variable["allValue"]) == (True, True, "*")
        assert variable["current"]["value"] == ["$__all"]


@pytest.mark.parametrize("board", DASHBOARDS.values(), ids=DASHBOARDS)
def test_iterations_are_marked(board: dict[str, Any]) -> None:
    (annotation,) = board["annotations"]["list"]
    assert annotation["target"] == {
        "fromAnnotations": True,
        "queryType": "tags",
        "refId": "Anno",
        "tags": ["iteration"],
    }


@pytest.mark.parametrize("board", DASHBOARDS.values(), ids=DASHBOARDS)
def test_panels_do_not_overlap_and_fill_the_width(board: dict[str, Any]) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels(board):
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        taken |= cells
    assert len(taken) == 24 * (1 + max(y for _, y in taken))


def test_the_bands_are_asked_for_in_the_order_in_which_grafana_stacks_them() -> None:
    bands = next(panel for panel in panels(DASHBOARDS["cumulative-flow"]) if panel["id"] == 1)
    assert "order=stacked" in bands["targets"][0]["target"]
    assert bands["fieldConfig"]["defaults"]["custom"]["stacking"]["mode"] == "normal"


def _colours() -> Iterator[tuple[str, str]]:
    for board in DASHBOARDS.values():
        for panel in panels(board):
            for override in panel["fieldConfig"]["overrides"]:
                for one in override["properties"]:
                    if one["id"] == "color":
                        yield override["matcher"]["options"], one["value"]["fixedColor"]
