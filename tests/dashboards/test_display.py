"""How Grafana shows the series of each panel: names, colours, hidden and downward ones, in both builds."""

from __future__ import annotations

from typing import Any

import pytest

from dashboards.colours import SEVERITIES
from tests.replay.display import Shown, shown
from tests.replay.panels import FALCON, GRAPHITE, panels
from tests.replay.wire import PanelSeries

PANELS = [
    pytest.param(graphite, falcon, id=f"{slug}-{graphite['id']}")
    for slug in GRAPHITE
    for graphite, falcon in zip(panels(GRAPHITE[slug]), panels(FALCON[slug]), strict=True)
    if graphite["type"] != "row"
]
ENDPOINTS = [
    "all", "closed", "removed", "removed_closed", "fatal", "N/A", "new", "planning", "developing", "resolved",
    "unmapped", "done", "dropped", "待评审", "评审中", "待转测", "测试中", "已上线", "v2.1.0 & 热修",
    "v2.2.0#灰度", "a.b, c+d = {e}", "closed.late",
]  # fmt: skip


# What panels call a series that nothing tells apart.
WHOLE = {
    *("backlog", "came back", "done", "dropped", "found in production", "index", "introduced"),
    *("open", "open now", "release"),
}


def as_graphite(panel: dict[str, Any], endpoint: str) -> Shown:
    """Return how a series of the panel's first query is shown that came from the Graphite datasource."""
    return shown(panel, PanelSeries(f"{endpoint}.{counter(panel)}", [], None, {"series": endpoint}))


def as_falcon(panel: dict[str, Any], endpoint: str) -> Shown:
    """Return how it is shown when it came from the falcon-plus plugin, whose series have no labels."""
    return shown(panel, PanelSeries(f"{endpoint}.{counter(panel)}", []))


def counter(panel: dict[str, Any]) -> str:
    """Return the counter of the panel's first query."""
    name: str = panel["targets"][0]["target"].partition("/")[0]
    return name.partition(".")[2]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("graphite, falcon", PANELS)
def test_a_series_looks_the_same_from_both_datasources(
    graphite: dict[str, Any], falcon: dict[str, Any], endpoint: str
) -> None:
    picture = as_graphite(graphite, endpoint)
    assert as_falcon(falcon, endpoint) == picture
    assert picture.name == endpoint or (endpoint == "all" and picture.name in WHOLE)


@pytest.mark.parametrize("graphite, falcon", PANELS)
def test_names_come_from_labels_or_from_cutting_off_the_counters(
    graphite: dict[str, Any], falcon: dict[str, Any]
) -> None:
    assert "displayName" not in falcon["fieldConfig"]["defaults"]
    if "transformations" in graphite:
        # A panel that calculates has to know the names before.
        assert graphite["transformations"] == falcon["transformations"]
        step, *others = falcon["transformations"]
        assert {one["id"] for one in others} == {"calculateField"}
    else:
        assert graphite["fieldConfig"]["defaults"]["displayName"] == "${__field.labels.series}"
        (step,) = falcon["transformations"]
    assert step["id"] == "renameByRegex"
    assert step["options"]["renamePattern"] == "$1"


def test_a_panel_with_two_queries_cuts_off_both_counters() -> None:
    (trend,) = (panel for panel in panels(FALCON["defect-analysis"]) if panel["title"] == "Defect trend")
    (step,) = trend["transformations"]
    assert step["options"]["regex"] == r"/^(.*)\.(bugs\.change\.daily|bugs\.backlog\.daily)$/"
    assert as_falcon(trend, "v1.bugs.change.daily").name == "v1.bugs.change.daily"


def test_what_shrinks_the_backlog_is_drawn_downward_and_the_rest_hidden() -> None:
    moves = {
        "created", "reopened", "returned", "resolved", "closed", "removed", "removed_closed",
        "moved_in", "moved_out",
    }  # fmt: skip
    for boards, look in ((GRAPHITE, as_graphite), (FALCON, as_falcon)):
        (panel,) = (one for one in panels(boards["cumulative-flow"]) if one["id"] == 3)
        pictures = {name: look(panel, name).properties for name in moves}
        down = {name for name, given in pictures.items() if given.get("custom.transform") == "negative-Y"}
        hidden = {name for name, given in pictures.items() if given.get("custom.hideFrom", {}).get("viz")}
        assert down == {"closed", "removed", "moved_out"}
        assert hidden == {"returned", "resolved", "removed_closed"}


