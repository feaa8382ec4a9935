"""Histories of bugs and stories: what the wire tells of all workspaces in, one item each out.

An item is a list of spans (from, values) with an optional end. What happens within one second is one change,
so spans begin at rising seconds.
"""

from dataclasses import dataclass
from itertools import groupby

from .stages import first_status
from .told import FIELDS, Kind, Part, Values, clean, parts
from .vocabulary import CUSTOM
from .wire import Company


@dataclass
class Item:
    """One bug or story; `ended` is the instant it was removed, `why` one of deleted, merged, moved (to where
    nobody collects). `parents` are the ids of all stories it ever named as its parent. `early`: its status
    changed before it was created. `completed`: when it was, by its row and by no change."""

    id: str
    created: int
    spans: list[tuple[int, Values]]
    ended: int | None = None
    why: str | None = None
    parents: frozenset[str] = frozenset()
    early: bool = False
    completed: int | None = None

    def at(self, end: int) -> Values | None:
        """The values just before an instant; None before the creation and after the removal."""
        if self.ended is not None and self.ended < end:
            return None
        return next((values for start, values in reversed(self.spans) if start < end), None)


def histories(company: Company, kind: Kind = "bugs") -> list[Item]:
    """All items of a company, in the order of their first ids."""
    known = {part.id: part for workspace in company.workspaces for part in parts(workspace, kind)}
    next_id = {part.id: part.removal.to if part.removal else None for part in known.values()}
    arrived = {target for target in next_id.values() if target in known}
    items = []
    for part in known.values():
        if part.id in arrived:
            continue
        chain = [part]
        while (target := next_id[chain[-1].id]) in known and known[target] not in chain:
            chain.append(known[target])
        items.append(joined(chain, kind))
    return sorted(items, key=lambda item: item.id)


def joined(chain: list[Part], kind: Kind) -> Item:
    """One item of the parts of a bug that was moved from workspace to workspace; a story has one part."""
    first, last = chain[0], chain[-1]
    created = first.created
    boundaries: dict[int, Values] = {}
    enters = created
    timelines = [part_timeline(part, created, FIELDS[kind]) for part in chain]
    ends = [None if part is last or part.removal is None else part.removal.at for part in chain]
    fill_unknown(timelines, ends, FIELDS[kind])
    for timeline, leaves in zip(timelines, ends, strict=True):
        # A part's state at the instant it takes over, then its changes until the next part does.
        boundaries[enters] = values_at(timeline, enters)
        for at, values in timeline:
            if at > enters and (leaves is None or at < leaves):
                boundaries[at] = values
        enters = leaves if leaves is not None else enters
    spans = sorted(boundaries.items())
    ended = None if last.removal is None else max(last.removal.at, created)
    if ended is not None:
        # What was saved in the second of the removal is the removal; a removal at birth leaves one instant.
        spans = [span for span in spans if span[0] < ended] or spans[:1]
    why = None if last.removal is None else last.removal.why
    early = changed_before(first, created)
    whole = unchanged_joined(spans, chain, kind)
    completed = untold(first, whole, ended)
    return Item(first.id, created, whole, ended, why, first.parents, early, completed)


def untold(part: Part, spans: list[tuple[int, Values]], ended: int | None) -> int | None:
    """When a row says that its story was completed, if that is in its life and no change is as early.

    Decision: a change of status within a minute after it tells of the same.
    """
    at = part.completed
    if at is None or at <= spans[0][0] or (ended is not None and at >= ended):
        return None
    told = changed_before(part, at + 61)
    return None if told or len({values["status"] for start, values in spans if start <= at + 60}) > 1 else at


def changed_before(part: Part, end: int) -> bool:
    """Whether the status changed before an instant; decision: from a status to the same is no change."""
    changes = [change for change in part.changes if change.field == "status" and not change.born]
    held = changes[0].old if changes else ""
    for at, each in groupby(changes, key=lambda change: change.at):
        *_, last = each
        if at < end and last.new != held:
            return True
        held = last.new
    return False


