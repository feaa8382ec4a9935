"""What TAPD's webhooks told of one item: versions of its row, changes, and its deletion.

A create brings the item's fields, an update every field's old value and the new one of those that changed.
They come late, twice or not at all; so a version counts by when it was made, and a change only where the
change feed does not have it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from collectors.derivation import calendar_day, epoch, text
from collectors.items.changes import Step, Steps, of_a_step
from collectors.items.kinds import value

# Of what was told in one second: a create comes first, then updates by their number, and the row counts most.
Place = tuple[int, int, str, str]
ROW: Place = (2, 0, "", "")


@dataclass(frozen=True)
class Version:
    """An item's fields, by TAPD's names, as they were from `at` on; `place` orders those of one second."""

    at: int
    place: Place
    fields: Mapping[str, Any]


@dataclass
class Told:
    """What webhooks told of one item, and the deliveries that cannot be read, with the reason."""

    versions: list[Version] = field(default_factory=list)
    steps: Steps = field(default_factory=dict)
    deleted_at: int | None = None
    unreadable: list[tuple[Mapping[str, Any], str]] = field(default_factory=list)

    def after(self, last: int | None) -> Steps:
        """The steps later than the change feed's last row; None is all of them."""
        return {
            name: [step for step in steps if last is None or step.at > last]
            for name, steps in self.steps.items()
        }

    def newest(
        self, row: Mapping[str, Any] | None, modified: int | None, words: Mapping[str, str]
    ) -> tuple[Mapping[str, Any] | None, int | None]:
        """The item's fields in their newest version, and when that was made, given the row that was read.

        What a version does not name stays as it was before.
        """
        if not self.versions:
            return row, modified
        versions = [*self.versions, *([Version(modified or 0, ROW, row)] if row is not None else [])]
        versions.sort(key=lambda version: (version.at, version.place))
        data = versions[0].fields
        for version in versions[1:]:
            data = _overlaid(data, version.fields, words)
        return data, versions[-1].at


def read_hooks(
    records: Sequence[Mapping[str, Any]],
    reads: Callable[[str], str | None],
    zone: str,
    days: Sequence[str] = (),
) -> Told:
    """What the raw records of an item's deliveries tell.

    `reads` gives our name of a field of TAPD's whose changes are read; `days` are those that must be dates.
    """
    told = Told()
    placed: dict[str, list[tuple[Place, Step]]] = {}
    for record in records:
        data = record["data"]
        number = text(data.get("event_id"))
        try:
            version = _version(data, (len(number), number, record["_id"]), told, zone)
            if version is not None:
                # What cannot be read must not spoil what is known of the item.
                epoch(version.fields.get("created"), zone)
                for day in days:
                    calendar_day(version.fields.get(day))
        except (TypeError, ValueError, OverflowError) as error:
            told.unreadable.append((record, f"{type(error).__name__}: {error}"))
            continue
        if version is None:
            continue
        told.versions.append(version)
        for theirs in [name[4:] for name in data if name.startswith("new_")]:
            ours = reads(theirs)
            if ours is None or f"old_{theirs}" not in data:
                continue
            old, new = (value(data[f"{which}_{theirs}"], ours) for which in ("old", "new"))
            if old != new and not (ours == "status" and (of_a_step(old) or of_a_step(new))):
                step = Step(version.at, number, old, new)
                placed.setdefault(ours, []).append((version.place, step))
    for name, steps in placed.items():
        told.steps[name] = [step for _, step in sorted(steps, key=lambda one: (one[1].at, one[0]))]
    return told


def _version(data: Mapping[str, Any], place: tuple[int, str, str], told: Told, zone: str) -> Version | None:
    """The version in a delivery; None for a deletion, which is noted, and for what names no field."""
    event = text(data.get("event")).rpartition("::")[2]
    at = epoch(data.get("created"), zone)
    if event == "delete":
        if at is None:
            raise ValueError("a deletion without its time")
        told.deleted_at = max(at, told.deleted_at or at)
        return None
    if event == "create":
        fields = {**data, "modified": data.get("created")}
        rank = 0
    else:
        # TAPD tells of a change of status by an update or by an event of its own.
        fields = {
            name[4:]: data[name]
            for prefix in ("old_", "new_")
            for name in data
            if name.startswith(prefix) and len(name) > 4
        }
        changed = epoch(data.get("new_modified"), zone)
        at = at if changed is None else changed
        rank = 1
    if not fields:
        return None
    if at is None:
        raise ValueError("a delivery without its time")
    if of_a_step(value(fields.get("status"))):
        fields.pop("status", None)
    return Version(at, (rank, *place), fields)


def _overlaid(
    data: Mapping[str, Any], newer: Mapping[str, Any], words: Mapping[str, str]
) -> Mapping[str, Any]:
    """The fields of a version over those of the one before.

    Webhooks give a priority alone, by its code or a word: the label beside it stays, or is that of another.
    """
    found = {**data, **newer}
    if "priority" in newer and "priority_label" not in newer and data.get("priority_label"):
        code, given = value(data.get("priority")), value(newer["priority"])
        same = given in (code, value(data["priority_label"]), words.get(code, code))
        found |= {"priority": data.get("priority")} if same else {"priority_label": None}
    return found
