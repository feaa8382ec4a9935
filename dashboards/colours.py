"""One colour per stage, severity, priority and ledger series, the same on every panel.

Keys are endpoints as the API names them. Stages with names of a team's own are coloured by the words in them.
What is neither listed nor holds such a word (modules, versions) takes its colour from Grafana's classic
palette, by its place in the panel: Grafana 9.4 has no palette that goes by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

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
    "developing": "#FF9830",
    "new": "#F2495C",
    "planning": "#F2495C",
    "unmapped": "#B877D9",
}

# Words in the names that teams give to stages, with the colour of the work they name and the paler one of
# waiting for it, as in 待测试 or "ready for test".
WORK = (
    ("规划|设计|分析|plan|design|analys", "#E0B400", "#FFF899"),
    ("评审|审核|review", "#C15C9E", "#F2B8DD"),
    ("开发|实现|处理|develop|coding|implement", "#FF780A", "#FFCB7D"),
    ("测|test", "#1F60C4", "#C0D8FF"),
    ("验收|验证|accept|verif", "#8F3BB8", "#DEB6F2"),
    ("发布|上线|部署|灰度|release|deploy", "#008B8B", "#A3D9D9"),
)
WAITING = "^(limit\\/)?(待|等|未|ready|to |wait)"
# The same for stages at which nobody works; these words win.
STATES = (
    ("挂起|暂停|阻塞|hold|paused|blocked", "#8F5B2D"),
    ("^(limit\\/)?已(完成|实现|上线|发布|关闭|交付|结束)|^(finished|completed|released|shipped)$", "#37872D"),
    ("取消|拒绝|废弃|cancel|reject|abandon", GREY),
)

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

# How old open bugs are, in days.
AGES = {
    "0-1": "#73BF69",
    "1-3": "#37872D",
    "3-7": "#FADE2A",
    "7-14": "#FF9830",
    "14-30": "#FA6400",
    "30-90": "#F2495C",
    ">90": "#AD0317",
}

BACKLOG = "#1F60C4"


def pattern(*endpoints: str) -> str:
    """Return the field matcher for these endpoints, as a regular expression between slashes.

    Grafana matches overrides against the display name, which is `closed` or, where the name template has
    not been applied yet, the series name `closed.bugs.change.daily`; both match.
    """
    names = "|".join(re.escape(endpoint) for endpoint in endpoints)
    return f"/^{names if len(endpoints) == 1 else f'({names})'}(\\.[a-z.]+)?$/"


def stage_words() -> Iterator[tuple[str, str]]:
    """Yield (field matcher, colour) for stages that are not in `STAGES`; a later one wins over an earlier."""
    for words, colour, _ in WORK:
        yield f"/{words}/i", colour
    for words, _, paler in WORK:
        yield f"/{WAITING}.*({words})/i", paler
    for words, colour in STATES:
        yield f"/{words}/i", colour


def fixed(colour: str) -> DynamicConfigValue:
    """Return the override property that paints a series in `colour`."""
    return DynamicConfigValue(id_val="color", value={"fixedColor": colour, "mode": "fixed"})
