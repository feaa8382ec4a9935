"""Who takes part in a workspace, what they noted as spent, and how long its items stood in each status."""

from collections.abc import Mapping

from simulator.clock import from_beijing
from simulator.shapes import Record
from simulator.tapd_store import WorkspaceStore

TIMESHEET_DEFAULTS: Record = {
    "id": None,
    "entity_type": None,
    "entity_id": None,
    "timespent": "0",
    "spentdate": None,
    "owner": None,
    "created": None,
    "modified": None,
    "workspace_id": None,
    "memo": None,
    "is_delete": "0",
}

LIFE_TIME_DEFAULTS: Record = {
    "id": None,
    "workspace_id": None,
    "entity_type": None,
    "entity_id": None,
    "status": None,
    "owner": "",
    "is_repeated": "0",
    "begin_date": None,
    "end_date": None,
    "time_cost": "0",
    "operator": None,
    "created": None,
    "change_from": "status",
}

#: What is told of an account, and what only where it is asked for by ``fields``.
USER_DEFAULTS: Record = {
    "user": None,
    "role_id": (),
    "name": None,
    "join_project_time": None,
    "real_join_time": None,
    "status": "1",
    "allocation": "100",
    "leave_project_time": None,
}


class EffortRecords(WorkspaceStore):
    """The operations on accounts and timesheets; ``users`` go by name, both may be edited in place."""

    def add_user(self, user: str, **more: object) -> Record:
        """Let an account take part in the workspace; ``more`` are other fields of its row."""
        address = {"user_id": self.next_id("user"), "email": f"{user}@example.com"}
        row = USER_DEFAULTS | {"user": user, "name": user, "role_id": [f"11{self.id}001000001"]}
        self.users[user] = row | address | more
        return self.users[user]

    def add_timesheet(self, record: Mapping[str, object]) -> Record:
        """Add what somebody noted as spent; ``entity_type``, ``entity_id`` and ``created`` are required."""
        row = {"id": self.next_id("timesheet"), "workspace_id": self.id, "modified": record["created"]}
        row |= {"spentdate": str(record["created"])[:10], **record}
        self.timesheets[str(row["id"])] = row
        return row

    def delete_timesheet(self, timesheet_id: str, *, at: str) -> None:
        """Delete what was noted: its row is told only where deleted ones are asked for."""
        self.timesheets[timesheet_id] |= {"is_delete": "1", "modified": at}

    def life_times(self, kind: str, item_id: str) -> list[Record]:
        """The rows of an item: each stretch in a status as TAPD knows it, whatever its change feed tells.

        The present status begins and ends with its first instant.
        """
        items = {"bug": self.bug_items, "story": self.story_items, "task": self.task_items}[kind]
        item = items.known(item_id)
        steps = self.statuses.get((kind, item_id), [])
        if not item:
            return []
        first = str(steps[0][1]) if steps else str(item.get("status"))
        begun = [(str(item["created"]), first), *((at, new) for at, _, new in steps)]
        ended = [at for at, _ in begun[1:]] + [begun[-1][0]]
        return [
            LIFE_TIME_DEFAULTS
            | {
                "id": f"{item_id}{number:03d}",
                "workspace_id": self.id,
                "entity_type": kind,
                "entity_id": item_id,
                "status": status,
                "begin_date": begin,
                "end_date": end,
                "time_cost": f"{_hours(begin, end):.2f}".rstrip("0").rstrip("."),
                "created": begin,
            }
            for number, ((begin, status), end) in enumerate(zip(begun, ended, strict=True))
        ]


def _hours(begin: str, end: str) -> float:
    return max((from_beijing(end) - from_beijing(begin)).total_seconds(), 0.0) / 3600
