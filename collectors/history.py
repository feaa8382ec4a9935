"""From change rows to what held when: the rules of docs/definitions.md, section 1, for one bug in one place.

The value of a field before its first change is that change's old value; without changes the present value
held all along. The chain of old and new values is checked; where it breaks, the later change decides from
its own time on, and the break is listed. All values are text, "" for every empty spelling.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from collectors.derivation import epoch

# Our names of the fields whose changes matter, by TAPD's.
FIELDS = {
    "status": "status",
    "version_report": "version_report",
    "version_fix": "version_fix",
    "iteration_id": "iteration",
    "severity": "severity",
    "priority": "priority",
    "priority_label": "priority_label",
    "module": "module",
}
TRACKED = ("status", "version_report", "version_fix", "iteration", "severity", "priority", "module")
EMPTY = ("", "--", "0000-00-00", "0000-00-00 00:00:00")


def value(raw: Any, name: str = "") -> str:
    """A field's value as text; "" for null and the spellings TAPD uses for nothing, "0" for no iteration."""
    found = "" if raw is None else str(raw)
    return "" if found in EMPTY or (name == "iteration" and found == "0") else found


@dataclass(frozen=True)
class Step:
    """One field's change at one instant."""

    at: int
    id: str
    old: str
    new: str


@dataclass
class Changes:
    """What a bug's change rows say: steps by field, when a deletion was noted, rows that say no time."""

    steps: dict[str, list[Step]] = field(default_factory=dict)
    born: dict[str, str] = field(default_factory=dict)
    deleted_at: int | None = None
    findings: set[str] = field(default_factory=set)
    unreadable: list[tuple[Mapping[str, Any], str]] = field(default_factory=list)

    def since(self, start: int | None) -> dict[str, list[Step]]:
        """The steps from `start` on; None is all of them."""
        return {
            name: [step for step in steps if start is None or step.at >= start]
            for name, steps in self.steps.items()
        }


def read_changes(records: Sequence[Mapping[str, Any]], zone: str) -> Changes:
    """The changes in raw change records, in order of time and then of id."""
    changes = Changes()
    for record in records:
        data = record["data"]
        name = FIELDS.get(str(data.get("field")))
        if name is None and data.get("field") != "delete_bug":
            continue
        try:
            at = epoch(data.get("created"), zone)
            if at is None:
                raise ValueError("a change without its time")
        except (TypeError, ValueError, AttributeError) as error:
            changes.unreadable.append((record, f"{type(error).__name__}: {error}"))
            continue
        if name is None:
            changes.deleted_at = max(at, changes.deleted_at or at)
            continue
        old, new = value(data.get("old_value"), name), value(data.get("new_value"), name)
        if str(data.get("change_type")).startswith("create"):
            changes.born[name] = new
        elif _of_a_parallel_step(data, name, old, new):
            changes.findings.add("parallel_step")
        else:
            changes.steps.setdefault(name, []).append(Step(at, str(data.get("id")), old, new))
    for steps in changes.steps.values():
        steps.sort(key=lambda step: (step.at, len(step.id), step.id))
    return changes


def _of_a_parallel_step(data: Mapping[str, Any], name: str, old: str, new: str) -> bool:
    """Whether the row is a step of a parallel workflow: flagged, or a status that is empty or a number."""
    entries = data.get("field_changes")
    flags = [data.get("is_step_change")]
    if isinstance(entries, list):
        flags += [entry.get("is_step_change") for entry in entries if isinstance(entry, dict)]
    if any(flag not in (None, False, 0, "", "0", "false") for flag in flags):
        return True
    return name == "status" and (not old or not new or old.isdecimal() or new.isdecimal())


