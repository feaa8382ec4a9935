"""Derivations: raw records in, facts out; one module per topic, none knows another."""

from __future__ import annotations

from typing import Final

from collectors.derivation import Derivation
from collectors.derive import (
    bugs,
    custom_fields,
    events,
    iterations,
    projects,
    releases,
    stories,
    tasks,
    workflows,
    workitem_types,
    workspaces,
)

DERIVATIONS: Final[dict[str, Derivation]] = {
    module.DERIVATION.topic: module.DERIVATION
    for module in (
        *(workspaces, workitem_types, workflows, custom_fields, iterations, releases),
        *(bugs, stories, tasks, projects, events),
    )
}
