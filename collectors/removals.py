"""Reading what tells of removals: TAPD's lists of removed items say when, why, and which bug lives on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import ujson

from collectors import Removal
from collectors.derivation import epoch
from metrics_api.core.schema import VANISHED

WHY = {"delete": "deleted", "merge": "merged", "move": "moved"}


def removal(record: Mapping[str, Any], zone: str) -> Removal:
    """The removal a row tells of; raises ValueError or TypeError where it names no time.

    Its time is `deleted`, of bugs `modified`, of tasks either. Only bugs say of what kind it is.
    """
    at = epoch(record.get("deleted") or record.get("modified"), zone)
    if at is None:
        raise ValueError("a removal without its time")
    return Removal(at, WHY.get(_kind(record), "deleted"), _bug_of(record.get("new_bug_url")))


def vanished(record: Mapping[str, Any] | None) -> Removal | None:
    """The removal of a raw record that was found not to be upstream any more; None where it was not."""
    if record is None or record.get("removed_why") != VANISHED:
        return None
    return Removal(int(record["removed_at"].timestamp()), VANISHED)


def moves(record: Mapping[str, Any]) -> bool:
    """Whether a row tells of a move to another workspace."""
    return _kind(record) == "move"


def _kind(record: Mapping[str, Any]) -> str:
    return str(record.get("type") or _action(record.get("removed_comment")))


def _action(comment: Any) -> str:
    try:
        found = ujson.loads(comment)
    except (TypeError, ValueError):
        return ""
    return str(found.get("action", "")) if isinstance(found, dict) else ""


def _bug_of(address: Any) -> str:
    """The bug id an address names: in the query, or as the last number of the path."""
    if not isinstance(address, str) or not address:
        return ""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    asked = parse_qs(parts.query).get("bug_id", [""])[0]
    if asked.isdecimal():
        return asked
    numbers = re.findall(r"\d{8,}", parts.path + "#" + parts.fragment)
    return numbers[-1] if numbers else ""
