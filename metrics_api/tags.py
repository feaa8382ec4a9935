"""Tags: the values that Grafana variables offer, one decorated function each."""

from __future__ import annotations

from collections.abc import Callable

from metrics_api.catalog import Catalog
from metrics_api.context import UNPLANNED
from metrics_api.custom_fields import custom_field
from metrics_api.query import EMPTY
from metrics_api.selection import SEVERITIES, values_within
from metrics_api.topics import BUGS, ITEM_TOPICS, PEOPLE, ItemTopic
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
    """The products' iteration names, newest first; those without a planned start come last."""
    order = world.context.iteration_order
    names = sorted({name for _, name in world.iterations_within(products)})
    return sorted(names, key=lambda name: (order[name][0] != UNPLANNED, order[name]), reverse=True)


@tag("iteration")
def iteration(world: World, catalog: Catalog, products: frozenset[str]) -> list[str]:
    """The products' iteration names."""
    return sorted({name for _, name in world.iterations_within(products)})


@tag("bugversion")
def bugversion(world: World, catalog: Catalog, products: frozenset[str]) -> list[str]:
    """The versions among the products' bugs, N/A last where there are bugs without one."""
    found = _present(world, "version", products, BUGS)
    return sorted(found - {EMPTY}) + sorted(found & {EMPTY})


@tag("module")
def module(world: World, catalog: Catalog, products: frozenset[str]) -> list[str]:
    """The modules among the products' bugs and stories."""
    return sorted(_present(world, "module", products) - {EMPTY})


@tag("severity")
def severity(world: World, catalog: Catalog, products: frozenset[str]) -> list[str]:
    """The severities, heaviest first."""
    weight = {name: place for place, name in enumerate(SEVERITIES)}
    found = _present(world, "severity", products) - {EMPTY}
    return sorted(sorted(found), key=lambda name: weight.get(name, len(weight)))


@tag("priority")
def priority(world: World, catalog: Catalog, products: frozenset[str]) -> list[str]:
    """The priorities among the products' bugs and stories."""
    return sorted(_present(world, "priority", products) - {EMPTY})


@tag("status")
def status(world: World, catalog: Catalog, products: frozenset[str]) -> list[str]:
    """The statuses (TAPD's codes) among the products' bugs and stories."""
    return sorted(_present(world, "status", products) - {EMPTY})


@tag("label")
def label(world: World, catalog: Catalog, products: frozenset[str]) -> list[str]:
    """The labels among the products' bugs and stories, each by itself."""
    return sorted(_present(world, "label", products) - {EMPTY})


@tag("type")
def workitem_type(world: World, catalog: Catalog, products: frozenset[str]) -> list[str]:
    """The workitem types among the products' stories."""
    return sorted(_present(world, "type", products) - {EMPTY})


def _of_field(field: str) -> Tag:
    def values(world: World, catalog: Catalog, products: frozenset[str]) -> list[str]:
        return sorted(_present(world, field, products) - {EMPTY})

    return values


for _field in (*BUGS.histories.values(), *sorted(PEOPLE)):
    # What bugs have besides; people only while one may ask for them.
    tag(_field)(_of_field(_field))


def custom(world: World, name: str, products: frozenset[str]) -> list[str]:
    """The values of a custom field (`cf.` and its name) among the products' bugs and stories."""
    found = set()
    for topic, frame in world.items.items():
        field = custom_field(world.item_topic(topic, products), name)
        if field:
            found |= values_within(frame, field, products)
    return sorted(found - {EMPTY})


@tag("stage")
def stage(world: World, catalog: Catalog, products: frozenset[str]) -> list[str]:
    """The products' stages: those of bugs in their order, then those that only stories have, in theirs."""
    workspaces = [one for one in world.context.workspaces.values() if one.product in products]
    found: dict[str, None] = {}
    for topic, order in world.context.stage_order.items():
        own = {stage.name for one in workspaces for stage in one.flows[topic].stages}
        found |= dict.fromkeys(name for name in order if name in own)
    return list(found)


@tag("branch")
def branch(world: World, catalog: Catalog, products: frozenset[str]) -> list[str]:
    """The branches the products' projects were pushed to."""
    return sorted(world.events.values_within("branch", products) - {""}) if world.events else []


@tag("environment")
def environment(world: World, catalog: Catalog, products: frozenset[str]) -> list[str]:
    """The environments the products deploy to; none while deployments are not collected."""
    return []


@tag("collector")
def collector(world: World, catalog: Catalog, products: frozenset[str]) -> list[str]:
    """The collectors that ran for the products, and those that run for none."""
    return sorted(world.health.values_within("collector", products | {""})) if world.health else []


@tag("metric")
def metric(world: World, catalog: Catalog, products: frozenset[str]) -> list[str]:
    """The names of all metrics."""
    return sorted(catalog.metrics)


def _present(world: World, field: str, products: frozenset[str], *topics: ItemTopic) -> set[str]:
    """The values a field ever had among the products' items of the topics that have it, if not of some."""
    found: set[str] = set()
    for topic in topics or ITEM_TOPICS.values():
        frame = world.items.get(topic.name)
        if frame and field in frame.topic.fields:
            found |= values_within(frame, field, products)
    return found
