"""Defects as the definitions tell of them, one bug at a time: what stands open, and what happened.

A metric here is two functions: what it sees of a bug in a bucket (in which span, of which kind, how much),
and the lines it draws of all that was seen in a bucket. Filters, splits and windows are the same for all.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from .answers import clipped, drawn, zone_of
from .days import Bucket, buckets, last_bucket, midnight
from .population import Member, Population, Selection, Span
from .questions import Query
from .told import clean
from .wire import Company

DISTRIBUTION = "tapd.bugs.distribution"
MATRIX = "tapd.bugs.matrix"
AGE = "tapd.bugs.age"
OVERDUE = "tapd.bugs.overdue"
DI = "tapd.bugs.di"
DI_INTRODUCED = "tapd.bugs.di.introduced"

WEIGHTS = {"fatal": 10, "serious": 3, "normal": 1, "prompt": 0.1, "advice": 0}
BANDS = (("0-1", 1), ("1-3", 3), ("3-7", 7), ("7-14", 14), ("14-30", 30), ("30-90", 90), (">90", 10**6))
DAY = 86_400


@dataclass(frozen=True)
class DefectQuery(Query):
    """A question about defects: the options that only they have.

    `weights` are by product what a severity weighs where it is not WEIGHTS, `gates` what the index, fatal and
    serious bugs may be, `untouched` after how many days a severity counts as untouched; `escape` is by
    product the field and the values that mean found in production. Nobody can ask for them: they are
    configured.
    """

    of: str = "backlog"
    split: str = "all"
    since: str = "first"
    q: str = "50,85,95"
    calendar: str = "elapsed"
    weights: dict[str, dict[str, float]] = field(default_factory=dict)
    gates: dict[str, tuple[float, int, int]] = field(default_factory=dict)
    untouched: dict[str, dict[str, int]] = field(default_factory=dict)
    escape: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)

    def target(self, separator: str = "#") -> str:
        text = super().target(separator)
        defaults = {"of": "backlog", "split": "all", "since": "first", "q": "50,85,95", "calendar": "elapsed"}
        for name, default in defaults.items():
            if getattr(self, name) != default:
                value = getattr(self, name)
                text += (
                    "," if "/" in text else "/"
                ) + f"{name}={'{' + value + '}' if name == 'q' else value}"
        return text


# What is seen of one bug: the span it is judged by, of which kind it is, and a number.
Sight = tuple[Span, str, float]
Sights = list[tuple[str, float]]
Series = list[tuple[str, list[tuple[int, float | None]]]]
Observe = Callable[[DefectQuery, Population, Member, Bucket], Iterator[Sight]]
Draw = Callable[[DefectQuery, str, Sights], dict[str, float | None]]


def observed(
    query: DefectQuery, population: Population, grid: list[Bucket], observe: Observe
) -> dict[str, list[Sights]]:
    """What is seen in each bucket by the values of the query's split, "" where there is none."""
    selection = Selection(population, replace(query, by=None))
    found: dict[str, list[Sights]] = {} if query.by else {"": [[] for _ in grid]}
    for place, bucket in enumerate(grid):
        for bug in population.members:
            for span, kind, number in observe(query, population, bug, bucket):
                if not selection.has(bug, span):
                    continue
                for name in groups(query, bug, span):
                    found.setdefault(name, [[] for _ in grid])[place].append((kind, number))
    return found


def groups(query: DefectQuery, bug: Member, span: Span) -> list[str]:
    """The values of the split that a bug counts under."""
    if not query.by:
        return [""]
    judged = bug.spans[-1] if query.asof == "now" else span
    several = sorted(judged.values(query.by))
    return several[:1] if query.split == "first" else several


def answered(
    company: Company,
    query: DefectQuery,
    compute: Callable[[Population, list[Bucket]], Series],
    last_only: bool = False,
) -> Series:
    """The series of a question; everything is known up to the query's now."""
    population = Population(company)
    zone = query.tz or zone_of(population, query)
    if last_only:
        grid = [last_bucket(query.until, query.now, query.step, zone)]
    else:
        grid = buckets(query.start, query.until, query.now, query.step, zone)
    shown = drawn(population, query, grid, None)
    # What a metric draws in the whole window is of the buckets with values.
    found = compute(population, [bucket for bucket in grid if bucket[0] in shown])
    return [(name, [(start, dict(points).get(start)) for start, _ in grid]) for name, points in found]


def open_answer(company: Company, query: DefectQuery) -> Series:
    """The series of a question about what stands open, or was created."""

    def compute(population: Population, grid: list[Bucket]) -> Series:
        if query.metric in SPECIAL:
            return SPECIAL[query.metric](query, population, grid)
        return plain(query, population, grid, *METRICS[query.metric])

    return answered(company, query, compute, last_only=query.metric == MATRIX)


def plain(
    query: DefectQuery, population: Population, grid: list[Bucket], observe: Observe, draw: Draw
) -> Series:
    """One line, or several, for each value of the split, in their natural order."""
    seen = observed(query, population, grid, observe)
    names = population.ordered(query.by, set(seen), query) if query.by else list(seen)
    found: Series = []
    for name in names:
        drawn_there = [draw(query, name, sights) for sights in seen[name]]
        for kind in dict.fromkeys(kind for line in drawn_there for kind in line):
            points = [(start, line[kind]) for (start, _), line in zip(grid, drawn_there, strict=True)]
            found.append(("/".join(filter(None, (name, kind))) or "all", points))
    return found


def standing(query: DefectQuery, bug: Member, bucket: Bucket) -> Span | None:
    """The span in which a bug stands open at the end of a bucket."""
    span = bug.before(clipped(bucket[1], query))
    return span if span and span.stage.open else None


