"""Collecting that is stopped at any write: a round later the facts are those of undisturbed collecting."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress

import pytest

from metrics_api.core.errors import StoreUnavailable
from metrics_api.core.store import Store
from simulator import Running, TapdWorkspaceRecords, running
from tests.collectors.stops import How, Killed, Stopping, collected, facts, run_out
from tests.misbehaviour.office import WORKSPACE, ago, lived, newcomers, small
from tests.soak import Soak

BUGS = frozenset(("tapd.workspaces", "tapd.bugs", "tapd.bug_changes"))
HOWS = tuple(How)


@asynccontextmanager
async def stopping(mongodb_url: str) -> AsyncIterator[Stopping]:
    """A store of its own, without the indexes that make no difference to what is written."""
    store = Stopping(mongodb_url, f"test_{uuid.uuid4().hex[:12]}")
    yield store
    store.arm(0, How.SILENT_BEFORE)
    await store.drop()
    await store.aclose()


async def stopped(
    store: Stopping, servers: Running, at: int | str, how: How, names: Collection[str] = ()
) -> None:
    """A round that is stopped at a write, its leases run out, and a round that is not stopped."""
    store.arm(at, how)
    with suppress(Killed, StoreUnavailable):
        await collected(store, servers.tapd_url, (WORKSPACE,), names)
    assert store.where, f"no write {at}, there are {store.writes}"
    await recovered(store, servers, names)


async def recovered(store: Stopping, servers: Running, names: Collection[str]) -> None:
    """A round of another process, undisturbed."""
    store.arm(0, How.SILENT_BEFORE)
    await run_out(store)
    records = await collected(store, servers.tapd_url, (WORKSPACE,), names)
    assert [(record["collector"], record["error"]) for record in records if record["error"]] == []


async def quiet(mongodb_url: str, servers: Running, names: Collection[str] = ()) -> tuple[object, int]:
    """The facts of an undisturbed collection, and how many writes it took."""
    async with stopping(mongodb_url) as store:
        await collected(store, servers.tapd_url, (WORKSPACE,), names)
        return await facts(store), store.writes


def touched(workspace: TapdWorkspaceRecords, number: int) -> None:
    """A bug changes, and one comes to be and is resolved at once."""
    workspace.change_bug(str(1004 + number), {"status": "rejected", "module": f"m{number}"}, at=ago())
    row = workspace.add_bug({"title": "new", "created": ago(seconds=1)})
    workspace.change_bug(str(row["id"]), {"status": "resolved"}, at=ago())


async def test_a_first_collection_that_was_stopped_is_whole_one_round_later(mongodb_url: str) -> None:
    async with running(small(6), tapd_quota=None) as servers:
        expected, _ = await quiet(mongodb_url, servers, BUGS)
        for at, how in (
            ("raw_tapd_bug.insert_many", How.KILLED_AFTER),
            ("raw_tapd_bug_change.insert_many", How.SILENT_AFTER),
            ("fact_bugs.insert_many", How.KILLED_AFTER),
            # What waited is derived, and waits all the same.
            ("watermarks.update_one", How.KILLED_BEFORE),
        ):
            async with stopping(mongodb_url) as store:
                await stopped(store, servers, at, how, BUGS)
                assert await facts(store) == expected, at


async def test_a_later_round_that_was_stopped_is_made_up_for_by_the_next(mongodb_url: str) -> None:
    company = small(12)
    async with running(company, tapd_quota=None) as servers, stopping(mongodb_url) as store:
        await collected(store, servers.tapd_url, (WORKSPACE,), BUGS)
        for number, (at, how) in enumerate(
            (
                ("raw_tapd_bug.bulk_write", How.KILLED_AFTER),
                ("raw_tapd_bug.bulk_write", How.SILENT_AFTER),
                ("raw_tapd_bug_change.insert_many", How.KILLED_AFTER),
                ("fact_bugs.insert_many", How.KILLED_AFTER),
                ("fact_bugs.bulk_write", How.SILENT_AFTER),
                ("watermarks.update_one", How.KILLED_BEFORE),
                ("watermarks.update_one", How.SILENT_BEFORE),
            )
        ):
            # Each bug changes for the first and last time: whatever is not derived stays so to the end.
            touched(company.workspaces[WORKSPACE], number)
            await stopped(store, servers, at, how, BUGS)
        expected, _ = await quiet(mongodb_url, servers, BUGS)
        assert await facts(store) == expected


@pytest.mark.soak
async def test_a_first_collection_may_be_stopped_at_every_write(mongodb_url: str, soak: Soak) -> None:
    began, rounds = time.monotonic(), 0
    async with running(small(6), tapd_quota=None) as servers:
        expected, writes = await quiet(mongodb_url, servers, BUGS)
        for how in HOWS:
            for at in range(1, writes + 1):
                async with stopping(mongodb_url) as store:
                    await stopped(store, servers, at, how, BUGS)
                    assert await facts(store) == expected, (how, at)
                    rounds += 1
    seconds = time.monotonic() - began
    soak.note("a first collection of bugs stopped at each write", rounds=rounds, seconds=seconds)


@pytest.mark.soak
async def test_later_rounds_of_everything_may_be_stopped_at_every_write(mongodb_url: str, soak: Soak) -> None:
    began, company, chance, at = time.monotonic(), small(12), random.Random(7), 0
    workspace = company.workspaces[WORKSPACE]
    async with (
        running(company, tapd_quota=None) as servers,
        stopping(mongodb_url) as store,
        stopping(mongodb_url) as other,
    ):
        for one in (store, other):
            await collected(one, servers.tapd_url, (WORKSPACE,))
        # Each write in one of the ways, by turns, while the company lives on; until a round has fewer.
        while True:
            at, how = at + 1, HOWS[at % len(HOWS)]
            lived(workspace, chance)
            newcomers(workspace)
            store.arm(at, how)
            with suppress(Killed, StoreUnavailable):
                await collected(store, servers.tapd_url, (WORKSPACE,))
            where = store.where
            await recovered(store, servers, ())
            await collected(other, servers.tapd_url, (WORKSPACE,))
            assert await _known(store) == await _known(other), (how, at, where)
            if not where:
                break
    assert at > 100
    seconds = time.monotonic() - began
    soak.note("later collections of everything stopped at each write", rounds=at - 1, seconds=seconds)


async def _known(store: Store) -> object:
    """The facts, without the stories of bugs: relations rest, and are not read in every round."""
    found = await facts(store)
    for bug in found["bugs"].values():
        bug["stories"] = []
    return found
