"""Gaps: a scope that nobody looked at for long is noted once, whatever happens meanwhile."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from collectors import Page, Since
from collectors.deriving import Deriver
from collectors.runner import Runner
from collectors.tapd_client import TapdClient
from collectors.tapd_plans import Iterations
from collectors.tapd_stories import Stories
from metrics_api.core.config import TapdInstance
from metrics_api.core.errors import Retriable
from metrics_api.core.facts import Facts
from metrics_api.core.leases import Leases
from metrics_api.core.raw import RawStore
from metrics_api.core.store import Store

# 1,772,445,600 in epoch seconds.
START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
EPOCH = 1_772_445_600


class Quiet(Stories):
    """Stories that bring nothing, or fail."""

    failing = False

    async def fetch(self, scope: str, since: Since) -> AsyncGenerator[Page, None]:
        if self.failing:
            raise Retriable("no answer")
        yield Page([])


class QuietIterations(Iterations):
    """Iterations that bring nothing."""

    async def fetch(self, scope: str, since: Since) -> AsyncGenerator[Page, None]:
        yield Page([])


def at(tapd: TapdClient, minutes: int) -> TapdClient:
    """A client of an instance that is read every so many minutes."""
    return TapdClient(TapdInstance(workspaces=("991",), interval_minutes=minutes), tapd.upstream)


async def run(store: Store, unit: Any, after: timedelta) -> dict[str, Any]:
    leases, raw = Leases(store), RawStore(store)
    deriver = Deriver(store, Facts(store, leases), raw, {})
    record = await Runner(store, leases, raw, deriver, clock=lambda: START + after).run(unit, "991")
    assert record is not None
    return record


async def gaps(store: Store) -> list[tuple[int, int]]:
    return sorted((gap["start"] - EPOCH, gap["end"] - EPOCH) for gap in await store.all("gaps"))


@pytest.mark.parametrize(
    ("interval", "minutes", "found"),
    [
        # Three intervals are 30 minutes; more than that is a gap.
        (10, 30, []),
        (10, 31, [(0, 31 * 60)]),
        # Never before half an hour.
        (1, 30, []),
        (1, 31, [(0, 31 * 60)]),
        (60, 180, []),
        (60, 181, [(0, 181 * 60)]),
    ],
)
async def test_a_success_much_later_than_planned_ends_a_gap(
    interval: int, minutes: int, found: list[tuple[int, int]], tapd: TapdClient, store: Store
) -> None:
    unit = Quiet("tapd", at(tapd, interval), store)
    await run(store, unit, timedelta())
    await run(store, unit, timedelta(minutes=minutes))
    assert await gaps(store) == found
    await run(store, unit, timedelta(minutes=minutes + 5))
    assert await gaps(store) == found


async def test_a_gap_says_who_did_not_look_at_what(tapd: TapdClient, store: Store) -> None:
    unit = Quiet("tapd", at(tapd, 10), store)
    await run(store, unit, timedelta())
    await run(store, unit, timedelta(hours=2))
    assert await store.all("gaps") == [
        {
            "_id": "tapd.stories:tapd:991:1772452800",
            "collector": "tapd.stories",
            "instance": "tapd",
            "scope": "991",
            "start": 1772445600,
            "end": 1772452800,
        }
    ]


async def test_runs_that_fail_end_no_gap(tapd: TapdClient, store: Store) -> None:
    unit = Quiet("tapd", at(tapd, 10), store)
    await run(store, unit, timedelta())
    unit.failing = True
    for minutes in (10, 20, 30, 40):
        assert (await run(store, unit, timedelta(minutes=minutes)))["state"] == "failed"
    assert await gaps(store) == []
    unit.failing = False
    await run(store, unit, timedelta(minutes=50))
    assert await gaps(store) == [(0, 50 * 60)]


async def test_a_gap_that_a_crash_kept_from_being_written_is_written_by_the_next_run(
    tapd: TapdClient, store: Store
) -> None:
    unit = Quiet("tapd", at(tapd, 10), store)
    await run(store, unit, timedelta())
    await run(store, unit, timedelta(hours=2))
    # As a crash between the watermark and the gap leaves it.
    await store.drop_collection("gaps")
    await run(store, unit, timedelta(hours=2, minutes=10))
    assert await gaps(store) == [(0, 7200)]
    watermark = await store.one("watermarks", "tapd.stories:tapd:991") or {}
    assert "gap" not in watermark


async def test_the_first_success_and_what_feeds_no_panel_leave_no_gap(tapd: TapdClient, store: Store) -> None:
    unit = Quiet("tapd", at(tapd, 10), store)
    unit.failing = True
    await run(store, unit, timedelta())
    unit.failing = False
    await run(store, unit, timedelta(hours=5))
    other = QuietIterations("tapd", at(tapd, 10), store)
    await run(store, other, timedelta())
    await run(store, other, timedelta(hours=5))
    assert await gaps(store) == []
