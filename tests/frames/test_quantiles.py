"""Percentiles by nearest rank, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from metrics_api.core.days import buckets
from metrics_api.quantiles import nearest_ranks, percentiles, quantile_rows
from metrics_api.query import Query

DAY = buckets(1_772_380_800, 1_772_380_800 + 86_400, "1d", "Asia/Shanghai")


def ranks(values: list[float], *asked: int, few: int = 5) -> list[float]:
    """The percentiles, in thousandths of a percent, of one line."""
    found, count = nearest_ranks(np.array(values), np.zeros(len(values), dtype=np.int64), 1, asked, few)
    assert count.tolist() == [len(values)]
    return [float(one) for one in found[:, 0]]


@pytest.mark.parametrize(
    ("n", "asked", "rank"),
    [
        # ceil(p * n), without what floating point makes of 0.55 * 100 and 0.07 * 100.
        (1, 50_000, 1),
        (2, 50_000, 1),
        (3, 50_000, 2),
        (20, 85_000, 17),
        (7, 85_000, 6),
        (100, 55_000, 55),
        (100, 7_000, 7),
        (1000, 99_900, 999),
        (6, 1_000, 1),
        (6, 99_999, 6),
    ],
)
def test_a_percentile_is_the_value_of_its_rank(n: int, asked: int, rank: int) -> None:
    values = [10 * number for number in range(n, 0, -1)]
    assert ranks(values, asked, few=1) == [10 * rank]
    # Ratios are sorted in another way than whole seconds are.
    assert ranks([value / 16 for value in values], asked, few=1) == [10 * rank / 16]


def test_high_percentiles_of_few_values_are_not_shown() -> None:
    found = ranks([4, 3, 2, 1], 25_000, 50_000, 50_001, 85_000)
    assert found[:2] == [1, 2]
    assert np.isnan(found[2:]).all()
    assert ranks([4, 3, 2, 1, 5], 50_001, 85_000) == [3, 5]
    assert np.isnan(ranks([], 50_000, 85_000, few=1)).all()


def test_lines_do_not_mix() -> None:
    values, lines = np.array([5, 2**32, 1, 3]), np.array([2, 0, 2, 2])
    found, count = nearest_ranks(values, lines, 4, [50_000], 1)
    assert count.tolist() == [1, 0, 3, 0]
    assert found[0].tolist()[::2] == [2**32, 3]
    assert np.isnan(found[0][1::2]).all()


def test_rows_are_named_by_what_was_asked_and_come_in_order() -> None:
    query = Query(DAY, options={"q": "5,50,99.9"})
    assert percentiles(query) == {"p5": 5_000, "p50": 50_000, "p99.9": 99_900}
    rows = quantile_rows(
        query,
        1,
        np.array([30, 10, 20]),
        np.array([1, 0, 1]),
        np.array([0, 1, 1]),
        [(("severity", "fatal"),), (("severity", "N/A"),)],
        counts={"skipped_n": np.array([[7, 8], [9, 0]])},
    )
    names = ("p5", "p50", "p99.9", "n", "skipped_n")
    assert [row.endpoint for row in rows] == [f"{one}/{name}" for one in ("fatal", "N/A") for name in names]
    found = {row.endpoint: row.values.tolist() for row in rows}
    assert (found["fatal/n"], found["fatal/skipped_n"]) == ([0, 1], [7, 8])
    assert (found["N/A/n"], found["N/A/skipped_n"]) == ([1, 1], [9, 0])
    assert (found["N/A/p50"], found["fatal/p99.9"][1]) == ([30, 20], 10)
    assert rows[0].split == (("severity", "fatal"), ("quantile", "p5"))
