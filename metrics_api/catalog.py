"""The catalog: every metric and every tag, registered by a decorator where it is defined.

A metric declares the topic it reads, its splits, filters, options and unit; its docstring's first line is its
help. Find, render, the documentation and the tests follow from here. The registry refuses duplicates and
validates before it registers, so a broken unit stops the start.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from metrics_api import metrics, target
from metrics_api.core.days import STEPS, zone
from metrics_api.core.errors import BadRequest, UnknownName
from metrics_api.query import Query, Row

Function = Callable[[Any, Query], Sequence[Row]]

EVENT_FILTERS = ("product", "component", "branch", "ref")

# What changes within hours may be asked for by the hour; the frames of items know days.
HOURLY = "1h"

# Every option with the values it may have; tz is any zone, by any of the metric's filters.
OPTIONS: Mapping[str, tuple[str, ...]] = {
    "step": tuple(STEPS),
    "tz": (),
    "by": (),
    "asof": ("then", "now"),
    "deleted": ("until", "exclude"),
    "mode": ("bands", "arrivals"),
    "done_from": ("all", "range"),
    "order": ("stages", "stacked"),
    "level": ("leaf", "parent", "all"),
}


@dataclass(frozen=True)
class Metric:
    """One metric: what may be asked of it and the function that answers."""

    name: str
    topic: str
    splits: tuple[str, ...]
    filters: tuple[str, ...]
    options: tuple[str, ...]
    unit: str
    last_only: bool
    function: Function
    hourly: bool = False

    @property
    def help(self) -> str:
        """The first line of the function's docstring."""
        return (self.function.__doc__ or "").strip().splitlines()[0]

    @property
    def counter(self) -> str:
        """The name without its source, as the wires call it."""
        return self.name.split(".", 1)[1]


_METRICS: dict[str, Metric] = {}


def metric(
    name: str,
    *,
    topic: str,
    splits: Sequence[str],
    filters: Sequence[str],
    options: Sequence[str],
    unit: str,
    last_only: bool = False,
    hourly: bool = False,
) -> Callable[[Function], Function]:
    """Register a metric function `(frame, query) -> rows`; raises ValueError for anything unfit.

    `last_only` metrics have one point, at the last bucket of the window; `hourly` ones also take `step=1h`.
    """

    def register(function: Function) -> Function:
        declared = tuple(splits), tuple(filters), tuple(options)
        made = Metric(name, topic, *declared, unit, last_only, function, hourly)
        if not re.fullmatch(r"[a-z]+(\.[a-z]+)+", name):
            raise ValueError(f"metric {name!r}: names are lower-case words joined by dots")
        if name in _METRICS:
            raise ValueError(f"metric {name!r} is registered twice")
        if not (function.__doc__ or "").strip():
            raise ValueError(f"metric {name!r} has no docstring")
        unknown = set(options) - set(OPTIONS)
        if unknown:
            raise ValueError(f"metric {name!r}: unknown options {sorted(unknown)}")
        _METRICS[name] = made
        return function

    return register


@dataclass(frozen=True)
class Catalog:
    """All metrics by name."""

    metrics: Mapping[str, Metric]

    def metric(self, name: str) -> Metric:
        """The metric of that dotted name; raises UnknownName with the nearest ones."""
        found = self.metrics.get(name)
        if not found:
            raise UnknownName(f"unknown metric {name!r}; known: {', '.join(sorted(self.metrics))}")
        return found

    def checked(self, asked: target.Target) -> tuple[Metric, tuple[target.Pair, ...], dict[str, str]]:
        """(metric, filters, options) of a parsed target; raises BadRequest for what cannot be."""
        found = self.metric(asked.name)
        filters, options = [], {}
        for pair in asked.pairs:
            if pair.key in found.filters:
                filters.append(pair)
            elif pair.key in found.options:
                options[pair.key] = _option(found, pair)
            else:
                raise BadRequest(
                    f"{found.name} has no filter or option {pair.key!r}; "
                    f"filters: {', '.join(found.filters)}; options: {', '.join(found.options)}"
                )
        return found, tuple(filters), options

    def check(self, text: str) -> None:
        """Raise BadRequest unless the target text is one this catalog answers; values may be anything."""
        self.checked(target.parse(text, nothing_known))


def nothing_known(name: str, key: str) -> Collection[str]:
    """For parsing without data: no value of any key is known."""
    return ()


def _option(found: Metric, pair: target.Pair) -> str:
    if len(pair.values) != 1 or pair.regex is not None or pair.negated:
        raise BadRequest(f"{pair.key} takes one value")
    value = pair.values[0]
    choices = found.filters if pair.key == "by" else OPTIONS[pair.key]
    if pair.key == "step" and not found.hourly:
        choices = tuple(step for step in choices if step != HOURLY)
    if pair.key == "tz":
        zone(value)
    elif value not in choices:
        raise BadRequest(f"{pair.key}={value}: use one of {', '.join(choices)}")
    return value


@cache
def load_catalog() -> Catalog:
    """The catalog of everything in metrics_api/metrics."""
    for module in pkgutil.iter_modules(metrics.__path__):
        importlib.import_module(f"{metrics.__name__}.{module.name}")
    return Catalog(dict(sorted(_METRICS.items())))
