"""Bugs over their whole life: one fact each, also across workspaces.

A bug that moved to another collected workspace got a new id there. Its fact has the first id, and as many
legs as places it was in: each leg's history comes from that place's row and changes, and the values at a
move are those with which the next leg begins.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Any

from collectors import Removal
from collectors.derivation import (
    Derivation,
    Derived,
    Fact,
    Mention,
    Raw,
    Rejected,
    Wanted,
    calendar_day,
    epoch,
    text,
)
from collectors.history import TRACKED, Changes, Course, Iterations, courses, read_changes, read_iterations
from collectors.removals import moves, removal

BUGS = "raw_tapd_bug"
CHANGES = "raw_tapd_bug_change"
REMOVED = "raw_tapd_removed_bug"
ITERATIONS = "raw_tapd_iteration"
# A name stays new for so long: a version that came after it may be the first to be derived.
NEW = timedelta(days=1)
FIELDS = ("workspace", *TRACKED)


@dataclass
class Place:
    """One bug id: its row, its removal and its changes, as far as they are known."""

    id: str
    row: Mapping[str, Any] | None = None
    gone: Mapping[str, Any] | None = None
    records: list[Mapping[str, Any]] = field(default_factory=list)
    changes: Changes = field(default_factory=Changes)
    iterations: Iterations = field(default_factory=Iterations)
    modified: int | None = None
    removal: Removal | None = None

    @property
    def known(self) -> bool:
        """True when there is a row or a removal; changes alone do not tell when a bug was created."""
        return self.row is not None or self.gone is not None

    @property
    def workspace(self) -> str:
        """The workspace's id."""
        return text((self.row or self.gone or {})["scope"])

    @property
    def fact_id(self) -> str:
        """The `_id` a fact that begins here has."""
        return f"{(self.row or self.gone or {})['instance']}:{self.workspace}:{self.id}"

    def said(self, name: str) -> Any:
        """A field of the row, else of the removal."""
        for record in (self.row, self.gone):
            if record is not None and record["data"].get(name) not in (None, ""):
                return record["data"][name]
        return None

    def read(self, zone: str) -> None:
        """Understand the records; raises ValueError or TypeError."""
        if self.row is not None:
            self.modified = epoch(self.row["data"].get("modified"), zone)
        self.changes = read_changes(self.records, zone)
        if self.gone is not None:
            self.removal = removal(self.gone["data"], zone)
        elif self.changes.deleted_at is not None:
            self.removal = Removal(self.changes.deleted_at, "deleted")
        if self.removal and self.modified is not None and self.modified > self.removal.at:
            # Modified after it was removed: it was restored.
            self.removal = None


def wanted(keys: set[str], raw: Raw) -> Wanted:
    """The rows, removals and changes of these bugs and of those they moved from or to.

    Where a change names an iteration, also the iterations of the workspaces.
    """
    ids = set(keys)
    for record in raw.get(REMOVED, ()):
        # Whoever is loaded is loaded whole: half an item would give a wrong fact.
        ids.add(record["key"])
        if record.get("target") and moves(record["data"]):
            ids.add(record["target"])
    found = {(BUGS, "key"): ids, (CHANGES, "key"): ids, (REMOVED, "key"): ids, (REMOVED, "target"): ids}
    planned = {
        record["key"] for record in raw.get(CHANGES, ()) if record["data"].get("field") == "iteration_id"
    }
    scopes = {
        record["scope"]
        for collection in (BUGS, REMOVED)
        for record in raw.get(collection, ())
        if record["key"] in planned
    }
    return found | ({(ITERATIONS, "scope"): scopes} if scopes else {})


def new_names(record: Mapping[str, Any]) -> set[str]:
    """The names an iteration has got of late."""
    return {one["name"] for one in record.get("names", ()) if one["at"] >= record["updated_at"] - NEW}


def derive(raw: Raw, zone: str) -> Derived:
    """One fact per bug; moved ones are joined, and the facts of their later ids are gone."""
    derived = Derived()
    places = {place.id: place for place in _places(raw).values() if _readable(place, zone, derived)}
    following = {
        place.id: place.removal.target
        for place in places.values()
        if place.removal
        and place.removal.why == "moved"
        and place.removal.target != place.id
        and place.removal.target in places
    }
    arrived = set(following.values())
    done: set[str] = set()
    # A ring of moves has no beginning: then any of its bugs begins.
    for first in [*(id for id in places if id not in arrived), *arrived]:
        legs: list[Place] = []
        at: str | None = first
        while at is not None and at not in done:
            done.add(at)
            legs.append(places[at])
            at = following.get(at)
        if not legs:
            continue
        try:
            derived.facts.append(_fact(legs, zone))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            _reject(derived, legs, error)
            continue
        derived.gone |= {place.fact_id for place in legs[1:]}
    return derived


