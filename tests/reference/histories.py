"""Histories of bugs: rows, change rows and removals of all workspaces in, one item per bug out.

An item is a list of spans (from, values) with an optional end. Instants are epoch seconds; what happens
within one second is one change, so spans begin at rising seconds. Values are the wire's words, "" for empty.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from .wire import BEIJING, Company, Record, Workspace

EMPTY = ("", "--", "0000-00-00 00:00:00")
FIELDS = ("status", "version_report", "version_fix", "iteration_id", "severity", "priority", "module")
ENDS = {"delete": "deleted", "merge": "merged", "move": "moved"}

Values = dict[str, str]


@dataclass
class Item:
    """One bug; `ended` is the instant it was removed, `why` one of deleted, merged, moved (to where nobody
    collects)."""

    id: str
    created: int
    spans: list[tuple[int, Values]]
    ended: int | None = None
    why: str | None = None

    def at(self, end: int) -> Values | None:
        """The values just before an instant; None before the creation and after the removal."""
        if self.ended is not None and self.ended < end:
            return None
        return next((values for start, values in reversed(self.spans) if start < end), None)


@dataclass
class Part:
    """What is known of one id in one workspace: an item, or a part of one that was moved between them."""

    workspace: Workspace
    id: str
    row: Record | None
    changes: list[Record]
    removal: Record | None


def clean(value: Any) -> str:
    """A wire value with every way to say "nothing" turned into ""."""
    return "" if value is None or value in EMPTY else str(value)


def link(value: Any) -> str:
    """A wire id with "0", the unset link, turned into "" too."""
    return "" if clean(value) == "0" else clean(value)


def instant(text: Any) -> int | None:
    """A naive Beijing time as epoch seconds; None for an empty one."""
    if not clean(text):
        return None
    naive = datetime.strptime(str(text), "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - the wire has no zone
    return int(naive.replace(tzinfo=ZoneInfo(BEIJING)).timestamp())


def histories(company: Company) -> list[Item]:
    """All items of a company, in the order of their first ids."""
    parts = {part.id: part for workspace in company.workspaces for part in parts_of(workspace)}
    next_id = {part.id: moved_to(part) for part in parts.values()}
    arrived = {target for target in next_id.values() if target in parts}
    items = []
    for part in parts.values():
        if part.id in arrived:
            continue
        chain = [part]
        while (target := next_id[chain[-1].id]) in parts and parts[target] not in chain:
            chain.append(parts[target])
        items.append(joined(chain))
    return sorted(items, key=lambda item: item.id)


def parts_of(workspace: Workspace) -> list[Part]:
    """Everything known by bug id: of bugs with a row, and of those gone before the first look without one.

    Of several removals of one bug the last counts; one the row was modified after does not (restored).
    """
    rows = {row["id"]: row for row in workspace.bugs}
    removals: dict[str, Record] = {}
    for removal in sorted(workspace.removed, key=lambda removal: str(removal["modified"])):
        row = rows.get(removal["id"])
        if row is None or instant_or(row["modified"], 0) <= instant_or(removal["modified"], 0):
            removals[removal["id"]] = removal
    return [
        Part(
            workspace,
            bug,
            rows.get(bug),
            [change for change in workspace.changes if change["bug_id"] == bug],
            removals.get(bug),
        )
        for bug in dict.fromkeys([*rows, *removals])
    ]


def instant_or(text: Any, otherwise: int) -> int:
    found = instant(text)
    return otherwise if found is None else found


def moved_to(part: Part) -> str | None:
    """The id a moved bug has in its new workspace: new_bug_url's bug_id, else its last number."""
    if part.removal is None or part.removal["type"] != "move":
        return None
    url = clean(part.removal.get("new_bug_url"))
    numbers = re.findall(r"bug_id=(\d+)", url) or re.findall(r"\d+", url)
    return str(numbers[-1]) if numbers else None


def joined(chain: list[Part]) -> Item:
    """One item of the parts of a bug that was moved from workspace to workspace."""
    first, last = chain[0], chain[-1]
    source = first.row or first.removal
    assert source is not None
    created = instant_or(source["created"], 0)
    boundaries: dict[int, Values] = {}
    enters = created
    timelines = [part_timeline(part, created) for part in chain]
    ends = [
        None if part is last or part.removal is None else instant_or(part.removal["modified"], created)
        for part in chain
    ]
    fill_unknown(timelines, ends)
    for timeline, leaves in zip(timelines, ends, strict=True):
        # A part's state at the instant it takes over, then its changes until the next part does.
        boundaries[enters] = values_at(timeline, enters)
        for at, values in timeline:
            if at > enters and (leaves is None or at < leaves):
                boundaries[at] = values
        enters = leaves if leaves is not None else enters
    spans = sorted(boundaries.items())
    ended = None if last.removal is None else max(instant_or(last.removal["modified"], created), created)
    if ended is not None:
        # What was saved in the second of the removal is the removal; a removal at birth leaves one instant.
        spans = [span for span in spans if span[0] < ended] or spans[:1]
    why = None if last.removal is None else ENDS[last.removal["type"]]
    return Item(first.id, created, unchanged_joined(spans, chain), ended, why)


