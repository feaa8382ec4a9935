"""Wire records of stories with the fields no metric looks at filled in. Times are Beijing ones of 2026."""

import json
from typing import Any

from tests.reference.wire import Record, StoryType

from .records import ENGINE, MOBILE, WEB, when

# The workspace of a story by the first letter of the name the comments call it by.
SCOPES = {"S": WEB, "T": MOBILE, "U": ENGINE}


def story_id(name: str) -> str:
    """TAPD's id of a story, 1 + workspace + serial, for a short name such as S12."""
    return f"1{SCOPES[name[0]]}002{int(name[1:]):06d}"


def type_id(workspace: str, serial: int) -> str:
    return f"1{workspace}009{serial:06d}"


def story_type(
    workspace: str,
    serial: int,
    name: str,
    status_map: dict[str, str],
    last_steps: tuple[str, ...],
    first_step: str | None = None,
) -> StoryType:
    """A row of /workitem_types with its workflow."""
    record: Record = {
        "id": type_id(workspace, serial),
        "workspace_id": workspace,
        "app_id": "1",
        "entity_type": "story",
        "name": name,
        "english_name": "story",
        "status": "3",
        "workflow_id": f"1{workspace}008{serial:06d}",
        "children_ids": "",
        "parent_ids": "",
        "creator": "TAPD system",
        "created": "2026-02-01 09:00:00",
        "modified": "2026-02-01 09:00:00",
    }
    return StoryType(record, status_map, {code: status_map[code] for code in last_steps}, first_step)


def story(name: str, created: str, modified: str, status: str, **fields: Any) -> Record:
    """A row of /stories; `fields` are those of the wire."""
    record: Record = {
        "id": story_id(name),
        "workitem_type_id": type_id(SCOPES[name[0]], 1),
        "name": f'{name}: 导出 <b>as</b> "PDF"',
        "description": "",
        "workspace_id": SCOPES[name[0]],
        "creator": "user01",
        "created": when(created),
        "modified": when(modified),
        "status": status,
        "owner": "user02;",
        "due": None,
        "completed": None,
        "priority": "",
        "iteration_id": "0",
        "category_id": "-1",
        "parent_id": "0",
        "children_id": "|",
        "ancestor_id": story_id(name),
        "level": "0",
        "release_id": "0",
        "module": "",
        "label": "",
        "version": "",
    }
    return record | fields


def entry(field: str, before: Any, after: Any, **more: Any) -> Record:
    """One field of a change row."""
    return {
        "field": field,
        "value_before": before,
        "value_after": after,
        "value_before_parsed": str(before) or "--",
        "value_after_parsed": str(after) or "--",
        "field_label": field,
        **more,
    }


def story_change(name: str, at: str, *entries: Record, **fields: Any) -> Record:
    """A row of /story_changes; its id is given when the feed is put together, in the order of the list."""
    record: Record = {
        "id": "",
        "workspace_id": SCOPES[name[0]],
        "workitem_type_id": "0",
        "creator": "user02",
        "created": when(at),
        "change_summary": None,
        "comment": None,
        "changes": json.dumps(entries),
        "entity_type": "Story",
        "change_type": "manual_update",
        "change_type_text": "",
        "field_changes": list(entries),
        "story_id": story_id(name),
    }
    return record | fields


def story_walk(name: str, *steps: str) -> list[Record]:
    """Status changes written `"03-03 10:00 planning>developing"`, each in a row of its own."""
    found = []
    for step in steps:
        at, codes = step.rsplit(" ", 1)
        old, new = codes.split(">")
        owner = entry("owner", "user02;", "user03;")
        found.append(story_change(name, at, owner, entry("status", old, new)))
    return found


def story_removal(name: str, created: str, at: str) -> Record:
    """A row of /stories/get_removed_stories."""
    return {
        "id": story_id(name),
        "name": f"{name}: 导出",
        "creator": "user01",
        "created": when(created),
        "operation_user": "user03",
        "deleted": when(at),
        "is_archived": "0",
    }
