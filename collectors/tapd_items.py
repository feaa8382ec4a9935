"""What TAPD's bugs, stories and tasks have in common: rows, a change feed by days, a list of removed ones."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, ClassVar

from collectors import Identity, Page, Since
from collectors.removals import removal
from collectors.tapd import PerWorkspace, named
from collectors.tapd_client import TooDeep, bodies, clock, inside
from metrics_api.core.errors import Fatal
from metrics_api.core.raw import Dating
from metrics_api.core.store import WINDOW

DAY = timedelta(days=1)
# A change saved around midnight may be seen after the run that read its day.
CHANGE_OVERLAP = timedelta(hours=1)
REREADS = 3


@dataclass(frozen=True)
class Kind:
    """A kind of item as TAPD calls it: `noun` in fields, `plural` in addresses, and the wrappers of its rows.

    `removed` is the field by which the removed list is filtered. `removed_asked` are the parameters of the
    questions that together bring all of that list. `at_once` is how many ids one question to the change feed
    may name.
    """

    noun: str
    plural: str
    wrapper: str
    change: str
    removed: str
    removed_asked: tuple[Mapping[str, str], ...] = ({},)
    at_once: int = 50

    @property
    def collection(self) -> str:
        """The raw collection of the rows."""
        return f"raw_tapd_{self.noun}"

    @property
    def address(self) -> str:
        """Where the rows are."""
        return f"/{self.plural}"

    @property
    def changes_address(self) -> str:
        """Where the change feed is."""
        return f"/{self.noun}_changes"

    @property
    def removed_address(self) -> str:
        """Where the list of removed ones is."""
        return f"/{self.plural}/get_removed_{self.plural}"


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
    over.
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
            oldest = self._first_day(since.at) if since.at else await self._oldest(scope)
            async for page in self._backfill(scope, since.cursor, today, last, oldest):
                yield page
            return
        first = self._first_day(since.at)
        total = (today - first).days + 1
        for at in range(total):
            async for rows in self._day(scope, first + at * DAY):
                yield Page(rows, done=at + 1, total=total, unit="days")
        late = await self._with_a_past(scope, int(since.cursor.get("n", 0)), last, first)
        async for rows in self._of_items(scope, late):
            yield Page(rows)
        yield Page([], cursor={"n": last})

    def _first_day(self, at: datetime) -> date:
        """The day from which on changes are read that were saved since."""
        return date.fromisoformat(self.client.day(at - CHANGE_OVERLAP))

    async def _backfill(
        self, scope: str, cursor: Mapping[str, Any], today: date, last: int, oldest: date | None
    ) -> AsyncGenerator[Page, None]:
        """All days back to the oldest.

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
        total = (today - oldest).days + 1 if oldest else 0
        while oldest and low > oldest:
            low -= DAY
            async for rows in self._day(scope, low):
                yield Page(rows)
            read = {"n": n, "high": today.isoformat(), "low": low.isoformat()}
            yield Page([], cursor=read, done=(today - low).days + 1, total=total, unit="days")
        yield Page([], cursor={"n": n})

    async def _oldest(self, scope: str) -> date | None:
        """The day of the oldest item there is or was, None where there was none."""
        kind = self.kind
        noted = await self.store.one("watermarks", f"tapd.{kind.plural}:{self.instance}:{scope}")
        days = [str((noted or {}).get("cursor", {}).get("oldest", ""))]
        if not days[0]:
            asked = {"workspace_id": scope, "order": "created asc", "limit": "1", "fields": "id,created"}
            rows = bodies(await self.client.listed(kind.address, asked), kind.wrapper)
            days += [clock(row)[:10] for row in rows]
        days += [clock(row)[:10] for row in await self._removed({"workspace_id": scope})]
        found = sorted(filter(None, map(_date, days)))
        return found[0] if found else None

    async def _removed(self, asked: Mapping[str, str]) -> list[dict[str, Any]]:
        """The rows of the removed list."""
        wrapper, rows = f"Removed{self.kind.wrapper}", list[dict[str, Any]]()
        for more in self.kind.removed_asked:
            asking = {**asked, **more}
            async for page in self.client.ascending(self.kind.removed_address, asking, wrapper):
                rows += bodies(page.rows, wrapper)
        return rows

    async def _with_a_past(self, scope: str, after: int, last: int, before: date) -> list[str]:
        """Items stored since number `after` that were created before a day."""
        found = []
        async for name, created in self._stored(scope, after, last, "created"):
            if created and created < before:
                found.append(name)
        return found

    async def _changed_since(self, scope: str, day: date) -> list[str]:
        """Items that may have a change on a day: those modified or removed then or later."""
        counter = await self.store.one("counters", f"n:{self.kind.collection}")
        last = int(counter["n"]) if counter else 0
        asked = {"workspace_id": scope, self.kind.removed: f">{(day - DAY).isoformat()}"}
        found = [str(row["id"]) for row in await self._removed(asked) if row.get("id")]
        async for name, modified in self._stored(scope, 0, last, "modified"):
            if modified is None or modified >= day:
                found.append(name)
        return list(dict.fromkeys(found))

    async def _stored(
        self, scope: str, after: int, last: int, field: str
    ) -> AsyncIterator[tuple[str, date | None]]:
        """The stored items with numbers above `after` up to `last`, and the day of one of their times."""
        query = {"instance": self.instance, "scope": scope}
        fields = {"n": 1, "key": 1, f"data.{field}": 1}
        while after < last:
            upto = min(after + WINDOW, last)
            for row in await self.store.window(self.kind.collection, "n", after, upto, query, fields):
                yield row["key"], _date(str(row["data"].get(field))[:10])
            after = upto

    async def _day(self, scope: str, day: date) -> AsyncIterator[list[Any]]:
        try:
            async for rows in self._changes({"workspace_id": scope, "created": day.isoformat()}):
                yield rows
        except TooDeep:
            # A mass change: the feed gives no narrower window of time, but it does of items.
            async for rows in self._of_items(scope, await self._changed_since(scope, day)):
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


def _date(text: str) -> date | None:
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        return None
