"""The iterations of a workspace, which the change feed calls by their names of the time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Any

from collectors.derivation import epoch
from collectors.items.changes import Step
from collectors.items.kinds import value

ITERATIONS = "raw_tapd_iteration"
CHANGES = "raw_tapd_iteration_change"
# A name stays new for so long: a version that came after it may be the first to be derived.
NEW = timedelta(days=1)


@dataclass(frozen=True)
class Span:
    """That an iteration bore a name from `start` until `end`; None is for ever."""

    id: str
    start: int | None
    end: int | None

    def holds(self, at: int) -> bool:
        """Whether it bore it at an instant."""
        return (self.start is None or self.start <= at) and (self.end is None or at < self.end)


@dataclass(frozen=True)
class Iterations:
    """Today's name by id; the id by each name that one has or had; who bore a name when, as far as known."""

    names: Mapping[str, str] = field(default_factory=dict)
    ids: Mapping[str, str] = field(default_factory=dict)
    spans: Mapping[str, Sequence[Span]] = field(default_factory=dict)

    def id_of(self, word: str, at: int | None) -> str:
        """The id of the iteration that the change feed called so at an instant, else the word itself."""
        if word in self.names:
            return word
        bearers = {span.id for span in self.spans.get(word, ()) if at is not None and span.holds(at)}
        return bearers.pop() if len(bearers) == 1 else self.ids.get(word, word)

    def alike(self, one: str, other: str) -> bool:
        """Whether two ids are the same iteration to a reader: two may have one name."""
        return self.names.get(one, one) == self.names.get(other, other)


def read_iterations(
    records: Iterable[Mapping[str, Any]], changes: Iterable[Mapping[str, Any]], zone: str
) -> Iterations:
    """The iterations in raw records of one workspace; a present name goes before another's former one."""
    renames = read_names(changes, zone)
    names: dict[str, str] = {}
    ids: dict[str, str] = {}
    spans: dict[str, list[Span]] = defaultdict(list)
    known = sorted(records, key=lambda record: str(record["key"]))
    for record in known:
        present = record["data"].get("name")
        if isinstance(present, str) and present:
            names[record["key"]] = present
    for key, name in sorted(names.items()):
        ids.setdefault(name, key)
    for record in known:
        key = record["key"]
        steps = renames.get(key, [])
        former = [one["name"] for one in record.get("names", ())]
        for name in (*former, *(name for step in steps for name in (step.old, step.new))):
            if name:
                ids.setdefault(name, key)
        for name, span in _spans(key, names.get(key, ""), former, steps, _created(record, zone)):
            spans[name].append(span)
    return Iterations(names, ids, spans)


def read_names(changes: Iterable[Mapping[str, Any]], zone: str) -> dict[str, list[Step]]:
    """The changes of names in raw change records of iterations, by id and in order; only readable ones."""
    found: dict[str, list[Step]] = defaultdict(list)
    for record in changes:
        data = record["data"]
        if data.get("field") != "name":
            continue
        try:
            at = epoch(data.get("created"), zone)
        except (TypeError, ValueError, OverflowError):
            continue
        if at is not None:
            step = Step(at, str(data.get("id")), value(data.get("old_value")), value(data.get("new_value")))
            found[record["key"]].append(step)
    for steps in found.values():
        steps.sort(key=lambda step: (step.at, len(step.id), step.id))
    return found


def _spans(
    key: str, present: str, former: Sequence[str], steps: Sequence[Step], created: int | None
) -> Iterable[tuple[str, Span]]:
    """Who bore which name when. A rename that only the names tell of has no date, then nothing has."""
    if not steps:
        if not set(former) - {present}:
            yield present, Span(key, created, None)
        return
    yield steps[0].old, Span(key, created, steps[0].at)
    for one, after in pairwise(steps):
        yield one.new, Span(key, one.at, after.at)
    yield steps[-1].new, Span(key, steps[-1].at, None)


def _created(record: Mapping[str, Any], zone: str) -> int | None:
    try:
        return epoch(record["data"].get("created"), zone)
    except (TypeError, ValueError, OverflowError):
        return None


def new_names(records: Sequence[Mapping[str, Any]]) -> set[str]:
    """The names that these iterations have got of late."""
    return {
        one["name"]
        for record in records
        for one in record.get("names", ())
        if one["at"] >= record["updated_at"] - NEW
    }


def newly_told(records: Sequence[Mapping[str, Any]]) -> set[str]:
    """The names in those of these change records that were collected last."""
    if not records:
        return set()
    last = max(record["updated_at"] for record in records)
    names = {
        value(record["data"].get(which))
        for record in records
        if record["data"].get("field") == "name" and record["updated_at"] >= last - NEW
        for which in ("old_value", "new_value")
    }
    return names - {""}
