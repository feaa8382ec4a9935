"""From the records of items to their facts: one each, also across workspaces.

A bug that moved to another collected workspace got a new id there. Its fact has the first id, and as many
legs as places it was in: each leg's history comes from that place's row and changes, and the values at a
move are those with which the next leg begins.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

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
from collectors.items.courses import Course, courses
from collectors.items.histories import histories
from collectors.items.iterations import CHANGES, ITERATIONS, new_names, newly_told, read_iterations
from collectors.items.kinds import Kind
from collectors.items.places import Place
from collectors.removals import moves

# What a fact has besides what all items have, from the places the item was in.
More = Callable[[Sequence[Place]], Fact]
UNREADABLE = (KeyError, TypeError, ValueError, OverflowError)


def derivation(kind: Kind, more: More) -> Derivation:
    """How the facts of a kind come about."""
    feed = kind.feed
    told = sorted({*kind.fields, *kind.due, kind.title, "created", "modified"})
    hooked = ("event", "event_id", *(f"{which}{name}" for which in ("", "old_", "new_") for name in told))
    renamed = ("id", "field", "old_value", "new_value", "created")
    # Nobody knows beforehand which custom fields there are: then all but the longest is loaded.
    wide = {kind.hooks: tuple(f"data.{which}description" for which in ("", "old_", "new_"))}
    narrow = {kind.hooks: tuple(f"data.{name}" for name in hooked)}
    return Derivation(
        topic=kind.topic,
        inputs=(
            *(kind.rows, kind.changes, kind.removed, kind.hooks, ITERATIONS, CHANGES),
            *filter(None, (kind.linked,)),
        ),
        roots=(kind.rows, kind.removed, kind.hooks),
        wanted=partial(wanted, kind),
        derive=partial(derive, kind, more),
        mentions={
            ITERATIONS: Mention(kind.changes, feed.planned, feed.names, new_names, feed.iterations),
            CHANGES: Mention(kind.changes, feed.planned, feed.names, newly_told, feed.iterations),
        },
        fields={
            ITERATIONS: ("names", "data.name", "data.created"),
            CHANGES: tuple(f"data.{name}" for name in renamed),
            **({} if kind.further else narrow),
        },
        without=wide if kind.further else {},
        named={kind.linked: f"{kind.entity}_id"} if kind.linked else {},
    )


def wanted(kind: Kind, keys: set[str], raw: Raw) -> Wanted:
    """The rows, removals, changes and deliveries of these items and of those they moved from or to.

    Where a change names an iteration, also the iterations of the workspaces.
    """
    ids = set(keys)
    for record in raw.get(kind.removed, ()) if kind.moving else ():
        # Whoever is loaded is loaded whole: half an item would give a wrong fact.
        ids.add(record["key"])
        if record.get("target") and moves(record["data"]):
            ids.add(record["target"])
    found = {(name, "key"): ids for name in (kind.rows, kind.changes, kind.removed, kind.hooks)}
    if kind.moving:
        found[kind.removed, "target"] = ids
    if kind.linked:
        found[kind.linked, f"data.{kind.entity}_id"] = ids
    scopes: set[str] = set()
    for record in raw.get(kind.changes, ()):
        if record["scope"] not in scopes and kind.feed.iterations(record["data"]):
            scopes.add(record["scope"])
    return found | ({(name, "scope"): scopes for name in (ITERATIONS, CHANGES)} if scopes else {})


def derive(kind: Kind, more: More, raw: Raw, zone: str) -> Derived:
    """One fact per item; moved ones are joined, and the facts of their later ids are gone."""
    derived = Derived()
    places = {place.id: place for place in _places(kind, raw, zone) if _readable(place, zone, derived)}
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
    # A ring of moves has no beginning: then any of its items begins.
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
            derived.facts.append(_fact(kind, legs, zone) | more(legs))
        except UNREADABLE as error:
            _reject(derived, legs, error)
            continue
        derived.gone |= {place.fact_id for place in legs[1:]}
    return derived


def _places(kind: Kind, raw: Raw, zone: str) -> list[Place]:
    places: dict[str, Place] = {}
    planned: dict[str, tuple[list[Any], list[Any]]] = defaultdict(lambda: ([], []))
    for which, name in enumerate((ITERATIONS, CHANGES)):
        for record in raw.get(name, ()):
            planned[record["scope"]][which].append(record)
    iterations = {scope: read_iterations(*found, zone) for scope, found in planned.items()}

    def place(record: Mapping[str, Any]) -> Place:
        found = places.get(record["key"])
        if found is None:
            found = places[record["key"]] = Place(record["key"], kind)
        return found

    for record in raw.get(kind.rows, ()):
        place(record).row = record
    for record in raw.get(kind.removed, ()):
        place(record).gone = record
    for record in raw.get(kind.hooks, ()):
        place(record).deliveries.append(record)
    for record in raw.get(kind.changes, ()):
        place(record).records.append(record)
    for record in raw.get(kind.linked, ()):
        linked = places.get(text(record["data"][f"{kind.entity}_id"]))
        if linked is not None:
            linked.links.append(record)
    for found in places.values():
        found.iterations = iterations.get(found.workspace, found.iterations)
    return list(places.values())


def _readable(place: Place, zone: str, derived: Derived) -> bool:
    try:
        place.read(zone)
    except UNREADABLE as error:
        _reject(derived, [place], error)
        return False
    for record, reason in place.told.unreadable:
        derived.rejected.append(Rejected(place.kind.hooks, record, reason))
    if place.known:
        for record, reason in place.changes.unreadable:
            derived.rejected.append(Rejected(place.kind.changes, record, reason))
    return place.known


def _reject(derived: Derived, places: Iterable[Place], error: Exception) -> None:
    for place in places:
        for collection, record in ((place.kind.rows, place.row), (place.kind.removed, place.gone)):
            if record is not None:
                derived.rejected.append(Rejected(collection, record, f"{type(error).__name__}: {error}"))


def _fact(kind: Kind, legs: Sequence[Place], zone: str) -> Fact:
    first, last = legs[0], legs[-1]
    findings: set[str] = set()
    created = next((at for leg in legs if (at := epoch(leg.said("created"), zone)) is not None), None)
    if created is None:
        raise ValueError(f"a {kind.entity} without its creation")
    removed_at = max(last.removal.at, created) if last.removal else None
    ways, parallel = _ways(kind, legs, findings)
    segments = _segments(kind, legs, ways, created, removed_at, findings)
    try:
        due = next(filter(None, (calendar_day(last.said(name)) for name in kind.due)), None)
    except ValueError:
        due = None
        findings.add("unreadable:due")
    findings |= last.wrong_ends(created, zone)
    completed = last.completed(ways[-1]["status"].moves, created, removed_at, zone)
    if completed is not None:
        findings.add("completed_without_change")
    return {
        "_id": first.fact_id,
        "instance": first.origin["instance"],
        "id": last.id,
        "title": text(last.said(kind.title)),
        "created": created,
        "removed_at": removed_at,
        "removed_why": last.removal.why if last.removal else None,
        "due": due,
        "findings": sorted(findings | ({"parallel_step"} if parallel else set())),
        "parallel_steps": parallel,
        "segments": segments,
        **({"completed": completed} if kind.completed else {}),
        **({"histories": histories(kind, legs, created, removed_at)} if kind.further else {}),
    }


def _segments(
    kind: Kind,
    legs: Sequence[Place],
    ways: Sequence[Mapping[str, Course]],
    created: int,
    removed_at: int | None,
    findings: set[str],
) -> dict[str, list[Any]]:
    points: dict[int, dict[str, str]] = {}
    start = created
    held: dict[str, str] = {}
    for leg, way in zip(legs, ways, strict=True):
        end = max(leg.removal.at, start) if leg.removal else None
        held = {name: _or(way[name].first, held.get(name, "")) for name in kind.tracked}
        points[start] = {"workspace": leg.workspace} | held
        turns: dict[int, dict[str, str]] = defaultdict(dict)
        for name in kind.tracked:
            for at, value in way[name].moves:
                if at < start:
                    findings.add(f"change_before_created:{name}")
                turns[max(at, start)][name] = value
        for at in sorted(turns):
            if end is not None and at >= end and at > start:
                break
            held = held | turns[at]
            points[at] = {"workspace": leg.workspace} | held
        start = end if end is not None else start
    return _columns(("workspace", *kind.tracked), points, removed_at)


def _ways(kind: Kind, legs: Sequence[Place], findings: set[str]) -> tuple[list[dict[str, Course]], int]:
    """Each leg's courses, and how many steps of a parallel workflow were left out.

    What a leg does not know it takes from the leg beside it.
    """
    ways = []
    parallel = 0
    came = None
    for leg in legs:
        leaves = leg.removal.at if leg.removal and leg is not legs[-1] else None
        # Rows that came along with a move are copies of those of the id before.
        changes = leg.changes.since(came)
        parallel += len(changes.parallel)
        gone = leg.removal is not None
        ways.append(courses(kind, changes, leg.data, leg.modified, leg.iterations, gone))
        if leaves is not None:
            for way in ways[-1].values():
                way.moves = [(at, held) for at, held in way.moves if at < leaves]
        findings.update(*(way.findings for way in ways[-1].values()))
        came = leaves
    for before, after in pairwise(ways):
        for name in kind.tracked:
            if after[name].first is None:
                after[name].first = before[name].last
    for after, before in pairwise(reversed(ways)):
        for name in kind.tracked:
            # An iteration belongs to its workspace.
            if before[name].first is None and name != "iteration":
                before[name].first = after[name].first
    return ways, parallel


def _or(value: str | None, otherwise: str) -> str:
    return otherwise if value is None else value


def _columns(
    names: Sequence[str], points: Mapping[int, Mapping[str, str]], removed_at: int | None
) -> dict[str, list[Any]]:
    """The points in time as equal-length lists; one that changes nothing is left out."""
    columns: dict[str, list[Any]] = {"start": [], **{name: [] for name in names}}
    before: Mapping[str, str] | None = None
    for at in sorted(points):
        if points[at] == before or (before is not None and removed_at is not None and at >= removed_at):
            continue
        before = points[at]
        columns["start"].append(at)
        for name in names:
            columns[name].append(before[name])
    return columns
