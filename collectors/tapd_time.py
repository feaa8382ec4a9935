"""Time in TAPD: what people noted as spent, and how long TAPD itself says that items stood in a status."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Any, ClassVar

from collectors import Identity, Page, Removal, Since, collector
from collectors.tapd import HOUR_S, PerWorkspace, named
from collectors.tapd_client import inside
from metrics_api.core.errors import Skippable
from metrics_api.core.raw import Dating
from metrics_api.core.store import WINDOW, Document

# Those that are there, and those that were deleted, which only come when asked for.
TIMESHEETS: tuple[Mapping[str, str], ...] = ({"is_delete": "0"}, {"is_delete": "1"})
# The part of the account's quota that may go into asking for items one by one.
SHARE = 0.1


@collector
class Timesheets(PerWorkspace):
    """What people noted as spent on a workspace's items; later only what was modified."""

    name = "tapd.timesheets"
    collection = "raw_tapd_timesheet"
    topics = ()
    order = 61
    removes = "raw_tapd_timesheet"

    async def fetch(self, scope: str, since: Since) -> AsyncGenerator[Page, None]:
        """The pages, oldest first; those that were deleted at the end."""
        for which in TIMESHEETS:
            asked = self.changed_since(scope, since) | dict(which)
            async for page in self.client.ascending("/timesheets", asked, "Timesheet"):
                yield Page([inside(row, "Timesheet") for row in page.rows])

    def identify(self, record: Any, about: Mapping[str, str]) -> Identity:
        """By its id, with its own removal where it was deleted."""
        name = named(record)
        gone = None
        if str(record.get("is_delete") or "0") != "0":
            at = self.client.epoch(record.get("modified") or record.get("created"))
            gone = Removal(at, "deleted") if at is not None else None
        return Identity(name, name, removal=gone)


@collector
class LifeTimes(PerWorkspace):
    """How long TAPD says that bugs and stories stood in each status: a check of our own reckoning.

    TAPD wants each of them named. A run asks for some of those that changed since they were last asked for,
    within a small part of the quota; the cursor keeps up to which number the walk came, by kind of item.
    """

    name = "tapd.life_times"
    collection = "raw_tapd_life_time"
    topics = ()
    order = 70
    pause_s = HOUR_S
    KINDS: ClassVar[tuple[str, ...]] = ("story", "bug")

    @property
    def on(self) -> bool:
        """Only where the configuration wants it."""
        return self.client.config.life_times

    async def fetch(self, scope: str, since: Since) -> AsyncGenerator[Page, None]:
        """The rows of one item after the other, of both kinds in equal parts."""
        cursor = {kind: int(since.cursor.get(kind, 0)) for kind in self.KINDS}
        budget = await self._budget()
        left = budget
        for place, kind in enumerate(self.KINDS, start=1):
            spare = left - budget * (len(self.KINDS) - place) // len(self.KINDS)
            rows, end = await self._changed(scope, kind, cursor[kind], spare)
            for row in rows:
                asked = {"workspace_id": scope, "entity_type": kind, "entity_id": row["key"]}
                try:
                    found = [
                        inside(one, "LifeTime")
                        async for page in self.client.settled("/life_times", asked, "LifeTime")
                        for one in page.rows
                    ]
                except Skippable:
                    # It went meanwhile.
                    found = []
                cursor[kind], left = int(row["n"]), left - 1
                whole = (f"{kind}:{row['key']}",)
                yield Page(found, cursor=dict(cursor), complete=whole, unit="items")
            if end:
                cursor[kind] = 0
        yield Page([], cursor=cursor)

    async def _budget(self) -> int:
        """How many items a run may ask for: all workspaces together use up the share until the next run."""
        minutes = max(self.pause_s, self.interval_s) / 60
        return max(int(SHARE * self.client.config.quota_per_minute * minutes / len(await self.scopes())), 2)

    async def _changed(self, scope: str, kind: str, after: int, most: int) -> tuple[list[Document], bool]:
        """The next items that changed since they were asked for, and whether these are the last."""
        collection = f"raw_tapd_{kind}"
        counter = await self.store.one("counters", f"n:{collection}")
        last = int(counter["n"]) if counter else 0
        query = {"instance": self.instance, "scope": scope}
        fields = dict.fromkeys(("n", "key", "updated_at", "removed_at"), 1)
        found: list[Document] = []
        while after < last:
            upto = min(after + WINDOW, last)
            rows = await self.store.window(collection, "n", after, upto, query, fields)
            names = [f"{kind}:{row['key']}" for row in rows]
            known: dict[str, Any] = {}
            for one in await self.store.matching(self.collection, "key", names, {"key": 1, "updated_at": 1}):
                known[one["key"]] = max(one["updated_at"], known.get(one["key"], one["updated_at"]))
            for row in rows:
                asked = known.get(f"{kind}:{row['key']}")
                if "removed_at" in row or (asked is not None and asked >= row["updated_at"]):
                    continue
                if len(found) == most:
                    return found, False
                found.append(row)
            after = upto
        return found, True

    def identify(self, record: Any, about: Mapping[str, str]) -> Identity:
        """By its item, whose id may be that of another kind's item too, and its own id."""
        item = f"{named(record, 'entity_type')}:{named(record, 'entity_id')}"
        return Identity(f"{item}:{named(record)}", item)

    def dating(self) -> Dating | None:
        """Rows are counted anew each time."""
        return None
