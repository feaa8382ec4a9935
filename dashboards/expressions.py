"""Checks the queries of built dashboards against the catalog of metrics."""

from __future__ import annotations

from typing import Any

from dashboards.compatibility import panels
from dashboards.datasources import Datasource
from metrics_api.catalog import load_catalog
from metrics_api.core.errors import BadRequest


def check(board: dict[str, Any], source: Datasource) -> None:
    """Raise ValueError, naming panel and query, for the first target that the API would refuse.

    Checked is what the datasource sends. Variables stay as written: `$Product` is a value like any other to
    the catalog.
    """
    catalog = load_catalog()
    for panel in panels(board):
        for query in panel.get("targets", []):
            try:
                catalog.check(source.received(query["target"]))
            except BadRequest as error:
                where = f"dashboard {board['title']!r}, panel {panel['title']!r}, query {query['refId']}"
                raise ValueError(f"{where}: {query['target']}: {error}") from error
