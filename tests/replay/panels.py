"""Takes a built dashboard apart into what Grafana would ask for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.replay.wire import Query, Values

PROVISIONING = Path(__file__).resolve().parents[2] / "grafana-provisioning"


def built(folder: str) -> dict[str, dict[str, Any]]:
    """Return the dashboards of one build by the names of their files; `folder` is below PROVISIONING."""
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted((PROVISIONING / folder).glob("*.json"))
    }


# For the stock Graphite datasource, and for the falcon-plus plugin.
GRAPHITE = built("dashboards")
FALCON = built("falcon/dashboards")


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
        # A variable without All has a value in Grafana; whoever gives none here asks for everything.
        VariableRequest(variable["name"], variable["query"], variable.get("allValue", "*"))
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
        annotations=tuple(_tags(annotation) for annotation in dashboard["annotations"]["list"]),
        values={query.name: query.all_value for query in queries} | dict(variables),
    )


def panels(dashboard: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield every panel, those inside collapsed rows too."""
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", [])


def _tags(annotation: Mapping[str, Any]) -> str:
    """The plugin keeps tags as one text beside the name, Graphite as a list in a target."""
    tags: str = annotation["tags"] if "tags" in annotation else " ".join(annotation["target"]["tags"])
    return tags


def _queries(panel: Mapping[str, Any]) -> tuple[Query, ...]:
    return tuple(
        Query(target["target"], target["refId"], target.get("hide", False)) for target in panel["targets"]
    )
