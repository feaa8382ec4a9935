"""The examples of the documentation: what metrics answer about the hand-written company of the tests.

Nothing is said of any metric here: a question is made of what the catalog tells, and the answer is the
evaluator's own. The numbers never change by themselves, and the tests work out most of them by hand.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from metrics_api.catalog import Metric, choices
from metrics_api.core.security import READ_ALL
from metrics_api.evaluate import Evaluator
from metrics_api.health import HealthFrame, Place, Runs
from metrics_api.series import Series
from metrics_api.target import Pair, Target, spelled
from metrics_api.world import World
from tests.company import shop, stories
from tests.company.cases import NOW, at
from tests.company.records import MOBILE, WEB
from tests.system.in_memory import world_of

# Two weeks, of which metrics that count what happens are asked by days for the first.
FIRST, WEEK, LAST = at("03-02 00:00:00"), at("03-08 12:00:00"), at("03-15 12:00:00")
# What is measured of single items is asked by weeks: in one day there are too few.
MEASURED = ("seconds", "ratio")
# The filters that say where things are, not what they are.
PLACES = ("product", "workspace", "component", "instance", "collector", "scope")
DAY_S = 86_400


@dataclass(frozen=True)
class Example:
    """A question and its answer, or why there is none."""

    target: str
    series: Sequence[Series]
    refused: str = ""

    @property
    def narrow(self) -> bool:
        """Whether one product was asked for."""
        return any("product" in one.tags for one in self.series)

    @property
    def weight(self) -> int:
        """How much there is to see: the numbers that are not 0."""
        return sum(bool(value) for one in self.series for value in one.values)


class Examples:
    """Asks the company; `close` when done."""

    def __init__(self) -> None:
        self._world = _world()
        reader: Any = SimpleNamespace(world=self._world, refreshed_at=NOW)
        self._evaluator = Evaluator(reader, clock=lambda: NOW)

    def close(self) -> None:
        """Let the evaluator go."""
        self._evaluator.close()

    def of(self, metric: Metric) -> Example:
        """The question about this metric whose answer shows most: of one product if there is any."""
        return max(self._examples(metric), key=lambda one: (one.narrow and one.weight > 0, one.weight))

    def _examples(self, metric: Metric) -> Iterator[Example]:
        for pairs in self._questions(metric):
            until = LAST if metric.last_only or "step" in dict(pairs) else WEEK
            asked = Target(metric.name, tuple(Pair(key, (value,)) for key, value in pairs))
            rendered = asyncio.run(self._evaluator.render([spelled(asked)], FIRST, until, READ_ALL))
            yield Example(spelled(asked), rendered.series[0], *rendered.skipped)

    def _questions(self, metric: Metric) -> Iterator[list[tuple[str, str]]]:
        """The pairs of questions: of each product and of all, with what is required, in weeks if need be.

        A filter that the metric's name names, as iteration, is given a value.
        """
        needed = [(key, self._choice(metric, key)) for key in metric.required]
        weekly = "step" in metric.options and metric.unit.startswith(MEASURED)
        steps = [("step", "1w")] if weekly and not metric.hourly else []
        known = self._world.values(metric.topic({}), None)
        named = [
            key
            for key in metric.name.split(".")
            if key in metric.filters and key not in (*PLACES, *metric.splits) and known.get(key)
        ]
        products = (
            [[("product", one)] for one in sorted(known["product"])] if "product" in metric.filters else []
        )
        for place in (*products, []):
            for value in sorted(known[named[0]]) if named else ("",):
                yield [*place, *([(named[0], value)] if value else []), *needed, *steps]

    def _choice(self, metric: Metric, key: str) -> str:
        """A value of an option: the first that says what items are."""
        values = choices(metric, key)
        return next((one for one in values if one not in PLACES), values[0])


def _world() -> World:
    world = world_of(stories.company(), NOW)
    return replace(world, health=_collecting(), versions={**world.versions, "collection": 1})


def _collecting() -> HealthFrame:
    """Two collectors that ran each morning, of which one failed in a workspace from Thursday on."""
    places = tuple(
        Place("tapd", collector, workspace, shop.SHOP, workspace)
        for collector in ("tapd.bugs", "tapd.stories")
        for workspace in (WEB, MOBILE)
    )
    days = range(int((NOW - FIRST) // DAY_S) + 1)
    runs = [(place, FIRST + day * DAY_S + 8 * 3600) for place in range(len(places)) for day in days]
    place, started = (np.array(column, dtype=np.int64) for column in zip(*runs, strict=True))
    failed = (place == 1) & (started >= FIRST + 3 * DAY_S)
    succeeded = [int(started[(place == one) & ~failed].max()) for one in range(len(places))]
    return HealthFrame(
        at=NOW,
        places=places,
        ran=np.ones(len(places), dtype=np.bool_),
        gone=np.zeros(len(places), dtype=np.bool_),
        succeeded=np.array(succeeded, dtype=np.int64),
        oldest=np.full(len(places), FIRST, dtype=np.int64),
        patience_s=np.full(len(places), 3.0 * DAY_S),
        runs=Runs(place, started, started + 60, ~failed, failed, np.where(failed, 0, 12 + place)),
        quarantine=(np.array([1], dtype=np.int64), np.array([FIRST + 2 * DAY_S], dtype=np.int64)),
        missing={0: 3},
        broken={1: 2},
        unmapped={0: frozenset({"status_9"}), 1: frozenset()},
    )
