"""Accounts, timesheets and times in a status, by the rules of TAPD's documentation."""

from __future__ import annotations

from simulator import TapdWorkspaceRecords
from tests.simulator.conftest import Client

BORN = "2026-03-02 10:00:00"
PLACE = {"workspace_id": "20063288"}


async def test_accounts_come_all_at_once_and_addresses_only_when_asked_for(
    workspace: TapdWorkspaceRecords, tapd: Client
) -> None:
    for number in range(40):
        workspace.add_user(f"user{number:02d}", real_join_time="2026-01-05")
    rows = await tapd.rows("/workspaces/users", **PLACE)
    assert len(rows) == 40
    assert rows[0] == {
        "user": "user00",
        "role_id": ["1120063288001000001"],
        "name": "user00",
        "join_project_time": None,
        "real_join_time": "2026-01-05",
        "status": "1",
        "allocation": "100",
        "leave_project_time": None,
    }
    rows = await tapd.rows("/workspaces/users", **PLACE, fields="user,email")
    assert rows[1] == {"user": "user01", "email": "user01@example.com"}


async def test_timesheets_that_were_deleted_come_only_when_asked_for(
    workspace: TapdWorkspaceRecords, tapd: Client
) -> None:
    for number in (1, 2):
        spent = {"id": str(number), "entity_type": "task", "entity_id": "800", "timespent": "2"}
        workspace.add_timesheet({**spent, "created": f"2026-03-0{number} 18:00:00"})
    workspace.delete_timesheet("1", at="2026-03-05 10:00:00")

    async def ids(**query: str) -> list[str]:
        return [row["id"] for row in await tapd.rows("/timesheets", **PLACE, **query)]

    assert await ids() == ["2"]
    assert await ids(is_delete="1") == ["1"]
    assert await ids(is_delete="1", modified=">2026-03-06") == []
    assert (await tapd.get("/timesheets/count", **PLACE))[1]["data"] == {"count": 1}


async def test_times_in_a_status_are_of_one_item_and_know_what_the_feed_does_not_tell(
    workspace: TapdWorkspaceRecords, tapd: Client
) -> None:
    workspace.add_bug({"id": "9", "created": BORN})
    workspace.change_bug("9", {"status": "resolved"}, at="2026-03-03 11:30:00", recorded=False)
    status, answer = await tapd.get("/life_times", **PLACE, entity_type="bug")
    assert (status, answer["status"]) == (422, 422)
    query = {"entity_type": "bug", "entity_id": "9", "order": "created asc"}
    rows = await tapd.rows("/life_times", **PLACE, **query)
    assert [(row["status"], row["begin_date"], row["end_date"], row["time_cost"]) for row in rows] == [
        ("new", BORN, "2026-03-03 11:30:00", "25.5"),
        ("resolved", "2026-03-03 11:30:00", "2026-03-03 11:30:00", "0"),
    ]
    query["entity_id"] = "nothing"
    assert await tapd.rows("/life_times", **PLACE, **query) == []
