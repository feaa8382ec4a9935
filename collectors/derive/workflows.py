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
        instance = next(iter(records.values()))["instance"]
        statuses: dict[str, str] = {}
        for record in records.values():
            for code, label in _labels(record):
                statuses.setdefault(code, label)
        derived.facts.append(
            {
                "_id": f"{instance}:{key}",
                "instance": instance,
                "workspace": workspace,
                "entity": entity,
                "statuses": [[code, label] for code, label in statuses.items()],
                "last_steps": _codes(last[key]),
                "first_step": next(iter(_codes(first[key], next(iter(records)))), None),
                "types": [
                    {
                        "type": kind,
                        "statuses": _labels(record),
                        "last_steps": _codes(last[key], kind),
                        "first_step": next(iter(_codes(first[key], kind)), None),
                    }
                    for kind, record in records.items()
                ],
            }
        )
    return derived


def _grouped(raw: Raw, collection: str) -> dict[str, dict[str, Mapping[str, Any]]]:
    """The records by key and workitem type, "" for bugs, in the types' order."""
    groups: dict[str, dict[str, Mapping[str, Any]]] = defaultdict(dict)
    for record in sorted(raw.get(collection, ()), key=lambda record: int(record["n"])):
        # The id ends in `:bug`, or in `:story:` and the type.
        groups[record["key"]][record["_id"].partition(f":{record['key']}")[2].removeprefix(":")] = record
    return groups


def _labels(record: Mapping[str, Any]) -> list[list[str]]:
    return [[code, text(label) or code] for code, label in record["data"].items()]


def _codes(records: Mapping[str, Mapping[str, Any]], kind: str | None = None) -> list[str]:
    """The codes in the records of all types, or of one."""
    found = [record for name, record in records.items() if kind in (None, name)]
    return list(dict.fromkeys(code for record in found for code in record["data"]))


DERIVATION = Derivation(
    topic="workflows",
    inputs=(MAPS, LAST, FIRST),
    roots=(MAPS,),
    wanted=by_key([MAPS, LAST, FIRST]),
    derive=derive,
)
