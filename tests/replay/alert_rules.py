"""Evaluates provisioned alert rules as Grafana does: queries by the Go backend, then expressions on them.

Of the expressions there are those that our rules use: reduce, comparisons, and classic conditions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.replay.graphite_go import GraphiteGo
from tests.replay.panels import PROVISIONING
from tests.replay.wire import ClientError, PanelSeries, Query, TimeRange

EXPRESSIONS = "__expr__"
FILE = PROVISIONING / "alerting" / "engmetrics.yaml"
Rule = Mapping[str, Any]


@dataclass(frozen=True)
class Number:
    """A series reduced to one number, None without any."""

    labels: dict[str, str]
    value: float | None


@dataclass
class Evaluation:
    """What became of a rule: the labels of what fires, how many do not, and whether there was any data.

    Each of `firing` is an alert of its own, but for classic conditions: there they are what one alert names.
    """

    firing: list[dict[str, str]] = field(default_factory=list)
    normal: int = 0
    no_data: bool = False


def rules(name: str, file: Path = FILE) -> dict[str, Rule]:
    """Return the rules of one group of a provisioning file by their uids."""
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert document["apiVersion"] == 1
    (group,) = (one for one in document["groups"] if one["name"] == name)
    return {rule["uid"]: rule for rule in group["rules"]}


async def evaluated(rule: Rule, client: GraphiteGo, now: int) -> Evaluation:
    """Return what a rule comes to at an instant (epoch seconds)."""
    answers: dict[str, list[PanelSeries]] = {}
    numbers: dict[str, list[Number]] = {}
    for step in rule["data"]:
        letter, model = step["refId"], step["model"]
        if step["datasourceUid"] != EXPRESSIONS:
            span = step["relativeTimeRange"]
            time = TimeRange((now - span["from"]) * 1000, (now - span["to"]) * 1000)
            answers[letter] = await client.alert(Query(model["target"], letter), time)
            assert {one.ref_id for one in answers[letter]} <= {letter}
        elif model["type"] == "reduce":
            numbers[letter] = [_reduced(one, model) for one in answers[model["expression"]]]
        elif model["type"] == "math":
            numbers[letter] = list(_compared(model["expression"], numbers))
        elif model["type"] == "classic_conditions" and letter == rule["condition"]:
            return _classic(model["conditions"], answers)
        else:
            raise ClientError(f"{letter}: {model['type']} is not replayed")
    return _judged(numbers[rule["condition"]])


def _judged(condition: Sequence[Number]) -> Evaluation:
    found = Evaluation()
    for one in condition:
        if one.value is None:
            continue
        if one.value:
            assert one.labels not in found.firing
            found.firing.append(one.labels)
        else:
            found.normal += 1
    found.no_data = not found.firing and not found.normal
    return found


def _values(series: PanelSeries) -> list[float]:
    return [value for value, _ in series.points if value is not None]


def _reduced(series: PanelSeries, model: Mapping[str, Any]) -> Number:
    """Of nothing but nulls a sum is 0 and every other reducer gives nothing."""
    if model["settings"] != {"mode": "dropNN"}:
        raise ClientError("a null would make the whole NaN, which fires")
    values = _values(series)
    if model["reducer"] == "sum":
        return Number(series.labels, sum(values))
    if model["reducer"] == "last":
        return Number(series.labels, values[-1] if values else None)
    raise ClientError(f"reducer {model['reducer']} is not replayed")


def _compared(expression: str, numbers: Mapping[str, Sequence[Number]]) -> Iterator[Number]:
    """Comparisons, all of which must hold, of numbers with the same labels; of nothing comes nothing."""
    parts = [re.fullmatch(r"\$([A-Z]) > (\$[A-Z]|\d+)", part) for part in expression.split(" && ")]
    known = [one for one in parts if one]
    if len(known) < len(parts):
        raise ClientError(f"expression {expression!r} is not replayed")
    for one in numbers[known[0][1]]:
        found = (
            (_side(f"${part[1]}", one.labels, numbers), _side(part[2], one.labels, numbers)) for part in known
        )
        sides = [(left, right) for left, right in found if left is not None and right is not None]
        held = float(all(left > right for left, right in sides))
        # What has no number has no state; what is not among the others is left out altogether.
        yield Number(one.labels, held if len(sides) == len(known) else None)


def _side(text: str, labels: Mapping[str, str], numbers: Mapping[str, Sequence[Number]]) -> float | None:
    """A number as written, or the one with these labels."""
    if not text.startswith("$"):
        return float(text)
    return next((one.value for one in numbers[text[1:]] if one.labels == labels), None)


def _classic(
    conditions: Sequence[Mapping[str, Any]], answers: Mapping[str, Sequence[PanelSeries]]
) -> Evaluation:
    """Any of the conditions, of each any series; without data if one of them has none and nothing fires."""
    found = Evaluation()
    for condition in conditions:
        assert condition["operator"]["type"] == "or"
        assert condition["evaluator"] == {"type": "gt", "params": [0]}
        (letter,) = condition["query"]["params"]
        reduced = [_classically(condition["reducer"]["type"], one) for one in answers[letter]]
        found.firing += [one.labels for one in reduced if one.value is not None and one.value > 0]
        found.normal += sum(one.value is not None and one.value <= 0 for one in reduced)
        found.no_data |= all(one.value is None for one in reduced)
    found.no_data &= not found.firing
    return found


def _classically(reducer: str, series: PanelSeries) -> Number:
    values = _values(series)
    if reducer not in ("last", "diff"):
        raise ClientError(f"reducer {reducer} is not replayed")
    if not values:
        return Number(series.labels, None)
    return Number(series.labels, values[-1] - (values[0] if reducer == "diff" else 0))
