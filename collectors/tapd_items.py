"""What TAPD's bugs, stories and tasks have in common: rows, a change feed by days, a list of removed ones."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, ClassVar

from collectors import Identity, Page, Since
from collectors.removals import removal
from collectors.tapd import PerWorkspace, named
from collectors.tapd_client import TooDeep, clock, inside
from collectors.tapd_known import DAY, Begin, Kind, KnownItems
from metrics_api.core.errors import Fatal
from metrics_api.core.raw import Dating

# A change saved around midnight may be seen after the run that read its day.
CHANGE_OVERLAP = timedelta(hours=1)
REREADS = 3


class OfKind(PerWorkspace):
    """A collector of one kind of item."""

    kind: ClassVar[Kind]


class Items(OfKind):
    """The items of a workspace: all at first, later what was modified.

    The cursor keeps the oldest day on which one was created. Before the first success it also keeps how
    far the list was read and on which day that began: what was modified since then is read after it.
    """

    async def fetch(self, scope: str, since: Since) -> AsyncGenerator[Page, None]:
        """The pages, oldest first."""
        address, wrapper = self.kind.address, self.kind.wrapper
        oldest = str(since.cursor.get("oldest", ""))
        began = str(since.cursor.get("began", ""))
        anchor = str(since.cursor.get("anchor", "")) if since.at is None else ""
        asked = self.changed_since(scope, since)
        resumed = since.at is None and bool(anchor)
        async for page in self.client.ascending(address, asked, wrapper, anchor):
            rows = [inside(row, wrapper) for row in page.rows]
            times = [time for row in rows if isinstance(row, dict) and (time := clock(row))]
            oldest = min(filter(None, [oldest, *(time[:10] for time in times)]), default="")
            cursor = {"oldest": oldest}
            if since.at is None:
                anchor = max([anchor, *times])
                cursor |= {"anchor": anchor, "began": began or self.client.day(since.now)}
            yield Page(rows, cursor=cursor)
        if resumed and began:
            first = (date.fromisoformat(began) - DAY).isoformat()
            again = {"workspace_id": scope, "modified": f">{first}"}
            async for page in self.client.ascending(address, again, wrapper):
                yield Page([inside(row, wrapper) for row in page.rows])
        yield Page([], cursor={"oldest": oldest})


class RemovedItems(OfKind):
    """What happened to items that are gone."""

    async def fetch(self, scope: str, since: Since) -> AsyncGenerator[Page, None]:
        """The pages; all kinds of removal."""
        wrapper = f"Removed{self.kind.wrapper}"
        for more in self.kind.removed_asked:
            asked = self.changed_since(scope, since, self.kind.removed) | dict(more)
            async for page in self.client.ascending(self.kind.removed_address, asked, wrapper):
                yield Page([inside(row, wrapper) for row in page.rows])

    def identify(self, record: Any, about: Mapping[str, str]) -> Identity:
        """By the item's id, with the removal the row tells of."""
        name = named(record)
        return Identity(name, name, removal=removal(record, self.client.config.timezone))


