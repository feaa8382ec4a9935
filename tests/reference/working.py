"""Working time, day by day: what of each day's hours lies between two instants.

The days of rest in China are those of the State Council's notices for 2024, when the random companies live.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from .days import day_of

# Rest on what would be days of work, and work at what would be weekends.
REST = frozenset(
    [
        *(date(2024, 4, 4), date(2024, 4, 5), date(2024, 5, 1), date(2024, 5, 2), date(2024, 5, 3)),
        *(date(2024, 6, 10), date(2024, 9, 16), date(2024, 9, 17), date(2024, 10, 1), date(2024, 10, 2)),
        *(date(2024, 10, 3), date(2024, 10, 4), date(2024, 10, 7), date(2025, 1, 1)),
    ]
)
WORK = frozenset(
    [
        *(date(2024, 4, 7), date(2024, 4, 28), date(2024, 5, 11), date(2024, 9, 14), date(2024, 9, 29)),
        date(2024, 10, 12),
    ]
)


@dataclass(frozen=True)
class WorkCalendar:
    """The hours of a day, and days off and on whatever the country does."""

    hours: tuple[tuple[time, time], ...] = ((time(9, 30), time(18, 30)),)
    off: frozenset[date] = frozenset()
    on: frozenset[date] = frozenset()

    def works(self, day: date) -> bool:
        if day in self.on or day in self.off:
            return day in self.on
        return day in WORK or (day.weekday() < 5 and day not in REST)

    def seconds(self, start: int, stop: int, zone: str) -> int:
        """Seconds of work in [start, stop); no clock is put forward or back within the hours of work."""
        day, found = day_of(start, zone), 0
        while day <= day_of(stop, zone):
            if self.works(day):
                for low, high in self.hours:
                    inside = min(stop, instant(day, high, zone)) - max(start, instant(day, low, zone))
                    found += max(0, inside)
            day += timedelta(days=1)
        return found


def instant(day: date, moment: time, zone: str) -> int:
    """When the clocks of a zone show a time of a day."""
    return int(datetime.combine(day, moment, ZoneInfo(zone)).astimezone(UTC).timestamp())
