"""A dozen stories of one week, and what was worked out from them by hand."""

from __future__ import annotations

from metrics_api.core.store import Document
from tests.frames.facts import story

PLANNED = {"status": "planning", "type": "10"}
BEGUN = {"status": "developing"}
DONE = {"status": "resolved"}


def dozen() -> list[Document]:
    """Stories 4 and 9 are parents: of 5 and 6, and of 10. Nobody ever saw the parent of 8."""
    return [
        story("1", (0, PLANNED | {"label": "a", "iteration": "501"}), (1, BEGUN), (3, DONE)),
        story("2", (0, PLANNED | {"label": "a|b", "iteration": "502"}), (2, BEGUN)),
        story("3", (0, PLANNED), (1, BEGUN), (2, DONE | {"label": "c"}), (3, BEGUN)),
        story("4", (0, PLANNED), (1, BEGUN)),
        story("5", (1, PLANNED), (2, BEGUN | {"label": "a"}), parents=["4"]),
        story("6", (1, PLANNED), (2, {"status": "rejected"}), parents=["4"]),
        story("7", (2, {"status": "status_9", "type": "20"}), (3, BEGUN), (4, {"status": "audited"})),
        story("8", (0, PLANNED), parents=["99"]),
        story("9", (0, PLANNED), (1, BEGUN)),
        story("10", (1, PLANNED | {"type": "30"}), (3, {"status": "status_4"}), parents=["9"]),
        story("11", (2, PLANNED | {"label": "b", "priority": "High"}), gone=4),
        story("12", (0, BEGUN | {"type": "10"}), (3, {"status": "weird"})),
    ]


# At the end of Monday to Thursday, and by Friday noon.
LEAVES = {
    "planning": [4, 5, 3, 2, 1],
    "developing": [1, 3, 4, 4, 3],
    "测试中": [0, 0, 0, 1, 1],
    "评审": [0, 0, 1, 0, 0],
    "resolved": [0, 0, 1, 1, 2],
    "rejected": [0, 0, 1, 1, 1],
    "unmapped": [0, 0, 0, 1, 1],
}
PARENTS = {
    "planning": [2, 0, 0, 0, 0],
    "developing": [0, 2, 2, 2, 2],
    "测试中": [0] * 5,
    "评审": [0] * 5,
    "resolved": [0] * 5,
    "rejected": [0] * 5,
}
ALL = {
    "planning": [6, 5, 3, 2, 1],
    "developing": [1, 5, 6, 6, 5],
    "测试中": [0, 0, 0, 1, 1],
    "评审": [0, 0, 1, 0, 0],
    "resolved": [0, 0, 1, 1, 2],
    "rejected": [0, 0, 1, 1, 1],
    "unmapped": [0, 0, 0, 1, 1],
}
ARRIVALS = {
    "planning": [5, 8, 10, 10, 10],
    "developing": [1, 3, 7, 8, 8],
    "测试中": [0, 0, 3, 5, 5],
    "评审": [0, 0, 3, 4, 4],
    "resolved": [0, 0, 2, 3, 4],
}
