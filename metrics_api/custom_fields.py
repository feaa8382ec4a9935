"""Custom fields as the workspaces made them: those one may filter and split by, under the names they gave."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from metrics_api.core.errors import BadRequest
from metrics_api.core.fact_types import CustomFieldFact
from metrics_api.known import ends_of_text, known_values
from metrics_api.topics import CUSTOM, ItemTopic

# In the kinds whose values come from a list, and in those of which several may be chosen.
CHOICES = re.compile("select|radio|checkbox|cascade")
SEVERAL = re.compile("mult|checkbox")
# A key ends at the first, a pair at the second: no question can name a field that has one.
UNSPEAKABLE = re.compile("[=,]")


@dataclass(frozen=True)
class CustomField:
    """A custom field of one workspace: TAPD's `field`, the `column` it fills, and its options.

    `several` says that more than one value may be chosen.
    """

    field: str
    column: str
    several: bool
    options: tuple[str, ...]


# By workspace key and entity.
CustomFields = Mapping[tuple[str, str], tuple[CustomField, ...]]


def custom_fields_of(facts: Iterable[CustomFieldFact]) -> CustomFields:
    """The custom fields with lists of values; of two called the same in a workspace, the first."""
    found: dict[tuple[str, str], dict[str, CustomField]] = {}
    for fact in sorted(facts, key=lambda fact: fact["_id"]):
        name = fact["name"].strip()
        if fact["tombstone"] or not name or UNSPEAKABLE.search(name) or not CHOICES.search(fact["type"]):
            continue
        key = f"{fact['instance']}:{fact['workspace']}", fact["entity"]
        several = SEVERAL.search(fact["type"]) is not None
        made = CustomField(fact["field"], CUSTOM + name, several, tuple(fact["options"]))
        found.setdefault(key, {}).setdefault(made.column, made)
    return {key: tuple(fields.values()) for key, fields in found.items()}


def custom_field(topic: ItemTopic, key: str) -> str | None:
    """The custom field of a topic that a key names, `#`, `.` and `~` standing for each other as in values."""
    if not key.startswith(CUSTOM):
        return None
    found = known_values(frozenset(topic.custom)).match(key, 0, ends_of_text)
    return found[0] if found else None


def named(topic: ItemTopic, key: str) -> str | None:
    """The field of a topic that a key names and that not every installation has; None for any other key.

    `topic` has the fields there are. Raises BadRequest for a custom field that is none, and for people while
    nobody may ask for them.
    """
    if key.startswith(CUSTOM):
        found = custom_field(topic, key)
        if found:
            return found
        there = (
            f"those with a list of values: {', '.join(topic.custom)}" if topic.custom else "they have none"
        )
        raise BadRequest(f"no custom field of {topic.name} is called {key.removeprefix(CUSTOM)!r}; {there}")
    if key not in topic.people.values():
        return None
    if key not in topic.fields:
        raise BadRequest(
            f"{key} names people: set `enabled = true` under `[people]` to filter and split by it"
        )
    return key


def anyone(topic: ItemTopic, key: str) -> str | None:
    """As `named`, where nothing is known of the installation: any custom field, and people."""
    custom = len(key) > len(CUSTOM) and key.startswith(CUSTOM)
    return key if custom or key in topic.people.values() else None
