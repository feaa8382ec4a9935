"""Times as the two upstreams write them, and the working calendar of the company.

TAPD writes naive Beijing strings; the simulated GitLab instance is configured for the same zone and writes
milliseconds and an offset.
"""

import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import cache
from random import Random

BEIJING = timezone(timedelta(hours=8), "CST")

#: First day of the Spring Festival; the office is empty for eight days from the eve on.
SPRING_FESTIVALS = (
    date(2024, 2, 10),
    date(2025, 1, 29),
    date(2026, 2, 17),
    date(2027, 2, 6),
    date(2028, 1, 26),
    date(2029, 2, 13),
    date(2030, 2, 3),
)
_OPENS_H, _CLOSES_H = 9.5, 19.0


def utc_now() -> datetime:
    """The present instant, aware, in UTC."""
    return datetime.now(UTC)


def beijing(moment: datetime) -> str:
    """``YYYY-MM-DD HH:MM:SS`` in Beijing, as TAPD writes it."""
    return moment.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def beijing_day(moment: datetime) -> date:
    """The Beijing calendar day of an instant."""
    return moment.astimezone(BEIJING).date()


def from_beijing(text: str) -> datetime:
    """The instant of a TAPD time (``YYYY-MM-DD HH:MM:SS``) or date (its midnight); ValueError if it is
    neither.
    """
    return datetime.fromisoformat(text).replace(tzinfo=BEIJING)


def gitlab_time(moment: datetime) -> str:
    """ISO 8601 with milliseconds and the instance's offset, ``2026-03-02T10:00:00.123+08:00``."""
    return moment.astimezone(BEIJING).isoformat(timespec="milliseconds")


def midnight(day: date) -> datetime:
    """The first instant of a Beijing day."""
    return datetime.combine(day, time(0), BEIJING)


@cache
def is_holiday(day: date) -> bool:
    """Whether the office is closed for a public holiday (weekends apart)."""
    if (day.month, day.day) in {(1, 1), (5, 1), (5, 2), (5, 3)} or (day.month == 10 and day.day <= 7):
        return True
    return any(-1 <= (day - first).days < 7 for first in SPRING_FESTIVALS)


def is_workday(day: date) -> bool:
    """Whether most of the company works on that day."""
    return day.weekday() < 5 and not is_holiday(day)


def office_weight(day: date) -> float:
    """How busy a day is; 1.0 is an ordinary Tuesday."""
    if is_holiday(day):
        return 0.02
    return (1.05, 1.0, 1.05, 1.0, 0.85, 0.10, 0.05)[day.weekday()]


def office_moment(rng: Random, day: date) -> datetime:
    """A moment of that day as people spread over it: mornings, afternoons, some evenings; whole seconds."""
    peak, width = rng.choices(((10.8, 0.7), (15.6, 1.4), (20.4, 0.9)), (38, 52, 10))[0]
    hour = min(max(rng.gauss(peak, width), 8.0), 23.4)
    return midnight(day) + timedelta(seconds=int(hour * 3600))


def after_work(moment: datetime, hours: float) -> datetime:
    """The instant after that many working hours (9:30 to 19:00 Beijing on workdays), in whole seconds."""
    local = moment.astimezone(BEIJING)
    day, hour = local.date(), local.hour + local.minute / 60 + local.second / 3600
    if not is_workday(day) or hour >= _CLOSES_H:
        day, hour = day + timedelta(days=1), _OPENS_H
    hour = max(hour, _OPENS_H)
    while True:
        if is_workday(day):
            if hour + hours < _CLOSES_H:
                return midnight(day) + timedelta(seconds=math.ceil((hour + hours) * 3600))
            hours -= _CLOSES_H - hour
        day, hour = day + timedelta(days=1), _OPENS_H
