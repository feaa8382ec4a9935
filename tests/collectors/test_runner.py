"""Runs: records, watermarks, crashes, two processes, failures that stay where they are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from collectors import Collector, Identity, Page, Progress, Since, collector
from collectors.deriving import Deriver
from collectors.gitlab import instant
from collectors.runner import Runner
from collectors.status import status
from metrics_api.core.days import utc_now
from metrics_api.core.errors import ConfigError, Skippable
from metrics_api.core.facts import Facts
from metrics_api.core.leases import Leases
from metrics_api.core.raw import Dating, RawStore
from metrics_api.core.store import Store


class Scripted(Collector[Callable[[str, Since], AsyncGenerator[Page, None]]]):
    """A collector of projects whose pages a test writes."""

    upstream = "gitlab"
    name = "gitlab.projects"
    collection = "raw_gitlab_project"
    topics = ("projects",)
    order = 1
    interval_s = 300.0

    async def scopes(self) -> list[str]:
        return ["all"]

    def fetch(self, scope: str, since: Since) -> AsyncGenerator[Page, None]:
        return self.client(scope, since)

    def identify(self, record: Any, about: Mapping[str, str]) -> Identity:
        return Identity(str(record["id"]), str(record["id"]), scope=str(record["id"]))

    def dating(self) -> Dating | None:
        return Dating("last_activity_at", instant)


class Killed(BaseException):
    """The process ends here."""


class Halting(Deriver):
    """Ends the process before it derives anything."""

    async def derive(self, *args: Any) -> None:
        raise Killed

    derive_scope = derive


def project(number: int, path: str = "") -> dict[str, Any]:
    return {"id": number, "path_with_namespace": path or f"group/p{number}", "name": "p"}


def runner(store: Store, deriver: type[Deriver] = Deriver, report: Any = None) -> Runner:
    leases, raw = Leases(store), RawStore(store)
    return Runner(store, leases, raw, deriver(store, Facts(store, leases), raw, {}), report)


def scripted(store: Store, *pages: Page | BaseException, seen: list[Since] | None = None) -> Scripted:
    async def fetch(scope: str, since: Since) -> AsyncGenerator[Page, None]:
        if seen is not None:
            seen.append(since)
        for page in pages:
            if isinstance(page, BaseException):
                raise page
            yield page

    return Scripted("gitlab", fetch, store)


async def paths(store: Store) -> dict[str, str]:
    return {fact["id"]: fact["path"] for fact in await store.all("fact_projects")}


async def mark(store: Store) -> dict[str, Any]:
    return await store.one("watermarks", "gitlab.projects:gitlab:all") or {}


async def test_a_run_stores_derives_and_leaves_its_record(store: Store) -> None:
    told: list[Progress] = []
    unit = scripted(store, Page([project(1), project(2)], done=1, total=2), Page([{"no": "id"}, "text"]))
    before = utc_now()
    record = await runner(store, report=told.append).run(unit, "all")
    assert record is not None
    assert {key: record[key] for key in ("state", "seen", "new", "changed", "quarantined", "error")} == {
        "state": "success",
        "seen": 4,
        "new": 2,
        "changed": 0,
        "quarantined": 2,
        "error": None,
    }
    assert await paths(store) == {"1": "group/p1", "2": "group/p2"}
    watermark = await mark(store)
    assert watermark["clean"] is True
    assert before - timedelta(milliseconds=1) <= watermark["started_at"] <= record["finished_at"]
    assert (await store.all("runs"))[0]["state"] == "success"
    assert told == [Progress("gitlab.projects", "gitlab", "all", 1, 2, "pages", 4)]
    standing = await status(store)
    assert [(one.collector, one.state, one.new) for one in standing] == [("gitlab.projects", "success", 2)]


async def test_the_watermark_is_the_start_of_the_last_successful_run(store: Store) -> None:
    seen: list[Since] = []
    first = await runner(store).run(scripted(store, Page([], cursor={"n": 1}), seen=seen), "all")
    failed = await runner(store).run(scripted(store, Skippable("gone"), seen=seen), "all")
    await runner(store).run(scripted(store, seen=seen), "all")
    assert first is not None
    assert failed is not None
    assert (failed["state"], failed["error"]) == ("failed", "gone")
    assert [
        since.at and abs(since.at - first["started_at"]) < timedelta(milliseconds=1) for since in seen
    ] == [
        None,
        True,
        True,
    ]
    assert [dict(since.cursor) for since in seen] == [{}, {"n": 1}, {"n": 1}]


async def test_a_programming_error_fails_its_run_and_nothing_else(store: Store) -> None:
    record = await runner(store).run(scripted(store, Page([project(1)]), ZeroDivisionError("oops")), "all")
    assert record is not None
    assert (record["state"], record["error"]) == ("failed", "ZeroDivisionError: oops")
    assert (await mark(store))["started_at"] is None


async def test_a_crash_between_raw_and_derive_loses_nothing_on_the_first_run(store: Store) -> None:
    pages = [Page([project(1)], cursor={"at": 1}), Page([project(2)])]
    with pytest.raises(Killed):
        await runner(store, Halting).run(scripted(store, *pages), "all")
    assert len(await store.all("raw_gitlab_project")) == 2
    assert await paths(store) == {}
    # The next run sees none of them: its cursor is past both.
    await runner(store).run(scripted(store, Page([])), "all")
    assert await paths(store) == {"1": "group/p1", "2": "group/p2"}


async def test_a_crash_between_raw_and_derive_loses_nothing_later(store: Store) -> None:
    await runner(store).run(scripted(store, Page([project(1)])), "all")
    renamed = Page([project(1, "group/renamed")])
    with pytest.raises(Killed):
        await runner(store, Halting).run(scripted(store, renamed), "all")
    assert await paths(store) == {"1": "group/p1"}
    assert (await mark(store))["clean"] is False
    # The record is unchanged now, and is derived all the same.
    record = await runner(store).run(scripted(store, renamed), "all")
    assert record is not None
    assert (record["new"], record["changed"]) == (0, 0)
    assert await paths(store) == {"1": "group/renamed"}
    assert (await mark(store))["clean"] is True


async def test_two_processes_share_the_work_one_run_at_a_time(store: Store) -> None:
    begun, let_go = list[str](), asyncio.Event()

    async def slow(scope: str, since: Since) -> AsyncGenerator[Page, None]:
        begun.append(scope)
        if len(begun) == 4:
            let_go.set()
        await let_go.wait()
        yield Page([project(1)])

    unit = Scripted("gitlab", slow, store)
    async with asyncio.timeout(60):
        running = {asyncio.create_task(runner(store).run(unit, "all")) for _ in range(4)}
        while len(running) > 1:
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            assert [await one for one in done] == [None] * len(done)
        # Other scopes are not in the way: all four are under way before one can go on.
        others = [runner(store).run(unit, scope) for scope in "abc"]
        assert all(await asyncio.gather(*running, *others))
    assert sorted(begun) == ["a", "all", "b", "c"]


async def test_a_run_that_is_stopped_says_so_and_gives_its_lease_back(store: Store) -> None:
    under_way = asyncio.Event()

    async def endless(scope: str, since: Since) -> AsyncGenerator[Page, None]:
        while True:
            yield Page([project(1)])
            under_way.set()
            await asyncio.sleep(0.01)

    task = asyncio.create_task(runner(store).run(Scripted("gitlab", endless, store), "all"))
    await under_way.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [(run["state"], run["error"]) for run in await store.all("runs")] == [("failed", "stopped")]
    assert await runner(store).run(scripted(store, Page([project(1)])), "all") is not None


def test_a_collector_that_cannot_be_used_stops_the_start() -> None:
    def declared(**attributes: Any) -> type[Scripted]:
        return type("Odd", (Scripted,), attributes)

    for attributes, says in (
        ({"name": "tapd.x"}, "is not <upstream>.<entity>"),
        ({"name": "gitlab.x", "collection": "raw_nothing"}, "not a raw collection"),
        ({"name": "gitlab.x", "topics": ("nothing",)}, "unknown topics nothing"),
        ({"name": "gitlab.projects"}, "two collectors are named gitlab.projects"),
    ):
        with pytest.raises(ConfigError, match=says):
            collector(declared(**attributes))
