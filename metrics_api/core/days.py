"""Zones and calendar buckets: the only module that knows what a day is.

All instants are int epoch seconds (UTC). A day is `[d 00:00, d+1 00:00)` in a zone, half-open and
DST-safe; weeks are ISO weeks (Monday), months are calendar months (docs/definitions.md, section 0).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zoneinfo import TZPATH, ZoneInfo, available_timezones

import numpy as np
import numpy.typing as npt

from metrics_api.core.errors import BadRequest

HOUR_S = 3600
DAY_S = 86_400
BEIJING = "Asia/Shanghai"
EPOCH = date(1970, 1, 1)
STEPS = {"1h": HOUR_S, "1d": DAY_S, "1w": 7 * DAY_S, "1M": 30 * DAY_S, "all": 0}

IntArray = npt.NDArray[np.signedinteger[Any]]


@lru_cache(maxsize=1)
def _zone_names() -> frozenset[str]:
    # The machine's own zone under its alias, and a placeholder, are nobody's zones.
    return frozenset(available_timezones() - {"localtime", "Factory"})


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """The zone of that IANA name; raises BadRequest for a name the time-zone database lacks."""
    if name not in _zone_names():
        raise BadRequest(f"unknown time zone {name!r}: use an IANA name such as Asia/Shanghai or UTC")
    return ZoneInfo(name)


def zone_data() -> str:
    """The release of the time-zone database in use, such as 2026f, "" where it does not say."""
    for folder in TZPATH:
        try:
            with (Path(folder) / "tzdata.zi").open(encoding="ascii", errors="replace") as lines:
                return lines.readline().removeprefix("# version").strip()
        except OSError:
            if (Path(folder) / BEIJING).exists():
                return ""
    year, _, number = version("tzdata").partition(".")
    return f"{year}{chr(ord('a') + int(number) - 1)}" if number.isdecimal() else year


@lru_cache(maxsize=4096)
def naive_epoch(text: str | None, zone_name: str = BEIJING) -> int | None:
    """Epoch seconds of an upstream's zone-less `YYYY-MM-DD[ HH:MM:SS]`; None for the empty spellings.

    Raises ValueError for anything else. TAPD writes empty times as null, "", "--" or zeros.
    """
    if text is None or text in ("", "--") or text.startswith("0000-00-00"):
        return None
    return int(datetime.fromisoformat(text).replace(tzinfo=zone(zone_name)).timestamp())


def naive_text(epoch: int, zone_name: str = BEIJING) -> str:
    """`YYYY-MM-DD HH:MM:SS` of an instant on the clocks of a zone, as TAPD's filters want it."""
    return datetime.fromtimestamp(epoch, zone(zone_name)).strftime("%Y-%m-%d %H:%M:%S")


def utc_now() -> datetime:
    """The present instant, aware."""
    return datetime.now(UTC)


def day_of(epoch: int, zone_name: str) -> date:
    """The calendar day an instant falls on in a zone."""
    return datetime.fromtimestamp(epoch, zone(zone_name)).date()


def day_start(day: date, zone_name: str) -> int:
    """Epoch seconds at which a calendar day begins in a zone."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone(zone_name)).timestamp())


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


@lru_cache(maxsize=16)
def offsets(zone_name: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(instants from which an offset holds, the offsets in seconds) of a zone, 1970 to 2106."""
    tz = zone(zone_name)

    def offset(epoch: int) -> int:
        delta = datetime.fromtimestamp(epoch, tz).utcoffset()
        assert delta is not None
        return int(delta.total_seconds())

    starts, values = [0], [offset(0)]
    at, step, end = 0, 7 * DAY_S, 2**32
    while at < end:
        after = min(at + step, end)
        if offset(after) != values[-1]:
            low, high = at, after
            while high - low > 1:
                middle = (low + high) // 2
                if offset(middle) == values[-1]:
                    low = middle
                else:
                    high = middle
            starts.append(high)
            values.append(offset(high))
            at = high
        else:
            at = after
    return np.array(starts, dtype=np.int64), np.array(values, dtype=np.int64)


