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
from dataclasses import dataclass, field, replace
from functools import cache
from inspect import cleandoc
from typing import Any

from metrics_api import metrics, target
from metrics_api.core.days import STEPS, zone
from metrics_api.core.errors import BadRequest, UnknownName
from metrics_api.custom_fields import anyone
from metrics_api.query import Query, Row
from metrics_api.topics import ITEM_TOPICS

Function = Callable[[Any, Query], Sequence[Row]]
# The field of a topic's items that a key names besides those that every installation has, by (topic, key).
Further = Callable[[str, str], str | None]

EVENT_FILTERS = ("product", "component", "branch", "ref")

# What changes within hours may be asked for by the hour; the frames of items know days.
HOURLY = "1h"

# Every option with the values it may have; tz is any zone, by any of the metric's filters, q any percentiles,
# of one of the topics that the metric can be asked for.
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
    "calendar": ("elapsed", "work"),
    "q": (),
    "since": ("last", "first"),
    "of": (),
    "unit": ("count", "effort"),
    "split": ("all", "first"),
}


@dataclass(frozen=True)
class Metric:
    """One metric: what may be asked of it and the function that answers.

    `topics` are by the option `of` what its items are, the first by default; a metric without that option has
    one, at "". `reads` are the topics it looks into besides. `timely` says that its last value grows with the
    clock. `required` are the options that it cannot do without.
    """

    name: str
    topics: Mapping[str, str]
    splits: tuple[str, ...]
    filters: tuple[str, ...]
    options: tuple[str, ...]
    unit: str
    last_only: bool
    function: Function
    hourly: bool = False
    reads: tuple[str, ...] = ()
    timely: bool = False
    required: tuple[str, ...] = ()

    def topic(self, options: Mapping[str, str]) -> str:
        """The topic of the items that a question with these options is about."""
        return self.topics[options.get("of", next(iter(self.topics)))]

    @property
    def all_topics(self) -> tuple[str, ...]:
        """Every topic that an answer may depend on."""
        return tuple(dict.fromkeys((*self.topics.values(), *self.reads)))

    @property
    def help(self) -> str:
        """The first line of the function's docstring."""
        return (self.function.__doc__ or "").strip().splitlines()[0]

    @property
    def definition(self) -> str:
        """The rest of the function's docstring, as it is written there; "" where the help says all."""
        return cleandoc(self.function.__doc__ or "").partition("\n")[2].strip()

    @property
    def counter(self) -> str:
        """The name without its source, as the wires call it."""
        return self.name.split(".", 1)[1]


_METRICS: dict[str, Metric] = {}
# Those whose items can be named, each with its lines that no items are behind.
LISTED: dict[str, tuple[str, ...]] = {}


def metric(
    name: str,
    *,
    topic: str | Mapping[str, str],
    splits: Sequence[str],
    filters: Sequence[str],
    options: Sequence[str],
    unit: str,
    last_only: bool = False,
    hourly: bool = False,
    reads: Sequence[str] = (),
    timely: bool = False,
    required: Sequence[str] = (),
) -> Callable[[Function], Function]:
    """Register a metric function `(frame, query) -> rows`; raises ValueError for anything unfit.

    `topic` is the one topic whose items it is about, or one for each value of the option `of`. `last_only`
    metrics have one point, at the last bucket of the window; `hourly` ones also take `step=1h`. For the rest
    see Metric.
    """

    def register(function: Function) -> Function:
        topics = {"": topic} if isinstance(topic, str) else dict(topic)
        declared = tuple(splits), tuple(filters), tuple(options)
        made = Metric(
            *(name, topics, *declared, unit, last_only, function),
            hourly=hourly,
            reads=tuple(reads),
            timely=timely,
            required=tuple(required),
        )
        if not re.fullmatch(r"[a-z]+(\.[a-z]+)+", name):
            raise ValueError(f"metric {name!r}: names are lower-case words joined by dots")
        if name in _METRICS:
            raise ValueError(f"metric {name!r} is registered twice")
        if not (function.__doc__ or "").strip():
            raise ValueError(f"metric {name!r} has no docstring")
        unknown = set(options) - set(OPTIONS)
        if unknown:
            raise ValueError(f"metric {name!r}: unknown options {sorted(unknown)}")
        if ("of" in options) == ("" in topics) or not set(required) <= set(options):
            raise ValueError(f"metric {name!r}: a topic for each `of`, and only its own options are required")
        _METRICS[name] = made
        return function

    return register


