"""What a faithful TAPD must do, over real sockets; the numbers are those of the list of demands."""

import pytest

from simulator import Company, FaultKind, Running, TapdAccount


@pytest.mark.parametrize("authorization", [None, "Basic bm90OnJpZ2h0", "Basic %%%", "Digest x"])
async def test_01_a_wrong_account_gets_401_in_the_envelope(tapd, authorization) -> None:
    tapd.headers = {"Authorization": authorization} if authorization else {}
    status, headers, body = await tapd.full("/bugs", workspace_id="991")
    assert status == 401
    assert headers["WWW-Authenticate"] == "Basic realm='TAPD API'"
    assert (body["status"], body["data"], body["info"]) == (401, "", "401 Unauthorized")
    assert body["meta"]["request_id"]


async def test_01_a_bearer_token_opens_and_a_wrong_one_is_a_parameter_error(tapd) -> None:
    tapd.headers = {"Authorization": f"Bearer {TapdAccount().token}"}
    assert (await tapd.get("/quickstart/testauth"))[0] == 200
    tapd.headers = {"Authorization": "Bearer wrong"}
    status, body = await tapd.get("/quickstart/testauth")
    assert (status, body["status"], body["info"]) == (422, 422, "The access token provided is invalid")


async def test_02_rows_stand_in_wrappers_and_hold_only_strings_and_nulls(tapd) -> None:
    status, headers, body = await tapd.full("/bugs", workspace_id="991")
    assert headers["Content-Type"].startswith("application/json")
    assert (status, body["status"], body["info"]) == (200, 1, "success")
    assert {type(value) for row in body["data"] for value in row["Bug"].values()} == {str, type(None)}
    assert len(body["data"][0]["Bug"]) >= 179
    assert (await tapd.get("/bugs/count", workspace_id="991"))[1]["data"] == {"count": 7}


async def test_02_the_company_lists_its_workspaces_with_an_integer_only_in_member_count(tapd) -> None:
    rows = await tapd.rows("/workspaces/projects", company_id="20003271")
    assert [row["name"] for row in rows] == ["云盘 & 协作", "智行"]
    assert {key for key, value in rows[0].items() if isinstance(value, int)} == {"member_count"}
    assert (await tapd.get("/workspaces/projects"))[1]["status"] == 422
    status, body = await tapd.get("/workspaces/get_workspace_info", workspace_id="992")
    assert (status, body["data"]["Workspace"]["id"]) == (200, "992")
    assert len(await tapd.rows("/workspaces/user_participant_projects", nick="user01")) == 2
    assert len(await tapd.rows("/workspaces/sub_workspaces", workspace_id="20003271")) == 2


async def test_03_thirty_rows_unless_told_and_never_more_than_two_hundred(by_hand: Company, tapd) -> None:
    for _ in range(260):
        by_hand.workspaces["992"].add_bug({"created": "2026-03-01 10:00:00"})
    assert len(await tapd.rows("/bugs", workspace_id="992")) == 30
    assert len(await tapd.rows("/bugs", workspace_id="992", limit="500")) == 200
    assert len(await tapd.rows("/bugs", workspace_id="992", limit="200", page="2")) == 60
    assert await tapd.rows("/bugs", workspace_id="992", limit="200", page="3") == []
    status, body = await tapd.get("/bugs", workspace_id="992", limit="200", page="101")
    assert (status, body["status"]) == (422, 422)
    assert (await tapd.rows("/bugs", workspace_id="992", limit="200", page="100")) == []


@pytest.mark.parametrize(
    "query, ids",
    [
        ({"created": ">2026-03-05"}, ["1105", "1106", "1107"]),
        ({"created": ">2026-03-05 10:00:00"}, ["1106", "1107"]),
        ({"created": "<2026-03-02"}, ["1101"]),
        ({"created": "2026-03-02~2026-03-03"}, ["1102", "1103"]),
        ({"created": "2026-03-02 10:00:00~2026-03-03 09:59:59"}, ["1102"]),
        ({"created": "2026-03-02"}, ["1102"]),
        ({"severity": "fatal|serious"}, ["1102", "1104", "1106"]),
        ({"severity": "<>fatal"}, ["1101", "1103", "1105", "1107"]),
        ({"iteration_id": "<>5001"}, ["1101", "1102", "1103", "1104", "1105"]),
        ({"id": "1101,1107,9"}, ["1101", "1107"]),
        ({"version_report": "v1.1 & 热修#2"}, ["1104", "1105", "1106", "1107"]),
        ({"title": "bug 3"}, ["1103"]),
        ({"title": "EQ<Bug 3>"}, ["1103"]),
        ({"title": "LIKE_OR<g 3|g 4>"}, ["1103", "1104"]),
        ({"current_owner": "user01|nobody", "created": "<2026-03-04"}, ["1101", "1103"]),
        ({"current_owner": "user02;user01", "created": "<2026-03-04"}, ["1101", "1103"]),
        ({"v_status": "新", "id": "1101"}, ["1101"]),
        ({"v_status": "已解决"}, []),
    ],
)
async def test_04_filters_select_as_documented(tapd, query, ids) -> None:
    rows = await tapd.rows("/bugs", workspace_id="991", order="created asc", **query)
    assert [row["id"] for row in rows] == ids
    assert (await tapd.get("/bugs/count", workspace_id="991", **query))[1]["data"] == {"count": len(ids)}


