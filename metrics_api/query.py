"""A question as a metric sees it: filters, options and buckets; and the rows it answers with."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import re2

from metrics_api.core.days import Buckets
from metrics_api.topics import CUSTOM, PEOPLE

EMPTY = "N/A"
# What joins the labels of an item, and what the values of other fields that may have several at a time.
LABELS = "|"
JOINT = "\x1f"
# The numbers that a day can have in a frame.
DAYS = 2**16


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    return re2.compile(pattern)


def separator(field: str) -> str:
    """What joins the values of a field that may have several at a time, "" for any other field."""
    if field == "label":
        return LABELS
    return JOINT if field in PEOPLE or field.startswith(CUSTOM) else ""


class _Several(Container[object]):
    """The fields that may have several values at a time."""

    def __contains__(self, field: object) -> bool:
        return isinstance(field, str) and bool(separator(field))


SEVERAL: Final = _Several()


def parts(field: str, value: str) -> tuple[str, ...]:
    """What a field's value counts as: itself, or each of several; what is empty counts as "N/A"."""
    joint = separator(field)
    found = dict.fromkeys(value.split(joint)) if joint and joint in value else (value,)
    return tuple(part or EMPTY for part in found)


@dataclass(frozen=True)
class Filter:
    """A condition on one field: one of `values` ("N/A" is the empty value), or a regular expression.

    A regular expression (RE2, checked by the grammar) matches from the beginning, as Graphite's do; `negated`
    turns the condition round. A field with several values meets the condition if one of them does, and if
    none does where it is negated. `then` holds it against the value as of then, whatever `asof` says;
    `group` says that it is the value of `by` that a line is of, and not asked for.
    """

    key: str
    values: frozenset[str] = frozenset()
    regex: str | None = None
    negated: bool = False
    then: bool = False
    group: bool = False

    def accepts(self, value: str) -> bool:
        """Whether a value meets the condition."""
        return any(map(self._finds, parts(self.key, value))) != self.negated

    def _finds(self, part: str) -> bool:
        return part in self.values if self.regex is None else _compiled(self.regex).match(part) is not None


@dataclass(frozen=True)
class Query:
    """One question: filters on fields, options by name, and the buckets to answer.

    `products` are the products the caller may read (None: all). `window` is all that was asked for, of which
    `buckets` may be a part. `now` is when the question is answered (epoch seconds), `frames` are those of the
    topics that the metric reads besides its own.
    """

    buckets: Buckets
    filters: tuple[Filter, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    products: frozenset[str] | None = None
    window: Buckets | None = None
    now: int = 0
    frames: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def since(self) -> Buckets:
        """The whole window, whose first bucket begins the range."""
        return self.window or self.buckets

    @property
    def by(self) -> str:
        """The field to split by, "" for none."""
        return self.options.get("by", "")

    @property
    def level(self) -> str:
        """Which items count, where some are parents of others: `leaf`, `parent` or `all`."""
        return self.options.get("level", "leaf")

    def bucket_of(self, days: npt.NDArray[np.uint16]) -> npt.NDArray[np.int64]:
        """The buckets that some day numbers lie in, one more than there are for days outside of all."""
        first, last = self.buckets.first_days[0], self.buckets.last_days[-1]
        table = np.full(DAYS, len(self.buckets), dtype=np.int64)
        within = np.arange(first, min(last, DAYS - 1) + 1)
        table[within] = np.searchsorted(np.array(self.buckets.first_days), within, side="right") - 1
        return table.take(days)


@dataclass(frozen=True)
class Row:
    """One line of an answer: what tells it apart, as (split, value), and a value per bucket (NaN: none).

    `tags` are what else is told of it.
    """

    split: tuple[tuple[str, str], ...]
    values: npt.NDArray[Any]
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def endpoint(self) -> str:
        """The parts joined by `/`, `all` without any."""
        return "/".join(value for _, value in self.split) or "all"


def rows_of(split: str, names: Sequence[str], values: npt.NDArray[Any]) -> list[Row]:
    """One row per name, from a matrix with one line per name."""
    return [Row(((split, name),), line) for name, line in zip(names, values, strict=True)]
