"""Projects and iterations that are renamed, and bugs that were told of them by their former names."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from collectors.deriving import Deriver, rebuild
from collectors.gitlab import Events, GitlabClient, Projects
from collectors.quota import Quota
from collectors.runner import Runner
from collectors.tapd_client import TapdClient
from collectors.tapd_plans import Iterations
from collectors.upstream import Upstream
from metrics_api.core.config import GitlabInstance
from metrics_api.core.days import utc_now
from metrics_api.core.facts import Facts
from metrics_api.core.leases import Leases
from metrics_api.core.raw import RawStore, Record
from metrics_api.core.store import Store
from tests.collectors.conftest import HASTY, Fake, listing
from tests.collectors.test_runner import runner

FIRST = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)


@pytest_asyncio.fixture
async def gitlab(fake: Fake) -> AsyncIterator[GitlabClient]:
    connection = Upstream("gitlab", fake.url, {"PRIVATE-TOKEN": "t"}, Quota(10_000), patience=HASTY)
    yield GitlabClient(GitlabInstance(url=fake.url, projects=("G/old",)), connection)
    await connection.aclose()


def serve(fake: Fake, project: dict[str, Any], *addresses: str) -> None:
    """Answer with this project under these addresses, and with 404 under any other."""

    async def answer(request: web.Request) -> web.StreamResponse:
        there = request.path.removeprefix("/api/v4/projects/") in addresses
        return web.json_response(project if there else {"message": "404"}, status=200 if there else 404)

    for name in ("G/old", "g/new", "7"):
        fake.routes[f"/api/v4/projects/{name}"] = answer


async def test_a_configured_project_that_was_renamed_is_collected_on_and_it_is_said_once(
    fake: Fake, gitlab: GitlabClient, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "collectors")
    unit = Projects("gitlab", gitlab, store)
    serve(fake, {"id": 7, "path_with_namespace": "g/old"}, "G/old")
    await runner(store).run(unit, "all")
    assert (await store.one("fact_projects", "gitlab:7") or {})["asked"] == "G/old"
    assert caplog.messages == []
    # GitLab leads from the old path to the new one, until that is somebody else's: then the id does.
    serve(fake, {"id": 7, "path_with_namespace": "g/new"}, "G/old")
    await runner(store).run(unit, "all")
    serve(fake, {"id": 7, "path_with_namespace": "g/newer"}, "7")
    record = await runner(store).run(unit, "all")
    assert record is not None
    assert (record["state"], record["changed"]) == ("success", 1)
    fact = await store.one("fact_projects", "gitlab:7") or {}
    assert {key: fact[key] for key in ("id", "path", "asked")} == {
        "id": "7",
        "path": "g/newer",
        "asked": "G/old",
    }
    assert await Events("gitlab", gitlab, store).scopes() == ["7"]
    assert caplog.messages == ["project renamed, mend the configuration asked=G/old path=g/new"]


async def test_what_led_to_a_project_is_noted_of_one_that_was_stored_without(
    fake: Fake, gitlab: GitlabClient, store: Store
) -> None:
    project = {"id": 7, "path_with_namespace": "g/new"}
    await RawStore(store).upsert("raw_gitlab_project", "gitlab", [Record("7", "7", "7", project)], utc_now())
    assert await Events("gitlab", gitlab, store).scopes() == []
    serve(fake, project, "G/old")
    await runner(store).run(Projects("gitlab", gitlab, store), "all")
    assert await Events("gitlab", gitlab, store).scopes() == ["7"]


async def test_events_go_by_the_id_of_their_project_whatever_it_is_called(store: Store) -> None:
    raw = RawStore(store)
    events = [
        Record("7", str(n), str(n), {"id": n, "action_name": "opened", "created_at": "2026-03-01T10:00:00Z"})
        for n in range(3)
    ]
    await raw.upsert("raw_gitlab_event", "gitlab", events, utc_now())
    deriver = Deriver(store, Facts(store, Leases(store)), raw, {})
    await deriver.derive("raw_gitlab_event", "gitlab", ["0", "1", "2"])
    assert {fact["project"] for fact in await store.all("fact_events")} == {"7"}
    told: list[tuple[str, int, int]] = []
    assert await rebuild(store, "events", lambda *step: told.append(step)) == {"events": 3}
    assert told == [("events", 3, 3)]
    assert {fact["project"] for fact in await store.all("fact_events_2")} == {"7"}


def iteration(number: int, name: str, day: int = 1, **data: Any) -> dict[str, Any]:
    times = {"created": "2026-03-01 09:00:00", "modified": f"2026-03-{day:02d} 09:00:00"}
    return {"id": str(number), "name": name, "status": "open"} | times | data


async def test_the_names_an_iteration_had_are_kept_with_when_they_were_first_seen(
    store: Store, raw: RawStore, tapd: TapdClient
) -> None:
    dating = Iterations("tapd", tapd, store).dating()
    versions = [
        iteration(77, "Sprint 1"),
        iteration(77, "Sprint 1", 2, status="done"),
        iteration(77, "Sprint $1.0", 3),
        iteration(77, "Sprint 1", 4),
        iteration(77, "S1", 5),
        iteration(77, "S0", 4),
    ]
    for day, data in enumerate(versions):
        record = Record("991", "77", "77", data)
        await raw.upsert("raw_tapd_iteration", "tapd", [record], FIRST + timedelta(days=day), dating)
    found = await store.one("raw_tapd_iteration", "tapd:991:77") or {}
    assert [(one["name"], (one["at"] - FIRST).days) for one in found["names"]] == [
        ("Sprint $1.0", 2),
        ("Sprint 1", 0),
        ("S1", 4),
    ]
    deriver = Deriver(store, Facts(store, Leases(store)), raw, {})
    await deriver.derive("raw_tapd_iteration", "tapd", ["77"])
    fact = await store.one("fact_iterations", "tapd:991:77") or {}
    assert (fact["name"], fact["names"]) == ("S1", ["Sprint $1.0", "Sprint 1"])


async def test_a_bug_follows_its_iteration_through_its_names(
    fake: Fake, tapd: TapdClient, store: Store, raw: RawStore
) -> None:
    def change(number: int, bug: str, hour: int, old: str, new: str) -> Record:
        data = {"id": str(number), "bug_id": bug, "field": "iteration_id", "old_value": old, "new_value": new}
        return Record("991", str(number), bug, data | {"created": f"2026-03-01 {hour:02d}:00:00"})

    times = {"created": "2026-03-01 08:00:00", "modified": "2026-03-01 12:00:00"}
    bugs = [
        Record("991", name, name, {"id": name, "status": "new", "iteration_id": now} | times)
        for name, now in (("1", "78"), ("2", "77"), ("3", "0"))
    ]
    changes = [
        change(1, "1", 9, "--", "Sprint 1"),
        change(2, "1", 10, "Sprint 1", "Sprint 2"),
        change(3, "2", 9, "--", "Sprint 1"),
        change(4, "3", 9, "--", "Sprint 2"),
        change(5, "3", 10, "Sprint 2", "--"),
    ]
    await raw.upsert("raw_tapd_bug", "tapd", bugs, utc_now())
    await raw.upsert("raw_tapd_bug_change", "tapd", changes, utc_now())
    facts = Facts(store, Leases(store))
    deriver = Deriver(store, facts, raw, {})
    await deriver.derive("raw_tapd_bug", "tapd", ["1", "2", "3"])

    async def ways() -> dict[str, list[str]]:
        return {fact["id"]: fact["segments"]["iteration"] for fact in await store.all("fact_bugs")}

    # The iterations are not known yet: their names stay, the last is the row's.
    assert await ways() == {"1": ["", "Sprint 1", "78"], "2": ["", "77"], "3": ["", "Sprint 2", ""]}
    rows = [iteration(77, "Sprint 1"), iteration(78, "Sprint 2")]
    fake.routes["/iterations"] = listing(rows, "Iteration")
    unit = Iterations("tapd", tapd, store)

    async def collected() -> dict[str, list[str]]:
        record = await Runner(store, Leases(store), raw, deriver).run(unit, "991")
        assert record is not None
        assert record["error"] is None
        return await ways()

    known = {"1": ["", "77", "78"], "2": ["", "77"], "3": ["", "78", ""]}
    assert await collected() == known
    counter = await store.one("counters", "topic:bugs")
    # A rename changes no history, nor does whatever else happens to an iteration.
    rows[0] |= {"name": "One", "modified": f"{utc_now():%Y-%m-%d} 23:00:00"}
    rows[1] |= {"status": "done", "modified": f"{utc_now():%Y-%m-%d} 23:00:00"}
    assert await collected() == known
    assert await store.one("counters", "topic:bugs") == counter
    await deriver.derive("raw_tapd_bug", "tapd", ["1", "2", "3"])
    assert await ways() == known
