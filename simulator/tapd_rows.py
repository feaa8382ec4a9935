"""What TAPD's rows may turn into between two requests, or on the wire, when a switch says so."""

from datetime import datetime, timedelta
from zlib import crc32

from simulator.clock import beijing, beijing_day, midnight
from simulator.faults import Fault, FaultKind
from simulator.shapes import PEOPLE_FIELDS, TIME_FIELDS, Record
from simulator.tapd_records import TapdWorkspaceRecords


def evolve(workspace: TapdWorkspaceRecords, rows: list[Record], fault: Fault, now: datetime) -> None:
    """Change the workspace as the switch says: a bug appears, is modified, or vanishes.

    ``rows`` are the listing's rows in the asked order; the names of the bugs concerned go to
    ``fault.touched``. Rows without a bug (iterations) are left alone.
    """
    stamp = beijing(now)
    names = list(dict.fromkeys(_bug_id(row) for row in rows))
    names = [name for name in names if name in workspace.bugs]
    if fault.kind is FaultKind.INSERT_AT_HEAD:
        bug = workspace.add_bug(
            {"title": "刚刚发现的问题", "created": stamp, "severity": "normal", **fault.record}
        )
        fault.touched.append(str(bug["id"]))
        return
    if not names:
        return
    if fault.kind is FaultKind.UPDATE_ROW:
        status = "closed" if workspace.bugs[names[0]].get("status") != "closed" else "reopened"
        workspace.change_bug(names[0], {"status": status, **fault.record}, at=stamp)
        fault.touched.append(names[0])
    elif fault.kind is FaultKind.DELETE_ROW:
        workspace.delete_bug(names[0], at=stamp)
        fault.touched.append(names[0])
    elif fault.kind is FaultKind.CLOCK_EDGE:
        first = midnight(datetime.fromisoformat(fault.day).date() if fault.day else beijing_day(now))
        for name, edge in zip(names[:2], (first, first - timedelta(seconds=1)), strict=False):
            workspace.change_bug(name, {"module": "边界", **fault.record}, at=beijing(edge))
            fault.touched.append(name)


def _bug_id(row: Record) -> str:
    return str(row["bug_id"] if "bug_id" in row else row.get("id"))


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
