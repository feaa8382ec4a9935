"""Tags: the values that Grafana variables offer, one decorated function each."""

from __future__ import annotations

from collections.abc import Callable, Collection

from metrics_api.catalog import Catalog
from metrics_api.frames import ItemFrame
from metrics_api.query import EMPTY
from metrics_api.selection import SEVERITIES, values_within
from metrics_api.world import World

Tag = Callable[[World, Catalog, frozenset[str]], list[str]]

TAGS: dict[str, Tag] = {}


def tag(name: str) -> Callable[[Tag], Tag]:
    """Register the function that lists a tag's values within some products; refuses a name used twice."""

    def register(function: Tag) -> Tag:
        if name in TAGS:
            raise ValueError(f"tag {name!r} is registered twice")
        TAGS[name] = function
        return function

    return register


@tag("product")
def product(world: World, catalog: Catalog, products: frozenset[str]) -> list[str]:
    """The products."""
    return sorted(products - {""})


@tag("workspace")
def workspace(world: World, catalog: Catalog, products: frozenset[str]) -> list[str]:
    """The ids of the products' TAPD workspaces."""
    return sorted({one.id for one in world.context.workspaces.values() if one.product in products})


@tag("component")
def component(world: World, catalog: Catalog, products: frozenset[str]) -> list[str]:
    """The paths of the products' GitLab projects; "" among the products stands for those without one."""
    return sorted({one.path for one in world.context.projects.values() if one.product in products})


@tag("version")
def version(world: World, catalog: Catalog, products: frozenset[str]) -> list[str]:
    """The products' iteration names, newest first."""
    starts = world.context.iteration_starts
    return sorted(sorted(_iterations(world, products)), key=lambda name: starts.get(name, ""), reverse=True)


@tag("iteration")
def iteration(world: World, catalog: Catalog, products: frozenset[str]) -> list[str]:
    """The products' iteration names."""
    return sorted(_iterations(world, products))


@tag("bugversion")
def bugversion(world: World, catalog: Catalog, products: frozenset[str]) -> list[str]:
    """The versions among the products' bugs, N/A last where there are bugs without one."""
    return _present(world.bugs, "version", products, empty=True)


@tag("module")
def module(world: World, catalog: Catalog, products: frozenset[str]) -> list[str]:
    """The modules among the products' bugs."""
    return _present(world.bugs, "module", products)


@tag("severity")
def severity(world: World, catalog: Catalog, products: frozenset[str]) -> list[str]:
    """The severities, heaviest first."""
    weight = {name: place for place, name in enumerate(SEVERITIES)}
    return sorted(_present(world.bugs, "severity", products), key=lambda name: weight.get(name, len(weight)))


@tag("priority")
def priority(world: World, catalog: Catalog, products: frozenset[str]) -> list[str]:
    """The priorities among the products' bugs."""
    return _present(world.bugs, "priority", products)


@tag("status")
def status(world: World, catalog: Catalog, products: frozenset[str]) -> list[str]:
    """The statuses (TAPD's codes) among the products' bugs."""
    return _present(world.bugs, "status", products)


@tag("stage")
def stage(world: World, catalog: Catalog, products: frozenset[str]) -> list[str]:
    """The products' stages in their order."""
    found = {
        one.name
        for workspace in world.context.workspaces.values()
        if workspace.product in products
        for one in workspace.stages
    }
    return [name for name in world.context.stage_order if name in found]


@tag("branch")
def branch(world: World, catalog: Catalog, products: frozenset[str]) -> list[str]:
    """The branches the products' projects were pushed to."""
    return sorted(world.events.values_within("branch", products) - {""}) if world.events else []


@tag("environment")
def environment(world: World, catalog: Catalog, products: frozenset[str]) -> list[str]:
    """The environments the products deploy to; none while deployments are not collected."""
    return []


@tag("metric")
def metric(world: World, catalog: Catalog, products: frozenset[str]) -> list[str]:
    """The names of all metrics."""
    return sorted(catalog.metrics)


def _iterations(world: World, products: Collection[str]) -> set[str]:
    workspaces = {key for key, one in world.context.workspaces.items() if one.product in products}
    return {one.name for one in world.context.iterations if one.workspace in workspaces}


def _present(frame: ItemFrame | None, field: str, products: frozenset[str], empty: bool = False) -> list[str]:
    """The values a field ever had in the products, sorted; with `empty` N/A last if some had none."""
    found = values_within(frame, field, products) if frame else set()
    return sorted(found - {""}) + ([EMPTY] if empty and "" in found else [])
