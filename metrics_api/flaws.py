"""What is wrong with items: histories that do not hang together, statuses that belong to no stage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np

from metrics_api.frames import ItemFrame
from metrics_api.narrowing import coded, narrowed
from metrics_api.query import EMPTY
from metrics_api.segments import Fact

# What begins the findings of an item whose changes do not follow from one another, or lead elsewhere.
BROKEN = ("broken_chain:", "repaired_end:")


class BrokenChains:
    """The items of one topic whose chain of changes is broken, each with the workspace it is in."""

    def __init__(self) -> None:
        self._broken: dict[str, str] = {}

    def apply(self, facts: Iterable[Fact]) -> None:
        """Take facts over."""
        for fact in facts:
            if not fact["tombstone"] and any(one.startswith(BROKEN) for one in fact["findings"]):
                self._broken[fact["_id"]] = f"{fact['instance']}:{fact['segments']['workspace'][-1]}"
            else:
                self._broken.pop(fact["_id"], None)

    def counts(self, workspaces: Iterable[str]) -> Mapping[str, int]:
        """How many there are by workspace key, 0 for the other `workspaces`."""
        return dict.fromkeys(workspaces, 0) | Counter(self._broken.values())


def unmapped_statuses(frame: ItemFrame) -> Mapping[str, frozenset[str]]:
    """By workspace key: the statuses that its items have or had and that belong to no stage."""
    looks, statuses = frame.lookups, frame.dictionaries["status"].values
    found: dict[str, set[str]] = {key: set() for key in frame.context.workspaces}
    nowhere = looks.stage == len(looks.stages) - 1
    spans = frame.blocks.spans(frame.blocks.holding(nowhere))
    rows = narrowed(frame.alive(), coded(frame.stage, nowhere), spans=spans)
    # Two columns of small codes as one number each: a pair that occurs a million times is looked at once.
    pairs = np.unique(frame.codes["workspace"][rows].astype(np.int64) << 32 | frame.codes["status"][rows])
    keys = frame.dictionaries["workspace"].values
    for pair in pairs.tolist():
        found.setdefault(keys[pair >> 32], set()).add(statuses[pair & 0xFFFF_FFFF] or EMPTY)
    return {key: frozenset(names) for key, names in found.items()}
