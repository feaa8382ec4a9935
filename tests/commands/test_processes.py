"""The commands as somebody types them: real processes, their output and their exit status."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from metrics_api.arguments import parser
from metrics_api.core.days import utc_now
from metrics_api.core.inbox import Inbox
from metrics_api.core.raw import RawStore
from metrics_api.core.schema import Delivery
from metrics_api.core.store import Store

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def engmetrics(mongodb_url: str, database_name: str, tmp_path: Path) -> Command:
    """Run a command on this test's database; keywords are variables of the environment."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("ENGMETRICS_") and name not in ("MONGODB_URI", "PYTHONPATH")
    }
    known = kept | {"MONGODB_URI": mongodb_url, "ENGMETRICS_STORE__DATABASE": database_name}

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "metrics_api", *arguments],
            capture_output=True, text=True, timeout=120, cwd=tmp_path, env=known | environment,
        )  # fmt: skip

    return run


async def test_status_shows_what_webhooks_brought_and_nobody_took(store: Store, engmetrics: Command) -> None:
    for number in (1, 2):
        waiting: Delivery = {
            "_id": f"d{number}",
            "instance": "gitlab",
            "received": int(utc_now().timestamp() * 1000) - 90_000,
            "about": {},
            "size": 2,
            "body": b"{}",
        }
        await Inbox(store, "gitlab").put(waiting)
    done = engmetrics("status")
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == "no collector has run yet: start `engmetrics collect`"
    assert re.fullmatch(
        r"webhooks of gitlab: 2 wait, the first since \d+ s \(`engmetrics collect` takes them\)", second
    )


async def test_the_doctor_ends_with_bad_news_when_something_is_wrong(
    store: Store, engmetrics: Command
) -> None:
    well = engmetrics("doctor")
    assert well.returncode == 0, well.stdout
    assert re.fullmatch(r"0 errors, \d warnings?, \d ok", well.stdout.splitlines()[-1])
    ill = engmetrics("doctor", ENGMETRICS_SERVER__HOST="0.0.0.0", MONGODB_URI="mongodb://me:p4ss:w0rd@host/")
    assert ill.returncode == 1
    assert "p4ss" not in ill.stdout + ill.stderr
    assert "MONGODB_URI (or [store]) cannot be used" in ill.stdout
    assert "error    api              without a token the API listens on this machine only" in ill.stdout
    assert re.fullmatch(r"2 errors, \d warnings?, \d ok", ill.stdout.splitlines()[-1])
    unread = engmetrics("doctor", ENGMETRICS_SERVER__PORT="eighty")
    assert (unread.returncode, unread.stderr) == (1, "")
    assert unread.stdout.startswith("error    settings         environment or flag: server.port: ")


async def test_quarantine_is_listed_and_read_again(store: Store, engmetrics: Command) -> None:
    body = '{"title": "\\u001b[31m产品"}\x1b\n'.encode()
    await RawStore(store).quarantine("raw_tapd_bug", "tapd", "991", "not\nidentified", body, utc_now())
    (there,) = await store.all("quarantine")
    listed = engmetrics("quarantine", "list", "--collection", "raw_tapd_bug")
    head, reason, beginning, total = listed.stdout.splitlines()
    assert re.fullmatch(rf"{there['_id']}  raw_tapd_bug  tapd/991  \d+ s ago", head)
    assert (reason, total) == ("    not\\nidentified", "1 of 1 in quarantine")
    assert beginning == '    {"title": "\\u001b[31m产品"}\\x1b\\n'
    stays = engmetrics("quarantine", "retry", "--all")
    assert stays.returncode == 1
    assert stays.stdout.splitlines() == [
        f"{there['_id']}: stays, no tapd tapd that collects raw_tapd_bug is configured and on",
        "0 gone, 1 stay",
    ]
    gone = engmetrics("quarantine", "purge", "--older-than", "0", "--collection", "raw_tapd_bug")
    assert (gone.returncode, gone.stdout) == (0, "1 deleted\n")
    unknown = engmetrics("quarantine", "retry", "nobody")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "nothing in quarantine is called 'nobody'" in unknown.stderr


@pytest.mark.parametrize("days", ["soon", "1.5", "36526", ""])
def test_what_is_to_be_purged_is_a_number_of_days(days: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["quarantine", "purge", "--older-than", days])
    assert f"{days!r} is no number of days from 0 to 36525" in capsys.readouterr().err


def test_tokens_are_made_without_a_store_or_settings(engmetrics: Command, tmp_path: Path) -> None:
    (tmp_path / "engmetrics.toml").write_text("broken", encoding="utf-8")
    printed = engmetrics("token")
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}\n", printed.stdout)
    files = [str(tmp_path / name) for name in ("a", "b")]
    made = engmetrics("token", "--group", "--file", files[0], "--file", files[1])
    assert made.stdout.splitlines() == [f"a new token is in {name}" for name in files]
    tokens = [Path(name).read_text(encoding="ascii") for name in files]
    assert tokens[0] != tokens[1]
    again = engmetrics("token", "--file", files[0], "--file", f"{files[0]}/token")
    assert again.stdout == f"{files[0]} has a token and keeps it\n"
    assert (again.returncode, "no token can be kept there" in again.stderr) == (2, True)
    assert Path(files[0]).read_text(encoding="ascii") == tokens[0]


def test_a_store_that_is_no_store_is_told_in_words(engmetrics: Command) -> None:
    done = engmetrics("status", MONGODB_URI="mongodb://me:p4ss:w0rd@host/")
    assert done.returncode == 2
    assert done.stderr.startswith("engmetrics: MONGODB_URI (or [store]) cannot be used: ")
    assert "p4ss" not in done.stderr
