"""Collector, API and store killed with SIGKILL at random moments of the first collection."""

from __future__ import annotations

import asyncio
import math
import os
import random
import signal
import time
import uuid
from itertools import pairwise
from pathlib import Path

import pytest
import pytest_asyncio

from metrics_api.core.store import Store
from tests.kills.campaign import Quiet, begun, compared, quiet, round_of, scopes, site_of
from tests.kills.site import Process
from tests.soak import Soak

WHAT = ("collector", "api", "store")
ROUNDS = 2
SOAK_ROUNDS = 20


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def undisturbed(mongodb_url: str) -> Quiet:
    return await quiet(5, mongodb_url, f"test_quiet_{uuid.uuid4().hex[:12]}")


def _uri(what: str) -> str:
    """The external store, where there is one; the test's own store is killed, so that one must be ours."""
    given = os.environ.get("TEST_MONGODB_URI", "")
    if given and what == "store":
        pytest.skip("TEST_MONGODB_URI names the store: it is not ours to kill")
    return given


async def rounds_of(
    what: str, rounds: int, expected: Quiet, folder: Path, database: str, chance: random.Random
) -> list[float]:
    uri, seconds = _uri(what), []
    for number in range(rounds):
        name = f"{database}_{number}"
        try:
            figures = await round_of(what, expected, folder / str(number), name, uri, chance)
        finally:
            if uri:
                store = Store(uri, name)
                await store.drop()
                await store.aclose()
        assert figures.kills == 2
        seconds.append(figures.seconds)
    return seconds


@pytest.mark.parametrize("what", WHAT)
async def test_a_kill_loses_nothing_and_changes_no_answer(
    what: str, undisturbed: Quiet, tmp_path: Path, database_name: str
) -> None:
    await rounds_of(what, ROUNDS, undisturbed, tmp_path, database_name, random.Random(what))


@pytest.mark.soak
@pytest.mark.parametrize("what", WHAT)
async def test_many_kills_lose_nothing_and_change_no_answer(
    what: str, undisturbed: Quiet, tmp_path: Path, database_name: str, soak: Soak
) -> None:
    seconds = await rounds_of(what, SOAK_ROUNDS, undisturbed, tmp_path, database_name, random.Random())
    soak.note(
        f"kill -9 of the {what} while everything is collected", rounds=SOAK_ROUNDS, seconds=sum(seconds)
    )


async def test_what_is_told_to_stop_while_the_store_is_away_ends_soon_and_goes_on_when_it_is_back(
    undisturbed: Quiet, tmp_path: Path, database_name: str
) -> None:
    async with site_of(undisturbed.company, tmp_path, database_name, _uri("store")) as site:
        store, both = site.store, (site.collector, site.api)
        assert store is not None
        await begun(site, [site.collector])
        # A store that is gone refuses its clients, one that hangs lets them wait for ever.
        for away, moment in ((signal.SIGKILL, scopes() // 6), (signal.SIGSTOP, scopes() // 2)):
            assert await site.reached(moment) < scopes()
            assert store.running is not None
            store.running.send_signal(away)
            # Long enough for what is under way to wait for the store.
            await asyncio.sleep(1)
            assert max(await asyncio.gather(*map(stopped, both))) < 8
            if away is signal.SIGKILL:
                await asyncio.to_thread(store.end)
                store.start()
            else:
                store.running.send_signal(signal.SIGCONT)
            for process in both:
                process.start()
        assert site.collector.said().count("stopped without waiting for the store any longer") == 2
        await compared(site, undisturbed, set())


@pytest.mark.parametrize("once", [[], ["--once", "all"]], ids=["collect", "collect --once"])
async def test_a_collector_that_is_told_to_stop_notes_its_runs_and_gives_its_leases_back(
    once: list[str], undisturbed: Quiet, tmp_path: Path, database_name: str
) -> None:
    async with site_of(
        undisturbed.company, tmp_path, database_name, os.environ.get("TEST_MONGODB_URI", "")
    ) as site:
        site.slow_events()
        site.collector.command = [*site.collector.command, *once]
        if once:
            site.collector.start()
        else:
            await begun(site, [site.collector])
        await site.reached(scopes() // 4)
        # Only what was to end by itself was cut short.
        await stopped(site.collector, status=128 + signal.SIGTERM if once else 0)
        assert ("stopped before all was done" in site.collector.said()) == bool(once)
        assert "stopped without waiting" not in site.collector.said()
        store = site.patient()
        try:
            assert [lease["_id"] for lease in await store.all("leases") if lease["owner"]] == []
            runs = await store.all("runs")
            assert {run["state"] for run in runs if run["error"] is None} == {"success"}
            assert {run["error"] for run in runs} == {None, "stopped"}
        finally:
            await store.aclose()


async def stopped(process: Process, status: int = 0) -> float:
    """Tell a process to stop and wait until it has, with this status; returns the seconds that took."""
    began, told = time.monotonic(), process.running
    assert told is not None
    await asyncio.to_thread(process.end, signal.SIGTERM)
    assert told.returncode == status, process.said()
    return time.monotonic() - began


async def test_two_collecting_processes_share_the_work_and_never_run_a_scope_twice_at_a_time(
    undisturbed: Quiet, tmp_path: Path, database_name: str
) -> None:
    uri = os.environ.get("TEST_MONGODB_URI", "")
    async with site_of(undisturbed.company, tmp_path / "site", database_name, uri) as site:
        store = Store(site.uri, site.database)
        try:
            # A process looks again for what another has in hand when half a lease is over, 1.5 s: till then
            # the first to come is to have no more than it can do at once.
            site.slow_events()
            await begun(site, site.collectors)
            await site.collected(scopes())
            runs = await store.all("runs")
            await compared(site, undisturbed, set())
        finally:
            if uri:
                await store.drop()
            await store.aclose()
    by_place: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for run in runs:
        end = run["finished_at"].timestamp() if run["finished_at"] else math.inf
        by_place.setdefault((run["collector"], run["scope"]), []).append((run["started_at"].timestamp(), end))
    for place, spans in by_place.items():
        spans.sort()
        assert all(end <= start for (_, end), (start, _) in pairwise(spans)), place
    said = [collector.said() for collector in site.collectors]
    assert all("run collector=" in text for text in said), "one of the processes did all the work"
