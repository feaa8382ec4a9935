"""Completed items one at a time: how many there were, and how long each took.

A metric says of one completed item which series it has a value in, and which; percentiles, filters, splits
and windows are the same for all.
"""

from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import ceil

from .answers import clipped, drawn, zone_of
from .days import Bucket, buckets
from .population import Member, Population, Selection, Span
from .questions import Query
from .stages import UNMAPPED, merged
from .working import WorkCalendar

THROUGHPUT, LEAD_TIME, CYCLE_TIME = "flow.throughput", "flow.lead.time", "flow.cycle.time"
STAGE_TIME, EFFICIENCY = "flow.stage.time", "flow.efficiency"
COMPLETIONS = (THROUGHPUT, LEAD_TIME, CYCLE_TIME, STAGE_TIME, EFFICIENCY)


@dataclass(frozen=True)
class CompletionQuery(Query):
    """A question about completed items: the options that only they have.

    `calendars` and `fewest` are by product what is configured: when work is done, and from how many values on
    percentiles above the median are shown. Nobody can ask for them.
    """

    calendar: str = "elapsed"
    q: str = "50,85,95"
    calendars: dict[str, WorkCalendar] = field(default_factory=dict)
    fewest: dict[str, int] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        return self.metric.split(".")[1]

    @property
    def what(self) -> str:
        return self.metric.split(".", 2)[2]

    def target(self, separator: str = "#") -> str:
        pairs = [f"calendar={self.calendar}"] if self.calendar != "elapsed" else []
        pairs += [f"q={{{self.q}}}"] if self.q != "50,85,95" else []
        text = super().target(separator)
        return text + ("," if "/" in text else "/") + ",".join(pairs) if pairs else text


@dataclass(frozen=True)
class Completed:
    """An item that was in an end stage at the end of the query, its spans up to then, when it came there and
    which span it was in then; `untold`: not by its history."""

    member: Member
    spans: tuple[Span, ...]
    entry: Span
    at: int
    untold: bool = False

    @property
    def negative(self) -> bool:
        """Whether it was done before it was created, by the dates of its changes.

        Decision: so is one that came to done in the second of its creation, after changes before that.
        """
        return self.member.early and self.at == self.spans[0].start

    @property
    def before(self) -> tuple[Span, ...]:
        return self.spans[: self.spans.index(self.entry)]


Value = int | float | None
Series = list[tuple[str, list[tuple[int, Value]]]]


def completion_answer(population: Population, query: CompletionQuery) -> Series:
    """The series of a query about the completed ones of a company's bugs or stories."""
    zone = query.tz or zone_of(population, query)
    grid = buckets(query.start, query.until, query.now, query.step, zone)
    if not grid:
        return []
    found: dict[str, list[Value]] = {}
    if query.by is None:
        found = lines(population, query, grid)
    else:
        values = {one for member in population.members for s in member.spans for one in s.values(query.by)}
        for value in population.ordered(query.by, values, query):
            for name, line in lines(population, replace(query, within=(query.by, value)), grid).items():
                if any(line):
                    found[value if name == "all" else f"{value}/{name}"] = line
    shown = drawn(population, query, grid, None)
    starts = [start for start, _ in grid]
    return [
        (endpoint, [(at, n if at in shown else None) for at, n in zip(starts, line, strict=True)])
        for endpoint, line in found.items()
    ]


def ended(population: Population, query: CompletionQuery, flag: str, end: int) -> list[Completed]:
    """The items that at the end are in a stage of that flag, or were removed from one, and when that began.

    Filters look at the values at the last entry. Decision: a filter by stage does not choose items where
    stages are what is shown.
    """
    asked = query
    if query.what == STAGE_TIME:
        kept = {name: values for name, values in query.filters.items() if name != "stage"}
        asked = replace(query, filters=kept)
    selection = Selection(population, asked)
    found = []
    for member in population.members:
        spans = tuple(span for span in member.spans if span.start < end)
        if not spans or spans[-1].stage.flag != flag:
            continue
        entry = spans[-1]
        for span in reversed(spans):
            if span.stage.flag != flag:
                break
            entry = span
        one = Completed(member, spans, entry, entry.start)
        if entry is spans[0] and member.completed is not None:
            # It was over as long as anything is known of it, but says when that began.
            if member.completed >= end:
                continue
            within = [span for span in spans if span.start <= member.completed][-1]
            one = Completed(member, spans, within, member.completed, untold=True)
        if selection.has(member, one.entry):
            found.append(one)
    return found