async def test_04_order_and_fields_are_obeyed_and_labels_returns_everything(tapd) -> None:
    newest = await tapd.rows("/bugs", workspace_id="991", order="created desc", fields="id,status")
    assert newest[0] == {"id": "1107", "status": "new"}
    assert [row["id"] for row in newest] == [f"110{day}" for day in range(7, 0, -1)]
    assert len((await tapd.rows("/bugs", workspace_id="991", fields="labels"))[0]) >= 179
    assert (await tapd.get("/bugs", workspace_id="991", created=">March"))[1]["status"] == 422


async def test_05_the_change_feed_takes_one_beijing_day_or_bug_ids_and_nothing_else(
    by_hand: Company, servers: Running, tapd
) -> None:
    workspace = by_hand.workspaces["991"]
    for created in (
        "2026-03-03 23:59:59",
        "2026-03-04 00:00:00",
        "2026-03-04 23:59:59",
        "2026-03-05 00:00:00",
    ):
        workspace.add_change({"bug_id": "1101", "field": "status", "new_value": "closed", "created": created})
    for query in ({}, {"created": ">2026-03-04"}, {"created": "2026-03-01~2026-03-09"}, {"field": "status"}):
        status, body = await tapd.get("/bug_changes", workspace_id="991", **query)
        assert (status, body["status"]) == (422, 422)
    rows = await tapd.rows("/bug_changes", workspace_id="991", created="2026-03-04", order="created asc")
    assert [row["created"] for row in rows] == ["2026-03-04 00:00:00", "2026-03-04 23:59:59"]
    assert len(await tapd.rows("/bug_changes", workspace_id="991", bug_id="1101,1102")) == 4
    assert (await tapd.get("/bug_changes/count", workspace_id="991", created="2026-03-05"))[1]["data"] == {
        "count": 1
    }
    servers.tapd.faults.arm(FaultKind.UNSCOPED_CHANGES, times=None)
    assert len(await tapd.rows("/bug_changes", workspace_id="991", created=">2026-03-04")) == 3
    assert len(await tapd.rows("/bug_changes", workspace_id="991")) == 4


async def test_05_creation_records_come_only_when_asked_for(by_hand: Company, tapd) -> None:
    workspace = by_hand.workspaces["991"]
    workspace.change_bug("1101", {"status": "in_progress"}, at="2026-03-02 09:00:00")
    asked = await tapd.rows(
        "/bug_changes", workspace_id="991", bug_id="1101", include_add_bug="1", order="id asc"
    )
    assert [(row["change_type"], row["old_value"], row["new_value"]) for row in asked] == [
        ("create_bug", "", "new"),
        ("", "new", "in_progress"),
    ]
    assert len(await tapd.rows("/bug_changes", workspace_id="991", bug_id="1101")) == 1


async def test_07_an_unknown_path_says_hello_and_an_unknown_workspace_404(tapd) -> None:
    status, body = await tapd.get("/bugz", workspace_id="991")
    assert (status, body["status"]) == (200, 1)
    assert body["data"].startswith("Hello world from TAPD API.")
    status, body = await tapd.get("/bugs", workspace_id="1010480")
    assert (status, body["status"], body["info"]) == (404, 404, "workspace 1010480 not existed")
    assert (await tapd.get("/bugs"))[1]["status"] == 422


async def test_09_a_deleted_bug_leaves_a_change_and_a_removed_row(by_hand: Company, tapd) -> None:
    by_hand.workspaces["991"].delete_bug("1103", at="2026-03-09 11:04:59", operator="user02")
    assert "1103" not in [row["id"] for row in await tapd.rows("/bugs", workspace_id="991")]
    (change,) = await tapd.rows("/bug_changes", workspace_id="991", created="2026-03-09")
    assert (change["field"], change["old_value"], change["new_value"], change["memo"]) == (
        "delete_bug",
        "--",
        "--",
        "delete bug",
    )
    (removed,) = await tapd.rows("/bugs/get_removed_bugs", workspace_id="991", modified=">2026-03-09")
    assert (removed["id"], removed["type"], removed["modified"]) == ("1103", "delete", "2026-03-09 11:04:59")
    assert (removed["removed_comment"], removed["new_bug_url"]) == ('{"action":"delete"}', "")


