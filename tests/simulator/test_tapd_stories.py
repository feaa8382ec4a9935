"""Stories, tasks and what surrounds them at the simulated TAPD, over real sockets, as documented."""

import json

import pytest

from simulator import FaultKind, Running, TapdWorkspaceRecords

WORK = "20063288"
NEED = f"11{WORK}000001001"


async def test_stories_come_whole_with_their_place_in_the_tree(workspace: TapdWorkspaceRecords, tapd) -> None:
    rows = await tapd.rows("/stories", workspace_id=WORK, order="id asc")
    assert [row["id"] for row in rows] == ["500", "501", "502"]
    assert rows[0]["children_id"] == "||501|502"
    assert rows[0]["modified"] == "2026-03-02 09:00:00"
    assert (rows[1]["path"], rows[1]["level"], rows[1]["ancestor_id"]) == ("500::501:", "1", "500")
    assert (rows[1]["priority"], rows[1]["priority_label"], rows[1]["status"]) == ("3", "Middle", "planning")
    assert rows[1]["workitem_type_id"] == NEED
    assert len(rows[1]) >= 266
    assert {type(value) for row in rows for value in row.values()} == {str, type(None)}
    assert (await tapd.get("/stories/count", workspace_id=WORK, parent_id="500"))[1]["data"] == {"count": 2}
    await_labels = await tapd.rows("/stories", workspace_id=WORK, v_status="规划中|没有")
    assert len(await_labels) == 3
    (task,) = await tapd.rows("/tasks", workspace_id=WORK, story_id="501")
    assert (task["status"], task["entity_type"], task["iteration_id"]) == ("open", "Task", "0")
    assert (await tapd.get("/tasks/count", workspace_id=WORK))[1]["data"] == {"count": 1}


async def test_one_change_row_holds_all_fields_saved_in_one_second(
    workspace: TapdWorkspaceRecords, tapd
) -> None:
    workspace.change_story(
        "501",
        {"status": "developing", "priority": "4", "label": "阻塞|重点关注"},
        at="2026-03-05 23:59:59",
        author="user03",
    )
    (row,) = await tapd.rows("/story_changes", workspace_id=WORK, created="2026-03-05")
    assert (row["created"], row["creator"], row["story_id"]) == ("2026-03-05 23:59:59", "user03", "501")
    assert (row["change_type"], row["change_type_text"]) == ("manual_update", "手动变更")
    assert (row["change_summary"], row["entity_type"], row["workitem_type_id"]) == ("planning", "Story", "0")
    assert row["field_changes"][:3] == [
        {
            "field": "status",
            "value_before": "planning",
            "value_after": "developing",
            "value_before_parsed": "规划中",
            "value_after_parsed": "实现中",
            "field_label": "状态",
        },
        {
            "field": "priority",
            "value_before": "3",
            "value_after": "4",
            "value_before_parsed": "Middle",
            "value_after_parsed": "High",
            "field_label": "优先级",
        },
        {
            "field": "label",
            "value_before": "",
            "value_after": "阻塞|重点关注",
            "value_before_parsed": "--",
            "value_after_parsed": "阻塞|重点关注",
            "field_label": "标签",
        },
    ]
    assert [entry["field"] for entry in row["field_changes"][3:]] == ["tapd_request_id"]
    assert json.loads(row["changes"])[0] == {
        "field": "status",
        "value_before": "planning",
        "value_after": "developing",
    }
    (story,) = await tapd.rows("/stories", workspace_id=WORK, id="501")
    assert (story["status"], story["priority_label"], story["label"]) == (
        "developing",
        "High",
        "阻塞|重点关注",
    )
    assert (story["modified"], story["completed"]) == ("2026-03-05 23:59:59", None)


async def test_an_iteration_changes_by_name_with_ids_beside_it_and_is_taken_away_as_integer_zero(
    workspace: TapdWorkspaceRecords, tapd
) -> None:
    workspace.change_story("501", {"iteration_id": "72"}, at="2026-03-14 10:00:00")
    workspace.change_story("501", {"iteration_id": "0"}, at="2026-03-15 10:00:00")
    workspace.change_story("501", {"iteration_id": "71"}, at="2026-03-16 10:00:00")
    rows = await tapd.rows("/story_changes", workspace_id=WORK, story_id="501", order="created asc")
    entries = [row["field_changes"][0] for row in rows[1:]]
    seen = [
        (
            entry["value_before"],
            entry["value_after"],
            entry["before_iteration_id"],
            entry["after_iteration_id"],
            entry["value_after_parsed"],
        )
        for entry in entries
    ]
    assert seen == [
        ("迭代1", "迭代2", "71", "72", "迭代2"),
        ("迭代2", 0, "72", 0, "0"),
        ("0", "迭代1", "0", "71", "迭代1"),
    ]
    assert json.loads(rows[2]["changes"])[0]["value_after"] == 0


