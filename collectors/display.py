"""How long work is shown: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from collectors import Progress as Step
from metrics_api.core.task_types import Task, TaskLine
from metrics_api.core.tasks import described

# A bar of which nothing was heard for so long is taken away.
QUIET_S = 30.0
TASK_PACE_S = 10.0


class Display(Protocol):
    """Shows how far pieces of work are, each by its name."""

    def show(self, name: str, done: int, total: int, text: str, pace_s: float = 1.0) -> None:
        """Show a state of a piece of work; `total` is 0 where it is not known."""

    def say(self, line: str) -> None:
        """Print a line that stays."""


def say(line: str) -> None:
    """Print a line. Once nobody reads any more, as behind `| head`, what is left to say is said to nobody."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


class Lines:
    """Prints a line of a piece of work at most every `pace_s`, and none of what is over before that."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}

    def show(self, name: str, done: int, total: int, text: str, pace_s: float = 1.0) -> None:
        """Print a line unless one was just printed."""
        now = time.monotonic()
        before = self._told.setdefault(name, now)
        if now - before >= pace_s:
            self._told[name] = now
            self.say(f"{name}: {text}")

    def say(self, line: str) -> None:
        """Print a line."""
        say(line)


class Bars:
    """A bar for each piece of work, below the lines that stay."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._known: dict[str, TaskID] = {}
        self._heard: dict[str, float] = {}

    def show(self, name: str, done: int, total: int, text: str, pace_s: float = 1.0) -> None:
        """Move the bar; one that is full, or of which nothing is heard any more, goes away."""
        now = time.monotonic()
        self._heard[name] = now
        if name not in self._known:
            self._known[name] = self._bars.add_task(escape(name), total=None, text="")
        self._bars.update(self._known[name], completed=done, total=total or None, text=escape(text))
        for one in [one for one, at in self._heard.items() if now - at > QUIET_S] + [name] * (
            0 < total <= done
        ):
            self._bars.remove_task(self._known.pop(one))
            del self._heard[one]

    def say(self, line: str) -> None:
        """Print a line above the bars."""
        self._bars.console.print(line, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def display() -> Iterator[Display]:
    """What suits the standard output; log lines to a terminal with bars go above them."""
    console = Console()
    if not console.is_terminal or console.is_dumb_terminal:
        yield Lines()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[text]}"),
        TimeElapsedColumn(),
    )
    handlers = [one for one in logging.getLogger().handlers if type(one) is logging.StreamHandler]
    with Progress(*columns, console=console, refresh_per_second=4) as bars:
        before = [handler.setStream(sys.stderr) for handler in handlers]
        try:
            yield Bars(bars)
        finally:
            for handler, stream in zip(handlers, before, strict=True):
                if stream is not None:
                    handler.setStream(stream)


class Runs:
    """Shows how far runs of collectors are."""

    def __init__(self, shown: Display) -> None:
        self._shown = shown

    def __call__(self, step: Step) -> None:
        """Show what a run reports."""
        far = f"{step.done} of {step.total} {step.unit}, " if step.total else ""
        name = f"collect   {step.collector} {step.scope}"
        self._shown.show(name, step.done, step.total, f"{far}{step.records} records")


class Followed:
    """Shows tasks: how far each is, and the lines of its log."""

    def __init__(self, shown: Display) -> None:
        self._shown = shown
        self._last: dict[str, TaskLine] = {}

    def __call__(self, tasks: Sequence[Task]) -> None:
        """Show what is new since the last look."""
        for task in tasks:
            log, last = task["log"], self._last.get(task["_id"])
            for one in log[log.index(last) + 1 :] if last in log else log:
                self._shown.say(f"task      {task['_id']} {one['line']}")
                self._last[task["_id"]] = one
            far = task["progress"]
            if task["state"] == "running" and far["total"]:
                text = f"{far['done']} of {far['total']} {far['unit']}, {far['records']} records"
                if far["at"]:
                    text += f" ({far['at']})"
                name = f"task      {task['_id']} {described(task)}"
                self._shown.show(name, far["done"], far["total"], text, TASK_PACE_S)
