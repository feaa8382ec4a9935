"""The company goes on living, and the command serves it."""

import asyncio
import json
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp

from simulator import Company, TapdAccount, generate, hasten, live, running
from simulator.__main__ import relive
from simulator.clock import after_work

MONDAY = datetime(2026, 5, 11, 2, 0, tzinfo=UTC)


def test_a_month_lived_at_once_or_day_by_day_is_the_same_month() -> None:
    at_once = generate(seed=5, now=MONDAY, bugs=400, days=200)
    by_days = generate(seed=5, now=MONDAY, bugs=400, days=200)
    before = at_once.snapshot()
    live(at_once, MONDAY + timedelta(days=30))
    happened = sum(live(by_days, MONDAY + timedelta(hours=6 * number)) for number in range(121))
    assert by_days.snapshot() == at_once.snapshot() != before
    assert happened > 300


def test_life_brings_bugs_changes_iterations_removals_and_events() -> None:
    company = generate(seed=5, now=MONDAY, bugs=400, days=200)
    drive, server = company.workspaces["20063271"], company.projects[301]
    counts = (
        len(drive.bugs),
        len(drive.changes),
        len(drive.iterations),
        len(drive.removed),
        len(server.events),
    )
    live(company, MONDAY + timedelta(days=60))
    later = (
        len(drive.bugs),
        len(drive.changes),
        len(drive.iterations),
        len(drive.removed),
        len(server.events),
    )
    assert all(after > before for before, after in zip(counts, later, strict=True))


def test_hastened_happenings_carry_the_present_and_never_the_future() -> None:
    company = generate(seed=5, now=MONDAY, bugs=400, days=200)
    before = company.snapshot().splitlines()
    known = set(before)
    now = MONDAY + timedelta(minutes=5)
    assert hasten(company, now, 200) >= 200
    times = {
        row["modified"]
        for workspace in company.workspaces.values()
        for row in (*workspace.bugs.values(), *workspace.removed)
    }
    assert max(times) == "2026-05-11 10:05:00"
    events = [event["created_at"] for project in company.projects.values() for event in project.events]
    assert max(events)[:19] == "2026-05-11T10:05:00"
    assert len(set(company.snapshot().splitlines()) - known) >= 150
    assert live(company, now + timedelta(seconds=1)) == 0


def test_a_company_written_by_hand_has_no_life_of_its_own() -> None:
    assert live(Company(), MONDAY) == 0
    assert hasten(Company(), MONDAY, 5) == 0


def test_working_hours_skip_nights_weekends_and_holidays() -> None:
    friday = datetime(2026, 9, 25, 10, 30, tzinfo=UTC)  # 18:30 in Beijing
    assert after_work(friday, 1.0).isoformat() == "2026-09-28T10:00:00+08:00"
    eve = datetime(2026, 9, 30, 10, 30, tzinfo=UTC)
    assert after_work(eve, 1.0).isoformat() == "2026-10-08T10:00:00+08:00"


async def test_a_generated_company_answers_every_day_of_its_feed_within_seconds(generated: Company) -> None:
    headers = {"Authorization": f"Bearer {TapdAccount().token}"}
    days = [(datetime(2025, 5, 21, tzinfo=UTC) + timedelta(days=number)).date() for number in range(550)]
    rows = 0
    async with (
        running(generated, tapd_quota=None) as servers,
        aiohttp.ClientSession(headers=headers) as session,
    ):
        for workspace in generated.workspaces:
            for day in days:
                query = {"workspace_id": workspace, "created": day.isoformat(), "limit": "200"}
                async with session.get(f"{servers.tapd_url}/bug_changes", params=query) as response:
                    rows += len((await response.json())["data"])
        assert servers.tapd.counters.by_path["/bug_changes"] == 1100
    assert rows > 20_000


async def test_the_command_announces_itself_serves_and_stops_on_a_signal(tmp_path: Path) -> None:
    ready_file = tmp_path / "ready.json"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "simulator", "--bugs", "120", "--days", "60", "--events-per-minute", "1200"),
        *("--ready-file", str(ready_file)),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
        told = dict(part.split("=", 1) for part in line.split())
        assert told["tapd"].startswith("http://127.0.0.1:")
        assert told["gitlab_token"] == "demo-gitlab-token"
        ready = json.loads(ready_file.read_text("utf-8"))
        products = ready.pop("products")
        assert [product["workspaces"] for product in products] == [["20063271"], ["20063288"]]
        assert ready == told
        headers = {"Authorization": f"Bearer {ready['tapd_token']}"}
        seen = set()
        async with aiohttp.ClientSession(headers=headers) as session:
            for _ in range(20):
                query = {"workspace_id": "20063271", "order": "modified desc", "limit": "1"}
                async with session.get(f"{ready['tapd']}/bugs", params=query) as response:
                    seen.add((await response.json())["data"][0]["Bug"]["modified"])
                if len(seen) > 1:
                    break
                await asyncio.sleep(0.3)
        assert len(seen) > 1
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 5) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def test_a_company_with_a_journal_has_the_same_past_again(tmp_path: Path) -> None:
    born = datetime(2026, 3, 2, 4, tzinfo=UTC)
    journal = tmp_path / "journal.jsonl"
    lived = generate(seed=3, bugs=120, days=60, now=born)
    for minutes in (5, 9):
        now = born + timedelta(minutes=minutes)
        with journal.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"now": now.isoformat(), "count": 4}) + "\n")
        hasten(lived, now, 4)
    again = generate(seed=3, bugs=120, days=60, now=born)
    relive(again, journal, born + timedelta(minutes=9))
    assert again.snapshot() == lived.snapshot()
    assert again.snapshot() != generate(seed=3, bugs=120, days=60, now=born + timedelta(minutes=9)).snapshot()
