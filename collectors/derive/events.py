"""Events of GitLab projects, in the words of the response (`pushed to`, not `pushed`)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from collectors.derivation import Derivation, Derived, Raw, Rejected, by_key, text

EVENTS = "raw_gitlab_event"


def derive(raw: Raw, zone: str) -> Derived:
    """One fact per event; `project` is the id of its project, whose path is the project's own fact."""
    derived = Derived()
    for record in raw.get(EVENTS, ()):
        data = record["data"]
        try:
            at = datetime.fromisoformat(data["created_at"])
            if at.tzinfo is None:
                raise ValueError("created_at without its offset")
            action = data["action_name"]
            if not isinstance(action, str):
                raise TypeError("action_name is not text")
        except (KeyError, TypeError, ValueError) as error:
            derived.rejected.append(Rejected(EVENTS, record, f"{type(error).__name__}: {error}"))
            continue
        derived.facts.append(
            {
                "_id": record["_id"],
                "instance": record["instance"],
                "project": record["scope"],
                "at": int(at.timestamp()),
                "action": action,
                "target_type": text(data.get("target_type")),
                "ref": _pushed(data, "ref"),
                "branch": _pushed(data, "ref") if _pushed(data, "ref_type") == "branch" else "",
            }
        )
    return derived


def _pushed(data: Mapping[str, Any], name: str) -> str:
    push = data.get("push_data")
    return text(push.get(name)) if isinstance(push, dict) else ""


DERIVATION = Derivation(
    topic="events",
    inputs=(EVENTS,),
    roots=(EVENTS,),
    wanted=by_key([EVENTS]),
    derive=derive,
)