def _places(raw: Raw) -> dict[str, Place]:
    places: dict[str, Place] = {}
    planned: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for record in raw.get(ITERATIONS, ()):
        planned[record["scope"]].append(record)
    iterations = {scope: read_iterations(records) for scope, records in planned.items()}
    for record in raw.get(BUGS, ()):
        places.setdefault(record["key"], Place(record["key"])).row = record
    for record in raw.get(REMOVED, ()):
        places.setdefault(record["key"], Place(record["key"])).gone = record
    for record in raw.get(CHANGES, ()):
        places.setdefault(record["key"], Place(record["key"])).records.append(record)
    for place in places.values():
        if place.known:
            place.iterations = iterations.get(place.workspace, place.iterations)
    return places


def _readable(place: Place, zone: str, derived: Derived) -> bool:
    if not place.known:
        return False
    try:
        place.read(zone)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        _reject(derived, [place], error)
        return False
    for record, reason in place.changes.unreadable:
        derived.rejected.append(Rejected(CHANGES, record, reason))
    return True


def _reject(derived: Derived, places: Iterable[Place], error: Exception) -> None:
    for place in places:
        for collection, record in ((BUGS, place.row), (REMOVED, place.gone)):
            if record is not None:
                derived.rejected.append(Rejected(collection, record, f"{type(error).__name__}: {error}"))


def _fact(legs: list[Place], zone: str) -> Fact:
    first, last = legs[0], legs[-1]
    findings: set[str] = set()
    created = next((at for leg in legs if (at := epoch(leg.said("created"), zone)) is not None), None)
    if created is None:
        raise ValueError("a bug without its creation")
    removed_at = max(last.removal.at, created) if last.removal else None
    segments = _segments(legs, created, removed_at, findings)
    try:
        due = calendar_day(last.said("deadline")) or calendar_day(last.said("due"))
    except ValueError:
        due = None
        findings.add("unreadable:due")
    return {
        "_id": first.fact_id,
        "instance": (first.row or first.gone or {})["instance"],
        "id": last.id,
        "title": text(last.said("title")),
        "created": created,
        "removed_at": removed_at,
        "removed_why": last.removal.why if last.removal else None,
        "due": due,
        "findings": sorted(findings),
        "segments": segments,
    }


def _segments(
    legs: list[Place], created: int, removed_at: int | None, findings: set[str]
) -> dict[str, list[Any]]:
    ways = _ways(legs, findings)
    points: dict[int, dict[str, str]] = {}
    start = created
    held: dict[str, str] = {}
    for leg, way in zip(legs, ways, strict=True):
        end = max(leg.removal.at, start) if leg.removal else None
        held = {name: _or(way[name].first, held.get(name, "")) for name in TRACKED}
        points[start] = {"workspace": leg.workspace} | held
        turns: dict[int, dict[str, str]] = defaultdict(dict)
        for name in TRACKED:
            for at, value in way[name].moves:
                if at < start:
                    findings.add("change_before_created")
                turns[max(at, start)][name] = value
        for at in sorted(turns):
            if end is not None and at >= end and at > start:
                break
            held = held | turns[at]
            points[at] = {"workspace": leg.workspace} | held
        start = end if end is not None else start
    return _columns(points, removed_at)


def _ways(legs: list[Place], findings: set[str]) -> list[dict[str, Course]]:
    """Each leg's courses; what a leg does not know it takes from the leg beside it."""
    ways = []
    came = None
    for leg in legs:
        leaves = leg.removal.at if leg.removal and leg is not legs[-1] else None
        # Rows that came along with a move are copies of those of the id before.
        row = leg.row["data"] if leg.row is not None else None
        ways.append(courses(leg.changes, leg.changes.since(came), row, leg.modified, leg.iterations))
        if leaves is not None:
            for way in ways[-1].values():
                way.moves = [(at, held) for at, held in way.moves if at < leaves]
        findings |= leg.changes.findings
        findings.update(*(way.findings for way in ways[-1].values()))
        came = leaves
    for before, after in pairwise(ways):
        for name in TRACKED:
            if after[name].first is None:
                after[name].first = before[name].last
    for after, before in pairwise(reversed(ways)):
        for name in TRACKED:
            # An iteration belongs to its workspace.
            if before[name].first is None and name != "iteration":
                before[name].first = after[name].first
    return ways


def _or(value: str | None, otherwise: str) -> str:
    return otherwise if value is None else value


def _columns(points: Mapping[int, Mapping[str, str]], removed_at: int | None) -> dict[str, list[Any]]:
    """The points in time as equal-length lists; one that changes nothing is left out."""
    columns: dict[str, list[Any]] = {"start": [], **{name: [] for name in FIELDS}}
    before: Mapping[str, str] | None = None
    for at in sorted(points):
        if points[at] == before or (before is not None and removed_at is not None and at >= removed_at):
            continue
        before = points[at]
        columns["start"].append(at)
        for name in FIELDS:
            columns[name].append(before[name])
    return columns


DERIVATION = Derivation(
    topic="bugs",
    inputs=(BUGS, CHANGES, REMOVED, ITERATIONS),
    roots=(BUGS, REMOVED),
    wanted=wanted,
    derive=derive,
    mentions={
        ITERATIONS: Mention(CHANGES, {"data.field": "iteration_id"}, ("old_value", "new_value"), new_names)
    },
    fields={ITERATIONS: ("names", "data.name")},
)
