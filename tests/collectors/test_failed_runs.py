"""Runs that fail on the way: what was read before is kept and derived, and no place is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from typing import Any, ClassVar

import pytest_asyncio
from aiohttp import web

from collectors import Page, Since
from collectors.deriving import Deriver
from collectors.gitlab import Events, GitlabClient, Projects
from collectors.quota import Quota
from collectors.tapd import StatusMaps, Workspaces
from collectors.tapd_client import TapdClient
from collectors.tapd_plans import Iterations
from collectors.upstream import Upstream
from metrics_api.core.config import GitlabInstance, TapdInstance
from metrics_api.core.days import utc_now
from metrics_api.core.errors import Retriable, Skippable, StoreUnavailable
from metrics_api.core.facts import Facts
from metrics_api.core.leases import Leases
from metrics_api.core.raw import RawStore, Record
from metrics_api.core.store import WINDOW, Store
from tests.collectors.conftest import HASTY, Fake, envelope
from tests.collectors.test_runner import mark, paths, project, runner, scripted


@pytest_asyncio.fixture
async def connection(fake: Fake) -> AsyncIterator[Upstream]:
    upstream = Upstream("gitlab", fake.url, {"PRIVATE-TOKEN": "t"}, Quota(10_000), patience=HASTY)
    yield upstream
    await upstream.aclose()


def gitlab(fake: Fake, connection: Upstream, *projects: str) -> GitlabClient:
    return GitlabClient(GitlabInstance(url=fake.url, projects=projects), connection)


def serve_projects(fake: Fake, **known: dict[str, Any]) -> None:
    """Answer for these projects of the group `g`, and 404 for any other."""

    async def answer(request: web.Request) -> web.StreamResponse:
        name = request.path.rsplit("/", 1)[1]
        found = known.get(name)
        return web.json_response(found or {"message": "404"}, status=200 if found else 404)

    for name in ("good", "gone"):
        fake.routes[f"/api/v4/projects/g/{name}"] = answer


async def test_a_project_that_is_gone_keeps_no_other_from_being_stored_and_derived(
    fake: Fake, connection: Upstream, store: Store
) -> None:
    serve_projects(fake, good=project(7, "g/good"))
    client = gitlab(fake, connection, "g/good", "g/gone")
    for _ in range(2):
        record = await runner(store).run(Projects("gitlab", client, store), "all")
        assert record is not None
        assert record["state"] == "failed"
        assert record["error"] == "projects that are gone or not allowed: g/gone"
        assert await paths(store) == {"7": "g/good"}
    assert record["seen"] == 1
    watermark = await mark(store)
    assert (watermark["started_at"], watermark["cursor"]) == (None, {"scopes": ["7"]})
    assert await Events("gitlab", client, store).scopes() == ["7"]


async def test_a_workspace_nobody_knows_stops_no_other(fake: Fake, tapd: TapdClient, store: Store) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        workspace = request.query["workspace_id"]
        if workspace == "992":
            return envelope("", 404, "workspace 992 not existed", 404)
        return envelope({"Workspace": {"id": workspace, "name": f"W{workspace}"}})

    fake.routes["/workspaces/get_workspace_info"] = answer
    client = TapdClient(TapdInstance(url=fake.url, workspaces=("991", "992", "993")), tapd.upstream)
    assert await Iterations("tapd", client, store).scopes() == ["991", "992", "993"]
    record = await runner(store).run(Workspaces("tapd", client, store), "all")
    assert record is not None
    assert (record["state"], record["new"]) == ("failed", 2)
    assert record["error"].startswith("workspace 992: ")
    assert {fact["name"] for fact in await store.all("fact_workspaces")} == {"W991", "W993"}
    watermark = await store.one("watermarks", "tapd.workspaces:tapd:all") or {}
    assert watermark["cursor"] == {"scopes": ["991", "993"], "gone": ["992"]}
    assert await Iterations("tapd", client, store).scopes() == ["991", "993"]


async def test_a_workspace_that_is_not_listed_any_more_is_left_alone(
    fake: Fake, tapd: TapdClient, store: Store
) -> None:
    listed = ["991", "992"]

    async def answer(request: web.Request) -> web.StreamResponse:
        return envelope([{"Workspace": {"id": name, "name": name}} for name in listed])

    fake.routes["/workspaces/projects"] = answer
    client = TapdClient(TapdInstance(url=fake.url, company_id="9"), tapd.upstream)
    await runner(store).run(Workspaces("tapd", client, store), "all")
    assert await Iterations("tapd", client, store).scopes() == ["991", "992"]
    listed.remove("991")
    await runner(store).run(Workspaces("tapd", client, store), "all")
    assert await Iterations("tapd", client, store).scopes() == ["992"]
    watermark = await store.one("watermarks", "tapd.workspaces:tapd:all") or {}
    assert watermark["cursor"] == {"scopes": ["992"]}


async def test_one_workflow_that_is_not_there_keeps_none_of_the_others(
    fake: Fake, tapd: TapdClient, store: Store
) -> None:
    kinds = [Record("991", name, name, {"id": name, "entity_type": "story"}) for name in ("1", "2")]
    await RawStore(store).upsert("raw_tapd_workitem_type", "tapd", kinds, utc_now())

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.query.get("workitem_type_id") == "1":
            return envelope("", 404, "no such workflow", 404)
        return envelope({"new": "New", "done": request.query["system"]})

    fake.routes["/workflows/status_map"] = answer
    record = await runner(store).run(StatusMaps("tapd", tapd, store), "991")
    assert record is not None
    assert (record["state"], record["new"]) == ("failed", 2)
    facts = {fact["entity"]: fact["statuses"] for fact in await store.all("fact_workflows")}
    assert facts == {"bug": [["new", "New"], ["done", "bug"]], "story": [["new", "New"], ["done", "story"]]}


async def test_a_first_run_that_fails_again_and_again_derives_what_a_crash_left(store: Store) -> None:
    failing = [Page([project(1)], cursor={"at": 1}), Retriable("no answer")]
    await RawStore(store).upsert(
        "raw_gitlab_project", "gitlab", [Record("2", "2", "2", project(2))], utc_now()
    )
    await store.collection("watermarks").insert_one(
        {"_id": "gitlab.projects:gitlab:all", "started_at": None, "cursor": {}, "clean": False}
        | {"collector": "gitlab.projects", "instance": "gitlab", "scope": "all"}
    )
    await runner(store).run(scripted(store, *failing), "all")
    assert await paths(store) == {"1": "group/p1", "2": "group/p2"}
    watermark = await mark(store)
    assert (watermark["started_at"], watermark["cursor"], watermark["clean"]) == (None, {"at": 1}, True)


class Unable(Deriver):
    """Finds the store away when it derives."""

    async def derive(self, *args: Any) -> None:
        raise StoreUnavailable("the store did not answer")

    derive_scope = derive


async def test_a_failure_while_deriving_does_not_lose_the_place_of_a_walk_that_was_at_its_end(
    store: Store,
) -> None:
    seen: list[Since] = []
    walk = [
        Page([project(1)], cursor={"low": 2}),
        Page([project(2)], cursor={"low": 1}),
        Page([], cursor={"n": 2}),
    ]
    record = await runner(store, Unable).run(scripted(store, *walk), "all")
    assert record is not None
    assert record["error"] == "the store did not answer"
    watermark = await mark(store)
    assert (watermark["started_at"], watermark["cursor"], watermark["clean"]) == (None, {"low": 1}, False)
    # The next run begins there, derives all, and notes the end of it together with its success.
    await runner(store).run(scripted(store, Page([], cursor={"n": 2}), seen=seen), "all")
    assert dict(seen[0].cursor) == {"low": 1}
    assert await paths(store) == {"1": "group/p1", "2": "group/p2"}
    watermark = await mark(store)
    assert (watermark["started_at"] is None, watermark["cursor"]) == (False, {"n": 2})


async def test_a_later_run_that_fails_notes_what_it_read_and_is_clean_when_that_is_derived(
    store: Store,
) -> None:
    await runner(store).run(scripted(store, Page([project(1)])), "all")
    before = (await mark(store))["started_at"]
    renamed = [Page([project(1, "group/renamed")]), Skippable("gone")]
    await runner(store).run(scripted(store, *renamed), "all")
    assert await paths(store) == {"1": "group/renamed"}
    watermark = await mark(store)
    assert (watermark["started_at"], watermark["clean"]) == (before, True)


class Counting(Deriver):
    """Notes what it is asked to derive."""

    asked: ClassVar[list[list[str]]] = []

    async def derive(
        self, collection: str, instance: str, keys: Collection[str], fresh: bool = False
    ) -> None:
        self.asked.append(list(keys))


async def test_a_scope_is_derived_item_by_item_however_many_records_each_has(
    store: Store, raw: RawStore
) -> None:
    changes = [Record("991", str(n), str(n % 2), {"id": str(n)}) for n in range(WINDOW + 100)]
    await raw.upsert("raw_tapd_bug_change", "tapd", changes, utc_now(), fresh=True)
    Counting.asked = []
    deriver = Counting(store, Facts(store, Leases(store)), raw, {})
    await deriver.derive_scope("raw_tapd_bug_change", "tapd", "991")
    assert deriver.asked == [["0", "1"]]
