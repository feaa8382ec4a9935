"""What TAPD's rows may turn into between two requests, or on the wire, when a switch says so."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zlib import crc32

from simulator.clock import beijing, beijing_day, midnight
from simulator.faults import Fault, FaultKind
from simulator.shapes import PEOPLE_FIELDS, TIME_FIELDS, Record
from simulator.tapd_records import Items, TapdWorkspaceRecords


@dataclass(frozen=True)
class Kind:
    """One kind of item, and how its rows come, change and go."""

    items: Callable[[TapdWorkspaceRecords], Items]
    add: Callable[[TapdWorkspaceRecords, Mapping[str, object]], Record]
    change: Callable[..., Any]
    delete: Callable[..., None]
    born_with: Record
    ended: str
    begun: str


BUG = Kind(
    lambda workspace: workspace.bug_items,
    TapdWorkspaceRecords.add_bug,
    TapdWorkspaceRecords.change_bug,
    TapdWorkspaceRecords.delete_bug,
    {"title": "刚刚发现的问题", "severity": "normal"},
    ended="closed",
    begun="reopened",
)
STORY = Kind(
    lambda workspace: workspace.story_items,
    TapdWorkspaceRecords.add_story,
    TapdWorkspaceRecords.change_story,
    TapdWorkspaceRecords.delete_story,
    {"name": "刚刚提出的需求", "priority": "3"},
    ended="resolved",
    begun="developing",
)
TASK = Kind(
    lambda workspace: workspace.task_items,
    TapdWorkspaceRecords.add_task,
    TapdWorkspaceRecords.change_task,
    TapdWorkspaceRecords.delete_task,
    {"name": "刚刚分出的任务"},
    ended="done",
    begun="progressing",
)


def evolve(
    workspace: TapdWorkspaceRecords, kind: Kind | None, rows: list[Record], fault: Fault, now: datetime
) -> None:
    """Change the workspace as the switch says: an item appears, is modified, or vanishes.

    ``rows`` are the listing's rows in the asked order; the names of the items concerned go to
    ``fault.touched``. Rows that are about no item (iterations) are left alone.
    """
    if kind is None:
        return
    stamp, items = beijing(now), kind.items(workspace)
    if fault.kind is FaultKind.INSERT_AT_HEAD:
        item = kind.add(workspace, {**kind.born_with, "created": stamp, **fault.record})
        fault.touched.append(str(item["id"]))
        return
    names = list(dict.fromkeys(str(row[items.key] if items.key in row else row.get("id")) for row in rows))
    names = [name for name in names if name in items.rows]
    if not names:
        return
    if fault.kind is FaultKind.UPDATE_ROW:
        status = kind.ended if items.rows[names[0]].get("status") != kind.ended else kind.begun
        kind.change(workspace, names[0], {"status": status, **fault.record}, at=stamp)
        fault.touched.append(names[0])
    elif fault.kind is FaultKind.DELETE_ROW:
        kind.delete(workspace, names[0], at=stamp)
        fault.touched.append(names[0])
    elif fault.kind is FaultKind.CLOCK_EDGE:
        first = midnight(datetime.fromisoformat(fault.day).date() if fault.day else beijing_day(now))
        for edge in map(beijing, (first, first - timedelta(seconds=1))):
            # No row is modified before it was modified.
            older = [name for name in names if str(items.rows[name].get("modified") or "") < edge]
            for name in older[:1]:
                # Only the row's time lies there: what the feed tells of it is told now.
                kind.change(workspace, name, {"module": "边界", **fault.record}, at=edge, rows_at=stamp)
                fault.touched.append(name)


def drifted(row: Record) -> Record:
    """The row in other types than documented, the same way each time it is served.

    Workspace ids become integers, one kind of empty becomes another, people get a trailing ``;``, and keys
    appear that nobody announced, one of them an object.
    """
    changed = dict(row)
    empties = ("", None, "--")
    for name, value in row.items():
        draw = crc32(f"{row.get('id')}/{name}".encode())
        if name == "workspace_id" and str(value).isdecimal():
            changed[name] = int(str(value))
        elif name in TIME_FIELDS and not value:
            changed[name] = (None, "", "0000-00-00 00:00:00")[draw % 3]
        elif name == "iteration_id" and value in {"0", None, ""}:
            changed[name] = ("0", 0, None, "")[draw % 4]
        elif value is None or value == "":
            changed[name] = empties[draw % 3]
        elif name in PEOPLE_FIELDS and not str(value).endswith(";"):
            changed[name] = f"{value};"
        elif name.startswith("custom_field") and draw % 2:
            changed[name] = {"value": value}
    return changed | {"is_archived_v2": 0, "extend_info": {"version": 3, "tags": []}}
