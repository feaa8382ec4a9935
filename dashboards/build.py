"""From registered dashboards to the JSON files that Grafana provisions, a set per kind of datasource.

The alert rules are built with them.
"""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards import alerts, chinese, compatibility, expressions
from dashboards.datasources import SOURCES, Datasource, fit
from dashboards.registry import Registry


def document(board: Dashboard, source: Datasource) -> dict[str, Any]:
    """Return the dashboard for a kind of datasource as plain JSON values, within Grafana 9.4's schema.

    Raises ValueError for what Grafana 9.4 lacks and for a panel id used twice.
    """
    values: dict[str, Any] = json.loads(json.dumps(board.build(), cls=JSONEncoder))
    ids = [panel.get("id") for panel in compatibility.panels(values)]
    if None in ids or len(set(ids)) != len(ids):
        raise ValueError(f"dashboard {values['title']!r}: every panel needs an id of its own, found {ids}")
    return fit(compatibility.restrict(values), source)


def files(registry: Registry) -> dict[str, str]:
    """Return path below grafana-provisioning to text: dashboards by datasource and language, and the rules.

    JSON has sorted keys, two spaces, a newline at the end. Raises ValueError for a query that the API would
    refuse, and for a title without a Chinese one.
    """
    built = {alerts.FILE: alerts.provisioned()}
    for source in SOURCES:
        for slug, board in registry:
            values = document(board, source)
            expressions.check(values, source)
            built[f"{source.folder}/{slug}.json"] = _text(values)
            built[f"{source.folder}/{chinese.FOLDER}/{slug}.json"] = _text(chinese.translated(values, source))
    return built


def _text(values: dict[str, Any]) -> str:
    return f"{json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False)}\n"


def write(built: dict[str, str], folder: Path) -> list[Path]:
    """Write the files, delete dashboards in `folder` that are built no more, return what was written."""
    for stale in set(_present(folder)) - set(built):
        (folder / stale).unlink()
    for name, text in built.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in sorted(built)]


def differences(built: dict[str, str], folder: Path) -> str:
    """Return a unified diff from the files in `folder` to the built ones, empty if there is none."""
    committed = _present(folder)
    lines: list[str] = []
    for name in sorted(committed | built):
        before = committed.get(name, "").splitlines(keepends=True)
        after = built.get(name, "").splitlines(keepends=True)
        lines.extend(difflib.unified_diff(before, after, f"committed/{name}", f"built/{name}"))
    return "".join(lines)


def _present(folder: Path) -> dict[str, str]:
    found = [path for source in SOURCES for path in (folder / source.folder).rglob("*.json")]
    found += folder.glob(alerts.FILE)
    return {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in found}
