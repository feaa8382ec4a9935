"""The evaluator: from a target's text to series; the one way both wires and the exports take.

Windows and nulls follow docs/definitions.md: buckets from the one containing `from` to the one containing
min(`until`, now); nothing is a number before a scope's first record or after `known_until`.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Collection, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from metrics_api import find, target
from metrics_api.annotations import Span, happened
from metrics_api.cache import Cache
from metrics_api.catalog import Metric, load_catalog
from metrics_api.core.days import EPOCH, Buckets, buckets, day_start
from metrics_api.core.errors import BadRequest
from metrics_api.core.schema import FEEDS
from metrics_api.core.security import Principal
from metrics_api.custom_fields import custom_field, named
from metrics_api.query import EMPTY, Filter, Query, Row
from metrics_api.reader import Reader
from metrics_api.series import Annotation, Node, Series
from metrics_api.topics import ITEM_TOPICS
from metrics_api.world import World

log = logging.getLogger(__name__)

# How many points the cached answers may hold together: some 100 MB.
CACHED_POINTS = 2_000_000
# How many points one target may answer.
MAX_POINTS = 500_000


@dataclass(frozen=True)
class Rendered:
    """The answer to a render: the series of each target, and why targets were skipped."""

    series: list[list[Series]]
    skipped: list[str]


@dataclass(frozen=True)
class Asked:
    """A checked target: the metric, what its items are, its query over the window, the filters as written."""

    metric: Metric
    topic: str
    query: Query
    written: dict[str, str]

    @property
    def key(self) -> Hashable:
        """What makes two questions the same."""
        options = tuple(sorted(self.query.options.items()))
        return self.metric.name, self.query.filters, options, self.query.buckets, self.query.products


@dataclass(frozen=True)
class FrameState:
    """How many items a topic's frame holds, and when it was last seen to be current (epoch seconds)."""

    topic: str
    rows: int
    refreshed_at: float | None


class Evaluator:
    """Answers render, find and annotations from the reader's world; metrics run in two threads."""

    def __init__(self, reader: Reader, clock: Callable[[], float] = time.time) -> None:
        self.reader = reader
        self.clock = clock
        self.catalog = load_catalog()
        self.cache: Cache[list[Series]] = Cache(CACHED_POINTS, _points)
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="metrics")

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def render(self, targets: Sequence[str], start: int, until: int, principal: Principal) -> Rendered:
        """The series of each target in a window of epoch seconds; a target nobody can answer is skipped."""
        world = self.reader.world
        answers: list[list[Series]] = []
        skipped: list[str] = []
        points = 0
        for text in targets:
            try:
                if points > 4 * MAX_POINTS:
                    raise BadRequest(f"the targets before this one have more than {4 * MAX_POINTS} points")
                asked = self.asked(world, text, start, until, principal)
                answers.append(await self._answer(world, asked))
                points += _points(answers[-1])
            except BadRequest as error:
                log.info("target skipped", extra={"reason": str(error)})
                skipped.append(str(error))
                answers.append([])
        return Rendered(answers, skipped)

    def frame_states(self) -> list[FrameState]:
        """What stands in memory, by topic."""
        world, at = self.reader.world, self.reader.refreshed_at
        return [
            FrameState(topic, frame.items if frame else 0, at)
            for topic in FEEDS
            for frame in [world.frame(topic)]
        ]

    async def find(self, query: str, principal: Principal) -> list[Node]:
        """The names or values behind a find query; `[]` for what nobody knows."""
        world, loop = self.reader.world, asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, find.answers, world, self.catalog, query, principal)

    async def annotations(
        self, start: int, until: int, tags: Sequence[str], principal: Principal
    ) -> list[Annotation]:
        """What happened in a window (epoch seconds), by tag: iterations, releases, Git tags, gaps, stages."""
        world, loop = self.reader.world, asyncio.get_running_loop()
        span = Span(start, until, int(self.clock()))
        return await loop.run_in_executor(self._threads, happened, world, span, tags, principal)

    def asked(self, world: World, text: str, start: int, until: int, principal: Principal) -> Asked:
        """The checked question in a target; raises BadRequest with what would be right."""
        products = principal.products

        def further(topic: str, key: str) -> str | None:
            return named(world.item_topic(topic, products), key) if topic in ITEM_TOPICS else None

        def known(name: str, key: str) -> Collection[str]:
            found = self.catalog.metrics.get(name)
            values: list[frozenset[str]] = []
            for topic in found.topics.values() if found else ():
                items = world.item_topic(topic, products) if topic in ITEM_TOPICS else None
                field = custom_field(items, key) if items else None
                values.append(world.values(topic, products).get(field or key, frozenset()))
            return frozenset().union(*values)

        metric, pairs, options = self.catalog.checked(target.parse(text, known), further)
        for pair in pairs:
            if pair.negated and not pair.values and pair.regex is None:
                raise BadRequest(f"{pair.key}!=* selects nothing: leave it out, or name values")
        filters = tuple(
            Filter(pair.key, frozenset(pair.values), pair.regex, pair.negated)
            for pair in pairs
            if pair.values or pair.regex is not None or pair.negated
        )
        now = int(self.clock())
        query = Query(Buckets("UTC", "1d", 0, (), (), (), ()), filters, options, principal.products)
        zone_name = options.get("tz") or world.zone(metric.topic(options), query)
        until = min(until, now)
        low = day_start(EPOCH, zone_name)
        start, until = max(start, low), max(until, low - 1)
        if metric.last_only:
            start = until
        query = replace(query, buckets=buckets(start, until, options.get("step", "1d"), zone_name))
        return Asked(metric, metric.topic(options), query, _written(pairs))

    async def _answer(self, world: World, asked: Asked) -> list[Series]:
        now = int(self.clock())
        metric, query = asked.metric, asked.query
        topics = (asked.topic, *metric.reads)
        known = [world.known_until(topic, world.scopes(topic, query)) for topic in topics]
        known_until = None if None in known else min(one for one in known if one is not None)
        usable = _usable(query.buckets, world.first_record(asked.topic, query), known_until, now)
        partial = bool(query.buckets.ends) and query.buckets.ends[-1] > now
        asked = replace(asked, query=replace(query, now=now, frames=world.items))
        minute = now // 60 if metric.timely and partial else 0
        versions = tuple(world.versions.get(topic) for topic in topics)
        key = (versions, minute, asked.key, usable, partial, tuple(asked.written.items()))
        return await self.cache.get(key, lambda: self._computed(world, asked, usable, partial))

    async def _computed(
        self, world: World, asked: Asked, usable: tuple[int, int], partial: bool
    ) -> list[Series]:
        def compute() -> list[Series]:
            frame = world.frame(asked.topic)
            buckets = asked.query.buckets
            lacking = any(world.frame(topic) is None for topic in asked.metric.reads)
            if frame is None or lacking or not len(buckets) or _unknown(world, asked):
                return [_series(asked, Row((), np.empty(0)), (0, 0), False, ())]
            # Only what can be a number is computed; without anything, one bucket tells the names.
            low, high = usable if usable[0] < usable[1] else (0, 1)
            query = replace(asked.query, buckets=buckets.part(low, high), window=buckets)
            rows = asked.metric.function(frame, query)
            if len(rows) * len(buckets) > MAX_POINTS:
                raise BadRequest(
                    f"{asked.metric.name}: {len(rows)} series of {len(buckets)} points are more than "
                    f"{MAX_POINTS}: ask for a shorter window, a longer step, or fewer values"
                )
            found = [_series(asked, row, usable, partial, buckets.starts) for row in rows]
            return found or [_series(asked, Row((), np.empty(0)), (0, 0), False, ())]

        return await asyncio.get_running_loop().run_in_executor(self._threads, compute)


