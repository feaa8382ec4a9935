"""Keeps the built JSON within what Grafana 9.4 knows.

The Foundation SDK writes every option of the Grafana it was made for. Options that came after 9.4 are left
out where they hold the SDK's own default, and refused where a dashboard sets them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import bargauge, stat
from grafana_foundation_sdk.models.dashboard import VariableModel

# Panel types and, where the SDK adds some, the options that 9.4 has.
PANEL_OPTIONS: dict[str, frozenset[str] | None] = {
    "bargauge": frozenset(
        {"displayMode", "minVizHeight", "minVizWidth", "orientation", "reduceOptions", "showUnfilled", "text"}
    ),
    "row": None,
    "stat": frozenset(
        {"colorMode", "graphMode", "justifyMode", "orientation", "reduceOptions", "text", "textMode"}
    ),
    "timeseries": frozenset({"legend", "tooltip"}),
}
# The transformations of 9.4 that are in use; look another up before it is added.
TRANSFORMATIONS = frozenset({"calculateField", "renameByRegex"})
VARIABLE_KEYS = frozenset(
    {"allValue", "current", "datasource", "description", "hide", "includeAll", "label", "multi", "name"}
    | {"options", "query", "refresh", "regex", "skipUrlSync", "sort", "type"}
)
_SDK_DEFAULTS = {"bargauge": bargauge.Options().to_json(), "stat": stat.Options().to_json()}


def restrict(board: dict[str, Any]) -> dict[str, Any]:
    """Return the dashboard without the options that the SDK added and Grafana 9.4 lacks.

    Raises ValueError for a panel type that 9.4 lacks or a transformation that it may lack, and for such an
    option that was set on purpose.
    """
    for panel in panels(board):
        kind = panel["type"]
        if kind not in PANEL_OPTIONS:
            raise ValueError(f"panel {panel['title']!r}: Grafana 9.4 has no panel type {kind!r}")
        known = PANEL_OPTIONS[kind]
        if known is not None:
            _drop(panel["options"], known, _SDK_DEFAULTS.get(kind, {}), f"panel {panel['title']!r}")
        for step in panel.get("transformations", []):
            if step["id"] not in TRANSFORMATIONS:
                raise ValueError(
                    f"panel {panel['title']!r}: is transformation {step['id']!r} in Grafana 9.4?"
                )
    defaults = VariableModel().to_json()
    for variable in board["templating"]["list"]:
        _drop(variable, VARIABLE_KEYS, defaults, f"variable {variable['name']!r}")
    return board


def panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the panels of a built dashboard, those inside collapsed rows too."""
    for panel in board.get("panels", []):
        yield panel
        yield from panel.get("panels", [])


def renames(panel: dict[str, Any]) -> bool:
    """Whether a panel sees to the names of its series itself."""
    return any(step["id"] == "renameByRegex" for step in panel.get("transformations", []))


def _drop(options: dict[str, Any], known: frozenset[str], defaults: dict[str, object], where: str) -> None:
    plain = JSONEncoder()
    for name in sorted(set(options) - known):
        if name not in defaults or plain.encode(defaults[name]) != plain.encode(options[name]):
            raise ValueError(f"{where}: Grafana 9.4 has no option {name!r}")
        del options[name]
