"""The bugs of a workspace: their rows, their change feed, and how they are saved, merged and deleted."""

from collections.abc import Mapping

from simulator.shapes import BUG_DEFAULTS, CHANGE_DEFAULTS, STATUS_TIMES, Record
from simulator.tapd_store import WorkspaceStore

#: What the change feed writes for an empty value; other fields are null there.
_FEED_EMPTY = {
    "iteration_id": "--",
    "version_report": "",
    "version_fix": "",
    "resolution": "",
    "status": "",
    "label": "",
}


class BugRecords(WorkspaceStore):
    """The operations on bugs; ``bugs`` go by id and may be edited in place."""

    @property
    def bugs(self) -> dict[str, Record]:
        """The rows by id."""
        return self.bug_items.rows

    @property
    def changes(self) -> list[Record]:
        """Every change row of a bug, in the order it was written."""
        return self.bug_items.changes

    @property
    def changes_by_day(self) -> dict[str, list[Record]]:
        """The change rows by Beijing day."""
        return self.bug_items.by_day

    @property
    def changes_by_bug(self) -> dict[str, list[Record]]:
        """The change rows by bug."""
        return self.bug_items.by_item

    @property
    def removed(self) -> list[Record]:
        """The rows of the list of removed bugs."""
        return self.bug_items.removed

    def add_bug(self, record: Mapping[str, object], *, told: bool = True) -> Record:
        """Add a bug's row as it is today and return the stored dictionary, which may be edited in place.

        ``created`` is required (``YYYY-MM-DD HH:MM:SS``, Beijing). ``id`` is made up when missing,
        ``modified`` equals ``created``, ``status`` is ``new``. A creation record is kept beside it for
        ``include_add_bug=1``. ``told=False`` tells no webhook.
        """
        bug: Record = {"id": self.next_id("bug"), "modified": record["created"], "status": "new", **record}
        bug.setdefault("workspace_id", self.id)
        self.bugs[str(bug["id"])] = bug
        self.add_change(
            {
                "bug_id": bug["id"],
                "author": bug.get("reporter"),
                "field": "status",
                "old_value": "",
                "created": bug["created"],
                "change_type": "create_bug",
            }
        )
        if told:
            self.tell("bug", None, bug, str(bug["created"]), str(bug.get("reporter") or "user01"))
        return bug

    def add_change(self, record: Mapping[str, object]) -> Record:
        """Append a change row; ``bug_id``, ``field`` and ``created`` are required, the bug's row is not
        touched.
        """
        missing = {"bug_id", "field", "created"} - record.keys()
        if missing:
            raise ValueError(f"a change row needs {', '.join(sorted(missing))}")
        row: Record = CHANGE_DEFAULTS | {"workspace_id": self.id} | dict(record)
        if row["id"] is None:
            row["id"] = self.next_id("change")
        return self.bug_items.log(row)

    def change_bug(
        self,
        bug_id: str,
        fields: Mapping[str, str | None],
        *,
        at: str,
        author: str = "user01",
        recorded: bool = True,
        rows_at: str | None = None,
    ) -> list[Record]:
        """Save several fields of a bug in one second, as the web form does, and return the change rows.

        The row gets the values, ``modified``, ``lastmodify``, the time field of the status and ``flows``. An
        iteration is given by id; its change row holds names. ``recorded=False`` leaves no change rows (a
        broken chain) and tells no webhook; ``rows_at`` gives them another time than the row.
        """
        bug = self.bugs[bug_id]
        before = self.before(bug)
        rows = []
        for name, new in fields.items():
            old = bug.get(name, BUG_DEFAULTS.get(name))
            if (old or None) == (new or None):
                continue
            bug[name] = new
            if recorded:
                rows.append(
                    self.add_change(
                        {
                            "bug_id": bug_id,
                            "author": author,
                            "field": name,
                            "old_value": self._feed_value(name, old),
                            "new_value": self._feed_value(name, new),
                            "created": rows_at or at,
                        }
                    )
                )
            if name == "status":
                self.statuses["bug", bug_id].append((at, old, new))
                self._enter_status(bug, str(new), at)
        bug["modified"], bug["lastmodify"] = at, author
        if recorded:
            self.tell("bug", before, bug, at, author)
        return rows

    def _feed_value(self, name: str, value: str | None) -> str | None:
        if name == "iteration_id" and value in self.iterations:
            return str(self.iterations[value]["name"])
        if not value or (name == "iteration_id" and value == "0"):
            return _FEED_EMPTY.get(name)
        return value

    def _enter_status(self, bug: Record, status: str, at: str) -> None:
        bug["flows"] = f"{bug.get('flows', 'new')}|{status}"
        if status in STATUS_TIMES:
            bug[STATUS_TIMES[status]] = at
        if status == "reopened":
            bug["regression_number"] = str(int(bug.get("regression_number", "0")) + 1)

    def delete_bug(self, bug_id: str, *, at: str, operator: str = "user01") -> None:
        """Put a bug into the recycle bin: no row any more, a ``delete_bug`` change and a removed row."""
        self.add_change(
            {
                "bug_id": bug_id,
                "author": operator,
                "field": "delete_bug",
                "old_value": "--",
                "new_value": "--",
                "memo": "delete bug",
                "created": at,
            }
        )
        bug = self.remove_bug(bug_id, "delete", at=at, operator=operator)
        self.tell("bug", bug, None, at, operator)

    def merge_bug(self, bug_id: str, into: str, *, at: str, operator: str = "user01") -> None:
        """Merge a duplicate into the bug that stays; the removed row names the survivor."""
        self.remove_bug(bug_id, "merge", at=at, operator=operator, new_bug_url=bug_url(self.id, into))

    def remove_bug(
        self, bug_id: str, why: str, *, at: str, operator: str = "user01", new_bug_url: str = ""
    ) -> Record:
        """Take a bug's row out of ``bugs`` and list it as removed; its change rows stay. Returns the old
        row. No webhook tells of it.
        """
        bug = self.bugs[bug_id]
        removed: Record = {
            "id": bug_id,
            "title": bug.get("title"),
            "reporter": bug.get("reporter"),
            "created": bug["created"],
            "operation_user": operator,
            "modified": at,
            "removed_comment": f'{{"action":"{why}"}}',
            "type": why,
            "new_bug_url": new_bug_url,
        }
        return self.bug_items.take_out(bug_id, removed)

    def restore_bug(self, bug_id: str, *, at: str, operator: str = "user01") -> Record:
        """Take a bug back out of the recycle bin: its row returns, modified at that time."""
        bug = self.bug_items.put_back(bug_id)
        before = self.before(bug)
        bug["modified"], bug["lastmodify"] = at, operator
        self.tell("bug", before, bug, at, operator)
        return bug

    def change_row(self, change: Record) -> Record:
        """A change row as served; a creation record says the status the bug was born in."""
        if not str(change["change_type"]).startswith("create_") or change["new_value"] is not None:
            return change
        bug_id = str(change["bug_id"])
        for row in sorted(self.changes_by_bug[bug_id], key=lambda row: (str(row["created"]), str(row["id"]))):
            if row["field"] == "status" and row["old_value"] and not row["change_type"]:
                return change | {"new_value": row["old_value"]}
        return change | {"new_value": self.bug_items.known(bug_id).get("status", "new")}


def bug_url(workspace_id: str, bug_id: str) -> str:
    """The address of a bug as removed rows give it."""
    return f"https://tapd.example.com/{workspace_id}/bugtrace/bugs/view?bug_id={bug_id}"
