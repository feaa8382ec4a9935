"""What Grafana reads at its start: two datasources for two builds, the token, and where the JSON is."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from dashboards.datasources import SOURCES, Datasource
from metrics_api.core.security import identified
from tests.replay.panels import PROVISIONING

# Of the folder mounted at /etc/grafana/provisioning Grafana reads these and nothing else.
READ = {"access-control", "alerting", "dashboards", "datasources", "notifiers", "plugins"}
MOUNTED = "/etc/grafana/provisioning"
DATASOURCES = {
    "graphite": PROVISIONING / "datasources" / "engmetrics.yaml",
    "fastweb-openfalcon-datasource": PROVISIONING / "falcon" / "datasources" / "engmetrics.yaml",
}


def settings(file: Path) -> dict[str, str]:
    """Return the settings of a file with one datasource or provider; nested keys stand beside the others."""
    lines = [
        line for line in file.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")
    ]
    pairs = (line.strip().removeprefix("- ").partition(": ") for line in lines if ": " in line)
    return {key: value.strip('"') for key, _, value in pairs}


def expanded(text: str, environment: Mapping[str, str]) -> str:
    """Return a setting as Grafana reads it: first variables, then files named by `$__file{}`, then `$NAME`.

    Because of that order a variable may itself name the file, and a token may hold no `$`.
    """
    text = re.sub(r"\$(?:__env)?\{([^}]+)\}", lambda match: environment.get(match[1], ""), text)
    text = re.sub(r"\$__file\{([^}]+)\}", lambda match: Path(match[1]).read_text().strip(), text)
    return re.sub(r"\$(\w+)", lambda match: environment.get(match[1], ""), text)


def test_the_build_for_the_plugin_is_read_only_when_its_folder_is_mounted() -> None:
    folders = {path.name for path in PROVISIONING.iterdir() if path.is_dir()}
    assert folders & READ == {"alerting", "dashboards", "datasources"}
    assert folders - READ == {"falcon"}
    assert {path.name for path in (PROVISIONING / "falcon").iterdir()} == {"dashboards", "datasources"}
    read = [path for folder in READ for path in (PROVISIONING / folder).rglob("*")]
    assert not [path for path in read if path.is_file() and "openfalcon" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_a_datasource_is_the_one_that_its_dashboards_choose_first(source: Datasource) -> None:
    provisioned = settings(DATASOURCES[source.plugin])
    assert provisioned["type"] == source.plugin
    assert (provisioned["name"], provisioned["uid"]) == (source.name, source.name)
    # Through Grafana's server: a browser would need the token.
    assert (provisioned["access"], provisioned["editable"]) == ("proxy", "false")


@pytest.mark.parametrize("folder", ["dashboards", "falcon/dashboards"])
def test_dashboards_are_looked_for_where_the_mounted_folder_has_them(folder: str) -> None:
    provider = settings(PROVISIONING / folder / "engmetrics.yaml")
    assert provider["path"] == f"{MOUNTED}/dashboards"


def test_both_may_be_loaded_beside_each_other() -> None:
    for key in ("name", "uid"):
        assert len({settings(file)[key] for file in DATASOURCES.values()}) == 2
    providers = [settings(PROVISIONING / source.folder / "engmetrics.yaml") for source in SOURCES]
    assert [one["name"] for one in providers] == ["engmetrics", "engmetrics-falcon"]
    assert len({one["folder"] for one in providers}) == 2


def test_the_address_comes_from_the_environment() -> None:
    environment = {"ENGMETRICS_URL": "http://engmetrics:8080"}
    addresses = [expanded(settings(file)["url"], environment) for file in DATASOURCES.values()]
    assert addresses == ["http://engmetrics:8080/graphite", "http://engmetrics:8080/api/v1/grafana"]


@pytest.mark.parametrize("file", DATASOURCES.values(), ids=DATASOURCES)
def test_an_api_without_a_token_answers_a_grafana_without_one(file: Path) -> None:
    assert password(file, {}) == ""
    assert identified("", login(file, {})) is not None


@pytest.mark.parametrize("file", DATASOURCES.values(), ids=DATASOURCES)
def test_the_token_is_given_by_a_variable_or_read_from_a_file(file: Path, tmp_path: Path) -> None:
    token = "abc-DEF_123"
    (tmp_path / "token").write_text(f"{token}\n")
    for value in (token, f"$__file{{{tmp_path / 'token'}}}"):
        environment = {"ENGMETRICS_API_TOKEN": value}
        assert password(file, environment) == token
        assert identified(token, login(file, environment)) is not None
    assert identified(token, login(file, {})) is None


def password(file: Path, environment: Mapping[str, str]) -> str:
    """Return the password that Grafana keeps for the datasource."""
    provisioned = settings(file)
    assert (provisioned["basicAuth"], provisioned["basicAuthUser"]) == ("true", "grafana")
    return expanded(provisioned["basicAuthPassword"], environment)


def login(file: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the header that Grafana sends."""
    secret = base64.b64encode(f"grafana:{password(file, environment)}".encode()).decode()
    return {"Authorization": f"Basic {secret}"}
