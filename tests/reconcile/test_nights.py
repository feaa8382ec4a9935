"""What a night of reconciling looks at, what it costs, and what it leaves alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date

import pytest
import pytest_asyncio

from collectors.reconcile import told
from collectors.reconcile_plan import Span
from metrics_api.core.days import naive_text, utc_now
from metrics_api.core.errors import UpstreamError
from metrics_api.core.leases import Leases, LeaseTaken
from metrics_api.core.store import Store
from simulator import Company, FaultKind
from simulator.tapd_records import TapdWorkspaceRecords
from tests.collectors.test_tapd_simulated import ago
from tests.reconcile.night import Night, night

WORKSPACE, OTHER = "991", "992"
MONTHS = 8


def at(months: int) -> str:
    """Noon on the tenth of the month so many before this one, as TAPD writes it."""
    today = date.fromisoformat(naive_text(int(utc_now().timestamp()))[:10])
    number = today.year * 12 + today.month - 1 - months
    return f"{number // 12:04d}-{number % 12 + 1:02d}-10 12:00:00"


def company() -> Company:
    """A bug in each of the last months but this, with a change on the day after; and another workspace."""
    made = Company()
    workspace = made.add_workspace({"id": WORKSPACE, "name": "One", "created": at(MONTHS)})
    for months in range(1, MONTHS + 1):
        name, born = str(100 + months), at(months)
        workspace.add_bug({"id": name, "title": f"bug {name}", "created": born})
        workspace.change_bug(name, {"status": "closed"}, at=born.replace("-10 ", "-11 "))
    other = made.add_workspace({"id": OTHER, "name": "Two", "created": at(1)})
    other.add_bug({"id": "201", "title": "bug", "created": at(1)})
    return made


@pytest_asyncio.fixture
async def one(store: Store) -> AsyncIterator[Night]:
    """The company, collected once."""
    async with night(company(), store) as found:
        yield found


def records(one: Night) -> TapdWorkspaceRecords:
    return one.servers.company.workspaces[WORKSPACE]


async def test_a_night_without_differences_notes_nothing_and_costs_what_it_says(one: Night) -> None:
    facts, counters = await one.facts(), one.servers.tapd.counters.by_path
    before = dict(counters)
    assert await one.reconcile(WORKSPACE) == []
    assert await one.store.all("reconciliations") == []
    assert await one.facts() == facts
    spent = {path: count - before.get(path, 0) for path, count in counters.items()}
    months = sorted(at(number)[:7] for number in range(MONTHS + 1))
    if int(naive_text(int(utc_now().timestamp()))[8:10]) == 1:
        # No day of this month is over.
        months.pop()
    years = len({month[:4] for month in months[:-3]})
    # The oldest and the ids of two months; the newest months and the years before.
    assert (spent["/bugs"], spent["/bugs/count"]) == (1 + 2, 3 + years)
    assert 7 <= spent["/bug_changes/count"] <= 7 + 31
    # Of what there is none, only that is asked.
    assert (spent["/stories"], spent["/tasks"], spent["/iterations"]) == (1, 1, 1)
    for path in ("/stories/count", "/story_changes/count", "/bug_changes", "/bugs/get_removed_bugs"):
        assert spent.get(path, 0) == 0


async def test_what_was_lost_years_ago_is_found_by_the_count_of_the_year(one: Night) -> None:
    facts = await one.facts()
    await one.store.remove("raw_tapd_bug", [f"tapd:{WORKSPACE}:{100 + MONTHS}"])
    (found,) = await one.reconcile(WORKSPACE)
    assert found["month"] == at(MONTHS)[:7]
    assert {key: found[key] for key in ("upstream", "stored", "missing", "extra", "repaired", "error")} == {
        "upstream": 1,
        "stored": 0,
        "missing": 1,
        "extra": 0,
        "repaired": 1,
        "error": None,
    }  # fmt: skip
    assert found["_id"] == f"tapd:{WORKSPACE}:bugs:{at(MONTHS)[:7]}"
    assert found["ids"] == [str(100 + MONTHS)]
    assert await one.facts() == facts
    assert told(found) == (
        f"bugs of {WORKSPACE} in {at(MONTHS)[:7]}: TAPD has 1, 0 were stored; "
        "1 missing, 0 not there any more, 1 put right"
    )


async def test_a_month_that_cannot_be_counted_leaves_the_others_alone(one: Night) -> None:
    for months in (1, 2):
        await one.store.remove("raw_tapd_bug", [f"tapd:{WORKSPACE}:{100 + months}"])
    span = Span(at(MONTHS)[:10], ago(0)[:10])
    asked = {"created": span.range(at(2)[:7], at(2)[:7])}
    one.servers.tapd.faults.arm(FaultKind.SERVER_ERROR, "/bugs/count", times=None, status=500, query=asked)
    found = {each["month"]: each for each in await one.reconcile(WORKSPACE)}
    assert found[at(1)[:7]]["repaired"] == 1
    assert "HTTP 500" in str(found[at(2)[:7]]["error"])
    assert await one.store.one("raw_tapd_bug", f"tapd:{WORKSPACE}:102") is None
    # The next night looks at it again, and notes that it is well.
    one.servers.tapd.faults.disarm()
    (again,) = await one.reconcile(WORKSPACE)
    assert (again["month"], again["repaired"], again["error"]) == (at(2)[:7], 1, None)
    assert await one.reconcile(WORKSPACE) == []


async def test_a_tapd_that_fails_on_and_on_is_left_for_another_night(one: Night) -> None:
    one.servers.tapd.faults.arm(FaultKind.SERVER_ERROR, "/bugs*", times=None, status=500)
    for path in ("/stories*", "/tasks*", "/iterations*"):
        one.servers.tapd.faults.arm(FaultKind.SERVER_ERROR, path, times=None, status=500)
    with pytest.raises(UpstreamError, match="HTTP 500"):
        await one.reconcile()
    one.servers.tapd.faults.disarm()
    assert await one.reconcile() == []


async def test_where_nothing_at_all_is_shown_any_more_nothing_is_taken_for_removed(one: Night) -> None:
    facts = await one.facts()
    kept = dict(records(one).bugs)
    records(one).bugs.clear()
    found = await one.reconcile(WORKSPACE)
    assert {each["error"] for each in found if each["entity"] == "bugs"} == {
        "TAPD shows no bugs at all in this workspace: is the account still allowed to read them?"
    }
    assert await one.facts() == facts
    records(one).bugs.update(kept)
    await one.reconcile(WORKSPACE)
    assert {each["error"] for each in await one.store.all("reconciliations")} == {None}
    assert set((await one.noted()).values()) == {(0, 0, 0)}


async def test_what_came_or_went_since_the_last_round_is_left_to_the_next(one: Night) -> None:
    other = one.servers.company.workspaces[OTHER]
    one.servers.company.move_bug("201", source=OTHER, target=WORKSPACE, at=ago(-1), new_id="301")
    records(one).delete_bug("101", at=ago(-1))
    records(one).add_bug({"id": "302", "title": "new", "created": ago(0)})
    assert "201" not in other.bugs
    assert await one.reconcile() == []
    assert await one.store.one("raw_tapd_bug", f"tapd:{WORKSPACE}:301") is None


async def test_equal_counts_of_other_items_are_found_by_turns_or_when_asked_for(one: Night) -> None:
    # One was lost here, and another is gone there.
    records(one).add_bug({"id": "401", "title": "lost", "created": at(6), "modified": at(5)})
    del records(one).bugs["106"]
    await one.reconcile(WORKSPACE, since=date.fromisoformat(at(7)[:10]))
    assert (await one.noted())["bugs"] == (1, 1, 2)
    assert (await one.facts())[f"bugs tapd:{WORKSPACE}:401"]["title"] == "lost"


async def test_lost_changes_are_found_by_turns_or_when_asked_for(one: Night) -> None:
    facts = await one.facts()
    await one.lost("raw_tapd_bug_change", 3, WORKSPACE)
    await one.reconcile(WORKSPACE, since=date.fromisoformat(at(MONTHS)[:10]))
    assert (await one.noted())["bug_changes"] == (3, 0, 3)
    assert await one.facts() == facts


async def test_a_bug_of_1970_gives_no_turn_to_the_months_since(one: Night) -> None:
    # As many as it takes that the months before the others are not worth a look.
    for number in range(20):
        row = {"id": f"3{number:02d}", "title": "bug", "created": at(MONTHS), "modified": ago(0)}
        records(one).add_bug(row)
    row = {"id": "11", "title": "bug", "created": "1970-01-02 00:00:00", "modified": ago(0)}
    records(one).add_bug(row)
    await one.collect()
    counters = one.servers.tapd.counters
    for since, most in ((None, 7 + 31), (date(1970, 1, 1), (MONTHS + 1) * 31)):
        counters.clear()
        assert await one.reconcile(WORKSPACE, since) == []
        days = [seen.query["created"] for seen in counters.seen if seen.path == "/bug_changes/count"]
        assert 7 <= len(days) <= most
        assert min(days) >= at(MONTHS)[:7]


async def test_changes_that_the_feed_does_not_tell_any_more_have_happened_all_the_same(one: Night) -> None:
    facts = await one.facts()
    items = records(one).bug_items
    told_before = {day: list(rows) for day, rows in items.by_day.items()}
    items.by_day.clear()
    since = date.fromisoformat(at(MONTHS)[:10])
    await one.reconcile(WORKSPACE, since=since)
    assert (await one.noted())["bug_changes"] == (0, MONTHS, MONTHS)
    assert await one.facts() == facts
    items.by_day.update(told_before)
    await one.reconcile(WORKSPACE, since=since)
    assert (await one.noted())["bug_changes"] == (MONTHS, 0, MONTHS)
    assert await one.facts() == facts


async def test_two_processes_never_reconcile_the_same_at_once(one: Night) -> None:
    async with Leases(one.store).held("reconcile:tapd:all"):
        with pytest.raises(LeaseTaken):
            await one.reconcile()


def test_every_month_has_its_turn_and_no_day_that_is_not_over_is_counted() -> None:
    turns: set[str] = set()
    # 24 months before the newest three, two a night.
    for day in range(3, 15):
        span = Span("2024-01-31", f"2026-03-{day:02d}")
        assert len(span.earlier()) == 24
        turns |= span.sampled(2, span.earlier())
    assert turns == set(span.earlier())
    span = Span("2024-01-31", "2026-03-01")
    assert (span.months[0], span.months[-1], len(span.months)) == ("2024-01", "2026-02", 26)
    assert span.recent() == ["2025-12", "2026-01", "2026-02"]
    assert [(year[0], year[-1]) for year in span.years()] == [("2024-01", "2024-12"), ("2025-01", "2025-11")]
    assert span.range("2026-02", "2026-02") == "2026-02-01~2026-02-28"
    span = Span("2026-03-10", "2026-03-15")
    assert span.range("2026-03", "2026-03") == "2026-03-01~2026-03-14"
    assert list(span.days("2026-03"))[-1] == "2026-03-14"
    assert Span("", "2026-03-15").months == []
    assert Span("2026-03-15", "2026-03-15").months == []