STAGES = {
    "done": "#37872D",
    "closed": "#37872D",
    "dropped": "#8E8E8E",
    "rejected": "#8E8E8E",
    "verified": "#96D98D",
    "resolved": "#5794F2",
    "in_progress": "#FF9830",
    "developing": "#FF9830",
    "new": "#F2495C",
    "planning": "#F2495C",
    "unmapped": "#B877D9",
    "待评审": "#F2B8DD",
    "评审中": "#C15C9E",
    "待开发": "#FFCB7D",
    "开发中": "#FF780A",
    "待转测": "#C0D8FF",
    "测试中": "#1F60C4",
    "Ready for test": "#C0D8FF",
    "In testing": "#1F60C4",
    "待上线": "#A3D9D9",
    "已上线": "#37872D",
    "挂起": "#8F5B2D",
    "已取消": "#8E8E8E",
}


# How a panel's series are called whose target holds this: the stage itself, its limit, its median.
SHAPES = {".flow.cumulative/": ("{}",), ",by=stage": ("{}", "limit/{}"), ".stage.time/": ("{}/p50",)}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_has_one_colour_on_every_panel_of_stages(stage: str) -> None:
    found = [
        (panel["title"], shape, look(panel, shape.format(stage)).colour)
        for boards, look in ((GRAPHITE, as_graphite), (FALCON, as_falcon))
        for board in boards.values()
        for panel in panels(board)
        if panel["type"] != "row"
        for part, shapes in SHAPES.items()
        if part in panel["targets"][0]["target"]
        for shape in shapes
        # Limits stand beside work in progress only.
        if ".wip/" in panel["targets"][0]["target"] or shape != "limit/{}"
    ]
    assert len(found) == 2 * (4 + 2 * 3 + 1 + 2)
    assert {colour for _, _, colour in found} == {STAGES[stage]}


@pytest.mark.parametrize("severity, colour", SEVERITIES.items())
def test_a_severity_has_one_colour_on_every_panel_of_severities(severity: str, colour: str) -> None:
    found = {
        look(panel, name).colour
        for boards, look in ((GRAPHITE, as_graphite), (FALCON, as_falcon))
        for board in boards.values()
        for panel in panels(board)
        if panel["type"] != "row"
        for name in (
            [severity]
            if any(",by=severity" in one["target"] for one in panel["targets"])
            else [f"{severity}/new", f"{severity}/待测试"]
            if ".matrix/" in panel["targets"][0]["target"]
            else []
        )
    }
    assert found == {colour}


def test_every_name_with_a_fixed_colour_has_it_on_every_panel_that_colours_it() -> None:
    colours: dict[str, set[str]] = {}
    for board in (*GRAPHITE.values(), *FALCON.values()):
        for panel in panels(board):
            for override in panel.get("fieldConfig", {}).get("overrides", []):
                for one in override["properties"]:
                    if one["id"] == "color":
                        pattern = override["matcher"]["options"]
                        colours.setdefault(pattern, set()).add(one["value"]["fixedColor"])
    # What nothing tells apart is called something else on each panel.
    assert {pattern for pattern, found in colours.items() if len(found) > 1} == {"/^all(\\.[a-z.]+)?$/"}
    assert colours["/^fatal(\\.[a-z.]+)?$/"] == {"#AD0317"}


def test_a_new_grafana_that_matches_before_it_shortens_names_finds_them_too() -> None:
    bands = next(panel for panel in panels(GRAPHITE["cumulative-flow"]) if panel["id"] == 1)
    unnamed = {**bands, "fieldConfig": {**bands["fieldConfig"], "defaults": {}}}
    assert as_graphite(unnamed, "closed").colour == "#37872D"
    assert as_graphite(unnamed, "closed").name == "closed.bugs.flow.cumulative"
    assert as_graphite(unnamed, "new_closed").colour is None