def any_further(topic: str, key: str) -> str | None:
    """For checking without data: any field that items of the topic may have in some installation."""
    return anyone(ITEM_TOPICS[topic], key) if topic in ITEM_TOPICS else None


@dataclass(frozen=True)
class Catalog:
    """All metrics by name; `listed` are those that can name the items behind their numbers.

    With each of these go its lines that no items are behind, as those that the configuration draws.
    """

    metrics: Mapping[str, Metric]
    listed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def metric(self, name: str) -> Metric:
        """The metric of that dotted name; raises UnknownName with the nearest ones."""
        found = self.metrics.get(name)
        if not found:
            raise UnknownName(f"unknown metric {name!r}; known: {', '.join(sorted(self.metrics))}")
        return found

    def checked(
        self, asked: target.Target, further: Further = any_further
    ) -> tuple[Metric, tuple[target.Pair, ...], dict[str, str]]:
        """(metric, filters, options) of a parsed target; raises BadRequest for what cannot be.

        `further` tells which fields the items have besides those that a metric declares.
        """
        found = self.metric(asked.name)
        of = next((pair.values for pair in asked.pairs if pair.key == "of"), ())
        topic = found.topics.get(of[0] if of else "") or next(iter(found.topics.values()))
        filters, options = [], {}
        for pair in asked.pairs:
            if pair.key in found.filters:
                filters.append(pair)
            elif pair.key in found.options:
                options[pair.key] = _option(found, pair, lambda key: further(topic, key))
            elif field := further(topic, pair.key):
                filters.append(replace(pair, key=field))
            else:
                raise BadRequest(
                    f"{found.name} has no filter or option {pair.key!r}; "
                    f"filters: {', '.join(found.filters)}; options: {', '.join(found.options)}"
                )
        for key in found.required:
            if key not in options:
                named = ", ".join(choices(found, key))
                raise BadRequest(f"{found.name} needs {key}=, one of {named}")
        return found, tuple(filters), options

    def check(self, text: str) -> None:
        """Raise BadRequest unless the target text is one this catalog answers; values may be anything."""
        self.checked(target.parse(text, nothing_known))


def nothing_known(name: str, key: str) -> Collection[str]:
    """For parsing without data: no value of any key is known."""
    return ()


def choices(found: Metric, key: str) -> tuple[str, ...]:
    """The values that an option of a metric may have; () where that is no list."""
    if key == "by":
        return found.filters
    if key == "of":
        return tuple(found.topics)
    if key == "step" and not found.hourly:
        return tuple(step for step in OPTIONS[key] if step != HOURLY)
    return OPTIONS[key]


def _option(found: Metric, pair: target.Pair, further: Callable[[str], str | None]) -> str:
    if pair.regex is not None or pair.negated:
        raise BadRequest(f"{pair.key} takes a plain value")
    if pair.key == "q":
        return _percentiles(pair.values)
    if len(pair.values) != 1:
        raise BadRequest(f"{pair.key} takes one value")
    value, possible = pair.values[0], choices(found, pair.key)
    if pair.key == "tz":
        zone(value)
    elif value not in possible:
        field = further(value) if pair.key == "by" else None
        if field:
            return field
        raise BadRequest(f"{pair.key}={value}: use one of {', '.join(possible)}")
    return value


def _percentiles(values: Sequence[str]) -> str:
    """Percentiles as asked, rising and distinct: `50,85,95`."""
    numbers = {float(value) for value in values if re.fullmatch(r"\d{1,2}(\.\d{1,3})?", value)}
    if not numbers or len(numbers) < len(set(values)) or min(numbers) <= 0:
        raise BadRequest(f"q={','.join(values)}: use percentiles above 0 and below 100, as in q=50,85,95")
    return ",".join(f"{number:g}" for number in sorted(numbers))


@cache
def load_catalog() -> Catalog:
    """The catalog of everything in metrics_api/metrics."""
    for module in pkgutil.iter_modules(metrics.__path__):
        importlib.import_module(f"{metrics.__name__}.{module.name}")
    return Catalog(dict(sorted(_METRICS.items())), dict(LISTED))
