"""One round of a campaign: collect a company while something is killed, and compare with quiet collecting."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp

from collectors import registry
from metrics_api.core.leases import Leases
from metrics_api.core.schema import RAW
from metrics_api.core.store import Store
from simulator import Company, generate, running
from simulator.products import PRODUCTS
from tests.kills.site import HOOK_SECRET, READY_S, Process, Site
from tests.system.harness import collected, generated_config, serving

DAY_S = 86_400
DAYS = 22
# What is collected only where the configuration wants it.
UNASKED = frozenset({"tapd.life_times"})
TARGETS = (
    "@tapd#bugs#flow#cumulative",
    "@tapd#bugs#flow#cumulative/mode=arrivals,by=product",
    "@tapd#bugs#change#daily/by=severity",
    "@tapd#bugs#backlog#daily/by=label,deleted=exclude",
    "@tapd#stories#flow#cumulative/level=all",
    "@tapd#stories#flow#cumulative/mode=arrivals,by=type",
    "@gitlab#events#daily/by=component",
)


@dataclass(frozen=True)
class Quiet:
    """What an undisturbed collection of a company gives: each target's bytes, and the raw records."""

    company: Company
    answers: dict[str, bytes]
    records: dict[str, dict[str, str]]
    window: tuple[int, int]


@dataclass
class Figures:
    """What a round did."""

    kills: int = 0
    acknowledged: int = 0
    seconds: float = 0.0
    # How many scopes were collected at each kill.
    collected: list[int] = field(default_factory=list)


def small_company(seed: int) -> Company:
    """A company that does not live on: its last day is over."""
    born = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    return generate(seed=seed, now=born, bugs=30, days=DAYS)


async def quiet(seed: int, mongodb_url: str, database: str) -> Quiet:
    """Collect a company without disturbance and note what comes of it."""
    company = small_company(seed)
    store = Store(mongodb_url, database)
    await store.prepare()
    try:
        runs = await collected(company, store, generated_config)
        assert [run["error"] for run in runs if run["state"] != "success"] == []
        now = int(time.time())
        window = (now - DAYS * DAY_S, now - 3 * DAY_S)
        async with serving(store, generated_config("", ""), time.time) as url:
            answers = await rendered(url, window)
        return Quiet(company, answers, await raw_records(store), window)
    finally:
        await store.drop()
        await store.aclose()


async def rendered(url: str, window: tuple[int, int]) -> dict[str, bytes]:
    """The bytes that the falcon-plus wire answers to each target in a window that is over."""
    answers = {}
    async with aiohttp.ClientSession() as session:
        for target in TARGETS:
            form = {"target": target, "from": str(window[0]), "until": str(window[1])}
            async with session.post(f"{url}/api/v1/grafana/render", data=form) as response:
                assert response.status == 200, await response.text()
                assert "X-Engmetrics-Skipped" not in response.headers, response.headers
                answers[target] = await response.read()
    return answers


async def raw_records(store: Store) -> dict[str, dict[str, str]]:
    """The content hash of every polled record, by collection and `_id`; of accounts only their number."""
    found = {}
    for name in RAW:
        if not name.endswith("_hook"):
            found[name] = {one["_id"]: one["hash"] for one in await store.all(name)}
    # Each store has pseudonyms of its own: all that can be compared is how many there are.
    found["raw_tapd_user"] = {str(at): "" for at in range(len(found["raw_tapd_user"]))}
    return found


def differing(found: Mapping[str, object], expected: Mapping[str, object]) -> dict[str, object]:
    """By key, what of two mappings is not the same: what was found and what was expected."""
    unlike: dict[str, object] = {}
    for key in sorted({*found, *expected}):
        one, other = found.get(key), expected.get(key)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            if inner := differing(one, other):
                unlike[key] = inner
        elif one != other:
            unlike[key] = one, other
    return unlike


def scopes() -> int:
    """How many watermarks a whole collection of the generated company leaves."""
    projects = sum(len(product.repositories) for product in PRODUCTS)
    return sum(
        1 if unit.whole else projects if unit.upstream == "gitlab" else len(PRODUCTS)
        for unit in registry().values()
        if unit.name not in UNASKED
    )


@asynccontextmanager
async def site_of(company: Company, folder: Path, database: str, uri: str = "") -> AsyncIterator[Site]:
    """An installation for a company, running but for its collectors."""
    async with running(company, tapd_quota=None) as upstreams:
        site = Site(folder, upstreams, database, uri)
        try:
            await asyncio.to_thread(site.start)
            yield site
        finally:
            await asyncio.to_thread(site.stop)