def created_in(query: DefectQuery, bug: Member, bucket: Bucket) -> bool:
    return bucket[0] <= bug.spans[0].start < clipped(bucket[1], query)


def distribution(query: DefectQuery, population: Population, bug: Member, bucket: Bucket) -> Iterator[Sight]:
    """Open ones, or those created, in the span they were created in."""
    if query.of == "created":
        if created_in(query, bug, bucket):
            yield bug.spans[0], "", 1
    elif span := standing(query, bug, bucket):
        yield span, "", 1


def ages(query: DefectQuery, population: Population, bug: Member, bucket: Bucket) -> Iterator[Sight]:
    """The age of an open bug in seconds; today's is taken now."""
    span = standing(query, bug, bucket)
    if span is None:
        return
    since = bug.spans[0].start
    if query.since == "last":
        for before, after in zip(bug.spans, bug.spans[1:], strict=False):
            if after.start <= span.start and after.stage.open and not before.stage.open:
                since = after.start
    yield span, "", min(bucket[1], query.now) - since


def overdue(query: DefectQuery, population: Population, bug: Member, bucket: Bucket) -> Iterator[Sight]:
    """An open bug: whether its due day is over, or is none."""
    span = standing(query, bug, bucket)
    if span is None:
        return
    day = due_day(population, bug)
    if day is None:
        yield span, "no_due_n", 1
    else:
        zone = query.tz or zone_of(population, query)
        over = midnight(day + timedelta(days=1), zone) <= min(bucket[1], query.now)
        yield span, "overdue" if over else "in time", 1


def due_day(population: Population, bug: Member) -> date | None:
    """What the row of a bug says that was not removed: that of its latest id, a move counts them up."""
    serial = bug.id[-6:-1]
    rows = [row for one in population.company.workspaces for row in one.bugs if row["id"][-6:-1] == serial]
    if bug.ended is not None or not rows:
        return None
    row = max(rows, key=lambda row: str(row["id"][-1]))
    text = clean(row.get("deadline")) or clean(row.get("due"))
    return date.fromisoformat(text) if text else None


def in_stages(query: DefectQuery, population: Population, bug: Member, bucket: Bucket) -> Iterator[Sight]:
    """An open bug, of the kind that its stage is."""
    if span := standing(query, bug, bucket):
        yield span, span.stage.name, 1


def weighed(query: DefectQuery, population: Population, bug: Member, bucket: Bucket) -> Iterator[Sight]:
    """What an open or a created bug weighs; its kind says where nothing is known of that."""
    if query.metric == DI_INTRODUCED:
        span = bug.spans[0] if created_in(query, bug, bucket) else None
    else:
        span = standing(query, bug, bucket)
    if span is not None:
        judged = bug.spans[-1] if query.asof == "now" else span
        weights = query.weights.get(judged.fields["product"], WEIGHTS)
        weight = weights.get(judged.fields["severity"])
        yield span, "unknown" if weight is None else "known", weight or 0


def count(query: DefectQuery, name: str, sights: Sights) -> dict[str, float | None]:
    return {"": len(sights)}


def lateness(query: DefectQuery, name: str, sights: Sights) -> dict[str, float | None]:
    return {name: sum(1 for kind, _ in sights if kind == name) for name in ("overdue", "no_due_n")}


def by_band(query: DefectQuery, name: str, sights: Sights) -> dict[str, float | None]:
    """How many are in each band of ages."""
    found: dict[str, float | None] = {band: 0 for band, _ in BANDS}
    for _, age in sights:
        band = next(band for band, days in BANDS if age < days * DAY)
        found[band] = (found[band] or 0) + 1
    return found


def index(query: DefectQuery, name: str, sights: Sights) -> dict[str, float | None]:
    """The sum of weights, nothing where no weight of those there are is known."""
    known = [weight for kind, weight in sights if kind == "known"]
    return {"": round(sum(known), 6) if known or not sights else None}


def is_unknown(query: DefectQuery, population: Population, name: str) -> bool:
    """Whether a filter asks for values that nobody knows."""
    asked = population.filter_values(query, name)
    return asked is not None and "N/A" not in query.filters[name] and not asked


def indices(query: DefectQuery, population: Population, grid: list[Bucket]) -> Series:
    """The index by the split, then the gate of what is left over, then how many bugs have no weight."""
    found = plain(query, population, grid, weighed, index)
    # Who asks for values that nobody knows is not told of a gate either.
    unknown_values = any(is_unknown(query, population, name) for name in query.filters)
    if query.metric == DI and not unknown_values and population.asked_workspaces(query):
        found.append(("gate", [(start, 10) for start, _ in grid]))
    whole = observed(replace(query, by=None), population, grid, weighed)[""]
    unknown = [sum(1 for kind, _ in sights if kind == "unknown") for sights in whole]
    if any(unknown):
        found.append(("unknown", [(start, n) for (start, _), n in zip(grid, unknown, strict=True)]))
    return found


def matrix(query: DefectQuery, population: Population, grid: list[Bucket]) -> Series:
    """Open bugs by severity and stage, severity by severity."""

    def stages(query: DefectQuery, name: str, sights: Sights) -> dict[str, float | None]:
        order = population.ordered("stage", {stage for stage, _ in sights}, query)
        return {stage: sum(1 for kind, _ in sights if kind == stage) for stage in order}

    return plain(replace(query, by="severity"), population, grid, in_stages, stages)


METRICS: dict[str, tuple[Observe, Draw]] = {
    DISTRIBUTION: (distribution, count),
    AGE: (ages, by_band),
    OVERDUE: (overdue, lateness),
}
SPECIAL: dict[str, Callable[[DefectQuery, Population, list[Bucket]], Series]] = {
    MATRIX: matrix,
    DI: indices,
    DI_INTRODUCED: indices,
}
