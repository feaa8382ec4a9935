"""TAPD's own times in a status, asked for within a part of the quota and held against what changes tell."""

from __future__ import annotations

from typing import Any

from collectors.deriving import Deriver
from collectors.quality import lines, quality
from collectors.quota import Quota
from collectors.runner import Runner
from collectors.scheduler import collect
from collectors.tapd_client import TapdClient
from collectors.tapd_time import LifeTimes
from collectors.time_in_status import differing
from collectors.upstream import Upstream
from metrics_api.core.config import Config, TapdInstance
from metrics_api.core.days import BEIJING, naive_epoch, naive_text, utc_now
from metrics_api.core.facts import Facts
from metrics_api.core.leases import Leases
from metrics_api.core.raw import RawStore
from metrics_api.core.settings import Settings
from metrics_api.core.store import Document, Store
from simulator import Company, Running, TapdAccount, running
from tests.collectors.conftest import HASTY

BORN = "2026-03-02 10:00:00"


def company(bugs: int = 3) -> Company:
    """Bugs and a story that went their way; of the bug 2 the feed does not tell of the test."""
    made = Company()
    workspace = made.add_workspace({"id": "991", "name": "One", "created": BORN})
    for number in range(1, bugs + 1):
        name = str(number)
        workspace.add_bug({"id": name, "title": f"bug {name}", "created": BORN})
        workspace.change_bug(name, {"status": "in_progress"}, at="2026-03-03 10:00:00")
        told = number != 2
        workspace.change_bug(name, {"status": "resolved"}, at="2026-03-04 10:00:00", recorded=told)
        workspace.change_bug(name, {"status": "closed"}, at="2026-03-06 10:00:00")
    workspace.add_story({"id": "1", "name": "story 1", "created": BORN})
    workspace.change_story("1", {"status": "developing"}, at="2026-03-05 10:00:00")
    return made


async def collected(servers: Running, store: Store, **more: Any) -> list[Document]:
    instance = TapdInstance(url=servers.tapd_url, workspaces=("991",), quota_per_minute=100_000, **more)
    settings = Settings(Config(tapd=(instance,)), {"ENGMETRICS_TAPD_TAPD_TOKEN": TapdAccount().token})
    return await collect(settings, store, once="all" if not more else "tapd.life_times", patience=HASTY)


def asked(servers: Running) -> list[tuple[str, str]]:
    """The items asked for since the last look."""
    seen = [one.query for one in servers.tapd.counters.seen if one.path == "/life_times"]
    servers.tapd.counters.clear()
    return [(query["entity_type"], query["entity_id"]) for query in seen]


async def test_nothing_is_asked_for_unless_the_setting_says_so(store: Store) -> None:
    async with running(company(), tapd_quota=None) as servers:
        records = await collected(servers, store)
        assert "tapd.life_times" not in {record["collector"] for record in records}
        assert asked(servers) == []
    assert list(lines(await quality(store, {})))[-1].endswith("1      2 bug 2")


async def test_what_differs_from_the_changes_is_listed(store: Store) -> None:
    async with running(company(), tapd_quota=None) as servers:
        await collected(servers, store)
        (record,) = await collected(servers, store, life_times=True)
        assert (record["error"], record["seen"], record["requests"]) == (None, 3 * 4 + 2, 4)
        assert asked(servers) == [("story", "1"), *(("bug", name) for name in "123")]
    found = await quality(store, {})
    assert [(one.kind, one.about, one.count, one.examples) for one in found.oddities] == [
        ("broken_chain", "status", 1, [("2", "bug 2")]),
        ("life_time_differs", "in_progress", 1, [("2", "bug 2")]),
        ("life_time_differs", "resolved", 1, [("2", "bug 2")]),
    ]
    assert list(lines(found))[-4:] == [
        "  -> look at the item's history in TAPD; "
        "lost changes come back with `engmetrics collect --backfill --since DAY`",
        "  workspace     of    field        count  first",
        "  tapd:991 One  bugs  in_progress  1      2 bug 2",
        "  tapd:991 One  bugs  resolved     1      2 bug 2",
    ]


async def test_an_item_is_asked_for_again_only_when_it_has_changed(store: Store) -> None:
    async with running(company(), tapd_quota=None) as servers:
        await collected(servers, store)
        await collected(servers, store, life_times=True)
        asked(servers)
        await collected(servers, store, life_times=True)
        assert asked(servers) == []
        now = naive_text(int(utc_now().timestamp()))
        servers.company.workspaces["991"].change_bug("3", {"status": "reopened"}, at=now)
        await collected(servers, store)
        asked(servers)
        await collected(servers, store, life_times=True)
        assert asked(servers) == [("bug", "3")]
    rows = await store.all("raw_tapd_life_time", {"key": "bug:3"})
    costs = {row["data"]["status"]: float(row["data"]["time_cost"]) for row in rows}
    assert costs.pop("closed") > 24
    assert costs == {"new": 24, "in_progress": 24, "resolved": 48, "reopened": 0}


async def test_a_run_asks_for_no_more_than_its_part_of_the_quota_and_the_next_goes_on(store: Store) -> None:
    async with running(company(bugs=9), tapd_quota=None) as servers:
        await collected(servers, store)
        # A tenth of the hour's sixty requests.
        config = TapdInstance(url=servers.tapd_url, workspaces=("991",), quota_per_minute=1, life_times=True)
        bearer = {"Authorization": f"Bearer {TapdAccount().token}"}
        connection = Upstream("tapd", servers.tapd_url, bearer, Quota(100_000))
        leases, raw = Leases(store), RawStore(store)
        runner = Runner(store, leases, raw, Deriver(store, Facts(store, leases), raw, {}))
        asked(servers)
        runs = []
        for _ in range(3):
            record = await runner.run(LifeTimes("tapd", TapdClient(config, connection), store), "991")
            assert record is not None
            assert record["error"] is None
            runs.append(asked(servers))
        await connection.aclose()
    assert runs == [
        [("story", "1"), *(("bug", name) for name in "12345")],
        [("bug", name) for name in "6789"],
        [],
    ]


def test_rows_that_overlap_or_repeat_each_other_count_once() -> None:
    def at(text: str) -> int:
        found = naive_epoch(f"2026-03-{text}:00", BEIJING)
        assert found is not None
        return found

    segments: dict[str, list[Any]] = {
        "start": [at("02 10:00"), at("03 10:00"), at("04 10:00")],
        "status": ["new", "in_progress", "closed"],
        "workspace": ["991"] * 3,
    }

    def row(status: str, begin: str, end: str) -> dict[str, str]:
        return {"status": status, "begin_date": f"2026-03-{begin}:00", "end_date": f"2026-03-{end}:00"}

    rows = [
        row("new", "02 10:00", "03 10:00"),
        # The owner changed, and one was noted twice.
        row("in_progress", "03 10:00", "03 18:00"),
        row("in_progress", "03 18:00", "04 10:00"),
        row("in_progress", "03 18:00", "04 10:00"),
        row("closed", "04 10:00", "04 10:00"),
    ]
    assert differing(segments, rows, BEIJING) == []
    # Nothing but what TAPD has told by then is compared.
    assert differing(segments, rows[:2], BEIJING) == []
    assert differing(segments, [*rows[:2], row("closed", "03 18:02", "04 12:00")], BEIJING) == [
        "closed",
        "in_progress",
    ]
    assert differing(segments, [{"status": "new", "begin_date": None, "end_date": "--"}], BEIJING) == []
    moved = {**segments, "workspace": ["991", "992", "992"]}
    assert differing(moved, [row("closed", "02 10:00", "04 10:00")], BEIJING) == []
