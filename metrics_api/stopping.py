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
        self._limited = False

    def limit(self) -> None:
        """Let the process be over STOP_S after it was told to stop; what it started may outlive it."""
        self._limited = True

    async def until_stopped(self, doing: Coroutine[Any, Any, None]) -> None:
        """Run something until it ends or the process is asked to stop (SIGINT, SIGTERM), which cancels it."""
        task = asyncio.ensure_future(doing)
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        waiting = asyncio.ensure_future(stop.wait())
        await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if not task.done():
            if self._limited:
                # A thread: the ends of the loop and of the interpreter wait for those of the driver as well.
                leaving = threading.Timer(STOP_S, _leave, [loop])
                leaving.daemon = True
                leaving.start()
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _leave(loop: asyncio.AbstractEventLoop) -> None:
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
    os._exit(0)


def _named(task: asyncio.Task[Any]) -> str:
    """The name that a task was given, else that of its coroutine."""
    name = task.get_name()
    return getattr(task.get_coro(), "__qualname__", name) if name.startswith("Task-") else name
