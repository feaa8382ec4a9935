"""The clock of work: hours, days of rest and work, zones, and clocks that are put forward and back."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from pydantic import ValidationError

from metrics_api.core.days import BEIJING
from metrics_api.core.sections import Calendar
from metrics_api.worktime import work_clock

NINE_TO_SIX = ((time(9), time(18)),)
ROUND_THE_CLOCK = ((time(0), time(12)), (time(12, 0, 1), time(23, 59, 59)))


def seconds(calendar: Calendar, start: str, stop: str, zone: str = BEIJING) -> int:
    """Seconds of work between two local times."""
    instants = [
        int(datetime.fromisoformat(one).replace(tzinfo=ZoneInfo(zone)).timestamp()) for one in (start, stop)
    ]
    low, high = work_clock(calendar, zone).upto(np.array(instants, dtype=np.uint32)).tolist()
    return int(high - low)


def hours(calendar: Calendar, start: str, stop: str, zone: str = BEIJING) -> float:
    return seconds(calendar, start, stop, zone) / 3600


@pytest.mark.parametrize(
    ("start", "stop", "expected"),
    [
        # Within a day, before it, after it, over a night, over a weekend.
        ("2026-03-02 10:00", "2026-03-02 11:30", 1.5),
        ("2026-03-02 06:00", "2026-03-02 10:00", 0.5),
        ("2026-03-02 18:30", "2026-03-03 09:30", 0),
        ("2026-03-02 17:30", "2026-03-03 10:30", 2),
        ("2026-03-06 17:30", "2026-03-09 10:30", 2),
        ("2026-03-07 00:00", "2026-03-09 00:00", 0),
        ("2026-03-02 00:00", "2026-03-09 00:00", 45),
    ],
)
def test_work_is_done_in_the_hours_of_working_days(start: str, stop: str, expected: float) -> None:
    assert hours(Calendar(), start, stop) == expected


# Everything that the State Council's notices for 2025 and 2026 make of days.
REST = {
    2025: "01-01 01-28 01-29 01-30 01-31 02-03 02-04 04-04 05-01 05-02 05-05 06-02 "
    "10-01 10-02 10-03 10-06 10-07 10-08",
    2026: "01-01 01-02 02-16 02-17 02-18 02-19 02-20 02-23 04-06 05-01 05-04 05-05 06-19 09-25 "
    "10-01 10-02 10-05 10-06 10-07",
}
WORK = {
    2025: "01-26 02-08 04-27 09-28 10-11",
    2026: "01-04 02-14 02-28 05-09 09-20 10-10",
}


@pytest.mark.parametrize("year", [2025, 2026])
def test_the_days_of_a_year_are_those_of_the_notice(year: int) -> None:
    rest = {date.fromisoformat(f"{year}-{day}") for day in REST[year].split()}
    work = {date.fromisoformat(f"{year}-{day}") for day in WORK[year].split()}
    day = date(year, 1, 1)
    while day.year == year:
        expected = day in work or (day.weekday() < 5 and day not in rest)
        found = seconds(Calendar(), f"{day} 00:00", f"{day + timedelta(days=1)} 00:00")
        assert found == (9 * 3600 if expected else 0), day
        day += timedelta(days=1)


def test_a_year_without_a_notice_has_the_holidays_of_the_law_and_plain_weekends() -> None:
    # The National Day of 2040 is a Monday, three days are of the law; the days after it are of work.
    assert hours(Calendar(), "2040-09-24 00:00", "2040-10-08 00:00") == 9 * 7
    assert hours(Calendar(), "2040-03-03 00:00", "2040-03-05 00:00") == 0


def test_a_product_has_hours_and_days_of_its_own() -> None:
    own = Calendar(
        hours=((time(9), time(12)), (time(13), time(18))),
        off=(date(2026, 3, 3), date(2026, 2, 14)),
        on=(date(2026, 3, 7), date(2026, 2, 17)),
    )
    assert hours(own, "2026-03-02 11:00", "2026-03-02 14:00") == 2
    assert hours(own, "2026-03-02 12:15", "2026-03-02 12:45") == 0
    assert hours(own, "2026-03-03 00:00", "2026-03-04 00:00") == 0
    assert hours(own, "2026-03-07 00:00", "2026-03-08 00:00") == 8
    # Both go before what the country says: a shifted Saturday off, the Spring Festival worked through.
    assert hours(own, "2026-02-14 00:00", "2026-02-15 00:00") == 0
    assert hours(own, "2026-02-17 00:00", "2026-02-18 00:00") == 8


def test_another_country_has_holidays_of_its_own() -> None:
    german = Calendar(country="DE", hours=NINE_TO_SIX)
    # The Day of German Unity is a Saturday in 2026, Good Friday and Easter Monday are not.
    assert hours(german, "2026-04-02 00:00", "2026-04-08 00:00", "Europe/Berlin") == 9 * 2
    # Friday and Saturday are the weekend there.
    saudi = Calendar(country="SA", hours=NINE_TO_SIX)
    assert hours(saudi, "2026-07-03 00:00", "2026-07-06 00:00", "Asia/Riyadh") == 9


@pytest.mark.parametrize(
    ("zone", "day", "expected"),
    [
        # 02:00 is 03:00 at once, and 03:00 is 02:00 once more; in New York at 02:00.
        ("Europe/Berlin", date(2026, 3, 29), 23 * 3600 - 2),
        ("Europe/Berlin", date(2026, 10, 25), 25 * 3600 - 2),
        ("America/New_York", date(2026, 3, 8), 23 * 3600 - 2),
        ("America/New_York", date(2026, 11, 1), 25 * 3600 - 2),
        # That day has no midnight, this one its last hour twice, and the last second of it.
        ("America/Santiago", date(2026, 9, 6), 23 * 3600 - 2),
        ("America/Santiago", date(2026, 4, 4), 25 * 3600 - 3),
        ("Asia/Shanghai", date(2026, 3, 29), 24 * 3600 - 2),
    ],
)
def test_a_night_shift_is_as_long_as_its_clocks_say(zone: str, day: date, expected: int) -> None:
    # All of the day but 12:00:00 and 23:59:59.
    calendar = Calendar(hours=ROUND_THE_CLOCK, on=(day,))
    after = day + timedelta(days=1)
    assert seconds(calendar, f"{day} 00:00", f"{after} 00:00", zone) == expected
    # The days round it are counted from where they are.
    calendar = Calendar(hours=((time(1), time(4)),), on=(day, after, day - timedelta(days=1)))
    whole = seconds(calendar, f"{day - timedelta(days=1)} 00:00", f"{after} 12:00", zone)
    parts = [
        seconds(calendar, f"{one} 00:00", f"{one} 12:00", zone)
        for one in (day - timedelta(days=1), day, after)
    ]
    assert whole == sum(parts)


def test_hours_in_which_clocks_are_changed_are_counted_as_the_clocks_show_them() -> None:
    calendar = Calendar(hours=((time(1), time(4)),), on=(date(2026, 3, 29), date(2026, 10, 25)))
    assert hours(calendar, "2026-03-29 00:00", "2026-03-29 12:00", "Europe/Berlin") == 2
    assert hours(calendar, "2026-10-25 00:00", "2026-10-25 12:00", "Europe/Berlin") == 4


def test_the_clock_runs_only_forward_and_never_faster_than_time() -> None:
    clock = work_clock(Calendar(), "America/New_York")
    instants = np.arange(0, 2**32 - 1, 2**32 // 50_000, dtype=np.uint32)
    steps, passed = np.diff(clock.upto(instants)), np.diff(instants.astype(np.int64))
    assert (steps >= 0).all()
    assert (steps <= passed).all()
    assert clock.upto(np.empty(0, dtype=np.uint32)).tolist() == []


def test_a_country_nobody_knows_is_refused() -> None:
    with pytest.raises(ValidationError, match="unknown country 'XX'"):
        Calendar(country="XX")