def values_at(timeline: list[tuple[int, Values]], when: int) -> Values:
    return [values for at, values in timeline if at <= when][-1]


def fill_unknown(timelines: list[list[tuple[int, Values]]], leaves: list[int | None]) -> None:
    """Give each value that a part knows nothing of ("?") the part's before, else the part's after, else none.

    Only a bug that was moved has such values with others beside them, where a part of it was never seen.
    Decision: it is one item, so what it was before the move it is after it, and the other way round.
    """
    parts = range(len(timelines))
    for name in FIELDS:
        for place in parts[1:]:
            stayed = [values for at, values in timelines[place - 1] if at < (leaves[place - 1] or 0)]
            fill(timelines[place], name, (stayed or [timelines[place - 1][0][1]])[-1][name])
        for place in reversed(parts[:-1]):
            fill(timelines[place], name, timelines[place + 1][0][1][name])
        for place in parts:
            fill(timelines[place], name, "")


def fill(timeline: list[tuple[int, Values]], name: str, known: str) -> None:
    for _, values in timeline:
        if values[name] == "?":
            values[name] = known


def unchanged_joined(spans: list[tuple[int, Values]], chain: list[Part]) -> list[tuple[int, Values]]:
    """The spans without those that change nothing; an unknown status is the first of the workflow."""
    workspaces = {part.workspace.id: part.workspace for part in chain}
    kept: list[tuple[int, Values]] = []
    for start, values in spans:
        if not values["status"]:
            values["status"] = first_status(workspaces[values["workspace"]])
        if not kept or kept[-1][1] != values:
            kept.append((start, values))
    return kept


def first_status(workspace: Workspace) -> str:
    return workspace.first_step or next(iter(workspace.status_map), "")


def part_timeline(part: Part, created: int) -> list[tuple[int, Values]]:
    """(instant, all values from then on) of one part, the first at or before the item's creation."""
    by_field = {name: field_timeline(part, name, created) for name in FIELDS}
    instants = sorted({at for timeline in by_field.values() for at, _ in timeline})
    found = []
    for when in instants:
        values = {name: [v for at, v in by_field[name] if at <= when][-1] for name in FIELDS}
        found.append((when, {"workspace": part.workspace.id, **values}))
    return found


def field_timeline(part: Part, name: str, created: int) -> list[tuple[int, str]]:
    """(instant, value from then on) of one field; changes dated before the creation are taken as at it.

    The first value is the old one of the earliest change, else the current one, else what the creation row
    says, else "?" (nothing known).
    """
    word = wire_name(part, name)
    rows = [row for row in part.changes if row["field"] == word and counts(row)]
    rows.sort(key=lambda row: (instant_or(row["created"], 0), int(row["id"])))
    read = link if name == "iteration_id" else clean
    changes = [(max(instant_or(row["created"], 0), created), read(row["new_value"])) for row in rows]
    current = None if part.row is None else read(part.row.get(word))
    if rows:
        first = read(rows[0]["old_value"])
    else:
        born = [read(row["new_value"]) for row in part.changes if row["field"] == word and creation(row)]
        first = current if current is not None else born[-1] if born else "?"
    if rows and part.row is not None and current is not None:
        changes = mended(part, name, changes, current)
    return [(created, first), *changes]


def wire_name(part: Part, name: str) -> str:
    """The wire's name of a field: `priority_label` where the bug has one, else the older `priority`."""
    if name != "priority":
        return name
    labelled = part.row is not None and clean(part.row.get("priority_label")) != ""
    labelled = labelled or any(row["field"] == "priority_label" for row in part.changes)
    return "priority_label" if labelled else "priority"


def creation(row: Record) -> bool:
    """Whether a change row is part of the bug's creation."""
    return str(row.get("change_type") or "").startswith("create_")


def counts(row: Record) -> bool:
    """Whether a change row tells of a change: not a creation row, nor a step of a parallel workflow."""
    if creation(row):
        return False
    if row["field"] != "status":
        return True
    flags = [row.get("is_step_change"), *(f.get("is_step_change") for f in row.get("field_changes") or [])]
    if any(str(flag) in ("1", "True", "true") for flag in flags):
        return False
    return not any(
        clean(row[side]) == "" or clean(row[side]).isdigit() for side in ("old_value", "new_value")
    )


def mended(part: Part, name: str, changes: list[tuple[int, str]], current: str) -> list[tuple[int, str]]:
    """The changes, repaired at the bug's last modification where they do not end at its current value.

    A break between two changes needs nothing: the missing change falls in the second of the later one.
    Decisions: a row older than the last change tells nothing against it; a name in the change feed that is
    no iteration's name any more is that of the bug's iteration before it was renamed.
    """
    assert part.row is not None
    last_at, last_value = changes[-1]
    if name == "iteration_id":
        names = {row["id"]: clean(row["name"]) for row in part.workspace.iterations}
        if names.get(current, current) == names.get(last_value, last_value):
            return changes
        if last_value and current and last_value not in names and last_value not in names.values():
            return [*changes[:-1], (last_at, current)]
    modified = instant_or(part.row["modified"], 0)
    if last_value == current or modified < last_at:
        return changes
    return [*changes, (modified, current)]
