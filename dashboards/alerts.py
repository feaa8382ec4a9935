"""The alert rules that Grafana provisions, as one file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from dashboards import defect_alerts, health_alerts

FILE = "alerting/engmetrics.yaml"

HEADER = """\
# Alert rules on how collecting goes and on defects, for the datasource of the dashboards (Grafana 9.4 to 13).
#
# Mounted at /etc/grafana/provisioning/alerting they are there after a restart. Who is told is a matter of
# your notification policies: the rules' label `service` is engmetrics, `severity` is warning or critical.
#
# This file is built: change dashboards/*_alerts.py and run `python -m dashboards build`.
"""


def provisioned() -> str:
    """Return the rules as a file that Grafana reads; raises ValueError for a query the API would refuse."""
    collecting = [health_alerts.stale(), health_alerts.failing(), health_alerts.incomplete()]
    defects = [defect_alerts.over_gate(), defect_alerts.growing(), defect_alerts.untouched()]
    groups = [_group("Collecting", "1m", collecting), _group("Defects", "5m", defects)]
    return HEADER + "\n".join(lines({"apiVersion": 1, "groups": groups})) + "\n"


def _group(name: str, interval: str, rules: list[dict[str, Any]]) -> dict[str, Any]:
    return {"orgId": 1, "name": name, "folder": "Engineering metrics", "interval": interval, "rules": rules}


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
