"""The small company and the crowded one, each at two servers."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from simulator import FaultKind
from tests.misbehaviour.office import crowded, small
from tests.misbehaviour.twins import Twins, twins_of


@pytest_asyncio.fixture
async def twins(mongodb_url: str) -> AsyncIterator[Twins]:
    """A company whose lists fit on a page."""
    async with twins_of(small(), mongodb_url) as found:
        yield found


@pytest_asyncio.fixture
async def crowd(mongodb_url: str) -> AsyncIterator[Twins]:
    """A company of which TAPD bears no more than five rows at once: its lists have several pages."""
    async with twins_of(crowded(25, 25), mongodb_url) as found:
        for path in ("/bugs", "/stories", "/tasks", "/bug_changes", "/story_changes", "/task_changes"):
            found.faults.arm(FaultKind.SERVER_ERROR, path, times=None, status=502, limit_at_least=25)
        yield found
