"""Blocks: between which instants the segments of each block of rows start and stop, by stage class.

A question about some weeks looks only into the blocks in which something may have happened in them: what
databases call a block range index or a zone map. It says where rows may be, never that there are any.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metrics_api.columns import NEVER, Array, Mask
from metrics_api.core.days import DAY_S

# Rows in a block.
ROWS = 4096
# How many rows are looked at in one go: what holds the interpreter's lock must be short.
CHUNK = 100_000
# What ranges are kept of: starts, stops, and the starts of what lasts; and their ends.
START, STOP, LASTING = 0, 1, 2
LOW, HIGH = 0, 1


@dataclass(frozen=True)
class Blocks:
    """The blocks of a snapshot of `size` rows, each of `rows` but for the last.

    `ranges` has the earliest and the latest start, stop, and start of what has no stop (epoch seconds) by
    block and stage class: its shape is (which of them, low or high, blocks, classes). Where a block has none,
    low is above high. Days are those of any time zone, numbered from 1970 on; `stages` are masks by stage
    class, None for all.
    """

    size: int
    rows: int
    ranges: Array

    def starting(self, first: int, last: int, stages: Mask | None = None) -> Mask:
        """In which blocks segments may start on the days from `first` to `last`."""
        return self._within(START, first, last, stages)

    def stopping(self, first: int, last: int, stages: Mask | None = None) -> Mask:
        """In which blocks segments may stop on the days from `first` to `last`."""
        return self._within(STOP, first, last, stages)

    def standing(self, first: int, last: int, stages: Mask | None = None) -> Mask:
        """In which blocks segments may have lasted on any of the days from `first` to `last`."""
        since, until = _instants(first, last)
        ended = (self.ranges[START, LOW] <= until) & (self.ranges[STOP, HIGH] >= since)
        return _any(ended | (self.ranges[LASTING, LOW] <= until), stages)

    def holding(self, stages: Mask) -> Mask:
        """In which blocks segments may be in some stages."""
        return _any(self.ranges[START, LOW] <= self.ranges[START, HIGH], stages)

    def spans(self, which: Mask) -> list[slice]:
        """The rows of some blocks, neighbouring ones together."""
        edges = np.flatnonzero(np.diff(which.astype(np.int8), prepend=0, append=0)) * self.rows
        ends = np.minimum(edges, self.size).reshape(-1, 2).tolist()
        return [slice(low, high) for low, high in ends]

    def _within(self, column: int, first: int, last: int, stages: Mask | None) -> Mask:
        since, until = _instants(first, last)
        low, high = self.ranges[column]
        return _any((low <= until) & (high >= since), stages)


def _instants(first: int, last: int) -> tuple[int, int]:
    """The instants that may lie on some days, in whatever zone these are: epoch seconds."""
    return (first - 1) * DAY_S, (last + 2) * DAY_S


def _any(which: Mask, stages: Mask | None) -> Mask:
    """By block whether it holds of any stage class, or of any of some."""
    if stages is not None:
        asked = np.flatnonzero(stages)
        # A class that is known but that no row is in has no ranges.
        which = which[:, asked[asked < which.shape[1]]]
    found: Mask = np.any(which, axis=1)
    return found


class BlockTable:
    """The growing ranges behind the snapshots of one topic.

    A range in a snapshot may grow with rows that this does not have: it says the more what may be.
    """

    def __init__(self) -> None:
        self._rows = ROWS
        self._size = 0
        self._ranges: Array = _nothing(16, 16)

    def extend(self, stage: Array, start: Array, stop: Array) -> None:
        """Append rows by their columns."""
        for at in range(0, len(stage), CHUNK):
            part = slice(at, at + CHUNK)
            first, self._size = self._size, self._size + len(stage[part])
            self._make_room(self._blocks, int(stage[part].max()) + 1)
            block = np.arange(first, self._size) // self._rows
            cell = block * self._ranges.shape[3] + stage[part]
            ended = stop[part] != NEVER
            self._widen(START, cell, start[part])
            self._widen(STOP, cell[ended], stop[part][ended])
            self._widen(LASTING, cell[~ended], start[part][~ended])

    def _widen(self, column: int, cell: Array, instants: Array) -> None:
        """Let the ranges of some cells (the places of their block and class) have some instants in them."""
        low, high = (self._ranges[column, end].reshape(-1) for end in (LOW, HIGH))
        np.minimum.at(low, cell, instants)
        np.maximum.at(high, cell, instants)

    def view(self) -> Blocks:
        """The blocks as they are now."""
        return Blocks(self._size, self._rows, self._ranges[:, :, : self._blocks])

    @property
    def _blocks(self) -> int:
        return -(-self._size // self._rows)

    def _make_room(self, blocks: int, classes: int) -> None:
        """Let the ranges have so many blocks and classes at least."""
        known = self._ranges
        _, _, height, width = known.shape
        if blocks > height or classes > width:
            more = max(height, blocks + blocks // 8), max(width, classes)
            self._ranges = _nothing(*more)
            self._ranges[:, :, :height, :width] = known


def _nothing(blocks: int, classes: int) -> Array:
    """Ranges without rows."""
    found: Array = np.zeros((3, 2, blocks, classes), dtype=np.uint32)
    found[:, LOW] = NEVER
    return found
