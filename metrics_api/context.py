"""The context of a question: products, their workspaces, stages, iterations and projects.

Made from the small facts and the configuration; the big frames hold only codes, so a new stage map or a
renamed iteration needs no reload.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from metrics_api.core.config import Config, Product
from metrics_api.core.fact_types import (
    CustomFieldFact,
    IterationFact,
    ProjectFact,
    ReleaseFact,
    WorkflowFact,
    WorkitemTypeFact,
    WorkspaceFact,
)
from metrics_api.core.stages import Stage, configured, first_step, merged_order
from metrics_api.custom_fields import CustomField, CustomFields, custom_fields_of
from metrics_api.topics import ITEM_TOPICS, ItemTopic

# In order after every date.
UNPLANNED: Final = "unplanned"


@dataclass(frozen=True)
class Flow:
    """The way of a workspace's bugs or stories: their stages, and the first status by workitem type.

    The first status of "" is that of the first type, and of items whose type nobody knows. `statuses` are all
    that the workflow has, in a stage or not.
    """

    stages: tuple[Stage, ...] = ()
    first_status: Mapping[str, str] = field(default_factory=dict)
    statuses: frozenset[str] = frozenset()

    @cached_property
    def stage_of(self) -> Mapping[str, Stage]:
        """The stage of each mapped status."""
        return {status: stage for stage in self.stages for status in stage.statuses}

    def first(self, type: str = "") -> str:
        """What an unknown status counts as: of an item removed before the first look that never changed."""
        return self.first_status.get(type) or self.first_status.get("", "")


@dataclass(frozen=True)
class Workspace:
    """A TAPD workspace as the metrics see it; `key` is `<instance>:<id>`, `flows` are by item topic.

    `settings` is what the configuration says of its product.
    """

    key: str
    id: str
    product: str
    zone: str
    bug_version: str
    flows: Mapping[str, Flow]
    settings: Product


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
    """A TAPD iteration: its id, today's name, its planned dates (`YYYY-MM-DD`), and whether it is gone.

    `created` is when it was made (epoch s), None where nobody knows.
    """

    workspace: str
    id: str
    name: str
    start: str | None
    end: str | None
    removed: bool
    created: int | None = None


@dataclass(frozen=True)
class Release:
    """A TAPD release plan with its planned dates (`YYYY-MM-DD`)."""

    workspace: str
    id: str
    name: str
    start: str | None
    end: str | None


@dataclass(frozen=True)
class Context:
    """Everything small; immutable, replaced as a whole when a small fact changes.

    `people` says whether people may be asked for.
    """

    zone: str
    workspaces: Mapping[str, Workspace] = field(default_factory=dict)
    projects: Mapping[str, Project] = field(default_factory=dict)
    iterations: tuple[Iteration, ...] = ()
    releases: tuple[Release, ...] = ()
    type_by_id: Mapping[str, str] = field(default_factory=dict)
    custom: CustomFields = field(default_factory=dict)
    people: bool = False

    def custom_fields(
        self, entity: str, products: Collection[str] | None = None
    ) -> Mapping[str, tuple[CustomField, ...]]:
        """By workspace key the custom fields of an entity, in some products (None: anywhere)."""
        found = {key: fields for (key, kind), fields in self.custom.items() if kind == entity}
        if products is None:
            return found
        inside = {key for key, one in self.workspaces.items() if one.product in products}
        return {key: fields for key, fields in found.items() if key in inside}

    @cached_property
    def products(self) -> list[str]:
        """The names of all products, sorted."""
        names = {one.product for one in self.workspaces.values()} | {
            one.product for one in self.projects.values()
        }
        return sorted(names - {""})

    @cached_property
    def stage_order(self) -> Mapping[str, list[str]]:
        """By item topic the names of all stages in one order, done and dropped last."""
        return {
            topic: merged_order([one.flows[topic].stages for one in self.workspaces.values()])
            for topic in ITEM_TOPICS
        }

    @cached_property
    def iteration_by_id(self) -> Mapping[str, str]:
        """Today's name by iteration id; TAPD's ids are unique over workspaces."""
        return {one.id: one.name for one in self.iterations}

    @cached_property
    def iteration_order(self) -> Mapping[str, tuple[str, int, str]]:
        """By iteration name what puts them in order: the planned start or UNPLANNED, then their making.

        Of several with one name the one that comes first counts.
        """
        found: dict[str, tuple[str, int, str]] = {}
        for one in self.iterations:
            order = (one.start, 0, "") if one.start else (UNPLANNED, one.created or 0, one.id.zfill(20))
            found[one.name] = min(found.get(one.name, order), order)
        return found


def build_context(
    config: Config,
    workspaces: Iterable[WorkspaceFact],
    workflows: Iterable[WorkflowFact],
    iterations: Iterable[IterationFact],
    projects: Iterable[ProjectFact],
    releases: Iterable[ReleaseFact] = (),
    workitem_types: Iterable[WorkitemTypeFact] = (),
    custom_fields: Iterable[CustomFieldFact] = (),
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
        (f"{one['instance']}:{one['workspace']}", one["entity"]): one
        for one in workflows
        if not one["tombstone"]
    }
    known = {f"{one['instance']}:{one['id']}": one["name"] for one in live}
    # A workspace that only the configuration names is known by name until its collector has seen it.
    known |= {key: key.split(":", 1)[1] for key in of_workspace if key not in known}
    found = {}
    for key, name in sorted(known.items()):
        product = of_workspace.get(key)
        own_name = name if names.count(name) < 2 else f"{name} ({key.split(':', 1)[1]})"
        found[key] = Workspace(
            key=key,
            id=key.split(":", 1)[1],
            product=product.name if product else own_name,
            zone=(product and product.timezone) or config.timezone,
            bug_version=product.bug_version if product else "version_report",
            flows={
                topic.name: _flow(topic, product, flows.get((key, topic.entity)))
                for topic in ITEM_TOPICS.values()
            },
            settings=product or Product(name=own_name),
        )
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
        Iteration(
            f"{one['instance']}:{one['workspace']}",
            one["id"],
            one["name"],
            one["start"],
            one["end"],
            one["removed_at"] is not None,
            one["created"],
        )
        for one in sorted(iterations, key=lambda one: (one["start"] or "", one["id"]))
        if not one["tombstone"]
    )
    plans = tuple(
        Release(f"{one['instance']}:{one['workspace']}", one["id"], one["name"], one["start"], one["end"])
        for one in sorted(releases, key=lambda one: (one["start"] or "", one["id"]))
        if not one["tombstone"]
    )
    types = {one["id"]: one["name"] for one in workitem_types if one["name"] and not one["tombstone"]}
    made = custom_fields_of(custom_fields)
    return Context(config.timezone, found, components, sprints, plans, types, made, config.people.enabled)


def _flow(topic: ItemTopic, product: Product | None, workflow: WorkflowFact | None) -> Flow:
    """The stages as configured, else as guessed from the workflow."""
    stages = configured(getattr(product.stages, topic.name)) if product else ()
    if workflow is None:
        return Flow(stages)
    first = {one["type"]: first_step(one) for one in workflow["types"]}
    known = next(filter(None, first.values()), "")
    statuses = frozenset(code for code, _ in workflow["statuses"])
    return Flow(stages or topic.guess(workflow), {**first, "": known}, statuses)
