"""The queue from the command line: real processes, some of which are killed."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta

from metrics_api.core.store import Store
from metrics_api.core.tasks import Tasks
from simulator import Running
from simulator.faults import FaultKind
from tests.tasks.conftest import Commands

TAPD = {"collector": {"$in": ["tapd.bugs", "tapd.bug_changes", "tapd.stories"]}}
SINCE = (datetime.now(UTC) - timedelta(days=14)).date().isoformat()
LOST = (datetime.now(UTC) - timedelta(days=10)).date().isoformat()


async def test_a_backfill_without_a_collecting_process_is_done_by_the_command_itself(
    engmetrics: Commands, store: Store, simulated: Running
) -> None:
    status, out, err = await engmetrics.done("collect", "--backfill", "--since", SINCE)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert re.fullmatch(rf"task      [0-9a-f]{{12}} backfill tapd since {SINCE}: waiting", lines[0])
    assert re.fullmatch(rf"task      [0-9a-f]{{12}} backfill gitlab since {SINCE}: waiting", lines[1])
    assert "\x1b" not in out
    assert sum(line.endswith(" done") for line in lines) == 2
    live = {bug for workspace in simulated.company.workspaces.values() for bug in workspace.bugs}
    stored = await store.all("raw_tapd_bug", {"removed_at": {"$exists": False}})
    assert {row["key"] for row in stored} == live
    status, out, err = await engmetrics.done("tasks")
    assert (status, err) == (0, "")
    head, *rows = out.splitlines()
    assert head.split() == ["id", "state", "task", "asked", "for", "done", "error"]
    assert [row.split()[1:4] for row in rows] == [
        ["success", "backfill", "gitlab"],
        ["success", "backfill", "tapd"],
    ]
    name = rows[1].split()[0]
    status, out, err = await engmetrics.done("tasks", name)
    assert out.splitlines()[2].endswith("Z  begun")
    assert out.splitlines()[-1].endswith("Z  done")
    assert any("tapd.bug_changes" in line and "records" in line for line in out.splitlines())


async def test_what_is_asked_for_wrongly_is_told_in_words(engmetrics: Commands, store: Store) -> None:
    status, out, err = await engmetrics.done("collect", "--since", SINCE)
    words = "engmetrics: --since, --scope and --dry-run belong to --backfill\n"
    assert (status, out, err) == (2, "", words)
    status, out, err = await engmetrics.done("collect", "--backfill", "--since", SINCE, "--scope", "")
    words = "scope names nothing: give a workspace's id or a project's path, or leave it out for everything"
    assert (status, out, err) == (2, "", f"engmetrics: {words}\n")
    assert await store.all("tasks") == []
    status, out, err = await engmetrics.done("tasks", "nothing")
    words = "engmetrics: no task is called 'nothing': the list of tasks has their ids\n"
    assert (status, out, err) == (2, "", words)


async def test_a_scope_is_collected_before_anything_is_known(
    engmetrics: Commands, store: Store, simulated: Running
) -> None:
    workspace = max(simulated.company.workspaces)
    project, record = next((str(one.id), one.record) for one in simulated.company.projects.values())
    path = str(record["path_with_namespace"])
    scopes = ("--scope", workspace, "--scope", path)
    asking = ("collect", "--backfill", "--since", SINCE, *scopes)
    status, out, err = await engmetrics.done(*asking, "--dry-run")
    assert (status, err) == (0, "")
    assert [line for line in out.splitlines() if re.match(r"\S.*requests?$", line)] != []
    assert await store.all("tasks") == []
    status, out, err = await engmetrics.done(*asking)
    assert (status, err) == (0, "")
    assert {row["scope"] for row in await store.all("raw_tapd_bug")} == {workspace}
    assert {row["scope"] for row in await store.all("raw_gitlab_event")} == {project}


async def test_a_collecting_process_does_what_a_command_asked_for(engmetrics: Commands, store: Store) -> None:
    collecting = await engmetrics.start("collect")
    try:
        async with asyncio.timeout(60):
            while True:
                if await store.all("watermarks", {"collector": "tapd.bugs"}):
                    break
                await asyncio.sleep(0.1)
        status, out, _ = await engmetrics.done("collect", "--backfill", "--since", SINCE, "--scope", "tapd")
        assert status == 0, out
        (task,) = await Tasks(store).listed()
        assert (task["state"], task["instance"], task["generation"]) == ("success", "tapd", 1)
        assert task["progress"]["done"] == task["progress"]["total"] > 0
    finally:
        collecting.terminate()
        await asyncio.wait_for(collecting.communicate(), 30)


async def test_a_killed_process_is_taken_over_from_where_it_was(
    engmetrics: Commands, collected: Store, simulated: Running
) -> None:
    whole = {row["_id"]: row["hash"] for row in await collected.all("raw_tapd_bug_change")}
    marks = {mark["_id"]: mark["started_at"] for mark in await collected.all("watermarks")}
    lost = [row["_id"] for row in await collected.all("raw_tapd_bug_change") if row["data"]["created"] > LOST]
    await collected.remove("raw_tapd_bug_change", lost)
    assert 20 < len(lost) < len(whole)
    simulated.tapd.faults.arm(FaultKind.SLOW_FIRST_BYTE, "/bug_changes", None, seconds=1.0)
    command = ("collect", "--backfill", "--since", SINCE, "--scope", "tapd")
    first = await engmetrics.start(*command)
    async with asyncio.timeout(90):
        while not await _place(collected):
            assert first.returncode is None
            await asyncio.sleep(0.05)
    first.kill()
    await first.communicate()
    place = await _place(collected)
    simulated.tapd.faults.disarm()
    simulated.tapd.counters.clear()
    status, out, err = await engmetrics.done(*command)
    assert status == 0, err
    assert "taken over from a process that vanished" in out
    (task,) = await Tasks(collected).listed()
    assert (task["state"], task["generation"]) == ("success", 2)
    assert {row["_id"]: row["hash"] for row in await collected.all("raw_tapd_bug_change")} == whole
    assert all(mark["started_at"] > marks[mark["_id"]] for mark in await collected.all("watermarks", TAPD))
    # What was read before is not asked for again: neither the days behind the place, nor the bugs.
    seen = [one for one in simulated.tapd.counters.seen if one.query.get("workspace_id") == place["scope"]]
    days = [one.query["created"] for one in seen if one.path == "/bug_changes"]
    assert [day for day in days if place["low"] <= day < place["high"]] == []
    assert min(days) <= SINCE
    assert [one.path for one in seen if one.path == "/bugs"] == []


async def _place(store: Store) -> dict[str, str]:
    """How far the changes of a workspace's bugs were read, and which workspace's, once that was noted."""
    for step in await store.all("task_steps", {"state": "running"}):
        if ":tapd.bug_changes:" in step["_id"] and "low" in step["place"]:
            return {**step["place"], "scope": str(step["_id"].rsplit(":", 1)[1])}
    return {}
