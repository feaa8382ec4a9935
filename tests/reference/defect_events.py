"""What happened to defects, one bug at a time: they came back, ended, were fixed, verified, escaped."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from math import ceil

from .answers import clipped, zone_of
from .days import Bucket, buckets, midnight
from .defects import DefectQuery, Draw, Observe, Series, Sight, Sights, answered, created_in, plain
from .ledger import moves
from .population import Member, Population, Span
from .wire import Company
from .working import WorkCalendar

REOPEN_RATE, REOPEN_COUNT = "tapd.bugs.reopen.rate", "tapd.bugs.reopen.count"
INVALID_RATE = "tapd.bugs.invalid.rate"
FIX_TIME, RESPONSE_TIME, VERIFY_TIME = (f"tapd.bugs.{what}.time" for what in ("fix", "response", "verify"))
ESCAPE_RATE, ESCAPE_VERSION = "tapd.bugs.escape.rate", "tapd.bugs.escape.version"
TIMES = (FIX_TIME, RESPONSE_TIME, VERIFY_TIME)
EVENTS = (REOPEN_RATE, REOPEN_COUNT, INVALID_RATE, *TIMES, ESCAPE_RATE, ESCAPE_VERSION)

Drawn = dict[str, float | None]


def within(query: DefectQuery, at: int, bucket: Bucket) -> bool:
    return bucket[0] <= at < clipped(bucket[1], query)


def neighbours(bug: Member) -> list[tuple[Span | None, Span]]:
    """Each span with the one before it."""
    return list(zip([None, *bug.spans], bug.spans, strict=False))


def came_back(query: DefectQuery, population: Population, bug: Member, bucket: Bucket) -> Iterator[Sight]:
    """A bug that was over for the first time, and in which ways it came back later."""
    over = next((span for span in bug.spans if span.stage.resolved or not span.stage.open), None)
    if over is None or not within(query, over.start, bucket):
        return
    ways = set()
    for before, after in neighbours(bug):
        if before is None or after.start <= over.start or not after.stage.open:
            continue
        if not before.stage.open:
            ways.add("reopened")
        elif before.stage.resolved and not after.stage.resolved and earlier(population, after, before):
            ways.add("returned")
    yield over, " ".join(sorted(ways)), 1


def earlier(population: Population, one: Span, other: Span) -> bool:
    """Whether the first span's stage comes before the second's, each in its workspace's order."""

    def place(span: Span) -> int:
        names = [stage.name for stage in population.workflows[span.fields["workspace"]].stages]
        return names.index(span.stage.name) if span.stage.name in names else len(names) + 999

    return place(one) < place(other)


def ways_back(query: DefectQuery, name: str, sights: Sights) -> Drawn:
    def share(count: int) -> float | None:
        return count / len(sights) if sights else None

    return {
        "": share(sum(1 for ways, _ in sights if ways)),
        "reopened": share(sum(1 for ways, _ in sights if "reopened" in ways)),
        "returned": share(sum(1 for ways, _ in sights if "returned" in ways)),
    }


def reopenings(query: DefectQuery, population: Population, grid: list[Bucket]) -> Series:
    """The ledger's, of all or by the values of the split."""

    def line(asked: DefectQuery) -> list[tuple[int, float | None]]:
        told = [at for at, move in moves(population, replace(asked, by=None)) if move == "reopened"]
        return [(start, sum(1 for at in told if start <= at < clipped(end, query))) for start, end in grid]

    if query.by is None:
        return [("all", line(query))]
    values = {one for bug in population.members for span in bug.spans for one in span.values(query.by)}
    return [
        (value, line(replace(query, within=(query.by, value))))
        for value in population.ordered(query.by, values, query)
    ]


def ended(query: DefectQuery, population: Population, bug: Member, bucket: Bucket) -> Iterator[Sight]:
    """A bug at its last entry to done or dropped before the end of the window, if it is there at that end."""
    zone = query.tz or zone_of(population, query)
    end = clipped(buckets(query.start, query.until, query.now, query.step, zone)[-1][1], query)
    spans = [span for span in bug.spans if span.start < end]
    if not spans or spans[-1].stage.flag not in ("done", "dropped"):
        return
    flag = spans[-1].stage.flag
    place = len(spans) - 1
    while place and spans[place - 1].stage.flag == flag:
        place -= 1
    if within(query, spans[place].start, bucket):
        yield spans[place], flag, 1


def dropped_share(query: DefectQuery, name: str, sights: Sights) -> Drawn:
    dropped = sum(1 for flag, _ in sights if flag == "dropped")
    return {"": dropped / len(sights) if sights else None}


def took(query: DefectQuery, population: Population, judged: Span, start: int, stop: int) -> int:
    """How long something took, by the calendar of the product that the bug was in."""
    if query.calendar == "elapsed":
        return stop - start
    product = population.company.product_of(judged.fields["workspace"])
    return WorkCalendar().seconds(start, stop, product.zone)


def before_creation(bug: Member, span: Span) -> bool:
    """Whether the bug came to the span before it was created, by the dates of its changes."""
    return bug.early and span is bug.spans[0]


