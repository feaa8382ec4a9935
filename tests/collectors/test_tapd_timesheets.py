"""What people noted as spent: read once, later only what was modified, deleted ones included."""

from __future__ import annotations

from pathlib import Path

import ujson

from collectors import Since
from collectors.deriving import Deriver
from collectors.quota import Quota
from collectors.runner import Runner
from collectors.tapd_client import TapdClient
from collectors.tapd_time import LifeTimes, Timesheets
from collectors.tapd_users import Users
from collectors.upstream import Upstream
from metrics_api.core.config import TapdInstance
from metrics_api.core.days import naive_text, utc_now
from metrics_api.core.facts import Facts
from metrics_api.core.leases import Leases
from metrics_api.core.raw import RawStore
from metrics_api.core.store import Document, Store
from simulator import Company, TapdAccount, running

STORY = "1134190502001601111"
NOW = int(utc_now().timestamp())


def ago(days: float) -> str:
    """A time some days ago, as TAPD writes it."""
    return naive_text(NOW - int(days * 86_400))


async def test_later_only_what_was_modified_is_read_and_deleted_ones_are_marked(store: Store) -> None:
    company = Company()
    workspace = company.add_workspace({"id": "991", "name": "One", "created": ago(90)})
    for number in range(205):
        spent = {"id": str(1000 + number), "entity_type": "task", "entity_id": "7", "timespent": "2"}
        workspace.add_timesheet({**spent, "created": ago(60 - number / 10)})
    workspace.delete_timesheet("1003", at=ago(30))
    leases, raw = Leases(store), RawStore(store)
    runner = Runner(store, leases, raw, Deriver(store, Facts(store, leases), raw, {}))
    async with running(company, tapd_quota=None) as servers:
        bearer = {"Authorization": f"Bearer {TapdAccount().token}"}
        upstream = Upstream("tapd", servers.tapd_url, bearer, Quota(100_000))
        unit = Timesheets("tapd", TapdClient(TapdInstance(url=servers.tapd_url), upstream), store)

        async def read() -> tuple[Document, list[str]]:
            servers.tapd.counters.clear()
            record = await runner.run(unit, "991")
            assert record is not None
            assert record["error"] is None
            queries = [one.query for one in servers.tapd.counters.seen]
            return record, [f"{query['is_delete']} {query.get('modified', '-')[:1]}" for query in queries]

        # Two pages, and the list of deleted ones.
        assert (await read())[1] == ["0 -", "0 -", "1 -"]
        rows = {row["key"]: row for row in await store.all("raw_tapd_timesheet")}
        assert len(rows) == 205
        assert [key for key, row in rows.items() if row.get("removed_why") == "deleted"] == ["1003"]
        workspace.timesheets["1004"] |= {"timespent": "5", "modified": ago(0)}
        workspace.delete_timesheet("1005", at=ago(0))
        record, queries = await read()
        assert (queries, record["seen"], record["changed"]) == (["0 >", "1 >"], 2, 2)
        changed = await store.one("raw_tapd_timesheet", "tapd:991:1004")
        gone = await store.one("raw_tapd_timesheet", "tapd:991:1005")
        assert changed is not None
        assert gone is not None
        assert (changed["data"]["timespent"], "removed_at" in changed) == ("5", False)
        assert gone["removed_at"].timestamp() == NOW
        # One that is there again is there again.
        workspace.timesheets["1005"] |= {"is_delete": "0", "modified": ago(-1 / 86_400)}
        await read()
        assert "removed_at" not in (await store.one("raw_tapd_timesheet", "tapd:991:1005") or {})
        await upstream.aclose()


def test_recorded_rows_are_identified(recorded: Path, tapd: TapdClient, store: Store) -> None:
    def rows(name: str) -> list[dict[str, object]]:
        answer = ujson.loads((recorded / "tapd_api" / f"{name}.json").read_bytes())
        return [next(iter(row.values())) for row in answer["data"]]

    sheets = [Timesheets("tapd", tapd, store).identify(row, {}) for row in rows("timesheet__get_timesheets")]
    assert [one.id for one in sheets][:2] == ["111111111", "1134190502001044766"]
    assert [one.removal for one in sheets] == [None] * 6
    (time,) = [LifeTimes("tapd", tapd, store).identify(row, {}) for row in rows("measure__life-times")]
    assert (time.id, time.key) == (f"story:{STORY}:{STORY}", f"story:{STORY}")
    about = {"workspace": "991"}
    users = [Users("tapd", tapd, store).identify(row, about) for row in rows("workspace__users")]
    assert [(one.id, one.key) for one in users] == [("成员90", "991"), ("成员91", "991")]


async def test_where_no_item_is_known_none_is_asked_for(store: Store, tapd: TapdClient) -> None:
    since = Since(None, {}, utc_now())
    unit = LifeTimes("tapd", tapd, store)
    assert [page.cursor async for page in unit.fetch("991", since)] == [{"story": 0, "bug": 0}]
