"""From changes to what held when: the rules of docs/definitions.md, section 5, for one item in one place.

The value of a field before its first change is that change's old value; without changes the present value
held all along. The chain of old and new values is checked; where it breaks, the later change decides from
its own time on, and the break is listed. All values are text, "" for every empty spelling.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from collectors.items.changes import Changes, Step
from collectors.items.iterations import Iterations
from collectors.items.kinds import Kind, value


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
    gone: bool,
) -> Course:
    """The way of one field from its steps and its present value (None: there is no row).

    `modified` is when the row was last modified: a row older than the last step has nothing to say. Nor has
    that of an item that is `gone`, where it was read amid the steps of one second: nobody can read it again.
    """
    if not steps:
        return Course(born if present is None else present)
    found = Course(steps[0].old)
    last = held = steps[0].old
    for place, step in enumerate(steps, start=1):
        if step.old != held:
            known = name != "iteration" or (held in iterations.names and step.old in iterations.names)
            # A name that no iteration has may be the former one of that which was held.
            renamed = not known and step.old and held
            found.findings.add(f"renamed:{name}" if renamed else f"broken_chain:{name}")
        held = step.new
        # Of the steps of one second only what they lead to is held.
        if held != last and (place == len(steps) or steps[place].at != step.at):
            found.moves.append((step.at, held))
            last = held
    end = steps[-1].at
    if present is None or held == present or (modified is not None and modified < end):
        return found
    if gone and modified == end and any(step.at == end and step.old == present for step in steps):
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
    kind: Kind,
    changes: Changes,
    row: Mapping[str, Any] | None,
    modified: int | None,
    iterations: Iterations,
    gone: bool,
) -> dict[str, Course]:
    """The ways of all tracked fields of one item in one place.

    The feed names iterations, the row knows the id: names become ids where `iterations` knows them. The
    priority goes by its label, in the workspace's own words, where the item has or had one.
    """
    source = {ours: theirs for theirs, ours in kind.fields.items()}
    labelled = _labelled(changes)
    words = _words(kind, row)
    found = {}
    for name in kind.tracked:
        read = "priority_label" if name == "priority" and labelled else name
        steps, hooked = changes.steps.get(read, []), changes.hooked.get(read, [])
        born = changes.born.get(read)
        present = None if row is None else value(row.get(source[name]), name)
        if name == "iteration":
            steps, hooked = (_by_id(each, iterations) for each in (steps, hooked))
            born = None if born is None else iterations.id_of(born, None)
        elif read == "priority":
            steps, hooked = (_in_words(each, words) for each in (steps, hooked))
            born = None if born is None else words.get(born, born)
        if name == "priority" and row is not None and present is not None:
            present = value(row.get("priority_label")) or words.get(present, present)
        found[name] = course(name, _joined(steps, hooked), born, present, modified, iterations, gone)
    return found


def further_courses(
    kind: Kind,
    changes: Changes,
    row: Mapping[str, Any] | None,
    modified: int | None,
    iterations: Iterations,
    gone: bool,
) -> dict[str, Course]:
    """The ways of the further fields of one item in one place, of those that hold or held anything there."""
    filled = {name for name, held in (row or {}).items() if held not in ("", None) and kind.is_further(name)}
    told = {name for each in (changes.steps, changes.hooked, changes.born) for name in each}
    found = {}
    for name in sorted(filled | {name for name in told if kind.is_further(name)}):
        steps = _joined(changes.steps.get(name, []), changes.hooked.get(name, []))
        # A version that a webhook told need not name the field.
        present = value(row[name], name) if row is not None and name in row else None
        found[name] = course(name, steps, changes.born.get(name), present, modified, iterations, gone)
    return found


def _labelled(changes: Changes) -> bool:
    """Whether changes of priority are told by its label."""
    if any("priority_label" in each for each in (changes.steps, changes.born)):
        return True
    return "priority" not in changes.steps and "priority_label" in changes.hooked


def _words(kind: Kind, row: Mapping[str, Any] | None) -> Mapping[str, str]:
    """The word for each code of a priority: the workspace's own as far as the row tells it."""
    code, label = (value((row or {}).get(name)) for name in ("priority", "priority_label"))
    return {**kind.words, code: label} if code and label else kind.words


def _by_id(steps: Sequence[Step], iterations: Iterations) -> list[Step]:
    known = iterations.id_of
    return [Step(step.at, step.id, known(step.old, step.at), known(step.new, step.at)) for step in steps]


def _in_words(steps: Sequence[Step], words: Mapping[str, str]) -> list[Step]:
    return [
        Step(step.at, step.id, words.get(step.old, step.old), words.get(step.new, step.new)) for step in steps
    ]


def _joined(steps: Sequence[Step], hooked: Sequence[Step]) -> Sequence[Step]:
    """The feed's steps, and of those that webhooks told of the ones after which something new holds."""
    if not hooked:
        return steps
    found = list(steps)
    for step in hooked:
        if not found or step.new != found[-1].new:
            found.append(step)
    return found
