"""What is odd about the histories of items: counted by workspace, with the first examples and what to do.

The numbers do without: what was repaired or left out on the way to them is listed here, never silently.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import Any, Final

from collectors.console import plain, table
from collectors.items.iterations import CHANGES, ITERATIONS, read_names
from collectors.quality_kinds import MEANINGS, names_of
from collectors.time_in_status import differing
from metrics_api.core.days import BEIJING, naive_text
from metrics_api.core.store import WINDOW, Document, Store

TOPICS: Final = ("bugs", "stories", "tasks")
ENTITIES: Final = {"bugs": "bug", "stories": "story"}
LIFE_TIMES: Final = "raw_tapd_life_time"
# Tasks have no workflow that could be asked for.
TASK_STATUSES: Final = frozenset({"open", "progressing", "done"})
EXAMPLES: Final = 3
TITLE: Final = 40


@dataclass
class Oddity:
    """One kind of finding in a workspace's bugs, stories, tasks or iterations.

    `about` is the field or the status concerned, "" for none; `examples` are the first ids with their titles.
    """

    instance: str
    workspace: str
    topic: str
    kind: str
    about: str
    count: int = 0
    examples: list[tuple[str, str]] = field(default_factory=list)

    def add(self, id: str, title: str) -> None:
        """Count one more; the examples are those with the smallest ids."""
        self.count += 1
        self.examples = sorted([*self.examples, (id, title)], key=lambda one: (len(one[0]), one))[:EXAMPLES]


@dataclass
class Quality:
    """All oddities, and the names of the workspaces by `<instance>:<id>`."""

    oddities: list[Oddity]
    workspaces: Mapping[str, str]


async def quality(store: Store, zones: Mapping[str, str]) -> Quality:
    """Look through all items' facts, the workflows, the iterations and what could not be reconciled.

    `zones` gives the zone of each TAPD instance where it is not Beijing's.
    """
    found: dict[tuple[str, ...], Oddity] = {}

    def note(key: tuple[str, str, str, str, str], id: str, title: str) -> None:
        found.setdefault(key, Oddity(*key)).add(id, title)

    known: dict[tuple[str, str, str], set[str]] = {}
    async for workflow in _facts(store, "workflows"):
        place = (workflow["instance"], workflow["workspace"])
        known[(*place, workflow["entity"])] = {code for code, _ in workflow["statuses"]}
        for code, labels in _ambiguous(workflow).items():
            note((*place, "stories", "ambiguous_status", code), code, " / ".join(labels))
    for topic in TOPICS:
        async for facts in _windows(store, topic):
            theirs = await _life_times(store, ENTITIES.get(topic, ""), facts)
            for fact in facts:
                for workspace, kind, about in _odd(fact, topic, known):
                    note((fact["instance"], workspace, topic, kind, about), fact["id"], fact["title"])
                place = (fact["instance"], fact["segments"]["workspace"][-1])
                rows = theirs.get((*place, fact["id"]), ())
                for status in differing(fact["segments"], rows, zones.get(place[0], BEIJING)):
                    note((*place, topic, "life_time_differs", status), fact["id"], fact["title"])
    for instance, scope, id, told in await _renames(store, zones):
        note((instance, scope, "iterations", "renamed_iteration", ""), id, told)
    for one in await store.all("reconciliations"):
        if one["error"] or one["missing"] + one["extra"] > one["repaired"]:
            key = (one["instance"], one["workspace"], one["entity"], "not_reconciled", one["month"])
            for id in one["ids"] or [""]:
                note(key, id, one["error"] or "")
            found[key].count = max(one["missing"] + one["extra"] - one["repaired"], 0)
    names = {f"{one['instance']}:{one['id']}": one["name"] async for one in _facts(store, "workspaces")}
    order = list(MEANINGS)
    oddities = sorted(
        found.values(),
        key=lambda one: (order.index(one.kind), one.instance, one.workspace, one.topic, one.about),
    )
    return Quality(oddities, names)


def lines(quality: Quality) -> Iterator[str]:
    """Each kind of finding with what it means and what to do, below it where it was found."""
    if not quality.oddities:
        yield "nothing odd: every history is whole"
    head = ("workspace", "of", "field", "count", "first")
    for kind, group in groupby(quality.oddities, key=lambda one: one.kind):
        meaning = MEANINGS[kind]
        yield f"{names_of(kind)}: {meaning.says}"
        yield f"  -> {meaning.todo}"
        rows = [
            (
                _place(one, quality.workspaces),
                one.topic,
                plain(one.about) or "-",
                str(one.count),
                "; ".join(_example(*example) for example in one.examples),
            )
            for one in group
        ]
        yield from (f"  {line}" for line in table(head, rows))


def _place(one: Oddity, workspaces: Mapping[str, str]) -> str:
    name = workspaces.get(f"{one.instance}:{one.workspace}", "")
    return plain(f"{one.instance}:{one.workspace} {name}".strip())


def _example(id: str, title: str) -> str:
    short = title if len(title) <= TITLE else f"{title[: TITLE - 1]}…"
    return plain(f"{id} {short}".strip())


def _odd(
    fact: Document, topic: str, known: Mapping[tuple[str, str, str], set[str]]
) -> Iterator[tuple[str, str, str]]:
    """What is odd about an item: the workspace, the kind, and the field or status."""
    segments = fact["segments"]
    last = segments["workspace"][-1]
    for finding in fact["findings"]:
        kind, _, about = finding.partition(":")
        yield last, kind, about
    if len(set(segments["workspace"])) > 1:
        yield last, "moved", ""
    if fact["removed_why"] in ("moved", "merged", "vanished"):
        yield last, "moved_away" if fact["removed_why"] == "moved" else fact["removed_why"], ""
    held = set(zip(segments["workspace"], segments["status"], strict=True))
    for workspace, status in sorted(held):
        entity = ENTITIES.get(topic, "")
        codes = known.get((fact["instance"], workspace, entity)) if entity else TASK_STATUSES
        if status and codes is not None and status not in codes:
            yield workspace, "unmapped_status", status


def _ambiguous(workflow: Document) -> dict[str, Sequence[str]]:
    """The labels of each code that means different things in the types of a workspace's stories."""
    labels: dict[str, dict[str, None]] = defaultdict(dict)
    for one in workflow["types"]:
        for code, label in one["statuses"]:
            labels[code][label] = None
    return {code: list(found) for code, found in labels.items() if len(found) > 1}


