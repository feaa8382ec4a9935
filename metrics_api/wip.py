"""Work in progress: since when items have been in it (docs/definitions.md, section 1)."""

from __future__ import annotations

import numpy as np

from metrics_api.columns import Rows
from metrics_api.frames import ItemFrame
from metrics_api.segments import CONTINUES


def began(frame: ItemFrame, rows: Rows, first: bool = False) -> Rows:
    """The rows with which the items of some rows in work came into it.

    That is the first such row since the item was last done or dropped, or with `first` the first of its whole
    life. An item sent back to the backlog and taken up again has been in work since it first was.
    """
    # A row that goes on where the one before it ended came into work with it.
    heads = np.ones(len(rows), dtype=np.bool_)
    step = rows[1:] - rows[:-1]
    heads[1:] = (step != 0) & ((step != 1) | (frame.begin[rows[1:]] != CONTINUES))
    looks, found = frame.lookups, rows[heads]
    at, which = found, np.arange(len(found))
    while len(at):
        more = frame.begin[at] == CONTINUES
        if not first:
            more &= looks.open[frame.stage[at - 1]]
        at, which = at[more] - 1, which[more]
        inside = looks.wip[frame.stage[at]]
        found[which[inside]] = at[inside]
    whole: Rows = found[np.cumsum(heads) - 1]
    return whole
