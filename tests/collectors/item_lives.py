"""Lives of bugs and stories as every source tells of them: rows, change feed, webhooks and removals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from metrics_api.core.days import naive_text
from tests.collectors.item_records import T0, TITLES, Stored, iteration, stored

VALUES: dict[str, tuple[str, ...]] = {
    "status": ("new", "planning", "developing", "resolved"),
    "module": ("", "ui", "core"),
    "label": ("", "a", "a|b"),
    "priority": ("", "2", "4"),
    "iteration_id": ("0", "77", "78"),
    "current_owner": ("", "x;", "y;"),
}
WORDS = {"": "", "2": "Low", "4": "High"}
ITERATIONS = {"0": "", "77": "S7", "78": "S8"}


@dataclass(frozen=True)
class Turn:
    """What changed so many seconds after the turn before."""

    gap_s: int
    changed: Mapping[str, int]


@dataclass(frozen=True)
class Life:
    """An item that is created at 2026-03-01 08:00 in Beijing, changes, and may be deleted at the end.

    A webhook's clock is `skew_s` seconds ahead of the change feed's.
    """

    kind: str
    turns: Sequence[Turn]
    deleted: bool = False
    skew_s: int = 0

    @property
    def times(self) -> list[int]:
        """When the item was created and when it changed."""
        found = [T0]
        for turn in self.turns:
            found.append(found[-1] + turn.gap_s)
        return found

    @property
    def states(self) -> list[dict[str, str]]:
        """The fields as they were created and after each turn."""
        found = [{name: values[0] for name, values in VALUES.items()}]
        for turn in self.turns:
            new = {name: VALUES[name][at % len(VALUES[name])] for name, at in turn.changed.items()}
            found.append(found[-1] | new)
        return found

    @property
    def end(self) -> int:
        """When it was deleted."""
        return self.times[-1] + 60

    def state_at(self, at: int) -> dict[str, str]:
        """The fields at an instant."""
        return [state for time, state in zip(self.times, self.states, strict=True) if time <= at][-1]

    def row(self, turn: int) -> Stored:
        """The row as it was read after a turn."""
        data = {"id": "1", TITLES[self.kind]: "t", "created": naive_text(T0)} | self.states[turn]
        return stored(f"raw_tapd_{self.kind}", "1", data | {"modified": naive_text(self.times[turn])})

    def feed(self, turn: int) -> list[Stored]:
        """The change rows of a turn: of a bug's each field has one, of a story all share one."""
        before, after = self.states[turn - 1], self.states[turn]
        told = {
            name: tuple(
                ITERATIONS[state[name]] if name == "iteration_id" else state[name]
                for state in (before, after)
            )
            for name in VALUES
            if before[name] != after[name]
        }
        data = {f"{self.kind}_id": "1", "created": naive_text(self.times[turn])}
        collection = f"raw_tapd_{self.kind}_change"
        if self.kind == "bug":
            rows = [{"field": name, "old_value": old, "new_value": new} for name, (old, new) in told.items()]
        else:
            rows = [
                {
                    "field_changes": [
                        {"field": name, "value_before": old or 0, "value_after": new or 0}
                        for name, (old, new) in told.items()
                    ]
                }
            ]
        return [
            stored(collection, "1", data | row | {"id": f"{turn}{number}"}, f"c{turn}{number}")
            for number, row in enumerate(rows)
        ]

    def hook(self, turn: int, again: int = 0) -> Stored:
        """The delivery that tells of a turn, of the creation as turn 0, of the deletion after the last."""
        seconds = self.end if turn > len(self.turns) else self.times[turn]
        # The creation's time is the item's own.
        at = naive_text(seconds + (self.skew_s if turn else 0))
        data = {"id": "1", "workspace_id": "991", "event_id": str(turn), "created": at}
        if turn > len(self.turns):
            data |= {"event": f"{self.kind}::delete"}
        elif not turn:
            data |= self._told(self.states[0]) | {"event": f"{self.kind}::create", TITLES[self.kind]: "t"}
        else:
            before, after = self._told(self.states[turn - 1]), self._told(self.states[turn])
            before |= {TITLES[self.kind]: "t", "created": naive_text(T0)}
            data |= {f"old_{name}": value for name, value in before.items()}
            data |= {f"new_{name}": value for name, value in after.items() if before[name] != value}
            data |= {"new_modified": at, "event": f"{self.kind}::update"}
        return stored(f"raw_tapd_{self.kind}_hook", "1", data, f"h{turn}.{again}")

    def removal(self) -> Stored:
        """The row of the list of removed items."""
        data = {"id": "1", TITLES[self.kind]: "t", "created": naive_text(T0)}
        data |= {"deleted" if self.kind == "story" else "modified": naive_text(self.end)}
        return stored(f"raw_tapd_removed_{self.kind}", "1", data)

    def _told(self, state: Mapping[str, str]) -> dict[str, Any]:
        """The fields as webhooks write them: stories have their priorities by words."""
        if self.kind == "story":
            return {**state, "priority": WORDS[state["priority"]]}
        return dict(state)

    def polled(self) -> list[Stored]:
        """All that polling brings in the end."""
        found = [self.row(len(self.turns)), *KNOWN]
        for turn in range(1, len(self.turns) + 1):
            found += self.feed(turn)
        return [*found, self.removal()] if self.deleted else found

    def deliveries(self) -> list[int]:
        """The turns of which webhooks tell."""
        return list(range(len(self.turns) + 1 + self.deleted))


KNOWN = [iteration(number, name) for number, name in ITERATIONS.items() if name]
