"""Days, weeks and months of a zone, and the buckets of a window. Instants are epoch seconds."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

Bucket = tuple[int, int]


def day_of(instant: int, zone: str) -> date:
    """The day the clocks of a zone show at an instant."""
    return datetime.fromtimestamp(instant, ZoneInfo(zone)).date()


def midnight(day: date, zone: str) -> int:
    """The first instant of a day.

    Where clocks are put forward at 00:00 the day begins at 01:00: `fold=0` reads the missing hour with the
    offset before the change, which is that very instant. Where 00:00 comes twice the first one counts.
    """
    local = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone), fold=0)
    return int(local.astimezone(UTC).timestamp())


def first_day(day: date, step: str) -> date:
    """The first day of the bucket a day is in: itself, its Monday or the first of its month."""
    if step == "1w":
        return day - timedelta(days=day.weekday())
    if step == "1M":
        return day.replace(day=1)
    return day


def day_after(day: date, step: str) -> date:
    """The first day of the next bucket after the one that begins on a day."""
    if step == "1w":
        return day + timedelta(days=7)
    if step == "1M":
        return (day + timedelta(days=32)).replace(day=1)
    return day + timedelta(days=1)


def buckets(start: int, until: int, now: int, step: str, zone: str) -> list[Bucket]:
    """The buckets from the one containing `start` to the one containing min(`until`, `now`), half-open.

    `step=all`: one bucket of whole days. Decision: it begins at the midnight before `start`.
    """
    last = min(until, now)
    if start > last:
        return []
    if step == "all":
        tomorrow = day_of(last, zone) + timedelta(days=1)
        return [(midnight(day_of(start, zone), zone), midnight(tomorrow, zone))]
    found = []
    day = first_day(day_of(start, zone), step)
    while midnight(day, zone) <= last:
        after = day_after(day, step)
        found.append((midnight(day, zone), midnight(after, zone)))
        day = after
    return found


def last_bucket(until: int, now: int, step: str, zone: str) -> Bucket:
    """The bucket of a one-point metric, which `from` does not move. Decision: `step=all` is a day here."""
    last = min(until, now)
    return buckets(last, last, now, "1d" if step == "all" else step, zone)[0]
