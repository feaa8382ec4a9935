"""Annotations: what happened beside the numbers, for Grafana to draw into them.

Iterations and releases begin and end, tags are pushed, collecting stopped for a while, stages are counted
otherwise than before. Each kind is a function of the world; its first tag names it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from metrics_api.core.days import naive_epoch, naive_text
from metrics_api.core.schema import FEEDS
from metrics_api.core.security import Principal
from metrics_api.series import Annotation
from metrics_api.world import World

# What GitLab calls the push of a ref that was not there before.
PUSHED_NEW = "pushed new"


@dataclass(frozen=True)
class Happening:
    """Something to draw: when (epoch seconds), what, details, the product it is about, and its tags."""

    when: int
    what: str
    data: str
    product: str
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Span:
    """What is asked for: from `start` to `until`, both included, and what time it is (epoch seconds)."""

    start: int
    until: int
    now: int


Kind = Callable[[World, Span], Iterable[Happening]]
KINDS: dict[str, Kind] = {}


def kind(name: str) -> Callable[[Kind], Kind]:
    """Register the function of the kind that has that tag; refuses a second one.

    What a function gives outside the span is left out.
    """

    def register(function: Kind) -> Kind:
        if name in KINDS:
            raise ValueError(f"annotations {name!r} are registered twice")
        KINDS[name] = function
        return function

    return register


def happened(world: World, span: Span, tags: Sequence[str], principal: Principal) -> list[Annotation]:
    """What happened in a span, in time's order; with tags, only what carries all of them.

    Tags are the kind, what it was (start, end, …) and the product; a product's name of several words may come
    as several tags.
    """
    wanted = set(_joined(tags, world.context.products))
    asked = [name for name in KINDS if name in wanted] or list(KINDS)
    found = [
        one
        for name in asked
        for one in KINDS[name](world, span)
        if span.start <= one.when <= span.until
        and principal.may_read(one.product)
        and wanted <= {*one.tags, one.product}
    ]
    found.sort(key=lambda one: (one.when, one.what, one.data))
    return [
        Annotation(number, one.when, one.what, one.data, tuple(filter(None, (*one.tags, one.product))))
        for number, one in enumerate(found, start=1)
    ]


def _joined(words: Sequence[str], names: Collection[str]) -> Iterator[str]:
    """The tags among words: those that together are a name count as one, the longest that fits."""
    known = {tuple(name.replace(",", " ").split()): name for name in names}
    longest = max(map(len, known), default=1)
    at = 0
    while at < len(words):
        for size in range(min(longest, len(words) - at), 0, -1):
            name = known.get(tuple(words[at : at + size]))
            if name is not None or size == 1:
                yield words[at] if name is None else name
                at += size
                break


@kind("iteration")
def iterations(world: World, span: Span) -> Iterator[Happening]:
    """Planned starts and ends of iterations."""
    for one in world.context.iterations:
        if not one.removed:
            yield from _plan(world, "iteration", one.workspace, one.name, one.start, one.end)


@kind("release")
def releases(world: World, span: Span) -> Iterator[Happening]:
    """Planned starts and ends of TAPD's releases."""
    for one in world.context.releases:
        yield from _plan(world, "release", one.workspace, one.name, one.start, one.end)


def _plan(
    world: World, tag: str, workspace: str, name: str, start: str | None, end: str | None
) -> Iterator[Happening]:
    place = world.context.workspaces.get(workspace)
    if place is None:
        # A webhook of the company tells of workspaces nobody collects, too.
        return
    planned = " ".join(f"{word} {day}" for word, day in (("from", start), ("to", end)) if day)
    for what, day in (("start", start), ("end", end)):
        when = naive_epoch(day, place.zone)
        if when is not None:
            yield Happening(
                when, f"{name} {what}s", f"{place.product}: {planned}", place.product, (tag, what)
            )


@kind("tag")
def pushed_tags(world: World, span: Span) -> Iterator[Happening]:
    """Git tags that were pushed; a push names a ref that is no branch."""
    frame = world.events
    if frame is None:
        return
    actions, refs = frame.dictionaries["action"].values, frame.dictionaries["ref"].values
    new = np.array([action == PUSHED_NEW for action in actions], dtype=np.bool_)
    rows = np.flatnonzero((frame.at >= span.start) & (frame.at <= span.until) & frame.live)
    codes = {name: frame.codes[name][rows] for name in ("action", "ref", "branch")}
    rows = rows[new[codes["action"]] & (codes["ref"] > 0) & (codes["branch"] == 0)]
    keys = frame.dictionaries["project"].values
    for row in rows.tolist():
        project = world.context.projects.get(keys[frame.codes["project"][row]])
        if project:
            yield Happening(
                int(frame.at[row]),
                refs[frame.codes["ref"][row]],
                project.path,
                project.product,
                ("tag", project.path),
            )


@kind("gap")
def gaps(world: World, span: Span) -> Iterator[Happening]:
    """When a product was not looked at for much longer than planned; stretches that overlap count as one."""
    stretches: dict[str, list[tuple[int, int | None]]] = defaultdict(list)
    zones: dict[str, str] = {}
    for collector, scope, start, end in _missed(world, span.now):
        workspace, project = world.context.workspaces.get(scope), world.context.projects.get(scope)
        place = workspace if collector.startswith("tapd.") else project
        if place:
            stretches[place.product].append((start, end))
            zones[place.product] = place.zone
    for product, found in stretches.items():
        for start, end in _united(found):
            begun = naive_text(start, zones[product])
            ended = "until now" if end is None else f"to {naive_text(end, zones[product])}"
            told = f"{product}: not collected from {begun} {ended}"
            yield Happening(start, "collecting stops", told, product, ("gap", "start"))
            if end is not None:
                yield Happening(end, "collecting goes on", told, product, ("gap", "end"))


def _missed(world: World, now: int) -> Iterator[tuple[str, str, int, int | None]]:
    """(collector, scope, start, end) of each stretch; the end is None while it lasts."""
    for gap in world.gaps:
        yield gap["collector"], f"{gap['instance']}:{gap['scope']}", gap["start"], gap["end"]
    for topic, feeds in FEEDS.items():
        for (collector, scope), seen in world.known.items():
            instance = scope.split(":", 1)[0]
            patience = world.patience.get(f"{collector.split('.')[0]}:{instance}")
            if collector in feeds and patience and now - seen > patience and world.is_present(topic, scope):
                yield collector, scope, seen, None


def _united(stretches: Iterable[tuple[int, int | None]]) -> list[tuple[int, int | None]]:
    """Overlapping stretches as one each, in time's order; an end of None is later than any."""
    united: list[tuple[int, int | None]] = []
    for start, end in sorted(stretches, key=lambda one: one[0]):
        if united and (united[-1][1] is None or start <= united[-1][1]):
            last = united[-1][1]
            united[-1] = (united[-1][0], None if end is None or last is None else max(end, last))
        else:
            united.append((start, end))
    return united


@kind("stages")
def stage_maps(world: World, span: Span) -> Iterator[Happening]:
    """When a workspace's statuses were mapped to other stages; all of history is counted by today's map."""
    for document in world.stage_maps:
        key, topic = document["_id"].rsplit(":", 1)
        workspace = world.context.workspaces.get(key)
        if workspace:
            for version in document["versions"][1:]:
                shown = ", ".join(
                    f"{stage['name']} ({' '.join(stage['statuses'])})" for stage in version["stages"]
                )
                told = f"{workspace.product}: {shown}"
                yield Happening(
                    version["at"], f"stages of {topic} changed", told, workspace.product, ("stages", topic)
                )
