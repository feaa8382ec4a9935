"""Events of GitLab projects, in the words of the list of events (`pushed to`, not `pushed`).

A webhook tells of an event before the list does. It makes a fact of its own until the list has the event.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from collectors.derivation import Derivation, Derived, Fact, Raw, Rejected, by_key, instant, text
from collectors.signatures import Happening, happening_of_hook

EVENTS = "raw_gitlab_event"
HOOKS = "raw_gitlab_hook"
# A webhook and the list may differ by so much about when something happened.
APART_S = 600


@dataclass
class Telling:
    """What the deliveries of one happening say: its time, and the facts that each of them would make."""

    happening: Happening
    at: int
    facts: list[Fact] = field(default_factory=list)


def derive(raw: Raw, zone: str) -> Derived:
    """One fact per event; `project` is the id of its project, whose path is the project's own fact.

    Of the deliveries of a happening that is not in the list yet the first makes the fact.
    """
    derived = Derived()
    listed: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for record in raw.get(EVENTS, ()):
        try:
            fact = _event(record)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            derived.rejected.append(Rejected(EVENTS, record, f"{type(error).__name__}: {error}"))
            continue
        derived.facts.append(fact)
        listed[record["key"]].append((fact["at"], _before(record["data"])))
    for signature, tellings in _told(raw).items():
        matched = _matched(tellings, listed[signature])
        for number, telling in enumerate(tellings):
            kept = 0 if number in matched else 1
            derived.facts += telling.facts[:kept]
            derived.gone |= {fact["_id"] for fact in telling.facts[kept:]}
    return derived


def _event(record: Mapping[str, Any]) -> Fact:
    data = record["data"]
    at = datetime.fromisoformat(data["created_at"])
    if at.tzinfo is None:
        raise ValueError("created_at without its offset")
    action = data["action_name"]
    if not isinstance(action, str):
        raise TypeError("action_name is not text")
    push = data.get("push_data")
    ref, ref_type = (text(push.get(name)) if isinstance(push, dict) else "" for name in ("ref", "ref_type"))
    happening = Happening(record["key"], action, text(data.get("target_type")), ref, ref_type)
    return _fact(record, record["_id"], happening, instant(at.timestamp()))


def _before(data: Mapping[str, Any]) -> str:
    """The commit that a push began from, "" where there was none or the row does not say."""
    push = data.get("push_data")
    return text(push.get("commit_from")) if isinstance(push, dict) else ""


def _fact(record: Mapping[str, Any], id: str, happening: Happening, at: int) -> Fact:
    return {
        "_id": id,
        "instance": record["instance"],
        "project": record["scope"],
        "at": at,
        "action": happening.action,
        "target_type": happening.target_type,
        "ref": happening.ref,
        "branch": happening.ref if happening.ref_type == "branch" else "",
    }


def _told(raw: Raw) -> dict[str, list[Telling]]:
    """What webhooks told, by signature and in order of time; several deliveries may tell of one happening."""
    found: dict[str, list[Telling]] = defaultdict(list)
    deliveries = []
    for record in raw.get(HOOKS, ()):
        happening = happening_of_hook(record["data"], record["scope"])
        if happening is not None:
            at = happening.at if happening.at is not None else _received(record)
            deliveries.append((at, record["_id"], happening, record))
    for at, _, happening, record in sorted(deliveries, key=lambda one: one[:2]):
        tellings = found[happening.signature]
        # With its own time a happening is told from any other; without, what comes soon after is it again.
        apart = 0 if happening.at is not None else APART_S
        again = [
            telling
            for telling in tellings
            if telling.happening.unique == happening.unique and at - telling.at <= apart
        ]
        if not again:
            again = [Telling(happening, at)]
            tellings += again
        prefix = f"{record['instance']}:{record['scope']}:"
        delivery = f"{prefix}hook:{record['_id'].removeprefix(prefix)}"
        again[-1].facts.append(_fact(record, delivery, happening, at))
    return found


def _received(record: Mapping[str, Any]) -> int:
    """When a delivery came, in epoch seconds."""
    try:
        return int(float(record["about"]["received"]))
    except (KeyError, TypeError, ValueError, OverflowError):
        return int(record["collected_at"].timestamp())


def _matched(tellings: Sequence[Telling], listed: Sequence[tuple[int, str]]) -> set[int]:
    """The tellings whose event is in the list: each event takes the one that is nearest in time.

    A push needs no nearness: its commits tell which it is. A branch may be deleted again and again.
    """
    pairs = sorted(
        (abs(telling.at - at), number, place)
        for number, telling in enumerate(tellings)
        for place, (at, before) in enumerate(listed)
        if (
            before in ("", telling.happening.unique)
            if telling.happening.ref
            else abs(telling.at - at) <= APART_S
        )
    )
    found: set[int] = set()
    taken: set[int] = set()
    for _, number, place in pairs:
        if number not in found and place not in taken:
            found.add(number)
            taken.add(place)
    return found


DERIVATION = Derivation(
    topic="events",
    inputs=(EVENTS, HOOKS),
    roots=(EVENTS, HOOKS),
    wanted=by_key([EVENTS, HOOKS]),
    derive=derive,
)
