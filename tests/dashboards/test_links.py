"""Panels lead to the items behind their numbers, through the datasource and with what was chosen."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from metrics_api.catalog import load_catalog
from metrics_api.routes.items import OWN
from metrics_api.routes.metrics import expression
from metrics_api.routes.parameters import Parameters
from tests.replay.display import shown
from tests.replay.panels import FALCON, GRAPHITE, panels
from tests.replay.wire import PanelSeries

PANELS = [
    pytest.param(panel, id=f"{board['uid']}-{panel['id']}")
    for boards in (GRAPHITE, FALCON)
    for board in boards.values()
    for panel in panels(board)
    if panel["type"] != "row"
]
# What Grafana puts in for its variables.
FILLED = {
    "${Product:percentencode}": "%7BA%2CB%7D",
    "${Version:percentencode}": "%2A",
    "${Iteration:percentencode}": "Sprint%201",
    "${__field.displayName:percentencode}": "R%26D",
    "${__value.time}": "1772380800000",
    "${__from}": "1772380800000",
    "${__to}": "1772380800000",
}


def links(panel: dict[str, Any]) -> list[dict[str, Any]]:
    """The link of a panel's series, then those of series that have one of their own."""
    config = panel["fieldConfig"]
    properties = [one for override in config["overrides"] for one in override["properties"]]
    own = [link for one in properties if one["id"] == "links" for link in one["value"]]
    return [*config["defaults"].get("links", []), *own]


def asked(panel: dict[str, Any], place: int = 0) -> dict[str, str]:
    """The parameters of a panel's link as the API gets them."""
    link = links(panel)[place]
    url = link["url"].removeprefix("/api/datasources/proxy/uid/${Datasource}/")
    assert url != link["url"]
    assert link["targetBlank"] is True
    for variable, value in FILLED.items():
        url = url.replace(variable, value)
    assert "$" not in url
    assert urlsplit(url).path == "items"
    return dict(parse_qsl(urlsplit(url).query, strict_parsing=True))


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_whose_metric_names_its_items_has_a_link_that_the_api_understands(
    panel: dict[str, Any],
) -> None:
    names = [row["target"].removeprefix("@").partition("/")[0] for row in panel["targets"]]
    listed = [name for name in names if name in load_catalog().listed]
    assert bool(links(panel)) == bool(listed)
    # Each query has a link.
    assert {asked(panel, place)["metric"] for place in range(len(links(panel)))} == set(listed)
    for place, link in enumerate(links(panel)):
        given = asked(panel, place)
        assert given["product"] == "{A,B}"
        pairs = {key: [value] for key, value in given.items() if key not in OWN}
        load_catalog().check(expression(given["metric"], Parameters(pairs)))
        reduced = panel["type"] in ("stat", "bargauge")
        assert ("at=${__to}" if reduced else "at=${__value.time}") in link["url"]


def test_a_series_leads_to_its_own_items() -> None:
    def narrowed(slug: str, title: str) -> dict[str, str]:
        (panel,) = (one for one in panels(GRAPHITE[slug]) if one["title"] == title)
        return {key: value for key, value in asked(panel).items() if value == "R&D"}

    for slug, title in (
        ("cumulative-flow", "Cumulative flow: bugs by stage at the end of the day"),
        ("cumulative-flow", "Arrivals: stories that reached a stage or went beyond"),
        ("cumulative-flow", "Approximate, read off the arrivals: stories"),
        ("iteration", "Burn-up: stories"),
        ("iteration", "Scope change: bugs"),
        ("cumulative-flow", "Work in progress: stories"),
        ("cumulative-flow", "Age of work in progress: stories"),
        ("defect-analysis", "Open bugs by severity"),
        ("defect-analysis", "Bugs per version"),
        ("defect-analysis", "Fix time"),
        ("defect-analysis", "Open bugs by severity and stage"),
        ("defect-analysis", "Open bugs by age in days"),
        ("defect-analysis", "The time range in numbers"),
        ("release-gate", "Go or no-go"),
    ):
        assert narrowed(slug, title) == {"series": "R&D"}, title
    assert narrowed("cumulative-flow", "Open bugs") == {}
    # Its dates have names of their own.
    assert narrowed("iteration", "Forecast: stories") == {}


def test_a_line_of_the_configuration_leads_nowhere() -> None:
    def led(slug: str, title: str, endpoint: str) -> Any:
        (panel,) = (one for one in panels(GRAPHITE[slug]) if one["title"] == title)
        series = PanelSeries(endpoint, [], None, {"series": endpoint})
        return shown(panel, series).properties.get("links")

    for title in ("Defect index by version", "Defect index against the gate", "The gate in numbers"):
        assert led("release-gate", title, "gate") == led("release-gate", title, "gate/产品") == []
        assert led("release-gate", title, "gateway") is led("release-gate", title, "unknown") is None
    limited = "Work in progress: bugs"
    assert led("cumulative-flow", limited, "limit/new") == []
    assert led("cumulative-flow", limited, "new") is None


def test_what_a_panel_renames_leads_to_all_of_its_items() -> None:
    def renamed(slug: str, title: str) -> tuple[dict[str, str], dict[str, str]]:
        (panel,) = (one for one in panels(GRAPHITE[slug]) if one["title"] == title)
        return asked(panel), asked(panel, 1)

    moves, backlog = renamed("defect-analysis", "Defect trend")
    assert (moves["metric"], moves["series"]) == ("tapd.bugs.change.daily", "R&D")
    assert (backlog["metric"], "series" in backlog) == ("tapd.bugs.backlog.daily", False)
    remaining, pace = renamed("iteration", "Forecast: stories")
    assert ("series" in remaining, pace["series"]) == (False, "n")
    conditions, whole = renamed("release-gate", "Go or no-go")
    assert {conditions["metric"], whole["metric"]} == {"tapd.bugs.gate"}
    assert "series" not in whole


@pytest.mark.parametrize("boards", [GRAPHITE, FALCON], ids=["graphite", "falcon"])
def test_every_panel_on_defects_leads_to_what_is_behind_it(boards: dict[str, dict[str, Any]]) -> None:
    health = boards["data-health"]["uid"]
    for slug in ("defect-analysis", "release-gate"):
        for panel in panels(boards[slug]):
            if panel["type"] == "row" or links(panel):
                continue
            if panel["title"] == "Data as of … ago":
                (link,) = panel["links"]
                assert link["url"] == f"/d/{health}?${{__url_time_range}}&${{__all_variables}}"
            else:
                # Events are no items: GitLab has the list.
                assert panel["title"] == "GitLab activity"


def test_the_ranges_own_items_are_asked_for_with_the_range() -> None:
    bands = [one for one in panels(GRAPHITE["cumulative-flow"]) if one["title"].startswith("Cumulative flow")]
    assert [asked(one)["done_from"] for one in bands] == ["range", "range"]
    assert all(re.search(r"[&?]from=\$\{__from\}", links(one)[0]["url"]) for one in bands)
