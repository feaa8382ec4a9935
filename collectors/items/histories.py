"""The histories of the further fields of an item, across the places it was in."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from collectors.derivation import Fact
from collectors.items.courses import Course, further_courses
from collectors.items.kinds import CUSTOM, Kind
from collectors.items.places import Place


def histories(kind: Kind, legs: Sequence[Place], created: int, removed_at: int | None) -> Fact:
    """By name what each field held that ever held anything: each `value` from its `at` on.

    What a leg does not know it takes from the leg beside it, but custom fields belong to their workspace.
    """
    ways = _ways(kind, legs)
    found = {}
    for name in sorted({name for way in ways for name in way}):
        parts = [way.get(name) or _silent(leg, name) for leg, way in zip(legs, ways, strict=True)]
        if not name.startswith(CUSTOM):
            _joined(parts)
        points = _points(legs, parts, created)
        history: dict[str, list[Any]] = {"at": [], "value": []}
        held = None
        for at, value in sorted(points.items()):
            gone = held is not None and removed_at is not None and at >= removed_at
            if value != held and not gone:
                history["at"].append(at)
                history["value"].append(value)
                held = value
        if any(history["value"]):
            found[name] = history
    return found


def _ways(kind: Kind, legs: Sequence[Place]) -> list[dict[str, Course]]:
    ways = []
    came = None
    for leg in legs:
        leaves = leg.removal.at if leg.removal and leg is not legs[-1] else None
        # Rows that came along with a move are copies of those of the id before.
        changes, gone = leg.changes.since(came), leg.removal is not None
        way = further_courses(kind, changes, leg.data, leg.modified, leg.iterations, gone)
        if leaves is not None:
            for each in way.values():
                each.moves = [(at, held) for at, held in each.moves if at < leaves]
        ways.append(way)
        came = leaves
    return ways


def _silent(leg: Place, name: str) -> Course:
    """The way of a field that never held anything in a leg: empty where its row says so."""
    return Course("" if name in (leg.data or {}) else None)


def _joined(parts: Sequence[Course]) -> None:
    for before, after in pairwise(parts):
        if after.first is None:
            after.first = before.last
    for after, before in pairwise(reversed(parts)):
        if before.first is None:
            before.first = after.first


def _points(legs: Sequence[Place], parts: Sequence[Course], created: int) -> dict[int, str]:
    """What held from which instant on, in no order."""
    points: dict[int, str] = {}
    start = created
    for leg, part in zip(legs, parts, strict=True):
        end = max(leg.removal.at, start) if leg.removal else None
        points[start] = part.first or ""
        for at, value in part.moves:
            moment = max(at, start)
            if end is not None and moment >= end and moment > start:
                break
            points[moment] = value
        start = end if end is not None else start
    return points
