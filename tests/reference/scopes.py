"""Burn-ups of iterations and burndowns of versions: what a selection holds, what came and what went."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any, Literal

from .answers import Answer, clipped, drawn, split, zone_of
from .days import Bucket, buckets, day_of, midnight
from .population import Member, Population, Selection, Span
from .questions import Query
from .wire import Company

BURNUP = "tapd.iteration.burnup"
BURNDOWN = "tapd.version.burndown"

# The hours an item had left, by its id: (from, hours or None), in the order of time.
Hours = Mapping[str, list[tuple[int, Fraction | None]]]
Values = dict[str, list[Any]]


@dataclass(frozen=True)
class ScopeQuery(Query):
    """A question about a burn-up or a burndown; `of` None is the metric's own first kind."""

    of: Literal["stories", "bugs"] | None = None
    unit: Literal["count", "effort"] = "count"

    def target(self, separator: str = "#") -> str:
        """The expression that asks this."""
        more = ([f"of={self.of}"] if self.of else []) + (["unit=effort"] if self.unit == "effort" else [])
        head = super().target(separator)
        return head + ("," if "/" in head else "/") + ",".join(more) if more else head

    @property
    def kind(self) -> Literal["stories", "bugs"]:
        return self.of or ("stories" if self.metric == BURNUP else "bugs")


def scope_answer(company: Company, query: ScopeQuery, hours: Hours | None = None) -> Answer:
    """The series of a query; everything is known up to its now."""
    population = Population(company, query.kind)
    zone = query.tz or zone_of(population, query)
    grid = buckets(query.start, query.until, query.now, query.step, zone)
    if not grid:
        return []

    def counter(population: Population, query: Any, asked: Query, grid: list[Bucket]) -> Values:
        if query.metric == BURNUP:
            found = burnup(population, query, grid, zone)
            # Decision: a value of a split that nobody had in the window is not listed for its commitment.
            seen = any(any(found[name]) for name in ("scope", "added", "removed"))
            return found if seen or not query.within else {}
        return burndown(population, query, grid, hours or {})

    lines: Values = (
        split(population, query, query.by, counter, grid)
        if query.by
        else counter(population, query, query, grid)
    )
    shown = drawn(population, query, grid, None)
    return [
        (name, [(at, value if at in shown else None) for (at, _), value in zip(grid, values, strict=True)])
        for name, values in lines.items()
    ]


def burnup(population: Population, query: ScopeQuery, grid: list[Bucket], zone: str) -> Values:
    selection = Selection(population, query)

    def held(end: int) -> list[Span]:
        spans = [(member, member.before(end)) for member in population.members]
        return [span for member, span in spans if span and selection.has(member, span)]

    start, end = plan(population, query)
    # What happens until the end of the start day is no change of scope.
    begun = midnight(start + timedelta(days=1), zone) if start else 0
    came = [at for member in population.members for at in comings(member, selection) if at >= begun]
    went = [at for member in population.members for at in goings(member, selection) if at >= begun]
    committed = len(held(clipped(begun, query))) if start else 0
    today = day_of(query.now, zone)
    found: Values = {name: [] for name in ("scope", "done", "ideal", "committed", "added", "removed")}
    for first, after in grid:
        spans = held(clipped(after, query))
        found["scope"].append(len(spans))
        found["done"].append(sum(1 for span in spans if span.stage.flag == "done"))
        last = day_of(after, zone) - timedelta(days=1)
        promised = start is not None and start <= min(last, today)
        found["committed"].append(committed if promised else None)
        found["ideal"].append(None)
        if promised and start and end and day_of(first, zone) <= end and start <= end:
            so_far, whole = (min(last, end) - start).days, (end - start).days
            found["ideal"][-1] = float(Fraction(committed * so_far, whole)) if whole else committed
        found["added"].append(sum(1 for at in came if first <= at < after))
        found["removed"].append(sum(1 for at in went if first <= at < after))
    return found


def plan(population: Population, query: Query) -> tuple[date | None, date | None]:
    """The earliest start and the latest end of the iterations that the query's filters name.

    Decision: where no filter names one there is no plan; a split's value is as a filter.
    """
    starts, ends = [], []
    for id in population.asked_workspaces(query):
        product = population.company.product_of(id)
        naming = ["iteration"]
        if population.kind == "stories" or product.version_field == "iteration":
            naming.append("version")
        asked = [population.filter_values(query, name) for name in naming]
        chosen = [known for known in asked if known is not None]
        if query.within and query.within[0] in naming:
            chosen.append(frozenset([query.within[1]]))
        if query.within and query.within[1] != {"workspace": id, "product": product.name}.get(
            query.within[0], query.within[1]
        ):
            continue
        for row in population.workspaces[id].iterations:
            if chosen and all(row["name"] in values for values in chosen):
                starts += [date.fromisoformat(row["startdate"])] if row["startdate"] else []
                ends += [date.fromisoformat(row["enddate"])] if row["enddate"] else []
    return min(starts, default=None), max(ends, default=None)


