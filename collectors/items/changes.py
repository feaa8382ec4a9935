"""Reading change rows: what of an item changed when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import ujson

from collectors.derivation import epoch, text
from collectors.items.kinds import Entry, Feed, Kind, value


@dataclass(frozen=True)
class Step:
    """One field's change at one instant."""

    at: int
    id: str
    old: str
    new: str


Steps = dict[str, list[Step]]


@dataclass
class Changes:
    """What is known of an item's changes.

    The steps of the change feed by field, those that webhooks told of after its last row (`hooked`), the
    values at the creation, when a deletion was noted, when a step of a parallel workflow was left out, and
    the rows that cannot be read, with the reason.
    """

    steps: Steps = field(default_factory=dict)
    hooked: Steps = field(default_factory=dict)
    born: dict[str, str] = field(default_factory=dict)
    deleted_at: int | None = None
    parallel: list[int] = field(default_factory=list)
    unreadable: list[tuple[Mapping[str, Any], str]] = field(default_factory=list)

    def since(self, start: int | None) -> Changes:
        """The changes from `start` on; None is all of them."""
        if start is None:
            return self
        return replace(
            self,
            steps=_since(self.steps, start),
            hooked=_since(self.hooked, start),
            parallel=[at for at in self.parallel if at >= start],
        )


def _since(steps: Steps, start: int) -> Steps:
    return {name: [step for step in each if step.at >= start] for name, each in steps.items()}


def read_changes(records: Sequence[Mapping[str, Any]], kind: Kind, zone: str) -> Changes:
    """The changes in raw change records, in order of time and then of id."""
    changes = Changes()
    for record in sorted(records, key=_told):
        try:
            _read(changes, record["data"], kind, zone)
        except (TypeError, ValueError, OverflowError) as error:
            changes.unreadable.append((record, f"{type(error).__name__}: {error}"))
    for steps in changes.steps.values():
        steps.sort(key=lambda step: (step.at, len(step.id), step.id))
    return changes


def _told(record: Mapping[str, Any]) -> tuple[str, int, str]:
    data = record["data"]
    name = text(data.get("id"))
    return text(data.get("created")), len(name), name


def _read(changes: Changes, data: Mapping[str, Any], kind: Kind, zone: str) -> None:
    named = [(one, kind.reads(one.field)) for one in kind.feed.entries(data)]
    entries = [(one, name or "") for one, name in named if name or one.field == kind.deletion]
    if not entries:
        return
    at = epoch(data.get("created"), zone)
    if at is None:
        raise ValueError("a change without its time")
    created = text(data.get("change_type")).startswith("create")
    parallel, number = False, text(data.get("id"))
    for entry, name in entries:
        if entry.field == kind.deletion:
            changes.deleted_at = max(at, changes.deleted_at or at)
            continue
        old, new = value(entry.old, name), value(entry.new, name)
        if created:
            changes.born[name] = new
        elif entry.step or (name == "status" and (of_a_step(old) or of_a_step(new))):
            parallel = parallel or name in kind.tracked
        else:
            changes.steps.setdefault(name, []).append(Step(at, number, old, new))
    if parallel:
        changes.parallel.append(at)


def of_a_step(status: str) -> bool:
    """Whether a status is none, but a step of a parallel workflow: empty or a number."""
    return not status or status.isdecimal()


def last_told(records: Sequence[Mapping[str, Any]], zone: str) -> int | None:
    """When the last of these change records was made, whatever changed; the feed is known until then."""
    found = []
    for record in records:
        try:
            found.append(epoch(record["data"].get("created"), zone))
        except (TypeError, ValueError, OverflowError):
            continue
    return max((at for at in found if at is not None), default=None)


def _bug_entries(data: Mapping[str, Any]) -> Iterator[Entry]:
    """The change in a row of TAPD's BugChange, which has one field."""
    entries = data.get("field_changes")
    step = _is_step(data) or (isinstance(entries, list) and any(map(_is_step, entries)))
    yield Entry(text(data.get("field")), data.get("old_value"), data.get("new_value"), step)


def _workitem_entries(data: Mapping[str, Any]) -> Iterator[Entry]:
    """The changes in a row of TAPD's WorkitemChange, which has several fields.

    They stand in `field_changes`; old rows have them as JSON text in `changes` only. Raises ValueError
    where they can be read in neither.
    """
    entries = data.get("field_changes")
    if not isinstance(entries, list):
        written = data.get("changes")
        entries = ujson.loads(written) if isinstance(written, str) and written else []
    if not isinstance(entries, list):
        raise ValueError("the changes are no list")
    step = _is_step(data)
    for entry in entries:
        if not isinstance(entry, dict):
            raise ValueError("a change is no object")
        old, new = entry.get("value_before"), entry.get("value_after")
        if entry.get("field") == "iteration_id":
            # The values are names. The ids beside them say more, but are not always there.
            old = _id(entry.get("before_iteration_id")) or old
            new = _id(entry.get("after_iteration_id")) or new
        yield Entry(text(entry.get("field")), old, new, step or _is_step(entry))


def _is_step(data: Any) -> bool:
    flag = data.get("is_step_change") if isinstance(data, dict) else None
    return flag is not None and flag not in (False, 0, "", "0", "false")


def _id(found: Any) -> str:
    number = text(found)
    return number if number.isdecimal() and number.strip("0") else ""


BUG_CHANGES: Final = Feed(_bug_entries, {"data.field": "iteration_id"}, ("field", "old_value", "new_value"))
WORKITEM_CHANGES: Final = Feed(
    _workitem_entries,
    {"$or": [{"data.field_changes.field": "iteration_id"}, {"data.field_changes.0": {"$exists": False}}]},
    ("field_changes", "changes"),
)
