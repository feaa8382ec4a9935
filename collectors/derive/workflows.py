"""The statuses of a workspace's bugs and stories, in the order of the status map.

Stories have a workflow for each workitem type: their statuses are joined in the types' order, and a code
that means different things in them keeps its first meaning.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from collectors.derivation import Derivation, Derived, Raw, by_key, text

MAPS = "raw_tapd_status_map"
LAST = "raw_tapd_last_steps"
FIRST = "raw_tapd_first_step"


def derive(raw: Raw, zone: str) -> Derived:
    """One fact per workspace and item type of which there is a status map."""
    maps, last, first = (_grouped(raw, collection) for collection in (MAPS, LAST, FIRST))
    derived = Derived()
    for key, records in maps.items():
        workspace, entity = key.rsplit(":", 1)
        instance = records[0]["instance"]
        statuses: dict[str, str] = {}
        for record in records:
            for code, label in record["data"].items():
                statuses.setdefault(code, text(label) or code)
        derived.facts.append(
            {
                "_id": f"{instance}:{key}",
                "instance": instance,
                "workspace": workspace,
                "entity": entity,
                "statuses": [[code, label] for code, label in statuses.items()],
                "last_steps": _codes(last.get(key, [])),
                "first_step": next(iter(_codes(first.get(key, []))), None),
            }
        )
    return derived


def _grouped(raw: Raw, collection: str) -> dict[str, list[Mapping[str, Any]]]:
    groups: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for record in sorted(raw.get(collection, ()), key=lambda record: int(record["n"])):
        groups[record["key"]].append(record)
    return groups


def _codes(records: list[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(code for record in records for code in record["data"]))


DERIVATION = Derivation(
    topic="workflows",
    inputs=(MAPS, LAST, FIRST),
    roots=(MAPS,),
    wanted=by_key([MAPS, LAST, FIRST]),
    derive=derive,
)
