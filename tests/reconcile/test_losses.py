"""Records that were lost on either side are found in the night and put right, through everything real."""

from __future__ import annotations

from collectors.deriving import rebuild
from metrics_api.core.store import Store
from simulator import Company, generate
from tests.collectors.test_tapd_simulated import ago
from tests.reconcile.night import Night, night

DRIVE, CAR = "20063271", "20063288"


def company() -> Company:
    """Five weeks of two products."""
    return generate(seed=7, bugs=160, days=35, stories=80)


async def native(one: Night) -> set[str]:
    """What began in the one workspace, by topic and id: an item that was moved there goes by its first id."""
    return {name.replace(f"tapd:{DRIVE}:", "") for name in await one.facts()}


async def removed(one: Night) -> dict[str, str]:
    """Why items of the one workspace are gone: by topic and id."""
    prefix = f"tapd:{DRIVE}:"
    return {
        name.replace(prefix, ""): fact["removed_why"]
        for name, fact in (await one.facts()).items()
        if fact.get("removed_why")
    }


async def test_fifty_records_lost_from_the_store_are_found_and_read_again(store: Store) -> None:
    async with night(company(), store) as one:
        facts, shown = await one.facts(), await one.rendered()
        bugs = await one.lost("raw_tapd_bug", 12, DRIVE)
        await one.lost("raw_tapd_bug", 8, CAR)
        await one.lost("raw_tapd_story", 6, DRIVE)
        await one.lost("raw_tapd_task", 3, DRIVE)
        await one.lost("raw_tapd_iteration", 1, DRIVE)
        # Of the newest days: changes of other months are counted by turns (test_nights.py).
        await one.lost("raw_tapd_bug_change", 20, DRIVE, spare=bugs, since=ago(7))
        await rebuild(store)
        assert await one.facts() != facts
        # A round of the collectors does not bring them: nothing of it is new upstream.
        await one.collect()
        assert await one.rendered() != shown
        # Days of changes are counted month by month in turn, and five weeks may touch three.
        found = await one.nights(3)
        assert await one.noted() == {
            "bugs": (20, 0, 20),
            "stories": (6, 0, 6),
            "tasks": (3, 0, 3),
            "iterations": (1, 0, 1),
            "bug_changes": (20, 0, 20),
        }
        assert {one["error"] for one in found} == {None}
        assert await one.facts() == facts
        assert await one.rendered() == shown
        assert await one.reconcile() == []


async def test_fifty_items_removed_upstream_behind_our_back_are_found_with_when_and_why(store: Store) -> None:
    async with night(company(), store) as one:
        workspace = one.servers.company.workspaces[DRIVE]
        at, there = ago(5), await native(one)
        bugs, stories = (
            sorted(name for name, row in rows.items() if row["modified"] < at and f"{what} {name}" in there)
            for what, rows in (("bugs", workspace.bugs), ("stories", workspace.stories))
        )
        bugs, survivor, stories = bugs[:40], bugs[-1], stories[:10]
        for name in bugs[:35]:
            workspace.delete_bug(name, at=at)
        for name in bugs[35:]:
            workspace.merge_bug(name, survivor, at=at)
        for name in stories:
            workspace.delete_story(name, at=at)
        # They say that they were removed long before the last run: it has no reason to look there.
        await one.collect()
        before = await removed(one)
        assert before.keys().isdisjoint(f"bugs {name}" for name in bugs)
        assert before.keys().isdisjoint(f"stories {name}" for name in stories)
        await one.reconcile()
        noted = await one.noted()
        assert {name: noted[name] for name in ("bugs", "stories")} == {
            "bugs": (0, 40, 40),
            "stories": (0, 10, 10),
        }
        facts, shown = await one.facts(), await one.rendered()
        gone = await removed(one)
        assert {gone[f"bugs {name}"] for name in bugs[:35]} == {"deleted"}
        assert {gone[f"bugs {name}"] for name in bugs[35:]} == {"merged"}
        assert {gone[f"stories {name}"] for name in stories} == {"deleted"}
        assert await one.reconcile() == []
        # Collectors that had read the lists of removed items whole would have come to the same.
        lists = [f"tapd.removed_{which}:tapd:{DRIVE}" for which in ("bugs", "stories")]
        await store.remove("watermarks", lists)
        await rebuild(store)
        await one.collect()
        assert await one.facts() == facts
        assert await one.rendered() == shown


async def test_fifty_items_that_vanish_upstream_are_gone_until_they_come_back(store: Store) -> None:
    async with night(company(), store) as one:
        facts, shown = await one.facts(), await one.rendered()
        workspace, there = one.servers.company.workspaces[DRIVE], await native(one)
        old = sorted(
            (row["created"], name) for name, row in workspace.bugs.items() if f"bugs {name}" in there
        )
        kept = {name: workspace.bugs.pop(name) for _, name in old[:44]}
        iteration = min(workspace.iterations)
        planned = workspace.iterations.pop(iteration)
        tasks = {name: workspace.tasks.pop(name) for name in sorted(workspace.tasks)[:5]}
        await one.reconcile(DRIVE)
        assert await one.noted() == {
            "bugs": (0, 44, 44),
            "tasks": (0, 5, 5),
            "iterations": (0, 1, 1),
        }
        gone = await removed(one)
        assert {gone[f"bugs {name}"] for name in kept} == {"vanished"}
        assert {gone[f"tasks {name}"] for name in tasks} == {"vanished"}
        assert (await one.facts())[f"iterations tapd:{DRIVE}:{iteration}"]["removed_at"] is not None
        assert await one.rendered() != shown
        assert await one.reconcile(DRIVE) == []
        workspace.bugs.update(kept)
        workspace.tasks.update(tasks)
        workspace.iterations[iteration] = planned
        await one.reconcile(DRIVE)
        assert (await one.noted())["bugs"] == (44, 0, 44)
        assert await one.facts() == facts
        assert await one.rendered() == shown
