"""Working time: how many seconds of work were done up to an instant, on the calendar of a product.

Work is done while the clocks of the product's zone show working hours on a day that is none of rest. Days of
rest are those of the country, China's shifted weekends among them; where nothing is published yet, the
holidays that the law itself names, and plain weekends. A duration is what was done up to its end less what
was done up to its beginning.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, time
from functools import lru_cache

import holidays
import numpy as np

from metrics_api.columns import Array, Mask, Rows
from metrics_api.core.days import DAY_S, day_number, offsets
from metrics_api.core.sections import Calendar
from metrics_api.frames import ItemFrame
from metrics_api.query import Query
from metrics_api.visits import Measure, elapsed

# The days that epoch seconds of 32 bits can be in, in any zone.
DAYS = 2**32 // DAY_S + 2
YEARS = range(1970, 2107)
MONDAY = 4  # 1970-01-05


@dataclass(frozen=True, eq=False)
class WorkClock:
    """A clock that runs only while work is done; `upto` reads it.

    `changes` are the instants (epoch s) at which the zone's `shifts` (s) begin to hold, and `ahead` how far
    the clock is then ahead of local time counted through. `days` is how many days of work there are before
    each day since 1970, `works` which days are of work, `spans` the hours as seconds of a day.
    """

    changes: Array
    shifts: Array
    ahead: Array
    days: Array
    works: Mask
    spans: tuple[tuple[int, int], ...]

    def upto(self, instants: Array) -> Array:
        """Seconds of work done before each of some instants (epoch s)."""
        seconds = instants.astype(np.int64)
        if not len(seconds):
            return seconds
        place = self._places(np.array([seconds.min(), seconds.max()]))
        # Most often no clock was changed in between.
        place = place[0] if place[0] == place[1] else self._places(seconds)
        return self._local(seconds + self.shifts[place]) + self.ahead[place]

    def _places(self, seconds: Array) -> Array:
        """Which of the zone's shifts holds at each of some instants."""
        return np.searchsorted(self.changes, seconds, side="right") - 1

    def _local(self, seconds: Array) -> Array:
        """Seconds of work before moments of local time, as if no clock was ever put forward or back."""
        day = np.maximum(seconds // DAY_S, 0)
        second = seconds - day * DAY_S
        whole = sum(stop - start for start, stop in self.spans)
        today = sum(np.clip(second - start, 0, stop - start) for start, stop in self.spans)
        done: Array = self.days[day] * whole + self.works[day] * today
        return done


@lru_cache(maxsize=64)
def work_clock(calendar: Calendar, zone_name: str) -> WorkClock:
    """The clock of a calendar in a zone."""
    works = _working_days(calendar.country).copy()
    for dates, works_then in ((calendar.off, False), (calendar.on, True)):
        works[[day for day in map(day_number, dates) if 0 <= day < DAYS]] = works_then
    days = np.append(0, np.cumsum(works, dtype=np.int64)[:-1])
    changes, shifts = offsets(zone_name)
    spans = tuple((_second(start), _second(stop)) for start, stop in calendar.hours)
    plain = WorkClock(changes, shifts, np.zeros(len(shifts), dtype=np.int64), days, works, spans)
    # Where the clocks are changed local time jumps; the clock of work does not.
    jumps = [
        int(plain._local(changes[at] + shifts[at - 1]) - plain._local(changes[at] + shifts[at]))
        for at in range(1, len(shifts))
    ]
    return WorkClock(changes, shifts, np.cumsum([0, *jumps]), days, works, spans)


def _second(moment: time) -> int:
    return moment.hour * 3600 + moment.minute * 60 + moment.second


@lru_cache(maxsize=16)
def _working_days(country: str) -> Mask:
    """Which days since 1970 are days of work in a country."""
    known = holidays.country_holidays(country, years=YEARS)
    weekday = (np.arange(DAYS) - MONDAY) % 7
    works = ~np.isin(weekday, list(known.weekend))
    works[list(_numbers(known))] = False
    works[list(_numbers(known.weekend_workdays))] = True
    return works


def _numbers(dates: Iterable[date]) -> Iterator[int]:
    return (day for day in map(day_number, dates) if 0 <= day < DAYS)


def work(frame: ItemFrame, rows: Rows) -> Measure:
    """Measures in working time how long the items of some rows did something.

    Each goes by the calendar of the product that it belongs to in its row, in that product's zone.
    """
    codes = frame.codes["workspace"][rows]
    clocks = {code: _clock_of(frame, code) for code in np.unique(codes).tolist()}

    def measured(which: Rows, start: Array, stop: Array) -> Array:
        found = np.zeros(len(which), dtype=np.int64)
        for clock in dict.fromkeys(clocks.values()):
            own = np.array([code for code, one in clocks.items() if one is clock], dtype=codes.dtype)
            at = slice(None) if len(own) == len(clocks) else np.isin(codes[which], own)
            found[at] = clock.upto(stop[at]) - clock.upto(start[at])
        return found

    return measured


def _clock_of(frame: ItemFrame, code: int) -> WorkClock:
    """The clock of the product that a workspace (by its code) belongs to."""
    workspace = frame.context.workspaces.get(frame.dictionaries["workspace"].values[code])
    if workspace is None:
        return work_clock(Calendar(), frame.context.zone)
    return work_clock(workspace.settings.calendar, workspace.zone)


def asked_measure(frame: ItemFrame, query: Query, rows: Rows) -> tuple[Measure, tuple[tuple[str, str], ...]]:
    """(what measures the durations of the items of some rows under `calendar`, the tags that say so)."""
    if query.options.get("calendar") == "work":
        return work(frame, rows), (("calendar", "work"),)
    return elapsed, ()
