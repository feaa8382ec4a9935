"""One account shared by several processes: together they never exceed its quota, whoever comes and goes."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from collectors.quota import Quota
from collectors.shares import WORD_BEATS, Account, Need, granted
from collectors.sources import sources
from metrics_api.core.config import Config, TapdInstance
from metrics_api.core.days import utc_now
from metrics_api.core.schema import QuotaShare
from metrics_api.core.settings import Settings
from metrics_api.core.store import Store
from simulator import Company, FaultKind, Running, running
from simulator.serving import Quota as Budget

WINDOW_S = 1.5
LIMIT = 12


@dataclass
class Sliding(Budget):
    """The simulator's quota, counted in whatever window holds most."""

    most: int = 0
    _taken: deque[float] = field(default_factory=deque)

    def take(self) -> bool:
        """Count a request; False when the window that ends with it holds too many."""
        now = self.clock()
        self._taken.append(now)
        while self._taken[0] <= now - self.window_s:
            self._taken.popleft()
        self.most = max(self.most, len(self._taken))
        if self.limit is None or len(self._taken) <= self.limit:
            return True
        self.refused += 1
        return False


def small() -> Company:
    company = Company()
    company.add_workspace({"id": "991", "name": "One"})
    return company


async def asking(
    servers: Running, mongodb_url: str, database: str, count: int, name: str
) -> asyncio.subprocess.Process:
    """Start a process that asks so many times."""
    given = (servers.tapd_url, mongodb_url, database, LIMIT, WINDOW_S, count, name)
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.economy.asking", *map(str, given)),
        cwd=Path(__file__).parents[2],
        env={**os.environ, "NO_PROXY": "127.0.0.1"},
    )


async def ended(*processes: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(60):
        assert [await process.wait() for process in processes] == [0] * len(processes)


async def test_two_processes_never_exceed_the_quota_of_their_account_and_share_it_fairly(
    store: Store, mongodb_url: str, database_name: str
) -> None:
    async with running(small(), tapd_quota=LIMIT, quota_window_s=WINDOW_S) as servers:
        budget = servers.tapd.quota = Sliding(LIMIT, WINDOW_S)
        place = (servers, mongodb_url, database_name)
        await ended(*[await asking(*place, 18, name) for name in ("one", "two")])
        asked = Counter(one.query["process"] for one in servers.tapd.counters.seen)
        early = Counter(one.query["process"] for one in list(servers.tapd.counters.seen)[:24])
        # A third that comes after them finds their last window still counted.
        await ended(await asking(*place, 2, "three"))
        assert (budget.refused, servers.tapd.counters.by_status[429]) == (0, 0)
        assert budget.most <= LIMIT
    assert asked == {"one": 18, "two": 18}
    # Both were served all the time.
    assert min(early["one"], early["two"]) >= 5


async def test_a_process_that_vanished_is_counted_for_another_window(
    store: Store, mongodb_url: str, database_name: str
) -> None:
    async with running(small(), tapd_quota=LIMIT, quota_window_s=WINDOW_S) as servers:
        budget = servers.tapd.quota = Sliding(LIMIT, WINDOW_S)
        place = (servers, mongodb_url, database_name)
        first = await asking(*place, 1000, "one")
        async with asyncio.timeout(30):
            while True:
                if servers.tapd.counters.total >= LIMIT:
                    break
                await asyncio.sleep(0.01)
        first.kill()
        await first.wait()
        await ended(await asking(*place, LIMIT, "two"))
        assert (budget.refused, budget.most <= LIMIT) == (0, True)
        assert {one.query["process"] for one in servers.tapd.counters.seen} == {"one", "two"}


@pytest.mark.parametrize("kind", [FaultKind.RATE_LIMIT_STATUS, FaultKind.RATE_LIMIT_BODY])
async def test_when_one_process_hears_that_it_was_too_much_all_wait(store: Store, kind: FaultKind) -> None:
    first, second = (Quota(1000, 2, WINDOW_S, Account(store, "tapd:tapd", name)) for name in "ab")
    loop = asyncio.get_running_loop()
    for quota in (first, second):
        async with quota.place():
            pass
    first.pause(2.0)
    until = loop.time() + 2.0
    # Within a beat, a tenth of a second here, the others know.
    await asyncio.sleep(0.6)
    async with second.place():
        assert loop.time() >= until - 0.01
    await first.aclose()
    await second.aclose()


async def test_what_is_not_needed_is_given_back_at_once_and_what_was_sent_counts_on(store: Store) -> None:
    quota = Quota(10, 10, WINDOW_S, Account(store, "tapd:tapd", "one"))
    for _ in range(3):
        async with quota.place():
            pass
    await quota.aclose()
    account = await store.one("quotas", "tapd:tapd")
    assert account is not None
    assert {name: (one["places"], one["wants"]) for name, one in account["shares"].items()} == {
        "one": (3, False)
    }
    other = Account(store, "tapd:tapd", "two")
    assert (await other.beat(Need(6, True), 10, WINDOW_S)).places == 7
    await asyncio.sleep(WINDOW_S * 1.1)
    assert (await other.beat(Need(9, True), 10, WINDOW_S)).places == 10


async def test_a_process_whose_store_is_silent_sends_nothing_when_its_word_has_run_out(
    store: Store,
) -> None:
    quota = Quota(10, 10, WINDOW_S, Account(store, "tapd:tapd", "one"))
    async with quota.place():
        pass
    assert quota._beating is not None
    quota._beating.cancel()
    await asyncio.sleep(WINDOW_S * WORD_BEATS / 30)
    assert quota._wait(asyncio.get_running_loop().time()) == 0.0
    await quota.aclose()


def test_two_instances_that_are_one_account_share_its_quota(store: Store) -> None:
    one = TapdInstance(name="one", company_id="1", quota_per_minute=60)
    two = TapdInstance(name="two", company_id="2", quota_per_minute=40)
    three = TapdInstance(name="three", company_id="3", quota_per_minute=60)
    names = {"ONE": "same", "TWO": "same", "THREE": "another"}
    tokens = {f"ENGMETRICS_TAPD_{name}_TOKEN": token for name, token in names.items()}
    found = sources(Settings(Config(tapd=(one, two, three)), tokens), store)
    quotas = [source.connection.quota for source in found]
    assert quotas[0] is quotas[1] is not quotas[2]
    assert [quota.limit for quota in quotas] == [40, 40, 60]


def test_who_wants_gets_its_part_and_no_more_than_is_left() -> None:
    now = utc_now()

    def others(*shares: tuple[int, bool, int]) -> dict[str, QuotaShare]:
        return {
            str(number): {"places": places, "wants": wants, "until": now + timedelta(seconds=seconds)}
            for number, (places, wants, seconds) in enumerate(shares)
        }

    # Alone: what is used and a tenth of all; without anything waiting no more than is used.
    assert granted(Need(0, True), 60, {}, now) == 6
    assert granted(Need(58, True), 60, {}, now) == 60
    assert granted(Need(20, False), 60, {}, now) == 20
    # Beside one who wants nothing, all that is left; beside one who wants, half.
    assert granted(Need(39, True), 60, others((20, False, 5)), now) == 40
    assert granted(Need(40, True), 60, others((20, True, 5)), now) == 30
    assert granted(Need(0, True), 60, others((60, True, 5)), now) == 0
    # One whose word has run out wants nothing more, and is counted all the same.
    assert granted(Need(30, True), 60, others((20, True, -5)), now) == 36
    assert granted(Need(0, True), 1, others((0, True, 5), (0, True, 5)), now) == 1
