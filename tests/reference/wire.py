"""A company in the upstreams' own form: records inside TAPD's wrappers, GitLab's events, a configuration.

Record values are those of the wire: strings or None, ids as strings, TAPD times as naive Beijing strings.
"""

from dataclasses import dataclass, field, replace
from typing import Any

Record = dict[str, Any]

BEIJING = "Asia/Shanghai"


@dataclass(frozen=True)
class StageRule:
    """One configured stage: its statuses by code; `flag` is waiting, active, done or dropped."""

    name: str
    flag: str
    statuses: tuple[str, ...]
    resolved: bool = False


@dataclass
class StoryType:
    """A workitem type as /workitem_types lists it, and the workflow of its stories."""

    record: Record
    status_map: dict[str, str] = field(default_factory=dict)
    last_steps: dict[str, str] = field(default_factory=dict)
    first_step: str | None = None

    @property
    def id(self) -> str:
        return str(self.record["id"])


@dataclass
class Workspace:
    """What TAPD tells of one workspace.

    `bugs` holds each row as it was last seen, rows of bugs that are gone by now included; a bug that was
    gone before anybody looked has no row. `changes` is the whole feed, `removed` the list with
    include_all=1. `stories` and what goes with them are the same of stories, whose workflows go by type;
    `status_map`, `last_steps` and `first_step` are those of bugs.
    """

    id: str
    name: str
    bugs: list[Record] = field(default_factory=list)
    changes: list[Record] = field(default_factory=list)
    removed: list[Record] = field(default_factory=list)
    stories: list[Record] = field(default_factory=list)
    story_changes: list[Record] = field(default_factory=list)
    removed_stories: list[Record] = field(default_factory=list)
    types: list[StoryType] = field(default_factory=list)
    iterations: list[Record] = field(default_factory=list)
    iteration_changes: list[Record] = field(default_factory=list)
    custom_fields: list[Record] = field(default_factory=list)
    status_map: dict[str, str] = field(default_factory=dict)
    last_steps: dict[str, str] = field(default_factory=dict)
    first_step: str | None = None
    created: str = "2020-01-01 00:00:00"


@dataclass
class Project:
    """One GitLab project and the events of /projects/:id/events."""

    id: int
    path: str
    events: list[Record] = field(default_factory=list)


@dataclass(frozen=True)
class Product:
    """One configured product; without `stages` they are guessed from each workspace's workflow of bugs,
    without `story_stages` from those of its stories."""

    name: str
    workspaces: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    zone: str = BEIJING
    version_field: str = "version_report"
    stages: tuple[StageRule, ...] = ()
    story_stages: tuple[StageRule, ...] = ()


@dataclass(frozen=True)
class Config:
    """The products, and the zone that holds where a query's products differ in theirs."""

    products: tuple[Product, ...] = ()
    zone: str = BEIJING


@dataclass
class Company:
    workspaces: list[Workspace]
    projects: list[Project] = field(default_factory=list)
    config: Config = field(default_factory=Config)

    def product_of(self, workspace: str) -> Product:
        """The product of a workspace; one that no product lists is a product named as TAPD names it."""
        for product in self.config.products:
            if workspace in product.workspaces:
                return product
        name = next(w.name for w in self.workspaces if w.id == workspace)
        return Product(name=name, workspaces=(workspace,), zone=self.config.zone)

    def product_of_project(self, path: str) -> Product:
        """The product a project belongs to; one that no product lists is a product named by its path."""
        for product in self.config.products:
            if path in product.projects:
                return product
        return Product(name=path, projects=(path,), zone=self.config.zone)

    def products(self) -> list[Product]:
        """All products: the configured ones and those of scopes that none lists."""
        found = [self.product_of(w.id) for w in self.workspaces]
        found += [self.product_of_project(p.path) for p in self.projects]
        return list(dict.fromkeys([*self.config.products, *found]))


def gone(rows: list[Record], removals: list[Record]) -> set[str]:
    """The ids among removals whose row was not modified after the removal (restored)."""
    modified = {row["id"]: row["modified"] for row in rows}
    last: dict[str, str] = {}
    for removal in removals:
        last[removal["id"]] = max(last.get(removal["id"], ""), removed_at(removal))
    return {item for item, at in last.items() if item not in modified or modified[item] <= at}


def removed_at(removal: Record) -> str:
    """When an item was removed: the lists of bugs and of stories call it differently."""
    return str(removal["deleted"] if "deleted" in removal else removal["modified"])


def first_look(company: Company) -> Company:
    """The company before anything was removed: every row that was ever seen, and no removals but of the rest.

    What nobody ever saw was removed before that.
    """

    def unseen(rows: list[Record], removals: list[Record]) -> list[Record]:
        known = {row["id"] for row in rows}
        return [removal for removal in removals if removal["id"] not in known]

    seen = [
        replace(
            one,
            removed=unseen(one.bugs, one.removed),
            removed_stories=unseen(one.stories, one.removed_stories),
        )
        for one in company.workspaces
    ]
    return replace(company, workspaces=seen)


def last_look(company: Company) -> Company:
    """What the upstream answers in the end: rows of removed items are no longer listed.

    A system that looks only now knows exactly this, so this company is also the reference for it.
    """

    def listed(rows: list[Record], removals: list[Record]) -> list[Record]:
        missing = gone(rows, removals)
        return [row for row in rows if row["id"] not in missing]

    return replace(
        company,
        workspaces=[
            replace(
                one,
                bugs=listed(one.bugs, one.removed),
                stories=listed(one.stories, one.removed_stories),
            )
            for one in company.workspaces
        ],
    )
