"""What a forecast goes by, item after item and day after day, and the exact chances of when work is done."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from .answers import clipped, zone_of
from .days import day_of, last_bucket, midnight
from .population import Member, Population, Selection
from .questions import Query
from .wire import Company

FORECAST = {"stories": "tapd.stories.flow.forecast", "bugs": "tapd.bugs.flow.forecast"}
DAYS_BACK = 56


@dataclass(frozen=True)
class Grounds:
    """The day the window ends on, the items open at its end, and the completions of each day before."""

    day: date
    zone: str
    remaining: int
    daily: list[int]


def grounds(company: Company, query: Query) -> Grounds:
    """What a forecast for the query goes by."""
    population = Population(company, "stories" if query.metric == FORECAST["stories"] else "bugs")
    selection = Selection(population, query)
    zone = query.tz or zone_of(population, query)
    start, after = last_bucket(query.until, query.now, "1d", zone)
    end = clipped(after, query)
    standing = [(member, member.before(end)) for member in population.members]
    remaining = sum(
        1 for member, span in standing if span and span.stage.open and selection.has(member, span)
    )
    scopes = population.asked_workspaces(query)
    record = min(
        (s.start for m in population.members for s in m.spans if s.fields["workspace"] in scopes),
        default=query.now,
    )
    day = day_of(start, zone)
    # Today is not over: it tells nothing of what a day brings.
    last = day if after <= query.now else day - timedelta(days=1)
    back = [last - timedelta(days=n) for n in reversed(range(DAYS_BACK))]
    # The pace is that of the team, whatever iteration or version the work was planned for.
    free = {name: values for name, values in query.filters.items() if name not in ("iteration", "version")}
    team = Selection(population, replace(query, filters=free))
    instants = [at for member in population.members for at in completion(member, team, end)]
    daily = [
        sum(1 for at in instants if midnight(one, zone) <= at < midnight(one + timedelta(days=1), zone))
        for one in back
        if one >= day_of(record, zone)
    ]
    return Grounds(day, zone, remaining, daily)


def completion(member: Member, selection: Selection, end: int) -> list[int]:
    """When an item was last done before `end`, if it was selected then and stayed done; or none."""
    lived = [span for span in member.spans if span.start < end]
    if not lived or lived[-1].stage.flag != "done":
        return []
    entry = lived[-1]
    for span in reversed(lived):
        if span.stage.flag != "done":
            break
        entry = span
    at = entry.start
    if entry is lived[0] and member.completed is not None:
        # Its history does not tell: it was done when its row says so.
        at = member.completed
        entry = [span for span in lived if span.start <= at][-1]
    return [at] if at < end and selection.has(member, entry) else []


def chances(daily: Sequence[int], work: int, most: float) -> list[float]:
    """The chance that work is done after 0, 1, 2… days, up to `most`; a day is one of `daily` at random."""
    brings = {amount: list(daily).count(amount) / len(daily) for amount in set(daily)}
    left = {work: 1.0} if work else {}
    found = [0.0 if work else 1.0]
    while found[-1] < most:
        after: dict[int, float] = {}
        for amount, chance in left.items():
            for brought, share in brings.items():
                rest = max(amount - brought, 0)
                after[rest] = after.get(rest, 0.0) + chance * share
        left = {amount: chance for amount, chance in after.items() if amount}
        found.append(found[-1] + after.get(0, 0.0))
    return found
