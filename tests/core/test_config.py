"""The configuration file and the environment."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path

import pytest
from pydantic import BaseModel

from metrics_api.core.config import (
    Collect,
    Config,
    GitlabInstance,
    Log,
    Product,
    Server,
    Stage,
    StoreSection,
    TapdInstance,
    load_config,
    parse_config,
)
from metrics_api.core.errors import ConfigError
from metrics_api.core.sections import Calendar, DefectIndex, Escape, People
from metrics_api.core.settings import load_settings

EXAMPLE = Path(__file__).parents[2] / "engmetrics.example.toml"


def test_the_example_file_is_valid_and_shows_what_it_says() -> None:
    config = load_config(EXAMPLE)
    assert config.tapd[0].quota_per_minute == 60
    assert config.product[0].name == "Cloud Drive"
    assert [stage.name for stage in config.product[0].stages.bugs] == [
        "new", "fixing", "fixed", "verified", "closed", "rejected",
    ]  # fmt: skip
    assert [stage.name for stage in config.product[0].stages.bugs if stage.resolved] == ["fixed"]
    assert [stage.limit for stage in config.product[0].stages.bugs] == [None, 12, None, None, None, None]
    assert config.product[0].calendar.hours == ((time(9, 30), time(12)), (time(13, 30), time(18, 30)))
    assert (config.product[0].calendar.off, config.people.enabled) == ((date(2026, 12, 31),), False)
    assert config.product[0].defect_index == DefectIndex()
    assert config.product[0].escape == Escape(field="source", production=("线上", "用户反馈"))


@pytest.mark.parametrize(
    "model",
    [
        *(Config, Server, StoreSection, Collect, Log, TapdInstance, GitlabInstance, Product, Stage),
        *(People, Calendar, DefectIndex, Escape),
    ],
)
def test_the_example_file_names_every_key(model: type[BaseModel]) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    for key in model.model_fields:
        assert f"{key} =" in text or f"[{key}]" in text or f"[[{key}]]" in text or f".{key}" in text, key


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("[server]\nport = 8080\nprot = 1\n", 3, "prot: unknown key; known here: host, insecure, port"),
        ("timezone = 'Mars'\n", 1, "unknown time zone 'Mars'"),
        (
            '[[tapd]]\nname = "a"\n[[tapd]]\nname = "b"\nquota_per_minute = 0\n',
            5,
            "greater than or equal to 1",
        ),
        ('[[gitlab]]\nname = "Git Lab"\n', 2, "should match pattern"),
        ('[[tapd]]\nurl = "ftp://tapd"\n', 2, "should match pattern '^https?://'"),
        ('[[tapd]]\nurl = "http://"\n', 2, "not an address such as https://gitlab.example.com"),
        ('[[tapd]]\nurl = "https://exa mple.com"\n', 2, "not an address such as https://"),
        ('[[gitlab]]\nurl = "https://example.com:99999"\n', 2, "not an address such as https://"),
        ('[[gitlab]]\nurl = "https://me:hush@example.com"\n', 2, "no user or password stands in it"),
        ('[[gitlab]]\nurl = "https://example.com/?private_token=x"\n', 2, "an address without ? and #"),
        ('[[tapd]]\nworkspaces = [" "]\n', 2, "at least 1 character"),
        ('[[product]]\nname = "A"\n\n[[product]]\nname = "B"\nworkspace = ["1"]\n', 6, "unknown key"),
        (
            '[[product]]\nname = "A"\n[[product.stages.bugs]]\n'
            'name = "x"\nstatuses = ["new"]\nflag = "doing"\n',
            6,
            "'waiting', 'active', 'done' or 'dropped'",
        ),
        (
            '[[product]]\nname = "A"\n[product.calendar]\nhours = [["18:00", "09:00"]]\n',
            4,
            "spans that follow",
        ),
        ('[[product]]\nname = "A"\n[product.defect_index]\nweights = {fatal = -1}\n', 3, "or equal to 0"),
        ("[log]\nlevle = 'info'\n", 2, "log.levle: unknown key; known here: format, level"),
        ("[store]\nurl = 'x'\n", 2, "store.url: unknown key; known here: data, database, uri"),
        (
            '[[product]]\nname = "A"\n[product.stages]\ntasks = []\n',
            4,
            "product.0.stages.tasks: unknown key; known here: bugs, stories",
        ),
        (
            '[[product]]\nname = "A"\n[[product.stages.bugs]]\n'
            'name = "x"\nstatuses = ["new"]\nflag = "done"\ncolour = "red"\n',
            7,
            "product.0.stages.bugs.0.colour: unknown key; known here: flag, limit, name, resolved, statuses",
        ),
        (
            "surprise = 1\n",
            1,
            "unknown key; known here: collect, gitlab, log, people, product, server, store, tapd, timezone",
        ),
    ],
)
def test_what_is_wrong_is_told_with_line_key_and_what_would_be_right(text: str, line: int, says: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_config(text, "engmetrics.toml")
    assert f"engmetrics.toml, line {line}: " in str(error.value)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[server\n", "not valid TOML"),
        ("[[tapd]]\n[[tapd]]\n", "name 'tapd' is given twice"),
        (
            '[[product]]\nname="A"\nworkspaces=["1"]\n[[product]]\nname="B"\nworkspaces=["tapd:1"]\n',
            "'tapd:1' is given twice",
        ),
        (
            '[[product]]\nname="A"\n[[product.stages.bugs]]\nname="x"\nstatuses=["new"]\nflag="done"\n'
            '[[product.stages.bugs]]\nname="y"\nstatuses=["new"]\nflag="done"\n',
            "status 'new' stands in the list twice",
        ),
    ],
)
def test_contradictions_are_refused(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        parse_config(text, "engmetrics.toml")


def test_flags_win_over_the_environment_and_that_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "engmetrics.toml"
    file.write_text("[server]\nport = 1\nhost = '10.0.0.1'\n[log]\nlevel = 'error'\n", encoding="utf-8")
    monkeypatch.setenv("ENGMETRICS_SERVER__PORT", "2")
    assert load_settings(file).config.server == Server(host="10.0.0.1", port=2)
    assert load_settings(file, {"server": {"port": 3}}).config.server.port == 3
    assert load_settings(file).config.log.level == "error"


def test_an_open_api_is_a_flag_a_variable_or_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "engmetrics.toml"
    file.write_text("[server]\n", encoding="utf-8")
    assert not load_settings(file).config.server.insecure
    assert load_settings(file, {"server": {"insecure": True}}).config.server.insecure
    monkeypatch.setenv("ENGMETRICS_SERVER__INSECURE", "true")
    assert load_settings(file).config.server.insecure
    monkeypatch.setenv("ENGMETRICS_SERVER__INSECURE", "perhaps")
    with pytest.raises(ConfigError, match=r"server\.insecure"):
        load_settings(file)


def test_an_impossible_environment_value_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGMETRICS_SERVER__PORT", "70000")
    with pytest.raises(ConfigError, match=r"server\.port"):
        load_settings()


def test_a_configuration_file_that_is_asked_for_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(tmp_path / "missing.toml")
