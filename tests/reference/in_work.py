"""Work in progress one item at a time: who is in it, for how long, and what is read off the arrivals."""

from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import ceil

from .answers import clipped, drawn, zone_of
from .days import Bucket, buckets
from .flow import arrival_stages, highest_in_scope
from .population import Member, Population, Selection, Span
from .questions import BACKLOG, FLOW, STORY_FLOW, VERSION_BUGS, Query
from .wire import Company
from .working import WorkCalendar

WIP, AGE, READ_OFF = "flow.wip", "flow.age", "flow.readoff"
IN_WORK = (WIP, AGE, READ_OFF)
READ = ("lead_time", "throughput", "wip", "residual")


@dataclass(frozen=True)
class WorkQuery(Query):
    """A question about work in progress, with the options that only it has; see CompletionQuery."""

    calendar: str = "elapsed"
    since: str = "last"
    q: str = "50,85"
    calendars: dict[str, WorkCalendar] = field(default_factory=dict)
    fewest: dict[str, int] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        return "stories" if self.metric.split(".")[1] == "stories" else "bugs"

    @property
    def what(self) -> str:
        return self.metric.split(".", 2)[2]

    def target(self, separator: str = "#") -> str:
        pairs = [f"calendar={self.calendar}"] if self.calendar != "elapsed" else []
        pairs += [f"since={self.since}"] if self.since != "last" else []
        pairs += [f"q={{{self.q}}}"] if self.q != "50,85" else []
        text = super().target(separator)
        return text + ("," if "/" in text else "/") + ",".join(pairs) if pairs else text


Value = int | float | None
Lines = dict[str, list[Value]]
Series = list[tuple[str, list[tuple[int, Value]]]]


def in_work_answer(company: Company, query: WorkQuery) -> Series:
    """The series of a question about work in progress."""
    population = Population(company, "stories" if query.kind == "stories" else "bugs")
    zone = query.tz or zone_of(population, query)
    grid = buckets(query.start, query.until, query.now, query.step, zone)
    if not grid:
        return []
    found: Lines = {}
    if query.by is None:
        found = lines(population, query, query, grid, zone)
    else:
        values = {one for member in population.members for s in member.spans for one in s.values(query.by)}
        for value in population.ordered(query.by, values, query):
            within = replace(query, within=(query.by, value))
            for name, line in lines(population, within, query, grid, zone).items():
                if any(line):
                    found[value if name == "all" else f"{value}/{name}"] = line
    shown = drawn(population, query, grid, None)
    starts = [start for start, _ in grid]
    return [
        (endpoint, [(at, n if at in shown else None) for at, n in zip(starts, line, strict=True)])
        for endpoint, line in found.items()
    ]


def lines(population: Population, query: WorkQuery, asked: WorkQuery, grid: list[Bucket], zone: str) -> Lines:
    """The lines of one group of items; stages are those of the query as asked."""
    if query.what == READ_OFF:
        return read_off(population, query, asked, grid, zone)
    ages = [[age for _, age in aged(population, query, end)] for _, end in grid]
    return {"all": [len(one) for one in ages]} if query.what == WIP else quantiles(population, query, ages)


def works(population: Population, span: Span) -> bool:
    """Whether an item is in work: from the first active stage of its workspace up to done."""
    begun = False
    for stage in population.workflows[span.fields["workspace"]].stages:
        begun = begun or stage.flag == "active"
        if stage == span.stage:
            return begun and stage.open
    return False


def aged(population: Population, query: WorkQuery, end: int) -> list[tuple[Member, int]]:
    """The selected items in work at the end of a bucket, each with its age by then, or by now."""
    selection = Selection(population, query)
    moment = min(end, query.now)
    found = []
    for member in population.members:
        span = member.before(clipped(end, query))
        if span is None or not works(population, span) or not selection.has(member, span):
            continue
        began = None
        for one in member.spans[: member.spans.index(span) + 1]:
            if not one.stage.open and query.since != "first":
                began = None
            elif began is None and works(population, one):
                began = one.start
        assert began is not None
        age = moment - began
        if query.calendar == "work":
            product = population.company.product_of(span.fields["workspace"])
            calendar = query.calendars.get(product.name, WorkCalendar())
            age = calendar.seconds(began, moment, product.zone)
        found.append((member, age))
    return found


