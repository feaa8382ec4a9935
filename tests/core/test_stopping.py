"""The exit status of a command that is told to stop."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from metrics_api.stopping import Stopping

SIGNALS = (signal.SIGINT, signal.SIGTERM)


async def _told(number: signal.Signals) -> None:
    """Be told to stop, and wait for it."""
    os.kill(os.getpid(), number)
    await asyncio.sleep(30)


@pytest.mark.parametrize("number", SIGNALS)
async def test_what_is_cut_short_has_the_status_of_its_signal(number: signal.Signals) -> None:
    stopping = Stopping()
    await stopping.until_stopped(_told(number))
    assert stopping.status == {signal.SIGINT: 130, signal.SIGTERM: 143}[number]


@pytest.mark.parametrize("number", SIGNALS)
async def test_what_goes_on_until_it_is_told_to_stop_is_not_cut_short(number: signal.Signals) -> None:
    stopping = Stopping()
    stopping.endless()
    await stopping.until_stopped(_told(number))
    assert stopping.status == 0


async def test_what_ends_by_itself_or_was_at_its_end_when_told_is_not_cut_short() -> None:
    async def ends() -> None:
        await asyncio.sleep(0)

    async def at_its_end() -> None:
        try:
            await _told(signal.SIGTERM)
        except asyncio.CancelledError:
            return

    for one in (ends(), at_its_end()):
        stopping = Stopping()
        await stopping.until_stopped(one)
        assert stopping.status == 0


async def test_what_fails_while_it_is_stopped_says_so() -> None:
    async def failing() -> None:
        try:
            await _told(signal.SIGTERM)
        finally:
            raise ValueError("not closed")

    with pytest.raises(ValueError, match="not closed"):
        await Stopping().until_stopped(failing())
