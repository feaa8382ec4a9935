"""How long items stood in each status by TAPD's own account, against what their changes tell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from collectors.derivation import epoch

# What may differ without a reason: TAPD notes its rows a moment after the change.
TOLERANCE_S = 60

Spans = dict[str, list[tuple[int, int]]]


def differing(
    segments: Mapping[str, Sequence[Any]], rows: Iterable[Mapping[str, Any]], zone: str
) -> list[str]:
    """The statuses in which an item stood for another time by TAPD's rows than by its segments.

    Compared is up to the last instant of which TAPD tells. Rows overlap and repeat each other, as where the
    owner changed within a status: an instant counts once. Of an item that came from another workspace TAPD
    tells but a part: nothing of it differs.
    """
    theirs: Spans = defaultdict(list)
    for row in rows:
        begin, end = _time(row.get("begin_date"), zone), _time(row.get("end_date"), zone)
        status = row.get("status")
        if begin is not None and end is not None and isinstance(status, str) and begin <= end:
            theirs[status].append((begin, end))
    upto = max((end for spans in theirs.values() for _, end in spans), default=0)
    if not upto or len(set(segments["workspace"])) > 1:
        return []
    ours: Spans = defaultdict(list)
    starts = [int(start) for start in segments["start"]]
    for status, start, end in zip(segments["status"], starts, [*starts[1:], upto], strict=True):
        ours[status].append((start, min(end, upto)))
    return sorted(
        status
        for status in ours.keys() | theirs.keys()
        if abs(_seconds(ours.get(status, ())) - _seconds(theirs.get(status, ()))) > TOLERANCE_S
    )


def _seconds(spans: Iterable[tuple[int, int]]) -> int:
    """How many seconds the spans cover together."""
    total, reached = 0, 0
    for begin, end in sorted(spans):
        total += max(end - max(begin, reached), 0)
        reached = max(reached, end)
    return total


def _time(text: Any, zone: str) -> int | None:
    try:
        return epoch(text, zone)
    except (TypeError, ValueError):
        return None
