"""One colour per stage, severity, priority and ledger series, the same on every panel.

Keys are endpoints as the API names them. What is not listed (stages named by a configuration, modules,
versions) takes its colour from Grafana's classic palette.
"""

from __future__ import annotations

import re

from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

GREY = "#8E8E8E"

STAGES = {
    "done": "#37872D",
    "closed": "#37872D",
    "dropped": GREY,
    "rejected": GREY,
    "verified": "#96D98D",
    "resolved": "#5794F2",
    "in_progress": "#FF9830",
    "new": "#F2495C",
    "unmapped": "#B877D9",
}

SEVERITIES = {
    "fatal": "#AD0317",
    "serious": "#F2495C",
    "normal": "#FF9830",
    "prompt": "#FADE2A",
    "advice": "#5794F2",
    "N/A": GREY,
}

PRIORITIES = {
    "urgent": "#AD0317",
    "high": "#F2495C",
    "medium": "#FF9830",
    "low": "#FADE2A",
    "insignificant": "#5794F2",
    "N/A": GREY,
}

LEDGER = {
    "created": "#F2495C",
    "reopened": "#B877D9",
    "returned": "#CA95E5",
    "resolved": "#5794F2",
    "closed": "#37872D",
    "removed": GREY,
    "removed_closed": "#C8C8C8",
    "moved_in": "#FF9830",
    "moved_out": "#FFCB7D",
}

BACKLOG = "#1F60C4"


def pattern(*endpoints: str) -> str:
    """Return the field matcher for these endpoints, as a regular expression between slashes.

    Grafana matches overrides against the display name, which is `closed` or, where the name template has
    not been applied yet, the series name `closed.bugs.change.daily`; both match.
    """
    names = "|".join(re.escape(endpoint) for endpoint in endpoints)
    return f"/^{names if len(endpoints) == 1 else f'({names})'}(\\.[a-z.]+)?$/"


def fixed(colour: str) -> DynamicConfigValue:
    """Return the override property that paints a series in `colour`."""
    return DynamicConfigValue(id_val="color", value={"fixedColor": colour, "mode": "fixed"})
