"""What TAPD really answered: recorded response -> collector -> raw -> fact."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import ujson
from aiohttp import web

from collectors.deriving import rebuild
from collectors.scheduler import collect
from metrics_api.core.config import Config, TapdInstance
from metrics_api.core.days import utc_now
from metrics_api.core.settings import Settings
from metrics_api.core.store import Store
from tests.collectors.conftest import HASTY, Fake, Handler, envelope, listing


def serve(data: Any) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        return envelope(data if request.query.get("page", "1") == "1" else [])

    return handler


def one_day(rows: list[Any]) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        day = request.query.get("created", "?")
        return envelope([row for row in rows if row["BugChange"]["created"].startswith(day)])

    return handler


@pytest.fixture
def recorded_tapd(fake: Fake, recorded: Path) -> Fake:
    """A server that answers what was recorded."""

    def load(name: str) -> Any:
        return ujson.loads((recorded / name).read_bytes())

    fake.routes |= {
        "/workspaces/projects": serve(load("tapd/workspaces_projects.json")),
        "/workspaces/get_workspace_info": serve(load("tapd_api/workspace__get_workspace_info.json")["data"]),
        "/workitem_types": serve(load("tapd/workitem_types.json")),
        "/workflows/status_map": serve(load("tapd/bug_status.json")[0]["data"]),
        "/workflows/last_steps": serve(load("tapd/bug_last_steps.json")[0]["data"]),
        "/workflows/first_step": serve({"new": "新"}),
        "/iterations": serve(load("tapd/iterations.json")),
        "/bugs": serve(load("tapd/bugs.json")),
        "/bug_changes": one_day(load("tapd/bug_changes.json")),
        "/bugs/get_removed_bugs": serve(load("tapd_api/bug__get_removed_bugs.json")["data"]),
    }
    return fake


async def collected(fake: Fake, store: Store, *names: str, **options: Any) -> list[dict[str, Any]]:
    config = Config(tapd=(TapdInstance(url=fake.url, quota_per_minute=100_000, **options),))
    settings = Settings(config, {"ENGMETRICS_TAPD_TAPD_TOKEN": "t"})
    records = []
    for name in names:
        records += await collect(settings, store, once=name, patience=HASTY)
    assert [record["error"] for record in records if record["error"]] == []
    return records


async def test_recorded_bugs_and_removals_become_facts(recorded_tapd: Fake, store: Store) -> None:
    records = await collected(recorded_tapd, store, "tapd.bugs", "tapd.removed_bugs", workspaces=("991",))
    assert [(one["seen"], one["new"], one["quarantined"]) for one in records] == [(12, 12, 0), (2, 2, 0)]
    # Bugs wait for their changes, of which some thousand days would have to be read: not here.
    await rebuild(store, "bugs")
    facts = {fact["_id"]: fact for fact in await store.all("fact_bugs_2")}
    assert len(facts) == 14
    bug = facts["tapd:991:11991001001025"]
    assert {key: bug[key] for key in ("id", "created", "removed_at", "due", "findings")} == {
        "id": "11991001001025",
        "created": 1581573869,  # 2020-02-13 14:04:29 in Beijing
        "removed_at": None,
        "due": "2021-10-11",
        "findings": [],
    }
    segments = bug["segments"]
    assert {key: segments[key] for key in ("start", "status", "iteration", "severity", "priority")} == {
        "start": [1581573869],
        "status": ["closed"],
        "iteration": ["11991001000077"],
        "severity": ["normal"],
        "priority": ["medium"],
    }
    deleted = facts["tapd:991:1111122233300103707"]
    merged = facts["tapd:991:1111122233300103708"]
    assert (deleted["removed_at"], deleted["removed_why"]) == (1619147099, "deleted")
    assert (merged["removed_at"], merged["removed_why"]) == (1619144705, "merged")
    assert (merged["title"], merged["segments"]["status"]) == ("回收站缺陷二", [""])
    raw = await store.one("raw_tapd_removed_bug", "tapd:991:1111122233300103708") or {}
    assert raw["target"] == "1111122233300103707"
    assert await store.all("quarantine") == []


async def test_recorded_changes_are_read_day_by_day_and_wait_for_their_bugs(
    recorded_tapd: Fake, store: Store
) -> None:
    # A bug as old as the changes and one every other week, so that the walk goes back to them: years of days.
    first = {"id": "11991001000009", "created": "2019-12-13 09:00:00", "modified": "2019-12-13 11:36:06"}
    weeks = (utc_now().date() - date(2019, 12, 13)).days // 7
    others = [
        {"id": f"1199200{week:07d}", "created": f"{date(2019, 12, 13) + timedelta(weeks=week)} 10:00:00"}
        for week in range(1, weeks, 2)
    ]
    recorded_tapd.routes["/bugs"] = listing([first | {"status": "new"}, *others], "Bug")
    records = await collected(recorded_tapd, store, "tapd.bugs", "tapd.bug_changes", workspaces=("991",))
    assert (records[1]["new"], records[1]["quarantined"]) == (5, 0)
    days = [query["created"] for query in recorded_tapd.queries("/bug_changes")]
    assert days == sorted(days, reverse=True)
    assert days[-1] == "2019-12-13"
    facts = await store.all("fact_bugs")
    # The other changes are of bugs nobody has shown: no fact, nothing lost.
    assert {fact["id"] for fact in facts} == {str(one["id"]) for one in (first, *others)}
    assert [
        (fact["id"], fact["removed_at"], fact["removed_why"]) for fact in facts if fact["removed_at"]
    ] == [("11991001000009", 1576208166, "deleted")]


async def test_recorded_workspaces_iterations_and_workflows_become_facts(
    recorded_tapd: Fake, store: Store
) -> None:
    await collected(recorded_tapd, store, "tapd.workspaces", company_id="99")
    workspaces = {fact["_id"]: fact for fact in await store.all("fact_workspaces")}
    assert sorted(workspaces) == ["tapd:90", "tapd:91", "tapd:92", "tapd:93", "tapd:94", "tapd:95"]
    assert (workspaces["tapd:91"]["name"], workspaces["tapd:91"]["created"]) == ("abc2", 1576136704)
    await collected(
        recorded_tapd,
        store,
        "tapd.iterations",
        "tapd.workitem_types",
        "tapd.status_maps",
        "tapd.last_steps",
        "tapd.first_steps",
        workspaces=("991",),
    )
    iterations = {fact["_id"]: fact for fact in await store.all("fact_iterations")}
    assert len(iterations) == 6
    first = iterations["tapd:991:11991001000077"]
    assert {key: first[key] for key in ("workspace", "name", "start", "end", "status", "created")} == {
        "workspace": "991",
        "name": "迭代1",
        "start": "2020-02-10",
        "end": "2020-02-21",
        "status": "done",
        "created": 1581560181,
    }
    workflows = {fact["_id"]: fact for fact in await store.all("fact_workflows")}
    assert sorted(workflows) == ["tapd:991:bug", "tapd:991:story"]
    bugs = workflows["tapd:991:bug"]
    assert bugs["statuses"] == [
        ["new", "新"],
        ["in_progress", "接受/处理"],
        ["resolved", "已解决"],
        ["verified", "已验证"],
        ["reopened", "重新打开"],
        ["rejected", "已拒绝"],
        ["closed", "已关闭"],
    ]
    assert (bugs["last_steps"], bugs["first_step"]) == (["resolved", "rejected"], "new")
    # One map for bugs, one for each of the two workitem types of stories.
    asked = [query.get("workitem_type_id") for query in recorded_tapd.queries("/workflows/status_map")]
    assert asked == [None, "11991001000269", "1146949574001000034"]


async def test_a_configured_workspace_is_asked_for_by_itself(recorded_tapd: Fake, store: Store) -> None:
    records = await collected(recorded_tapd, store, "tapd.workspaces", workspaces=("991",))
    assert [(one["seen"], one["new"]) for one in records] == [(1, 1)]


async def test_everything_twice_changes_nothing(recorded_tapd: Fake, store: Store) -> None:
    names = ("tapd.workitem_types", "tapd.bugs", "tapd.removed_bugs", "tapd.iterations", "tapd.status_maps")
    await collected(recorded_tapd, store, *names, workspaces=("991",))
    before = {name: await store.all(name) for name in ("raw_tapd_bug", "fact_bugs", "counters")}
    records = await collected(recorded_tapd, store, *names, workspaces=("991",))
    assert sum(record["new"] + record["changed"] for record in records) == 0
    assert {name: await store.all(name) for name in before} == before
