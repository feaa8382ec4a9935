"""Defects by the stories they are linked to, counted one by one."""

from dataclasses import dataclass, replace

from .answers import clipped, drawn, zone_of
from .days import Bucket, last_bucket
from .defects import Series
from .population import Member, Population, Selection, Span
from .questions import Query
from .wire import Company

DENSITY = "tapd.bugs.density"
# What a story's field is called of bugs that are linked to none; a story's version is its iteration.
OF_BUGS = {"product": "product", "workspace": "workspace", "iteration": "iteration", "version": "iteration"}


@dataclass(frozen=True)
class Linked:
    """A company, which stories its bugs are linked to, and how large stories are; all by their first ids."""

    company: Company
    links: dict[str, frozenset[str]]
    sizes: dict[str, float]


def density_answer(linked: Linked, query: Query) -> Series:
    """One point: bugs for each story, for each unit of their size, and those that are linked to none."""
    stories, bugs = Population(linked.company, "stories"), Population(linked.company)
    unknown = any(
        stories.filter_values(query, name) == frozenset() and "N/A" not in asked
        for name, asked in query.filters.items()
    )
    bucket = last_bucket(query.until, query.now, query.step, query.tz or zone_of(stories, query))
    if unknown or not drawn(stories, query, [bucket], None):
        return []
    selection = Selection(stories, replace(query, by=None))
    groups: dict[str, list[str]] = {} if query.by else {"": []}
    for story, span in there(stories, query, bucket):
        if selection.has(story, span):
            for name in values(query, query.by, story, span):
                groups.setdefault(name, []).append(story.id)
    alone = unlinked(linked, stories, bugs, query, bucket)
    present = {bug.id for bug, span in there(bugs, query, bucket) if not gone(query, bug)}
    split = query.by is None or query.by in OF_BUGS
    names = set(groups) | (set(alone) if split else set())
    found: Series = []

    def add(name: str, kind: str, value: float | None) -> None:
        found.append((f"{name}/{kind}" if name else kind, [(bucket[0], value)]))

    for name in stories.ordered(query.by, names, query) if query.by else [""]:
        members = groups.get(name, [])
        sized = [one for one in members if linked.sizes.get(one)]
        total = sum(linked.sizes[one] for one in sized)
        add(name, "density", bugs_of(linked, members, present) / len(members) if members else None)
        add(name, "per_size", bugs_of(linked, sized, present) / total if sized else None)
        if split:
            add(name, "unlinked_n", alone.get(name, 0))
    if not split:
        add("", "unlinked_n", alone.get("", 0))
    return found


def there(population: Population, query: Query, bucket: Bucket) -> list[tuple[Member, Span]]:
    """The items that exist at the end of a bucket."""
    spans = [(one, one.before(clipped(bucket[1], query))) for one in population.members]
    return [(one, span) for one, span in spans if span is not None]


def gone(query: Query, one: Member) -> bool:
    return query.deleted == "exclude" and one.why is not None


def values(query: Query, by: str | None, one: Member, span: Span) -> list[str]:
    return sorted((one.spans[-1] if query.asof == "now" else span).values(by)) if by else [""]


def bugs_of(linked: Linked, stories: list[str], present: set[str]) -> int:
    return sum(1 for bug in present if linked.links.get(bug, frozenset()) & set(stories))


def unlinked(
    linked: Linked, stories: Population, bugs: Population, query: Query, bucket: Bucket
) -> dict[str, int]:
    """The bugs that are linked to no story, by what the split is called of bugs."""
    found: dict[str, int] = {}
    for bug, span in there(bugs, query, bucket):
        if gone(query, bug) or linked.links.get(bug.id):
            continue
        judged = bug.spans[-1] if query.asof == "now" else span
        asked = [
            (OF_BUGS[name], meant | typed)
            for name, typed in query.filters.items()
            if name in OF_BUGS and (meant := stories.filter_values(query, name)) is not None
        ]
        if all(judged.fields[name] in wanted for name, wanted in asked):
            for value in values(query, OF_BUGS.get(query.by or ""), bug, span):
                found[value] = found.get(value, 0) + 1
    return found
