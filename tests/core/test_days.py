"""Days, weeks and months in zones, with literal instants."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics_api.core.days import (
    buckets,
    day_number,
    day_numbers,
    day_of,
    naive_epoch,
    naive_text,
    zone_data,
)
from metrics_api.core.errors import BadRequest


def test_beijing_strings_are_read_at_plus_eight_and_written_back() -> None:
    assert naive_epoch("2026-03-02 00:00:00") == 1772380800  # 2026-03-01T16:00:00Z
    assert naive_epoch("2026-03-02") == 1772380800
    assert naive_text(1772380800) == "2026-03-02 00:00:00"


@pytest.mark.parametrize("text", [None, "", "--", "0000-00-00 00:00:00", "0000-00-00"])
def test_the_empty_spellings_of_a_time_are_no_time(text: str | None) -> None:
    assert naive_epoch(text) is None


def test_one_second_before_midnight_is_the_day_before() -> None:
    shanghai = day_numbers(np.array([1772380799, 1772380800]), "Asia/Shanghai")
    assert shanghai.tolist() == [20513, 20514]  # 2026-03-01 and 2026-03-02
    assert day_numbers(np.array([1772380799, 1772380800]), "UTC").tolist() == [20513, 20513]


def test_days_in_berlin_have_23_and_25_hours_when_the_clocks_change() -> None:
    spring = buckets(1774738800, 1774738800, "1d", "Europe/Berlin")  # 2026-03-29 00:00 +01:00
    assert spring.ends[0] - spring.starts[0] == 23 * 3600
    autumn = buckets(1792879200, 1792879200, "1d", "Europe/Berlin")  # 2026-10-25 00:00 +02:00
    assert autumn.ends[0] - autumn.starts[0] == 25 * 3600


def test_weeks_begin_on_monday_and_months_on_the_first() -> None:
    week = buckets(1772683200, 1772683200, "1w", "Asia/Shanghai")  # Thursday 2026-03-05 12:00
    assert week.starts == (1772380800,)  # Monday 2026-03-02 00:00 +08:00
    assert (week.step_s, week.last_days[0] - week.first_days[0]) == (604800, 6)
    month = buckets(1772683200, 1775059200, "1M", "Asia/Shanghai")  # to 2026-04-02 00:00
    assert month.starts == (1772294400, 1774972800)
    assert month.step_s == 2592000


def test_the_whole_window_can_be_one_bucket() -> None:
    whole = buckets(1772380800, 1772380800 + 3 * 86400, "all", "Asia/Shanghai")
    assert (len(whole), whole.starts, whole.ends) == (1, (1772380800,), (1772380800 + 4 * 86400,))


def test_a_window_that_ends_before_it_begins_has_no_buckets() -> None:
    assert len(buckets(200_000, 100_000, "1d", "UTC")) == 0


def test_hours_are_those_of_the_zones_clocks() -> None:
    hours = buckets(1772424100, 1772424100 + 3600, "1h", "Asia/Shanghai")  # 2026-03-02 12:01:40
    assert (hours.starts, hours.ends) == ((1772424000, 1772427600), (1772427600, 1772431200))
    assert (hours.step_s, hours.first_days, hours.last_days) == (3600, (20514, 20514), (20514, 20514))
    half = buckets(1772424100, 1772424100, "1h", "Asia/Kolkata")  # 2026-03-02 09:31:40
    assert (half.starts, half.ends) == ((1772422200,), (1772425800,))
    # 2026-03-29 01:59:59 in Berlin: an hour later it is 03:59:59.
    spring = buckets(1774745999, 1774749599, "1h", "Europe/Berlin")
    assert (spring.starts, spring.ends) == ((1774742400, 1774746000), (1774746000, 1774749600))
    with pytest.raises(BadRequest, match="30000 buckets of 1h"):
        buckets(0, 30_000 * 3600, "1h", "UTC")


@pytest.mark.parametrize(
    ("step", "zone", "says"), [("2h", "UTC", "1h, 1d, 1w, 1M, all"), ("1d", "Mars", "Asia/Shanghai")]
)
def test_an_unknown_step_or_zone_says_what_would_be_right(step: str, zone: str, says: str) -> None:
    with pytest.raises(BadRequest, match=says):
        buckets(0, 86400, step, zone)


def test_a_window_of_too_many_buckets_is_refused_in_words() -> None:
    with pytest.raises(BadRequest, match="longer step"):
        buckets(0, 4_000_000_000, "1d", "UTC")


@given(
    st.lists(st.integers(86_400, 2**32 - 1), min_size=1, max_size=20),
    st.sampled_from(["Asia/Shanghai", "UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe"]),
)
def test_day_numbers_of_many_instants_are_those_of_each(instants: list[int], zone: str) -> None:
    expected = [day_number(day_of(instant, zone)) for instant in instants]
    assert day_numbers(np.array(instants, dtype=np.uint32), zone).tolist() == expected


def test_the_zone_data_says_which_release_it_is() -> None:
    assert re.fullmatch(r"20\d\d[a-z]{1,2}", zone_data())
