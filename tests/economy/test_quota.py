"""The account's quota on the simulator's clock, and how collecting yields to an overloaded upstream."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from collectors import Collector, registry
from collectors.deriving import Deriver
from collectors.quota import Quota
from collectors.runner import Runner
from collectors.tapd_client import TapdClient
from collectors.upstream import Patience, Upstream
from metrics_api.core.config import TapdInstance
from metrics_api.core.facts import Facts
from metrics_api.core.leases import Leases
from metrics_api.core.raw import RawStore
from metrics_api.core.store import Store
from simulator import Company, FaultKind, Running, TapdAccount, generate, running
from simulator.products import PRODUCTS

WORKSPACES = tuple(product.workspace_id for product in PRODUCTS)
WINDOW_S = 0.5
NAMES = ("tapd.bugs", "tapd.bug_changes", "tapd.removed_bugs")
PATIENCE = Patience(attempts=4, first_s=0.01, longest_s=0.05, limited_first_s=0.1, limited_s=20.0)


@pytest.fixture(scope="module")
def company() -> Company:
    """Two workspaces of a fortnight."""
    return generate(seed=4, bugs=20, days=12, stories=0)


@asynccontextmanager
async def account(servers: Running, quota: int) -> AsyncIterator[TapdClient]:
    """A client of one account, whose quota is counted in short windows."""
    credentials = {"Authorization": f"Bearer {TapdAccount().token}"}
    upstream = Upstream("tapd", servers.tapd_url, credentials, Quota(quota, 2, WINDOW_S), patience=PATIENCE)
    try:
        yield TapdClient(TapdInstance(url=servers.tapd_url, workspaces=WORKSPACES), upstream)
    finally:
        await upstream.aclose()


async def rounds(client: TapdClient, store: Store) -> list[dict[str, Any]]:
    """Both workspaces at once, one collector after the other in each; every run goes well."""
    leases, raw = Leases(store), RawStore(store)
    runner = Runner(store, leases, raw, Deriver(store, Facts(store, leases), raw, {}))
    units: list[Collector[Any]] = [registry()[name]("tapd", client, store) for name in NAMES]

    async def scope(workspace: str) -> list[dict[str, Any] | None]:
        return [await runner.run(unit, workspace) for unit in units]

    records = [one for part in await asyncio.gather(*map(scope, WORKSPACES)) for one in part]
    assert [record["error"] for record in records if record and record["error"]] == []
    return [record for record in records if record]


async def test_the_accounts_quota_is_never_exceeded_by_two_runs_at_once(
    company: Company, store: Store
) -> None:
    async with running(company, tapd_quota=12, quota_window_s=WINDOW_S) as servers:
        servers.tapd.faults.arm(FaultKind.SLOW_FIRST_BYTE, "/bug_changes", times=None, seconds=0.02)
        async with account(servers, 12) as client:
            await rounds(client, store)
        # Two feeds of twelve days and more; none was refused.
        assert servers.tapd.counters.total > 24
        assert servers.tapd.counters.most_in_flight == 2
        assert (servers.tapd.quota.refused, servers.tapd.counters.by_status[429]) == (0, 0)


async def test_a_smaller_quota_than_was_configured_is_waited_out_in_both_forms(
    company: Company, store: Store
) -> None:
    async with running(company, tapd_quota=12, quota_window_s=WINDOW_S) as servers:
        chance = random.Random(4)
        for data in ("", {}):
            after = chance.randrange(20)
            servers.tapd.faults.arm(FaultKind.RATE_LIMIT_BODY, times=3, after=after, data=data)
        async with account(servers, 1000) as client:
            records = await rounds(client, store)
        servers.tapd.faults.assert_spent()
        assert servers.tapd.counters.by_status[429] > 0
        # Everybody waits when one is told to: what is refused stays a small part.
        asked = sum(record["requests"] for record in records)
        assert servers.tapd.quota.refused + 6 < asked / 2
    found = {one["_id"].split(":")[2] for one in await store.all("raw_tapd_bug")}
    assert found == {name for workspace in company.workspaces.values() for name in workspace.bugs}


async def test_a_502_lowers_the_number_of_requests_at_once_and_the_size_of_pages(
    company: Company, store: Store
) -> None:
    async with running(company, tapd_quota=None) as servers:
        faults, counters = servers.tapd.faults, servers.tapd.counters
        faults.arm(FaultKind.SLOW_FIRST_BYTE, "/bug_changes", times=None, seconds=0.02)
        async with account(servers, 100_000) as client:
            await rounds(client, store)
            assert counters.most_in_flight == 2
            assert {one.query["limit"] for one in counters.seen if one.path == "/bug_changes"} == {"200"}
            faults.arm(FaultKind.SERVER_ERROR, "/bugs", times=None, status=502, limit_at_least=100)
            counters.clear()
            await rounds(client, store)
            limits = [one.query["limit"] for one in counters.seen if one.path == "/bugs"]
            counters.clear()
            await rounds(client, store)
            assert counters.most_in_flight == 1
            later = [one.query["limit"] for one in counters.seen if one.path == "/bugs"]
    # The size is tried twice; both workspaces find out at once, and neither asks for so much again.
    assert set(limits) == {"50", "100", "200"}
    assert set(later) == {"50"}