@dataclass(frozen=True)
class Iterations:
    """The iterations of a workspace: today's name by id, and the id by each name that one has or had."""

    names: Mapping[str, str] = field(default_factory=dict)
    ids: Mapping[str, str] = field(default_factory=dict)

    def id_of(self, word: str) -> str:
        """The id of the iteration that the change feed calls so, else the word itself."""
        return word if word in self.names else self.ids.get(word, word)

    def alike(self, one: str, other: str) -> bool:
        """Whether two ids are the same iteration to a reader: two may have one name."""
        return self.names.get(one, one) == self.names.get(other, other)


def read_iterations(records: Sequence[Mapping[str, Any]]) -> Iterations:
    """The iterations in raw records of one workspace; a present name goes before another's former one."""
    names: dict[str, str] = {}
    ids: dict[str, str] = {}
    for record in records:
        present = record["data"].get("name")
        if isinstance(present, str) and present:
            names[record["key"]] = present
    for key, name in sorted(names.items()):
        ids.setdefault(name, key)
    for record in sorted(records, key=lambda record: str(record["key"])):
        for former in record.get("names", ()):
            ids.setdefault(former["name"], record["key"])
    return Iterations(names, ids)


@dataclass
class Course:
    """One field's way: the value at the beginning (None: not known) and each later value with its time."""

    first: str | None
    moves: list[tuple[int, str]] = field(default_factory=list)
    findings: set[str] = field(default_factory=set)

    @property
    def last(self) -> str | None:
        """The value at the end."""
        return self.moves[-1][1] if self.moves else self.first


def course(
    name: str,
    steps: Sequence[Step],
    born: str | None,
    present: str | None,
    modified: int | None,
    iterations: Iterations,
) -> Course:
    """The way of one field from its steps and its present value (None: there is no row).

    `modified` is when the row was last modified: a row older than the last step has nothing to say.
    """
    if not steps:
        return Course(born if present is None else present)
    found = Course(steps[0].old)
    held = steps[0].old
    for at, group in groupby(steps, key=lambda step: step.at):
        for step in group:
            if step.old != held:
                known = name != "iteration" or (held in iterations.names and step.old in iterations.names)
                # A name that no iteration has may be the former one of that which was held.
                renamed = not known and step.old and held
                found.findings.add(f"renamed:{name}" if renamed else f"broken_chain:{name}")
            held = step.new
        if held != found.last:
            found.moves.append((at, held))
    end = steps[-1].at
    if present is None or held == present or (modified is not None and modified < end):
        return found
    if name == "iteration" and _same_iteration(held, present, iterations):
        if found.moves:
            found.moves[-1] = (found.moves[-1][0], present)
        else:
            found.first = present
    else:
        found.findings.add(f"repaired_end:{name}")
        found.moves.append((modified if modified is not None else end, present))
    return found


def _same_iteration(held: str, present: str, iterations: Iterations) -> bool:
    """Whether the feed's last word is the row's iteration: called alike, or renamed since it was written."""
    if not held or not present:
        return False
    return held not in iterations.names or iterations.alike(held, present)


def courses(
    changes: Changes,
    steps: Mapping[str, Sequence[Step]],
    row: Mapping[str, Any] | None,
    modified: int | None,
    iterations: Iterations,
) -> dict[str, Course]:
    """The ways of all tracked fields of one bug in one place.

    The priority goes by its label, in the workspace's own words, where the bug has or had one. The feed
    names iterations, the row knows the id: names become ids where `iterations` knows them.
    """
    source = {ours: theirs for theirs, ours in FIELDS.items()}
    labelled = (
        "priority_label" in changes.steps
        or "priority_label" in changes.born
        or bool(row and value(row.get("priority_label")))
    )
    found = {}
    for name in TRACKED:
        read = "priority_label" if name == "priority" and labelled else name
        present = None if row is None else value(row.get(source[read]), name)
        taken, born = steps.get(read, ()), changes.born.get(read)
        if name == "iteration":
            known = iterations.id_of
            taken = [Step(step.at, step.id, known(step.old), known(step.new)) for step in taken]
            born = None if born is None else known(born)
        found[name] = course(name, taken, born, present, modified, iterations)
    return found