def comings(member: Member, selection: Selection) -> list[int]:
    """The instants at which an item came into a selection: born, or moved."""
    inside = [selection.has(member, span) for span in member.spans]
    before = [False, *inside[:-1]]
    return [
        span.start for span, was, now in zip(member.spans, before, inside, strict=True) if now and not was
    ]


def goings(member: Member, selection: Selection) -> list[int]:
    """The instants at which an item left a selection: moved, or removed."""
    inside = [selection.has(member, span) for span in member.spans]
    after = [*inside[1:], False]
    ends = [span.end for span, now, then in zip(member.spans, inside, after, strict=True) if now and not then]
    return [end for end in ends if end is not None]


@dataclass(frozen=True)
class State:
    """How an item stands to a burndown: selected, open, and what it weighs."""

    inside: bool
    open: bool
    weight: Fraction
    known: bool = True


OUTSIDE = State(False, False, Fraction(0))


def burndown(population: Population, query: ScopeQuery, grid: list[Bucket], hours: Hours) -> Values:
    selection = Selection(population, query)
    lives = [life(member, selection, query, hours) for member in population.members]
    moves = [move for states in lives for move in moves_of(states)]
    names = ["remaining", "added", "reopened", "done", "removed"]
    found: Values = {name: [] for name in names}
    unestimated = []
    for first, after in grid:
        end = clipped(after, query)
        standing = [[state for at, state in states if at < end][-1] for states in lives if states[0][0] < end]
        left = [state for state in standing if state.inside and state.open]
        found["remaining"].append(float(sum(state.weight for state in left)))
        unestimated.append(sum(1 for state in left if not state.known))
        for name in names[1:]:
            weights = [weight for at, move, weight in moves if move == name and first <= at < end]
            found[name].append(float(sum(weights)))
    return found | ({"unestimated_n": unestimated} if query.unit == "effort" else {})


def life(member: Member, selection: Selection, query: ScopeQuery, hours: Hours) -> list[tuple[int, State]]:
    """How an item stands from each instant on at which something of it changes; at last it may be gone."""
    known = hours.get(member.id, []) if query.unit == "effort" else []
    alive = [at for at, _ in known if at >= member.spans[0].start and at < (member.ended or query.now + 1)]
    found = []
    for at in sorted({span.start for span in member.spans} | set(alive)):
        span = [one for one in member.spans if one.start <= at][-1]
        left = next((value for since, value in reversed(known) if since <= at), None)
        weight = Fraction(1) if query.unit == "count" else left or Fraction(0)
        estimated = query.unit == "count" or left is not None
        found.append((at, State(selection.has(member, span), span.stage.open, weight, estimated)))
    return found + ([(member.ended, OUTSIDE)] if member.ended is not None else [])


def moves_of(states: list[tuple[int, State]]) -> list[tuple[int, str, Fraction]]:
    """What one item's changes bring to a burndown, and how much."""
    at, born = states[0]
    found = [(at, "added", born.weight)] if born.inside else []
    if born.inside and not born.open:
        found.append((at, "done", born.weight))
    for (_, before), (at, after) in pairwise(states):
        if before.inside and after.inside:
            if before.open and after.open:
                # Decision: another estimate is a change of scope.
                change = after.weight - before.weight
                found += [(at, "added", change)] if change > 0 else [(at, "removed", -change)]
            elif before.open:
                found.append((at, "done", before.weight))
            elif after.open:
                found.append((at, "reopened", after.weight))
        elif before.inside and before.open:
            found.append((at, "removed", before.weight))
        elif after.inside and after.open:
            found.append((at, "added", after.weight))
    return found


def with_dates(company: Company, plans: list[tuple[str | None, str | None]]) -> Company:
    """The company with other planned dates of the iterations of each workspace, in their order."""

    def dated(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        pairs = zip(rows, plans, strict=True)
        return [row | {"startdate": start, "enddate": end} for row, (start, end) in pairs]

    workspaces = [replace(one, iterations=dated(one.iterations)) for one in company.workspaces]
    return replace(company, workspaces=workspaces)
