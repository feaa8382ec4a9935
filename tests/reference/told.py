"""What the wire tells of each bug and story, one form for both: its row, its changes, its removal.

Instants are epoch seconds. Values are the wire's words, "" for empty, in the names of FIELDS.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from .vocabulary import CUSTOM
from .wire import BEIJING, Record, Workspace, removed_at

Kind = Literal["bugs", "stories"]
Values = dict[str, str]

EMPTY = ("", "--", "0000-00-00 00:00:00")
FIELDS: dict[Kind, tuple[str, ...]] = {
    "bugs": (
        "status",
        "version_report",
        "version_fix",
        "iteration_id",
        "severity",
        "priority",
        "module",
        "label",
        "bugtype",
        "source",
        "originphase",
        CUSTOM,
    ),
    "stories": ("status", "iteration_id", "priority", "module", "label", "workitem_type_id"),
}
LINKS = ("iteration_id", "workitem_type_id", "parent_id")
ENDS = {"delete": "deleted", "merge": "merged", "move": "moved"}
STORY_PRIORITIES = {"1": "Nice To Have", "2": "Low", "3": "Middle", "4": "High"}


@dataclass(frozen=True)
class Change:
    """One field's change; `born` ones are part of the item's creation and no change at all."""

    at: int
    field: str
    old: str
    new: str
    born: bool


@dataclass(frozen=True)
class Removal:
    """When and why an item went; `to` is the id it has where it was moved to."""

    at: int
    created: int
    why: str
    to: str | None


@dataclass
class Part:
    """What is known of one id in one workspace: an item, or a part of one that was moved between them.

    Without a row (`modified` and `values` are None) it was gone before the first look. `parents` are all
    that a story ever named, `completed` is when a story's row says that it was.
    """

    workspace: Workspace
    id: str
    created: int
    modified: int | None
    values: Values | None
    changes: list[Change]
    removal: Removal | None
    parents: frozenset[str] = frozenset()
    completed: int | None = None


def clean(value: Any) -> str:
    """A wire value with every way to say "nothing" turned into ""."""
    return "" if value is None or value in EMPTY else str(value)


def link(value: Any) -> str:
    """A wire id with "0", the unset link, turned into "" too."""
    return "" if clean(value) == "0" else clean(value)


def labels(value: Any) -> str:
    """The labels of an item in one order, whatever the wire's."""
    return "|".join(sorted({label for label in clean(value).split("|") if label}))


