"""Several things at once, and things that must come to their end, whoever is cancelled meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def together(*doing: Coroutine[Any, Any, T]) -> list[T]:
    """Do several things at once; returns what each brought, in their order.

    None goes on when this ends: where one fails or the caller is cancelled the others are cancelled, and are
    waited for. What failed first is raised.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in doing]
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]


async def to_the_end(doing: Coroutine[Any, Any, T]) -> T:
    """Do something to its end; whoever is cancelled meanwhile is so when it is over."""
    task, cancelled = asyncio.ensure_future(doing), False
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        # Of what failed as well the cancellation is what the caller is to see.
        await asyncio.gather(task, return_exceptions=True)
        raise asyncio.CancelledError
    return task.result()
