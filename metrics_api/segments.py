"""What facts say of their segments, as the columns of a frame take it: more entries for each list."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Final, cast

import numpy as np

from metrics_api.columns import NEVER, NO_DAY
from metrics_api.context import Context
from metrics_api.core.days import EPOCH
from metrics_api.core.fact_types import BugFact, StoryFact
from metrics_api.topics import ItemTopic

Fact = BugFact | StoryFact

# How a segment begins and how it ends. What is backdated is created as well, in a status that it came to
# before that by the dates of its changes.
CONTINUES, CREATED, BACKDATED = 0, 1, 2
LASTS, DELETED, MERGED, MOVED = 1, 2, 3, 4
ENDINGS: Final = {"deleted": DELETED, "vanished": DELETED, "merged": MERGED, "moved": MOVED}

# What is found of an item whose status changed before its creation.
EARLY: Final = "change_before_created:status"

TIMES: Final = {
    "item": np.uint32,
    "start": np.uint32,
    "stop": np.uint32,
    "begin": np.uint8,
    "end": np.uint8,
}


def take_times(times: Mapping[str, list[int]], number: int, fact: Fact) -> None:
    """Add when a fact's segments begin and end, and how; `number` is its item's."""
    starts, removed = fact["segments"]["start"], fact["removed_at"]
    rest = len(starts) - 1
    times["item"].extend([number] * (rest + 1))
    times["start"].extend(starts)
    times["stop"].extend(starts[1:])
    times["stop"].append(NEVER if removed is None else removed)
    times["begin"].append(BACKDATED if EARLY in fact["findings"] else CREATED)
    times["begin"].extend([CONTINUES] * rest)
    times["end"].extend([CONTINUES] * rest)
    times["end"].append(LASTS if removed is None else ENDINGS[fact["removed_why"] or "deleted"])


def planned(fact: Fact) -> int:
    """The number of the day on which an item is due, NO_DAY for none."""
    day = fact["due"]
    return NO_DAY if day is None or fact["tombstone"] else _day_number(day)


def completed(fact: Fact) -> int:
    """When an item was completed by its own telling where no change tells, NEVER for none (epoch seconds)."""
    # A fact that was derived by an earlier version does not say.
    at = cast(StoryFact, fact).get("completed")
    return NEVER if at is None or fact["tombstone"] else at


@lru_cache(maxsize=10_000)
def _day_number(text: str) -> int:
    return (date.fromisoformat(text) - EPOCH).days


def take_values(values: Mapping[str, list[str]], topic: ItemTopic, context: Context, fact: Fact) -> None:
    """Add what a fact's segments hold in each coded column of its topic."""
    segments = cast(Mapping[str, list[str]], fact["segments"])
    keys = [f"{fact['instance']}:{workspace}" for workspace in segments["workspace"]]
    for name, column in values.items():
        if name == "workspace":
            column += keys
        elif name == "status":
            column += _statuses(topic, context, fact)
        elif name == "version":
            column += _versions(context, segments, keys)
        else:
            column += segments[name]


def _statuses(topic: ItemTopic, context: Context, fact: Fact) -> list[str]:
    """The statuses; an unknown one, of an item removed before the first look, is its workflow's first."""
    segments = cast(Mapping[str, list[str]], fact["segments"])
    if "" not in segments["status"]:
        return segments["status"]
    kinds = segments.get("type") or [""] * len(segments["status"])
    places = (context.workspaces.get(f"{fact['instance']}:{one}") for one in segments["workspace"])
    return [
        status or (place.flows[topic.name].first(kind) if place else "")
        for status, place, kind in zip(segments["status"], places, kinds, strict=True)
    ]


def _versions(context: Context, segments: Mapping[str, list[str]], keys: list[str]) -> list[str]:
    """The versions of bugs by the field that each workspace's product goes by."""
    fields = {key: _version_field(context, key) for key in set(keys)}
    found = {name: segments[name] for name in set(fields.values())}
    if "iteration" in found:
        names = context.iteration_by_id
        found["iteration"] = [names.get(one, one) for one in found["iteration"]]
    if len(found) == 1:
        return found.popitem()[1]
    return [found[fields[key]][at] for at, key in enumerate(keys)]


def _version_field(context: Context, key: str) -> str:
    workspace = context.workspaces.get(key)
    return workspace.bug_version if workspace else "version_report"
