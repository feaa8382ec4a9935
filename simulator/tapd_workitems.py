"""The stories and tasks of a workspace: one change row for all fields that are saved in one second."""

from collections.abc import Mapping
from hashlib import md5
from typing import Literal

from simulator.shapes import Record
from simulator.tapd_entries import as_text, creation_entries, entry_of, step_entry
from simulator.tapd_store import Items, WorkspaceStore
from simulator.work_shapes import (
    CHANGE_TYPES,
    PRIORITY_LABELS,
    STORY_DEFAULTS,
    TASK_DEFAULTS,
    WORKITEM_CHANGE_DEFAULTS,
)

Kind = Literal["story", "task"]
_DEFAULTS: dict[Kind, Record] = {"story": STORY_DEFAULTS, "task": TASK_DEFAULTS}


class WorkitemRecords(WorkspaceStore):
    """The operations on stories and tasks; ``stories`` and ``tasks`` go by id and may be edited in place."""

    @property
    def stories(self) -> dict[str, Record]:
        """The rows of stories by id."""
        return self.story_items.rows

    @property
    def tasks(self) -> dict[str, Record]:
        """The rows of tasks by id."""
        return self.task_items.rows

    @property
    def story_changes(self) -> list[Record]:
        """Every change row of a story, in the order it was written for its story."""
        return self.story_items.changes

    @property
    def task_changes(self) -> list[Record]:
        """Every change row of a task, in the order it was written for its task."""
        return self.task_items.changes

    @property
    def removed_stories(self) -> list[Record]:
        """The rows of the list of removed stories."""
        return self.story_items.removed

    @property
    def removed_tasks(self) -> list[Record]:
        """The rows of the list of removed tasks."""
        return self.task_items.removed

    def add_story(self, record: Mapping[str, object]) -> Record:
        """Add a story's row as it is today and return the stored dictionary, which may be edited in place.

        ``created`` is required (``YYYY-MM-DD HH:MM:SS``, Beijing). ``id`` is made up when missing,
        ``modified`` equals ``created``, ``status`` is the first one of its type's workflow. The feed gets a
        ``create_story`` row with empty old values. A parent's row names its children; it is not modified.
        """
        kind = str(record.get("workitem_type_id") or self._first_type())
        story: Record = {"workitem_type_id": kind or "0", "status": self._first_status(kind)} | dict(record)
        return self._add("story", story)

    def change_story(
        self,
        story_id: str,
        fields: Mapping[str, object],
        *,
        at: str,
        author: str = "user01",
        recorded: bool = True,
        rows_at: str | None = None,
        step_change: bool | Literal["entry"] = False,
        change_type: str = "manual_update",
    ) -> Record | None:
        """Save several fields of a story in one second and return its one change row; None without a row.

        The row gets the values, ``modified``, and ``completed`` at an end of its workflow. An iteration is
        given by id; the change names it and says both ids, ``0`` as an integer where it is taken away. A
        custom field's values stand there as objects. ``recorded=False`` leaves no change row and tells no
        webhook; ``rows_at`` gives the row another time. ``step_change`` writes only a row, that of a step in
        a parallel workflow: flagged itself, or (``"entry"``) in its entries; the story stays as it is.
        """
        if step_change:
            entries = [step_entry(name, value, step_change == "entry") for name, value in fields.items()]
            flag = {} if step_change == "entry" else {"is_step_change": "1"}
            summary = self.stories[story_id].get("status")
            return self._log("story", story_id, entries, rows_at or at, author, change_type, summary, flag)
        return self._change("story", story_id, fields, at, author, recorded, rows_at or at, change_type)

    def add_story_change(self, record: Mapping[str, object]) -> Record:
        """Append a change row as it is; ``story_id`` and ``created`` are required."""
        return self._append("story", record)

    def delete_story(self, story_id: str, *, at: str, operator: str = "user01") -> None:
        """Put a story into the recycle bin: no row any more, and one in the list of removed stories."""
        self._delete("story", story_id, at, operator)

    def restore_story(self, story_id: str, *, at: str, operator: str = "user01") -> Record:
        """Take a story back out of the recycle bin: its row returns, modified at that time."""
        return self._restore("story", story_id, at, operator)

    def add_task(self, record: Mapping[str, object]) -> Record:
        """Add a task's row, as ``add_story`` does; ``story_id`` names the story it belongs to."""
        return self._add("task", {"status": "open"} | dict(record))

    def change_task(
        self,
        task_id: str,
        fields: Mapping[str, object],
        *,
        at: str,
        author: str = "user01",
        recorded: bool = True,
        rows_at: str | None = None,
        change_type: str = "manual_update",
    ) -> Record | None:
        """Save several fields of a task in one second, as ``change_story`` does."""
        return self._change("task", task_id, fields, at, author, recorded, rows_at or at, change_type)

    def add_task_change(self, record: Mapping[str, object]) -> Record:
        """Append a change row as it is; ``task_id`` and ``created`` are required."""
        return self._append("task", record)

    def delete_task(self, task_id: str, *, at: str, operator: str = "user01") -> None:
        """Put a task into the recycle bin, as ``delete_story`` does."""
        self._delete("task", task_id, at, operator)

    def restore_task(self, task_id: str, *, at: str, operator: str = "user01") -> Record:
        """Take a task back out of the recycle bin, as ``restore_story`` does."""
        return self._restore("task", task_id, at, operator)

    def link_bug(self, story_id: str, bug_id: str, *, at: str, author: str = "user01") -> Record:
        """Relate a bug to a story: a row of ``/stories/get_related_bugs`` and one in the story's feed.

        Neither of the two is modified by it.
        """
        relation: Record = {"workspace_id": int(self.id), "story_id": story_id, "bug_id": bug_id}
        if relation not in self.story_bugs:
            self.story_bugs.append(relation)
        self._log_link(story_id, "", bug_id, "link_create", at, author)
        return relation

    def unlink_bug(self, story_id: str, bug_id: str, *, at: str, author: str = "user01") -> None:
        """Take the relation of a bug to a story away again."""
        self.story_bugs[:] = [
            row for row in self.story_bugs if (row["story_id"], row["bug_id"]) != (story_id, bug_id)
        ]
        self._log_link(story_id, bug_id, "", "link_delete", at, author)

    def workitem_change_row(self, change: Record) -> Record:
        """A change row of a story or task as served: a creation row says what the item was born with, and
        ``changes`` is the text of the entries.
        """
        entries = change["field_changes"]
        if entries is None and str(change["change_type"]).startswith("create_"):
            items = self.story_items if "story_id" in change else self.task_items
            entries = creation_entries(self, items, str(change[items.key]))
        text = as_text(entries) if change["changes"] is None else change["changes"]
        return change | {"field_changes": entries, "changes": text}

    def _log_link(self, story_id: str, old: str, new: str, change_type: str, at: str, author: str) -> None:
        entry = entry_of(self, self.stories[story_id], "related_bug", old, new)
        self._log("story", story_id, [entry], at, author, change_type, None)

    def _items(self, kind: Kind) -> Items:
        return self.story_items if kind == "story" else self.task_items

    def _first_type(self) -> str:
        stories = (row for row in self.workitem_types if row["entity_type"] == "story")
        return str(next(stories, {"id": ""})["id"])

    def _first_status(self, kind: str) -> str:
        flow = self.workflow_of({"workitem_type_id": kind})
        return next(iter(flow.first_step or flow.status_map), "planning")

    def _add(self, kind: Kind, record: Record) -> Record:
        row: Record = {"id": self.next_id(kind), "modified": record["created"]} | record
        row.setdefault("workspace_id", self.id)
        row.setdefault("priority_label", PRIORITY_LABELS.get(str(row.get("priority")), ""))
        name, by = str(row["id"]), str(row.get("creator") or "user01")
        self._items(kind).rows[name] = row
        if kind == "story":
            self._adopt(name, row)
        self._log(kind, name, None, str(row["created"]), by, f"create_{kind}", f"create_{kind}")
        self.tell(kind, None, row, str(row["created"]), by)
        return row

    def _adopt(self, name: str, row: Record) -> None:
        """Put a story at its place in the tree."""
        parent = self.stories.get(str(row.get("parent_id") or "0"))
        above = "" if parent is None else str(parent.get("path", ""))
        if "path" not in row:
            row["path"] = f"{above}:{name}:" if above else f"{name}:"
            row["ancestor_id"] = name if parent is None else parent.get("ancestor_id", parent["id"])
            row["level"] = "0" if parent is None else str(int(parent.get("level", "0")) + 1)
        if parent is not None and name not in str(parent.get("children_id", "")).split("|"):
            parent["children_id"] = f"{parent.get('children_id', '|')}|{name}"

    def _change(
        self,
        kind: Kind,
        name: str,
        fields: Mapping[str, object],
        at: str,
        author: str,
        recorded: bool,
        rows_at: str,
        change_type: str,
    ) -> Record | None:
        row, defaults = self._items(kind).rows[name], _DEFAULTS[kind]
        before, status = self.before(row), row.get("status")
        entries = []
        for field, new in fields.items():
            old = row.get(field, defaults.get(field))
            if (old or None) == (new or None):
                continue
            row[field] = new
            if field != "priority_label":
                entries.append(entry_of(self, row | dict(fields), field, old, new))
        row["modified"] = at
        if "priority" in fields and "priority_label" not in fields:
            row["priority_label"] = PRIORITY_LABELS.get(str(fields["priority"]), "")
        if row.get("status") != status:
            self.statuses[kind, name].append((at, status, row["status"]))
            self._note_end(kind, row, at)
        if "parent_id" in fields and kind == "story":
            row.pop("path", None)
            self._adopt(name, row)
        if not recorded:
            return None
        self.tell(kind, before, row, at, author)
        return self._log(kind, name, entries, rows_at, author, change_type, status) if entries else None

    def _note_end(self, kind: Kind, row: Record, at: str) -> None:
        if kind == "task":
            ended = row["status"] == "done"
        else:
            ended = row["status"] in self.workflow_of(row).last_steps
        row["completed"] = at if ended else None

    def _log(
        self,
        kind: Kind,
        name: str,
        entries: list[Record] | None,
        at: str,
        author: str,
        change_type: str,
        summary: str | None,
        extra: Mapping[str, object] | None = None,
    ) -> Record:
        number = self.next_id("workitem_change")
        if entries is not None:
            token = md5(number.encode(), usedforsecurity=False).hexdigest()
            entries.append(entry_of(self, {}, "tapd_request_id", "", token))
        row: Record = {
            "id": number,
            f"{kind}_id": name,
            "creator": author,
            "created": at,
            "change_summary": summary,
            "change_type": change_type,
            "change_type_text": CHANGE_TYPES.get(change_type, ""),
            "field_changes": entries,
            **(extra or {}),
        }
        return self._append(kind, row)

    def _append(self, kind: Kind, record: Mapping[str, object]) -> Record:
        missing = {f"{kind}_id", "created"} - record.keys()
        if missing:
            raise ValueError(f"a change row needs {', '.join(sorted(missing))}")
        made_up = {"workspace_id": self.id, "entity_type": kind.capitalize(), "updated": record["created"]}
        row: Record = WORKITEM_CHANGE_DEFAULTS | made_up | dict(record)
        row["id"] = row["id"] or self.next_id("workitem_change")
        return self._items(kind).log(row)

    def _delete(self, kind: Kind, name: str, at: str, operator: str) -> None:
        items = self._items(kind)
        row = items.rows[name]
        removed: Record = {
            "id": name,
            "name": row.get("name"),
            "creator": row.get("creator"),
            "created": row["created"],
            "operation_user": operator,
            "deleted": at,
            "is_archived": "0",
        }
        self.tell(kind, items.take_out(name, removed), None, at, operator)

    def _restore(self, kind: Kind, name: str, at: str, operator: str) -> Record:
        row = self._items(kind).put_back(name)
        before = self.before(row)
        row["modified"] = at
        self.tell(kind, before, row, at, operator)
        return row
