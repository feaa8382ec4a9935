"""Burndown: what is left to do in a version, and what changed it."""

from __future__ import annotations

import numpy as np

from metrics_api.catalog import metric
from metrics_api.columns import Array
from metrics_api.frames import ItemFrame
from metrics_api.items import Listed, ages, items, moved, standing_rows
from metrics_api.query import Query, Row
from metrics_api.scope import Scope, scope_of
from metrics_api.segments import CONTINUES
from metrics_api.topics import BUGS, SHARED_FIELDS, STORIES
from metrics_api.visits import first_rows

# Hours are added up in thousandths: whole numbers, so that the parts of a sum are the sum.
PARTS = 1000
# What the ledger calls that which changes the number of open items.
MOVES = {
    "added": ("created", "moved_in"),
    "reopened": ("reopened",),
    "done": ("closed",),
    "removed": ("removed", "moved_out"),
}


@metric(
    "tapd.version.burndown",
    topic={"bugs": BUGS.name, "stories": STORIES.name},
    splits=("line",),
    filters=SHARED_FIELDS,
    options=("of", "unit", "step", "tz", "by", "asof", "deleted", "level"),
    unit="items or hours",
)
def burndown(frame: ItemFrame, query: Query) -> list[Row]:
    """Open items of a version, or the hours left in them, at the end of each bucket, and what changed that.

    For every filter remaining = remaining before + added + reopened - done - removed. `done` is what was
    finished or dropped while open; `added` was created in the version or moved into it open, `removed` was
    moved out of it, deleted or merged while open. An item created in a final stage is added and done at
    once.

    With unit=effort an item weighs the hours that TAPD calls remaining effort, as they were then: it is done
    with the hours it had left, and reopened with those it then has. A changed estimate of an open item is
    added where it rose and removed where it fell, also where it fell because hours were worked off. An item
    without an estimate weighs nothing and is counted in `unestimated_n`. Definition: docs/definitions.md,
    section 1.
    """
    scope = scope_of(frame, query, frame.lookups.open)
    if query.options.get("unit") == "effort":
        hours = frame.numbers["remain"][scope.rows]
        weight = np.rint(np.nan_to_num(hours).astype(np.float64) * PARTS)
        lines = {name: line / PARTS for name, line in _lines(frame, scope, weight).items()}
        lines["unestimated_n"] = scope.standing(frame.lookups.open[frame.stage[scope.rows]] & np.isnan(hours))
    else:
        lines = _lines(frame, scope, None)
    return [
        Row((*([(query.by, name)] if query.by else []), ("line", line)), values[at])
        for at, name in enumerate(scope.names)
        for line, values in lines.items()
    ]


@items("tapd.version.burndown")
def left(frame: ItemFrame, query: Query, at: int) -> Listed:
    """The open items, the oldest by their creation first; or those that the line asked about counts."""
    asked = query.options.get("series", "remaining")
    if asked != "remaining":
        return moved(frame, query, MOVES.get(asked, ()))
    rows = standing_rows(frame, query, frame.lookups.open)
    return Listed(frame.item[rows], ages(frame.start[first_rows(frame, rows)], at), "seconds")


def _lines(frame: ItemFrame, scope: Scope, weight: Array | None) -> dict[str, Array]:
    """What remains and what changed it, each segment with its weight: shape (groups, buckets)."""
    is_open, follows = frame.lookups.open[frame.stage[scope.rows]], scope.follows
    was_open = np.append(False, is_open[:-1])[: len(is_open)]
    born = ~follows & (frame.begin[scope.rows] != CONTINUES)
    # What goes on from open to done leaves with the weight it had.
    was = None if weight is None else np.append(0, weight[:-1])[: len(weight)]
    lines = {
        "remaining": scope.standing(is_open, weight),
        "added": scope.began(~follows & (is_open | born), weight),
        "reopened": scope.began(follows & is_open & ~was_open, weight),
        "done": scope.began(follows & ~is_open & was_open, was) + scope.began(born & ~is_open, weight),
        "removed": scope.ended(~scope.followed & is_open, weight),
    }
    if weight is not None and was is not None:
        grown = np.where(follows & is_open & was_open, weight - was, 0)
        lines["added"] += scope.began(grown > 0, grown)
        lines["removed"] -= scope.began(grown < 0, grown)
    return lines
