"""Raw records of bugs, written by hand. 1772323200 is 2026-03-01 08:00 in Beijing."""

from __future__ import annotations

from typing import Any

from collectors.derivation import Derived, Raw
from collectors.derive.bugs import DERIVATION
from metrics_api.core.days import BEIJING

CREATED = "2026-03-01 08:00:00"
T0 = 1772323200
HOUR = 3600


def row(name: str, scope: str = "991", **data: Any) -> dict[str, Any]:
    """A stored bug that is new, normal and medium unless told otherwise."""
    values = {
        "id": name,
        "title": f"bug {name}",
        "created": CREATED,
        "modified": "2026-03-09 08:00:00",
        "status": "new",
        "severity": "normal",
        "priority": "medium",
        "priority_label": None,
        "version_report": "1.0",
        "version_fix": "",
        "iteration_id": "0",
        "module": None,
    } | data
    return {"_id": f"tapd:{scope}:{name}", "instance": "tapd", "scope": scope, "key": name, "data": values}


def change(number: int, bug: str, at: str, name: str, old: Any, new: Any, **data: Any) -> dict[str, Any]:
    """A stored change at `DD HH:MM:SS` of March 2026."""
    values = {"id": f"9{number:019d}", "bug_id": bug, "field": name, "old_value": old, "new_value": new}
    values |= {"created": f"2026-03-{at}", "change_type": "", "memo": None} | data
    return {"_id": f"c{number}", "instance": "tapd", "scope": "991", "key": bug, "data": values}


def gone(name: str, at: str, kind: str = "delete", to: str = "", scope: str = "991") -> dict[str, Any]:
    """A stored removal at `DD HH:MM:SS` of March 2026."""
    url = f"https://www.tapd.cn/992/bugtrace/bugs/view?bug_id={to}" if to else ""
    data = {"id": name, "title": f"bug {name}", "created": CREATED, "modified": f"2026-03-{at}"}
    data |= {"type": kind, "new_bug_url": url}
    found = {"_id": f"tapd:{scope}:{name}", "instance": "tapd", "scope": scope, "key": name, "data": data}
    return found | ({"target": to} if to else {})


def iteration(number: str, name: str, *former: str, scope: str = "991") -> dict[str, Any]:
    """A stored iteration with its former names."""
    names = [{"name": one} for one in (*former, name)]
    found = {"_id": f"tapd:{scope}:{number}", "instance": "tapd", "scope": scope, "key": number}
    return found | {"names": names, "data": {"id": number, "name": name}}


def raw(*records: dict[str, Any]) -> Raw:
    found: dict[str, list[dict[str, Any]]] = {
        "raw_tapd_iteration": [],
        "raw_tapd_bug": [],
        "raw_tapd_bug_change": [],
        "raw_tapd_removed_bug": [],
    }
    for record in records:
        kind = "raw_tapd_bug_change" if "bug_id" in record["data"] else "raw_tapd_bug"
        kind = "raw_tapd_removed_bug" if "new_bug_url" in record["data"] else kind
        kind = "raw_tapd_iteration" if "names" in record else kind
        found[kind].append(record)
    return found


def derived(*records: dict[str, Any]) -> Derived:
    return DERIVATION.derive(raw(*records), BEIJING)


def only(*records: dict[str, Any]) -> dict[str, Any]:
    found = derived(*records)
    assert found.rejected == []
    assert len(found.facts) == 1
    return found.facts[0]


def way(fact: dict[str, Any], name: str) -> list[tuple[float, str]]:
    """One field of the segments, with the hours since the creation."""
    segments = fact["segments"]
    return [((at - T0) / HOUR, held) for at, held in zip(segments["start"], segments[name], strict=True)]
