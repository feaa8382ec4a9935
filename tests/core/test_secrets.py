"""Secrets: where they come from, and that nobody sees them."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from metrics_api.core.config import Config, GitlabInstance, TapdInstance
from metrics_api.core.errors import ConfigError
from metrics_api.core.security import keep_token, make_token
from metrics_api.core.settings import Settings, WebhookSecret, api_token, load_settings
from metrics_api.core.store import Store


def test_secrets_come_from_the_environment_or_from_files_and_are_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("s3cret\n", encoding="utf-8")
    monkeypatch.setenv("ENGMETRICS_TAPD_MY_TAPD_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("ENGMETRICS_GITLAB_GITLAB_TOKEN", "glpat")
    settings = load_settings()
    found = settings.credentials("tapd", "my-tapd")
    assert (found.token, found.configured) == ("s3cret", True)
    assert "s3cret" not in repr(found)
    assert settings.credentials("gitlab", "gitlab").token == "glpat"
    assert not settings.credentials("tapd", "other").configured


def test_a_secret_file_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGMETRICS_TAPD_TAPD_TOKEN_FILE", "/nowhere/token")
    with pytest.raises(ConfigError, match="ENGMETRICS_TAPD_TAPD_TOKEN_FILE: /nowhere/token cannot be read"):
        load_settings().credentials("tapd", "tapd")


def test_webhooks_have_secrets_of_their_own_by_instance(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("whsec_MDEyMw==\n", encoding="utf-8")
    config = Config(
        tapd=(TapdInstance(name="tapd"), TapdInstance(name="second")),
        gitlab=(GitlabInstance(name="git-lab"), GitlabInstance(name="other")),
    )
    environment = {
        "ENGMETRICS_TAPD_SECOND_WEBHOOK_SECRET": "hush",
        "ENGMETRICS_TAPD_SECOND_WEBHOOK_SIGNING_KEY": "TAPD signs nothing",
        "ENGMETRICS_TAPD_ELSEWHERE_WEBHOOK_SECRET": "of no instance",
        "ENGMETRICS_GITLAB_GIT_LAB_WEBHOOK_SECRET": "token",
        "ENGMETRICS_GITLAB_GIT_LAB_WEBHOOK_SIGNING_KEY_FILE": str(tmp_path / "key"),
        "ENGMETRICS_GITLAB_OTHER_WEBHOOK_SECRET": "",
    }
    settings = Settings(config, environment)
    assert settings.webhook_secrets("tapd") == {"second": WebhookSecret("hush")}
    found = settings.webhook_secrets("gitlab")
    assert found == {"git-lab": WebhookSecret("token", "whsec_MDEyMw==")}
    assert repr(found["git-lab"]) == "WebhookSecret()"


def test_where_nothing_is_configured_webhooks_come_from_an_instance_of_the_default_name() -> None:
    environment = {
        "ENGMETRICS_TAPD_TAPD_WEBHOOK_SECRET": "one",
        "ENGMETRICS_GITLAB_GITLAB_WEBHOOK_SIGNING_KEY": "two",
    }
    settings = Settings(Config(), environment)
    assert settings.webhook_secrets("tapd") == {"tapd": WebhookSecret("one")}
    assert settings.webhook_secrets("gitlab") == {"gitlab": WebhookSecret("", "two")}


def test_a_webhook_secret_that_cannot_be_read_is_told() -> None:
    settings = Settings(Config(), {"ENGMETRICS_GITLAB_GITLAB_WEBHOOK_SECRET_FILE": "/nowhere/hook"})
    with pytest.raises(ConfigError, match="/nowhere/hook cannot be read"):
        settings.webhook_secrets("gitlab")


def test_the_api_token_comes_from_the_environment_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-a-file\n", encoding="utf-8")
    assert api_token({}) == ""
    assert api_token({"ENGMETRICS_API_TOKEN": "plain"}) == "plain"
    assert api_token({"ENGMETRICS_API_TOKEN_FILE": str(tmp_path / "token")}) == "from-a-file"


def test_a_token_is_made_once_and_read_by_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "new" / "token"
    assert keep_token(file)
    first = file.read_text(encoding="ascii")
    assert len(first.strip()) == 43
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not keep_token(file, for_group=True)
    assert (file.read_text(encoding="ascii"), stat.S_IMODE(file.stat().st_mode)) == (first, 0o600)
    assert [one.name for one in file.parent.iterdir()] == ["token"]


@pytest.mark.parametrize("content", ["", " \n"])
def test_a_token_for_a_group_is_read_by_it_as_well_and_an_empty_file_is_filled(
    tmp_path: Path, content: str
) -> None:
    file = tmp_path / "token"
    file.write_text(content, encoding="ascii")
    assert keep_token(file, for_group=True)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert file.read_text(encoding="ascii").strip() != make_token()


def test_line_breaks_around_a_secret_are_no_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("p4ss word\n", encoding="utf-8")
    environment = {
        "ENGMETRICS_TAPD_TAPD_USER": "user\n",
        "ENGMETRICS_TAPD_TAPD_PASSWORD_FILE": str(tmp_path / "password"),
    }
    found = Settings(Config(), environment).credentials("tapd", "tapd")
    assert (found.user, found.password) == ("user", "p4ss word")


@pytest.mark.parametrize("secret", ["two\nlines", "nul\0", "\ud800"])
def test_a_secret_that_no_header_can_hold_is_told_and_not_shown(secret: str) -> None:
    settings = Settings(Config(), {"ENGMETRICS_GITLAB_GITLAB_TOKEN": secret})
    with pytest.raises(ConfigError, match="GITLAB_TOKEN: a secret is one line of text") as refusal:
        settings.credentials("gitlab", "gitlab")
    assert secret not in str(refusal.value)


def test_where_no_token_can_be_kept_that_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"no token can be kept there: (Not a directory|File exists)"):
        keep_token(tmp_path / "file" / "token")


@pytest.mark.parametrize(
    ("uri", "database"),
    [
        ("mongodb://user:p4ss:w0rd@host/", "engmetrics"),
        ("mongodb://user:p4ssw0rd@host:port/", "engmetrics"),
        ("mongodb://host/?tlsCAFile=/nowhere.pem", "engmetrics"),
        ("mongodb://host/", "eng metrics"),
    ],
)
def test_a_store_that_cannot_be_meant_is_told_without_its_password(uri: str, database: str) -> None:
    with pytest.raises(ConfigError, match="cannot be used") as error:
        Store(uri, database)
    assert "p4ss" not in str(error.value)
