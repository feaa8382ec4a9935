"""What TAPD's workspaces plan by: iterations, their changes, and releases."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any

from collectors import Identity, Page, Since, collector
from collectors.tapd import PerWorkspace, named
from collectors.tapd_client import UnknownAddress, inside
from metrics_api.core.raw import Dating


@collector
class Iterations(PerWorkspace):
    """The iterations of a workspace; later only what was modified."""

    name = "tapd.iterations"
    collection = "raw_tapd_iteration"
    topics = ("iterations", "bugs", "stories", "tasks")
    order = 24

    def dating(self) -> Dating | None:
        """By `modified`; the change feed goes by names, so former ones are kept."""
        return Dating("modified", self.client.epoch, remember="name")

    async def fetch(self, scope: str, since: Since) -> AsyncGenerator[Page, None]:
        """The pages, oldest first."""
        asked = self.changed_since(scope, since)
        async for page in self.client.ascending("/iterations", asked, "Iteration"):
            yield Page([inside(row, "Iteration") for row in page.rows])


@collector
class IterationChanges(PerWorkspace):
    """The change history of a workspace's iterations, each asked for when its row has changed.

    TAPD wants the iteration named. The cursor keeps how far a first walk through them came, later up to which
    run the rows were looked at.
    """

    name = "tapd.iteration_changes"
    collection = "raw_tapd_iteration_change"
    topics = ("iterations", "bugs", "stories", "tasks")
    order = 25

    async def fetch(self, scope: str, since: Since) -> AsyncGenerator[Page, None]:
        """The changes of one iteration after the other."""
        half_read = await self.half_read(Iterations.name, scope)
        noted = await self.store.one("watermarks", f"{Iterations.name}:{self.instance}:{scope}")
        stored = await self.store.all("raw_tapd_iteration", {"instance": self.instance, "scope": scope})
        # A row stands in the store as of when its run began: what a later run finds is later than this.
        rows = {"rows": noted["started_at"] if noted else None}
        wanted = stored
        if since.at is None:
            wanted = [row for row in stored if row["n"] > int(since.cursor.get("n", 0))]
        elif "rows" in since.cursor and not since.back:
            wanted = [row for row in stored if row["updated_at"] > since.cursor["rows"]]
        for done, row in enumerate(sorted(wanted, key=lambda row: int(row["n"])), start=1):
            asked = {"workspace_id": scope, "iteration_id": row["key"]}
            async for page in self.client.settled("/iteration_changes", asked, "IterationChange"):
                yield Page([inside(one, "IterationChange") for one in page.rows])
            yield Page([], cursor={"n": row["n"]}, done=done, total=len(wanted), unit="iterations")
        if half_read:
            raise half_read
        yield Page([], cursor=rows)

    def identify(self, record: Any, about: Mapping[str, str]) -> Identity:
        """By the change's id; it belongs to its iteration."""
        return Identity(named(record), named(record, "iteration_id"))

    def dating(self) -> Dating | None:
        """Changes are never changed."""
        return None


@collector
class Releases(PerWorkspace):
    """The release plans of a workspace; later only what was modified."""

    name = "tapd.releases"
    collection = "raw_tapd_release"
    topics = ("releases",)
    order = 26

    async def fetch(self, scope: str, since: Since) -> AsyncGenerator[Page, None]:
        """The pages, oldest first, from the older address where TAPD does not know the newer one."""
        asked = self.changed_since(scope, since)
        try:
            async for page in self._read("/new_releases", asked):
                yield page
        except UnknownAddress:
            async for page in self._read("/releases", asked):
                yield page

    async def _read(self, path: str, asked: Mapping[str, str]) -> AsyncIterator[Page]:
        async for page in self.client.ascending(path, asked, "Release"):
            yield Page([inside(row, "Release") for row in page.rows])
