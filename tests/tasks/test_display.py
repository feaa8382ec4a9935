"""How work is shown: lines in a pipe, bars on a terminal."""

from __future__ import annotations

import asyncio
import os
import pty
import sys
from io import StringIO

import pytest
from rich.console import Console
from rich.progress import Progress

from collectors import Progress as Step
from collectors.display import Bars, Followed, Lines, Runs
from metrics_api.core.leases import Leases
from metrics_api.core.store import Store
from metrics_api.core.tasks import Order, Tasks, progress
from tests.tasks.conftest import Commands


def test_lines_come_at_their_pace_and_what_is_short_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines()
    shown = Runs(lines)
    for done in range(3):
        shown(Step("tapd.bugs", "tapd", "991", done, 3, "pages", 200 * done))
    assert capsys.readouterr().out == ""
    lines.show("a task", 1, 2, "1 of 2 runs", pace_s=0.0)
    lines.say("what stays")
    assert capsys.readouterr().out == "a task: 1 of 2 runs\nwhat stays\n"


def test_a_bar_shows_how_far_it_is_and_goes_when_it_is_full() -> None:
    out = StringIO()
    console = Console(file=out, force_terminal=True, width=120, color_system=None)
    with Progress("{task.description}", "{task.fields[text]}", console=console) as progress:
        shown = Runs(Bars(progress))
        shown(Step("tapd.bug_changes", "tapd", "[991]", 5, 40, "days", 17))
        progress.refresh()
        assert "collect   tapd.bug_changes [991] 5 of 40 days, 17 records" in out.getvalue()
        shown(Step("tapd.bug_changes", "tapd", "[991]", 40, 40, "days", 90))
        assert progress.tasks == []


async def test_each_line_of_a_log_is_shown_once(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    queue, shown = Tasks(store), Followed(Lines())
    name = (await queue.put(Order("collect", "tapd", "tapd", "991")))["_id"]
    lease = await Leases(store).acquire(f"task:{name}")
    assert lease is not None
    await queue.claim(name, lease)
    for line in ("begun", "tapd.bugs 991: 3 records", "tapd.bugs 991: 3 records"):
        await queue.note(name, lease, line, progress=progress(1, 4, "runs", 3, "tapd.bugs 991"))
        shown([await queue.one(name)])
        shown([await queue.one(name)])
    assert capsys.readouterr().out.splitlines() == [
        f"task      {name} begun",
        f"task      {name} tapd.bugs 991: 3 records",
        f"task      {name} tapd.bugs 991: 3 records",
    ]


async def test_a_terminal_gets_bars(engmetrics: Commands, store: Store) -> None:
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "metrics_api", "collect", "--backfill", "--since", "2024-01-31"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        cwd=engmetrics.folder,
        env=engmetrics.environment | {"TERM": "xterm-256color", "COLUMNS": "160"},
    )
    os.close(theirs)
    said = await asyncio.to_thread(_read, ours)
    assert await asyncio.wait_for(process.wait(), 60) == 0
    assert "\x1b[" in said
    assert "━" in said
    assert " runs, " in said


def _read(terminal: int) -> str:
    """What is written to a terminal until its last writer is gone."""
    pieces: list[bytes] = []
    while True:
        try:
            piece = os.read(terminal, 65_536)
        except OSError:
            piece = b""
        if not piece:
            os.close(terminal)
            return b"".join(pieces).decode("utf-8", "replace")
        pieces.append(piece)
