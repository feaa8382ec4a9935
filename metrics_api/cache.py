"""The cache of answers: bounded, and each answer is computed once however many ask for it at a time."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Cache(Generic[T]):
    """The answers used last, by key; a failed computation is not kept and fails for all who waited.

    `limit` bounds the sum of what `weigh` says of each answer.
    """

    def __init__(self, limit: int, weigh: Callable[[T], int]) -> None:
        self._limit = limit
        self._weigh = weigh
        self._found: OrderedDict[Hashable, asyncio.Future[T]] = OrderedDict()
        self._weight = 0

    async def get(self, key: Hashable, compute: Callable[[], Awaitable[T]]) -> T:
        """The answer for a key, computed if need be; a caller that goes away does not disturb the others."""
        future = self._found.get(key)
        if future is None:
            future = asyncio.ensure_future(compute())
            self._found[key] = future
            future.add_done_callback(lambda done: self._settle(key, done))
        else:
            self._found.move_to_end(key)
        return await asyncio.shield(future)

    def _settle(self, key: Hashable, done: asyncio.Future[T]) -> None:
        if done.cancelled() or done.exception():
            if self._found.get(key) is done:
                del self._found[key]
            return
        self._weight += self._weigh(done.result())
        for oldest, answer in list(self._found.items()):
            if self._weight <= self._limit or answer is done:
                return
            if answer.done():
                del self._found[oldest]
                self._weight -= self._weigh(answer.result())
