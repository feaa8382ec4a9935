"""The demo as a newcomer starts it: a process that answers, stops everything and finds its data again."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import requests

from metrics_api.demo import Hooks
from simulator.__main__ import arguments

COMMAND = [sys.executable, "-m", "metrics_api"]


@contextmanager
def demo(data: Path, *flags: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """The demo on a small company, on a free port; killed if the test forgets to stop it."""
    output = data.with_suffix(".log")
    with output.open("w", encoding="utf-8") as sink:
        command = [*COMMAND, "demo", "--data", str(data), "--port", "0", "--bugs", "12", *flags]
        process = subprocess.Popen(command, stdout=sink, stderr=sink, text=True, start_new_session=True)
    try:
        yield process, output
    finally:
        for child in psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []:
            child.kill()
        process.kill()
        process.wait()


def awaited(process: subprocess.Popen[str], output: Path, pattern: str, within_s: float) -> str:
    """The first match in what the demo prints."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        found = re.search(pattern, output.read_text(encoding="utf-8"))
        if found:
            return found.group(1)
        assert process.poll() is None, output.read_text(encoding="utf-8")
        time.sleep(0.1)
    raise AssertionError(output.read_text(encoding="utf-8"))


def flow(url: str) -> list[dict[str, Any]]:
    """The cumulative flow of the last fortnight but today, which goes on changing."""
    form = {"target": "@tapd.bugs.flow.cumulative", "from": "-14d", "until": "-1d"}
    return list(requests.post(f"{url}/graphite/render", data=form, timeout=30).json())


def test_a_secret_that_looks_like_a_flag_is_one_to_the_simulated_company() -> None:
    told = arguments().parse_args(Hooks("http://127.0.0.1:1", "-s --x").flags())
    assert (told.tapd_secret, told.gitlab_token) == ("-s --x", "-s --x")
    assert told.tapd_webhook == "http://127.0.0.1:1/api/v1/tapd/webhook"
    assert told.gitlab_webhook == "http://127.0.0.1:1/api/v1/gitlab/webhook"


def test_the_demo_answers_stops_everything_and_finds_its_data_again(tmp_path: Path) -> None:
    data = tmp_path / "demo"
    with demo(data) as (process, output):
        url = awaited(process, output, r"api +(http://\S+)", 60)
        awaited(process, output, r"(ready +first numbers)", 120)
        first = flow(url)
        assert len(first) >= 7
        assert all(value is not None for row in first for value, _ in row["datapoints"])
        assert sum(value for row in first for value, _ in row["datapoints"]) > 0
        assert "curl -s" in output.read_text(encoding="utf-8")
        taken = subprocess.run(
            [*COMMAND, "demo", "--data", str(tmp_path / "other"), "--port", url.rsplit(":", 1)[1]],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert (taken.returncode, "name another port with --port" in taken.stderr) == (2, True)
        locked = subprocess.run(
            [*COMMAND, "demo", "--data", str(data), "--port", "0"], capture_output=True, text=True, timeout=60
        )
        assert (locked.returncode, f"the data folder {data} is in use" in locked.stderr) == (2, True)
        config = [*("--data", str(data)), *("--config", str(data / "engmetrics.toml"))]
        status = subprocess.run([*COMMAND, "status", *config], capture_output=True, text=True, timeout=60)
        assert re.search(r"^tapd\.bug_changes +20063271 +(success|running)", status.stdout, re.MULTILINE)
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) >= 3
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(30) == 0
        assert [child for child in children if child.is_running()] == []
    with demo(data) as (process, output):
        url = awaited(process, output, r"api +(http://\S+)", 60)
        awaited(process, output, r"(ready +first numbers)", 60)
        assert flow(url) == first
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(30) == 0
    other = subprocess.run(
        [*COMMAND, "demo", "--data", str(data), "--port", "0", "--seed", "8"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (other.returncode, "--bugs 12 --seed 7" in other.stderr) == (2, True)