def day_numbers(epochs: npt.NDArray[Any], zone_name: str) -> npt.NDArray[np.uint16]:
    """Day numbers (days since 1970-01-01 on the zone's calendar) of an array of epoch seconds.

    Instants outside 1970..2106 are clipped to it; the largest uint16 therefore means "later than any day".
    """
    starts, shifts = offsets(zone_name)
    seconds = epochs.astype(np.int64)
    if len(shifts) == 1:
        seconds += shifts[0]
    else:
        seconds += shifts[np.searchsorted(starts, seconds, side="right") - 1]
    seconds //= DAY_S
    return np.clip(seconds, 0, 65_535, out=seconds).astype(np.uint16)


@dataclass(frozen=True)
class Buckets:
    """Consecutive calendar buckets of one step in one zone.

    `starts` and `ends` are epoch seconds (ends exclusive), `first_days` and `last_days` the day numbers of
    the first and the last day in each bucket. `step_s` is what the wires call the step.
    """

    zone: str
    step: str
    step_s: int
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    first_days: tuple[int, ...]
    last_days: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.starts)

    def part(self, low: int, high: int) -> Buckets:
        """The buckets from place `low` up to, not including, `high`."""
        cut = slice(low, high)
        return replace(
            self,
            starts=self.starts[cut],
            ends=self.ends[cut],
            first_days=self.first_days[cut],
            last_days=self.last_days[cut],
        )


def _bucket_start(day: date, step: str) -> date:
    if step == "1w":
        return day - timedelta(days=day.weekday())
    if step == "1M":
        return day.replace(day=1)
    return day


def _next_bucket(day: date, step: str) -> date:
    if step == "1w":
        return day + timedelta(days=7)
    if step == "1M":
        return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return day + timedelta(days=1)


# Days since 1970, and for some decades to come.
MAX_BUCKETS = 30_000


def _too_many(step: str) -> BadRequest:
    return BadRequest(
        f"the window holds more than {MAX_BUCKETS} buckets of {step}: ask for less, or a longer step"
    )


def _hours(start: int, until: int, zone_name: str) -> Buckets:
    """The hours as a zone's clocks have them, some of which are half an hour off others'."""
    first = start - (start - day_start(day_of(start, zone_name), zone_name)) % HOUR_S
    starts = range(first, until + 1, HOUR_S)
    if len(starts) > MAX_BUCKETS:
        raise _too_many("1h")
    days = tuple(day_number(day_of(one, zone_name)) for one in starts)
    ends = range(first + HOUR_S, until + HOUR_S + 1, HOUR_S)
    return Buckets(zone_name, "1h", HOUR_S, tuple(starts), tuple(ends), days, days)


def buckets(start: int, until: int, step: str, zone_name: str) -> Buckets:
    """The buckets from the one containing `start` to the one containing `until`, both epoch seconds.

    `step` is one of STEPS; with `all` the days from first to last are one bucket. An `until` before `start`
    gives no buckets. Raises BadRequest for another step or for more than MAX_BUCKETS buckets.
    """
    if step not in STEPS:
        raise BadRequest(f"unknown step {step!r}: use one of {', '.join(STEPS)}")
    zone(zone_name)
    low, high = day_start(EPOCH, zone_name), 65_500 * DAY_S
    if until < start or start > high:
        return Buckets(zone_name, step, STEPS[step], (), (), (), ())
    start, until = max(start, low), min(max(until, low), high)
    if step == "1h":
        return _hours(start, until, zone_name)
    first, last = day_of(start, zone_name), day_of(until, zone_name)
    edges = []
    if step == "all":
        edges = [first, last + timedelta(days=1)]
    else:
        day = _bucket_start(first, step)
        while day <= last:
            edges.append(day)
            if len(edges) > MAX_BUCKETS:
                raise _too_many(step)
            day = _next_bucket(day, step)
        edges.append(day)
    numbers = [day_number(day) for day in edges]
    seconds = [day_start(day, zone_name) for day in edges]
    step_s = STEPS[step] or seconds[-1] - seconds[0]
    return Buckets(
        zone_name,
        step,
        step_s,
        tuple(seconds[:-1]),
        tuple(seconds[1:]),
        tuple(numbers[:-1]),
        tuple(n - 1 for n in numbers[1:]),
    )
