"""What a metric answers: series of values over buckets, and the window they were asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Series:
    """One line of an answer.

    `endpoint` tells the series of one metric apart, `counter` is the metric's name without its source,
    `name` the full dotted name. `tags` are what was asked and what this series is, all strings, distinct
    per series. `timestamps` are bucket starts in epoch seconds, rising; `values` are as many numbers, None
    for a gap, never NaN. `partial` says that the last bucket is not over yet.
    """

    endpoint: str
    counter: str
    name: str
    step: int
    timestamps: Sequence[int]
    values: Sequence[float | None]
    tags: Mapping[str, str] = field(default_factory=dict)
    partial: bool = False


@dataclass(frozen=True)
class Node:
    """One answer of find: a text and whether more names follow below it."""

    text: str
    expandable: bool


@dataclass(frozen=True)
class Annotation:
    """One event to draw: when (epoch seconds), what happened, details, and tags to filter by."""

    id: int
    when: int
    what: str
    data: str
    tags: tuple[str, ...]
