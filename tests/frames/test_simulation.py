"""Simulated futures against their exact chances, worked out day by day."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from metrics_api.simulation import RUNS, days_taken
from tests.reference.forecasts import chances


@pytest.mark.parametrize(
    ("daily", "work"),
    [
        ([1], 3),
        ([0, 1], 1),
        ([0, 0, 0, 2], 7),
        ([0, 1, 2, 9], 60),
        ([0] * 11 + [20], 55),
        ([3, 0, 1, 0, 0, 2, 5], 200),
        ([7, 8, 9], 1000),
    ],
)
def test_futures_come_with_their_chances(daily: list[int], work: int) -> None:
    taken = days_taken(np.array(daily), work, np.random.default_rng(1))
    assert len(taken) == RUNS
    assert (np.diff(taken) >= 0).all()
    exact = chances(daily, work, 0.999)
    shares = [Fraction(int((taken <= days).sum()), RUNS) for days in range(len(exact))]
    # Of 10,000 drawn at random a share is within 0.02 of its chance but once in 15,000 times.
    for share, chance in zip(shares, exact, strict=True):
        assert abs(float(share) - chance) < 0.02


def test_no_work_takes_no_days() -> None:
    assert days_taken(np.array([0, 1]), 0, np.random.default_rng(1)).max() == 0


def test_a_great_deal_of_work_is_simulated_as_fast() -> None:
    # The best day brings ten; a hundred thousand pieces take 30,000 days, give or take what chance does.
    taken = days_taken(np.array([0, 0, 10]), 100_000, np.random.default_rng(1))
    assert taken[0] > 29_000
    assert taken[-1] < 31_000
    assert abs(float(taken.mean()) - 30_000) < 10
