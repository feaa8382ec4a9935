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
class Workspace:
    """What TAPD tells of one workspace.

    `bugs` holds each row as it was last seen, rows of bugs that are gone by now included; a bug that was
    gone before anybody looked has no row. `changes` is the whole feed, `removed` the list with
    include_all=1.
    """

    id: str
    name: str
    bugs: list[Record] = field(default_factory=list)
    changes: list[Record] = field(default_factory=list)
    removed: list[Record] = field(default_factory=list)
    iterations: list[Record] = field(default_factory=list)
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
    """One configured product; without `stages` they are guessed from each workspace's workflow."""

    name: str
    workspaces: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    zone: str = BEIJING
    version_field: str = "version_report"
    stages: tuple[StageRule, ...] = ()


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


def gone(workspace: Workspace) -> set[str]:
    """The ids on a workspace's removed list whose row was not modified after the removal (restored)."""
    rows = {row["id"]: row for row in workspace.bugs}
    last: dict[str, str] = {}
    for removal in workspace.removed:
        last[removal["id"]] = max(last.get(removal["id"], ""), removal["modified"])
    return {bug for bug, at in last.items() if bug not in rows or rows[bug]["modified"] <= at}


def first_look(company: Company) -> Company:
    """The company before anything was removed: every row that was ever seen, and no removals."""
    return replace(company, workspaces=[replace(w, removed=[]) for w in company.workspaces])


def last_look(company: Company) -> Company:
    """What the upstream answers in the end: rows of removed bugs are no longer listed.

    A system that looks only now knows exactly this, so this company is also the reference for it.
    """
    return replace(
        company,
        workspaces=[
            replace(w, bugs=[row for row in w.bugs if row["id"] not in gone(w)]) for w in company.workspaces
        ],
    )
