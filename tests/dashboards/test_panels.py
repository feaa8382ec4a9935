"""Every panel of every dashboard, in both builds, is complete, and the API would answer it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from metrics_api.catalog import load_catalog
from tests.replay.falcon_plugin import fix_targets
from tests.replay.panels import FALCON, GRAPHITE, panel_requests, panels
from tests.replay.wire import Values, interpolate

BUILDS = {"graphite": GRAPHITE, "fastweb-openfalcon-datasource": FALCON}
BOARDS = [
    pytest.param(plugin, board, id=board["uid"])
    for plugin, boards in BUILDS.items()
    for board in boards.values()
]
PANELS = [
    pytest.param(plugin, board, panel, id=f"{board['uid']}-{panel['id']}")
    for plugin, boards in BUILDS.items()
    for board in boards.values()
    for panel in panels(board)
    if panel["type"] != "row"
]
# Of what is no number of things.
UNITS = {"seconds": "s", "ratio": "percentunit", "hours": "h"}
CHOICES: dict[str, Mapping[str, Values]] = {
    "all": {},
    "one": {
        "Product": "R&D Alpha",
        "Version": "v1.0.0",
        "Iteration": "Sprint 1.2.3.4",
        "Collector": "tapd.bugs",
    },
    "several": {
        "Product": ["A", "B"],
        "Version": ["v1.0.0", "N/A"],
        "Iteration": ["I 1", "I 2"],
        "Collector": ["tapd.bugs", "gitlab.events"],
    },
}


def test_all_dashboards_are_there_in_both_builds_and_can_be_told_apart() -> None:
    assert {board["uid"]: board["title"] for board in GRAPHITE.values()} == {
        "engmetrics-cumulative-flow": "Cumulative Flow",
        "engmetrics-data-health": "Data Health",
        "engmetrics-defect-analysis": "Defect Analysis",
        "engmetrics-iteration": "Iteration",
        "engmetrics-release-gate": "Release Gate",
    }
    assert {board["uid"]: board["title"] for board in FALCON.values()} == {
        "engmetrics-falcon-cumulative-flow": "Cumulative Flow (falcon-plus)",
        "engmetrics-falcon-data-health": "Data Health (falcon-plus)",
        "engmetrics-falcon-defect-analysis": "Defect Analysis (falcon-plus)",
        "engmetrics-falcon-iteration": "Iteration (falcon-plus)",
        "engmetrics-falcon-release-gate": "Release Gate (falcon-plus)",
    }


def test_both_builds_ask_the_same() -> None:
    assert [asked(board) for board in GRAPHITE.values()] == [asked(board) for board in FALCON.values()]


def asked(board: Mapping[str, Any]) -> tuple[object, ...]:
    """Return the questions of a dashboard and where they stand."""
    requests = panel_requests(board, {})
    queries = [(one.number, one.title, one.queries) for one in requests.panels]
    places = [panel["gridPos"] for panel in panels(board)]
    return queries, places, requests.variables, requests.annotations


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("plugin, board, panel", PANELS)
def test_the_catalog_knows_every_target_with_its_variables_filled(
    plugin: str, board: dict[str, Any], panel: dict[str, Any], choice: str
) -> None:
    requests = panel_requests(board, CHOICES[choice])
    (request,) = (one for one in requests.panels if one.number == panel["id"])
    assert request.queries
    for query in request.queries:
        typed = query.target if plugin == "graphite" else fix_targets(query.target)
        filled = interpolate(typed, requests.values)
        assert "$" not in filled
        load_catalog().check(filled)


@pytest.mark.parametrize("plugin, board, panel", PANELS)
def test_a_panel_says_what_it_shows(plugin: str, board: dict[str, Any], panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert len(panel["description"]) > 100
    assert panel["description"].startswith("**")
    assert not re.search(r"[{}]", panel["description"])
    name, _, pairs = panel["targets"][0]["target"].removeprefix("@").partition("/")
    unit = load_catalog().metric(name).unit
    if unit == "items or hours":
        unit = "hours" if "unit=effort" in pairs else "items"
    assert panel["fieldConfig"]["defaults"]["unit"] == UNITS.get(unit, "locale")


@pytest.mark.parametrize("plugin, board, panel", PANELS)
def test_queries_survive_the_editor(plugin: str, board: dict[str, Any], panel: dict[str, Any]) -> None:
    source = {"type": plugin, "uid": "${Datasource}"}
    assert panel["datasource"] == source
    assert [target["refId"] for target in panel["targets"]] == ["A", "B"][: len(panel["targets"])]
    for target in panel["targets"]:
        assert target["textEditor"] is True
        assert target["datasource"] == source
        # "#A" would be a reference to query A, so names are written with dots and in lower case.
        assert re.fullmatch(r"@[a-z]+(\.[a-z]+)+/[^#]+", target["target"])


@pytest.mark.parametrize("plugin, board", BOARDS)
def test_variables_are_filled_from_the_builds_own_datasource(plugin: str, board: dict[str, Any]) -> None:
    datasource, *filters = board["templating"]["list"]
    assert (datasource["name"], datasource["type"], datasource["query"]) == (
        "Datasource",
        "datasource",
        plugin,
    )
    name = "engmetrics" if plugin == "graphite" else "engmetrics-falcon"
    assert datasource["current"] == {"selected": True, "text": name, "value": name}
    queries = {variable["name"]: variable["query"] for variable in filters}
    expected = {"Version": "$bugversion=$Product"}
    if "cumulative-flow" in board["uid"]:
        expected["Iteration"] = "$version=$Product"
    if "iteration" in board["uid"]:
        expected = {"Iteration": "$version=$Product"}
    if "data-health" in board["uid"]:
        expected = {"Collector": "$collector=$Product"}
    assert queries == {"Product": "$product", **expected}
    for variable in filters:
        assert variable["datasource"] == {"type": plugin, "uid": "${Datasource}"}
        # On dashboard load: the plugin's find knows no time range.
        assert variable["refresh"] == 1
        if "iteration" in board["uid"] and variable["name"] == "Iteration":
            # One at a time: Grafana takes the first, which is the newest.
            assert (variable["multi"], variable["includeAll"]) == (False, False)
            assert not {"allValue", "current"} & set(variable)
            continue
        assert (variable["multi"], variable["includeAll"], variable["allValue"]) == (True, True, "*")
        assert variable["current"]["value"] == ["$__all"]


@pytest.mark.parametrize("plugin, board", BOARDS)
def test_a_dashboard_links_to_those_of_its_own_build(plugin: str, board: dict[str, Any]) -> None:
    tag = "engmetrics" if plugin == "graphite" else "engmetrics-falcon"
    assert board["tags"] == [tag]
    assert [link["tags"] for link in board["links"]] == [[tag]]


@pytest.mark.parametrize("plugin, board", BOARDS)
def test_iterations_are_marked_and_other_marks_can_be_switched_on(plugin: str, board: dict[str, Any]) -> None:
    annotations = board["annotations"]["list"]
    assert {one["name"]: one["enable"] for one in annotations} == {
        "Iterations": True,
        "Releases": False,
        "Git tags": False,
        "Not collected": False,
        "Stages changed": False,
    }
    tags = ["iteration", "release", "tag", "gap", "stages"]
    for annotation, tag in zip(annotations, tags, strict=True):
        assert annotation["datasource"] == {"type": plugin, "uid": "${Datasource}"}
        if plugin == "graphite":
            target = {"fromAnnotations": True, "queryType": "tags", "refId": "Anno", "tags": [tag]}
            assert annotation["target"] == target
        else:
            assert (annotation["tags"], "target" in annotation) == (tag, False)


@pytest.mark.parametrize("plugin, board", BOARDS)
def test_panels_do_not_overlap_and_fill_the_width(plugin: str, board: dict[str, Any]) -> None:
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


@pytest.mark.parametrize("boards", BUILDS.values(), ids=BUILDS)
def test_the_bands_are_asked_for_in_the_order_in_which_grafana_stacks_them(
    boards: dict[str, dict[str, Any]],
) -> None:
    bands = [panel for panel in panels(boards["cumulative-flow"]) if "by stage" in panel["title"]]
    assert len(bands) == 2
    for panel in bands:
        assert "order=stacked" in panel["targets"][0]["target"]
        assert panel["fieldConfig"]["defaults"]["custom"]["stacking"]["mode"] == "normal"


def test_stories_and_bugs_have_sections_of_their_own_and_choose_by_their_own_variable() -> None:
    board = GRAPHITE["cumulative-flow"]
    titles = [panel["title"] for panel in panels(board)]
    stories, bugs = titles.index("Stories"), titles.index("Bugs")
    assert titles[stories + 1 : bugs] == [
        "Cumulative flow: stories by stage at the end of the day",
        "Arrivals: stories that reached a stage or went beyond",
        "Work in progress: stories",
        "Age of work in progress: stories",
        "Throughput: stories per week",
        "Lead time: stories",
        "Cycle time: stories",
        "Time in stage: stories",
        "Flow efficiency: stories",
        "Approximate, read off the arrivals: stories",
    ]
    moves = ["Arrivals and departures per day", "Open bugs"]
    of_stories = [title for title in titles[bugs + 1 :] if title not in moves]
    assert [title.replace("bugs", "stories") for title in of_stories] == titles[stories + 1 : bugs]
    for request in panel_requests(board, {}).panels:
        for query in request.queries:
            if query.target.startswith("@health."):
                continue
            story = query.target.startswith("@tapd.stories.")
            assert ("version=$Iteration" if story else "version=$Version") in query.target
