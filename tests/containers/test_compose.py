"""compose.yaml: valid, locked but for the demo, and in step with what the programs take."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from metrics_api.arguments import parser
from metrics_api.core.config import load_config
from simulator import Company, GitlabAccount, TapdAccount
from simulator.__main__ import arguments
from simulator.products import PRODUCTS

ROOT = Path(__file__).parents[2]
FILE = ROOT / "compose.yaml"
OURS = {"secrets", "api", "collectors", "demo-api", "demo-collectors", "demo-upstreams"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The file as it is read, before variables are filled in."""
    yaml = pytest.importorskip("yaml", reason="PyYAML is not here: pip install pyyaml")
    return dict(yaml.safe_load(FILE.read_text(encoding="utf-8")))


@pytest.mark.parametrize("profile", [[], ["--profile", "demo"]])
def test_docker_compose_takes_it(profile: list[str]) -> None:
    if shutil.which("docker-compose"):
        command = ["docker-compose"]
    elif (
        shutil.which("docker")
        and subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0
    ):
        command = ["docker", "compose"]
    else:
        pytest.skip("neither docker-compose nor docker compose is here: apt-get install docker-compose")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ENGMETRICS_")}
    done = subprocess.run(
        [*command, "--file", str(FILE), *profile, "config"], capture_output=True, text=True, env=kept
    )
    assert done.returncode == 0, done.stderr
    assert "$__file{/run/engmetrics/api-token}" in done.stdout
    assert ("demo-upstreams:" in done.stdout) or not profile


def demo(services: dict[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in services.items() if "demo" in one.get("profiles", ())}


def test_only_the_demo_runs_without_a_token_and_only_for_this_machine(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert set(demo(services)) == {name for name in services if name.split("-")[0] == "demo"}
    for name, one in services.items():
        environment, command = one.get("environment", {}), one.get("command", [])
        open_to_all = "--insecure" in command or "ENGMETRICS_SERVER__INSECURE" in environment
        assert open_to_all == (name == "demo-api"), name
        for port in one.get("ports", ()):
            assert port.startswith("127.0.0.1:") == (name in demo(services)), name
    assert services["api"]["environment"]["ENGMETRICS_API_TOKEN_FILE"] == "/run/engmetrics/api-token"
    assert "ENGMETRICS_API_TOKEN_FILE" not in services["demo-api"]["environment"]
    published = {name for name, one in services.items() if "ports" in one}
    assert published == {"api", "grafana", "demo", "demo-api"}


def test_the_demo_shares_nothing_with_the_rest(compose: dict[str, Any]) -> None:
    services = compose["services"]
    theirs = demo(services)
    mine = {name: one for name, one in services.items() if name not in theirs}

    def used(of: dict[str, Any], what: str) -> set[str]:
        named = {str(one).partition(":")[0] for service in of.values() for one in service.get(what, ())}
        return named & set(compose[what])

    for what in ("networks", "volumes"):
        assert used(mine, what).isdisjoint(used(theirs, what))
        assert used(mine, what) | used(theirs, what) == set(compose[what])
    for name, one in services.items():
        assert (set(one.get("depends_on", ())) <= set(theirs)) or name in mine
        assert set(one.get("depends_on", ())) <= (set(mine) if name in mine else set(theirs))
    assert compose["networks"]["store"] == compose["networks"]["demo-store"] == {"internal": True}
    for name in ("mongo", "demo-mongo"):
        assert services[name]["networks"] == (["store"] if name == "mongo" else ["demo-store"])


def test_our_containers_can_do_little(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert {name for name, one in services.items() if one["image"] == "engmetrics"} == OURS
    for name in OURS:
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]
    for one in services.values():
        assert one["security_opt"] == ["no-new-privileges:true"]
    assert {one["image"] for one in services.values()} == {
        "engmetrics",
        "mongo:8",
        services["grafana"]["image"],
    }
    assert re.fullmatch(r"grafana/grafana:1[0-3]\.\d+\.\d+", services["grafana"]["image"])


def test_every_command_is_one(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name in sorted(OURS - {"demo-upstreams"}):
        assert parser().parse_args(services[name]["command"]).command in ("serve", "collect", "token")
    (line,) = services["demo-upstreams"]["command"]
    flags = line.split(" -m simulator ")[1].replace('"$$(cat born)"', "2026-03-01T08:00:00+00:00").split()
    options = arguments().parse_args(flags)
    assert (options.host, options.tapd_port, options.gitlab_port) == ("0.0.0.0", 9001, 9002)


def test_token_and_password_are_made_before_they_are_read(compose: dict[str, Any]) -> None:
    services = compose["services"]
    made = parser().parse_args(services["secrets"]["command"])
    assert made.group
    assert [str(file) for file in made.file] == [
        services["api"]["environment"]["ENGMETRICS_API_TOKEN_FILE"],
        services["grafana"]["environment"]["GF_SECURITY_ADMIN_PASSWORD__FILE"],
    ]
    assert services["api"]["depends_on"]["secrets"] == {"condition": "service_completed_successfully"}
    assert services["grafana"]["depends_on"] == {"api": {"condition": "service_healthy"}}
    for name in ("api", "grafana"):
        assert "secrets:/run/engmetrics:ro" in services[name]["volumes"]


def test_grafana_is_told_all_that_its_datasource_asks_for(compose: dict[str, Any]) -> None:
    wanted: set[str] = set()
    for file in (ROOT / "grafana-provisioning" / "datasources").glob("*.yaml"):
        lines = [line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
        wanted |= set(re.findall(r"\$\{(\w+)\}", "\n".join(lines)))
    assert "ENGMETRICS_URL" in wanted
    for name in ("grafana", "demo"):
        assert wanted <= set(compose["services"][name]["environment"])
    for name in ("grafana", "demo"):
        for mount in compose["services"][name]["volumes"]:
            source = mount.partition(":")[0]
            assert not source.startswith("./") or (ROOT / source).is_dir()


def test_the_demos_settings_are_those_of_the_simulated_company(compose: dict[str, Any]) -> None:
    config = load_config(ROOT / "containers" / "demo.toml")
    assert config.tapd[0].company_id == Company().company_id
    assert (config.tapd[0].url, config.gitlab[0].url) == (
        "http://demo-upstreams:9001",
        "http://demo-upstreams:9002",
    )
    assert [(one.name, one.workspaces, one.projects) for one in config.product] == [
        (one.name, (one.workspace_id,), tuple(path for _, path in one.repositories)) for one in PRODUCTS
    ]
    environment = compose["services"]["demo-collectors"]["environment"]
    assert environment["ENGMETRICS_TAPD_TAPD_USER"] == TapdAccount().user
    assert environment["ENGMETRICS_TAPD_TAPD_PASSWORD"] == TapdAccount().password
    assert environment["ENGMETRICS_GITLAB_GITLAB_TOKEN"] == GitlabAccount().token


def test_the_example_of_secrets_holds_none() -> None:
    lines = (ROOT / "containers" / "example.env").read_text(encoding="utf-8").splitlines()
    assert all(line == "" or line.startswith("#") for line in lines)
    names = [line[1:-1] for line in lines if re.fullmatch(r"#[A-Z_]+=", line)]
    assert "ENGMETRICS_TAPD_TAPD_TOKEN" in names
    assert "ENGMETRICS_GITLAB_GITLAB_WEBHOOK_SECRET" in names
