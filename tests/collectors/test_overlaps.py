"""Runs of a task and a schedule, or of two processes, that overlap; and tasks that were stopped."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from collectors import Collector, Identity, Page, Progress, Since, registry
from collectors.deriving import Deriver
from collectors.run import Asked
from collectors.runner import Runner
from collectors.sources import client_of
from collectors.tapd_bugs import BugChanges
from metrics_api.core.config import Config, TapdInstance
from metrics_api.core.errors import Skippable
from metrics_api.core.facts import Facts
from metrics_api.core.leases import Leases
from metrics_api.core.raw import RawStore
from metrics_api.core.settings import Settings
from metrics_api.core.store import Store
from simulator import Company, running
from tests.collectors.stops import CREDENTIALS, Killed
from tests.misbehaviour.office import ago

WORKSPACE, BUG = "20000001", "1001"


def runner(store: Store, deriver: type[Deriver] = Deriver) -> Runner:
    """Runs for a process of its own."""
    leases, raw = Leases(store), RawStore(store)
    return Runner(store, leases, raw, deriver(store, Facts(store, leases), raw, {}))


class Overtaken(BugChanges):
    """Bug changes during whose reading something else happens: after all days were read."""

    meanwhile: Callable[[], Awaitable[Any]]

    async def fetch(self, scope: str, since: Since) -> AsyncGenerator[Page, None]:
        async for page in super().fetch(scope, since):
            yield page
        await self.meanwhile()


async def test_a_row_that_comes_while_the_changes_are_read_waits_for_those_after_it(store: Store) -> None:
    company = Company()
    workspace = company.add_workspace({"id": WORKSPACE, "name": "One", "created": ago(9)})
    workspace.add_bug({"id": BUG, "title": "b", "created": ago(2), "modified": ago(2), "status": "new"})

    async def statuses() -> list[str]:
        fact = await store.one("fact_bugs", f"tapd:{WORKSPACE}:{BUG}")
        assert fact is not None
        return list(fact["segments"]["status"])

    async with running(company, tapd_quota=None) as servers:
        instance = TapdInstance(url=servers.tapd_url, workspaces=(WORKSPACE,), quota_per_minute=60_000)
        client = client_of(Settings(Config(tapd=(instance,)), CREDENTIALS), "tapd", instance)
        assert client is not None

        async def read(name: str) -> None:
            record = await runner(store).run(registry()[name]("tapd", client, store), WORKSPACE)
            assert record is not None
            assert record["error"] is None

        await read("tapd.bugs")
        await read("tapd.bug_changes")
        assert await statuses() == ["new"]

        async def closed_and_read() -> None:
            workspace.change_bug(BUG, {"status": "closed"}, at=ago())
            await read("tapd.bugs")

        changes = Overtaken("tapd", client, store)
        changes.meanwhile = closed_and_read
        record = await runner(store).run(changes, WORKSPACE)
        assert record is not None
        assert record["error"] is None
        # Its row says closed, and its change was not read: it was not born so.
        assert await statuses() == ["new"]
        await read("tapd.bug_changes")
        assert await statuses() == ["new", "closed"]
        await client.upstream.aclose()


class Projects(Collector[Callable[[], list[Any]]]):
    """A collector of projects whose records a test gives, or the error instead."""

    upstream = "gitlab"
    name = "gitlab.projects"
    collection = "raw_gitlab_project"
    topics = ("projects",)
    order = 1
    interval_s = 300.0

    async def scopes(self) -> list[str]:
        return ["all"]

    async def fetch(self, scope: str, since: Since) -> AsyncGenerator[Page, None]:
        yield Page(self.client())

    def identify(self, record: Any, about: Mapping[str, str]) -> Identity:
        return Identity(str(record["id"]), str(record["id"]))


class Halting(Deriver):
    """Ends the process before it derives anything."""

    async def derive(self, *args: Any) -> None:
        raise Killed


async def test_what_a_stopped_task_stored_is_derived_though_it_never_gets_that_far_again(
    store: Store,
) -> None:
    async def keep(place: Mapping[str, Any]) -> None:
        pass

    def told(far: Progress) -> None:
        pass

    def of_task(resumed: bool) -> Asked:
        return Asked(datetime.now(UTC) - timedelta(days=9), resumed, {}, keep, told)

    def project(path: str) -> list[dict[str, Any]]:
        return [{"id": 1, "path_with_namespace": path, "name": "p"}]

    def refused() -> list[Any]:
        raise Skippable("HTTP 403")

    await runner(store).run(Projects("gitlab", lambda: project("a/old"), store), "all")
    with pytest.raises(Killed):
        await runner(store, Halting).run(
            Projects("gitlab", lambda: project("a/new"), store), "all", asked=of_task(resumed=False)
        )
    # The schedule's run does not see the record, as it lies before its watermark.
    await runner(store).run(Projects("gitlab", list, store), "all")
    record = await runner(store).run(Projects("gitlab", refused, store), "all", asked=of_task(resumed=True))
    assert record is not None
    assert record["error"] == "HTTP 403"
    assert [fact["path"] for fact in await store.all("fact_projects")] == ["a/new"]
