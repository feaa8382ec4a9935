"""What a backfill reads again, and what it leaves as it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from collectors.scheduler import ask_nightly, collect, work
from metrics_api.core.leases import Leases
from metrics_api.core.orders import orders
from metrics_api.core.settings import Settings
from metrics_api.core.store import Store
from metrics_api.core.task_types import Task
from metrics_api.core.tasks import Order, Tasks
from simulator import Running
from simulator.faults import FaultKind
from tests.collectors.conftest import HASTY

TODAY = datetime.now(UTC).date()
SINCE = (TODAY - timedelta(days=10)).isoformat()
BEFORE = (TODAY - timedelta(days=13)).isoformat()
AFTER = (TODAY - timedelta(days=9)).isoformat()


async def worked(settings: Settings, store: Store, *asked: Order) -> list[Task]:
    names = [(await Tasks(store).put(order))["_id"] for order in asked]
    return await work(settings, store, names, lambda tasks: None, HASTY, grace_s=0.0)


async def backfilled(settings: Settings, store: Store, scope: str = "") -> list[Task]:
    return await worked(settings, store, *await orders(settings.config, store, "backfill", SINCE, scope))


async def created(store: Store, collection: str, field: str) -> dict[str, str]:
    return {row["_id"]: row["data"][field] for row in await store.all(collection)}


async def test_what_was_lost_since_the_day_comes_back_and_no_watermark_goes_back(
    settings: Settings, collected: Store
) -> None:
    marks = {mark["_id"]: mark for mark in await collected.all("watermarks")}
    lost: dict[str, list[str]] = {}
    older: dict[str, list[str]] = {}
    for name, field in (("raw_tapd_bug_change", "created"), ("raw_gitlab_event", "created_at")):
        there = await created(collected, name, field)
        lost[name] = [one for one, at in there.items() if at[:10] >= AFTER]
        older[name] = [one for one, at in there.items() if at[:10] < (TODAY - timedelta(days=15)).isoformat()]
        assert lost[name]
        assert older[name]
        await collected.remove(name, lost[name] + older[name])
    tasks = await backfilled(settings, collected)
    assert [(task["instance"], task["state"], task["error"]) for task in tasks] == [
        ("tapd", "success", None),
        ("gitlab", "success", None),
    ]
    for name in lost:
        now = {row["_id"] for row in await collected.all(name)}
        assert set(lost[name]) <= now
        assert now.isdisjoint(older[name])
    for mark in await collected.all("watermarks"):
        assert mark["clean"]
        assert mark["started_at"] > marks[mark["_id"]]["started_at"]
        assert mark["cursor"].keys() == marks[mark["_id"]]["cursor"].keys()
    (tapd, _) = tasks
    assert tapd["collectors"][:2] == ["tapd.workspaces", "tapd.workitem_types"]
    assert tapd["progress"]["done"] == tapd["progress"]["total"]


async def test_a_scope_that_was_never_collected_is_simply_collected(
    settings: Settings, store: Store, simulated: Running
) -> None:
    (task,) = await backfilled(settings, store, "tapd")
    assert task["state"] == "success"
    live = {bug for workspace in simulated.company.workspaces.values() for bug in workspace.bugs}
    stored = await store.all("raw_tapd_bug", {"removed_at": {"$exists": False}})
    assert {row["key"] for row in stored} == live
    days = [one.query["created"] for one in simulated.tapd.counters.seen if one.path == "/bug_changes"]
    assert min(days) < BEFORE


async def test_one_workspace_alone_is_read_again(
    settings: Settings, collected: Store, simulated: Running
) -> None:
    workspace, *_ = sorted(simulated.company.workspaces)
    simulated.tapd.counters.clear()
    simulated.gitlab.counters.clear()
    (task,) = await backfilled(settings, collected, workspace)
    assert (task["state"], task["scope"]) == ("success", workspace)
    assert {one.query.get("workspace_id") for one in simulated.tapd.counters.seen} == {workspace}
    assert simulated.gitlab.counters.total == 0
    days = sorted(
        {one.query["created"] for one in simulated.tapd.counters.seen if one.path == "/bug_changes"}
    )
    # The hour of overlap before the day begins is in the day before, on TAPD's clocks.
    assert days[0] == (TODAY - timedelta(days=11)).isoformat()


async def test_a_place_that_fails_stops_no_other(
    settings: Settings, collected: Store, simulated: Running
) -> None:
    simulated.tapd.faults.arm(FaultKind.SERVER_ERROR, "/bugs", 4)
    (task,) = await backfilled(settings, collected, "tapd")
    assert task["state"] == "failed"
    assert task["error"] is not None
    assert task["error"].startswith(f"1 of {task['progress']['total']} runs failed: tapd.bugs ")
    assert task["progress"]["done"] == task["progress"]["total"]
    assert task["log"][-1]["line"] == f"failed: {task['error']}"


async def test_what_was_stored_and_not_derived_before_a_crash_is_derived_when_it_goes_on(
    settings: Settings, collected: Store, simulated: Running
) -> None:
    workspace, *_ = sorted(simulated.company.workspaces)
    changes = await collected.all("raw_tapd_bug_change", {"scope": workspace})
    recent = next(row["key"] for row in changes if row["data"]["created"][:10] >= AFTER)
    fact = f"tapd:{workspace}:{recent}"
    before = await collected.one("fact_bugs", fact)
    assert before is not None
    await collected.remove("fact_bugs", [fact])
    order = Order("backfill", "tapd", "tapd", workspace, SINCE)
    name = (await Tasks(collected).put(order))["_id"]
    await Tasks(collected).note_step(name, f"tapd.bug_changes:{workspace}", "running")
    await worked(settings, collected, order)
    after = await collected.one("fact_bugs", fact)
    assert after is not None
    assert after["segments"] == before["segments"]


async def test_events_go_on_before_the_day_they_had_reached(
    settings: Settings, collected: Store, simulated: Running
) -> None:
    project = str(next(iter(simulated.company.projects)))
    order = Order("backfill", "gitlab", "gitlab", project, SINCE)
    name = (await Tasks(collected).put(order))["_id"]
    place = {"low": AFTER, "high": TODAY.isoformat()}
    await Tasks(collected).note_step(name, f"gitlab.events:{project}", "running", place)
    simulated.gitlab.counters.clear()
    (task,) = await worked(settings, collected, order)
    assert task["state"] == "success"
    asked = [one.query for one in simulated.gitlab.counters.seen if one.path.endswith("/events")]
    windows = {(one.get("after"), one.get("before")) for one in asked}
    assert windows == {
        ((TODAY - timedelta(days=3)).isoformat(), None),
        (BEFORE, (TODAY - timedelta(days=7)).isoformat()),
    }


async def test_what_is_not_there_is_told_in_words(settings: Settings, store: Store) -> None:
    gone = Order("backfill", "tapd", "elsewhere", "", SINCE)
    unknown = Order("backfill", "tapd", "tapd", "12", SINCE)
    found = await worked(settings, store, gone, unknown)
    assert [task["state"] for task in found] == ["failed", "failed"]
    assert found[0]["error"] == "tapd elsewhere is off: no credentials, or it is not configured"
    assert (found[1]["error"] or "").startswith("scope '12' is not there: tapd has ")


async def test_a_workspace_is_reconciled_by_a_task(
    settings: Settings, collected: Store, simulated: Running
) -> None:
    workspace, *_ = sorted(simulated.company.workspaces)
    lost = sorted(row["_id"] for row in await collected.all("raw_tapd_bug", {"scope": workspace}))[:3]
    await collected.remove("raw_tapd_bug", lost)
    order = Order("reconcile", "tapd", "tapd", workspace, (TODAY - timedelta(days=90)).isoformat())
    (task,) = await worked(settings, collected, order)
    assert (task["state"], task["error"]) == ("success", None)
    assert {row["_id"] for row in await collected.all("raw_tapd_bug")} >= set(lost)
    assert sum(int(one["repaired"]) for one in await collected.all("reconciliations")) >= 3
    assert any("missing" in line["line"] and "put right" in line["line"] for line in task["log"])


async def test_the_night_is_asked_for_once_by_all_processes(store: Store) -> None:
    queue = Tasks(store)
    # Three in the morning in Shanghai is still the day before in UTC.
    night = datetime(2024, 1, 30, 19, 0, tzinfo=UTC)
    for _ in range(2):
        await ask_nightly(queue, "tapd", "Asia/Shanghai", lambda: night)
    (task,) = await queue.listed()
    assert (task["_id"], task["kind"], task["instance"]) == ("reconcile-tapd-2024-01-31", "reconcile", "tapd")
    lease = await Leases(store).acquire(f"task:{task['_id']}")
    assert lease is not None
    await queue.claim(task["_id"], lease)
    await queue.end(task["_id"], lease, None)
    await ask_nightly(queue, "tapd", "Asia/Shanghai", lambda: night)
    assert len(await queue.listed()) == 1
    await ask_nightly(queue, "tapd", "Asia/Shanghai", lambda: night + timedelta(days=1))
    assert len(await queue.listed()) == 2


async def test_facts_are_rebuilt_by_a_task(settings: Settings, collected: Store) -> None:
    counter: dict[str, Any] = await collected.one("counters", "topic:bugs") or {}
    (task,) = await worked(settings, collected, Order("rebuild", scope="bugs"))
    assert (task["state"], task["progress"]["done"], task["progress"]["unit"]) == ("success", 1, "topics")
    rebuilt = await collected.one("counters", "topic:bugs")
    assert rebuilt is not None
    assert rebuilt["generation"] == counter["generation"] + 1
    assert [line["line"] for line in task["log"]][1].endswith(" facts")


async def test_everything_is_collected_by_a_task_as_by_a_schedule(
    settings: Settings, store: Store, simulated: Running
) -> None:
    tasks = await worked(
        settings, store, Order("collect", "tapd", "tapd"), Order("collect", "gitlab", "gitlab")
    )
    assert {task["state"] for task in tasks} == {"success"}
    marks = len(await store.all("watermarks"))
    again = await collect(settings, store, once="all", patience=HASTY)
    assert sum(record["new"] + record["changed"] for record in again) == 0
    assert len(await store.all("watermarks")) == marks
