"""The Chinese dashboards are the English ones with Chinese words, each a dashboard of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from dashboards.chinese import TEXTS, TITLES, translated
from dashboards.graphite import Graphite
from tests.replay.panels import FALCON, GRAPHITE, built, panels

CHINESE = {"engmetrics": built("dashboards/zh"), "engmetrics-falcon": built("falcon/dashboards/zh")}
BUILDS = {"engmetrics": GRAPHITE, "engmetrics-falcon": FALCON}
PAIRS = [
    pytest.param(source, boards[slug], CHINESE[source][slug], id=f"{source}-{slug}")
    for source, boards in BUILDS.items()
    for slug in boards
]
CHARACTERS = re.compile(r"[\u4e00-\u9fff]")
WORDS = {"title", "name", "label", "uid", "tags", "description", "text", "axisLabel"}
CALLED = ("displayName", "custom.axisLabel")
# Names of things, which are the same in any language: code, percentiles, counts, numbers.
NAMES = re.compile(r"`[^`]+`|\b(?:p\d+|[a-z]+_n|(?:moved|removed)_[a-z]+)\b|\d+(?:\.\d+)?")


def rest(value: Any) -> Any:
    """A dashboard without what differs between languages."""
    if isinstance(value, dict):
        if value.get("id") in CALLED:
            return value["id"]
        # A query's refId and a link's url stay, but for the dashboard of the language that it leads to.
        return {key: rest(inner) for key, inner in value.items() if key not in WORDS}
    if isinstance(value, str):
        return re.sub("^suffix: .*", "suffix", value.replace("-zh-", "-"))
    return [rest(inner) for inner in value] if isinstance(value, list) else value


def titles(board: dict[str, Any]) -> Iterator[str]:
    yield board["title"]
    for panel in panels(board):
        yield panel["title"]


def test_every_dashboard_is_there_in_chinese() -> None:
    for source, boards in BUILDS.items():
        assert list(CHINESE[source]) == list(boards)
    assert CHINESE["engmetrics"]["defect-analysis"]["title"] == "缺陷分析"
    assert CHINESE["engmetrics-falcon"]["release-gate"]["title"] == "发布门禁 (falcon-plus)"


@pytest.mark.parametrize("source, english, chinese", PAIRS)
def test_only_words_differ(source: str, english: dict[str, Any], chinese: dict[str, Any]) -> None:
    assert rest(chinese) == rest(english)
    assert all(CHARACTERS.search(title) for title in titles(chinese))
    for variable, before in zip(chinese["templating"]["list"], english["templating"]["list"], strict=True):
        # Queries go by the names of variables.
        assert variable["name"] == before["name"]
        assert CHARACTERS.search(variable["label"])


@pytest.mark.parametrize("source, english, chinese", PAIRS)
def test_descriptions_say_the_same_of_the_same_things(
    source: str, english: dict[str, Any], chinese: dict[str, Any]
) -> None:
    assert CHARACTERS.search(chinese["description"])
    for variable in chinese["templating"]["list"]:
        assert CHARACTERS.search(variable.get("description", "无"))
    for panel, before in zip(panels(chinese), panels(english), strict=True):
        if panel["type"] == "row":
            continue
        assert panel["description"].startswith("**")
        assert len(CHARACTERS.findall(panel["description"])) > 40, panel["title"]
        assert panel["description"].count("\n\n") == before["description"].count("\n\n"), panel["title"]
        assert not re.search(r"[^\n]\n[^\n]|[{}]", panel["description"])
        names = set(NAMES.findall(before["description"]))
        assert names == set(NAMES.findall(panel["description"])), panel["title"]


def test_what_stands_for_numbers_is_chinese_too() -> None:
    (panel,) = (one for one in panels(CHINESE["engmetrics"]["release-gate"]) if one["id"] == 9)
    (answer,) = (
        one["value"]
        for override in panel["fieldConfig"]["overrides"]
        for one in override["properties"]
        if one["id"] == "mappings" and "all" in override["matcher"]["options"]
    )
    passes, fails, unknown = (one["options"] for one in answer)
    assert (passes["0"]["text"], fails["result"]["text"]) == ("可以发布", "不可发布")
    assert (unknown["match"], unknown["result"]["text"]) == ("null+nan", "未知")


@pytest.mark.parametrize("source, english, chinese", PAIRS)
def test_renamed_series_and_axes_have_chinese_names(
    source: str, english: dict[str, Any], chinese: dict[str, Any]
) -> None:
    for panel in panels(chinese):
        config = panel.get("fieldConfig", {"defaults": {}, "overrides": []})
        given = [one for override in config["overrides"] for one in override["properties"]]
        called = [one["value"] for one in given if one["id"] in CALLED]
        axis = config["defaults"].get("custom", {}).get("axisLabel", "")
        assert all(CHARACTERS.search(one) for one in [*called, *([axis] if axis else [])]), panel["title"]


@pytest.mark.parametrize("source, english, chinese", PAIRS)
def test_it_is_a_dashboard_of_its_own_among_those_of_its_language(
    source: str, english: dict[str, Any], chinese: dict[str, Any]
) -> None:
    assert english["uid"].removeprefix(f"{source}-") == chinese["uid"].removeprefix(f"{source}-zh-")
    assert len(chinese["uid"]) <= 40
    assert chinese["tags"] == [f"{source}-zh"]
    assert [link["tags"] for link in chinese["links"]] == [[f"{source}-zh"]]


def test_a_title_without_a_chinese_one_stops_the_build() -> None:
    board = {"uid": "engmetrics-x", "title": "Nowhere to be found", "tags": []}
    with pytest.raises(ValueError, match=r"'Nowhere to be found' has no Chinese words"):
        translated(board, Graphite())


def test_there_are_no_titles_left_over() -> None:
    shown = {title.removesuffix(" (falcon-plus)") for board in GRAPHITE.values() for title in titles(board)}
    assert set(TITLES) == shown
    described = {
        panel["title"] for board in GRAPHITE.values() for panel in panels(board) if panel["type"] != "row"
    }
    assert set(TEXTS) == described
