"""Rows that move, vanish, come twice, change their types, lie at the edge of a day, or change unnoticed."""

from __future__ import annotations

import asyncio

from metrics_api.core.store import Store
from simulator import FaultKind, tapd_payload_of
from simulator.records import TapdHappening
from tests.misbehaviour.office import ago, newcomers
from tests.misbehaviour.twins import Twins, facts, failures
from tests.webhooks.harness import receiving, taken

EVOLUTIONS = (
    FaultKind.INSERT_AT_HEAD,
    FaultKind.UPDATE_ROW,
    FaultKind.DELETE_ROW,
    FaultKind.DUPLICATE_ROW,
)


async def test_tapd_08_rows_that_move_between_two_pages_are_neither_lost_nor_doubled(crowd: Twins) -> None:
    # What is there before a row vanishes is known to both.
    await crowd.undisturbed()
    for path in ("/bugs", "/stories", "/bug_changes", "/story_changes"):
        for kind in EVOLUTIONS:
            crowd.faults.arm(kind, path)
    await crowd.until_well()
    assert [kind for kind in EVOLUTIONS if crowd.faults.fired(kind) != 4] == []
    await crowd.agree()


async def test_tapd_08_a_row_that_vanishes_from_a_second_of_several_pages_hides_no_other(
    crowd: Twins,
) -> None:
    vanishing = crowd.faults.arm(FaultKind.DELETE_ROW, "/bugs", query={"page": "3"})
    assert failures(await crowd.collected()) == {}
    (gone,) = vanishing.touched
    rows = {one["_id"].rpartition(":")[2] for one in await crowd.store.all("raw_tapd_bug")}
    assert rows == {*crowd.workspace.bugs, gone}
    assert (await facts(crowd.store))["bugs"][f"tapd:20000001:{gone}"]["removed_why"] == "deleted"


async def test_tapd_09_a_removal_is_told_by_the_list_the_feed_and_a_webhook_in_any_order(
    twins: Twins,
) -> None:
    told: list[TapdHappening] = []
    await asyncio.gather(twins.collected(), twins.undisturbed())
    twins.workspace.listeners = (told.append,)
    for name, delete in (
        ("1005", twins.workspace.delete_bug),
        ("2005", twins.workspace.delete_story),
        ("3005", twins.workspace.delete_task),
    ):
        delete(name, at=ago(0, 60))
    await delivered(told, twins.store)
    for topic, name in (("bugs", "1005"), ("stories", "2005"), ("tasks", "3005")):
        gone = (await facts(twins.store))[topic][f"tapd:20000001:{name}"]
        assert (gone["removed_why"], gone["removed_at"] is not None) == ("deleted", True)
    await twins.agree()
    # Another is polled first and told of later; and one comes back.
    told.clear()
    twins.workspace.delete_bug("1006", at=ago(0, 30))
    twins.workspace.restore_bug("1005", at=ago(0, 20))
    await twins.collected()
    await delivered(told, twins.store)
    found = await twins.agree()
    assert found["bugs"]["tapd:20000001:1006"]["removed_why"] == "deleted"
    assert found["bugs"]["tapd:20000001:1005"]["removed_at"] is None


async def delivered(told: list[TapdHappening], store: Store) -> None:
    """Send webhooks of what happened, each twice, and take them in."""
    payloads = [payload for one in told if (payload := tapd_payload_of(one)) is not None]
    async with receiving(store) as receiver:
        for payload in [*payloads, *payloads]:
            await receiver.tapd(dict(payload))
        await taken(store)


async def test_tapd_10_other_types_and_other_kinds_of_empty_change_no_fact(twins: Twins) -> None:
    drifting = twins.faults.arm(FaultKind.TYPE_DRIFT, times=None)
    twins.workspace.add_bug({"id": "98765432109876543210", "title": "b", "created": ago(1), "de": "甲"})
    twins.workspace.add_change(
        {
            "id": "99999999999999999999",
            "bug_id": "98765432109876543210",
            "field": "status",
            "old_value": "new",
            "new_value": "resolved",
            "created": ago(0.5),
        }
    )
    twins.workspace.bugs["98765432109876543210"] |= {"status": "resolved", "modified": ago(0.5)}
    await twins.until_well()
    newcomers(twins.workspace)
    await twins.until_well()
    assert drifting.fired > 20
    found = await twins.agree()
    assert found["bugs"]["tapd:20000001:98765432109876543210"]["segments"]["status"] == ["new", "resolved"]


async def test_tapd_10_rows_without_the_fields_that_nobody_filled_in_change_no_fact(twins: Twins) -> None:
    for path in ("/bugs", "/stories", "/tasks", "/bugs/get_removed_bugs", "/new_releases"):
        twins.faults.arm(FaultKind.BARE_ROWS, path, times=None)
    await twins.until_well()
    await twins.agree()


async def test_tapd_11_rows_modified_on_either_side_of_midnight_in_beijing_are_read(twins: Twins) -> None:
    await asyncio.gather(twins.collected(), twins.undisturbed())
    workspace = twins.workspace
    # The first two of a list are put at the edge: those that both have read, whatever the hour is.
    for number in ("5", "6"):
        workspace.change_bug(f"100{number}", {"module": "一"}, at=ago())
        workspace.change_story(f"200{number}", {"module": "一"}, at=ago())
        workspace.change_task(f"300{number}", {"status": "progressing"}, at=ago())
    for path in ("/bugs", "/stories", "/tasks", "/bug_changes"):
        for day in (ago()[:10], ago(1)[:10]):
            twins.faults.arm(FaultKind.CLOCK_EDGE, path, query={"page": "1"}, day=day)
    await twins.until_well()
    await twins.until_well()
    twins.faults.assert_spent()
    newcomers(workspace)
    await twins.agree()


async def test_tapd_12_relations_are_found_though_neither_story_nor_bug_is_modified(twins: Twins) -> None:
    await asyncio.gather(twins.collected(), twins.undisturbed())
    workspace = twins.workspace
    stamps = {name: row["modified"] for name, row in workspace.stories.items()}
    workspace.link_bug("2004", "1004", at=ago())
    workspace.unlink_bug("2001", "1001", at=ago())
    assert {name: row["modified"] for name, row in workspace.stories.items()} == stamps
    # Relations rest an hour between two rounds; by name they are read at once.
    await asyncio.gather(twins.collected("tapd.story_bugs"), twins.undisturbed("tapd.story_bugs"))
    found = await twins.store.all("raw_tapd_story_bug")
    assert {one["_id"]: one.get("removed_why") for one in found} == {
        "tapd:20000001:2001:1001": "unlinked",
        "tapd:20000001:2004:1004": None,
    }
    await twins.agree()