async def test_09_merges_and_moves_are_listed_only_with_include_all(by_hand: Company, tapd) -> None:
    old = by_hand.workspaces["991"]
    old.change_bug("1104", {"status": "in_progress"}, at="2026-03-05 09:00:00")
    old.merge_bug("1105", into="1104", at="2026-03-06 09:00:00")
    by_hand.move_bug("1104", source="991", target="992", at="2026-03-07 09:00:00", new_id="9904")
    assert await tapd.rows("/bugs/get_removed_bugs", workspace_id="991") == []
    rows = await tapd.rows(
        "/bugs/get_removed_bugs", workspace_id="991", include_all="1", order="modified asc"
    )
    assert [(row["id"], row["type"], row["new_bug_url"]) for row in rows] == [
        ("1105", "merge", "https://tapd.example.com/991/bugtrace/bugs/view?bug_id=1104"),
        ("1104", "move", "https://tapd.example.com/992/bugtrace/bugs/view?bug_id=9904"),
    ]
    (bug,) = await tapd.rows("/bugs", workspace_id="992")
    assert (bug["id"], bug["created"], bug["workspace_id"]) == ("9904", "2026-03-04 10:00:00", "992")
    assert (bug["status"], bug["modified"]) == ("in_progress", "2026-03-07 09:00:00")
    (copied,) = await tapd.rows("/bug_changes", workspace_id="992", bug_id="9904")
    (stayed,) = await tapd.rows("/bug_changes", workspace_id="991", bug_id="1104")
    assert copied["created"] == stayed["created"] == "2026-03-05 09:00:00"
    assert copied["id"] != stayed["id"]


async def test_10_change_ids_have_twenty_digits_and_exceed_sixty_four_bits(by_hand: Company, tapd) -> None:
    workspace = by_hand.workspaces["991"]
    workspace.change_bug("1101", {"iteration_id": "5001", "severity": "fatal"}, at="2026-03-02 00:00:00")
    rows = await tapd.rows("/bug_changes", workspace_id="991", created="2026-03-02", order="id asc")
    assert [(row["field"], row["old_value"], row["new_value"]) for row in rows] == [
        ("iteration_id", "--", "迭代1"),
        ("severity", "normal", "fatal"),
    ]
    assert all(len(row["id"]) == 20 and int(row["id"]) > 2**63 for row in rows)
    (bug,) = await tapd.rows("/bugs", workspace_id="991", id="1101")
    assert (bug["iteration_id"], bug["modified"]) == ("5001", "2026-03-02 00:00:00")


async def test_12_a_linked_commit_does_not_touch_the_bugs_modified(by_hand: Company, tapd) -> None:
    row = {"bug_id": "1101", "field": "source_commit", "new_value": "5f2c", "created": "2026-03-08 10:00:00"}
    by_hand.workspaces["991"].add_change(row)
    (bug,) = await tapd.rows("/bugs", workspace_id="991", id="1101")
    assert bug["modified"] == "2026-03-01 10:00:00"
    assert len(await tapd.rows("/bug_changes", workspace_id="991", created="2026-03-08")) == 1


async def test_the_workflow_is_an_object_of_codes_and_labels_in_order(by_hand: Company, tapd) -> None:
    by_hand.workspaces["991"].set_workflow(status_map={"new": "新", "status_2": "待评审"}, last_steps={})
    query = {"workspace_id": "991", "system": "bug"}
    status_map = (await tapd.get("/workflows/status_map", **query))[1]["data"]
    assert list(status_map.items()) == [("new", "新"), ("status_2", "待评审")]
    assert (await tapd.get("/workflows/last_steps", **query))[1]["data"] == []
    assert (await tapd.get("/workflows/first_step", **query))[1]["data"] == {"new": "新"}
    all_last = (await tapd.get("/workflows/all_last_steps", workspace_id="992", system="bug"))[1]["data"]
    assert list(all_last.values()) == [{"rejected": "已拒绝", "closed": "已关闭"}]
    assert (await tapd.get("/workflows/status_map", workspace_id="991"))[1]["status"] == 422
    assert await tapd.rows("/workitem_types", workspace_id="991") == []
    assert await tapd.rows("/bugs/custom_fields_settings", workspace_id="991") == []
    (iteration,) = await tapd.rows("/iterations", workspace_id="991")
    assert (iteration["id"], iteration["name"], iteration["completed"]) == ("5001", "迭代1", None)
    assert (await tapd.get("/iterations/count", workspace_id="991"))[1]["data"] == {"count": 1}
