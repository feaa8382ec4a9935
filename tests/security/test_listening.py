"""Where the API listens: without a token on the loopback only."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from requests import HTTPError, get

from metrics_api.client import frame, read_lines
from metrics_api.core.config import Config, Server
from metrics_api.core.errors import ConfigError
from metrics_api.core.security import is_loopback
from metrics_api.core.settings import Settings
from metrics_api.server import listening

TOKEN = {"ENGMETRICS_API_TOKEN": "0123456789abcdef"}
# What a fresh store answers, before and after it was looked at.
NOTHING_YET = r"503: which scopes there are|404: unknown workspace_id '1'"
SERVE = [sys.executable, "-m", "metrics_api", "serve"]


def settings(environment: dict[str, str], **server: Any) -> Settings:
    return Settings(Config(server=Server(port=0, **server)), environment)


@pytest.mark.parametrize(
    ("address", "mine"),
    [
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        ("10.1.2.3", False),
        ("127.0.0.1.example.com", False),
        ("metrics.example.com", False),
    ],
)
def test_what_is_the_loopback(address: str, mine: bool) -> None:
    assert is_loopback(address) is mine


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.5"])
def test_without_a_token_the_loopback_is_fine(host: str) -> None:
    with closing(listening(settings({}, host=host))) as found:
        assert found.getsockname()[0].startswith("127.")


@pytest.mark.parametrize(
    ("host", "port", "says"),
    [
        (
            "[::1]",
            0,
            "cannot listen on [[::1]]:0 (Name or service not known): name an address of this machine",
        ),
        ("192.0.2.1", 0, "cannot listen on 192.0.2.1:0 (Cannot assign requested address): name an address"),
        ("x" * 64 + ".example", 0, "name an address of this machine with --host"),
    ],
)
def test_an_address_that_is_not_ours_is_told_and_not_blamed_on_the_port(
    host: str, port: int, says: str
) -> None:
    with pytest.raises(ConfigError) as refusal:
        listening(Settings(Config(server=Server(host=host, port=port)), TOKEN))
    assert says in str(refusal.value)
    assert "--port" not in str(refusal.value)


def test_a_port_that_is_taken_is_told_with_what_to_do() -> None:
    with closing(listening(settings({}))) as found:
        found.listen()
        port = found.getsockname()[1]
        with pytest.raises(ConfigError, match=f"127.0.0.1:{port} .*: name another port with --port"):
            listening(Settings(Config(server=Server(port=port)), {}))


@pytest.mark.parametrize("host", ["0.0.0.0", ""])
def test_without_a_token_any_other_address_is_refused_in_words(host: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        listening(settings({}, host=host))
    words = str(refusal.value)
    assert words.startswith("without a token the API listens on this machine only, not on 0.0.0.0: ")
    for way in ("ENGMETRICS_API_TOKEN", "engmetrics token --file FILE", "--insecure"):
        assert way in words


# The sockets are bound and never listen: nobody is let in.
@pytest.mark.parametrize(
    ("environment", "server"),
    [(TOKEN, {}), ({}, {"insecure": True}), (TOKEN, {"insecure": True})],
)
def test_with_a_token_or_told_so_any_address_is_fine(
    environment: dict[str, str], server: dict[str, Any]
) -> None:
    with closing(listening(settings(environment, host="0.0.0.0", **server))) as found:
        assert found.getsockname()[0] == "0.0.0.0"


def test_a_token_file_that_is_empty_or_missing_opens_nothing(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(" \n", encoding="utf-8")
    for name, says in (("token", "is empty"), ("missing", "cannot be read")):
        with pytest.raises(ConfigError, match=says):
            listening(settings({"ENGMETRICS_API_TOKEN_FILE": str(tmp_path / name)}))


@pytest.mark.parametrize("token", ["two words", "产品", "line\nbreak"])
def test_a_token_that_no_header_can_hold_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(ConfigError, match=r"printable ASCII|one line") as refusal:
        listening(settings({"ENGMETRICS_API_TOKEN": token}))
    assert token not in str(refusal.value)


def clean_environment(**more: str) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("ENGMETRICS_") and name != "MONGODB_URI"
    }
    return kept | more


def test_the_command_refuses_before_it_does_anything_else(tmp_path: Path) -> None:
    done = subprocess.run(
        [*SERVE, "--host", "0.0.0.0", "--port", "0"],
        capture_output=True, text=True, timeout=60, cwd=tmp_path, env=clean_environment(),
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("engmetrics: without a token the API listens on this machine only")
    assert list(tmp_path.iterdir()) == []


def test_the_command_asks_for_the_token_in_a_file(
    tmp_path: Path, mongodb_url: str, database_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "metrics_api", "token", "--file", str(tmp_path / "token")],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    token = (tmp_path / "token").read_text(encoding="ascii").strip()
    assert token not in made.stdout
    environment = clean_environment(
        MONGODB_URI=mongodb_url,
        ENGMETRICS_STORE__DATABASE=database_name,
        ENGMETRICS_API_TOKEN_FILE=str(tmp_path / "token"),
    )
    process = subprocess.Popen(
        [*SERVE, "--port", "0"], stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=environment
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip().removeprefix("engmetrics serves ")
        bugs = f"{url}/api/v1/tapd/bugs"
        assert get(bugs, timeout=30).status_code == 401
        assert get(f"{url}/healthz", timeout=30).status_code == 200
        with pytest.raises(HTTPError, match="401: this API asks for its token"):
            frame(bugs, workspace_id="1")
        with pytest.raises(HTTPError, match="401: this API asks for its token"):
            list(read_lines(bugs, token="wrong", workspace_id="1"))
        with pytest.raises(HTTPError, match=NOTHING_YET):
            list(read_lines(bugs, token=token, workspace_id="1"))
        monkeypatch.setenv("ENGMETRICS_API_TOKEN_FILE", str(tmp_path / "token"))
        with pytest.raises(HTTPError, match=NOTHING_YET):
            frame(bugs, workspace_id="1")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
