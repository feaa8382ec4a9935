"""What surrounds stories at the simulated TAPD: relations, types, iterations, releases, moving rows."""

import pytest

from simulator import Company, FaultKind, Running, TapdWorkspaceRecords

WORK = "20063288"


async def test_relations_have_no_wrapper_no_pages_and_an_integer_for_the_workspace(
    workspace: TapdWorkspaceRecords, tapd
) -> None:
    for number in range(40):
        workspace.link_bug("501", f"{9000 + number}", at="2026-03-09 11:00:00")
    workspace.link_bug("502", "9000", at="2026-03-09 11:00:01")
    workspace.unlink_bug("501", "9001", at="2026-03-10 11:00:00")
    _, body = await tapd.get("/stories/get_related_bugs", workspace_id=WORK, story_id="501")
    assert len(body["data"]) == 39
    assert body["data"][0] == {"workspace_id": 20063288, "story_id": "501", "bug_id": "9000"}
    _, body = await tapd.get("/stories/get_related_bugs", workspace_id=WORK, story_id="501,502")
    assert len(body["data"]) == 40
    assert (await tapd.get("/stories/get_related_bugs", workspace_id=WORK))[1]["status"] == 422
    (story,) = await tapd.rows("/stories", workspace_id=WORK, id="501")
    assert story["modified"] == "2026-03-02 10:00:00"
    (row,) = await tapd.rows("/story_changes", workspace_id=WORK, created="2026-03-10")
    assert (row["change_type"], row["field_changes"][0]["field"]) == ("link_delete", "related_bug")
    assert (row["field_changes"][0]["value_before"], row["field_changes"][0]["value_after"]) == ("9001", "")


async def test_each_type_has_a_workflow_of_its_own(workspace: TapdWorkspaceRecords, tapd) -> None:
    first, second = (row["id"] for row in await tapd.rows("/workitem_types", workspace_id=WORK))
    asked = {"workspace_id": WORK, "system": "story"}
    own = (await tapd.get("/workflows/status_map", **asked, workitem_type_id=second))[1]["data"]
    assert own["status_3"] == "方案评审"
    assert (await tapd.get("/workflows/status_map", **asked))[1]["data"] == {
        "planning": "规划中",
        "developing": "实现中",
        "resolved": "已实现",
        "rejected": "已拒绝",
    }
    steps = (await tapd.get("/workflows/last_steps", **asked, workitem_type_id=second))[1]["data"]
    assert steps == {"resolved": "已完成", "status_4": "已取消"}
    every = (await tapd.get("/workflows/all_last_steps", **asked))[1]["data"]
    assert list(every.values()) == [{"resolved": "已实现", "rejected": "已拒绝"}, steps]
    assert (await tapd.get("/workflows/first_step", **asked, workitem_type_id="77"))[1]["status"] == 422
    assert first != second
    workspace.change_story(
        "502", {"workitem_type_id": second, "status": "status_4"}, at="2026-03-09 10:00:00"
    )
    (row,) = await tapd.rows("/story_changes", workspace_id=WORK, created="2026-03-09")
    parsed = [entry["value_after_parsed"] for entry in row["field_changes"][:2]]
    assert parsed == ["技术需求", "已取消"]
    (story,) = await tapd.rows("/stories", workspace_id=WORK, id="502")
    assert story["completed"] == "2026-03-09 10:00:00"


