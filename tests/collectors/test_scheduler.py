"""The scheduler, and everything together against the simulated company."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta, tzinfo
from typing import Any

import pytest
import pytest_asyncio

from collectors import Progress, scheduler
from collectors.deriving import rebuild
from collectors.rounds import Round
from collectors.scheduler import collect
from metrics_api.core.config import Config, GitlabInstance, TapdInstance
from metrics_api.core.errors import StoreUnavailable, UnknownName
from metrics_api.core.sections import Collect
from metrics_api.core.settings import Settings
from metrics_api.core.store import Store
from metrics_api.core.task_types import Task
from metrics_api.core.tasks import Order, Tasks
from simulator.company import generate
from simulator.faults import FaultKind, Faults
from simulator.gitlab import GitlabAccount
from simulator.running import Running, running
from simulator.tapd import TapdAccount
from tests.collectors.conftest import HASTY

SECRETS = {
    "ENGMETRICS_TAPD_TAPD_TOKEN": TapdAccount().token,
    "ENGMETRICS_GITLAB_GITLAB_TOKEN": GitlabAccount().token,
}


def settings(simulated: Running, **secrets: str) -> Settings:
    tapd = TapdInstance(
        url=simulated.tapd_url, company_id=simulated.company.company_id, quota_per_minute=100_000
    )
    gitlab = GitlabInstance(url=simulated.gitlab_url, quota_per_minute=100_000)
    return Settings(Config(tapd=(tapd,), gitlab=(gitlab,)), secrets or SECRETS)


@pytest_asyncio.fixture
async def simulated() -> AsyncIterator[Running]:
    """A small company with a month behind it."""
    company = generate(seed=7, bugs=30, days=30)
    async with running(company, tapd_faults=Faults(), gitlab_faults=Faults(), tapd_quota=None) as servers:
        yield servers


async def facts(store: Store, topic: str) -> dict[str, dict[str, Any]]:
    counter = await store.one("counters", f"topic:{topic}") or {}
    stamps = ("generation", "seq", "tombstone")
    return {
        fact["_id"]: {key: value for key, value in fact.items() if key not in stamps}
        for fact in await store.all(counter["collection"])
        if not fact["tombstone"]
    }


async def test_everything_once_reads_the_whole_company(simulated: Running, store: Store) -> None:
    told: list[Progress] = []
    records = await collect(settings(simulated), store, once="all", progress=told.append, patience=HASTY)
    assert Counter(record["state"] for record in records) == {"success": len(records)}
    company = simulated.company
    live = {bug for workspace in company.workspaces.values() for bug in workspace.bugs}
    found = await facts(store, "bugs")
    assert {fact["id"] for fact in found.values() if fact["removed_at"] is None} == live
    for workspace in company.workspaces.values():
        for bug in workspace.bugs.values():
            fact = next(fact for fact in found.values() if fact["id"] == bug["id"])
            assert fact["segments"]["status"][-1] == bug["status"]
            assert fact["segments"]["workspace"][-1] == workspace.id
    events = sum(len(project.events) for project in company.projects.values())
    hidden = sum(
        event["id"] in project.hidden for project in company.projects.values() for event in project.events
    )
    assert len(await facts(store, "events")) == events - hidden
    assert any(step.collector == "tapd.bug_changes" and step.done == step.total > 25 for step in told)
    # Again: nothing has changed. Rebuilt: the same facts.
    again = await collect(settings(simulated), store, once="all", patience=HASTY)
    assert sum(record["new"] + record["changed"] for record in again) == 0
    await rebuild(store)
    assert await facts(store, "bugs") == found


async def test_an_unfriendly_upstream_gives_the_same_facts(simulated: Running, store: Store) -> None:
    for faults, kinds in (
        (
            simulated.tapd.faults,
            (
                *(FaultKind.RATE_LIMIT_STATUS, FaultKind.RATE_LIMIT_BODY, FaultKind.SERVER_ERROR),
                *(FaultKind.HTML, FaultKind.TRUNCATED, FaultKind.RESET, FaultKind.TYPE_DRIFT),
            ),
        ),
        (simulated.gitlab.faults, (FaultKind.SERVER_ERROR, FaultKind.TRUNCATED, FaultKind.RESET)),
    ):
        for number, kind in enumerate(kinds):
            # One after the other: four in a row would be more than this client's patience.
            faults.arm(kind, times=2, after=4 * number)
    records = await collect(settings(simulated), store, once="all", patience=HASTY)
    assert [record["error"] for record in records if record["error"]] == []
    simulated.tapd.faults.assert_spent()
    simulated.gitlab.faults.assert_spent()
    found = await facts(store, "bugs")
    live = {bug for workspace in simulated.company.workspaces.values() for bug in workspace.bugs}
    assert {fact["id"] for fact in found.values() if fact["removed_at"] is None} == live


async def test_one_project_that_is_gone_stops_no_other(simulated: Running, store: Store) -> None:
    await collect(settings(simulated), store, once="gitlab.projects", patience=HASTY)
    gone = str(next(iter(simulated.company.projects)))
    del simulated.company.projects[int(gone)]
    records = await collect(settings(simulated), store, once="gitlab.events", patience=HASTY)
    failed = {record["scope"] for record in records if record["state"] == "failed"}
    assert failed == {gone}
    assert len(records) == len(simulated.company.projects) + 1


async def test_scheduled_collecting_begins_at_once_in_order_and_stops_when_told(
    simulated: Running, store: Store
) -> None:
    stop = asyncio.Event()
    seen: list[Progress] = []
    task = asyncio.create_task(
        collect(settings(simulated), store, progress=seen.append, stop=stop, patience=HASTY)
    )
    async with asyncio.timeout(60):
        while Counter(step.collector for step in seen)["tapd.removed_bugs"] < 2:
            await asyncio.sleep(0.05)
            assert not task.done()
    stop.set()
    await asyncio.wait_for(task, 30)
    workspace = next(iter(simulated.company.workspaces))
    order = dict.fromkeys(step.collector for step in seen if step.scope in ("all", workspace))
    assert [name for name in order if name.startswith("tapd.")][:17] == [
        "tapd.workspaces",
        "tapd.workitem_types",
        "tapd.status_maps",
        "tapd.last_steps",
        "tapd.first_steps",
        "tapd.iterations",
        "tapd.iteration_changes",
        "tapd.releases",
        "tapd.categories",
        "tapd.custom_fields",
        "tapd.bugs",
        "tapd.stories",
        "tapd.tasks",
        "tapd.bug_changes",
        "tapd.story_changes",
        "tapd.task_changes",
        "tapd.removed_bugs",
    ]
    assert [run for run in await store.all("runs") if run["state"] == "running"] == []
    left = [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("renew")]
    assert left == []


async def test_a_stop_in_the_middle_of_the_first_read_is_quick_and_the_next_start_goes_on(
    simulated: Running, store: Store
) -> None:
    stop = asyncio.Event()

    def stop_early(step: Progress) -> None:
        if step.collector == "tapd.bug_changes":
            stop.set()

    simulated.tapd.faults.arm(FaultKind.SLOW_FIRST_BYTE, "/bug_changes", None, seconds=0.22)
    task = asyncio.create_task(
        collect(settings(simulated), store, progress=stop_early, stop=stop, patience=HASTY)
    )
    await asyncio.wait_for(task, 30)
    simulated.tapd.faults.disarm()
    marks = [mark for mark in await store.all("watermarks") if mark["collector"] == "tapd.bug_changes"]
    assert any("low" in mark["cursor"] for mark in marks)
    records = await collect(settings(simulated), store, once="all", patience=HASTY)
    assert [record["error"] for record in records if record["error"]] == []
    found = await facts(store, "bugs")
    await rebuild(store, "bugs")
    assert await facts(store, "bugs") == found


async def test_a_store_that_is_away_while_scopes_are_looked_for_is_asked_again_soon(
    simulated: Running, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = settings(simulated).config.model_copy(update={"collect": Collect(lease_seconds=3)})
    failures = ["tapd/tapd", "gitlab/gitlab"]
    there = Round.forget_old_runs

    async def away(one: Round) -> None:
        if one.name in failures:
            failures.remove(one.name)
            raise StoreUnavailable("the store did not answer")
        await there(one)

    monkeypatch.setattr(Round, "forget_old_runs", away)
    stop, read = asyncio.Event(), set[str]()

    def told(step: Progress) -> None:
        read.add(step.collector)
        if {"tapd.bugs", "gitlab.events"} <= read:
            stop.set()

    # Not when they are due anyway, which is minutes later.
    async with asyncio.timeout(60):
        await collect(Settings(config, SECRETS), store, progress=told, stop=stop, patience=HASTY)
    assert failures == []


async def test_a_store_that_is_away_at_night_is_told_soon_what_to_compare(
    simulated: Running, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = settings(simulated).config.model_copy(update={"collect": Collect(lease_seconds=3)})
    put, asked, stop = Tasks.put, list[str](), asyncio.Event()

    async def away(queue: Tasks, order: Order, name: str = "") -> Task:
        asked.append(order.kind)
        if len(asked) == 1:
            raise StoreUnavailable("the store did not answer")
        task = await put(queue, order, name)
        stop.set()
        return task

    cron = vars(scheduler)["CronTrigger"]

    def in_a_moment(hour: int, timezone: tzinfo) -> Any:
        due = datetime.now(timezone) + timedelta(seconds=2)
        return cron(hour=due.hour, minute=due.minute, second=due.second, timezone=timezone)

    monkeypatch.setattr(Tasks, "put", away)
    monkeypatch.setattr(scheduler, "CronTrigger", in_a_moment)
    async with asyncio.timeout(60):
        await collect(Settings(config, SECRETS), store, stop=stop, patience=HASTY)
    assert asked == ["reconcile", "reconcile"]
    assert [task["kind"] for task in await Tasks(store).listed()] == ["reconcile"]


async def test_a_tapd_and_a_gitlab_may_have_one_name(simulated: Running, store: Store) -> None:
    config = settings(simulated).config
    corp = Settings(
        config.model_copy(
            update={
                "tapd": (config.tapd[0].model_copy(update={"name": "corp"}),),
                "gitlab": (config.gitlab[0].model_copy(update={"name": "corp"}),),
            }
        ),
        {
            "ENGMETRICS_TAPD_CORP_TOKEN": TapdAccount().token,
            "ENGMETRICS_GITLAB_CORP_TOKEN": GitlabAccount().token,
        },
    )
    stop = asyncio.Event()
    seen: set[str] = set()

    def tell(step: Progress) -> None:
        seen.add(step.collector)

    task = asyncio.create_task(collect(corp, store, progress=tell, stop=stop, patience=HASTY))
    async with asyncio.timeout(60):
        while not {"tapd.bugs", "gitlab.events"} <= seen:
            await asyncio.sleep(0.05)
            assert not task.done()
    stop.set()
    await asyncio.wait_for(task, 30)


async def test_an_unknown_collector_is_refused_with_the_names_there_are(
    simulated: Running, store: Store
) -> None:
    with pytest.raises(UnknownName, match=r"'tapd\.nothing'.*tapd\.bug_changes"):
        await collect(settings(simulated), store, once="tapd.nothing")


async def test_a_source_without_credentials_is_off_and_says_so_once(
    simulated: Running, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    quiet = settings(simulated, ENGMETRICS_GITLAB_GITLAB_TOKEN="demo")
    records = await collect(quiet, store, once="tapd.workspaces")
    assert records == []
    said = [record.getMessage() for record in caplog.records if "source off" in record.getMessage()]
    assert said == ["source off: no credentials source=tapd set=ENGMETRICS_TAPD_TAPD_TOKEN"]
