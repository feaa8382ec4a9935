"""Takes a built dashboard apart into what Grafana would ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.replay.wire import Query, Values


@dataclass(frozen=True)
class PanelRequest:
    """One panel: the queries it sends in one go."""

    dashboard: str
    number: int
    title: str
    queries: tuple[Query, ...]


@dataclass(frozen=True)
class VariableRequest:
    """One query variable; `all_value` is what stands in for All."""

    name: str
    query: str
    all_value: str


@dataclass(frozen=True)
class DashboardRequests:
    """All that one dashboard asks for; `values` has a value for every query variable."""

    uid: str
    panels: tuple[PanelRequest, ...]
    variables: tuple[VariableRequest, ...]
    # Tags of each annotation, joined by spaces.
    annotations: tuple[str, ...]
    values: Mapping[str, Values]


def panel_requests(dashboard: Mapping[str, Any], variables: Mapping[str, Values]) -> DashboardRequests:
    """Return what a dashboard asks for with these variables chosen, and All for the others."""
    uid = dashboard["uid"]
    queries = tuple(
        VariableRequest(variable["name"], variable["query"], variable["allValue"])
        for variable in dashboard["templating"]["list"]
        if variable["type"] == "query"
    )
    return DashboardRequests(
        uid=uid,
        panels=tuple(
            PanelRequest(uid, panel["id"], panel["title"], _queries(panel))
            for panel in panels(dashboard)
            if panel["type"] != "row"
        ),
        variables=queries,
        annotations=tuple(
            " ".join(annotation["target"]["tags"]) for annotation in dashboard["annotations"]["list"]
        ),
        values={query.name: query.all_value for query in queries} | dict(variables),
    )


def panels(dashboard: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield every panel, those inside collapsed rows too."""
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", [])


def _queries(panel: Mapping[str, Any]) -> tuple[Query, ...]:
    return tuple(
        Query(target["target"], target["refId"], target.get("hide", False)) for target in panel["targets"]
    )
