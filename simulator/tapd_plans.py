"""What a workspace plans by: iterations with their change rows, releases, categories of stories."""

from collections.abc import Mapping

from simulator.clock import from_beijing
from simulator.shapes import ITERATION_DEFAULTS, Record
from simulator.tapd_store import WorkspaceStore
from simulator.work_shapes import ITERATION_CHANGE_DEFAULTS


class PlanRecords(WorkspaceStore):
    """The operations on plans; ``iterations``, ``releases`` and ``categories`` may be edited in place."""

    def add_iteration(self, record: Mapping[str, object]) -> Record:
        """Add an iteration; ``name`` is required, ``id`` is made up when missing, ``modified`` equals
        ``created``. Where that is given, a change row tells of it.
        """
        iteration: Record = {"id": self.next_id("iteration"), "workspace_id": self.id, **record}
        iteration.setdefault("modified", iteration.get("created"))
        self.iterations[str(iteration["id"])] = iteration
        at, by = iteration.get("created"), str(iteration.get("creator") or "user01")
        if at:
            self._log_iteration(iteration, "name", None, iteration["name"], str(at), by, "add")
            self.tell("iteration", None, iteration, str(at), by)
        return iteration

    def change_iteration(
        self, iteration_id: str, fields: Mapping[str, str | None], *, at: str, author: str = "user01"
    ) -> list[Record]:
        """Save fields of an iteration and return its change rows; ``status`` ``done`` sets ``completed``."""
        iteration = self.iterations[iteration_id]
        before = self.before(iteration)
        rows = []
        for name, new in fields.items():
            old = iteration.get(name, ITERATION_DEFAULTS.get(name))
            if old != new:
                iteration[name] = new
                rows.append(self._log_iteration(iteration, name, old, new, at, author, "update"))
        iteration["modified"] = at
        if "status" in fields:
            iteration["completed"] = at if fields["status"] == "done" else None
        self.tell("iteration", before, iteration, at, author)
        return rows

    def delete_iteration(self, iteration_id: str, *, at: str, operator: str = "user01") -> None:
        """Drop an iteration's row; only its change rows and a webhook tell that it was there."""
        self.tell("iteration", self.iterations.pop(iteration_id), None, at, operator)

    def add_iteration_change(self, record: Mapping[str, object]) -> Record:
        """Append a change row as it is; ``iteration_id`` and ``created`` are required."""
        missing = {"iteration_id", "created"} - record.keys()
        if missing:
            raise ValueError(f"a change row needs {', '.join(sorted(missing))}")
        row: Record = ITERATION_CHANGE_DEFAULTS | {"workspace_id": self.id} | dict(record)
        row["id"] = row["id"] or self.next_id("iteration_change")
        self.iteration_changes.append(row)
        return row

    def _log_iteration(
        self, iteration: Record, name: str, old: object, new: object, at: str, by: str, kind: str
    ) -> Record:
        return self.add_iteration_change(
            {
                "iteration_id": str(iteration["id"]),
                "author": by,
                "field": name,
                "old_value": old,
                "new_value": new,
                "created": at,
                "modifyversion": str(int(from_beijing(at).timestamp())),
                "operater_type": kind,
            }
        )

    def add_release(self, record: Mapping[str, object]) -> Record:
        """Add a release plan; ``name`` is required, ``id`` is made up when missing, ``modified`` equals
        ``created``.
        """
        release: Record = {"id": self.next_id("release"), "workspace_id": self.id, **record}
        release.setdefault("modified", release.get("created"))
        self.releases[str(release["id"])] = release
        return release

    def change_release(self, release_id: str, fields: Mapping[str, str | None], *, at: str) -> Record:
        """Save fields of a release plan, modified at that time."""
        release = self.releases[release_id]
        release.update(fields, modified=at)
        return release

    def add_category(self, record: Mapping[str, object]) -> Record:
        """Add a category of stories; ``name`` is required, ``id`` is made up when missing, ``modified``
        equals ``created``.
        """
        category: Record = {"id": self.next_id("category"), "workspace_id": self.id, **record}
        category.setdefault("modified", category.get("created"))
        self.categories[str(category["id"])] = category
        return category

    def iteration_row(self, iteration: Record) -> Record:
        """An iteration with every field TAPD serves."""
        return ITERATION_DEFAULTS | {"origin_name": iteration.get("name")} | iteration
