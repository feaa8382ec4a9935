"""Custom fields: what the workspaces made themselves, as their settings describe it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ujson

from collectors.derivation import Derivation, Derived, Fact, Raw, Rejected, by_key, text

FIELDS = "raw_tapd_custom_field"


def derive(raw: Raw, zone: str) -> Derived:
    """One fact per field that is in use; one that was taken away or switched off is none any more."""
    derived = Derived()
    for record in raw.get(FIELDS, ()):
        data = record["data"]
        if "removed_at" in record or text(data.get("enabled")) == "0":
            derived.gone.add(record["_id"])
            continue
        try:
            derived.facts.append(_fact(record))
        except (KeyError, TypeError, ValueError) as error:
            derived.rejected.append(Rejected(FIELDS, record, f"{type(error).__name__}: {error}"))
    return derived


def _fact(record: Mapping[str, Any]) -> Fact:
    data = record["data"]
    name = text(data.get("name")).strip()
    if not name:
        raise ValueError("a custom field without a name")
    return {
        "_id": record["_id"],
        "instance": record["instance"],
        "workspace": record["scope"],
        "entity": record["key"].rsplit(":", 1)[1],
        "field": text(data["custom_field"]),
        "name": name,
        "type": text(data.get("type")),
        "options": _options(data),
    }


def _options(data: Mapping[str, Any]) -> list[str]:
    """The values to choose from, joined by `|` or, of later settings, the values of an object in JSON.

    Those of cascades, which come as a tree, are not told.
    """
    written = data.get("options")
    found: list[Any] = []
    if isinstance(written, str) and written.lstrip().startswith(("[", "{")):
        tree = ujson.loads(written)
        found = list(tree.values()) if isinstance(tree, dict) else []
    elif isinstance(written, str):
        found = written.split("|")
    return list(dict.fromkeys(one.strip() for one in found if isinstance(one, str) and one.strip()))


DERIVATION = Derivation(
    topic="custom_fields",
    inputs=(FIELDS,),
    roots=(FIELDS,),
    wanted=by_key([FIELDS]),
    derive=derive,
)
