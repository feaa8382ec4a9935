"""The wire of Graphite: what Grafana's built-in datasource reads and how it writes times."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson

from metrics_api.core.days import DAY_S
from metrics_api.core.errors import BadRequest
from metrics_api.falcon import EXACT, array, points, wire_number
from metrics_api.series import Annotation, Node, Series

_RELATIVE = re.compile(r"(now)?\s*((?:[-+]\s*\d{1,12}\s*[A-Za-z]+\s*)*)", re.ASCII)
_OFFSET = re.compile(r"([-+])\s*(\d{1,12})\s*([A-Za-z]+)", re.ASCII)
_NUMBER = re.compile(r"[-+]?\d{1,19}(\.\d{0,20})?", re.ASCII)
MAX_TIME_CHARACTERS = 100

# Graphite takes a month as 30 days and a year as 365; Grafana writes minutes `min` and months `mon`.
UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), DAY_S),
    **dict.fromkeys(("w", "week", "weeks"), 7 * DAY_S),
    **dict.fromkeys(("M", "mon", "month", "months"), 30 * DAY_S),
    **dict.fromkeys(("y", "year", "years"), 365 * DAY_S),
}


@dataclass(frozen=True)
class Answered:
    """The series of one target; `reference` is the query's letter that Grafana wants after each name."""

    series: Sequence[Series]
    reference: str | None = None


@dataclass(frozen=True)
class Constant:
    """The line of a `constantLine(value)` over a window, with which Grafana tests a datasource."""

    value: float
    start: int
    until: int
    reference: str | None = None


def encode_series(answers: Iterable[Answered | Constant]) -> bytes:
    """The rows of a render answer; a series without points is a row with empty datapoints."""
    return array(
        row
        for answer in answers
        for row in (
            [_constant_row(answer)]
            if isinstance(answer, Constant)
            else (_row(one, answer.reference) for one in answer.series)
        )
    )


def _row(series: Series, reference: str | None) -> dict[str, object]:
    return {
        "target": _named(f"{series.endpoint}.{series.counter}", reference),
        "tags": dict(series.tags),
        "datapoints": [(value, at) for at, value in points(series)],
    }


def _constant_row(line: Constant) -> dict[str, object]:
    middle = (line.start + line.until) // 2
    value = wire_number(line.value)
    return {
        "target": _named(str(line.value), line.reference),
        "tags": {"name": "constantLine"},
        "datapoints": [[value, at] for at in sorted({line.start, middle, line.until})],
    }


def _named(name: str, reference: str | None) -> str:
    # Grafana takes the last word for the query's letter: exactly one space goes before it.
    return name if reference is None else f"{name} {reference}"


def encode_nodes(nodes: Iterable[Node]) -> bytes:
    """The rows of a find answer; the flags are ints, for Grafana's Go side refuses booleans."""
    return orjson.dumps(
        [
            {
                "text": node.text,
                "id": node.text,
                "allowChildren": int(node.expandable),
                "expandable": int(node.expandable),
                "leaf": int(not node.expandable),
            }
            for node in nodes
        ]
    )


def encode_expanded(nodes: Iterable[Node]) -> bytes:
    """The answer of metrics/expand: the texts alone."""
    return orjson.dumps({"results": [node.text for node in nodes]})


def encode_annotations(annotations: Iterable[Annotation]) -> bytes:
    """The rows of an events answer, typed as Grafana's Go side wants them."""
    return orjson.dumps(
        [
            {
                "id": int(one.id),
                "when": int(one.when),
                "what": one.what,
                "data": one.data,
                "tags": list(one.tags),
            }
            for one in annotations
        ]
    )


def instant(name: str, text: str, now: float) -> int:
    """Epoch seconds of a time as Grafana writes it: a number, `now`, `-6h`, `now-1d`, `-30min`, `-1mon`.

    Raises BadRequest, naming the parameter, for anything else.
    """
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return _held(math.floor(float(text)) if "." in text else int(text))
    relative = _RELATIVE.fullmatch(text) if 0 < len(text) <= MAX_TIME_CHARACTERS else None
    if not relative:
        raise _not_a_time(name, text)
    seconds = math.floor(now)
    for sign, count, unit in _OFFSET.findall(relative.group(2)):
        size = UNITS.get(unit) or UNITS.get(unit.lower())
        if not size:
            raise _not_a_time(name, text)
        seconds += int(sign + count) * size
    return _held(seconds)


def _held(seconds: int) -> int:
    return max(-EXACT, min(seconds, EXACT))


def _not_a_time(name: str, text: str) -> BadRequest:
    shown = text if len(text) <= 40 else text[:40] + "…"
    return BadRequest(
        f"{name}={shown!r} is not a time: "
        "give epoch seconds, now, or an offset such as -6h, -30min, now-1d, -1mon"
    )
