"""What must be answered: series as (endpoint, [(timestamp, value or None)]) for a company and a query.

Decisions where the definitions leave a choice stand at the place they are taken.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from .activity import event_answer
from .days import Bucket, buckets, last_bucket
from .flow import arrival_stages, arrivals, bands, existing_bugs, open_bugs
from .ledger import MOVES, moves
from .population import Population
from .questions import BACKLOG, CHANGES, EVENTS, FLOW, STORY_FLOW, VERSION_BUGS, Query
from .stages import stacked
from .wire import Company

Points = list[tuple[int, int | None]]
Answer = list[tuple[str, Points]]
Counts = dict[str, list[int]]


def answer(company: Company, query: Query, known: Mapping[str, int | None] | None = None) -> Answer:
    """The series of a query.

    `known` tells per workspace id or project path up to when its records were looked at (None: never, as for
    a missing one). Without it everything is known up to the query's now.
    """
    if query.metric == EVENTS:
        return event_answer(company, query, known)
    population = Population(company, "stories" if query.metric == STORY_FLOW else "bugs")
    zone = query.tz or zone_of(population, query)
    if query.metric == VERSION_BUGS:
        grid = [last_bucket(query.until, query.now, query.step, zone)]
    else:
        grid = buckets(query.start, query.until, query.now, query.step, zone)
    if not grid:
        return []
    counter = COUNTERS[query.metric]
    by = "version" if query.metric == VERSION_BUGS else query.by
    if by is None:
        counts = counter(population, query, query, grid)
    else:
        counts = split(population, query, by, counter, grid)
    shown = drawn(population, query, grid, known)
    starts = [start for start, _ in grid]
    return [
        (endpoint, [(at, n if at in shown else None) for at, n in zip(starts, values, strict=True)])
        for endpoint, values in counts.items()
    ]


def zone_of(population: Population, query: Query) -> str:
    """The zone of the products asked for; where they differ, the configured default."""
    company = population.company
    zones = {company.product_of(scope).zone for scope in population.asked_workspaces(query)}
    return zones.pop() if len(zones) == 1 else company.config.zone


def drawn(
    population: Population, query: Query, grid: list[Bucket], known: Mapping[str, int | None] | None
) -> set[int]:
    """The starts of the buckets with values: neither before the first record nor after what is known.

    Decisions: the first record is the earliest instant any item was in one of the workspaces asked for,
    whatever the filters and the level; its bucket has a value; so has the bucket in which what is known
    ends. No workspace: nothing is known.
    """
    scopes = population.asked_workspaces(query)
    firsts = [s.start for one in population.members for s in one.spans if s.fields["workspace"] in scopes]
    until = known_until(scopes, query, known)
    if not firsts or until is None:
        return set()
    return {start for start, end in grid if end > min(firsts) and start <= until}


def known_until(scopes: list[str], query: Query, known: Mapping[str, int | None] | None) -> int | None:
    """The oldest instant up to which one of the scopes is known; None where one never was looked at."""
    if known is None:
        return query.now if scopes else None
    instants = [known.get(scope) for scope in scopes]
    found = [instant for instant in instants if instant is not None]
    return min(found) if found and len(found) == len(instants) else None


def split(population: Population, query: Query, by: str, counter: "Counter", grid: list[Bucket]) -> Counts:
    """A metric by the values of a field: each value's numbers are those of the items that have it among
    those the query selects.

    Decision: values with nothing to count in the window are not listed.
    """
    found: Counts = {}
    values = {one for member in population.members for s in member.spans for one in s.values(by)}
    for value in population.ordered(by, values, query):
        counts = counter(population, replace(query, within=(by, value)), query, grid)
        if any(any(series) for series in counts.values()):
            for name, series in counts.items():
                found[value if name == "all" else f"{value}/{name}"] = series
    return found


def flow_counts(population: Population, query: Query, asked: Query, grid: list[Bucket]) -> Counts:
    """Bands or arrivals; the stages are those of the query as asked, not of one value of its split."""
    stages = population.stages(asked)
    shown = [s.name for s in (stacked(stages) if query.order == "stacked" else stages)]
    if query.mode == "arrivals":
        stages = arrival_stages(stages)
        rows = [arrivals(population, query, stages, clipped(end, query)) for _, end in grid]
    else:
        since = grid[0][0]
        rows = [bands(population, query, stages, clipped(end, query), since) for _, end in grid]
    lines = {stage.name: [row[n] for row in rows] for n, stage in enumerate(stages)}
    return {name: lines[name] for name in shown if name in lines}


def change_counts(population: Population, query: Query, asked: Query, grid: list[Bucket]) -> Counts:
    found = moves(population, query)
    return {
        name: [
            sum(1 for at, move in found if move == name and start <= at < clipped(end, query))
            for start, end in grid
        ]
        for name in MOVES
    }


def backlog_counts(population: Population, query: Query, asked: Query, grid: list[Bucket]) -> Counts:
    return {"all": [open_bugs(population, query, clipped(end, query)) for _, end in grid]}


def version_counts(population: Population, query: Query, asked: Query, grid: list[Bucket]) -> Counts:
    return {"all": [existing_bugs(population, query, clipped(end, query)) for _, end in grid]}


def clipped(end: int, query: Query) -> int:
    """The end of a bucket, or of what happened so far in the current one: now's second is within it."""
    return min(end, query.now + 1)


Counter = Callable[[Population, Query, Query, list[Bucket]], Counts]
COUNTERS: dict[str, Counter] = {
    FLOW: flow_counts,
    STORY_FLOW: flow_counts,
    CHANGES: change_counts,
    BACKLOG: backlog_counts,
    VERSION_BUGS: version_counts,
}
