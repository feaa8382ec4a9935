"""Items that are years older than the others, or say so: their change feed is not walked from there."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import date, timedelta

import pytest
import pytest_asyncio

from collectors.rehearsal import rehearse
from collectors.scheduler import collect, work
from collectors.tapd_known import crowded
from metrics_api.core.config import Config, TapdInstance
from metrics_api.core.orders import orders
from metrics_api.core.settings import Settings
from metrics_api.core.store import Store
from metrics_api.core.tasks import Order, Tasks
from simulator import FaultKind, Running, TapdAccount, running
from tests.collectors.conftest import HASTY
from tests.misbehaviour.office import WORKSPACE, ago, small

FEEDS = ("/bug_changes", "/story_changes", "/task_changes")
# Today and the three days before, perhaps a day that begins meanwhile, and a question for those of 1970.
FEW = 4 + 1 + 1


@pytest_asyncio.fixture
async def old() -> AsyncIterator[Running]:
    """A company of three days, with two bugs, a story and a task of 1970; one of those bugs is removed."""
    company = small()
    workspace = company.workspaces[WORKSPACE]
    for number, day in enumerate(("02", "03")):
        workspace.add_bug({"id": str(11 + number), "title": "b", "created": f"1970-01-{day} 00:00:00"})
    workspace.add_story({"id": "21", "name": "s", "created": "1970-01-02 00:00:00"})
    workspace.add_task({"id": "31", "name": "t", "story_id": "21", "created": "1970-01-02 00:00:00"})
    times = ("1970-01-05 09:00:00", "1999-12-31 23:59:59", ago(1))
    for at, status in zip(times, ("in_progress", "resolved", "closed"), strict=True):
        for bug in ("11", "12"):
            workspace.change_bug(bug, {"status": status}, at=at)
        workspace.change_story("21", {"status": {"closed": "resolved"}.get(status, "developing")}, at=at)
        workspace.change_task("31", {"status": {"closed": "done"}.get(status, "progressing")}, at=at)
    workspace.delete_bug("12", at=ago(0.9))
    async with running(company, tapd_quota=None) as servers:
        yield servers


def settings(servers: Running) -> Settings:
    instance = TapdInstance(url=servers.tapd_url, workspaces=(WORKSPACE,), quota_per_minute=1_000_000)
    return Settings(Config(tapd=(instance,)), {"ENGMETRICS_TAPD_TAPD_TOKEN": TapdAccount().token})


def asked(servers: Running) -> Counter[str]:
    """How many questions there were to each feed."""
    return Counter({path: servers.tapd.counters.by_path[path] for path in FEEDS})


async def collected(servers: Running, store: Store) -> dict[str, str]:
    """The failures of a round, by collector."""
    records = await collect(settings(servers), store, once="all", patience=HASTY)
    return {record["collector"]: record["error"] for record in records if record["error"]}


async def whole(servers: Running, store: Store) -> None:
    """All changes are stored, and the facts of the bugs of 1970 have their whole past."""
    workspace = servers.company.workspaces[WORKSPACE]
    feeds = {"bug": workspace.bug_items, "story": workspace.story_items, "task": workspace.task_items}
    for kind, items in feeds.items():
        stored = {one["_id"].rpartition(":")[2] for one in await store.all(f"raw_tapd_{kind}_change")}
        # Rows of a bug's creation are told only to who asks for them.
        assert stored == {str(row["id"]) for row in items.changes if row["change_type"] != "create_bug"}
    for name in ("11", "12"):
        fact = await store.one("fact_bugs", f"tapd:{WORKSPACE}:{name}")
        assert fact is not None
        assert fact["segments"]["status"] == ["new", "in_progress", "resolved", "closed"]
        # 1970-01-05 09:00:00 and 1999-12-31 23:59:59 in Beijing.
        assert fact["segments"]["start"][1:3] == [349_200, 946_655_999]


async def test_a_bug_of_1970_has_no_feed_walked_from_there_and_keeps_its_past(
    old: Running, store: Store
) -> None:
    foreseen: Counter[str] = Counter()
    for order in await orders(settings(old).config, store, "backfill", "2020-01-01"):
        async for _, one in rehearse(settings(old), store, [order]):
            foreseen.update({found.collector: found.requests for found in one.expected})
    old.tapd.counters.clear()
    assert await collected(old, store) == {}
    assert all(3 < count <= FEW for count in asked(old).values()), asked(old)
    await whole(old, store)
    for collector, path in zip(("bug", "story", "task"), FEEDS, strict=True):
        assert 0 <= foreseen[f"tapd.{collector}_changes"] - asked(old)[path] <= 4


async def test_a_walk_that_stopped_before_those_of_1970_goes_on_with_them(old: Running, store: Store) -> None:
    old.tapd.faults.arm(FaultKind.SERVER_ERROR, "/bug_changes", 4, query={"bug_id": "12,11"})
    assert list(await collected(old, store)) == ["tapd.bug_changes"]
    old.tapd.faults.assert_spent()
    old.tapd.counters.clear()
    assert await collected(old, store) == {}
    # Today once more, and those that were not told.
    assert 2 <= asked(old)["/bug_changes"] <= 3
    await whole(old, store)


async def test_reading_all_again_since_1970_takes_no_more_than_reading_it_first(
    old: Running, store: Store
) -> None:
    assert await collected(old, store) == {}
    workspace = old.company.workspaces[WORKSPACE]
    for kind, items in (("bug", workspace.bug_items), ("story", workspace.story_items)):
        lost = [f"tapd:{WORKSPACE}:{row['id']}" for row in items.changes if str(row["created"]) < "2000"]
        assert len(lost) >= 2
        await store.remove(f"raw_tapd_{kind}_change", lost)
    old.tapd.counters.clear()
    task = await Tasks(store).put(Order("backfill", "tapd", "tapd", WORKSPACE, "1970-01-01"))
    (over,) = await work(settings(old), store, [task["_id"]], lambda tasks: None, HASTY, grace_s=0.0)
    assert (over["state"], over["error"]) == ("success", None)
    assert all(3 < count <= FEW for count in asked(old).values()), asked(old)
    await whole(old, store)


# An item each day of the two months before 5 March 2026.
DAILY = [(date(2026, 1, 4) + timedelta(days=number)).isoformat() for number in range(60)]


@pytest.mark.parametrize(
    ("born", "begins"),
    [
        # A year is walked whoever was there; so are years in which there was somebody twice a month.
        (["2025-06-01"], "2025-06-01"),
        (
            [
                f"20{year}-{month:02d}-{day}"
                for year in range(20, 26)
                for month in range(1, 13)
                for day in (10, 20)
            ],
            "2020-01-10",
        ),
        # One of long ago before the others, two, and one that does not say when.
        (["1970-01-02", *DAILY], "2026-01-04"),
        (["1970-01-02", "1990-05-05", *DAILY], "2026-01-04"),
        (["1970-01-02", "", *DAILY], "2026-01-04"),
        # 15 items cost as much as 450 days, 26 as 780: there are 734 from 1 January 2024 on.
        (["2024-01-01", *[""] * 14, *DAILY], "2026-01-04"),
        (["2024-01-01", *[""] * 25, *DAILY], "2024-01-01"),
        # Nobody but one of long ago: only today is asked for. A time to come is no beginning.
        (["1970-01-02"], "2026-03-05"),
        (["1970-01-02", "2099-01-01"], "2026-03-05"),
    ],
)
def test_days_begin_where_they_take_less_than_items(born: list[str], begins: str) -> None:
    days = [date.fromisoformat(day) if day else None for day in born]
    first = min(filter(None, days))
    assert crowded(days, first, date(2026, 3, 5)).isoformat() == begins
