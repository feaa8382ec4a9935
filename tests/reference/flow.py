"""Counts of items by stage at the ends of buckets: bands, arrivals, the open and the existing ones."""

from .population import Member, Population, Selection
from .questions import Query
from .stages import UNMAPPED, Stage


def bands(population: Population, query: Query, stages: list[Stage], end: int, since: int) -> list[int]:
    """How many selected items are in each stage just before `end`.

    `since` is the start of the range: with done_from=range the done and dropped bands count only the
    items     whose present visit to the stage began in it.
    """
    selection = Selection(population, query)
    counted = dict.fromkeys((stage.name for stage in stages), 0)
    for member in population.members:
        span = member.before(end)
        if span is None or not selection.has(member, span):
            continue
        if query.done_from == "range" and not span.stage.open and span.entered < since:
            continue
        counted[span.stage.name] += 1
    return list(counted.values())


def arrivals(population: Population, query: Query, stages: list[Stage], end: int) -> list[int]:
    """How many items were ever selected, before `end`, while they had reached each stage or a later one.

    `stages` are those up to done. Lines never fall: an item that was removed or left the selection stays
    counted.
    """
    selection = Selection(population, query)
    reached = [highest_in_scope(member, selection, stages, end) for member in population.members]
    return [sum(1 for highest in reached if highest >= n) for n in range(len(stages))]


def highest_in_scope(member: Member, selection: Selection, stages: list[Stage], end: int) -> int:
    """The highest place an item had reached at any time it was selected; -1 for none."""
    names = [stage.name for stage in stages]
    mark, best = -1, -1
    for span in member.spans:
        if span.start >= end:
            break
        if span.stage.flag == "dropped":
            # Decision: leaving by being dropped is an arrival at every stage up to the last done one.
            mark = len(names) - 1
        elif span.stage.name in names:
            mark = max(mark, names.index(span.stage.name))
        if selection.has(member, span):
            best = max(best, mark)
    return best


def arrival_stages(stages: list[Stage]) -> list[Stage]:
    """One per stage up to done: neither the dropped ones nor `unmapped`."""
    return [stage for stage in stages if stage.flag != "dropped" and stage.name != UNMAPPED]


def open_bugs(population: Population, query: Query, end: int) -> int:
    """The backlog: selected bugs in an open stage just before `end`."""
    selection = Selection(population, query)
    spans = [(member, member.before(end)) for member in population.members]
    return sum(1 for member, span in spans if span and span.stage.open and selection.has(member, span))


def existing_bugs(population: Population, query: Query, end: int) -> int:
    """Selected bugs that exist just before `end`, whatever their stage."""
    selection = Selection(population, query)
    spans = [(member, member.before(end)) for member in population.members]
    return sum(1 for member, span in spans if span and selection.has(member, span))
