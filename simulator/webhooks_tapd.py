"""TAPD's webhook payloads: flat, every value a string, an empty one ``""``."""

from collections.abc import Mapping
from typing import Literal
from zlib import crc32

from simulator.shapes import BUG_DEFAULTS, ITERATION_DEFAULTS, Record
from simulator.tapd_store import Entity, TapdHappening
from simulator.work_shapes import STORY_DEFAULTS, TASK_DEFAULTS

Action = Literal["create", "update", "status_change", "delete"]

_DEFAULTS: dict[Entity, Record] = {
    "bug": BUG_DEFAULTS,
    "story": STORY_DEFAULTS,
    "task": TASK_DEFAULTS,
    "iteration": ITERATION_DEFAULTS,
}


def tapd_payload(
    entity: Entity,
    action: Action,
    record: Mapping[str, object],
    *,
    before: Mapping[str, object] | None = None,
    at: str | None = None,
    by: str = "user01",
    workspace: str | None = None,
) -> dict[str, str]:
    """The payload for what happened to an item whose row is now (before its deletion: was) ``record``.

    An update needs the row ``before``: it says ``old_*`` of every field and ``new_*`` of the changed ones.
    ``at`` is the Beijing time, unless given that of the row's creation or modification. A priority stands
    there by its label. The secret is empty; the sender fills it in. ValueError for an update without
    ``before``.
    """
    row = _told(entity, record)
    when = at or str(record.get("created" if action == "create" else "modified") or "")
    if action == "create":
        given = _told(entity, {name: value for name, value in record.items() if name != "modified"})
        body = {name: value for name, value in given.items() if name not in {"id", "workspace_id"}}
    elif action == "delete":
        body = {"op_type": "delete"}
        if entity != "iteration":
            body["old_iteration_id"] = row.get("iteration_id", "0") or "0"
    else:
        if before is None:
            raise ValueError("an update tells the values before")
        body = _difference(
            _told(entity, _DEFAULTS[entity] | dict(before)), _told(entity, _DEFAULTS[entity] | dict(record))
        )
    place = workspace or str(record.get("workspace_id") or "")
    number = crc32(f"{entity}/{action}/{row['id']}/{when}/{body.get('change_fields')}".encode())
    created = when.replace(" ", "  ") if (entity, action) == ("task", "create") else when
    return {
        "event": f"{entity}::{action}",
        "event_from": "web",
        "referer": f"https://tapd.example.com/{place}/{entity}/list",
        "workspace_id": place,
        "current_user": by,
        "id": row["id"],
        **body,
        "secret": "",
        "rio_token": "",
        "devproxy_host": "http://websocket-proxy",
        "queue_id": str(10_000_000_000 + number),
        "event_id": str(number),
        # Recorded creations of tasks have two blanks between the date and the time.
        "created": created,
    }


def tapd_payload_of(happening: TapdHappening) -> dict[str, str]:
    """The payload for something that happened in a workspace."""
    before, after = happening.before, happening.after
    action: Action = "delete" if after is None else "create" if before is None else "update"
    return tapd_payload(
        happening.entity,
        action,
        after or before or {},
        before=before,
        at=happening.at,
        by=happening.by,
        workspace=happening.workspace,
    )


def _told(entity: Entity, record: Mapping[str, object]) -> dict[str, str]:
    """A row in a webhook's words: texts only, the priority by its label, a bug's workspace as project."""
    told = {}
    for name, value in record.items():
        if name == "priority_label":
            continue
        shown = (record.get("priority_label") or value) if name == "priority" else value
        told["project_id" if (entity, name) == ("bug", "workspace_id") else name] = (
            "" if shown is None else str(shown)
        )
    return told


def _difference(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    changed = [name for name in new if name != "modified" and new[name] != old.get(name, "")]
    changed.append("modified")
    return {
        **{f"old_{name}": value for name, value in old.items()},
        **{f"new_{name}": new.get(name, "") for name in changed},
        "change_fields": ",".join(changed),
    }
