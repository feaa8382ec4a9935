"""The company's records: every TAPD workspace and GitLab project, filled by the generator or by hand.

    company = Company()
    product = company.add_workspace({"id": "991", "name": "云盘 & 协作", "created": "2026-01-05 09:00:00"})
    product.add_bug({"id": "11", "title": "…", "created": "2026-03-02 10:00:00", "status": "closed"})
    product.add_change({"bug_id": "11", "field": "status", "old_value": "new", "new_value": "closed",
                        "created": "2026-03-03 11:00:00"})
    project = company.add_project({"id": 7, "path_with_namespace": "drive/server"})
    project.add_event({"id": 1, "action_name": "pushed to", "created_at": "2026-03-02T10:00:00.000+08:00"})

Values are served exactly as given, so a test may also put in a wrong type or a value nobody expects.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import ujson

from simulator.gitlab_records import Access, GitlabHappening, GitlabProjectRecords, gitlab_user
from simulator.shapes import WORKSPACE_DEFAULTS, Record
from simulator.tapd_records import TapdHappening, TapdWorkspaceRecords, Workflow, bug_url

if TYPE_CHECKING:
    from simulator.life import Life

__all__ = [
    "Access",
    "Company",
    "GitlabHappening",
    "GitlabProjectRecords",
    "Record",
    "TapdHappening",
    "TapdWorkspaceRecords",
    "Workflow",
]

_ADDED_ON = "2020-01-01T09:00:00.000+08:00"


@dataclass
class Company:
    """All that the two simulated servers serve."""

    company_id: str = "20003271"
    workspaces: dict[str, TapdWorkspaceRecords] = field(default_factory=dict)
    projects: dict[int, GitlabProjectRecords] = field(default_factory=dict)
    moved_projects: dict[str, int] = field(default_factory=dict)
    user: Record = field(default_factory=lambda: gitlab_user(1))
    life: "Life | None" = None
    listeners: list[Callable[[TapdHappening | GitlabHappening], None]] = field(default_factory=list)
    _events: int = 0

    def add_workspace(
        self,
        record: Mapping[str, object],
        *,
        status_map: Mapping[str, str] | None = None,
        last_steps: Mapping[str, str] | None = None,
        first_step: Mapping[str, str] | None = None,
    ) -> TapdWorkspaceRecords:
        """Add a workspace (``id``, digits, and ``name`` are required) with TAPD's default workflow or the
        given one.
        """
        row = WORKSPACE_DEFAULTS | {
            "pretty_name": record["id"],
            "company_id": self.company_id,
            "parent_id": self.company_id,
            "created": "2020-01-01 09:00:00",
        }
        workspace = TapdWorkspaceRecords(row | dict(record), listeners=self.listeners)
        workspace.set_workflow(status_map=status_map, last_steps=last_steps, first_step=first_step)
        self.workspaces[workspace.id] = workspace
        return workspace

    def move_bug(
        self,
        bug_id: str,
        *,
        source: str,
        target: str,
        at: str,
        new_id: str | None = None,
        operator: str = "user01",
    ) -> str:
        """Move a bug to another workspace and return its new id.

        The old workspace lists it as removed (``move``) with the new address. In the new one stands a row
        with the new id, the same ``created`` and no iteration, and copies of its change rows under new ids;
        the rows of the old id stay where they are. No webhook tells of it.
        """
        old, new = self.workspaces[source], self.workspaces[target]
        name = new_id or new.next_id("bug")
        came_along = [row for row in old.changes_by_bug[bug_id] if not row["change_type"]]
        bug = old.remove_bug(bug_id, "move", at=at, operator=operator, new_bug_url=bug_url(target, name))
        placed = {
            "id": name,
            "workspace_id": target,
            "iteration_id": "0",
            "modified": at,
            "lastmodify": operator,
        }
        new.add_bug(bug | placed, told=False)
        for row in came_along:
            new.add_change(row | {"id": None, "bug_id": name, "workspace_id": target})
        return name

    def add_project(self, record: Mapping[str, object], *, access: Access = "member") -> GitlabProjectRecords:
        """Add a GitLab project; ``id`` (an integer) and ``path_with_namespace`` are required."""
        full = str(record["path_with_namespace"])
        path = full.rpartition("/")[2]
        row: Record = {
            "name": path,
            "path": path,
            "description": "",
            "default_branch": "main",
            "created_at": _ADDED_ON,
            "last_activity_at": record.get("created_at", _ADDED_ON),
            "visibility": "private",
            "archived": False,
            "web_url": f"https://gitlab.example.com/{full}",
            "namespace": {"kind": "group", "full_path": full.rpartition("/")[0]},
            **record,
        }
        project = GitlabProjectRecords(row, access=access, listeners=self.listeners)
        self.projects[project.id] = project
        return project

    def move_project(self, project_id: int, new_path: str) -> None:
        """Rename a project; the old path answers 301 from then on."""
        record = self.projects[project_id].record
        self.moved_projects[str(record["path_with_namespace"])] = project_id
        record["path_with_namespace"] = new_path

    def next_event_id(self) -> int:
        """The next event id; ids rise over the whole instance."""
        self._events += 1
        return 4_000_000 + self._events

    def snapshot(self) -> bytes:
        """Every record as JSON lines, for comparing two companies byte by byte."""
        lines: list[object] = []
        for workspace in self.workspaces.values():
            flows = [vars(flow) for flow in workspace.workflows.values()]
            lines += [workspace.record, flows, workspace.workitem_types, workspace.custom_fields]
            lines += [*workspace.users.values(), *workspace.timesheets.values()]
            for items in (workspace.bug_items, workspace.story_items, workspace.task_items):
                lines += [*items.rows.values(), *items.changes, *items.removed]
            lines += [*workspace.iterations.values(), *workspace.iteration_changes]
            lines += [*workspace.releases.values(), *workspace.categories.values(), *workspace.story_bugs]
        for project in self.projects.values():
            lines += [project.record, sorted(project.hidden), *project.events]
        return b"\n".join(ujson.dumps(line).encode() for line in lines)