async def test_a_creation_row_tells_what_a_story_was_born_with_from_empty_values(
    workspace: TapdWorkspaceRecords, tapd
) -> None:
    workspace.change_story("501", {"status": "resolved", "iteration_id": "72"}, at="2026-03-14 10:00:00")
    (row,) = await tapd.rows("/story_changes", workspace_id=WORK, created="2026-03-02", story_id="501")
    assert (row["change_type"], row["change_summary"]) == ("create_story", "create_story")
    born = {
        entry["field"]: (entry["value_before"], entry["value_after"], entry["value_after_parsed"])
        for entry in row["field_changes"]
    }
    assert born == {
        "owner": ("", "user03;", "user03;"),
        "priority": ("", "3", "Middle"),
        "workitem_type_id": ("", NEED, "需求"),
        "name": ("", "导航 1", "导航 1"),
        "iteration_id": ("", "迭代1", "迭代1"),
        "parent_id": ("", "500", "导航"),
        "status": ("", "planning", "规划中"),
        "creator": ("", "user02", "user02"),
        "id": ("", "501", "501"),
    }


async def test_custom_fields_change_as_objects_and_steps_of_a_parallel_workflow_are_flagged(
    workspace: TapdWorkspaceRecords, tapd
) -> None:
    workspace.change_story("501", {"custom_field_one": "高"}, at="2026-03-06 10:00:00")
    workspace.change_story("501", {"status": "2"}, at="2026-03-07 10:00:00", step_change=True)
    workspace.change_story("501", {"status": ""}, at="2026-03-08 10:00:00", step_change="entry")
    rows = await tapd.rows("/story_changes", workspace_id=WORK, story_id="501", order="created asc")
    custom, flagged, inside = rows[1:]
    assert custom["field_changes"][0]["value_before"] == {"custom_field_one": ""}
    assert custom["field_changes"][0]["value_after"] == {"custom_field_one": "高"}
    assert flagged["is_step_change"] == "1"
    assert flagged["field_changes"][0]["value_after"] == "2"
    assert inside["field_changes"][0]["is_step_change"] == 1
    assert "is_step_change" not in inside
    (story,) = await tapd.rows("/stories", workspace_id=WORK, id="501")
    assert (story["status"], story["modified"]) == ("planning", "2026-03-06 10:00:00")


@pytest.mark.parametrize("path, key", [("/story_changes", "story_id"), ("/task_changes", "task_id")])
async def test_the_feeds_take_one_day_or_ids_and_serve_at_most_a_hundred_rows(
    workspace: TapdWorkspaceRecords, servers: Running, tapd, path, key
) -> None:
    item = "501" if key == "story_id" else "800"
    change = workspace.change_story if key == "story_id" else workspace.change_task
    for number in range(120):
        change(
            item,
            {"owner": f"user{number % 9 + 1:02d};"},
            at=f"2026-03-10 {number // 60:02d}:00:{number % 60:02d}",
        )
    for query in ({}, {"created": ">2026-03-10"}, {"created": "2026-03-01~2026-03-11"}):
        for end in ("", "/count"):
            status, body = await tapd.get(f"{path}{end}", workspace_id=WORK, **query)
            assert (status, body["status"]) == (422, 422)
    assert len(await tapd.rows(path, workspace_id=WORK, created="2026-03-10", limit="200")) == 100
    assert len(await tapd.rows(path, workspace_id=WORK, created="2026-03-10")) == 30
    second = await tapd.rows(path, workspace_id=WORK, created="2026-03-10", limit="200", page="2")
    assert len(second) == 20
    count = (await tapd.get(f"{path}/count", workspace_id=WORK, created="2026-03-10"))[1]["data"]
    assert count == {"count": 120}
    born = await tapd.rows(path, workspace_id=WORK, change_field="name", **{key: item})
    assert [row["change_type"] for row in born] == [f"create_{key[:-3]}"]
    short = await tapd.rows(path, workspace_id=WORK, need_parse_changes="0", **{key: item})
    assert "field_changes" not in short[0]
    assert servers.tapd.counters.by_path[path] == 8
    servers.tapd.faults.arm(FaultKind.UNSCOPED_CHANGES, times=None)
    assert len(await tapd.rows(path, workspace_id=WORK, created=">2026-03-10")) == 30


async def test_removed_stories_and_tasks_say_when_and_neither_type_nor_new_id(
    workspace: TapdWorkspaceRecords, tapd
) -> None:
    workspace.delete_story("502", at="2026-03-09 11:04:59", operator="user05")
    workspace.delete_task("800", at="2026-03-10 11:04:59")
    (story,) = await tapd.rows("/stories/get_removed_stories", workspace_id=WORK, deleted=">2026-03-09")
    assert story == {
        "id": "502",
        "name": "导航 2",
        "creator": "user02",
        "created": "2026-03-03 10:00:00",
        "operation_user": "user05",
        "deleted": "2026-03-09 11:04:59",
        "is_archived": "0",
    }
    (task,) = await tapd.rows("/tasks/get_removed_tasks", workspace_id=WORK)
    assert (task["id"], task["deleted"]) == ("800", "2026-03-10 11:04:59")
    assert await tapd.rows("/stories/get_removed_stories", workspace_id=WORK, is_archived="1") == []
    assert await tapd.rows("/tasks", workspace_id=WORK) == []
    workspace.restore_story("502", at="2026-03-11 09:00:00")
    assert await tapd.rows("/stories/get_removed_stories", workspace_id=WORK) == []
    (story,) = await tapd.rows("/stories", workspace_id=WORK, id="502")
    assert story["modified"] == "2026-03-11 09:00:00"
