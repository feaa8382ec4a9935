"""What a number must be, given the items behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import ceil

import pytest

from metrics_api.catalog import load_catalog

# What is told in these is how often something happened to an item, which is listed once.
TIMES = ("tapd.bugs.change.daily", "tapd.bugs.reopen.count")
INDICES = ("tapd.bugs.di", "tapd.bugs.di.introduced")


def agrees(asked: str, tags: Mapping[str, str], number: float, values: Sequence[float | None]) -> bool:
    """Whether a number is what its items make of it; `asked` is the target, `values` are what each has."""
    metric = asked.removeprefix("@").partition("/")[0].replace("#", ".")
    unit, total = load_catalog().metric(metric).unit, len(values)
    line = next((tags[name] for name in ("quantile", "kind", "line", "due", "readoff") if name in tags), "")
    known = sorted(value for value in values if value is not None)
    if metric == "tapd.bugs.fix.time" and "since=last" in asked and line != "negative_n":
        # Of several attempts in a bucket the longest is listed.
        return bool(total) == bool(number) and total <= number if line == "n" else bool(total)
    if line == "n" or line.endswith("_n") or line == "unknown":
        return total == number
    if line == "max":
        return known[-1] == number
    if line.startswith("p") and "quantile" in tags:
        assert len(known) == total
        return known[ceil(Fraction(line[1:]) * total / 100) - 1] == pytest.approx(number)
    if metric in TIMES:
        return sum(known) == number
    if metric == "tapd.version.burndown":
        if "unit=effort" in asked:
            # Hours, of which items without an estimate have none.
            return bool(total) or not number
        # An item that was added or done twice counts twice.
        return total == number if line == "remaining" else bool(total) == bool(number) and total <= number
    if metric == "tapd.iteration.burnup" and line in ("added", "removed"):
        return sum(known) == number
    if metric.endswith(".flow.readoff"):
        # Averages over the days of the bucket.
        return line == "wip" or bool(total) == bool(number)
    if unit == "items":
        return total == number
    if metric in INDICES:
        return sum(known) == pytest.approx(number)
    if metric == "tapd.bugs.density":
        return any(known) or not number
    if metric == "tapd.bugs.gate":
        # By how much there are more than may be.
        return total >= number if tags.get("condition") in ("fatal", "serious") else bool(total) or not number
    # Of a ratio the part is listed.
    return bool(total) == bool(number) if unit == "ratio" and "efficiency" not in metric else bool(total)
