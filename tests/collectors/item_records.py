"""Raw records of stories, tasks, iterations and what webhooks told, written by hand.

1772323200 is 2026-03-01 08:00 in Beijing. Each record comes with the collection it is in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from collectors.derivation import Derived
from collectors.derive import DERIVATIONS
from metrics_api.core.days import BEIJING

CREATED = "2026-03-01 08:00:00"
T0 = 1772323200
HOUR = 3600
COLLECTED = datetime(2026, 3, 9, tzinfo=UTC)
TITLES = {"bug": "title", "story": "name", "task": "name", "iteration": "name"}

# The fields of a story of which nothing is set yet.
BEFORE: dict[str, Any] = {"status": "planning", "priority": "", "iteration_id": "0", "module": ""}
BEFORE |= {"workitem_type_id": "50", "parent_id": "0", "label": "", "due": ""}

Stored = tuple[str, dict[str, Any]]


def stored(collection: str, key: str, data: Mapping[str, Any], name: str = "", scope: str = "991") -> Stored:
    """A record as it stands in a collection; `name` is its own id where that is not its item's."""
    envelope = {"_id": f"tapd:{scope}:{name or key}", "instance": "tapd", "scope": scope, "key": key}
    return collection, envelope | {"n": 1, "updated_at": COLLECTED, "collected_at": COLLECTED, "data": data}


def story(name: str, scope: str = "991", **data: Any) -> Stored:
    """A story that is planned and of no priority unless told otherwise."""
    values = {"id": name, "name": f"story {name}", "created": CREATED, "modified": "2026-03-09 08:00:00"}
    values |= {"status": "planning", "priority": "", "iteration_id": "0", "module": None, "label": None}
    values |= {"workitem_type_id": "50", "parent_id": "0", "due": None}
    return stored("raw_tapd_story", name, values | data, scope=scope)


def task(name: str, **data: Any) -> Stored:
    """A task that is open and of no priority unless told otherwise."""
    values = {"id": name, "name": f"task {name}", "created": CREATED, "modified": "2026-03-09 08:00:00"}
    values |= {"status": "open", "priority": "", "iteration_id": "0", "label": "", "story_id": "0"}
    return stored("raw_tapd_task", name, values | data)


def entry(name: str, before: Any, after: Any, **more: Any) -> dict[str, Any]:
    """One field's change in a change row."""
    return {"field": name, "value_before": before, "value_after": after} | more


def change(number: int, item: str, at: str, *entries: Any, kind: str = "story", **data: Any) -> Stored:
    """A change row of a story or task at `DD HH:MM:SS` of March 2026."""
    values = {"id": f"9{number:09d}", f"{kind}_id": item, "created": f"2026-03-{at}", "change_type": ""}
    values |= {"field_changes": list(entries)} | data
    return stored(f"raw_tapd_{kind}_change", item, values, values["id"])


def removed(item: str, at: str, kind: str = "story") -> Stored:
    """The row of a removed story or task, removed at `DD HH:MM:SS` of March 2026."""
    data = {"id": item, "name": f"{kind} {item}", "created": CREATED, "deleted": f"2026-03-{at}"}
    return stored(f"raw_tapd_removed_{kind}", item, data)


def told(kind: str, event: str, item: str, at: str, number: int = 1, **data: Any) -> Stored:
    """A webhook's delivery, sent at `DD HH:MM:SS` of March 2026."""
    created = f"2026-03-{at}" if at else ""
    values = {"event": f"{kind}::{event}", "workspace_id": "991", "id": item, "event_id": str(number)}
    return stored(f"raw_tapd_{kind}_hook", item, values | {"created": created} | data, f"d{number}")


def updated(
    kind: str, item: str, at: str, number: int = 1, old: Any = None, new: Any = None, **more: Any
) -> Stored:
    """A delivery of a change: the old values of all fields, the new ones of those that changed."""
    before = {TITLES[kind]: f"{kind} {item}", "created": CREATED, "modified": CREATED} | (old or {})
    after = (new or {}) | {"modified": f"2026-03-{at}"}
    data = {f"old_{name}": value for name, value in before.items()}
    data |= {f"new_{name}": value for name, value in after.items()}
    return told(kind, "update", item, at, number, **data | {"change_fields": ",".join(after)} | more)


def renaming(number: int, iteration: str, at: str, old: Any, new: Any) -> Stored:
    """A change row of an iteration's name at `DD HH:MM:SS` of March 2026."""
    data = {"id": str(number), "iteration_id": iteration, "field": "name", "old_value": old}
    data |= {"new_value": new, "created": f"2026-03-{at}"}
    return stored("raw_tapd_iteration_change", iteration, data, str(number))


def iteration(number: str, name: str, *former: str, **data: Any) -> Stored:
    """An iteration with its former names."""
    values = {"id": number, "name": name, "created": CREATED, "modified": CREATED} | data
    collection, record = stored("raw_tapd_iteration", number, values)
    return collection, record | {"names": [{"name": one, "at": COLLECTED} for one in (*former, name)]}


def born(item: str = "1", **data: Any) -> Stored:
    """A delivery that tells of a story's creation."""
    return told("story", "create", item, CREATED[8:], name=f"story {item}", **BEFORE | data)


def moved(number: int, at: str, old: str, new: str, event: str = "update", **before: Any) -> Stored:
    """A delivery that tells of another status."""
    values = BEFORE | {"status": old} | before
    delivery = updated("story", "1", at, number, old=values, new={"status": new})
    delivery[1]["data"]["event"] = f"story::{event}"
    return delivery


def step(number: int, at: str, old: str, new: str) -> Stored:
    """The row of the change feed that tells of another status."""
    return change(number, "1", at, entry("status", old, new))


def derived(topic: str, *records: Stored) -> Derived:
    """What becomes of these records."""
    raw: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for collection, record in records:
        raw[collection].append(record)
    return DERIVATIONS[topic].derive(raw, BEIJING)


def only(topic: str, *records: Stored) -> dict[str, Any]:
    """The one fact that becomes of these records."""
    found = derived(topic, *records)
    assert found.rejected == []
    assert len(found.facts) == 1
    return found.facts[0]


def way(fact: dict[str, Any], name: str) -> list[tuple[float, str]]:
    """The values of one field, each with the hours since 2026-03-01 08:00 from which it held."""
    found: list[tuple[float, str]] = []
    for at, held in zip(fact["segments"]["start"], fact["segments"][name], strict=True):
        if not found or found[-1][1] != held:
            found.append(((at - T0) / HOUR, held))
    return found