def instant(text: Any) -> int | None:
    """A naive Beijing time as epoch seconds; None for an empty one."""
    if not clean(text):
        return None
    naive = datetime.strptime(str(text), "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - the wire has no zone
    return int(naive.replace(tzinfo=ZoneInfo(BEIJING)).timestamp())


def instant_or(text: Any, otherwise: int) -> int:
    found = instant(text)
    return otherwise if found is None else found


def parts(workspace: Workspace, kind: Kind) -> list[Part]:
    """Everything known by id: of items with a row, and of those gone before the first look without one.

    Of several removals of one item the last counts; one the row was modified after does not (restored).
    """
    bugs = kind == "bugs"
    rows = {row["id"]: row for row in (workspace.bugs if bugs else workspace.stories)}
    removals: dict[str, Record] = {}
    for removal in sorted(workspace.removed if bugs else workspace.removed_stories, key=removed_at):
        row = rows.get(removal["id"])
        if row is None or instant_or(row["modified"], 0) <= instant_or(removed_at(removal), 0):
            removals[removal["id"]] = removal
    entries: dict[str, list[Record]] = {}
    for entry in told_changes(workspace, kind):
        entries.setdefault(entry["item"], []).append(entry)
    return [
        part(workspace, kind, item, rows.get(item), entries.get(item, []), removals.get(item))
        for item in dict.fromkeys([*rows, *removals])
    ]


def former_names(workspace: Workspace) -> dict[str, str]:
    """The ids of iterations by the names they had before, where no iteration has that name today."""
    renamed = [
        row for row in workspace.iteration_changes if row["field"] == "name" and clean(row["old_value"])
    ]
    found = {clean(row["old_value"]): str(row["iteration_id"]) for row in renamed}
    return {name: id for name, id in found.items() if name not in {r["name"] for r in workspace.iterations}}


def told_changes(workspace: Workspace, kind: Kind) -> list[Record]:
    """The change feed field by field in its order; steps of a parallel workflow are left out.

    A row of /story_changes tells of several fields; a bug's row is one.
    """
    found = []
    for row in workspace.changes if kind == "bugs" else workspace.story_changes:
        when = (instant_or(row["created"], 0), int(row["id"]))
        born = str(row.get("change_type") or "").startswith("create_")
        for entry in [row] if kind == "bugs" else row["field_changes"]:
            sides = (entry["old_value"], entry["new_value"]) if kind == "bugs" else story_sides(entry)
            if not born and entry["field"] == "status" and is_step(row, entry, sides):
                continue
            item = row["bug_id" if kind == "bugs" else "story_id"]
            found.append({"when": when, "item": item, "born": born, "field": entry["field"], "sides": sides})
    return sorted(found, key=lambda entry: entry["when"])


def story_sides(entry: Record) -> tuple[Any, Any]:
    """What a story's field was before and after: a number 0 is how the feed writes that it was emptied.

    An iteration goes by its id where the entry has it, for its name may have changed since.
    """
    sides = []
    for side in ("before", "after"):
        value = entry.get(f"value_{side}")
        if entry["field"] == "iteration_id" and link(entry.get(f"{side}_iteration_id")):
            value = entry[f"{side}_iteration_id"]
        sides.append(None if value == 0 else value)
    return sides[0], sides[1]


def is_step(row: Record, entry: Record, sides: tuple[Any, Any]) -> bool:
    """Whether a status that changed is a step of a parallel workflow: flagged, empty or a number."""
    places = [row, entry, *(row.get("field_changes") or [] if entry is row else [])]
    if any(str(place.get("is_step_change")) in ("1", "True", "true") for place in places):
        return True
    return any(clean(side) == "" or clean(side).isdigit() for side in sides)


def part(
    workspace: Workspace,
    kind: Kind,
    item: str,
    row: Record | None,
    entries: list[Record],
    removal: Record | None,
) -> Part:
    """One item of a workspace: the values of its fields now, and their changes in the order of time.

    A bug's priority is `priority_label` where it has one, else the older `priority`. A story has both, the
    one calls by words what the other numbers; a word goes before, and either may be in the change feed.
    """
    told = any(entry["field"] == "priority_label" for entry in entries)
    labelled = row is not None and clean(row.get("priority_label")) != ""
    now = "priority_label" if labelled or (told and kind == "bugs") else "priority"
    feed = now if kind == "bugs" else "priority_label" if told else "priority"
    words = {name: name for name in FIELDS[kind]} | {"priority": now}
    if kind == "bugs":
        words[CUSTOM] = custom_word(workspace)
    names = {word: name for name, word in (words | {"priority": feed}).items()}
    former = former_names(workspace)
    changes = []
    for entry in entries:
        if entry["field"] in names:
            old, new = (read(kind, entry["field"], side) for side in entry["sides"])
            if entry["field"] == "iteration_id":
                old, new = former.get(old, old), former.get(new, new)
            changes.append(Change(entry["when"][0], names[entry["field"]], old, new, entry["born"]))
    source = row or removal
    assert source is not None
    values = None if row is None else {name: read(kind, words[name], row.get(words[name])) for name in words}
    modified = None if row is None else instant_or(row["modified"], 0)
    parents = {link(side) for e in entries if e["field"] == "parent_id" for side in e["sides"]}
    parents |= {link(row.get("parent_id"))} if row is not None else set()
    return Part(
        workspace,
        item,
        instant_or(source["created"], 0),
        modified,
        values,
        changes,
        None if removal is None else told_removal(removal),
        frozenset(parents - {""}),
        None if kind == "bugs" else instant(source.get("completed")),
    )


def custom_word(workspace: Workspace) -> str:
    """What TAPD calls the custom field in a workspace, "" where it has none."""
    name = CUSTOM.removeprefix("cf.")
    return next((row["custom_field"] for row in workspace.custom_fields if row["name"] == name), "")


def read(kind: Kind, word: str, value: Any) -> str:
    """A value of a field as the wire calls it."""
    if word in LINKS:
        return link(value)
    if word == "label":
        return labels(value)
    if word.startswith("custom_field_"):
        return labels(clean(value).replace(";", "|"))
    if kind == "stories" and word == "priority":
        return STORY_PRIORITIES.get(clean(value), clean(value))
    return clean(value)


def told_removal(removal: Record) -> Removal:
    """A removal; a story's names no kind, for it is always a deletion.

    The id a moved bug has in its new workspace is new_bug_url's bug_id, else its last number.
    """
    kind = str(removal.get("type", "delete"))
    url = clean(removal.get("new_bug_url")) if kind == "move" else ""
    numbers = re.findall(r"bug_id=(\d+)", url) or re.findall(r"\d+", url)
    to = str(numbers[-1]) if numbers else None
    created = instant_or(removal["created"], 0)
    return Removal(instant_or(removed_at(removal), created), created, ENDS[kind], to)
