"""Workspaces as TAPD names them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collectors.derivation import Derivation, Fact, by_key, each, epoch, text


def workspace(record: Mapping[str, Any], zone: str) -> Fact:
    """The fact of one workspace, without its `_id` and instance."""
    data = record["data"]
    return {
        "_id": f"{record['instance']}:{record['key']}",
        "id": record["key"],
        "name": text(data.get("name")) or record["key"],
        "created": epoch(data.get("created"), zone),
    }


DERIVATION = Derivation(
    topic="workspaces",
    inputs=("raw_tapd_workspace",),
    roots=("raw_tapd_workspace",),
    wanted=by_key(["raw_tapd_workspace"]),
    derive=each("raw_tapd_workspace", workspace),
)
