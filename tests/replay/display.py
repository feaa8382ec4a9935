"""How Grafana 9.4 shows a panel's series: names after transformations, and what overrides give to them.

The order is Grafana's: transformations on the names as the datasource gave them, then the panel's name
template, then each override, matched against the name as it is by then.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.replay.wire import ClientError, PanelSeries


@dataclass(frozen=True)
class Shown:
    """A series as drawn: its name in the legend, and the properties that overrides gave it."""

    name: str
    properties: dict[str, Any] = field(default_factory=dict)

    @property
    def colour(self) -> str | None:
        """The fixed colour; None where the palette gives one."""
        given = self.properties.get("color")
        return given["fixedColor"] if given else None


def shown(panel: Mapping[str, Any], series: PanelSeries) -> Shown:
    """Return how one of a panel's series is shown."""
    name = series.name
    for step in panel.get("transformations", []):
        if step["id"] == "calculateField":
            # Adds a series of its own.
            continue
        if step["id"] != "renameByRegex":
            raise ClientError(f"transformation {step['id']!r} is not replayed")
        options = step["options"]
        replacement = re.sub(r"\$(\d)", r"\\\1", options["renamePattern"])
        name = script_regex(options["regex"]).sub(replacement, name, count=1)
    config = panel["fieldConfig"]
    template = config["defaults"].get("displayName", "")
    if template:
        name = re.sub(r"\$\{__field\.labels\.(\w+)\}", lambda match: series.labels[match[1]], template)
    properties: dict[str, Any] = {}
    for override in config["overrides"]:
        if _matches(override["matcher"], name):
            given = {one["id"]: one["value"] for one in override["properties"]}
            name = given.pop("displayName", name)
            properties |= given
    return Shown(name, properties)


def _matches(matcher: Mapping[str, Any], name: str) -> bool:
    if matcher["id"] == "byName":
        return bool(matcher["options"] == name)
    return script_regex(matcher["options"]).search(name) is not None


def script_regex(text: str) -> re.Pattern[str]:
    """Return a JavaScript expression between slashes; of its flags `i` alone is used."""
    body, _, flags = text[1:].rpartition("/")
    if not text.startswith("/") or not set(flags) <= {"i"}:
        raise ClientError(f"no expression between slashes: {text}")
    return re.compile(body, re.IGNORECASE if flags else re.NOFLAG)