def values_at(timeline: list[tuple[int, Values]], when: int) -> Values:
    return [values for at, values in timeline if at <= when][-1]


def fill_unknown(
    timelines: list[list[tuple[int, Values]]], leaves: list[int | None], fields: tuple[str, ...]
) -> None:
    """Give each value that a part knows nothing of ("?") the part's before, else the part's after, else none.

    Only a bug that was moved has such values with others beside them, where a part of it was never seen.
    Decision: it is one item, so what it was before the move it is after it, and the other way round.
    """
    places = range(len(timelines))
    for name in fields:
        # A custom field is one of its workspace alone.
        for place in places[1:] if name != CUSTOM else ():
            stayed = [values for at, values in timelines[place - 1] if at < (leaves[place - 1] or 0)]
            fill(timelines[place], name, (stayed or [timelines[place - 1][0][1]])[-1][name])
        for place in reversed(places[:-1]) if name != CUSTOM else ():
            fill(timelines[place], name, timelines[place + 1][0][1][name])
        for place in places:
            fill(timelines[place], name, "")


def fill(timeline: list[tuple[int, Values]], name: str, known: str) -> None:
    for _, values in timeline:
        if values[name] == "?":
            values[name] = known


def unchanged_joined(
    spans: list[tuple[int, Values]], chain: list[Part], kind: Kind
) -> list[tuple[int, Values]]:
    """The spans without those that change nothing; an unknown status is the first of the workflow."""
    workspaces = {part.workspace.id: part.workspace for part in chain}
    kept: list[tuple[int, Values]] = []
    for start, values in spans:
        if not values["status"]:
            values["status"] = first_status(workspaces[values["workspace"]], kind, values)
        if not kept or kept[-1][1] != values:
            kept.append((start, values))
    return kept


def part_timeline(part: Part, created: int, fields: tuple[str, ...]) -> list[tuple[int, Values]]:
    """(instant, all values from then on) of one part, the first at or before the item's creation."""
    by_field = {name: field_timeline(part, name, created) for name in fields}
    instants = sorted({at for timeline in by_field.values() for at, _ in timeline})
    found = []
    for when in instants:
        values = {name: [v for at, v in by_field[name] if at <= when][-1] for name in fields}
        found.append((when, {"workspace": part.workspace.id, **values}))
    return found


def field_timeline(part: Part, name: str, created: int) -> list[tuple[int, str]]:
    """(instant, value from then on) of one field; changes dated before the creation are taken as at it.

    The first value is the old one of the earliest change, else the current one, else what the creation row
    says, else "?" (nothing known).
    """
    told = [change for change in part.changes if change.field == name]
    real = [change for change in told if not change.born]
    current = None if part.values is None else part.values[name]
    if not real:
        born = [change.new for change in told]
        return [(created, current if current is not None else born[-1] if born else "?")]
    changes = [(max(change.at, created), change.new) for change in real]
    if current is not None:
        changes = mended(part, name, changes, current)
    return [(created, real[0].old), *changes]


def mended(part: Part, name: str, changes: list[tuple[int, str]], current: str) -> list[tuple[int, str]]:
    """The changes, repaired at the item's last modification where they do not end at its current value.

    A break between two changes needs nothing: the missing change falls in the second of the later one.
    Decisions: a row older than the last change tells nothing against it; a name in the change feed that is
    no iteration's name any more is that of the item's iteration before it was renamed.
    """
    last_at, last_value = changes[-1]
    if name == "iteration_id":
        names = {row["id"]: clean(row["name"]) for row in part.workspace.iterations}
        if names.get(current, current) == names.get(last_value, last_value):
            return changes
        if last_value and current and last_value not in names and last_value not in names.values():
            return [*changes[:-1], (last_at, current)]
    if last_value == current or part.modified is None or part.modified < last_at:
        return changes
    return [*changes, (part.modified, current)]
