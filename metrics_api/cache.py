"""The cache of answers: bounded, and each answer is computed once however many ask for it at a time."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Cache(Generic[T]):
    """The answers used last, by key; a failed computation is not kept and fails for all who waited."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._found: OrderedDict[Hashable, asyncio.Future[T]] = OrderedDict()
        self.hits = 0
        self.misses = 0

    async def get(self, key: Hashable, compute: Callable[[], Awaitable[T]]) -> T:
        """The answer for a key, computed if need be; a caller that goes away does not disturb the others."""
        future = self._found.get(key)
        if future is None:
            self.misses += 1
            future = asyncio.ensure_future(compute())
            self._found[key] = future
            future.add_done_callback(lambda done: self._settle(key, done))
            if len(self._found) > self._size:
                self._found.popitem(last=False)
        else:
            self.hits += 1
            self._found.move_to_end(key)
        return await asyncio.shield(future)

    def _settle(self, key: Hashable, done: asyncio.Future[T]) -> None:
        if (done.cancelled() or done.exception()) and self._found.get(key) is done:
            del self._found[key]
