"""Bugs: the kind of item that may move to another workspace."""

from __future__ import annotations

from typing import Final

from collectors.items.changes import BUG_CHANGES
from collectors.items.facts import derivation
from collectors.items.kinds import Kind

KIND: Final = Kind(
    topic="bugs",
    entity="bug",
    fields={
        "status": "status",
        "version_report": "version_report",
        "version_fix": "version_fix",
        "iteration_id": "iteration",
        "severity": "severity",
        "priority": "priority",
        "priority_label": "priority_label",
        "module": "module",
        "label": "label",
    },
    tracked=(
        *("status", "version_report", "version_fix", "iteration"),
        *("severity", "priority", "module", "label"),
    ),
    feed=BUG_CHANGES,
    title="title",
    due=("deadline", "due"),
    ends=("resolved", "closed"),
    deletion="delete_bug",
    moving=True,
)

DERIVATION = derivation(KIND, more=lambda places: {})
