"""Wire records with the fields no metric looks at filled in. Times are naive Beijing ones of 2026."""

from typing import Any

from tests.reference.wire import Record

WEB, MOBILE, ENGINE, ELSEWHERE = "10100001", "10100002", "10200001", "10300001"

# The workspace of an item by the first letter of the name the comments call it by.
SCOPES = {"W": WEB, "M": MOBILE, "E": ENGINE, "X": ELSEWHERE}


def bug_id(name: str) -> str:
    """TAPD's id of a bug, 1 + workspace + serial, for a short name such as W12."""
    return f"1{SCOPES[name[0]]}001{int(name[1:]):06d}"


def when(text: str) -> str:
    """`03-02 09:00` as TAPD writes it; seconds may be given."""
    return f"2026-{text}" if text.count(":") == 2 else f"2026-{text}:00"


def row(name: str, created: str, modified: str, status: str, **fields: Any) -> Record:
    """A row of /bugs; `fields` are those of the wire."""
    record: Record = {
        "id": bug_id(name),
        "title": f'{name}: 结算页 <b>shows</b> "nothing"',
        "description": "",
        "priority": "medium",
        "severity": "normal",
        "module": "",
        "status": status,
        "reporter": "user01",
        "current_owner": "user02;",
        "created": when(created),
        "modified": when(modified),
        "resolved": None,
        "closed": None,
        "version_report": None,
        "version_fix": "",
        "iteration_id": "0",
        "due": None,
        "resolution": "",
        "label": None,
        "workspace_id": SCOPES[name[0]],
    }
    return record | fields


def change(name: str, at: str, field: str, old: Any, new: Any, **fields: Any) -> Record:
    """A row of /bug_changes; its id is given when the feed is put together, in the order of the list."""
    record: Record = {
        "id": "",
        "bug_id": bug_id(name),
        "author": "user02",
        "field": field,
        "old_value": old,
        "new_value": new,
        "memo": None,
        "created": when(at),
        "change_type": "",
        "workspace_id": SCOPES[name[0]],
    }
    return record | fields


def walk(name: str, *steps: str) -> list[Record]:
    """Status changes written `"03-03 10:00 new>in_progress"`."""
    found = []
    for step in steps:
        at, codes = step.rsplit(" ", 1)
        old, new = codes.split(">")
        found.append(change(name, at, "status", old, new))
    return found


def removal(name: str, created: str, at: str, kind: str, to: str | None = None) -> Record:
    """A row of /bugs/get_removed_bugs; `to` names the bug it was merged into or moved to become."""
    url = (
        ""
        if to is None
        else f"https://tapd.example.com/{SCOPES[to[0]]}/bugtrace/bugs/view?bug_id={bug_id(to)}"
    )
    return {
        "id": bug_id(name),
        "title": f"{name}: 结算页",
        "reporter": "user01",
        "created": when(created),
        "operation_user": "user03",
        "modified": when(at),
        "removed_comment": f'{{"action":"{kind}"}}',
        "type": kind,
        "new_bug_url": url,
    }


def iteration(workspace: str, serial: int, name: str, start: str, end: str) -> Record:
    return {
        "id": f"1{workspace}00100{serial:04d}",
        "name": name,
        "workspace_id": workspace,
        "startdate": f"2026-{start}",
        "enddate": f"2026-{end}",
        "status": "open",
        "created": "2026-02-10 10:00:00",
        "modified": "2026-02-10 10:00:00",
        "completed": None,
    }


def numbered(workspace: str, changes: list[Record]) -> list[Record]:
    """The feed with 20-digit ids in the order given, as an append-only feed has them."""
    return [record | {"id": f"1{workspace}{n:011d}"} for n, record in enumerate(changes, 1)]


def event(number: int, project: int, at: str, action: str, kind: str | None, /, **push: Any) -> Record:
    """An event of a GitLab project; `push` becomes push_data."""
    record: Record = {
        "id": number,
        "project_id": project,
        "action_name": action,
        "target_id": None if kind is None else 1000 + number,
        "target_iid": None if kind is None else number,
        "target_type": kind,
        "author_id": 2,
        "target_title": None if kind is None else "a title",
        "created_at": at,
        "author": {"id": 2, "username": "user02", "name": "user02", "state": "active"},
        "author_username": "user02",
    }
    if push:
        defaults = {"commit_count": 1, "action": "pushed", "ref_type": "branch", "ref": "main"}
        record["push_data"] = {
            **defaults,
            "commit_from": "a" * 40,
            "commit_to": "b" * 40,
            "commit_title": "a title",
            "ref_count": None,
            **push,
        }
    return record
