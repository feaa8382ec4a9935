"""A bug's row and its changes come one after the other: the past is never told from the row alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from collectors.scheduler import collect
from metrics_api.core.config import Config, TapdInstance
from metrics_api.core.days import naive_epoch, naive_text
from metrics_api.core.settings import Settings
from metrics_api.core.store import Store
from simulator import Company, TapdAccount, running

WORKSPACE, BUG = "20000001", "1120000001001000001"
CREDENTIALS = {"ENGMETRICS_TAPD_TAPD_TOKEN": TapdAccount().token}


async def segments(store: Store) -> Any:
    """The bug's segments: when each began, and the status in it."""
    counter = await store.one("counters", "topic:bugs")
    assert counter is not None
    fact = await store.one(counter["collection"], f"tapd:{WORKSPACE}:{BUG}")
    assert fact is not None
    return list(zip(fact["segments"]["start"], fact["segments"]["status"], strict=True))


async def test_a_row_without_its_changes_gives_a_bug_no_past_that_never_was(store: Store) -> None:
    now = datetime.now(UTC)
    created = naive_text(int((now - timedelta(days=9)).timestamp()))
    closed = naive_text(int(now.timestamp()))
    company = Company()
    workspace = company.add_workspace({"id": WORKSPACE, "name": "One", "created": created})
    workspace.add_bug({"id": BUG, "title": "b", "created": created, "modified": created, "status": "new"})
    async with running(company, tapd_quota=None) as servers:
        instance = TapdInstance(url=servers.tapd_url, workspaces=(WORKSPACE,), quota_per_minute=60_000)
        settings = Settings(Config(tapd=(instance,)), CREDENTIALS)
        await collect(settings, store, once="all")
        untouched = [(naive_epoch(created), "new")]
        assert await segments(store) == untouched

        workspace.change_bug(BUG, {"status": "closed"}, at=closed)
        assert [run["changed"] for run in await collect(settings, store, once="tapd.bugs")] == [1]
        assert await segments(store) == untouched
        # Also when nothing new is seen in between, and when other collectors run.
        await collect(settings, store, once="tapd.bugs")
        await collect(settings, store, once="tapd.iterations")
        assert await segments(store) == untouched

        assert [run["state"] for run in await collect(settings, store, once="tapd.bug_changes")] == [
            "success"
        ]
        assert await segments(store) == [*untouched, (naive_epoch(closed), "closed")]
        mark = await store.one("watermarks", f"tapd.bugs:tapd:{WORKSPACE}")
        assert mark is not None
        assert mark["waiting"] == []
