"""Stories, tasks, plans and relations of a simulated TAPD reach the store, whatever happens on the way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from collectors.scheduler import collect
from metrics_api.core.config import Config, TapdInstance
from metrics_api.core.days import naive_text
from metrics_api.core.settings import Settings
from metrics_api.core.store import Store
from simulator import Company, FaultKind, Faults, Running, TapdAccount, running
from tests.collectors.conftest import HASTY

WORKSPACE = "20000001"
ITEMS = (
    *("tapd.stories", "tapd.story_changes", "tapd.removed_stories"),
    *("tapd.tasks", "tapd.task_changes", "tapd.removed_tasks"),
)


def ago(days: int, minutes: int = 0) -> str:
    """A time some days ago, as TAPD writes it."""
    at = datetime.now(UTC) - timedelta(days=days, minutes=minutes)
    return naive_text(int(at.timestamp()))


def company() -> Company:
    """One workspace: stories, tasks and bugs with a past, a release, categories, an iteration, a relation."""
    made = Company()
    workspace = made.add_workspace({"id": WORKSPACE, "name": "One", "created": ago(30)})
    workspace.add_category({"id": "-1", "name": "未分类", "created": ago(30)})
    workspace.add_category({"id": "71", "name": "体验", "created": ago(20)})
    workspace.add_release({"id": "61", "name": "2026.1", "created": ago(20), "status": "open"})
    workspace.add_iteration({"id": "51", "name": "迭代1", "created": ago(20), "status": "open"})
    workspace.change_iteration("51", {"name": "迭代一"}, at=ago(10))
    workspace.add_bug({"id": "31", "title": "b", "created": ago(12)})
    workspace.add_story({"id": "11", "name": "old", "created": ago(15)})
    workspace.change_story("11", {"status": "developing", "iteration_id": "51"}, at=ago(9))
    workspace.change_story("11", {"status": "resolved"}, at=ago(4))
    workspace.add_story({"id": "12", "name": "gone", "created": ago(16)})
    workspace.delete_story("12", at=ago(3))
    workspace.add_story({"id": "13", "name": "new", "created": ago(1)})
    workspace.link_bug("11", "31", at=ago(2))
    workspace.add_task({"id": "21", "name": "t", "story_id": "11", "created": ago(14)})
    workspace.change_task("21", {"status": "done"}, at=ago(5))
    workspace.add_task({"id": "22", "name": "t", "story_id": "11", "created": ago(14)})
    workspace.delete_task("22", at=ago(6))
    return made


@pytest_asyncio.fixture
async def simulated() -> AsyncIterator[Running]:
    """The company over HTTP."""
    async with running(company(), tapd_faults=Faults(), tapd_quota=None) as servers:
        yield servers


async def collected(simulated: Running, store: Store, *names: str) -> list[dict[str, Any]]:
    instance = TapdInstance(url=simulated.tapd_url, workspaces=(WORKSPACE,), quota_per_minute=100_000)
    settings = Settings(Config(tapd=(instance,)), {"ENGMETRICS_TAPD_TAPD_TOKEN": TapdAccount().token})
    records = []
    for name in names:
        records += await collect(settings, store, once=name, patience=HASTY)
    assert [record["error"] for record in records if record["error"]] == []
    return records


async def stored(store: Store, what: str) -> dict[str, dict[str, Any]]:
    found = await store.all(f"raw_tapd_{what}")
    return {one["_id"].removeprefix(f"tapd:{WORKSPACE}:"): one for one in found}


async def test_everything_of_a_workspace_reaches_the_store(simulated: Running, store: Store) -> None:
    await collected(simulated, store, "all")
    workspace = simulated.company.workspaces[WORKSPACE]
    assert {what: sorted(await stored(store, what)) for what in ("story", "task", "release", "category")} == {
        "story": ["11", "13"],
        "task": ["21"],
        "release": ["61"],
        "category": ["-1", "71"],
    }
    assert list(await stored(store, "removed_story")) == ["12"]
    assert list(await stored(store, "removed_task")) == ["22"]
    for what, rows in (
        ("story_change", workspace.story_changes),
        ("task_change", workspace.task_changes),
        ("iteration_change", workspace.iteration_changes),
    ):
        assert sorted(await stored(store, what)) == sorted(row["id"] for row in rows)
    moved = [
        row["data"]["field_changes"]
        for row in (await stored(store, "story_change")).values()
        if row["data"]["change_type"] == "manual_update"
    ]
    assert sorted(
        (entry["field"], entry["value_after"])
        for entries in moved
        for entry in entries
        if "status" in entry["field"]
    ) == [("status", "developing"), ("status", "resolved")]
    names = [row["data"]["new_value"] for row in (await stored(store, "iteration_change")).values()]
    assert sorted(names) == ["迭代1", "迭代一"]
    relation = (await stored(store, "story_bug"))["11:31"]
    assert relation["data"] == {"workspace_id": 20000001, "story_id": "11", "bug_id": "31"}


async def test_a_round_without_news_asks_each_list_once(simulated: Running, store: Store) -> None:
    await collected(simulated, store, "all")
    counters = simulated.tapd.counters.by_path
    before = dict(counters)
    # Within an hour after midnight the changes of the day before are read once more.
    days = len({ago(0)[:10], ago(0, 60)[:10]})
    again = await collected(simulated, store, "all")
    assert sum(record["new"] + record["changed"] for record in again) == 0
    assert {
        path: count - before.get(path, 0) for path, count in counters.items() if count > before.get(path, 0)
    } == {
        "/workspaces/get_workspace_info": 1,
        "/iterations": 1,
        "/new_releases": 1,
        "/bugs": 1,
        "/bug_changes": days,
        "/bugs/get_removed_bugs": 1,
        "/stories": 1,
        "/story_changes": days,
        # Those that were archived, and the others.
        "/stories/get_removed_stories": 2,
        "/tasks": 1,
        "/task_changes": days,
        "/tasks/get_removed_tasks": 1,
        # Those that are there, and those that were deleted.
        "/timesheets": 2,
    }


async def test_what_changes_later_is_read(simulated: Running, store: Store) -> None:
    await collected(simulated, store, "all")
    workspace = simulated.company.workspaces[WORKSPACE]
    workspace.change_story("13", {"status": "developing"}, at=ago(0))
    workspace.add_story({"id": "14", "name": "newer", "created": ago(0)})
    workspace.delete_story("11", at=ago(0))
    workspace.restore_story("12", at=ago(0))
    workspace.delete_task("21", at=ago(0))
    workspace.change_release("61", {"status": "done"}, at=ago(0))
    workspace.change_iteration("51", {"name": "迭代壹"}, at=ago(0))
    workspace.link_bug("13", "31", at=ago(0))
    plans = ("tapd.iterations", "tapd.iteration_changes", "tapd.releases")
    await collected(simulated, store, *plans, *ITEMS, "tapd.story_bugs")
    stories = await stored(store, "story")
    assert {name: row.get("removed_why") for name, row in stories.items()} == {
        "11": "deleted",
        "12": None,
        "13": None,
        "14": None,
    }
    assert stories["13"]["data"]["status"] == "developing"
    assert {name: row.get("removed_why") for name, row in (await stored(store, "task")).items()} == {
        "21": "deleted"
    }
    assert (await stored(store, "release"))["61"]["data"]["status"] == "done"
    assert sorted(await stored(store, "story_change")) == sorted(row["id"] for row in workspace.story_changes)
    assert len(await stored(store, "iteration_change")) == 3
    # The removed story is not asked about any more: its relation stays as it was.
    relations = await stored(store, "story_bug")
    assert {name: row.get("removed_why") for name, row in relations.items()} == {"11:31": None, "13:31": None}
    workspace.unlink_bug("13", "31", at=ago(0))
    await collected(simulated, store, "tapd.story_bugs")
    assert (await stored(store, "story_bug"))["13:31"]["removed_why"] == "unlinked"


async def test_a_row_waits_for_its_changes(simulated: Running, store: Store) -> None:
    await collected(simulated, store, "all")
    workspace = simulated.company.workspaces[WORKSPACE]
    workspace.change_story("13", {"status": "developing"}, at=ago(0))
    workspace.change_task("21", {"status": "open"}, at=ago(0))
    for plural, noun, name in (("stories", "story", "13"), ("tasks", "task", "21")):
        await collected(simulated, store, f"tapd.{plural}")
        mark = await store.one("watermarks", f"tapd.{plural}:tapd:{WORKSPACE}") or {}
        assert mark["waiting"] == [name]
        await collected(simulated, store, f"tapd.{noun}_changes")
        mark = await store.one("watermarks", f"tapd.{plural}:tapd:{WORKSPACE}") or {}
        assert mark["waiting"] == []


async def test_at_first_the_rows_of_a_scope_wait_for_its_whole_feed(simulated: Running, store: Store) -> None:
    await collected(simulated, store, "tapd.stories")
    assert await store.all("fact_stories") == []
    await collected(simulated, store, "tapd.story_changes")
    statuses = {fact["id"]: fact["segments"]["status"] for fact in await store.all("fact_stories")}
    assert (statuses["11"], statuses["13"]) == (["planning", "developing", "resolved"], ["planning"])
    mark = await store.one("watermarks", f"tapd.stories:tapd:{WORKSPACE}") or {}
    assert (mark["waiting"], "whole" in mark) == ([], False)


@pytest.fixture
def crowded(simulated: Running) -> Running:
    """The company with more changes of stories and tasks on one day than a page holds."""
    workspace = simulated.company.workspaces[WORKSPACE]
    born, moved = ago(8)[:10], ago(7)[:10]
    for number in range(130):
        story, task, clock = f"1{number:04d}", f"2{number:04d}", f"10:{number % 60:02d}:00"
        workspace.add_story({"id": story, "name": "s", "created": f"{born} {clock}"})
        workspace.change_story(story, {"status": "developing"}, at=f"{moved} {clock}")
        workspace.add_task({"id": task, "name": "t", "story_id": story, "created": f"{born} {clock}"})
        workspace.change_task(task, {"status": "done"}, at=f"{moved} {clock}")
    return simulated


async def complete(simulated: Running, store: Store) -> None:
    """Every row and every change that is upstream is stored, and no other that was not there."""
    workspace = simulated.company.workspaces[WORKSPACE]
    for what, rows, gone in (
        ("story", workspace.stories, workspace.removed_stories),
        ("task", workspace.tasks, workspace.removed_tasks),
    ):
        found = await stored(store, what)
        assert rows.keys() <= found.keys()
        assert {name for name, row in found.items() if "removed_at" not in row} == rows.keys()
        assert sorted(await stored(store, f"removed_{what}")) == sorted(row["id"] for row in gone)
    for what, changes in (("story", workspace.story_changes), ("task", workspace.task_changes)):
        assert sorted(await stored(store, f"{what}_change")) == sorted(row["id"] for row in changes)


async def test_failures_and_odd_types_lose_nothing(crowded: Running, store: Store) -> None:
    faults = crowded.tapd.faults
    kinds = (
        *(FaultKind.RATE_LIMIT_STATUS, FaultKind.RATE_LIMIT_BODY, FaultKind.SERVER_ERROR),
        *(FaultKind.HTML, FaultKind.TRUNCATED, FaultKind.RESET, FaultKind.TYPE_DRIFT),
    )
    for path in ("/stories", "/story_changes", "/tasks", "/task_changes", "/stories/get_removed_stories"):
        for number, kind in enumerate(kinds):
            faults.arm(kind, path, times=1, after=0 if number < 3 else number % 2)
    for path in ("/story_changes", "/task_changes"):
        faults.arm(FaultKind.SERVER_ERROR, path, times=2, status=502, limit_at_least=100)
    faults.arm(FaultKind.SERVER_ERROR, "/stories/get_related_bugs", times=2, status=502)
    faults.arm(FaultKind.ITERATION_ID_REQUIRED, "/iteration_changes", times=None)
    faults.arm(FaultKind.STRICT_AFTER, times=None)
    await collected(crowded, store, "all")
    await complete(crowded, store)
    assert [kind for kind in kinds if not faults.fired(kind)] == []
    assert len(await stored(store, "iteration_change")) == 2
    assert list(await stored(store, "story_bug")) == ["11:31"]


@pytest.mark.parametrize(
    "kind",
    [FaultKind.INSERT_AT_HEAD, FaultKind.UPDATE_ROW, FaultKind.DELETE_ROW, FaultKind.DUPLICATE_ROW],
)
async def test_rows_that_come_and_go_between_two_pages_lose_nothing(
    kind: FaultKind, crowded: Running, store: Store
) -> None:
    faults = crowded.tapd.faults
    for path in ("/story_changes", "/task_changes"):
        faults.arm(kind, path, times=1)
    await collected(crowded, store, *ITEMS)
    faults.assert_spent()
    await collected(crowded, store, *ITEMS)
    await complete(crowded, store)


async def test_rows_modified_on_the_edge_of_the_day_are_read(simulated: Running, store: Store) -> None:
    await collected(simulated, store, "tapd.stories", "tapd.tasks")
    workspace = simulated.company.workspaces[WORKSPACE]
    today = ago(0)[:10]
    yesterday = ago(1)[:10]
    workspace.change_story("11", {"module": "a"}, at=f"{today} 00:00:00", rows_at=ago(0))
    workspace.change_story("13", {"module": "b"}, at=f"{yesterday} 23:59:59", rows_at=ago(0))
    workspace.change_task("21", {"priority": "4"}, at=f"{yesterday} 00:00:00", rows_at=ago(0))
    await collected(simulated, store, "tapd.stories", "tapd.tasks")
    stories = await stored(store, "story")
    assert (stories["11"]["data"]["module"], stories["13"]["data"]["module"]) == ("a", "b")
    assert (await stored(store, "task"))["21"]["data"]["priority"] == "4"
