"""Release plans: planned dates and state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collectors.derivation import Derivation, Fact, by_key, calendar_day, each, epoch, text


def release(record: Mapping[str, Any], zone: str) -> Fact:
    """The fact of one release plan, without its `_id` and instance."""
    data = record["data"]
    return {
        "workspace": record["scope"],
        "id": record["key"],
        "name": text(data.get("name")),
        "start": calendar_day(data.get("startdate")),
        "end": calendar_day(data.get("enddate")),
        "status": text(data.get("status")),
        "created": epoch(data.get("created"), zone),
    }


DERIVATION = Derivation(
    topic="releases",
    inputs=("raw_tapd_release",),
    roots=("raw_tapd_release",),
    wanted=by_key(["raw_tapd_release"]),
    derive=each("raw_tapd_release", release),
)
