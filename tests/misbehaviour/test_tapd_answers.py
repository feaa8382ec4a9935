"""Answers that do not come, come late, come broken or are refused."""

from __future__ import annotations

import asyncio
import random

from simulator import FaultKind
from tests.misbehaviour.office import WORKSPACE, lived, newcomers
from tests.misbehaviour.twins import Twins, failures

ITEMS = ("/bugs", "/stories", "/tasks", "/bugs/get_removed_bugs", "/iterations")
FEEDS = ("/bug_changes", "/story_changes", "/task_changes")


async def test_tapd_06_too_many_requests_are_waited_out_in_either_form(twins: Twins) -> None:
    for path in (*ITEMS, *FEEDS, "/workspaces/get_workspace_info", "/stories/get_related_bugs"):
        for data in ("", {}):
            twins.faults.arm(FaultKind.RATE_LIMIT_STATUS, path, data=data)
            twins.faults.arm(FaultKind.RATE_LIMIT_BODY, path, data=data)
    # Not one run fails: these are no failures.
    assert failures(await twins.collected()) == {}
    twins.faults.assert_spent()
    await twins.agree()


async def test_tapd_07_broken_answers_lose_nothing(twins: Twins) -> None:
    def broken() -> None:
        for path in (*ITEMS, *FEEDS):
            twins.faults.arm(FaultKind.SERVER_ERROR, path, status=500)
            twins.faults.arm(FaultKind.SERVER_ERROR, path, status=503)
            twins.faults.arm(FaultKind.HTML, path, status=200)
            twins.faults.arm(FaultKind.HTML, path, status=403)
            twins.faults.arm(FaultKind.TRUNCATED, path)
            twins.faults.arm(FaultKind.RESET, path)

    broken()
    # That is more than are tried: runs fail, and the next ones make up for it.
    first = failures(await twins.collected())
    assert {"tapd.bugs", "tapd.story_changes", "tapd.iterations"} <= first.keys()
    await asyncio.gather(twins.until_well(), twins.undisturbed())
    twins.faults.assert_spent()
    lived(twins.workspace, random.Random(7))
    newcomers(twins.workspace)
    broken()
    await twins.until_well()
    await twins.agree()


async def test_tapd_07_silence_and_slowness_lose_nothing(twins: Twins) -> None:
    twins.faults.arm(FaultKind.SLOW_FIRST_BYTE, "/bugs", seconds=1.5)
    twins.faults.arm(FaultKind.SLOW_DRIP, "/bug_changes", times=2, seconds=0.3)
    await twins.until_well()
    twins.faults.assert_spent()
    await twins.agree()


async def test_tapd_07_what_is_too_much_at_once_is_asked_for_in_smaller_parts(crowd: Twins) -> None:
    crowd.faults.arm(FaultKind.SERVER_ERROR, "/stories/get_related_bugs", times=3, status=502)
    # Not one run fails: what is too much is asked for again at once.
    assert failures(await crowd.collected()) == {}
    sizes = [int(one.query["limit"]) for one in crowd.plagued.tapd.counters.seen if one.path == "/bugs"]
    assert sizes == [200, 200, 100, 100, 50, 50, 25, 25, *[5] * (len(sizes) - 8)]
    found = await crowd.agree()
    assert len(found["bugs"]) == 25 + 12


async def test_tapd_07_an_address_that_greets_and_a_workspace_that_is_gone_spare_all_others(
    twins: Twins,
) -> None:
    twins.faults.arm(FaultKind.UNKNOWN_PATH, "/new_releases", times=None)
    twins.faults.arm(FaultKind.UNKNOWN_PATH, "/tasks", times=1)
    failed = failures(await twins.collected(workspaces=(WORKSPACE, "20000009")))
    # Those of the workspace that is there, but for what did not exist just then.
    assert failed == {
        "tapd.workspaces": "workspace 20000009: tapd /workspaces/get_workspace_info: TAPD says 404: "
        "workspace 20000009 not existed",
        "tapd.tasks": "tapd /tasks: TAPD knows no such address",
    }
    assert twins.plagued.tapd.counters.by_path["/releases"] == 1
    await twins.agree()