class ItemChanges(OfKind):
    """The change history of a workspace's items, day by day: TAPD refuses to list it otherwise.

    The first time from today back to the oldest item, the newest day first; so does a task back to its day.
    A stopped walk goes on where it was, after the days that have passed since. Later from the last run's day
    on. An item that came in with a past (moved in, restored) is asked for by its id: the days of its past are
    over. So are those few that are years older than the others, or say so: the days between are empty.
    """

    def identify(self, record: Any, about: Mapping[str, str]) -> Identity:
        """By the change's id; it belongs to its item."""
        return Identity(named(record), named(record, f"{self.kind.noun}_id"))

    def dating(self) -> Dating | None:
        """Changes are never changed."""
        return None

    async def fetch(self, scope: str, since: Since) -> AsyncGenerator[Page, None]:
        """Days of changes, in the order described above."""
        stored = await self.store.one("counters", f"n:{self.kind.collection}")
        last = int(stored["n"]) if stored else 0
        today = date.fromisoformat(self.client.day(since.now))
        if since.at is None or since.back:
            begin = await self._known(scope).begin(today, self._first_day(since.at) if since.at else None)
            async for page in self._backfill(scope, since.cursor, today, last, begin):
                yield page
            return
        first = self._first_day(since.at)
        total = (today - first).days + 1
        for at in range(total):
            async for rows in self._day(scope, first + at * DAY):
                yield Page(rows, done=at + 1, total=total, unit="days")
        late = await self._known(scope).with_a_past(int(since.cursor.get("n", 0)), last, first)
        async for rows in self._of_items(scope, late):
            yield Page(rows)
        yield Page([], cursor={"n": last})

    def _known(self, scope: str) -> KnownItems:
        return KnownItems(self.kind, self.instance, scope, self.client, self.store)

    def _first_day(self, at: datetime) -> date:
        """The day from which on changes are read that were saved since."""
        return date.fromisoformat(self.client.day(at - CHANGE_OVERLAP))

    async def _backfill(
        self, scope: str, cursor: Mapping[str, Any], today: date, last: int, begin: Begin
    ) -> AsyncGenerator[Page, None]:
        """All days back to the first, and the whole past of those who were there before.

        The cursor keeps which are read: `low` to `high`, and `n` as it was at the beginning.
        """
        n = int(cursor.get("n", last))
        low = date.fromisoformat(cursor["low"]) if "low" in cursor else today + DAY
        if "high" in cursor:
            day = date.fromisoformat(cursor["high"])
            while day <= today:
                async for rows in self._day(scope, day):
                    yield Page(rows)
                day += DAY
        first = begin.day
        total = (today - first).days + 1 if first else 0
        while first and low > first:
            low -= DAY
            async for rows in self._day(scope, low):
                yield Page(rows)
            read = {"n": n, "high": today.isoformat(), "low": low.isoformat()}
            yield Page([], cursor=read, done=(today - low).days + 1, total=total, unit="days")
        async for rows in self._of_items(scope, begin.before):
            yield Page(rows)
        yield Page([], cursor={"n": n})

    async def _day(self, scope: str, day: date) -> AsyncIterator[list[Any]]:
        try:
            async for rows in self._changes({"workspace_id": scope, "created": day.isoformat()}):
                yield rows
        except TooDeep:
            # A mass change: the feed gives no narrower window of time, but it does of items.
            async for rows in self._of_items(scope, await self._known(scope).changed_since(day)):
                yield rows

    async def _of_items(self, scope: str, items: Sequence[str]) -> AsyncIterator[list[Any]]:
        """The whole past of these items, in questions that are not too deep."""
        for at in range(0, len(items), self.kind.at_once):
            names = items[at : at + self.kind.at_once]
            try:
                asked = {"workspace_id": scope, f"{self.kind.noun}_id": ",".join(names)}
                async for rows in self._changes(asked):
                    yield rows
            except TooDeep:
                if len(names) == 1:
                    raise
                half = len(names) // 2
                for part in (names[:half], names[half:]):
                    async for rows in self._of_items(scope, part):
                        yield rows

    async def _changes(self, asked: Mapping[str, str]) -> AsyncIterator[list[Any]]:
        """The rows of one question; the feed only grows, so with ids rising nothing shifts.

        Read again when a row comes twice all the same: then the order was not kept.
        """
        address = self.kind.changes_address
        for _ in range(REREADS):
            seen: set[str] = set()
            repeated = False
            async for page in self.client.paged(address, {**asked, "order": "id asc"}):
                rows = [inside(row, self.kind.change) for row in page.rows]
                names = [str(row.get("id")) for row in rows if isinstance(row, dict)]
                repeated |= not seen.isdisjoint(names)
                seen.update(names)
                yield rows
            if not repeated:
                return
        raise Fatal(f"{address}: rows keep repeating from page to page")
