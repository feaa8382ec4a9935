"""How a command ends that is told to stop: in order, but never waiting long for a store that is away.

With a store that answers all is given back and noted within a moment. Of one that does not each closing step
would wait for its own, and threads of the driver for ever: after a while the process ends as it is. Nothing
is lost by that: leases run out, and what was not acknowledged is done again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger(__name__)

# Containers are killed ten seconds after they were told to stop.
STOP_S = 4.0
SHOW_CURSOR = "\x1b[?25h"


class Stopping:
    """The end of a process."""

    def __init__(self) -> None:
        self._limited = self._endless = False
        self._cut_short_by = 0

    @property
    def status(self) -> int:
        """The exit status: 0, or that of shells, 128 and the signal, where work was cut short."""
        return 128 + self._cut_short_by if self._cut_short_by else 0

    def endless(self) -> None:
        """Say that this command goes on until it is told to stop, which then cuts nothing short."""
        self._endless = True

    def limit(self) -> None:
        """Let the process be over STOP_S after it was told to stop; what it started may outlive it."""
        self._limited = True

    async def until_stopped(self, doing: Coroutine[Any, Any, None]) -> None:
        """Run something until it ends or the process is asked to stop (SIGINT, SIGTERM), which cancels it."""
        task = asyncio.ensure_future(doing)
        loop = asyncio.get_running_loop()
        told: asyncio.Queue[int] = asyncio.Queue()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, told.put_nowait, int(number))
        waiting = asyncio.ensure_future(told.get())
        await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            waiting.cancel()
        else:
            if not self._endless:
                self._cut_short_by = waiting.result()
            if self._limited:
                # A thread: the ends of the loop and of the interpreter wait for those of the driver as well.
                leaving = threading.Timer(STOP_S, _leave, [loop, self.status])
                leaving.daemon = True
                leaving.start()
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
            # What was told to stop at its end is done all the same.
            self._cut_short_by = 0


def _leave(loop: asyncio.AbstractEventLoop, status: int) -> None:
    """End the process as it is, saying what was left undone."""
    left = sorted({_named(task) for task in asyncio.all_tasks(loop)})
    log.warning(
        "stopped without waiting for the store any longer, leases run out by themselves left=%s",
        ", ".join(left) or "connections",
    )
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            if stream.isatty():
                # A progress bar that is not ended leaves it hidden.
                stream.write(SHOW_CURSOR)
            stream.flush()
    os._exit(status)


def _named(task: asyncio.Task[Any]) -> str:
    """The name that a task was given, else that of its coroutine."""
    name = task.get_name()
    return getattr(task.get_coro(), "__qualname__", name) if name.startswith("Task-") else name
