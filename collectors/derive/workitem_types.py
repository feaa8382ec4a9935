"""The kinds of stories of a workspace, as it names them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collectors.derivation import Derivation, Fact, by_key, each, text


def workitem_type(record: Mapping[str, Any], zone: str) -> Fact:
    """The fact of one workitem type, without its `_id` and instance."""
    data = record["data"]
    return {
        "workspace": record["scope"],
        "id": record["key"],
        "name": text(data.get("name")),
        "entity": text(data.get("entity_type")) or "story",
    }


DERIVATION = Derivation(
    topic="workitem_types",
    inputs=("raw_tapd_workitem_type",),
    roots=("raw_tapd_workitem_type",),
    wanted=by_key(["raw_tapd_workitem_type"]),
    derive=each("raw_tapd_workitem_type", workitem_type),
)
