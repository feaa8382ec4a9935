"""What the bug collectors ask TAPD for, and in which order."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from collectors import Page, Removal, Since
from collectors.removals import removal
from collectors.tapd_bugs import BugChanges, Bugs, RemovedBugs
from collectors.tapd_client import TapdClient
from metrics_api.core.days import BEIJING
from metrics_api.core.raw import RawStore, Record
from metrics_api.core.store import Store
from tests.collectors.conftest import Fake, envelope, listing

# 2026-03-06 00:30 in Beijing.
NOW = datetime(2026, 3, 5, 16, 30, tzinfo=UTC)


def bug(name: str, created: str, modified: str = "") -> dict[str, Any]:
    times = {"created": created, "modified": modified or created}
    return {"id": name, **times, "status": "new", "label": None}


def change(name: str, created: str, of: str = "1") -> dict[str, Any]:
    return {"id": name, "bug_id": of, "created": created, "field": "status"}


async def read(
    walk: AsyncGenerator[Page, None], pages: int | None = None
) -> tuple[list[str], dict[str, Any]]:
    """The ids that came and the last cursor; stops after so many pages."""
    found: list[str] = []
    cursor: dict[str, Any] = {}
    async for page in walk:
        found += [record["id"] for record in page.records]
        cursor = dict(page.cursor) if page.cursor is not None else cursor
        pages = None if pages is None else pages - 1
        if pages == 0:
            break
    await walk.aclose()
    return found, cursor


async def test_the_first_run_reads_all_bugs_and_notes_the_oldest_day(
    fake: Fake, tapd: TapdClient, store: Store
) -> None:
    fake.routes["/bugs"] = listing([bug("2", "2026-03-02 09:00:00"), bug("1", "2026-02-01 09:00:00")], "Bug")
    found, cursor = await read(Bugs("tapd", tapd, store).fetch("991", Since(None, {}, NOW)))
    assert found == ["1", "2"]
    assert cursor == {"oldest": "2026-02-01"}
    assert fake.queries("/bugs") == [
        {"workspace_id": "991", "order": "created asc", "limit": "200", "page": "1"}
    ]


async def test_a_later_run_asks_by_beijing_days_and_reads_the_day_before_again(
    fake: Fake, tapd: TapdClient, store: Store
) -> None:
    fake.routes["/bugs"] = listing(
        [
            bug("old", "2026-02-01 09:00:00", "2026-03-03 23:59:59"),
            bug("edge", "2026-02-01 09:00:00", "2026-03-04 00:00:00"),
        ],
        "Bug",
    )
    # The watermark is the 4th in UTC and the 5th in Beijing.
    since = Since(datetime(2026, 3, 4, 16, 30, tzinfo=UTC), {"oldest": "2026-02-01"}, NOW)
    found, cursor = await read(Bugs("tapd", tapd, store).fetch("991", since))
    assert fake.queries("/bugs")[0]["modified"] == ">2026-03-04"
    assert found == ["edge"]
    assert cursor == {"oldest": "2026-02-01"}


async def test_a_stopped_first_run_goes_on_and_reads_what_was_modified_meanwhile(
    fake: Fake, tapd: TapdClient, store: Store
) -> None:
    rows = [
        bug(f"{number:03d}", f"2026-03-01 {number // 60:02d}:{number % 60:02d}:00") for number in range(450)
    ]
    fake.routes["/bugs"] = listing(rows, "Bug")
    unit = Bugs("tapd", tapd, store)
    found, cursor = await read(unit.fetch("991", Since(None, {}, NOW)), pages=1)
    assert len(found) == 200
    assert cursor == {"oldest": "2026-03-01", "anchor": "2026-03-01 03:19:00", "began": "2026-03-06"}
    rows[3]["modified"] = "2026-03-06 09:00:00"
    fake.asked.clear()
    later = NOW + timedelta(days=1)
    found, cursor = await read(unit.fetch("991", Since(None, cursor, later)))
    assert sorted(set(found)) == sorted(["003", *(f"{number:03d}" for number in range(199, 450))])
    assert fake.queries("/bugs")[-1]["modified"] == ">2026-03-05"
    assert cursor == {"oldest": "2026-03-01"}


@pytest.fixture
def changes(fake: Fake) -> Fake:
    """A bug of 1 March, one removed of 27 February, and a change on some days."""
    fake.routes["/bugs"] = listing([bug("1", "2026-03-01 09:00:00")], "Bug")
    gone = bug("2", "2026-02-27 23:30:00") | {"type": "delete", "new_bug_url": ""}
    fake.routes["/bugs/get_removed_bugs"] = listing([gone], "RemovedBug")
    fake.routes["/bug_changes"] = listing(
        [
            change("1", "2026-02-27 23:59:59"),
            change("2", "2026-03-01 00:00:00"),
            change("3", "2026-03-06 00:00:00"),
        ],
        "BugChange",
    )
    return fake


def days(fake: Fake) -> list[str]:
    return [query.get("created", "") for query in fake.queries("/bug_changes")]


async def test_changes_are_read_day_by_day_the_newest_first_back_to_the_oldest_bug_even_a_removed_one(
    changes: Fake, tapd: TapdClient, store: Store
) -> None:
    unit = BugChanges("tapd", tapd, store)
    found, cursor = await read(unit.fetch("991", Since(None, {}, NOW)))
    assert days(changes) == [
        "2026-03-06",
        "2026-03-05",
        "2026-03-04",
        "2026-03-03",
        "2026-03-02",
        "2026-03-01",
        "2026-02-28",
        "2026-02-27",
    ]
    assert found == ["3", "2", "1"]
    assert cursor == {"n": 0}


async def test_a_stopped_walk_through_the_days_goes_on_where_it_was_after_the_days_since(
    changes: Fake, tapd: TapdClient, store: Store
) -> None:
    unit = BugChanges("tapd", tapd, store)
    # Two pages for each day: its rows, and the note that it is read.
    _, cursor = await read(unit.fetch("991", Since(None, {}, NOW)), pages=6)
    assert cursor == {"n": 0, "high": "2026-03-06", "low": "2026-03-04"}
    changes.asked.clear()
    _, cursor = await read(unit.fetch("991", Since(None, cursor, NOW + timedelta(days=1))))
    assert days(changes) == [
        *["2026-03-06", "2026-03-07"],
        *["2026-03-03", "2026-03-02", "2026-03-01", "2026-02-28", "2026-02-27"],
    ]
    assert cursor == {"n": 0}


async def test_later_changes_are_read_from_the_last_runs_day_on(
    changes: Fake, tapd: TapdClient, store: Store
) -> None:
    unit = BugChanges("tapd", tapd, store)
    # 00:40 in Beijing: the day before is read again, its last changes may have come late.
    since = Since(datetime(2026, 3, 4, 16, 40, tzinfo=UTC), {"n": 0}, NOW)
    await read(unit.fetch("991", since))
    assert days(changes) == ["2026-03-04", "2026-03-05", "2026-03-06"]


async def test_a_bug_that_came_in_with_a_past_is_asked_for_by_its_id(
    changes: Fake, tapd: TapdClient, store: Store
) -> None:
    raw = RawStore(store)
    new = [
        Record("991", "1", "1", bug("1", "2026-03-05 23:00:00")),
        Record("991", "7", "7", bug("7", "2025-01-01 09:00:00")),
        Record("992", "8", "8", bug("8", "2025-01-01 09:00:00")),
    ]
    await raw.upsert("raw_tapd_bug", "tapd", new, NOW)
    since = Since(datetime(2026, 3, 5, 12, 0, tzinfo=UTC), {"n": 0}, NOW)
    _, cursor = await read(BugChanges("tapd", tapd, store).fetch("991", since))
    asked = [query["bug_id"] for query in changes.queries("/bug_changes") if "bug_id" in query]
    assert asked == ["7"]
    assert cursor == {"n": 3}


async def test_a_day_whose_pages_repeat_a_row_is_read_again(
    changes: Fake, tapd: TapdClient, store: Store
) -> None:
    rows = [change(f"{number:04d}", "2026-03-06 09:00:00") for number in range(300)]
    serve = listing(rows, "BugChange")
    calls = []

    async def shifting(request: Any) -> Any:
        calls.append(request.query["page"])
        if len(calls) == 2:
            # The list moved down by one between the pages.
            return envelope([{"BugChange": row} for row in rows[199:]])
        return await serve(request)

    changes.routes["/bug_changes"] = shifting
    since = Since(datetime(2026, 3, 5, 20, 0, tzinfo=UTC), {"n": 0}, NOW)
    found, _ = await read(BugChanges("tapd", tapd, store).fetch("991", since))
    assert calls == ["1", "2", "1", "2"]
    assert set(found) == {f"{number:04d}" for number in range(300)}


async def test_all_kinds_of_removal_are_asked_for(changes: Fake, tapd: TapdClient, store: Store) -> None:
    unit = RemovedBugs("tapd", tapd, store)
    await read(unit.fetch("991", Since(datetime(2026, 3, 4, 16, 30, tzinfo=UTC), {}, NOW)))
    assert changes.queries("/bugs/get_removed_bugs") == [
        {
            "workspace_id": "991",
            "modified": ">2026-03-04",
            "include_all": "1",
            "order": "created asc",
            "limit": "200",
            "page": "1",
        }
    ]


@pytest.mark.parametrize(
    ("fields", "why", "target"),
    [
        ({"type": "delete", "new_bug_url": ""}, "deleted", ""),
        (
            {"type": "merge", "new_bug_url": "http://t.example/bugs/view?bug_id=1111122233300103707"},
            "merged",
            "1111122233300103707",
        ),
        (
            {"type": "move", "new_bug_url": "https://www.tapd.cn/992/bugtrace/bugs/view/1120000000000000001"},
            "moved",
            "1120000000000000001",
        ),
        ({"type": None, "removed_comment": '{"action":"move"}', "new_bug_url": None}, "moved", ""),
        ({"removed_comment": "not json"}, "deleted", ""),
        ({"type": "vanish"}, "deleted", ""),
    ],
)
def test_a_removal_says_when_why_and_what_lives_on(fields: dict[str, Any], why: str, target: str) -> None:
    row = {"modified": "2021-04-23 11:04:59"} | fields
    assert removal(row, BEIJING) == Removal(1619147099, why, target)
