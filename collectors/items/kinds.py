"""Kinds of items: which of their fields matter, what TAPD calls them, and how it writes their values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import ujson

EMPTY: Final = ("", "--", "0000-00-00", "0000-00-00 00:00:00")
# Fields that name something else, and nothing by a zero.
LINKS: Final = ("iteration", "type", "parent", "story")
# What the names of fields begin with that a workspace made itself.
CUSTOM: Final = "custom_field_"
# Fields that hold people, parted at ";", and those that hold numbers: there a zero is something.
PEOPLE: Final = ("reporter", "current_owner", "de", "te", "fixer", "owner", "creator", "developer")
NUMBERS: Final = ("size", "remain", "effort")
# Fields whose text is more than itself.
WRITTEN: Final = frozenset((*LINKS, *PEOPLE, "label"))
# The priorities of stories and tasks by their codes.
PRIORITIES: Final = {"0": "", "1": "Nice To Have", "2": "Low", "3": "Middle", "4": "High"}


def value(raw: Any, name: str = "") -> str:
    """The value of a field of ours as text; "" for null, 0 and the spellings TAPD uses for nothing.

    Objects become JSON with sorted keys, but those of custom fields hold a value, by the field's name or as
    `value`, and lists of them several. Labels are sorted, people come without what TAPD puts around them.
    """
    if isinstance(raw, str) and name not in WRITTEN:
        return "" if raw in EMPTY else raw
    if name.startswith(CUSTOM) and isinstance(raw, dict):
        raw = next((raw[key] for key in (name, "value") if key in raw), raw)
    if name.startswith(CUSTOM) and isinstance(raw, list):
        raw = "|".join(map(str, raw))
    if raw == 0 and name in NUMBERS:
        return str(raw)
    if isinstance(raw, (dict, list)):
        return ujson.dumps(raw, sort_keys=True, ensure_ascii=False)
    # Where text is not, a number is: 0 for nothing.
    found = "" if raw is None or raw == 0 else str(raw)
    if found in EMPTY or (found == "0" and name in LINKS):
        return ""
    if name in PEOPLE:
        return _people(found)
    return "|".join(sorted(set(filter(None, found.split("|"))))) if name == "label" else found


@lru_cache(maxsize=4096)
def _people(text: str) -> str:
    return ";".join(filter(None, dict.fromkeys(one.strip() for one in text.split(";"))))


@dataclass(frozen=True)
class Entry:
    """One field's change in a change row; `step` says that it is a step of a parallel workflow."""

    field: str
    old: Any
    new: Any
    step: bool = False


@dataclass(frozen=True)
class Feed:
    """How the rows of a change feed are read.

    `entries` gives the changes in a row's data; raises TypeError or ValueError. `planned` finds the raw
    records that may name an iteration, by what is in their data under `names`.
    """

    entries: Callable[[Mapping[str, Any]], Iterable[Entry]]
    planned: Mapping[str, Any]
    names: tuple[str, ...]

    def iterations(self, data: Mapping[str, Any]) -> set[str]:
        """The iterations that a row names, by name or id; none where it cannot be read."""
        try:
            entries = [one for one in self.entries(data) if one.field == "iteration_id"]
        except (TypeError, ValueError):
            return set()
        return {word for one in entries for word in (value(one.old), value(one.new)) if word}


@dataclass(frozen=True)
class Kind:
    """One kind of item. `entity` is what its raw collections are named after.

    `fields` are our names of the fields that are read, by TAPD's; `tracked` those that make the segments.
    `further` are more fields of which histories are kept, by names that are TAPD's and ours; where there are
    any, also of all custom ones. `linked` is the raw collection of what links items to stories.
    `title`, `due`, `ends` and `completed` are TAPD's names, `due` in the order in which they count, `ends`
    those of the row's times that cannot be before its creation, `completed` the one that counts where no
    change tells when an item was done, "" for none. `words` are the words for codes of priorities, `deletion`
    the field by which the change feed tells of a deletion, `moving` says that a removal may name the item
    that lives on.
    """

    topic: str
    entity: str
    fields: Mapping[str, str]
    tracked: tuple[str, ...]
    feed: Feed
    further: tuple[str, ...] = ()
    linked: str = ""
    title: str = "name"
    due: tuple[str, ...] = ("due",)
    ends: tuple[str, ...] = ("completed",)
    completed: str = ""
    words: Mapping[str, str] = field(default_factory=dict)
    deletion: str = ""
    moving: bool = False

    def reads(self, field: str) -> str | None:
        """Our name of a field of TAPD's; None where it is not read."""
        return self.fields.get(field) or (field if self.is_further(field) else None)

    def is_further(self, field: str) -> bool:
        """Whether a field is one of those of which a history is kept beside the segments."""
        return field in self.further or (bool(self.further) and field.startswith(CUSTOM))

    @property
    def rows(self) -> str:
        """The raw collection of the items' rows."""
        return f"raw_tapd_{self.entity}"

    @property
    def changes(self) -> str:
        """The raw collection of their change rows."""
        return f"raw_tapd_{self.entity}_change"

    @property
    def removed(self) -> str:
        """The raw collection of those that are gone."""
        return f"raw_tapd_removed_{self.entity}"

    @property
    def hooks(self) -> str:
        """The raw collection of what webhooks told of them."""
        return f"raw_tapd_{self.entity}_hook"
