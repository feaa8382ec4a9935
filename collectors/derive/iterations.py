"""Iterations: planned dates and state. TAPD's `completed` is when somebody closed it, not its end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from collectors.derivation import Derivation, Derived, Fact, Raw, Rejected, by_key, calendar_day, epoch, text
from collectors.items.hooks import Told, read_hooks
from collectors.items.iterations import CHANGES, ITERATIONS, read_names
from collectors.removals import vanished

HOOKS = "raw_tapd_iteration_hook"
UNREADABLE = (KeyError, TypeError, ValueError, OverflowError)


def derive(raw: Raw, zone: str) -> Derived:
    """One fact per iteration of which there is a row, or of whose creation or change a webhook told."""
    derived = Derived()
    rows = {record["key"]: record for record in raw.get(ITERATIONS, ())}
    deliveries: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for record in raw.get(HOOKS, ()):
        deliveries[record["key"]].append(record)
    renames = read_names(raw.get(CHANGES, ()), zone)
    for key in dict.fromkeys((*rows, *deliveries)):
        told = read_hooks(deliveries[key], {"name": "name"}.get, zone, days=("startdate", "enddate"))
        derived.rejected += [Rejected(HOOKS, record, reason) for record, reason in told.unreadable]
        row = rows.get(key)
        names = [
            name
            for step in (*renames.get(key, ()), *told.steps.get("name", ()))
            for name in (step.old, step.new)
        ]
        try:
            found = _fact(row, told, names, zone)
        except UNREADABLE as error:
            if row is not None:
                derived.rejected.append(Rejected(ITERATIONS, row, f"{type(error).__name__}: {error}"))
            continue
        if found is not None:
            origin = row or deliveries[key][0]
            place = {"instance": origin["instance"], "workspace": origin["scope"], "id": key}
            derived.facts.append({"_id": ":".join(place.values())} | place | found)
    return derived


def _fact(row: Mapping[str, Any] | None, told: Told, names: Sequence[str], zone: str) -> Fact | None:
    """The fact without what says where it is; None where nobody says more than that it is gone."""
    modified = epoch(row["data"].get("modified"), zone) if row is not None else None
    data, modified = told.newest(row["data"] if row is not None else None, modified, {})
    if data is None:
        return None
    gone = told.deleted_at
    if gone is not None and modified is not None and modified > gone:
        gone = None
    if gone is None and (removal := vanished(row)):
        gone = removal.at
    seen = [one["name"] for one in (row or {}).get("names", ())]
    name = text(data.get("name"))
    return {
        "name": name,
        "names": [one for one in dict.fromkeys((*names, *seen)) if one not in ("", name)],
        "start": calendar_day(data.get("startdate")),
        "end": calendar_day(data.get("enddate")),
        "status": text(data.get("status")),
        "created": epoch(data.get("created"), zone),
        "removed_at": gone,
    }


DERIVATION = Derivation(
    topic="iterations",
    inputs=(ITERATIONS, HOOKS, CHANGES),
    roots=(ITERATIONS, HOOKS),
    wanted=by_key([ITERATIONS, HOOKS, CHANGES]),
    derive=derive,
)
