"""Which items of a workspace there are or were, by what is stored of them and by the list of removed ones."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from collectors.tapd_client import TapdClient, bodies, clock
from metrics_api.core.store import WINDOW, Store

DAY = timedelta(days=1)
# So many days of a change feed are walked whoever was there.
YEAR = timedelta(days=366)
# So many days take as much as one item that is asked for by its id. A question brings several items, unless
# their pasts are long.
DAYS_OF_AN_ITEM = 30
# Items that one question to a change feed may name.
AT_ONCE = 50


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
    at_once: int = AT_ONCE

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


@dataclass(frozen=True)
class Begin:
    """The day on which a walk begins, None where there is none, and the items from before, to ask for."""

    day: date | None
    before: Sequence[str] = ()


class KnownItems:
    """The items of one kind in one workspace."""

    def __init__(self, kind: Kind, instance: str, scope: str, client: TapdClient, store: Store) -> None:
        self._kind = kind
        self._instance = instance
        self._scope = scope
        self._client = client
        self._store = store

    async def begin(self, today: date, since: date | None) -> Begin:
        """Where the days begin that have changes, or those since a day.

        Items that are years older than the others, or say so, are few: they are asked for by their ids where
        that takes less than the days before the others, on which nobody else can have changed.
        """
        noted = await self._store.one(
            "watermarks", f"tapd.{self._kind.plural}:{self._instance}:{self._scope}"
        )
        removed = await self.removed({"workspace_id": self._scope})
        oldest = str((noted or {}).get("cursor", {}).get("oldest", "")) or await self._first_listed()
        days = [_date(oldest), *(_date(clock(row)[:10]) for row in removed)]
        first = min(filter(None, days), default=None)
        first = max(filter(None, (first, since)), default=None)
        whole = noted is not None and noted["started_at"] is not None
        if first is None or today - first <= YEAR or not whole:
            return Begin(first)
        born: dict[str, date | None] = {
            str(row["id"]): _date(clock(row)[:10]) for row in removed if row.get("id")
        }
        async for name, created in self.stored(0, await self._last(), "created"):
            born[name] = created
        day = crowded(born.values(), first, today)
        before = [name for name, at in born.items() if at is None or at < day] if day > first else []
        return Begin(day, before)

    async def _first_listed(self) -> str:
        asked = {"workspace_id": self._scope, "order": "created asc", "limit": "1", "fields": "id,created"}
        rows = bodies(await self._client.listed(self._kind.address, asked), self._kind.wrapper)
        return min(filter(None, (clock(row)[:10] for row in rows)), default="")

    async def removed(self, asked: Mapping[str, str]) -> list[dict[str, Any]]:
        """The rows of the removed list."""
        wrapper, rows = f"Removed{self._kind.wrapper}", list[dict[str, Any]]()
        for more in self._kind.removed_asked:
            asking = {**asked, **more}
            async for page in self._client.ascending(self._kind.removed_address, asking, wrapper):
                rows += bodies(page.rows, wrapper)
        return rows

    async def with_a_past(self, after: int, last: int, before: date) -> list[str]:
        """Items stored since number `after` that were created before a day."""
        found = []
        async for name, created in self.stored(after, last, "created"):
            if created and created < before:
                found.append(name)
        return found

    async def changed_since(self, day: date) -> list[str]:
        """Items that may have a change on a day: those modified or removed then or later."""
        asked = {"workspace_id": self._scope, self._kind.removed: f">{(day - DAY).isoformat()}"}
        found = [str(row["id"]) for row in await self.removed(asked) if row.get("id")]
        async for name, modified in self.stored(0, await self._last(), "modified"):
            if modified is None or modified >= day:
                found.append(name)
        return list(dict.fromkeys(found))

    async def _last(self) -> int:
        counter = await self._store.one("counters", f"n:{self._kind.collection}")
        return int(counter["n"]) if counter else 0

    async def stored(self, after: int, last: int, field: str) -> AsyncIterator[tuple[str, date | None]]:
        """The stored items with numbers above `after` up to `last`, and the day of one of their times."""
        query = {"instance": self._instance, "scope": self._scope}
        fields = {"n": 1, "key": 1, f"data.{field}": 1}
        while after < last:
            upto = min(after + WINDOW, last)
            for row in await self._store.window(self._kind.collection, "n", after, upto, query, fields):
                yield row["key"], _date(str(row["data"].get(field))[:10])
            after = upto


def crowded(born: Collection[date | None], first: date, today: date) -> date:
    """The day from which on it takes less to ask for days, and before which to ask for items.

    `born` are the days on which the items were created, None for one that does not say: it counts as before.
    """
    if today - first <= YEAR:
        return first
    days = sorted(filter(None, born))
    unknown = len(born) - len(days)

    def spared(day: date) -> int:
        return (day - first).days - DAYS_OF_AN_ITEM * (bisect_left(days, day) + unknown)

    best = max((day for day in (*days, today) if first < day <= today), key=spared)
    return best if spared(best) > 0 else first


def _date(text: str) -> date | None:
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        return None
