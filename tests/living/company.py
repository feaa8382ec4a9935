"""A company that lives on while collectors, tasks and webhooks are at it, and what a fresh look finds."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Any

from collectors.scheduler import collect
from metrics_api.core.config import Collect, Config, TapdInstance
from metrics_api.core.days import utc_now
from metrics_api.core.settings import Settings
from metrics_api.core.store import Document, Store
from metrics_api.core.tasks import Order, Tasks
from simulator import Company, Outbox, TapdAccount, TapdSender, generate, hasten, running
from tests.collectors.conftest import HASTY
from tests.webhooks.harness import ENVIRONMENT, SECRET, TAPD, receiving, until

SECRETS = {**ENVIRONMENT, "ENGMETRICS_TAPD_TAPD_TOKEN": TapdAccount().token}


@dataclass
class Living:
    """A company that lives faster than others; `did` counts what happened while it did."""

    company: Company
    settings: Settings
    chance: random.Random
    sender: TapdSender
    outbox: Outbox
    did: Counter[str] = field(default_factory=Counter)

    async def collected(self, store: Store, what: str = "all") -> None:
        """A round of a process of its own; every run goes well."""
        records = await collect(self.settings, store, once=what, patience=HASTY)
        assert [(one["collector"], one["error"]) for one in records if one["error"]] == []
        self.did["rounds"] += 1

    async def lived(self, store: Store, seconds: float) -> None:
        """Let it live so long while all are at it; then all tasks are over and all webhooks taken."""
        still, stop = asyncio.Event(), asyncio.Event()

        async def until_still(do: Any, pause_s: float) -> None:
            while not still.is_set():
                await do()
                await asyncio.sleep(self.chance.uniform(0, 2 * pause_s))

        scheduled = [
            asyncio.create_task(collect(self.settings, store, stop=stop, patience=HASTY)) for _ in range(2)
        ]
        sending = asyncio.create_task(self.outbox.run())
        others = [
            asyncio.create_task(until_still(self._live, 0.05)),
            asyncio.create_task(until_still(lambda: self._ask(store), 0.6)),
            *(asyncio.create_task(until_still(lambda: self.collected(store), 0.1)) for _ in range(2)),
        ]
        try:
            await asyncio.sleep(seconds)
            still.set()
            await asyncio.gather(*others)
            await until(lambda: self._over(store), 120)
        finally:
            stop.set()
            for one in (sending, *others):
                one.cancel()
            await asyncio.gather(sending, *others, return_exceptions=True)
            await asyncio.gather(*scheduled)
        tasks = await Tasks(store).listed()
        assert [(task["kind"], task["error"]) for task in tasks if task["state"] != "success"] == []
        assert self.outbox.failed == 0
        self.did.update(tasks=len(tasks), webhooks=self.outbox.sent)

    async def _over(self, store: Store) -> bool:
        waiting = [await Tasks(store).open(), await store.all("inbox_tapd")]
        return not self.outbox.waiting and not any(waiting)

    async def _live(self) -> None:
        self.did["lived"] += hasten(self.company, utc_now(), self.chance.randint(1, 5))

    async def _ask(self, store: Store) -> None:
        since = (utc_now() - timedelta(days=self.chance.randint(1, 4))).date().isoformat()
        workspace = self.chance.choice(sorted(self.company.workspaces))
        await Tasks(store).put(
            self.chance.choice(
                (
                    Order("backfill", "tapd", "tapd", workspace, since),
                    Order("collect", "tapd", "tapd"),
                    Order("reconcile", "tapd", "tapd"),
                    Order("rebuild", scope=self.chance.choice(("bugs", "stories", "tasks"))),
                )
            )
        )


@asynccontextmanager
async def living(seed: int, store: Store) -> AsyncIterator[Living]:
    """A company of five days, and webhooks to the API of a store, out of order and each twice."""
    company, chance = generate(seed=seed, bugs=20, days=5), random.Random(seed)
    async with running(company, tapd_quota=None) as servers:
        tapd = TapdInstance(url=servers.tapd_url, company_id=company.company_id, quota_per_minute=1_000_000)
        config = Config(collect=Collect(lease_seconds=3), tapd=(tapd,))
        async with (
            receiving(store, ENVIRONMENT, config) as api,
            TapdSender(api.url + TAPD, SECRET) as sender,
        ):
            sender.switches.copies, sender.switches.disorder = 2, 4
            yield Living(company, Settings(config, SECRETS), chance, sender, Outbox(company, tapd=sender))


def unlike(
    ours: Mapping[str, Mapping[str, Document]], fresh: Mapping[str, Mapping[str, Document]]
) -> list[Any]:
    """The facts that differ from those of a fresh look, and by what.

    Who saw the row of an item that is gone may know what a fresh look finds empty, for it has the removal and
    the changes only; so with the custom fields that a bug had where it was before it moved, which belong to
    that workspace. Relations of a story that is gone are not told any more.
    """
    gone = {one["id"] for one in fresh["stories"].values() if one["removed_at"] is not None}
    found = []
    for topic, facts in fresh.items():
        for name in sorted(facts.keys() | ours[topic].keys()):
            mine, theirs = (_where_it_is(each[topic].get(name) or {}) for each in (ours, fresh))
            for one in (mine, theirs):
                one["stories"] = [story for story in one.get("stories", ()) if story not in gone]
            lost = theirs.get("removed_at") is not None
            fields = {
                key: (mine.get(key), theirs.get(key))
                for key in mine.keys() | theirs.keys()
                if mine.get(key) != theirs.get(key) and not (lost and _knows(mine.get(key), theirs.get(key)))
            }
            if fields:
                found.append((topic, name, fields))
    return found


def _where_it_is(fact: Document) -> Document:
    """A fact with the custom fields from the last move on."""
    segments = fact.get("segments", {"start": [], "workspace": []})
    places = list(zip(segments["start"], segments["workspace"], strict=True))
    came = max((at for (_, one), (at, other) in pairwise(places) if one != other), default=0)
    histories = dict(fact.get("histories", {}))
    for name in [name for name in histories if name.startswith("custom_field_")]:
        held = zip(histories[name]["at"], histories[name]["value"], strict=True)
        histories[name] = {max(at, came): value for at, value in held}
    return fact | {"histories": histories}


def _knows(mine: Any, theirs: Any) -> bool:
    """Whether a value of a fact tells what another one does, and perhaps something where that has nothing."""
    if theirs in (None, "") or mine == theirs:
        return True
    if isinstance(mine, dict) and isinstance(theirs, dict):
        return all(_knows(mine.get(key), value) for key, value in theirs.items())
    if isinstance(mine, list) and isinstance(theirs, list):
        return len(mine) == len(theirs) and all(map(_knows, mine, theirs))
    return False
