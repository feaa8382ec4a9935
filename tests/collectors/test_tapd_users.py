"""Accounts: no name reaches the store unless people are enabled, and the same one has the same pseudonym."""

from __future__ import annotations

import re
from typing import Any

from aiohttp import web

from collectors.deriving import Deriver
from collectors.pseudonyms import pseudonyms
from collectors.runner import Runner
from collectors.scheduler import collect
from collectors.tapd_client import TapdClient
from collectors.tapd_users import Users
from metrics_api.core.config import Config, TapdInstance
from metrics_api.core.facts import Facts
from metrics_api.core.leases import Leases
from metrics_api.core.raw import RawStore
from metrics_api.core.sections import People
from metrics_api.core.settings import Settings
from metrics_api.core.store import Document, Store
from simulator import Company, Running, TapdAccount, running
from tests.collectors.conftest import HASTY, Fake, envelope


def company() -> Company:
    """Two workspaces, in both of which somebody of an unmistakable name takes part."""
    made = Company()
    for name in ("991", "992"):
        workspace = made.add_workspace({"id": name, "name": f"W{name}"})
        workspace.add_user("zhangsan", name="张三")
    made.workspaces["991"].add_user("lisi", name="李四", real_join_time="2026-01-05")
    return made


async def collected(servers: Running, store: Store, people: bool = False) -> None:
    instance = TapdInstance(url=servers.tapd_url, workspaces=("991", "992"), quota_per_minute=100_000)
    config = Config(tapd=(instance,), people=People(enabled=people))
    settings = Settings(config, {"ENGMETRICS_TAPD_TAPD_TOKEN": TapdAccount().token})
    for name in ("tapd.workspaces", "tapd.users"):
        records = await collect(settings, store, once=name, patience=HASTY)
        assert [record["error"] for record in records if record["error"]] == []


async def everything(store: Store) -> str:
    """Whatever is in the store, as text."""
    return repr([await store.all(name) for name in await store.names("")])


async def there(store: Store) -> list[Document]:
    rows = await store.all("raw_tapd_user", {"removed_at": {"$exists": False}})
    return sorted((row for row in rows), key=lambda row: str(row["_id"]))


async def test_names_and_addresses_never_reach_the_store_unless_people_are_enabled(store: Store) -> None:
    async with running(company(), tapd_quota=None) as servers:
        await collected(servers, store)
        asked = [one.query for one in servers.tapd.counters.seen if one.path == "/workspaces/users"]
        assert {query["fields"] for query in asked} == {"user,role_id"}
    text = await everything(store)
    assert [word for word in ("zhangsan", "lisi", "张三", "李四", "@example") if word in text] == []
    rows = await there(store)
    assert all(re.fullmatch(r"tapd:99[12]:person-[0-9a-f]{16}", row["_id"]) for row in rows)
    assert [sorted(row["data"]) for row in rows] == [["pseudonym", "role_id"]] * 3
    # The one who takes part in both workspaces is one person.
    names = [row["data"]["pseudonym"] for row in rows]
    assert (len(names), len(set(names))) == (3, 2)


async def test_a_pseudonym_is_the_same_at_every_reading_and_another_in_every_installation(
    store: Store,
) -> None:
    async with running(company(), tapd_quota=None) as servers:
        await collected(servers, store)
        before = await there(store)
        await collected(servers, store)
        assert await there(store) == before
        known = await pseudonyms(store)
        assert known.of("tapd", "lisi") in {row["data"]["pseudonym"] for row in before}
        assert known.of("other", "lisi") != known.of("tapd", "lisi")
        await store.drop_collection("keys")
        assert (await pseudonyms(store)).of("tapd", "lisi") != known.of("tapd", "lisi")


async def test_whoever_leaves_a_workspace_takes_part_no_more(store: Store) -> None:
    async with running(company(), tapd_quota=None) as servers:
        await collected(servers, store)
        gone = servers.company.workspaces["991"].users.pop("lisi")
        await collected(servers, store)
        assert [row["scope"] for row in await there(store)] == ["991", "992"]
        servers.company.workspaces["991"].users["lisi"] = gone
        await collected(servers, store)
        assert [row["scope"] for row in await there(store)] == ["991", "991", "992"]


async def test_switching_people_on_and_off_leaves_nothing_of_the_other_kind(store: Store) -> None:
    async with running(company(), tapd_quota=None) as servers:
        await collected(servers, store, people=True)
        rows = await store.all("raw_tapd_user")
        assert {row["_id"]: row["data"]["name"] for row in rows} == {
            "tapd:991:zhangsan": "张三",
            "tapd:991:lisi": "李四",
            "tapd:992:zhangsan": "张三",
        }
        assert rows[0]["data"]["email"].endswith("@example.com")
        # Even of those who left, and of a workspace that is not there any more.
        servers.company.workspaces["991"].users.pop("lisi")
        await collected(servers, store, people=True)
        await collected(servers, store)
        text = await everything(store)
        assert [word for word in ("zhangsan", "lisi", "张三", "李四", "@example") if word in text] == []
        await collected(servers, store, people=True)
        rows = await store.all("raw_tapd_user")
        assert {row["_id"] for row in rows} == {"tapd:991:zhangsan", "tapd:992:zhangsan"}


async def test_a_row_that_names_nobody_goes_to_quarantine_without_what_it_says(
    tapd: TapdClient, fake: Fake, store: Store
) -> None:
    async def users(request: web.Request) -> web.StreamResponse:
        rows: list[Any] = [{"UserWorkspace": {"name": "张三", "email": "z@example.com"}}, "张三"]
        return envelope([*rows, {"UserWorkspace": {"user": "lisi", "role_id": ["1"], "qq": "7391824650"}}])

    fake.routes["/workspaces/users"] = users
    leases, raw = Leases(store), RawStore(store)
    runner = Runner(store, leases, raw, Deriver(store, Facts(store, leases), raw, {}))
    record = await runner.run(Users("tapd", tapd, store), "991")
    assert record is not None
    assert (record["state"], record["seen"], record["quarantined"]) == ("success", 3, 2)
    text = await everything(store)
    assert [word for word in ("张三", "lisi", "7391824650", "z@") if word in text] == []
    assert [one["body"] for one in await store.all("quarantine")] == [b"{}"]
