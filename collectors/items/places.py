"""One item in one place: under one id, in one workspace, as far as its records tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from collectors import Removal
from collectors.derivation import epoch, text
from collectors.items.changes import Changes, last_told, read_changes
from collectors.items.hooks import Told, read_hooks
from collectors.items.iterations import Iterations
from collectors.items.kinds import Kind, value
from collectors.removals import removal, vanished

# Within so many seconds a change and a time on the row are of one event.
CLOCKS_S: Final = 60


@dataclass
class Place:
    """One item's id: its row, its removal, its changes and what webhooks told, as far as they are known.

    `links` are the records of its relations to stories. `data` is the newest version of the row and
    `modified` when it was made.
    """

    id: str
    kind: Kind
    row: Mapping[str, Any] | None = None
    gone: Mapping[str, Any] | None = None
    records: list[Mapping[str, Any]] = field(default_factory=list)
    deliveries: list[Mapping[str, Any]] = field(default_factory=list)
    links: list[Mapping[str, Any]] = field(default_factory=list)
    iterations: Iterations = field(default_factory=Iterations)
    changes: Changes = field(default_factory=Changes)
    told: Told = field(default_factory=Told)
    data: Mapping[str, Any] | None = None
    modified: int | None = None
    removal: Removal | None = None

    @property
    def known(self) -> bool:
        """True when there is a row or a removal; changes alone do not tell when an item was created."""
        return self.data is not None or self.gone is not None

    @property
    def origin(self) -> Mapping[str, Any]:
        """The record that tells where this is."""
        return self.row or self.gone or (self.deliveries or self.records)[0]

    @property
    def workspace(self) -> str:
        """The workspace's id."""
        return text(self.origin["scope"])

    @property
    def fact_id(self) -> str:
        """The `_id` a fact that begins here has."""
        return f"{self.origin['instance']}:{self.workspace}:{self.id}"

    def said(self, name: str) -> Any:
        """A field of the row, else of the removal."""
        for data in (self.data, self.gone["data"] if self.gone is not None else None):
            if data is not None and data.get(name) not in (None, ""):
                return data[name]
        return None

    def values(self, name: str) -> set[str]:
        """All that a field of ours ever held, as far as it is known."""
        theirs = [key for key, ours in self.kind.fields.items() if ours == name]
        rows = [self.data or {}, *(version.fields for version in self.told.versions)]
        found = {value(row.get(key), name) for row in rows for key in theirs}
        for step in (*self.changes.steps.get(name, ()), *self.changes.hooked.get(name, ())):
            found |= {step.old, step.new}
        return (found | {self.changes.born.get(name, "")}) - {""}

    def wrong_ends(self, created: int, zone: str) -> set[str]:
        """What is wrong with the row's own times of its end; no number is made of them."""
        found = set()
        for name in self.kind.ends:
            try:
                at = epoch(self.said(name), zone)
            except (TypeError, ValueError, OverflowError):
                found.add(f"unreadable:{name}")
                continue
            if at is not None and at < created:
                found.add(f"ended_before_created:{name}")
        return found

    def completed(
        self, moves: Sequence[tuple[int, str]], created: int, removed_at: int | None, zone: str
    ) -> int | None:
        """When the row says that the item was completed, where its changes of status cannot know better.

        None where one of these `moves` is as early, and for what is not between creation and removal.
        """
        try:
            at = epoch(self.said(self.kind.completed), zone) if self.kind.completed else None
        except (TypeError, ValueError, OverflowError):
            return None
        if at is None or at <= created or (removed_at is not None and at >= removed_at):
            return None
        return None if any(moment <= at + CLOCKS_S for moment, _ in moves) else at

    def read(self, zone: str) -> None:
        """Understand the records; raises ValueError or TypeError."""
        self.told = read_hooks(self.deliveries, self.kind.reads, zone)
        if self.row is not None:
            self.data, self.modified = self.row["data"], epoch(self.row["data"].get("modified"), zone)
        self.data, self.modified = self.told.newest(self.data, self.modified, self.kind.words)
        self.changes = read_changes(self.records, self.kind, zone)
        if self.told.steps:
            self.changes.hooked = self.told.after(last_told(self.records, zone))
        # Modified after it was removed: it was restored.
        standing = [one for one in self._removals(zone) if self.modified is None or self.modified <= one.at]
        self.removal = standing[0] if standing else None

    def _removals(self, zone: str) -> list[Removal]:
        """All that tells of a removal: the list of removed items knows most, that the row is gone least."""
        found = [] if self.gone is None else [removal(self.gone["data"], zone)]
        noted = (self.changes.deleted_at, self.told.deleted_at)
        found += [Removal(at, "deleted") for at in noted if at is not None]
        gone = vanished(self.row)
        return found if gone is None else [*found, gone]
