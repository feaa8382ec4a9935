"""The build writes the same JSON every time and tells when the committed JSON is another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.builders import bargauge, table
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.common import BarGaugeSizing
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig, GridPos, Panel

from dashboards import alerts
from dashboards.__main__ import main
from dashboards.build import differences, document, files, write
from dashboards.datasources import PROVISIONING
from dashboards.falcon import Falcon
from dashboards.graphite import Graphite
from dashboards.panels import lines
from dashboards.queries import Expression
from dashboards.registry import Registry, load

PLACE = GridPos(h=8, w=24)


def test_the_committed_json_is_what_the_build_makes() -> None:
    assert differences(files(load()), PROVISIONING) == ""


def test_building_twice_gives_the_same_bytes() -> None:
    assert files(load()) == files(load())


def test_files_end_with_a_newline_and_have_sorted_keys() -> None:
    for name, text in files(load()).items():
        if not name.endswith(".json"):
            continue
        assert text.startswith('{\n  "annotations": {\n')
        assert text.endswith("\n}\n")


def test_check_shows_the_difference_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "--folder", str(tmp_path)]) == 0
    assert main(["build", "--check", "--folder", str(tmp_path)]) == 0
    capsys.readouterr()
    edited = tmp_path / "falcon" / "dashboards" / "cumulative-flow.json"
    edited.write_text(edited.read_text().replace('"title": "Open bugs"', '"title": "Open"'))
    assert main(["build", "--check", "--folder", str(tmp_path)]) == 1
    shown = capsys.readouterr()
    assert '-      "title": "Open",\n+      "title": "Open bugs",\n' in shown.out
    assert "run `python -m dashboards build`" in shown.err


def test_alert_rules_are_checked_with_the_dashboards(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(files(load()), tmp_path)
    rules = tmp_path / "alerting" / "engmetrics.yaml"
    rules.write_text(rules.read_text().replace("$B > 1", "$B > 5"))
    assert main(["build", "--check", "--folder", str(tmp_path)]) == 1
    shown = capsys.readouterr()
    assert '-              expression: "$B > 5"\n+              expression: "$B > 1"\n' in shown.out


def test_alert_rules_are_written_as_yaml_that_says_the_same() -> None:
    document = {"a": [1, {"b": "x: '#\n", "c": []}], "d": {"e": True, "f": None}, "g": [["h"]]}
    assert yaml.safe_load("\n".join(alerts.lines(document))) == document


def test_a_dashboard_built_no_more_is_a_difference_and_is_deleted(tmp_path: Path) -> None:
    built = files(load())
    write(built, tmp_path)
    for folder in ("dashboards", "falcon/dashboards"):
        (tmp_path / folder / "old.json").write_text("{}\n")
        assert f"--- committed/{folder}/old.json" in differences(built, tmp_path)
    write(built, tmp_path)
    slugs = ["cumulative-flow", "data-health", "defect-analysis", "iteration", "release-gate"]
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.json")) == [
        f"{folder}/{slug}.json"
        for folder in ("dashboards", "dashboards/zh", "falcon/dashboards", "falcon/dashboards/zh")
        for slug in slugs
    ]


def test_a_slug_or_title_taken_twice_is_refused() -> None:
    registry = Registry()
    registry.dashboard("one", "One", "First.")(lambda board: board)
    with pytest.raises(ValueError, match="registered twice"):
        registry.dashboard("one", "Other", "Second.")(lambda board: board)
    with pytest.raises(ValueError, match="registered twice"):
        registry.dashboard("other", "One", "Second.")(lambda board: board)
    with pytest.raises(ValueError, match="lower-case words"):
        registry.dashboard("No Slug", "Third", "Third.")(lambda board: board)
    assert [slug for slug, _ in registry] == ["one"]


def test_a_query_that_the_api_would_refuse_stops_the_build() -> None:
    registry = Registry()

    @registry.dashboard("wrong", "Wrong", "Asks for what does not exist.")
    def wrong(board: Dashboard) -> Dashboard:
        panel = lines(1, "Panel", "Description.", PLACE)
        return board.with_panel(panel.with_target(Expression("@tapd.bugs.backlog.daily/colour=red")))

    with pytest.raises(
        ValueError, match=r"'Wrong', panel 'Panel', query A: @tapd\.bugs\.backlog\.daily/colour"
    ):
        files(registry)


def test_panel_types_and_options_newer_than_9_4_are_refused() -> None:
    newer = bargauge.Panel().id(1).title("New").sizing(BarGaugeSizing.MANUAL)
    with pytest.raises(ValueError, match=r"panel 'New': Grafana 9\.4 has no option 'sizing'"):
        _document(newer)
    unlisted = table.Panel().id(1).title("List")
    with pytest.raises(ValueError, match="panel type 'table'"):
        _document(unlisted)
    steps = [DataTransformerConfig("groupToNestedTable", options={})]
    with pytest.raises(ValueError, match="panel 'Panel': is transformation 'groupToNestedTable' in"):
        _document(lines(1, "Panel", "Description.", PLACE).transformations(steps))


def test_a_panel_id_used_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="an id of its own"):
        _document(*(lines(7, "Panel", "Description.", GridPos(h=8, w=12)) for _ in range(2)))


@pytest.mark.parametrize(
    "typed, received",
    [
        ("@tapd.bugs.change.daily/product=A", "@tapd#bugs#change#daily/product=A"),
        ("@x/version=v1.0.0", "@x/version=v1#0#0"),
        ("@x/build=1.2.3.4,ip=10.0.0.1", "@x/build=1.2.3.4,ip=10.0.0.1"),
        ("@x/version=v1.2.3.4.5", "@x/version=v1.2.3.4#5"),
    ],
)
def test_queries_are_checked_as_the_falcon_plus_plugin_rewrites_them(typed: str, received: str) -> None:
    assert Falcon().received(typed) == received


def _document(*panels: Builder[Panel]) -> dict[str, Any]:
    registry = Registry()

    @registry.dashboard("board", "Board", "Only for a test.")
    def board(empty: Dashboard) -> Dashboard:
        for panel in panels:
            empty.with_panel(panel)
        return empty

    ((_, made),) = registry
    return document(made, Graphite())
