"""The context of a question: products, their workspaces, stages, iterations and projects.

Made from the small facts and the configuration; the big frames hold only codes, so a new stage map or a
renamed iteration needs no reload.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from metrics_api.core.config import Config, Product
from metrics_api.core.fact_types import IterationFact, ProjectFact, WorkflowFact, WorkspaceFact
from metrics_api.stages import Stage, configured, guessed_for_bugs, merged_order


@dataclass(frozen=True)
class Workspace:
    """A TAPD workspace as the metrics see it; `key` is `<instance>:<id>`."""

    key: str
    id: str
    product: str
    zone: str
    bug_version: str
    stages: tuple[Stage, ...]
    first_status: str

    @cached_property
    def stage_of(self) -> Mapping[str, Stage]:
        """The stage of each mapped status."""
        return {status: stage for stage in self.stages for status in stage.statuses}


@dataclass(frozen=True)
class Project:
    """A GitLab project, called a component of its product ("" without one); `key` is `<instance>:<id>`."""

    key: str
    id: str
    path: str
    product: str
    zone: str


@dataclass(frozen=True)
class Iteration:
    """A TAPD iteration: its id, today's name and its planned dates (`YYYY-MM-DD`)."""

    workspace: str
    id: str
    name: str
    start: str | None
    end: str | None


@dataclass(frozen=True)
class Context:
    """Everything small; immutable, replaced as a whole when a small fact changes."""

    zone: str
    workspaces: Mapping[str, Workspace] = field(default_factory=dict)
    projects: Mapping[str, Project] = field(default_factory=dict)
    iterations: tuple[Iteration, ...] = ()

    @cached_property
    def products(self) -> list[str]:
        """The names of all products, sorted."""
        names = {one.product for one in self.workspaces.values()} | {
            one.product for one in self.projects.values()
        }
        return sorted(names - {""})

    @cached_property
    def stage_order(self) -> list[str]:
        """The names of all stages in one order, done and dropped last."""
        return merged_order([one.stages for one in self.workspaces.values()])

    @cached_property
    def iteration_by_id(self) -> Mapping[str, str]:
        """Today's name by iteration id; TAPD's ids are unique over workspaces."""
        return {one.id: one.name for one in self.iterations}

    @cached_property
    def iteration_starts(self) -> Mapping[str, str]:
        """The earliest planned start by iteration name, "" where there is none."""
        found: dict[str, str] = {}
        for one in self.iterations:
            found[one.name] = min(filter(None, (found.get(one.name), one.start)), default="")
        return found


def build_context(
    config: Config,
    workspaces: Iterable[WorkspaceFact],
    workflows: Iterable[WorkflowFact],
    iterations: Iterable[IterationFact],
    projects: Iterable[ProjectFact],
) -> Context:
    """The context of these facts under a configuration.

    A workspace no product names is a product of its own, called as TAPD calls it, with its id where two are
    called the same.
    """
    live = [one for one in workspaces if not one["tombstone"]]
    names = [one["name"] for one in live]
    of_workspace = {config.workspace_key(text): one for one in config.product for text in one.workspaces}
    of_project = {config.project_key(text): one for one in config.product for text in one.projects}
    flows = {
        f"{one['instance']}:{one['workspace']}": one
        for one in workflows
        if one["entity"] == "bug" and not one["tombstone"]
    }
    known = {f"{one['instance']}:{one['id']}": one["name"] for one in live}
    # A workspace that only the configuration names is known by name until its collector has seen it.
    known |= {key: key.split(":", 1)[1] for key in of_workspace if key not in known}
    found = {}
    for key, name in sorted(known.items()):
        product = of_workspace.get(key)
        own_name = name if names.count(name) < 2 else f"{name} ({key.split(':', 1)[1]})"
        found[key] = _workspace(key, own_name, product, flows.get(key), config)
    components = {}
    for fact in projects:
        if not fact["tombstone"]:
            key = f"{fact['instance']}:{fact['id']}"
            paths = (fact["path"], fact.get("asked", ""))
            owner = next(
                (
                    of_project[path]
                    for path in (f"{fact['instance']}:{one}" for one in paths)
                    if path in of_project
                ),
                None,
            )
            components[key] = Project(
                key,
                fact["id"],
                fact["path"],
                owner.name if owner else "",
                (owner and owner.timezone) or config.timezone,
            )
    sprints = tuple(
        Iteration(f"{one['instance']}:{one['workspace']}", one["id"], one["name"], one["start"], one["end"])
        for one in sorted(iterations, key=lambda one: (one["start"] or "", one["id"]))
        if not one["tombstone"]
    )
    return Context(config.timezone, found, components, sprints)


def _workspace(
    key: str, name: str, product: Product | None, flow: WorkflowFact | None, config: Config
) -> Workspace:
    statuses = flow["statuses"] if flow else []
    stages = configured(product.stages.bugs) if product and product.stages.bugs else ()
    if not stages and flow:
        stages = guessed_for_bugs(statuses, flow["last_steps"])
    first = (flow["first_step"] if flow else None) or (statuses[0][0] if statuses else "")
    return Workspace(
        key=key,
        id=key.split(":", 1)[1],
        product=product.name if product else name,
        zone=(product and product.timezone) or config.timezone,
        bug_version=product.bug_version if product else "version_report",
        stages=stages,
        first_status=first,
    )