def _written(pairs: Sequence[target.Pair]) -> dict[str, str]:
    """The filters as tags: `A`, `{A,B}`; `~` before a regular expression, `!` before what is excluded."""
    found: dict[str, str] = {}
    for pair in pairs:
        text = ("!" if pair.negated else "") + ("~" if pair.regex is not None else "") + pair.asked
        if text != "*":
            found[pair.key] = f"{found[pair.key]} {text}" if pair.key in found else text
    return found


def _points(answer: Sequence[Series]) -> int:
    return sum(len(series.timestamps) + 1 for series in answer)


def _unknown(world: World, asked: Asked) -> bool:
    """True when a filter asks only for values nobody has seen: it selects nothing, which is not zero."""
    known = world.values(asked.topic, asked.query.products)
    return any(
        one.regex is None
        and not one.negated
        and not (one.values & known.get(one.key, frozenset()))
        and EMPTY not in one.values
        for one in asked.query.filters
    )


def _usable(window: Buckets, first: int | None, known_until: int | None, now: int) -> tuple[int, int]:
    """The places [low, high) of the buckets with numbers: from the first record to what was looked at."""
    if first is None or known_until is None:
        return 0, 0
    low = sum(1 for end in window.ends if end <= first)
    high = sum(1 for start in window.starts if start <= min(known_until, now))
    return low, max(low, high)


def _series(asked: Asked, row: Row, usable: tuple[int, int], partial: bool, starts: Sequence[int]) -> Series:
    """The row over all buckets: None where nothing is known, and for a gap."""
    low, high = usable
    known = [
        None if isinstance(value, float) and math.isnan(value) else value for value in row.values.tolist()
    ]
    return Series(
        endpoint=row.endpoint,
        counter=asked.metric.counter,
        name=asked.metric.name,
        step=asked.query.buckets.step_s,
        timestamps=starts,
        # As a tuple: the garbage collector does not walk through those of numbers, a list it does each time.
        values=(*[None] * low, *known[: high - low], *[None] * (len(starts) - high)),
        tags={
            **asked.written,
            **dict((*row.tags, *row.split)),
            "name": asked.metric.name,
            "series": row.endpoint,
        },
        partial=partial,
    )
