"""The entries of a story's or task's change row: each a field with its value before and after.

TAPD writes values as they are stored and, besides, as a person reads them (``*_parsed``).
"""

from collections.abc import Mapping

import ujson

from simulator.shapes import Record
from simulator.tapd_store import Items, WorkspaceStore
from simulator.work_shapes import FIELD_LABELS, PRIORITY_LABELS, TASK_STATUS_LABELS

_UNSET = (None, "", "0", 0)
#: The fields a creation row tells of, as far as they are set.
_BORN_WITH = (
    *("owner", "priority", "workitem_type_id", "name", "category_id", "iteration_id", "release_id"),
    *("parent_id", "story_id", "module", "label", "begin", "due", "status", "creator", "id"),
)


def entry_of(
    workspace: WorkspaceStore, item: Mapping[str, object], name: str, old: object, new: object
) -> Record:
    """The entry for a field of an item that went from one value to another.

    An iteration, given by id, stands there by name with both ids beside it; taken away it is the integer 0.
    Values of custom fields are objects.
    """
    entry: Record = {"field": name, "value_before": _stored(old), "value_after": _stored(new)}
    if name == "iteration_id":
        before, after = _iteration(workspace, old), _iteration(workspace, new)
        ids = {"before_iteration_id": old or "0", "after_iteration_id": new if new not in _UNSET else 0}
        entry |= {"value_before": before or "0", "value_after": after or 0, **ids}
        entry |= {"before_iteration_name": "", "after_iteration_name": ""}
        parsed: tuple[object, object] = (before or "0", after or "0")
    elif name.startswith("custom_field"):
        entry |= {"value_before": {name: _stored(old)}, "value_after": {name: _stored(new)}}
        parsed = (entry["value_before"], entry["value_after"])
    else:
        parsed = (_readable(workspace, item, name, old), _readable(workspace, item, name, new))
    label = FIELD_LABELS.get(name, name)
    return entry | {"value_before_parsed": parsed[0], "value_after_parsed": parsed[1], "field_label": label}


def step_entry(name: str, value: object, flagged: bool) -> Record:
    """The entry of a step in a parallel workflow: from nothing to a value, empty or a number mostly."""
    entry: Record = {"field": name, "value_before": "", "value_after": value}
    parsed = {"value_before_parsed": "--", "value_after_parsed": str(value) or "--"}
    return (
        entry
        | parsed
        | {"field_label": FIELD_LABELS.get(name, name)}
        | ({"is_step_change": 1} if flagged else {})
    )


def creation_entries(workspace: WorkspaceStore, items: Items, item_id: str) -> list[Record]:
    """What a creation row tells: the values the item was born with, each from nothing.

    A value is that from which the first change of its field began, else the present one.
    """
    item = items.known(item_id)
    values = {name: item.get(name) for name in _BORN_WITH}
    rows = sorted(items.by_item[item_id], key=lambda row: (str(row["created"]), str(row["id"])), reverse=True)
    for row in rows:
        for change in row["field_changes"] or ():
            if change["field"] in values and "is_step_change" not in change and "is_step_change" not in row:
                before = change.get("before_iteration_id", change["value_before"])
                values[change["field"]] = before
    entries = []
    for name, value in values.items():
        if value not in _UNSET:
            entries.append(entry_of(workspace, item, name, "", value))
            if name == "iteration_id":
                entries[-1] |= {"value_before": "", "value_before_parsed": "--"}
    return entries


def as_text(entries: object) -> str:
    """The ``changes`` of a row: its entries as JSON text, without what was added for reading."""
    kept = [
        {
            name: value
            for name, value in entry.items()
            if not name.endswith("_parsed") and name != "field_label"
        }
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, dict)
    ]
    return ujson.dumps(kept)


def _stored(value: object) -> object:
    return "" if value is None else value


def _iteration(workspace: WorkspaceStore, value: object) -> str:
    if value in _UNSET:
        return ""
    known = workspace.iterations.get(str(value))
    return str(known["name"]) if known else str(value)


def _readable(workspace: WorkspaceStore, item: Mapping[str, object], name: str, value: object) -> str:
    text = "" if value is None else str(value)
    if name == "status":
        labels = workspace.workflow_of(item).status_map if "workitem_type_id" in item else TASK_STATUS_LABELS
        return labels.get(text, text) or "--"
    if name == "priority":
        return PRIORITY_LABELS.get(text, text) or "--"
    named: Mapping[str, Record] = {}
    if name == "workitem_type_id":
        named = {str(row["id"]): row for row in workspace.workitem_types}
    elif name == "release_id":
        named = workspace.releases
    elif name == "category_id":
        named = workspace.categories
    elif name in {"parent_id", "story_id"}:
        named = workspace.story_items.rows
    return str(named[text]["name"]) if text in named else text or "--"
