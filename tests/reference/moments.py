"""Moments: numbers for the seconds that matter, mostly at the edges of days, so that many share one."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from .wire import BEIJING

# Soon after these days clocks change: New York's on 2024-03-10, Berlin's on 2024-03-31 and 2024-10-27.
BASES = ((2024, 3, 7), (2024, 3, 28), (2024, 10, 24))
# Seconds of a Beijing day: its edges, those of Berlin's, New York's and UTC's days, and two at work.
SECONDS = (0, 1, 21_599, 21_600, 25_200, 28_799, 28_800, 36_000, 43_199, 46_800, 54_000, 86_399)
A_DAY = len(SECONDS)
DAYS = 10
MOMENTS = DAYS * A_DAY


def clock(base: int, moment: int) -> datetime:
    """The Beijing time of a moment; those before 0 and after the last day exist as well."""
    day, second = divmod(moment, A_DAY)
    return datetime(*BASES[base], tzinfo=ZoneInfo(BEIJING)) + timedelta(days=day, seconds=SECONDS[second])


def epoch(base: int, moment: int) -> int:
    """A moment as epoch seconds."""
    return int(clock(base, moment).timestamp())


def wire_time(base: int, moment: int) -> str:
    """A moment as TAPD writes it."""
    return clock(base, moment).strftime("%Y-%m-%d %H:%M:%S")
