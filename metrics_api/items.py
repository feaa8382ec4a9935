"""Items behind a number: which bugs or stories a metric counted at an instant, and what it says of each.

A metric that can name its items registers a second function, beside the one that answers:

    @items("tapd.bugs.backlog.daily")
    def open_bugs(frame: ItemFrame, query: Query, at: int) -> Listed: ...

It gets the query with the one bucket that is asked about in `query.buckets` and the window that was asked for
in `query.window`, and `at`, when that bucket is over, the present one so far. It names each item that the
metric counts in that bucket once, whatever `by` says. Where one line alone is asked about, the filters are
narrowed to the value of the split that it stands for, and what else tells it apart is in the option `series`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from metrics_api.catalog import LISTED, Metric
from metrics_api.columns import Array, Mask, Rows
from metrics_api.core.errors import BadRequest
from metrics_api.frames import ItemFrame
from metrics_api.history import LEDGER, ledger
from metrics_api.query import Filter, Query
from metrics_api.segments import CONTINUES
from metrics_api.selection import selected
from metrics_api.stretches import open_stretches
from metrics_api.visits import rows_between


class Listed(NamedTuple):
    """Items by their numbers in the frame, a value of each (NaN: none), and the unit of the values.

    `frame` is that of the items where they are not of the metric's own topic.
    """

    number: Array
    value: Array
    unit: str
    frame: ItemFrame | None = None


Function = Callable[[ItemFrame, Query, int], Listed]

_FUNCTIONS: dict[str, Function] = {}
_CONFIGURED: dict[str, tuple[str, ...]] = {}


def items(
    *metrics: str, configured: Sequence[str] = (), without: Sequence[str] = ()
) -> Callable[[Function], Function]:
    """Register the function that names the items behind these metrics; raises ValueError if it is unfit.

    `configured` are the lines that the configuration draws beside the numbers of items; of those in `without`
    the function itself says why they have none.
    """

    def register(function: Function) -> Function:
        if not (function.__doc__ or "").strip():
            raise ValueError(f"the items of {metrics!r} are not described: a docstring is missing")
        for name in metrics:
            if name in _FUNCTIONS:
                raise ValueError(f"the items of {name!r} are named twice")
            _FUNCTIONS[name] = function
            LISTED[name] = (*configured, *without)
            _CONFIGURED[name] = tuple(configured)
        return function

    return register


def meaning(metric: str) -> str:
    """What the list of a metric's items is, the first line of its function's docstring."""
    return (_FUNCTIONS[metric].__doc__ or "").strip().partition("\n")[0]


@dataclass(frozen=True)
class Item:
    """An item as it was at an instant; `key` is its fact's `_id`, `place` the workspace it is in today."""

    key: str
    place: str
    product: str
    workspace: str
    stage: str
    status: str
    value: float | None

    @property
    def instance(self) -> str:
        """The TAPD it is in."""
        return self.key.split(":", 1)[0]


@dataclass(frozen=True)
class Found:
    """The first items that a metric counted, how many there are in all, the values' unit, and their topic."""

    items: Sequence[Item]
    total: int
    unit: str
    topic: str = ""


def line_of(frame: ItemFrame, metric: Metric, query: Query, series: str) -> Query | None:
    """The query about one line alone, by its endpoint; None for a line that has nothing in the window.

    Endpoints are not taken apart, for values may hold a `/`: the line is found among those of the answer.
    Raises BadRequest for a line that the configuration draws.
    """
    # A line that shows nothing in the bucket may be told apart in the rest of the window.
    windows = (query, replace(query, buckets=query.since))
    lines = (row.split for one in windows for row in metric.function(frame, one) if row.endpoint == series)
    split = next(lines, None)
    if split is None:
        return None
    if dict(split).get("line", "").partition("/")[0] in _CONFIGURED[metric.name]:
        raise BadRequest(f"{series} of {metric.name} is drawn by the configuration: no items are behind it")
    # With split=first an item may have a value that it does not count under.
    of_items = {*metric.filters, query.by} - ({query.by} if query.options.get("split") == "first" else set())
    # The lines of arrivals are of all who ever came to a stage, whichever they were in.
    arrivals = query.options.get("mode") == "arrivals"
    filtering = [
        key in of_items and not (arrivals and at >= bool(query.by)) for at, (key, _) in enumerate(split)
    ]
    # The stages that a metric tells apart are those of then.
    narrowing = [
        Filter(
            key, frozenset((value,)), then=key == "stage" and at >= bool(query.by), group=at < bool(query.by)
        )
        for at, (key, value) in enumerate(split)
        if filtering[at]
    ]
    rest = "/".join(value for at, (_, value) in enumerate(split) if not filtering[at])
    options = {**query.options, "series": rest} if rest else query.options
    return replace(query, filters=(*query.filters, *narrowing), options=options)