async def _renames(store: Store, zones: Mapping[str, str]) -> list[tuple[str, str, str, str]]:
    """Instance, workspace, id and all names of each iteration that was renamed, with the days it was."""
    changes: dict[tuple[str, str], list[Document]] = defaultdict(list)
    for record in await store.all(CHANGES, {"data.field": "name"}):
        changes[record["instance"], record["scope"]].append(record)
    found = []
    for row in await store.all(ITERATIONS):
        instance, scope, key = row["instance"], row["scope"], row["key"]
        zone = zones.get(instance, BEIJING)
        mine = [one for one in changes[instance, scope] if one["key"] == key]
        told = [(step.old, step.new, step.at) for step in read_names(mine, zone).get(key, ()) if step.old]
        if not told:
            # Where the changes are not known, so is only when a name was first seen.
            seen = row.get("names", [])
            told = [
                (one["name"], after["name"], int(after["at"].timestamp())) for one, after in pairwise(seen)
            ]
        if told:
            steps = ", ".join(f"{old} -> {new} on {naive_text(at, zone)[:10]}" for old, new, at in told)
            found.append((instance, scope, key, steps))
    return found


async def _life_times(
    store: Store, entity: str, facts: Sequence[Document]
) -> Mapping[tuple[str, str, str], list[Document]]:
    """TAPD's own times in a status, by instance, workspace and item; none where they are not collected."""
    found: dict[tuple[str, str, str], list[Document]] = defaultdict(list)
    if entity and await store.one("counters", f"n:{LIFE_TIMES}"):
        keys = [f"{entity}:{fact['id']}" for fact in facts]
        for one in await store.matching(LIFE_TIMES, "key", keys):
            if "removed_at" not in one:
                name = one["key"].partition(":")[2]
                found[one["instance"], one["scope"], name].append(one["data"])
    return found


async def _facts(store: Store, topic: str) -> AsyncIterator[Document]:
    """The facts of a topic."""
    async for facts in _windows(store, topic):
        for fact in facts:
            yield fact


async def _windows(store: Store, topic: str) -> AsyncIterator[list[Document]]:
    """The facts of a topic that stand, a window at a time."""
    counter = await store.one("counters", f"topic:{topic}")
    if counter is None:
        return
    fields: dict[str, Any] | None = None
    if topic in TOPICS:
        names = ("seq", "tombstone", "instance", "id", "title", "removed_why", "findings")
        fields = dict.fromkeys((*names, *(f"segments.{one}" for one in ("start", "workspace", "status"))), 1)
    for after in range(0, int(counter["seq"]), WINDOW):
        upto = min(after + WINDOW, int(counter["seq"]))
        found = await store.window(counter["collection"], "seq", after, upto, None, fields)
        yield [fact for fact in found if not fact["tombstone"]]
