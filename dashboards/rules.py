"""What an alert rule is made of, as Grafana provisions it: queries, expressions on them, and what is told.

Rules read the Graphite datasource: Grafana evaluates them on its server side, which the falcon-plus plugin
does not have.
"""

from __future__ import annotations

from typing import Any

from dashboards.graphite import Graphite
from metrics_api.catalog import load_catalog
from metrics_api.core.errors import BadRequest

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400
# Grafana's name for what computes on the answers of other queries.
EXPRESSIONS = {"type": "__expr__", "uid": "__expr__"}


def rule(
    name: str,
    title: str,
    *,
    board: str,
    panel: int,
    data: list[dict[str, Any]],
    severity: str,
    no_data: str,
    summary: str,
    description: str,
) -> dict[str, Any]:
    """Return a rule that leads to a panel of a board, a slug; its condition is the last of its data."""
    uid = f"{Graphite.name}-{board}"
    return {
        "uid": f"{Graphite.name}-{name}",
        "title": title,
        "condition": data[-1]["refId"],
        "data": data,
        "dashboardUid": uid,
        "panelId": panel,
        "noDataState": no_data,
        "execErrState": "Error",
        "for": "5m",
        # Twice: Grafana's pages go by the annotations, its store by the fields.
        "annotations": {
            "summary": summary,
            "description": description,
            "__dashboardUid__": uid,
            "__panelId__": str(panel),
        },
        "labels": {"service": Graphite.name, "severity": severity},
    }


def query(letter: str, target: str, seconds: int, until: int = 0) -> dict[str, Any]:
    """Return a query from so many seconds ago to so many seconds ago.

    Raises ValueError for what the API would refuse.
    """
    try:
        load_catalog().check(target)
    except BadRequest as error:
        raise ValueError(f"alert rules, query {letter}: {target}: {error}") from error
    model = {
        "datasource": {"type": Graphite.plugin, "uid": Graphite.name},
        "target": target,
        "textEditor": True,
        "intervalMs": 60_000,
        "maxDataPoints": 500,
    }
    return _step(letter, Graphite.name, model, seconds, until)


def reduced(letter: str, query: str, reducer: str) -> dict[str, Any]:
    """Return each series as one number: what is null does not count, and nothing else gives no number."""
    settings = {"mode": "dropNN"}
    return _expression(letter, type="reduce", expression=query, reducer=reducer, settings=settings)


def math(letter: str, expression: str) -> dict[str, Any]:
    """Return what a formula makes of the numbers of the steps that it names as `$A`."""
    return _expression(letter, type="math", expression=expression)


def any_of(letter: str, *conditions: tuple[str, str]) -> dict[str, Any]:
    """Return what holds when any series of any of these (query, reducer) is above zero."""
    found = [
        {
            "type": "query",
            "evaluator": {"type": "gt", "params": [0]},
            "operator": {"type": "or"},
            "query": {"params": [query]},
            "reducer": {"type": reducer, "params": []},
        }
        for query, reducer in conditions
    ]
    return _expression(letter, type="classic_conditions", conditions=found)


def _expression(letter: str, **model: Any) -> dict[str, Any]:
    return _step(letter, EXPRESSIONS["uid"], {"datasource": EXPRESSIONS, **model}, 0, 0)


def _step(letter: str, uid: str, model: dict[str, Any], seconds: int, until: int) -> dict[str, Any]:
    return {
        "refId": letter,
        "relativeTimeRange": {"from": seconds, "to": until},
        "datasourceUid": uid,
        "model": {"refId": letter, **model},
    }
