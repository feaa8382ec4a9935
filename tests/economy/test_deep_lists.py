"""Lists of more rows than TAPD serves by pages (page times limit up to 20,000): read by narrower windows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest_asyncio
from aiohttp import web

from collectors import Since
from collectors.quota import Quota
from collectors.tapd_bugs import BugChanges
from collectors.tapd_client import TapdClient
from collectors.upstream import Upstream
from metrics_api.core.config import TapdInstance
from metrics_api.core.raw import RawStore, Record
from metrics_api.core.store import Store
from simulator import Company, FaultKind, TapdAccount, listening, running

ROWS = 20_300
NOW = datetime(2026, 3, 5, 16, 30, tzinfo=UTC)


def client_of(url: str) -> TapdClient:
    """A client without a quota to speak of."""
    credentials = {"Authorization": f"Bearer {TapdAccount().token}"}
    return TapdClient(TapdInstance(url=url), Upstream("tapd", url, credentials, Quota(1_000_000)))


async def test_a_list_of_more_than_20_000_rows_is_read_whole() -> None:
    company = Company()
    workspace = company.add_workspace({"id": "991", "name": "One", "created": "2026-01-01 00:00:00"})
    for number in range(ROWS):
        hours, minutes = divmod(number // 10, 60)
        created = f"2026-03-{1 + hours // 24:02d} {hours % 24:02d}:{minutes:02d}:00"
        workspace.bugs[str(number)] = {"id": f"{number:06d}", "created": created, "modified": created}
    async with running(company, tapd_quota=None) as servers:
        servers.tapd.faults.arm(FaultKind.BARE_ROWS, times=None)
        client = client_of(servers.tapd_url)
        found = [
            row["Bug"]["id"]
            async for page in client.ascending("/bugs", {"workspace_id": "991"}, "Bug")
            for row in page.rows
        ]
        await client.upstream.aclose()
        asked = servers.tapd.counters.total
        deepest = max(int(one.query["page"]) * int(one.query["limit"]) for one in servers.tapd.counters.seen)
    assert found == [f"{number:06d}" for number in range(ROWS)]
    assert deepest <= 20_000
    # A page begins with the rows of the last second of the one before.
    assert asked <= 1.1 * ROWS / 200


@pytest_asyncio.fixture
async def mass_change() -> AsyncIterator[tuple[str, list[dict[str, str]]]]:
    """A feed with one change of each of many bugs on one day, refused beyond its depth."""
    asked: list[dict[str, str]] = []

    def change(number: int) -> dict[str, Any]:
        at = "2026-03-05 09:00:00"
        return {"BugChange": {"id": f"{number:06d}", "bug_id": f"b{number:06d}", "created": at}}

    async def changes(request: web.Request) -> web.Response:
        query = dict(request.query)
        asked.append(query)
        size, page = int(query["limit"]), int(query["page"])
        named = [int(name[1:]) for name in query.get("bug_id", "").split(",") if name]
        numbers = named if named else range(ROWS) if query.get("created") == "2026-03-05" else range(0)
        if size * page > 20_000:
            return web.json_response({"status": 422, "data": "", "info": "too deep"}, status=422)
        rows = [change(number) for number in numbers[(page - 1) * size : page * size]]
        return web.json_response({"status": 1, "data": rows, "info": "success"})

    async def nothing(request: web.Request) -> web.Response:
        return web.json_response({"status": 1, "data": [], "info": "success"})

    app = web.Application()
    app.router.add_get("/bug_changes", changes)
    app.router.add_get("/bugs/get_removed_bugs", nothing)
    async with listening(app) as url:
        yield url, asked


async def test_a_day_of_more_than_20_000_changes_is_read_by_items(
    mass_change: tuple[str, list[dict[str, str]]], store: Store
) -> None:
    url, asked = mass_change
    # Only the bugs that may have changed on that day are asked for.
    times = [
        ("b000001", "2026-03-05 09:00:00"),
        ("b020200", "2026-03-06 00:00:01"),
        ("b000003", "2026-03-04"),
    ]
    records = [Record("991", name, name, {"id": name, "modified": at}) for name, at in times]
    await RawStore(store).upsert("raw_tapd_bug", "tapd", records, NOW)
    client = client_of(url)
    since = Since(datetime(2026, 3, 5, 8, 0, tzinfo=UTC), {"n": 3}, NOW)
    found: set[str] = set()
    async for page in BugChanges("tapd", client, store).fetch("991", since):
        found.update(record["id"] for record in page.records)
    await client.upstream.aclose()
    assert found == {f"{number:06d}" for number in (*range(20_000), 20_200)}
    assert [query.get("bug_id") for query in asked if "created" not in query] == ["b000001,b020200"]
    assert len(asked) <= 103
