"""Plans: from when to when the iterations last that a question is about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from metrics_api.context import Context, Workspace
from metrics_api.core.days import day_number
from metrics_api.query import Filter, Query
from metrics_api.topics import ItemTopic


@dataclass(frozen=True)
class Plan:
    """The first and the last day of some iterations as day numbers, None where none of them has that date."""

    start: int | None = None
    end: int | None = None


def plan_of(context: Context, topic: ItemTopic, query: Query, filters: Iterable[Filter]) -> Plan:
    """The plan of the iterations that filters name, by the dates they have today.

    Several are one plan, from the earliest start to the latest end. Where no filter names an iteration there
    is no plan.
    """
    conditions = tuple(filters)
    asked = [
        one
        for one in context.iterations
        for place in [context.workspaces.get(one.workspace)]
        if place and _is_asked(place, query, conditions) and _is_named(one.name, place, topic, conditions)
    ]
    starts = [_number(one.start) for one in asked if one.start]
    ends = [_number(one.end) for one in asked if one.end]
    return Plan(min(starts, default=None), max(ends, default=None))


def _is_asked(place: Workspace, query: Query, filters: Iterable[Filter]) -> bool:
    if query.products is not None and place.product not in query.products:
        return False
    values = {"product": place.product, "workspace": place.id}
    return all(one.accepts(values[one.key]) for one in filters if one.key in values)


def _is_named(name: str, place: Workspace, topic: ItemTopic, filters: Iterable[Filter]) -> bool:
    """Whether filters name an iteration of a workspace, where versions may be iterations as well."""
    versions = topic.column("version") == "iteration" or place.bug_version == "iteration"
    keys = ("iteration", "version") if versions else ("iteration",)
    naming = [one for one in filters if one.key in keys]
    return bool(naming) and all(one.accepts(name) for one in naming)


def _number(day: str) -> int:
    return day_number(date.fromisoformat(day))