def found(frame: ItemFrame, metric: str, query: Query, limit: int | None = None) -> Found:
    """The items behind a metric at the end of the query's one bucket, those with the largest values first.

    Of equal ones those created first, and then those of lower keys.
    """
    end = query.buckets.ends[-1]
    number, value, unit, other = _FUNCTIONS[metric](frame, query, min(end, query.now))
    frame = other or frame
    numbers = np.asarray(number, dtype=np.int64)
    order = _largest(frame, numbers, np.asarray(value, dtype=np.float64), limit)
    rows = _rows_at(frame, numbers[order], end)
    texts = {name: frame.dictionaries[name].values for name in ("workspace", "status")}
    looks, workspaces = frame.lookups, frame.context.workspaces

    def one(row: int, last: int, told: float) -> Item:
        key = texts["workspace"][frame.codes["workspace"][row]]
        return Item(
            key=frame.keys[frame.item[row]],
            place=texts["workspace"][frame.codes["workspace"][last]],
            product=workspaces[key].product if key in workspaces else "",
            workspace=key.split(":", 1)[-1],
            stage=looks.stages[looks.stage[frame.stage[row]]],
            status=texts["status"][frame.codes["status"][row]],
            value=None if np.isnan(told) else told,
        )

    values = np.asarray(value)[order].tolist()
    lasts = frame.last_row[numbers[order]].tolist()
    listed = [one(*each) for each in zip(rows.tolist(), lasts, values, strict=True)]
    return Found(listed, len(numbers), unit, frame.topic.name)


def _largest(frame: ItemFrame, numbers: Array, values: Array, limit: int | None) -> Array:
    """The places of the first items as `found` lists them, those without a value at the end."""
    created = frame.start[frame.first_row[numbers]]
    order = np.lexsort((created, -values))
    value, at = values[order], created[order]
    alike = (value[1:] == value[:-1]) | (np.isnan(value[1:]) & np.isnan(value[:-1]))
    rank = np.cumsum(np.append(False, ~alike | (at[1:] != at[:-1])))[: len(order)]
    # Keys are compared only of those that are among the first or equal to the last of these.
    ranks = rank[rank <= rank[:limit].max(initial=-1)].tolist()
    places = order[: len(ranks)]
    keys = [frame.keys[item] for item in numbers[places].tolist()]
    first = sorted(zip(ranks, keys, places.tolist(), strict=True))[:limit]
    return np.array([place for _, _, place in first], dtype=np.int64)


def standing_rows(frame: ItemFrame, query: Query, among: Mask | None = None) -> Rows:
    """The rows in which the selected items stand at the end of the query's one bucket.

    They are in any stage, or in the stage classes `among` which they shall be.
    """
    unsplit = replace(query, options={**query.options, "by": ""})
    everywhere = np.ones(len(frame.lookups.stage), dtype=np.bool_)
    return open_stretches(frame, unsplit, everywhere if among is None else among).row


def moved(frame: ItemFrame, query: Query, moves: Iterable[str]) -> Listed:
    """The selected items that any of some moves of the ledger happened to in the bucket, by how often."""
    first, end = query.buckets.starts[0], query.buckets.ends[-1]
    began = rows_between(frame, first, end)
    gone = np.flatnonzero((frame.stop >= first) & (frame.stop < end) & (frame.end != CONTINUES))
    # A move is between a segment and the one before it.
    rows = np.unique(np.concatenate([began, began[frame.begin[began] == CONTINUES] - 1, gone]))
    rows = rows[selected(frame, query, rows)]
    numbers, place = np.unique(frame.item[rows], return_inverse=True)
    counts = ledger(frame, rows, place, len(numbers), query).sum(axis=2)
    times = counts[:, [LEDGER.index(one) for one in moves]].sum(axis=1)
    return Listed(numbers[times > 0], times[times > 0], "times")


def ages(since: Array, at: int) -> Array:
    """Seconds from some instants to one that is not before them; a clock that lags behind makes it 0."""
    return np.maximum(at - since.astype(np.int64), 0)


def _rows_at(frame: ItemFrame, numbers: Array, end: int) -> Rows:
    """The last rows of some items that begin before an instant."""
    rows = frame.last_row[numbers].astype(np.int64)
    while True:
        later = (frame.start[rows] >= end) & (frame.begin[rows] == CONTINUES)
        if not later.any():
            return rows
        rows[later] -= 1