def fixes(query: DefectQuery, population: Population, bug: Member, bucket: Bucket) -> Iterator[Sight]:
    """The first fix of a bug, or each; or that it was done for the first time without one."""
    begun = bug.spans[0].start
    fixed = done = False
    for before, after in neighbours(bug):
        if not after.stage.resolved:
            if before is not None and (before.stage.resolved or not before.stage.open):
                begun = after.start
            if after.stage.flag == "done" and not (fixed or done):
                done = True
                if query.since == "first" and within(query, after.start, bucket):
                    yield after, "negative_n" if before_creation(bug, after) else "skipped_n", 1
            continue
        if before is not None and not before.stage.open:
            # From its end straight to resolved: nothing was done in between.
            begun = after.start
        if before is None or not before.stage.resolved:
            since = begun if query.since == "last" else bug.spans[0].start
            if within(query, after.start, bucket) and (query.since == "last" or not fixed):
                negative = before_creation(bug, after)
                seconds = 1 if negative else took(query, population, after, since, after.start)
                yield after, "negative_n" if negative else "", seconds
            fixed = True


def responses(query: DefectQuery, population: Population, bug: Member, bucket: Bucket) -> Iterator[Sight]:
    """How long a new bug stayed in the first stage."""
    if not created_in(query, bug, bucket):
        return
    first = bug.spans[0]

    def is_first(span: Span) -> bool:
        stages = population.workflows[span.fields["workspace"]].stages
        return bool(stages) and span.stage.name == stages[0].name

    left = next((span for span in bug.spans if not is_first(span)), None)
    if left is first:
        yield first, "negative_n" if bug.early else "skipped_n", 1
    elif left is not None:
        yield first, "", took(query, population, first, first.start, left.start)
    elif bug.ended is None:
        yield first, "pending_n", 1


def verifications(query: DefectQuery, population: Population, bug: Member, bucket: Bucket) -> Iterator[Sight]:
    """How long the last fix waited when a bug was first verified or done after one.

    Of a bug that was verified or done before it was created nobody knows that.
    """
    entry = None
    for before, after in neighbours(bug):
        if after.stage.resolved:
            if before is None or not before.stage.resolved:
                entry = after
        elif after.stage.flag == "done" or after.fields["status"] == "verified":
            negative = before_creation(bug, entry or after)
            if not (entry or negative):
                continue
            if within(query, after.start, bucket):
                seconds = (
                    1 if negative else took(query, population, after, (entry or after).start, after.start)
                )
                yield after, "negative_n" if negative else "", seconds
            return


def percentiles(query: DefectQuery, name: str, sights: Sights) -> Drawn:
    """By nearest rank; those above the median from five values on."""
    values = sorted(seconds for kind, seconds in sights if not kind)
    found: Drawn = {}
    for text in query.q.split(","):
        share = Fraction(text) / 100
        shown = len(values) >= (5 if share > Fraction(1, 2) else 1)
        found[f"p{text}"] = values[ceil(share * len(values)) - 1] if shown else None
    found["n"] = len(values)
    others = {FIX_TIME: ["skipped_n"], RESPONSE_TIME: ["pending_n", "skipped_n"]}.get(query.metric, [])
    for kind in (*(others if query.since == "first" else ()), "negative_n"):
        found[kind] = sum(1 for told, _ in sights if told == kind)
    return found


def found_where(query: DefectQuery, population: Population, bug: Member, bucket: Bucket) -> Iterator[Sight]:
    """A new bug, by where it was found in today's words of the field that its product goes by."""
    if not created_in(query, bug, bucket):
        return
    judged = bug.spans[-1] if query.asof == "now" else bug.spans[0]
    mapping = query.escape.get(judged.fields["product"])
    value = bug.spans[-1].fields[mapping[0]] if mapping else "N/A"
    if mapping is None or value == "N/A":
        yield bug.spans[0], "unknown_n", 1
    else:
        yield bug.spans[0], "production" if value in mapping[1] else "before", 1


def production_share(query: DefectQuery, name: str, sights: Sights) -> Drawn:
    known = [kind for kind, _ in sights if kind != "unknown_n"]
    share = known.count("production") / len(known) if known else None
    return {"": share, "unknown_n": len(sights) - len(known)}


def found_when(query: DefectQuery, population: Population, bug: Member, bucket: Bucket) -> Iterator[Sight]:
    """A bug that is there, by whether it was created after the last day of the iteration called like its
    version."""
    span = bug.before(clipped(bucket[1], query))
    if span is None:
        return
    judged = bug.spans[-1] if query.asof == "now" else span
    ends = [
        date.fromisoformat(row["enddate"])
        for one in population.company.workspaces
        if population.company.product_of(one.id).name == judged.fields["product"]
        for row in one.iterations
        if row["name"] == judged.fields["version"] and row["enddate"]
    ]
    if not ends:
        yield span, "undated_n", 1
        return
    zone = query.tz or zone_of(population, query)
    after = bug.spans[0].start >= midnight(min(ends) + timedelta(days=1), zone)
    yield span, "after" if after else "before", 1


def late_share(query: DefectQuery, name: str, sights: Sights) -> Drawn:
    known = [kind for kind, _ in sights if kind != "undated_n"]
    share = known.count("after") / len(known) if known else None
    return {"": share, "undated_n": len(sights) - len(known)}


METRICS: dict[str, tuple[Observe, Draw]] = {
    REOPEN_RATE: (came_back, ways_back),
    INVALID_RATE: (ended, dropped_share),
    FIX_TIME: (fixes, percentiles),
    RESPONSE_TIME: (responses, percentiles),
    VERIFY_TIME: (verifications, percentiles),
    ESCAPE_RATE: (found_where, production_share),
    ESCAPE_VERSION: (found_when, late_share),
}


def event_answer(company: Company, query: DefectQuery) -> Series:
    """The series of a question about what happened to bugs."""

    def compute(population: Population, grid: list[Bucket]) -> Series:
        if query.metric == REOPEN_COUNT:
            return reopenings(query, population, grid)
        return plain(query, population, grid, *METRICS[query.metric])

    return answered(company, query, compute, last_only=query.metric == ESCAPE_VERSION)