async def test_iterations_leave_change_rows_and_releases_and_categories_are_listed(
    by_hand: Company, servers: Running, tapd
) -> None:
    place = by_hand.workspaces["991"]
    place.add_iteration(
        {"id": "5002", "name": "迭代2", "created": "2026-03-10 09:00:00", "creator": "user01"}
    )
    place.change_iteration("5002", {"name": "迭代2 + 收尾"}, at="2026-03-16 10:00:00")
    rows = await tapd.rows("/iteration_changes", workspace_id="991", order="created asc")
    assert [(row["iteration_id"], row["old_value"], row["new_value"]) for row in rows] == [
        ("5002", None, "迭代2"),
        ("5002", "迭代2", "迭代2 + 收尾"),
    ]
    assert (rows[1]["operater_type"], rows[1]["modifyversion"]) == ("update", "1773626400")
    servers.tapd.faults.arm(FaultKind.ITERATION_ID_REQUIRED, times=None)
    assert (await tapd.get("/iteration_changes", workspace_id="991"))[1]["status"] == 422
    assert len(await tapd.rows("/iteration_changes", workspace_id="991", iteration_id="5002")) == 2
    place.add_release({"id": "31", "name": "v1.1 & 热修#2", "created": "2026-03-01 09:00:00"})
    place.change_release("31", {"status": "done"}, at="2026-04-01 09:00:00")
    (release,) = await tapd.rows("/new_releases", workspace_id="991", modified=">2026-04-01")
    assert (release["id"], release["status"], release["enddate"]) == ("31", "done", None)
    assert (await tapd.get("/new_releases/count", workspace_id="991"))[1]["data"] == {"count": 1}
    place.add_category({"id": "61", "name": "产品需求"})
    (category,) = await tapd.rows("/story_categories", workspace_id="991")
    assert (category["name"], category["parent_id"]) == ("产品需求", "0")
    assert (await tapd.get("/story_categories/count", workspace_id="991"))[1]["data"] == {"count": 1}


@pytest.mark.parametrize("path, first, ended", [("/stories", "501", "resolved"), ("/tasks", "801", "done")])
async def test_rows_move_between_the_pages_of_the_new_listings(
    workspace: TapdWorkspaceRecords, servers: Running, tapd, path, first, ended
) -> None:
    for number in (1, 2):
        workspace.add_task({"id": f"80{number}", "name": "t", "created": f"2026-03-0{4 + number} 10:00:00"})
    query = {"workspace_id": WORK, "limit": "1", "order": "id asc", "id": f"{first},{int(first) + 1}"}
    faults = servers.tapd.faults
    updated = faults.arm(FaultKind.UPDATE_ROW, path=path)
    assert (await tapd.rows(path, page="1", **query))[0]["id"] == first
    await tapd.rows(path, page="2", **query)
    assert updated.touched == [first]
    (row,) = await tapd.rows(path, workspace_id=WORK, id=first)
    assert row["status"] == ended
    faults.arm(FaultKind.DELETE_ROW, path=path)
    assert await tapd.rows(path, page="2", **query) == []
    edge = faults.arm(FaultKind.CLOCK_EDGE, path=path, query={"page": "1"}, day="2026-03-20")
    (row,) = await tapd.rows(path, page="1", **query)
    assert (row["modified"], len(edge.touched)) == ("2026-03-20 00:00:00", 1)
    twice = faults.arm(FaultKind.DUPLICATE_ROW, path=path)
    found = await tapd.rows(path, workspace_id=WORK, limit="1", page="2", order="id asc")
    assert len(found) == 2
    assert len(twice.touched) == 1
    inserted = faults.arm(FaultKind.INSERT_AT_HEAD, path=path, record={"id": "2201"})
    await tapd.rows(path, workspace_id=WORK, limit="1", page="2")
    assert inserted.touched == ["2201"]
    assert len(await tapd.rows(path, workspace_id=WORK, id="2201")) == 1
    faults.assert_spent()


@pytest.mark.parametrize("path", ["/stories", "/story_changes", "/tasks", "/task_changes"])
async def test_the_rows_of_stories_and_tasks_drift_as_well(
    workspace: TapdWorkspaceRecords, servers: Running, tapd, path
) -> None:
    day = "2026-03-04" if "task" in path else "2026-03-03"
    servers.tapd.faults.arm(FaultKind.TYPE_DRIFT, path=path)
    (drifted,) = await tapd.rows(path, workspace_id=WORK, created=day)
    assert (drifted["workspace_id"], drifted["extend_info"]) == (20063288, {"version": 3, "tags": []})
    (plain,) = await tapd.rows(path, workspace_id=WORK, created=day)
    assert plain["workspace_id"] == WORK
