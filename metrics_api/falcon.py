"""The falcon-plus wire: what its grafana API answers and how it reads times; `Series` in, bytes out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import orjson

from metrics_api.core.errors import BadRequest
from metrics_api.series import Annotation, Node, Series

# Beyond this a float cannot tell whole numbers apart, so it is written as a float.
EXACT = 2**53
INT64 = 2**63


def encode_series(series: Iterable[Series]) -> bytes:
    """The rows of a render answer; a series without points is a row with empty Values.

    The plugin drops rows without Values and fails on an answer without rows when it draws annotations.
    """
    return array(
        {
            "endpoint": one.endpoint,
            "counter": one.counter,
            "dstype": "GAUGE",
            "step": int(one.step),
            # falcon-plus spells it with a capital V.
            "Values": [{"timestamp": at, "value": value} for at, value in points(one)],
        }
        for one in series
    )


def array(rows: Iterable[dict[str, object]]) -> bytes:
    """A JSON array, encoded row by row: the encoder lets no other thread run within a row."""
    return b"[" + b",".join(map(orjson.dumps, rows)) + b"]"


def encode_nodes(nodes: Iterable[Node]) -> bytes:
    """The rows of a find answer, `expandable` as a boolean."""
    return orjson.dumps([{"expandable": node.expandable, "text": node.text} for node in nodes])


def encode_annotations(annotations: Iterable[Annotation]) -> bytes:
    """The rows of an events answer; falcon-plus has none, its plugin asks for them all the same."""
    return orjson.dumps(
        [
            {"when": int(one.when), "what": one.what, "tags": list(one.tags), "data": one.data}
            for one in annotations
        ]
    )


def points(series: Series) -> Iterator[tuple[int, float | None]]:
    """(epoch seconds, value) of each point; whole numbers are ints, what is no number is None."""
    return zip(series.timestamps, map(wire_number, series.values), strict=True)


def wire_number(value: float | None) -> float | None:
    """A value as JSON can hold it: 5 for 5.0, None for NaN and the infinities."""
    # Asking for the exact type is what makes long answers fast.
    if value is None or type(value) is int:
        return value if value is None or -INT64 < value < INT64 else float(value)
    # A comparison with NaN is never true.
    if not abs(value) < float("inf"):
        return None
    return int(value) if abs(value) < EXACT and value.is_integer() else value


def whole_seconds(name: str, texts: Sequence[str]) -> int:
    """A required time in epoch seconds; as in falcon-plus 0 counts as missing and `-1h` is refused."""
    text = texts[-1].strip() if texts else ""
    if not text:
        raise BadRequest(f"{name} is missing: give epoch seconds, as in {name}=1700000000")
    digits = text.removeprefix("-").removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 20 and abs(int(text)) < INT64):
        raise BadRequest(f"{name} takes epoch seconds as a whole number, as in {name}=1700000000")
    if not int(text):
        raise BadRequest(f"{name}=0 counts as missing, as in falcon-plus: give epoch seconds above 0")
    return int(text)
