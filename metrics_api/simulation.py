"""Simulated futures: how many days some work takes, if each day is like one of the past."""

from __future__ import annotations

import numpy as np

from metrics_api.columns import Array

RUNS = 10_000
# The largest sum that the distribution of a block of days is worked out for.
WIDEST = 4096


def days_taken(daily: Array, work: int, rng: np.random.Generator) -> Array:
    """After how many days each of RUNS futures has got an amount of work done, rising.

    Each day of a future brings the number of one day of the past, drawn at random from `daily` with
    replacement; one of them at least must be above 0. Far-off ends take no longer than near ones: while even
    a block of the best days could not finish, its days are drawn as one number from the distribution that
    their sum has.
    """
    done, days = np.zeros(RUNS, dtype=np.int64), np.zeros(RUNS, dtype=np.int64)
    best = int(daily.max())
    chances = [np.bincount(daily) / len(daily)]
    while (len(chances[-1]) - 1) * 2 < min(work, WIDEST):
        chances.append(np.convolve(chances[-1], chances[-1]))
    for level in reversed(range(len(chances))):
        size, upto = 2**level, np.cumsum(chances[level])
        going = np.flatnonzero(done + size * best < work)
        while len(going):
            done[going] += _drawn(upto, len(going), rng)
            days[going] += size
            going = going[done[going] + size * best < work]
    # What is left goes day by day; days on which nothing is done only pass.
    fruitful = daily[daily > 0]
    going = np.flatnonzero(done < work)
    while len(going):
        days[going] += rng.geometric(len(fruitful) / len(daily), len(going))
        done[going] += fruitful[rng.integers(len(fruitful), size=len(going))]
        going = going[done[going] < work]
    return np.sort(days)


def _drawn(upto: Array, count: int, rng: np.random.Generator) -> Array:
    """Numbers drawn at random; `upto[n]` is the chance of n or less."""
    return np.minimum(np.searchsorted(upto, rng.random(count), side="right"), len(upto) - 1)
