"""Who may ask, in which envelope, how much, by which filters, and which feeds."""

from __future__ import annotations

import asyncio
import random

import pytest

from simulator import FaultKind, TapdAccount
from tests.misbehaviour.office import ago, crowded, lived, newcomers
from tests.misbehaviour.twins import Twins, facts, failures, twins_of

ITEMS = dict.fromkeys(("/bugs", "/stories", "/tasks"))
FEEDS = {"/bug_changes": "bug_id", "/story_changes": "story_id", "/task_changes": "task_id"}
BASIC = {
    "ENGMETRICS_TAPD_TAPD_USER": TapdAccount().user,
    "ENGMETRICS_TAPD_TAPD_PASSWORD": TapdAccount().password,
}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (BASIC | {"ENGMETRICS_TAPD_TAPD_PASSWORD": "hush-hush"}, "401: the credentials are not right"),
        ({"ENGMETRICS_TAPD_TAPD_TOKEN": "hush-hush"}, "422: The access token provided is invalid"),
    ],
)
async def test_tapd_01_wrong_credentials_lose_nothing_and_right_ones_of_either_kind_go_on(
    twins: Twins, wrong: dict[str, str], says: str
) -> None:
    await twins.collected(environment=BASIC)
    before = await facts(twins.store)
    newcomers(twins.workspace)
    failed = failures(await twins.collected(environment=wrong))
    assert "tapd.bugs" in failed
    assert all(says in error and "hush" not in error for error in failed.values()), failed
    assert await facts(twins.store) == before
    await twins.agree()


async def test_tapd_02_only_status_1_is_success_whatever_http_and_data_say(twins: Twins) -> None:
    for path in ("/bugs", "/bug_changes", "/stories", "/stories/get_removed_stories", "/workitem_types"):
        for status, data in ((0, ""), (404, {}), (422, None), (500, []), (502, "some text")):
            twins.faults.arm(FaultKind.ENVELOPE_STATUS, path, status=status, data=data)
    await twins.until_well()
    twins.faults.assert_spent()
    # Data of a wrong kind beside a success is no success either.
    for path in ("/tasks", "/iterations"):
        twins.faults.arm(FaultKind.ENVELOPE_STATUS, path, status=1, data="some text")
    assert failures(await twins.collected()).keys() == {"tapd.tasks", "tapd.iterations"}
    await twins.agree()


async def test_tapd_03_pages_are_of_the_documented_size_and_more_rows_of_one_second_are_counted(
    mongodb_url: str,
) -> None:
    async with twins_of(crowded(205, 105), mongodb_url) as crowd:
        found = await crowd.agree()
    assert len(found["bugs"]) == 205 + 12
    asked = [(one.path, one.query) for one in crowd.plagued.tapd.counters.seen]
    limits = {path: {query["limit"] for where, query in asked if where == path} for path in FEEDS | ITEMS}
    assert limits == {
        "/bugs": {"200"},
        "/bug_changes": {"200"},
        "/stories": {"200"},
        "/story_changes": {"100"},
        "/tasks": {"200"},
        "/task_changes": {"100"},
    }
    # From the last second on, and its pages once more: a row that had vanished would have hidden another.
    assert [query["page"] for path, query in asked if path == "/bugs"] == ["1", "1", "2", "1", "2"]


async def test_tapd_04_it_makes_no_difference_whether_after_a_day_means_from_its_beginning(
    twins: Twins,
) -> None:
    twins.faults.arm(FaultKind.STRICT_AFTER, times=None)
    await asyncio.gather(twins.until_well(), twins.undisturbed())
    today, yesterday = ago()[:10], ago(1)[:10]
    edges = (f"{today} 00:00:00", f"{yesterday} 00:00:00", f"{yesterday} 23:59:59")
    for name, edge in zip(sorted(twins.workspace.bugs), edges, strict=False):
        twins.workspace.change_bug(name, {"module": "边界"}, at=edge, rows_at=ago())
    await twins.until_well()
    modules = [one["segments"]["module"][-1] for one in (await facts(twins.store))["bugs"].values()]
    assert modules.count("边界") == 3
    await twins.agree()


async def test_tapd_04_rows_that_lack_their_labels_are_asked_for_with_them(twins: Twins) -> None:
    await twins.collected()
    labels = [twins.faults.arm(FaultKind.LABELS_UNASKED, path, times=None) for path in ITEMS]
    workspace = twins.workspace
    workspace.change_bug("1001", {"label": "急"}, at=ago())
    workspace.change_story("2001", {"label": "二期"}, at=ago())
    newcomers(workspace)
    asked = twins.plagued.tapd.counters.by_path
    before = asked["/bugs"]
    await twins.until_well()
    # Tasks have no filter by label: theirs are not asked for.
    assert [one.fired for one in labels] == [1, 1, 1]
    assert asked["/bugs"] - before == 2
    assert (await twins.store.one("raw_tapd_bug", "tapd:20000001:1001") or {})["data"]["label"] == "急"
    await twins.agree()


async def test_tapd_04_the_word_for_labels_is_dropped_when_it_comes_to_mean_something_else(
    twins: Twins,
) -> None:
    twins.faults.arm(FaultKind.LABELS_UNASKED, times=None)
    # As it was with `fields=label`: nothing came any more, and nothing said so.
    query = {"fields": "labels"}
    twins.faults.arm(FaultKind.ENVELOPE_STATUS, "/bugs", times=None, query=query, status=1, data=[])
    twins.faults.arm(FaultKind.ENVELOPE_STATUS, "/stories", times=None, query=query, status=422)
    await twins.until_well()
    workspace = twins.workspace
    assert len(await twins.store.all("raw_tapd_bug")) == len(workspace.bugs)
    assert len(await twins.store.all("raw_tapd_story")) == len(workspace.stories)
    # Rows that have changed since tell their labels again.
    twins.faults.disarm()
    for name in list(workspace.bugs):
        workspace.change_bug(name, {"module": "一"}, at=ago())
    for name in list(workspace.stories):
        workspace.change_story(name, {"module": "一"}, at=ago())
    await twins.agree()


@pytest.mark.parametrize("unscoped", [False, True])
async def test_tapd_05_change_feeds_are_asked_by_one_day_or_by_items_whether_they_insist_or_not(
    twins: Twins, unscoped: bool
) -> None:
    if unscoped:
        twins.faults.arm(FaultKind.UNSCOPED_CHANGES, times=None)
    twins.faults.arm(FaultKind.ITERATION_ID_REQUIRED, times=None)
    await asyncio.gather(twins.until_well(), twins.undisturbed())
    lived(twins.workspace, random.Random(5))
    newcomers(twins.workspace)
    await twins.until_well()
    for one in twins.plagued.tapd.counters.seen:
        if one.path in FEEDS:
            day, items = one.query.get("created", ""), one.query.get(FEEDS[one.path], "")
            assert (len(day) == 10) != bool(items), one
    await twins.agree()
