"""The ledger of bugs: what happened when, told as moves of bugs in and out of a selection."""

from .population import Member, Population, Selection, Span
from .questions import Query

MOVES = (
    "created",
    "reopened",
    "returned",
    "resolved",
    "closed",
    "removed",
    "removed_closed",
    "moved_in",
    "moved_out",
)


def moves(population: Population, query: Query) -> list[tuple[int, str]]:
    """(instant, move) of all bugs under a query's filters."""
    selection = Selection(population, query)
    order = [stage.name for stage in population.stages(query)]
    found: list[tuple[int, str]] = []
    for bug in population.members:
        found += born(bug, selection)
        for before, after in zip(bug.spans, bug.spans[1:], strict=False):
            names = changed(before, after, selection.has(bug, before), selection.has(bug, after), order)
            found += [(after.start, name) for name in names]
        found += left(bug, selection)
    return found


def born(bug: Member, selection: Selection) -> list[tuple[int, str]]:
    """A bug created in an end stage is created and closed at once, one created in resolved is resolved."""
    first = bug.spans[0]
    if not selection.has(bug, first):
        return []
    names = ["created"]
    if not first.stage.open:
        names.append("closed")
    if first.stage.resolved:
        names.append("resolved")
    return [(first.start, name) for name in names]


def changed(before: Span, after: Span, was_in: bool, is_in: bool, order: list[str]) -> list[str]:
    """The moves of one change, which may be of several fields at once."""
    if was_in and not is_in:
        return ["moved_out"] if before.stage.open else []
    if is_in and not was_in:
        # Decision: closed outside and open inside within one second is a move in as well, or the backlog
        # would rise by something the ledger does not tell.
        return ["moved_in"] if after.stage.open else []
    if not is_in:
        return []
    names = []
    if before.stage.open and not after.stage.open:
        names.append("closed")
    if after.stage.open and not before.stage.open:
        names.append("reopened")
    if after.stage.resolved and not before.stage.resolved:
        names.append("resolved")
    if before.stage.resolved and not after.stage.resolved and before.stage.open and after.stage.open:
        here, there = place(before, order), place(after, order)
        if there < here:
            names.append("returned")
    return names


def place(span: Span, order: list[str]) -> int:
    return order.index(span.stage.name) if span.stage.name in order else len(order)


def left(bug: Member, selection: Selection) -> list[tuple[int, str]]:
    """The removal of a bug; a closed one that is moved away is in no series."""
    last = bug.spans[-1]
    if bug.ended is None or not selection.has(bug, last):
        return []
    if bug.why == "moved":
        return [(bug.ended, "moved_out")] if last.stage.open else []
    return [(bug.ended, "removed" if last.stage.open else "removed_closed")]