def lines(population: Population, query: CompletionQuery, grid: list[Bucket]) -> dict[str, list[Value]]:
    """The lines of one group of items."""
    end = clipped(grid[-1][1], query)
    done = ended(population, query, "done", end)
    if query.what == THROUGHPUT:
        dropped = ended(population, query, "dropped", end)
        return {"all": per_bucket(done, grid), "dropped": per_bucket(dropped, grid)}
    clock = Clock(population, query)
    if query.what == STAGE_TIME:
        found: dict[str, list[Value]] = {}
        for stage in shown_stages(population, query):
            values = [(one, clock.in_stage(one, stage)) for one in done]
            for name, line in quantiles(population, query, values, grid).items():
                found[f"{stage}/{name}"] = line
        return found
    value = {LEAD_TIME: clock.lead, CYCLE_TIME: clock.cycle, EFFICIENCY: clock.efficiency}[query.what]
    answer = quantiles(population, query, [(one, value(one)) for one in done], grid)
    if query.what == CYCLE_TIME:
        skipped = [one for one in done if clock.cycle(one) is None and not one.negative]
        answer["skipped_n"] = per_bucket(skipped, grid)
    if query.what in (LEAD_TIME, CYCLE_TIME):
        answer["negative_n"] = per_bucket([one for one in done if one.negative], grid)
        if query.kind == "stories":
            answer["completed_n"] = per_bucket([one for one in done if one.untold], grid)
    return answer


def per_bucket(items: list[Completed], grid: list[Bucket]) -> list[Value]:
    return [sum(1 for one in items if start <= one.at < end) for start, end in grid]


class Clock:
    """How long completed items took, each by the calendar of its product at the completion."""

    def __init__(self, population: Population, query: CompletionQuery) -> None:
        self.population = population
        self.query = query

    def took(self, one: Completed, start: int, stop: int | None) -> int:
        assert stop is not None
        if self.query.calendar == "elapsed":
            return stop - start
        product = self.population.company.product_of(one.entry.fields["workspace"])
        calendar = self.query.calendars.get(product.name, WorkCalendar())
        return calendar.seconds(start, stop, product.zone)

    def lead(self, one: Completed) -> Value:
        """From the creation; None for an item that was done before that."""
        return None if one.negative else self.took(one, one.spans[0].start, one.at)

    def cycle(self, one: Completed) -> Value:
        """From the first entry to an active stage; None for an item that never was in one."""
        begun = [span.start for span in one.spans if span.stage.flag == "active"]
        return self.took(one, begun[0], one.at) if begun else None

    def in_stage(self, one: Completed, stage: str) -> Value:
        """All visits to an open stage before the completion; None without one."""
        visits = [span for span in one.before if span.stage.open and span.stage.name == stage]
        return sum(self.took(one, span.start, span.end) for span in visits) if visits else None

    def efficiency(self, one: Completed) -> Value:
        """None where the workspace of the completion has no waiting stage, or nothing was spent in either."""
        stages = self.population.workflows[one.entry.fields["workspace"]].stages
        spent = {"active": 0, "waiting": 0}
        for span in one.before:
            if span.stage.flag in spent:
                spent[span.stage.flag] += self.took(one, span.start, span.end)
        total = spent["active"] + spent["waiting"]
        if not total or all(stage.flag != "waiting" for stage in stages):
            return None
        return spent["active"] / total


def shown_stages(population: Population, query: CompletionQuery) -> list[str]:
    """The open stages of all workspaces that the filter leaves, `unmapped` at the end."""
    stages = [stage.name for stage in merged(list(population.workflows.values())) if stage.open]
    asked = population.filter_values(query, "stage")
    return [name for name in [*stages, UNMAPPED] if asked is None or name in asked]


def quantiles(
    population: Population,
    query: CompletionQuery,
    values: list[tuple[Completed, Value]],
    grid: list[Bucket],
) -> dict[str, list[Value]]:
    """Percentiles by nearest rank, and how many values there are.

    Decision: of several products asked for, the one that wants most values says how many it takes.
    """
    company = population.company
    products = {company.product_of(scope).name for scope in population.asked_workspaces(query)}
    few = max((query.fewest.get(name, 5) for name in products), default=1)
    asked = query.q.split(",")
    found: dict[str, list[Value]] = {f"p{q}": [] for q in asked} | {"n": []}
    for start, end in grid:
        known = sorted(value for one, value in values if value is not None and start <= one.at < end)
        for q in asked:
            share = Fraction(q) / 100
            shown = len(known) >= (few if share > Fraction(1, 2) else 1)
            found[f"p{q}"].append(known[ceil(share * len(known)) - 1] if shown else None)
        found["n"].append(len(known))
    return found