async def begun(site: Site, collectors: Sequence[Process]) -> None:
    """Let these processes begin to collect at one moment, when all of them and the API are up."""
    store = site.patient()
    leases = Leases(store)
    try:
        async with (
            leases.held("run:tapd.workspaces:tapd:all"),
            leases.held("run:gitlab.projects:gitlab:all"),
        ):
            for collector in collectors:
                await asyncio.to_thread(collector.start)
            await site.answers()
            until = time.monotonic() + READY_S
            while not all(one.said().count("nothing to collect yet") >= 2 for one in collectors):
                assert time.monotonic() < until, site.said()
                await asyncio.sleep(0.1)
    finally:
        await store.aclose()


async def killed(site: Site, process: Process, moments: Sequence[int], figures: Figures) -> None:
    """Kill a process with SIGKILL, and start it again, each time that so many scopes have been collected.

    Some are left each time, or it was not killed while everything is collected.
    """
    for moment in moments:
        done = await site.reached(moment)
        await asyncio.to_thread(process.end)
        figures.kills += 1
        figures.collected.append(done)
        await asyncio.to_thread(process.start)
    assert all(done < scopes() for done in figures.collected), figures


async def told(site: Site, stop: asyncio.Event, figures: Figures) -> set[str]:
    """Deliver webhooks until told to stop; returns the keys of those that were answered 200."""
    acknowledged: set[str] = set()
    serial = 0
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        while not stop.is_set():
            serial += 1
            key = f"delivery-{serial}"
            headers = {
                "X-Gitlab-Token": HOOK_SECRET,
                "X-Gitlab-Event": "Pipeline Hook",
                "Idempotency-Key": key,
            }
            body = {"object_kind": "pipeline", "object_attributes": {"id": serial}, "project": {"id": 1}}
            try:
                async with session.post(
                    f"{site.url}/api/v1/gitlab/webhook", json=body, headers=headers
                ) as response:
                    if response.status == 200:
                        acknowledged.add(key)
            except (aiohttp.ClientError, TimeoutError):
                # Nobody answered: the sender knows nothing, and nothing is promised.
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.005)
    figures.acknowledged += len(acknowledged)
    return acknowledged


async def compared(site: Site, expected: Quiet, acknowledged: set[str]) -> None:
    """Wait until all is collected; then answers, records and acknowledged deliveries must all be there."""
    await site.collected(scopes())
    store = site.patient()
    try:
        unlike = differing(await raw_records(store), expected.records)
        assert not unlike, unlike
        hooks = [one["_id"].rsplit(":", 1)[1] for one in await store.all("raw_gitlab_hook")]
        assert len(hooks) == len(set(hooks))
        assert acknowledged <= set(hooks)
        await site.answers()
        # What was written last reaches the frames within two looks.
        until = time.monotonic() + 20
        answers = await rendered(site.url, expected.window)
        while answers != expected.answers and time.monotonic() < until:
            await asyncio.sleep(0.5)
            answers = await rendered(site.url, expected.window)
        unlike = differing(answers, expected.answers)
        assert not unlike, f"{await explained(store)}\n{site.said()}\n{unlike}"
    finally:
        await store.aclose()


async def explained(store: Store) -> str:
    """What a wrong answer may come from: how many facts there are by topic, and how the runs went."""
    lines = []
    for counter in await store.all("counters"):
        if counter["_id"].startswith("topic:"):
            lines.append(f"{counter}: {len(await store.all(counter['collection']))} facts")
    for run in sorted(await store.all("runs"), key=lambda run: str(run["started_at"])):
        lines.append(" ".join(str(run[key]) for key in ("started_at", "collector", "scope", "new", "error")))
    return "\n".join(lines)


async def round_of(
    what: str, expected: Quiet, folder: Path, database: str, uri: str, chance: random.Random
) -> Figures:
    """Kill one of collector, api and store a few times while everything is collected, then compare."""
    figures = Figures()
    began = time.monotonic()
    async with site_of(expected.company, folder, database, uri) as site:
        process = {"collector": site.collector, "api": site.api, "store": site.store}[what]
        assert process is not None
        # Something is left to collect all the while.
        site.slow_events(str(max(expected.company.projects)))
        await begun(site, [site.collector])
        stop = asyncio.Event()
        telling = asyncio.create_task(told(site, stop, figures))
        moments = sorted(chance.randrange(scopes() * 2 // 3) for _ in range(2))
        try:
            await killed(site, process, moments, figures)
        finally:
            stop.set()
            acknowledged = await telling
            site.upstreams.gitlab.faults.disarm()
        assert acknowledged, "nothing was acknowledged that could be lost"
        await compared(site, expected, acknowledged)
    figures.seconds = time.monotonic() - began
    return figures
