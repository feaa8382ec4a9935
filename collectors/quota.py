"""Keeping within an account's quota: never more than so many requests in any window, and a pause for all."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from collectors.shares import BEATS, WORD_BEATS, Account, Need
from metrics_api.core.concurrency import to_the_end
from metrics_api.core.errors import StoreUnavailable

log = logging.getLogger(__name__)

WINDOW_S = 60.0
# What the loop's clock and the server's may differ by over a window.
MARGIN_S = 0.05


class Quota:
    """At most `limit` requests in any `window_s`, on whichever clock they are counted.

    A request holds its place from before it is sent until a window after its answer came: wherever on the
    way the server counted it, no window holds more than `limit`. At most `width` are under way at once; one
    alone after `narrow`. With an `account` the places are shared with all processes that use it, and so are
    pauses; then it is to be closed.
    """

    def __init__(
        self, limit: int, width: int = 2, window_s: float = WINDOW_S, account: Account | None = None
    ) -> None:
        self.limit = limit
        self.window_s = window_s
        self._account = account
        self._ended: deque[float] = deque()
        self._under_way = 0
        self._waiting = 0
        self._width = width
        self._narrow_until = 0.0
        self._paused_until = 0.0
        self._changed = asyncio.Condition()
        # What this process may fill, and until when that holds.
        self._granted = 0 if account else limit
        self._granted_until = 0.0 if account else math.inf
        self._beating: asyncio.Task[None] | None = None
        self._hungry = asyncio.Event()

    def pause(self, seconds: float) -> None:
        """Let nothing through for a while: the upstream said that it was too much."""
        self._paused_until = max(self._paused_until, asyncio.get_running_loop().time() + seconds)
        self._hungry.set()

    def narrow(self, seconds: float) -> None:
        """Send one request at a time for a while: the upstream is overloaded."""
        self._narrow_until = asyncio.get_running_loop().time() + seconds

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Wait for a place and hold it while the request is under way."""
        loop = asyncio.get_running_loop()
        async with self._changed:
            self._waiting += 1
            try:
                while (wait := self._wait(loop.time())) is not None:
                    try:
                        async with asyncio.timeout(wait or None):
                            await self._changed.wait()
                    except TimeoutError:
                        continue
            finally:
                self._waiting -= 1
            self._under_way += 1
        try:
            yield
        finally:
            await to_the_end(self._leave())

    async def aclose(self) -> None:
        """Leave the account's places to other processes; no request may follow."""
        if self._beating is None or self._account is None:
            return
        self._beating.cancel()
        await asyncio.gather(self._beating, return_exceptions=True)
        try:
            await self._account.leave(self._used(asyncio.get_running_loop().time()), self.window_s)
        except StoreUnavailable as error:
            log.warning("places are given back only when they run out: %s", error)

    async def _leave(self) -> None:
        async with self._changed:
            self._under_way -= 1
            self._ended.append(asyncio.get_running_loop().time())
            self._changed.notify_all()

    def _used(self, now: float) -> int:
        """How many places the last window holds."""
        while self._ended and self._ended[0] <= now - self.window_s - MARGIN_S:
            self._ended.popleft()
        return len(self._ended) + self._under_way

    def _wait(self, now: float) -> float | None:
        """Seconds until it may be worth looking again; 0: until something changes; None: go now."""
        used = self._used(now)
        if now < self._paused_until:
            return self._paused_until - now
        width = 1 if now < self._narrow_until else self._width
        if self._under_way >= width:
            return 0.0
        granted = self._granted if now < self._granted_until else 0
        if used < granted:
            return None
        if self._account and used < self.limit:
            self._ask(self._account)
            return 0.0
        if not self._ended:
            return 0.0
        return max(0.001, self._ended[0] + self.window_s + MARGIN_S - now)

    def _ask(self, account: Account) -> None:
        """See that more places are asked for."""
        self._hungry.set()
        if self._beating is None or self._beating.done():
            self._beating = asyncio.create_task(self._beat(account), name="share of a quota")

    async def _beat(self, account: Account) -> None:
        """Say again and again what is needed, until that is nothing."""
        loop = asyncio.get_running_loop()
        beat_s = self.window_s / BEATS
        while True:
            began = loop.time()
            need = Need(self._used(began), self._waiting > 0)
            # Until it is known what is granted no other place is filled.
            self._granted = min(self._granted, need.used)
            helped = False
            try:
                if not need.used and not need.waiting:
                    await account.leave(0, self.window_s)
                    if not self._waiting:
                        return
                    continue
                grant = await account.beat(
                    need, self.limit, self.window_s, max(self._paused_until - began, 0.0)
                )
            except StoreUnavailable as error:
                self._hungry.clear()
                log.warning("the account's quota cannot be shared, requests wait: %s", error)
            else:
                async with self._changed:
                    self._granted, self._granted_until = grant.places, began + WORD_BEATS * beat_s
                    self._paused_until = max(self._paused_until, began + grant.pause_s)
                    # Whoever is still hungry after this says so again.
                    self._hungry.clear()
                    self._changed.notify_all()
                helped = grant.places > need.used
            if helped or not need.waiting:
                try:
                    async with asyncio.timeout(beat_s):
                        await self._hungry.wait()
                except TimeoutError:
                    continue
            else:
                # Nothing is to be had before others give back.
                await asyncio.sleep(beat_s)
