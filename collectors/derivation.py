"""What a derivation is: raw records in, facts out, without any input or output of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from metrics_api.core.days import naive_epoch

# Raw envelopes of one instance, by collection.
Raw = Mapping[str, Sequence[Mapping[str, Any]]]
Fact = dict[str, Any]
# Keys wanted, by collection and indexed field: {("raw_tapd_bug", "key"): {"1", "2"}}.
Wanted = dict[tuple[str, str], set[str]]
# The instants (epoch seconds) that facts may hold: until 2106, as far as the columns made of them reach.
INSTANTS: Final = range(2**32 - 1)


@dataclass(frozen=True)
class Rejected:
    """A raw record that could not be understood, with the reason."""

    collection: str
    record: Mapping[str, Any]
    reason: str


@dataclass
class Derived:
    """Facts without stamps, the `_id`s of those that no longer are, and what was not understood."""

    facts: list[Fact] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    rejected: list[Rejected] = field(default_factory=list)


@dataclass(frozen=True)
class Mention:
    """Where to find the items that name a record by a word.

    `words(records)` are the words by which records of one scope are called since their last versions. The
    records of `collection` in that scope that match `query`, of whose data `fields` are loaded, belong to the
    items concerned if `said(data)` has such a word.
    """

    collection: str
    query: Mapping[str, Any]
    fields: tuple[str, ...]
    words: Callable[[Sequence[Mapping[str, Any]]], set[str]]
    said: Callable[[Mapping[str, Any]], set[str]]


@dataclass(frozen=True)
class Derivation:
    """How a topic's facts come from raw records.

    `inputs` are the raw collections a record of which changes a fact, `roots` those without a record of
    which there is no fact. `wanted(keys, raw)` names what must be loaded for these keys, given what was
    loaded so far: it is asked again until it names nothing new.
    `derive(raw, zone)` makes the facts of all items in `raw`; `zone` is the upstream's. `mentions` are
    the inputs whose records other inputs name by a word instead of a key, `named` those whose records belong
    to the items that they name in a field of their data, not to those of their key. `fields` names for a
    collection the only fields that are loaded, `without` those that are not.
    """

    topic: str
    inputs: tuple[str, ...]
    roots: tuple[str, ...]
    wanted: Callable[[set[str], Raw], Wanted]
    derive: Callable[[Raw, str], Derived]
    mentions: Mapping[str, Mention] = field(default_factory=dict)
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    without: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    named: Mapping[str, str] = field(default_factory=dict)

    def projection(self, collection: str, envelope: tuple[str, ...]) -> dict[str, int] | None:
        """What is loaded of the records of a collection, whose `envelope` is needed; None is all."""
        if collection in self.fields:
            return dict.fromkeys((*envelope, *self.fields[collection]), 1)
        return dict.fromkeys(self.without[collection], 0) if collection in self.without else None


def by_key(collections: Sequence[str]) -> Callable[[set[str], Raw], Wanted]:
    """`wanted` for facts that need nothing but the records with their own key."""

    def wanted(keys: set[str], raw: Raw) -> Wanted:
        return {(collection, "key"): set(keys) for collection in collections}

    return wanted


def each(collection: str, fact: Callable[[Mapping[str, Any], str], Fact]) -> Callable[[Raw, str], Derived]:
    """`derive` for facts that come from one record each; one that raises is rejected."""

    def derive(raw: Raw, zone: str) -> Derived:
        derived = Derived()
        for record in raw.get(collection, ()):
            try:
                own = {"_id": record["_id"], "instance": record["instance"]}
                derived.facts.append(own | fact(record, zone))
            except (KeyError, TypeError, ValueError, OverflowError) as error:
                derived.rejected.append(Rejected(collection, record, f"{type(error).__name__}: {error}"))
        return derived

    return derive


def text(value: Any) -> str:
    """A value as text, "" for null."""
    return "" if value is None else str(value)


def epoch(value: Any, zone: str) -> int | None:
    """Epoch seconds of a zone-less time, None for its empty spellings; raises TypeError or ValueError.

    What is before 1970 or after 2106 is no time of an item, and refused.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError("a time is not text")
    # Now and then there are two spaces before the hour.
    found = naive_epoch(" ".join(value.split()) if "  " in value else value, zone)
    return None if found is None else instant(found)


def instant(at: float) -> int:
    """Epoch seconds as facts hold them; raises ValueError for what they cannot hold."""
    if int(at) not in INSTANTS:
        raise ValueError("a time before 1970 or after 2106")
    return int(at)


def calendar_day(value: Any) -> str | None:
    """The `YYYY-MM-DD` of a date or time, None for the empty spellings; raises ValueError."""
    found = text(value)[:10]
    if found in ("", "--", "0000-00-00"):
        return None
    return date.fromisoformat(found).isoformat()
