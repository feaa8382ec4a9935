"""Several things at once, and to the end: nothing is left going on."""

from __future__ import annotations

import asyncio

import pytest

from metrics_api.core.concurrency import to_the_end, together


async def test_together_brings_all_in_their_order() -> None:
    async def one(number: int) -> int:
        await asyncio.sleep(0.01 / number)
        return number

    assert await together(one(1), one(2), one(3)) == [1, 2, 3]
    assert await together() == []


class Slow:
    """Takes a while to end when it is cancelled."""

    def __init__(self) -> None:
        self.state = "new"

    async def __call__(self) -> None:
        self.state = "begun"
        try:
            await asyncio.sleep(30)
        finally:
            await asyncio.sleep(0.02)
            self.state = "over"


async def test_of_what_is_done_together_nothing_goes_on_when_one_fails() -> None:
    slow = Slow()

    async def failing() -> None:
        await asyncio.sleep(0)
        raise ValueError("this one")

    with pytest.raises(ValueError, match="this one"):
        await together(slow(), failing())
    assert slow.state == "over"


async def test_of_what_is_done_together_nothing_goes_on_when_it_is_cancelled() -> None:
    slow = [Slow(), Slow()]
    # The first to end is not the last.
    doing = asyncio.create_task(together(asyncio.sleep(30), *(one() for one in slow)))
    await asyncio.sleep(0.01)
    doing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await doing
    assert [one.state for one in slow] == ["over", "over"]


async def test_what_must_come_to_its_end_does_however_often_its_caller_is_cancelled() -> None:
    ended = []

    async def closing() -> str:
        await asyncio.sleep(0.02)
        ended.append("closed")
        return "closed"

    assert await to_the_end(closing()) == "closed"
    doing = asyncio.create_task(to_the_end(closing()))
    await asyncio.sleep(0)
    while not doing.done():
        doing.cancel()
        await asyncio.sleep(0)
    assert doing.cancelled()
    assert ended == ["closed", "closed"]


async def test_what_fails_at_its_end_says_so() -> None:
    async def failing() -> None:
        raise ValueError("no end")

    with pytest.raises(ValueError, match="no end"):
        await to_the_end(failing())
