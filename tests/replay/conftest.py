"""Fixtures of the replay tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest_asyncio

from tests.replay.recorder import Recorder, recording


@pytest_asyncio.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP session; its defaults stay out of the requests under test."""
    async with aiohttp.ClientSession() as session:
        yield session


@pytest_asyncio.fixture
async def recorder() -> AsyncIterator[Recorder]:
    """A server that records what it is asked."""
    async with recording() as recorder:
        yield recorder
