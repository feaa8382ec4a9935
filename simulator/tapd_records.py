"""What one TAPD workspace holds, in the upstream's own form.

Generated companies and tests fill the same store. Records are plain dictionaries whose values are served
exactly as they were given; keys that are missing are served with the unset value recorded for that field
(``shapes``), so a record written by hand names only what matters.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from simulator.shapes import (
    BUG_DEFAULTS,
    BUG_FIRST_STEP,
    BUG_LAST_STEPS,
    BUG_STATUS_MAP,
    CHANGE_DEFAULTS,
    ITERATION_DEFAULTS,
    STATUS_TIMES,
    STORY_FIRST_STEP,
    STORY_LAST_STEPS,
    STORY_STATUS_MAP,
    Record,
)

#: What the change feed writes for an empty value; other fields are null there.
_FEED_EMPTY = {"iteration_id": "--", "version_report": "", "version_fix": "", "resolution": "", "status": ""}


@dataclass
class Workflow:
    """One system's statuses: code to label, in the workspace's order; its ends and its beginning."""

    status_map: dict[str, str]
    last_steps: dict[str, str]
    first_step: dict[str, str]
    workflow_id: str = ""


@dataclass
class TapdWorkspaceRecords:
    """The records of one workspace and the few operations that keep them consistent.

    ``bugs`` and ``iterations`` go by id and may be edited in place. Change rows are append-only, as
    upstream: they are reached by their Beijing day (``changes_by_day``) and by bug (``changes_by_bug``).
    """

    record: Record
    bugs: dict[str, Record] = field(default_factory=dict)
    iterations: dict[str, Record] = field(default_factory=dict)
    changes_by_day: dict[str, list[Record]] = field(default_factory=lambda: defaultdict(list))
    changes_by_bug: dict[str, list[Record]] = field(default_factory=lambda: defaultdict(list))
    removed: list[Record] = field(default_factory=list)
    workitem_types: list[Record] = field(default_factory=list)
    custom_fields: list[Record] = field(default_factory=list)
    workflows: dict[str, Workflow] = field(default_factory=dict)
    _bin: dict[str, Record] = field(default_factory=dict)
    _serials: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def __post_init__(self) -> None:
        bug = Workflow(
            dict(BUG_STATUS_MAP), dict(BUG_LAST_STEPS), dict(BUG_FIRST_STEP), self.next_id("workflow")
        )
        story = Workflow(
            dict(STORY_STATUS_MAP), dict(STORY_LAST_STEPS), dict(STORY_FIRST_STEP), self.next_id("workflow")
        )
        self.workflows = {"bug": bug, "story": story}

    @property
    def id(self) -> str:
        """The workspace id, a string of digits."""
        return str(self.record["id"])

    @property
    def changes(self) -> list[Record]:
        """Every change row, in the order it was written."""
        return [row for rows in self.changes_by_bug.values() for row in rows]

    def next_id(self, kind: str) -> str:
        """A new id as TAPD builds them: 19 digits, 20 for change rows (above a signed 64-bit integer)."""
        self._serials[kind] += 1
        digits = 10 if kind == "change" else 9
        first = 1_000_000 if kind == "bug" else 1_000
        return f"11{int(self.id):08d}{first + self._serials[kind]:0{digits}d}"

    def set_workflow(
        self,
        *,
        status_map: Mapping[str, str] | None = None,
        last_steps: Mapping[str, str] | None = None,
        first_step: Mapping[str, str] | None = None,
        system: str = "bug",
    ) -> None:
        """Replace the given parts of a system's workflow (``bug`` or ``story``); the others stay as they
        are.
        """
        workflow = self.workflows[system]
        workflow.status_map = dict(workflow.status_map if status_map is None else status_map)
        workflow.last_steps = dict(workflow.last_steps if last_steps is None else last_steps)
        workflow.first_step = dict(workflow.first_step if first_step is None else first_step)

    def add_bug(self, record: Mapping[str, object]) -> Record:
        """Add a bug's row as it is today and return the stored dictionary, which may be edited in place.

        ``created`` is required (``YYYY-MM-DD HH:MM:SS``, Beijing). ``id`` is made up when missing,
        ``modified`` equals ``created``, ``status`` is ``new``. A creation record is kept beside it for
        ``include_add_bug=1``.
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
        self.changes_by_day[str(row["created"])[:10]].append(row)
        self.changes_by_bug[str(row["bug_id"])].append(row)
        return row

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
        broken chain); ``rows_at`` gives them another time than the row.
        """
        bug = self.bugs[bug_id]
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
                self._enter_status(bug, str(new), at)
        bug["modified"], bug["lastmodify"] = at, author
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
        self.remove_bug(bug_id, "delete", at=at, operator=operator)

    def merge_bug(self, bug_id: str, into: str, *, at: str, operator: str = "user01") -> None:
        """Merge a duplicate into the bug that stays; the removed row names the survivor."""
        self.remove_bug(bug_id, "merge", at=at, operator=operator, new_bug_url=bug_url(self.id, into))

    def remove_bug(
        self, bug_id: str, why: str, *, at: str, operator: str = "user01", new_bug_url: str = ""
    ) -> Record:
        """Take a bug's row out of ``bugs`` and list it as removed; its change rows stay. Returns the old
        row.
        """
        bug = self.bugs.pop(bug_id)
        self._bin[bug_id] = bug
        self.removed.append(
            {
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
        )
        return bug

    def restore_bug(self, bug_id: str, *, at: str, operator: str = "user01") -> Record:
        """Take a bug back out of the recycle bin: its row returns, modified at that time."""
        bug = self._bin.pop(bug_id)
        bug["modified"], bug["lastmodify"] = at, operator
        self.removed = [row for row in self.removed if row["id"] != bug_id]
        self.bugs[bug_id] = bug
        return bug

    def add_iteration(self, record: Mapping[str, object]) -> Record:
        """Add an iteration; ``name`` is required, ``id`` is made up when missing, ``modified`` equals
        ``created``.
        """
        iteration: Record = {"id": self.next_id("iteration"), "workspace_id": self.id, **record}
        iteration.setdefault("modified", iteration.get("created"))
        self.iterations[str(iteration["id"])] = iteration
        return iteration

    def bug_row(self, bug: Record) -> Record:
        """A bug with every field TAPD serves."""
        return BUG_DEFAULTS | bug

    def iteration_row(self, iteration: Record) -> Record:
        """An iteration with every field TAPD serves."""
        return ITERATION_DEFAULTS | {"origin_name": iteration.get("name")} | iteration

    def change_row(self, change: Record) -> Record:
        """A change row as served; a creation record says the status the bug was born in."""
        if not str(change["change_type"]).startswith("create_") or change["new_value"] is not None:
            return change
        bug_id = str(change["bug_id"])
        for row in sorted(self.changes_by_bug[bug_id], key=lambda row: (str(row["created"]), str(row["id"]))):
            if row["field"] == "status" and row["old_value"] and not row["change_type"]:
                return change | {"new_value": row["old_value"]}
        bug = self.bugs.get(bug_id) or self._bin.get(bug_id) or {}
        return change | {"new_value": bug.get("status", "new")}


def bug_url(workspace_id: str, bug_id: str) -> str:
    """The address of a bug as removed rows give it."""
    return f"https://tapd.example.com/{workspace_id}/bugtrace/bugs/view?bug_id={bug_id}"
