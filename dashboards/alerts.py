"""The alert rules that Grafana provisions: collecting is stale, failing, or the records are incomplete.

They read the Graphite datasource: Grafana evaluates rules on its server side, which the falcon-plus plugin
does not have.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from dashboards.graphite import Graphite
from metrics_api.catalog import load_catalog
from metrics_api.core.errors import BadRequest

FILE = "alerting/engmetrics.yaml"
DASHBOARD = f"{Graphite.name}-data-health"
HOUR_S, DAY_S = 3600, 86_400
# Grafana's name for what computes on the answers of other queries.
EXPRESSIONS = {"type": "__expr__", "uid": "__expr__"}

HEADER = """\
# Alert rules on how collecting goes, for the dashboard Data Health and its datasource (Grafana 9.4 to 13).
#
# Mounted at /etc/grafana/provisioning/alerting they are there after a restart. Who is told is a matter of
# your notification policies: the rules' label `service` is engmetrics, `severity` is warning or critical.
#
# This file is built: change dashboards/alerts.py and run `python -m dashboards build`.
"""


def provisioned() -> str:
    """Return the rules as a file that Grafana reads; raises ValueError for a query the API would refuse."""
    document: dict[str, Any] = {
        "apiVersion": 1,
        "groups": [
            {
                "orgId": 1,
                "name": "Collecting",
                "folder": "Engineering metrics",
                "interval": "1m",
                "rules": [_stale(), _failing(), _incomplete()],
            }
        ],
    }
    return HEADER + "\n".join(lines(document)) + "\n"


def _stale() -> dict[str, Any]:
    # Rules that go by the present hour look a little further back: it may have begun just now.
    data = [_query("A", "@health.collection.overdue/step=1h", 600), _reduced("B", "A", "last")]
    return _rule(
        "stale",
        "Collecting is stale",
        panel=2,
        data=[*data, _math("C", "$B > 0")],
        severity="critical",
        # Without an answer nobody knows how old the numbers are.
        no_data="Alerting",
        summary="{{ $labels.collector }} was not read in {{ $labels.scope }} for three intervals",
        description=(
            "Nothing newer is in the numbers of this scope ({{ $labels.instance }} {{ $labels.product }}). "
            "See with `engmetrics status` whether `engmetrics collect` runs and what its last error was; "
            "`engmetrics doctor` tells credentials, quota and network apart. Without labels: the API knows "
            "of no run at all, or cannot read its store."
        ),
    )


def _failing() -> dict[str, Any]:
    data = [_query("A", "@health.collection.errors/step=1h", HOUR_S), _reduced("B", "A", "sum")]
    return _rule(
        "failing",
        "Collecting fails",
        panel=3,
        data=[*data, _math("C", "$B > 1")],
        severity="warning",
        no_data="OK",
        summary="{{ $labels.collector }} failed several times in {{ $labels.scope }}",
        description=(
            "Several runs of the last hour failed ({{ $labels.instance }} {{ $labels.product }}). "
            "`engmetrics status` shows the error. 401 or 403: renew the credentials; 429: other programs use "
            "the account's quota, lower quota_per_minute; 5xx: wait, what was missed is made up for."
        ),
    )


def _incomplete() -> dict[str, Any]:
    missing = _query("A", "@health.collection.missing", 600)
    quarantine = _query("B", "@health.collection.quarantine/step=1h", DAY_S)
    return _rule(
        "incomplete",
        "Records are incomplete",
        panel=6,
        # Two metrics whose series have different labels: only this kind of condition takes either.
        data=[missing, quarantine, _any("C", ("A", "last"), ("B", "diff"))],
        severity="warning",
        no_data="OK",
        summary="Records are missing, or more of them came into quarantine",
        description=(
            "{{ $value }}. collection.missing: counts differ from TAPD's and could not be repaired; the next "
            "nightly comparison tries again, `engmetrics status --quality` lists what differs. "
            "collection.quarantine: `engmetrics quarantine list` shows why, `engmetrics quarantine retry` "
            "reads them again, after an update for instance."
        ),
    )


def _rule(
    name: str,
    title: str,
    *,
    panel: int,
    data: list[dict[str, Any]],
    severity: str,
    no_data: str,
    summary: str,
    description: str,
) -> dict[str, Any]:
    """Return a rule; its condition is the last of its data."""
    return {
        "uid": f"{Graphite.name}-{name}",
        "title": title,
        "condition": data[-1]["refId"],
        "data": data,
        "dashboardUid": DASHBOARD,
        "panelId": panel,
        "noDataState": no_data,
        "execErrState": "Error",
        "for": "5m",
        # Twice: Grafana's pages go by the annotations, its store by the fields.
        "annotations": {
            "summary": summary,
            "description": description,
            "__dashboardUid__": DASHBOARD,
            "__panelId__": str(panel),
        },
        "labels": {"service": Graphite.name, "severity": severity},
    }


def _query(letter: str, target: str, seconds: int) -> dict[str, Any]:
    """Return a query over the last so many seconds."""
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
    return _step(letter, Graphite.name, model, seconds)


def _reduced(letter: str, query: str, reducer: str) -> dict[str, Any]:
    """Return each series as one number: what is null does not count, and nothing else gives no number."""
    settings = {"mode": "dropNN"}
    return _expression(letter, type="reduce", expression=query, reducer=reducer, settings=settings)


def _math(letter: str, expression: str) -> dict[str, Any]:
    return _expression(letter, type="math", expression=expression)


def _any(letter: str, *conditions: tuple[str, str]) -> dict[str, Any]:
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
    return _step(letter, EXPRESSIONS["uid"], {"datasource": EXPRESSIONS, **model}, 0)


def _step(letter: str, uid: str, model: dict[str, Any], seconds: int) -> dict[str, Any]:
    return {
        "refId": letter,
        "relativeTimeRange": {"from": seconds, "to": 0},
        "datasourceUid": uid,
        "model": {"refId": letter, **model},
    }


def lines(value: Any, indent: int = 0) -> Iterator[str]:
    """Yield the lines of a YAML document; texts and numbers are written as in JSON, which YAML includes."""
    space = " " * indent
    if isinstance(value, list):
        for item in value:
            first, *others = lines(item, indent + 2)
            yield f"{space}- {first[indent + 2 :]}"
            yield from others
    elif isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, dict | list) and inner:
                yield f"{space}{key}:"
                yield from lines(inner, indent + 2)
            else:
                yield f"{space}{key}: {json.dumps(inner, ensure_ascii=False)}"
    else:
        yield space + json.dumps(value, ensure_ascii=False)