def quantiles(population: Population, query: WorkQuery, values: list[list[int]]) -> Lines:
    """Percentiles by nearest rank, how many values there are, and the largest."""
    company = population.company
    products = {company.product_of(scope).name for scope in population.asked_workspaces(query)}
    few = max((query.fewest.get(name, 5) for name in products), default=1)
    asked = query.q.split(",")
    found: Lines = {f"p{q}": [] for q in asked} | {"max": [], "n": []}
    for known in map(sorted, values):
        for q in asked:
            share = Fraction(q) / 100
            shown = len(known) >= (few if share > Fraction(1, 2) else 1)
            found[f"p{q}"].append(known[ceil(share * len(known)) - 1] if shown else None)
        found["n"].append(len(known))
        found["max"].append(known[-1] if known else None)
    return found


def read_off(
    population: Population, query: WorkQuery, asked: WorkQuery, grid: list[Bucket], zone: str
) -> Lines:
    """What the curves of the first stage and of the first done one tell, day by day."""
    stages = arrival_stages(population.stages(asked))
    done = next((n for n, stage in enumerate(stages) if stage.flag == "done"), None)
    found: Lines = {name: [] for name in READ}
    if done is None:
        return {name: [None] * len(grid) for name in READ}
    selection = Selection(population, query)
    first = min([s.start for member in population.members for s in member.spans] + [grid[0][0]])
    last = min(grid[-1][1] - 1, query.now)
    came: dict[int, int] = {}
    went: dict[int, int] = {}
    days = buckets(first, last, last, "1d", zone)
    for number, (_, end) in enumerate(days):
        marks = [
            highest_in_scope(member, selection, stages, clipped(end, query)) for member in population.members
        ]
        came[number] = sum(1 for mark in marks if mark >= 0)
        went[number] = sum(1 for mark in marks if mark >= done)
    for start, end in grid:
        inside = [n for n, (low, _) in enumerate(days) if start <= low < end]
        reached = went[inside[-1]]
        lead = None
        if reached:
            lead = inside[-1] - next(n for n in came if came[n] >= reached)
        throughput = Fraction(reached - went.get(inside[0] - 1, 0), len(inside))
        wip = Fraction(sum(came[n] - went[n] for n in inside), len(inside))
        found["lead_time"].append(None if lead is None else lead * 86_400)
        found["throughput"].append(float(throughput))
        found["wip"].append(float(wip))
        found["residual"].append(None if lead is None else float(wip - throughput * lead))
    return found


def listed(company: Company, query: WorkQuery) -> dict[str, int]:
    """The ids of the items that a metric counts in the bucket that holds `until`, with a value of each.

    That is the age in work, in the stage, or since the item began.
    """
    population = Population(company, "stories" if query.kind == "stories" else "bugs")
    zone = query.tz or zone_of(population, query)
    grid = buckets(query.start, query.until, query.now, query.step, zone)
    _, end = grid[-1]
    moment = min(end, query.now)
    if query.metric not in (BACKLOG, FLOW, STORY_FLOW, VERSION_BUGS):
        return {member.id: age for member, age in aged(population, query, end)}
    selection = Selection(population, query)
    found = {}
    for member in population.members:
        span = member.before(clipped(end, query))
        if span is None or not selection.has(member, span):
            continue
        if query.metric == BACKLOG and not span.stage.open:
            continue
        if query.done_from == "range" and not span.stage.open and span.entered < grid[0][0]:
            continue
        bands = query.metric in (FLOW, STORY_FLOW)
        found[member.id] = moment - (span.entered if bands else member.spans[0].start)
    return found
