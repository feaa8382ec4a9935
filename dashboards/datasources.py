"""The kinds of datasource that the dashboards are built for, and how a dashboard becomes one's own.

Dashboards are written once, without a kind. Each kind is a class that knows how its datasource stores an
annotation, how its series get their names, and what it makes of a target.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from dashboards import compatibility, items
from dashboards.falcon import Falcon
from dashboards.graphite import Graphite

PROVISIONING = Path(__file__).resolve().parent.parent / "grafana-provisioning"


class Datasource(Protocol):
    """A kind of datasource.

    `plugin` is Grafana's id of it. `name` is the name and uid of the provisioned datasource, the tag of the
    dashboards and the beginning of their uids, so that several kinds may be loaded beside each other. `title`
    has a place for a dashboard's title; `folder` is where the JSON belongs, below grafana-provisioning.
    """

    plugin: str
    name: str
    title: str
    folder: str

    def annotation(self, tags: Sequence[str]) -> dict[str, Any]:
        """Return the keys of an annotation that asks for events with every one of these tags."""

    def names(self, panel: dict[str, Any]) -> None:
        """Let the panel's series be called by their endpoints alone."""

    def received(self, target: str) -> str:
        """Return what the API receives for a target as written, variables aside."""


SOURCES: tuple[Datasource, ...] = (Graphite(), Falcon())


def fit(board: dict[str, Any], source: Datasource) -> dict[str, Any]:
    """Return the dashboard, whose uid is its slug so far, as one for this kind of datasource."""
    board["uid"] = f"{source.name}-{board['uid']}"
    health = f"{source.name}-data-health"
    board["title"] = source.title.format(board["title"])
    board["tags"] = [source.name]
    for link in board["links"]:
        link["tags"] = [source.name]
    for variable in board["templating"]["list"]:
        if variable["type"] == "datasource":
            variable["query"] = source.plugin
            variable["current"] = {"selected": True, "text": source.name, "value": source.name}
        else:
            variable["datasource"]["type"] = source.plugin
    for annotation in board["annotations"]["list"]:
        annotation["datasource"]["type"] = source.plugin
        annotation |= source.annotation(annotation.pop("target")["tags"])
    for panel in compatibility.panels(board):
        if panel["type"] == "row":
            continue
        panel["datasource"]["type"] = source.plugin
        source.names(panel)
        items.link(panel, "" if board["uid"] == health else health)
        for row in panel["targets"]:
            row["datasource"]["type"] = source.plugin
    return board
