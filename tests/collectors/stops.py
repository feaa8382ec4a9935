"""Collecting that is stopped at one of its writes: the process ends there, or the store is silent once."""

from __future__ import annotations

from collections.abc import Collection as Names
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from collectors import registry
from collectors.deriving import Deriver
from collectors.rounds import Round
from collectors.runner import Runner
from collectors.sources import Source, client_of
from metrics_api.core.config import Config, TapdInstance
from metrics_api.core.errors import StoreUnavailable
from metrics_api.core.facts import Facts
from metrics_api.core.leases import Leases
from metrics_api.core.raw import RawStore
from metrics_api.core.schema import TOPICS
from metrics_api.core.settings import Settings
from metrics_api.core.store import Collection, Document, Store
from simulator import TapdAccount

CREDENTIALS = {"ENGMETRICS_TAPD_TAPD_TOKEN": TapdAccount().token}
LEASE_S = 3.0
STAMPS = ("generation", "seq", "tombstone")
WRITES = frozenset(
    {
        *("insert_one", "insert_many", "replace_one", "update_one", "bulk_write"),
        *("find_one_and_update", "delete_many"),
    }
)


class Killed(BaseException):
    """The process ends here."""


class How(Enum):
    """What happens at a write: whether it reaches the store, and whether anything is written afterwards."""

    KILLED_BEFORE = "killed before"
    KILLED_AFTER = "killed after"
    SILENT_BEFORE = "silent before"
    SILENT_AFTER = "silent after"


class Stopping(Store):
    """A store in which something happens at one write, once it is armed; then `where` says which that was."""

    def __init__(self, uri: str, database: str) -> None:
        super().__init__(uri, database)
        self.arm(0, How.SILENT_BEFORE)

    def arm(self, at: int | str, how: How) -> None:
        """Let it happen at the write number `at`, counted from 1, or at the first `<collection>.<write>`."""
        self.at, self.how, self.where, self.writes = at, how, "", 0

    def collection(self, name: str) -> Any:
        """The collection, watched."""
        return Watched(super().collection(name), self)

    def durable(self, name: str) -> Any:
        """The collection, watched."""
        return Watched(super().durable(name), self)


class Watched:
    """A collection whose writes are counted."""

    def __init__(self, inner: Collection, store: Stopping) -> None:
        self._inner = inner
        self._store = store

    def __getattr__(self, name: str) -> Any:
        doing = getattr(self._inner, name)
        if name not in WRITES:
            return doing
        store, place = self._store, f"{self._inner.name}.{name}"

        async def watched(*args: Any, **options: Any) -> Any:
            store.writes += 1
            dead = store.how in (How.KILLED_BEFORE, How.KILLED_AFTER)
            if store.where and dead:
                raise Killed
            if store.where or store.at not in (store.writes, place):
                return await doing(*args, **options)
            store.where = place
            if store.how in (How.KILLED_AFTER, How.SILENT_AFTER):
                await doing(*args, **options)
            raise Killed if dead else StoreUnavailable("silent for a moment")

        return watched


async def collected(
    store: Store, url: str, workspaces: tuple[str, ...], names: Names[str] = (), what: str = "all"
) -> list[Document]:
    """A round of a process of its own, of all collectors or of these; returns its run records.

    Its quota is not shared: those writes come when they like.
    """
    instance = TapdInstance(url=url, workspaces=workspaces, quota_per_minute=1_000_000)
    client = client_of(Settings(Config(tapd=(instance,)), CREDENTIALS), "tapd", instance)
    assert client is not None
    mine = [unit("tapd", client, store) for unit in registry().values() if unit.upstream == "tapd"]
    mine = [one for one in mine if one.on and (not names or one.name in names)]
    # One that could not be given back is waited for within the round.
    leases, raw = Leases(store, LEASE_S), RawStore(store)
    runner = Runner(store, leases, raw, Deriver(store, Facts(store, leases), raw, {}))
    try:
        return await Round(Source("tapd", "tapd", 300.0, mine, client.upstream), runner, store, LEASE_S).once(
            what
        )
    finally:
        await client.upstream.aclose()


async def run_out(store: Store) -> None:
    """Let the leases of a process that is not there any more run out."""
    ended = {"$set": {"expires_at": datetime.fromtimestamp(0, UTC)}}
    await store.durable("leases").update_many({"owner": {"$ne": ""}}, ended)


async def facts(store: Store, topics: Names[str] = TOPICS) -> dict[str, dict[str, Document]]:
    """The facts that stand, by topic and `_id`, without their stamps; those the readers were told of."""
    found: dict[str, dict[str, Document]] = {}
    for topic in topics:
        counter = await store.one("counters", f"topic:{topic}")
        documents = await store.all(counter["collection"]) if counter else []
        assert counter or not documents
        for one in documents if counter else ():
            assert (one["generation"], one["seq"]) <= (counter["generation"], counter["seq"])
        found[topic] = {
            one["_id"]: {name: value for name, value in one.items() if name not in STAMPS}
            for one in documents
            if not one["tombstone"]
        }
    return found
