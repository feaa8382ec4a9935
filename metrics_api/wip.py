"""Work in progress: since when items have been in it (docs/definitions.md, section 1)."""

from __future__ import annotations

import numpy as np

from metrics_api.columns import Rows, looked_up, spread
from metrics_api.frames import ItemFrame
from metrics_api.visits import first_rows


def began(frame: ItemFrame, rows: Rows, first: bool = False) -> Rows:
    """The rows with which the items of some rows in work came into it.

    That is the first such row since the item was last done or dropped, or with `first` the first of its whole
    life. An item sent back to the backlog and taken up again has been in work since it first was.
    """
    looks, found = frame.lookups, rows.copy()
    start = first_rows(frame, rows)
    # A row whose item has been in work since the one of `rows` before it came into work with that one.
    known = np.append(-1, rows[:-1])[: len(rows)]
    goes_on = known >= start
    low = np.maximum(known + 1, start)
    between, owner = spread(low, np.maximum(rows - low, 0))
    stage = frame.stage[between]
    inside = np.flatnonzero(looked_up(looks.wip, stage))
    if not first:
        shut = np.flatnonzero(~looked_up(looks.open, stage))
        # Of several assignments to one place the last one stays.
        last = np.full(len(rows), -1, dtype=np.int64)
        last[owner[shut]] = between[shut]
        goes_on &= last < 0
        inside = inside[between[inside] > last[owner[inside]]]
    found[owner[inside[::-1]]] = between[inside[::-1]]
    whole: Rows = found[~goes_on][np.cumsum(~goes_on) - 1]
    return whole
