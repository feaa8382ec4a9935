"""TAPD's bugs: their rows, their change feed day by day, and the list of removed ones."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from collectors import Identity, Page, Since, collector
from collectors.removals import removal
from collectors.tapd import PerWorkspace, named
from collectors.tapd_client import bodies, clock, inside
from metrics_api.core.errors import Fatal
from metrics_api.core.raw import Dating
from metrics_api.core.store import WINDOW

DAY = timedelta(days=1)
# A change saved around midnight may be seen after the run that read its day.
CHANGE_OVERLAP = timedelta(hours=1)
BUGS_PER_REQUEST = 50
REREADS = 3


@collector
class Bugs(PerWorkspace):
    """The bugs of a workspace: all at first, later what was modified.

    The cursor keeps the oldest day on which a bug was created. Before the first success it also keeps how
    far the list was read and on which day that began: what was modified since then is read after it.
    """

    name = "tapd.bugs"
    collection = "raw_tapd_bug"
    topics = ("bugs",)
    order = 30
    # A row without its changes would give its bug a past that never was.
    completed_by = "tapd.bug_changes"

    async def fetch(self, scope: str, since: Since) -> AsyncGenerator[Page, None]:
        """The pages, oldest first."""
        oldest = str(since.cursor.get("oldest", ""))
        began = str(since.cursor.get("began", ""))
        anchor = str(since.cursor.get("anchor", "")) if since.at is None else ""
        asked = self.modified_since(scope, since)
        resumed = since.at is None and bool(anchor)
        async for page in self.client.ascending("/bugs", asked, "Bug", anchor):
            rows = [inside(row, "Bug") for row in page.rows]
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
            async for page in self.client.ascending("/bugs", again, "Bug"):
                yield Page([inside(row, "Bug") for row in page.rows])
        yield Page([], cursor={"oldest": oldest})


@collector
class RemovedBugs(PerWorkspace):
    """What happened to bugs that are gone: deleted, merged into another, or moved away."""

    name = "tapd.removed_bugs"
    collection = "raw_tapd_removed_bug"
    topics = ("bugs",)
    order = 50
    removes = "raw_tapd_bug"

    async def fetch(self, scope: str, since: Since) -> AsyncGenerator[Page, None]:
        """The pages; all kinds of removal."""
        asked = self.modified_since(scope, since) | {"include_all": "1"}
        async for page in self.client.settled("/bugs/get_removed_bugs", asked, "RemovedBug"):
            yield Page([inside(row, "RemovedBug") for row in page.rows])

    def identify(self, record: Any, about: Mapping[str, str]) -> Identity:
        """By the bug's id, with the removal the row tells of."""
        name = named(record)
        return Identity(name, name, removal=removal(record, self.client.config.timezone))


@collector
class BugChanges(PerWorkspace):
    """The change history of a workspace's bugs, day by day: TAPD refuses to list it otherwise.

    The first time from today back to the oldest bug, the newest day first; a stopped walk goes on where it
    was, after the days that have passed since. Later from the last run's day on. A bug that came in with a
    past (moved in, restored) is asked for by its id: the days of its past are over.
    """

    name = "tapd.bug_changes"
    collection = "raw_tapd_bug_change"
    topics = ("bugs",)
    order = 40

    def identify(self, record: Any, about: Mapping[str, str]) -> Identity:
        """By the change's id; it belongs to its bug."""
        bug = record.get("bug_id") if isinstance(record, dict) else None
        if bug is None or isinstance(bug, bool) or not isinstance(bug, (str, int)) or bug == "":
            raise ValueError("a change that names no bug")
        return Identity(named(record), str(bug))

    def dating(self) -> Dating | None:
        """Changes are never changed."""
        return None

    async def fetch(self, scope: str, since: Since) -> AsyncGenerator[Page, None]:
        """Days of changes, in the order described above."""
        stored = await self.store.one("counters", "n:raw_tapd_bug")
        last = int(stored["n"]) if stored else 0
        today = date.fromisoformat(self.client.day(since.now))
        if since.at is None:
            async for page in self._backfill(scope, since.cursor, today, last):
                yield page
            return
        first = date.fromisoformat(self.client.day(since.at - CHANGE_OVERLAP))
        total = (today - first).days + 1
        for at in range(total):
            async for rows in self._day(scope, first + at * DAY):
                yield Page(rows, done=at + 1, total=total, unit="days")
        late = await self._with_a_past(scope, int(since.cursor.get("n", 0)), last, first)
        for at in range(0, len(late), BUGS_PER_REQUEST):
            bugs = ",".join(late[at : at + BUGS_PER_REQUEST])
            async for rows in self._changes({"workspace_id": scope, "bug_id": bugs}):
                yield Page(rows)
        yield Page([], cursor={"n": last})

    async def _backfill(
        self, scope: str, cursor: Mapping[str, Any], today: date, last: int
    ) -> AsyncGenerator[Page, None]:
        """All days; the cursor keeps which are read: `low` to `high`, and `n` as it was at the beginning."""
        n = int(cursor.get("n", last))
        oldest = await self._oldest(scope)
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
        """The day of the oldest bug there is or was, None where there was none."""
        asked = {"workspace_id": scope, "order": "created asc", "limit": "1", "fields": "id,created"}
        rows = bodies(await self.client.listed("/bugs", asked), "Bug")
        everything = {"workspace_id": scope, "include_all": "1"}
        async for page in self.client.settled("/bugs/get_removed_bugs", everything, "RemovedBug"):
            rows += bodies(page.rows, "RemovedBug")
        days = [clock(row)[:10] for row in rows]
        noted = await self.store.one("watermarks", f"{Bugs.name}:{self.instance}:{scope}")
        days += filter(None, [str((noted or {}).get("cursor", {}).get("oldest", ""))])
        found = sorted(filter(None, map(_date, days)))
        return found[0] if found else None

    async def _with_a_past(self, scope: str, after: int, last: int, before: date) -> list[str]:
        """Bugs stored since number `after` that were created before a day."""
        found = []
        query = {"instance": self.instance, "scope": scope}
        while after < last:
            upto = min(after + WINDOW, last)
            rows = await self.store.window(
                "raw_tapd_bug", "n", after, upto, query, {"n": 1, "key": 1, "data.created": 1}
            )
            for row in rows:
                created = _date(str(row["data"].get("created"))[:10])
                if created and created < before:
                    found.append(row["key"])
            after = upto
        return found

    async def _day(self, scope: str, day: date) -> AsyncIterator[list[Any]]:
        async for rows in self._changes({"workspace_id": scope, "created": day.isoformat()}):
            yield rows

    async def _changes(self, asked: Mapping[str, str]) -> AsyncIterator[list[Any]]:
        """The rows of one question; the feed only grows, so with ids rising nothing shifts.

        Read again when a row comes twice all the same: then the order was not kept.
        """
        for _ in range(REREADS):
            seen: set[str] = set()
            repeated = False
            async for page in self.client.paged("/bug_changes", {**asked, "order": "id asc"}):
                rows = [inside(row, "BugChange") for row in page.rows]
                names = [str(row.get("id")) for row in rows if isinstance(row, dict)]
                repeated |= not seen.isdisjoint(names)
                seen.update(names)
                yield rows
            if not repeated:
                return
        raise Fatal("/bug_changes: rows keep repeating from page to page")


def _date(text: str) -> date | None:
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        return None
