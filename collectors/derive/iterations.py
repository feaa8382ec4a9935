"""Iterations: planned dates and state. TAPD's `completed` is when somebody closed it, not its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collectors.derivation import Derivation, Fact, by_key, calendar_day, each, epoch, text


def iteration(record: Mapping[str, Any], zone: str) -> Fact:
    """The fact of one iteration, without its `_id` and instance."""
    data = record["data"]
    return {
        "workspace": record["scope"],
        "id": record["key"],
        "name": text(data.get("name")),
        "names": [one["name"] for one in record.get("names", ()) if one["name"] != data.get("name")],
        "start": calendar_day(data.get("startdate")),
        "end": calendar_day(data.get("enddate")),
        "status": text(data.get("status")),
        "created": epoch(data.get("created"), zone),
    }


DERIVATION = Derivation(
    topic="iterations",
    inputs=("raw_tapd_iteration",),
    roots=("raw_tapd_iteration",),
    wanted=by_key(["raw_tapd_iteration"]),
    derive=each("raw_tapd_iteration", iteration),
)
