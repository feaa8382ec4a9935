"""Keeping within an account's quota: never more than so many requests in any window, and a pause for all."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

WINDOW_S = 60.0
# What the loop's clock and the server's may differ by over a window.
MARGIN_S = 0.05


class Quota:
    """At most `limit` requests in any `window_s`, on whichever clock they are counted.

    A request holds its place from before it is sent until a window after its answer came: wherever on the
    way the server counted it, no window holds more than `limit`. At most `width` are under way at once; one
    alone after `narrow`.
    """

    def __init__(self, limit: int, width: int = 2, window_s: float = WINDOW_S) -> None:
        self.limit = limit
        self.window_s = window_s
        self._ended: deque[float] = deque()
        self._under_way = 0
        self._width = width
        self._narrow_until = 0.0
        self._paused_until = 0.0
        self._changed = asyncio.Condition()

    def pause(self, seconds: float) -> None:
        """Let nothing through for a while: the upstream said that it was too much."""
        self._paused_until = max(self._paused_until, asyncio.get_running_loop().time() + seconds)

    def narrow(self, seconds: float) -> None:
        """Send one request at a time for a while: the upstream is overloaded."""
        self._narrow_until = asyncio.get_running_loop().time() + seconds

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Wait for a place and hold it while the request is under way."""
        loop = asyncio.get_running_loop()
        async with self._changed:
            while (wait := self._wait(loop.time())) is not None:
                try:
                    async with asyncio.timeout(wait or None):
                        await self._changed.wait()
                except TimeoutError:
                    continue
            self._under_way += 1
        try:
            yield
        finally:
            await asyncio.shield(self._leave())

    async def _leave(self) -> None:
        async with self._changed:
            self._under_way -= 1
            self._ended.append(asyncio.get_running_loop().time())
            self._changed.notify_all()

    def _wait(self, now: float) -> float | None:
        """Seconds until it may be worth looking again; 0: until another request ends; None: go now."""
        while self._ended and self._ended[0] <= now - self.window_s - MARGIN_S:
            self._ended.popleft()
        if now < self._paused_until:
            return self._paused_until - now
        width = 1 if now < self._narrow_until else self._width
        if self._under_way >= width:
            return 0.0
        if len(self._ended) + self._under_way < self.limit:
            return None
        if not self._ended:
            return 0.0
        return max(0.001, self._ended[0] + self.window_s + MARGIN_S - now)
