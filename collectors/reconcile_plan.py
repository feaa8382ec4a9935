"""Which months and days of a list are looked at in a night."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from datetime import date, timedelta
from itertools import groupby

# Months that are counted singly each night, earlier ones whose ids are compared by turns, and days whose
# changes are counted each night.
RECENT, SAMPLED, RECENT_DAYS = 3, 2, 7
DAY = timedelta(days=1)


class Span:
    """The months of a list, `YYYY-MM`, from its oldest day to the last one that was over when it was read.

    `oldest` is "" for an empty list, `read` the day on which it was read, both `YYYY-MM-DD`.
    """

    def __init__(self, oldest: str, read: str) -> None:
        self.last = date.fromisoformat(read) - DAY
        self.months: list[str] = []
        month = date.fromisoformat(oldest).replace(day=1) if oldest else date.max
        while oldest and oldest <= self.last.isoformat() and month <= self.last:
            self.months.append(month.isoformat()[:7])
            month = (month + 31 * DAY).replace(day=1)

    def earlier(self) -> list[str]:
        """The months before the recent ones."""
        return self.months[:-RECENT]

    def years(self) -> list[list[str]]:
        """The months before the recent ones, by years."""
        return [list(months) for _, months in groupby(self.earlier(), key=lambda month: month[:4])]

    def recent(self) -> list[str]:
        """The newest months."""
        return self.months[-RECENT:]

    def sampled(self, number: int, of: Sequence[str]) -> set[str]:
        """So many of some months, others each night until all had their turn."""
        start = self.last.toordinal() * number
        return {of[(start + at) % len(of)] for at in range(min(number, len(of)))}

    def since(self, day: date | None) -> set[str]:
        """The months from that of a day on; none without one."""
        return {month for month in self.months if day and month >= day.isoformat()[:7]}

    def range(self, first: str, last: str) -> str:
        """The days from one month to another as TAPD's filters take them."""
        return f"{first}-01~{min(_end(last), self.last).isoformat()}"

    def days(self, month: str) -> Iterator[str]:
        """The days of a month, as far as they are complete."""
        day, end = date.fromisoformat(f"{month}-01"), min(_end(month), self.last)
        while day <= end:
            yield day.isoformat()
            day += DAY

    def changes(self, whole: Collection[str], since: date | None) -> dict[str, list[str]]:
        """The days whose changes are counted, by month: the newest, one month by turns, and `whole` ones."""
        wanted = {*whole, *self.since(since), *self.sampled(1, self.months)}
        found = {month: list(self.days(month)) for month in self.months if month in wanted}
        for back in reversed(range(RECENT_DAYS)):
            day = (self.last - back * DAY).isoformat()
            if day[:7] in self.months and day not in found.setdefault(day[:7], []):
                found[day[:7]].append(day)
        return found

    def stored(self, counts: Counter[str], first: str, last: str) -> int:
        """How many are stored from one month to another, as far as the days are complete."""
        end = self.last.isoformat()
        return sum(number for day, number in counts.items() if first <= day[:7] <= last and day <= end)


def _end(month: str) -> date:
    """The last day of a month."""
    return (date.fromisoformat(f"{month}-01") + 31 * DAY).replace(day=1) - DAY
