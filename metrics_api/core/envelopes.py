"""Raw records on their way into the store: the envelope they stand in, and which version is the newer one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import ujson

from metrics_api.core.schema import VANISHED
from metrics_api.core.store import Document

# What a new version of a record needs to know of the stored one.
KEPT = ("hash", "n", "collected_at", "updated_at", "removed_at", "removed_why", "asked", "names")


@dataclass(frozen=True)
class Dating:
    """How a record tells which version it is: the field of `data`, and how it becomes epoch seconds.

    `remember` is a field of which the envelope keeps all values so far, under `names`.
    """

    field: str
    read: Callable[[Any], float | None]
    remember: str = ""

    def of(self, data: Mapping[str, Any]) -> float | None:
        """Epoch seconds of the version, or None where the record does not say."""
        try:
            return self.read(data.get(self.field))
        except (TypeError, ValueError):
            return None


@dataclass(frozen=True)
class Record:
    """One upstream record on its way into the store; `key` is the item it belongs to.

    `asked` is the name in the configuration that led to it, if one did; `about` is what is known of it
    besides, such as when a webhook brought it.
    """

    scope: str
    id: str
    key: str
    data: dict[str, Any]
    target: str = ""
    asked: str = ""
    about: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Outcome:
    """What a batch did; `touched` are the keys of new and changed records, `keys` those of all."""

    seen: int = 0
    new: int = 0
    changed: int = 0
    quarantined: int = 0
    touched: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)


def encoded(record: Any) -> bytes:
    """A record as JSON bytes in ASCII, which holds what BSON and UTF-8 cannot (lone surrogates)."""
    return ujson.dumps(record, ensure_ascii=True, escape_forward_slashes=False).encode("ascii")


def enveloped(instance: str, record: Record, at: datetime, dating: Dating | None) -> Document:
    """The document of a record read at an instant, without its number."""
    envelope: Document = {
        "_id": f"{instance}:{record.scope}:{record.id}",
        "n": 0,
        "instance": instance,
        "scope": record.scope,
        "key": record.key,
        "hash": hashlib.blake2b(encoded(record.data), digest_size=16).hexdigest(),
        "collected_at": at,
        "updated_at": at,
        "data": record.data,
    }
    if record.target:
        envelope["target"] = record.target
    if record.asked:
        envelope["asked"] = record.asked
    if record.about:
        envelope["about"] = dict(record.about)
    if dating and dating.remember:
        envelope["names"] = all_names({}, envelope, dating.remember)
    return envelope


def all_names(stored: Document, envelope: Document, field: str) -> list[Document]:
    """All values of a field that a record had, with when each was first seen, the present one last."""
    present = envelope["data"].get(field)
    before = {"name": stored.get("data", {}).get(field), "at": stored.get("collected_at")}
    first: dict[str, Document] = {}
    for one in [*stored.get("names", [before]), {"name": present, "at": envelope["updated_at"]}]:
        if isinstance(one["name"], str):
            first.setdefault(one["name"], one)
    return sorted(first.values(), key=lambda one: bool(one["name"] == present))


def older(envelope: Document, stored: Document, dating: Dating | None) -> bool:
    """Whether a record just read is an older version than the stored one."""
    if dating:
        ours, theirs = dating.of(envelope["data"]), dating.of(stored.get("data", {}))
        if ours is not None and theirs is not None:
            return ours < theirs
    return bool(envelope["updated_at"] < stored["updated_at"])


def back(envelope: Document, stored: Document, dating: Dating | None) -> bool:
    """Whether a record just read shows that the stored one, which is marked as removed, is there again.

    One of which nobody told that it was removed is there when it was read after that.
    """
    if stored["removed_why"] == VANISHED:
        return bool(envelope["updated_at"] > stored["removed_at"])
    return restored(envelope, stored["removed_at"], dating)


def restored(document: Document, removed_at: datetime, dating: Dating | None) -> bool:
    """Whether a record was modified after its removal, which means that it is back."""
    version = dating.of(document.get("data", {})) if dating else None
    return version is not None and version > removed_at.timestamp()
