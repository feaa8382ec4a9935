"""The generated company holds every case that the numbers must survive, in believable shares."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from simulator import Company, generate

DRIVE, CAR = "20063271", "20063288"
NOW = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)  # as in the fixture


def bugs(company: Company) -> Iterator[dict[str, Any]]:
    for workspace in company.workspaces.values():
        yield from workspace.bugs.values()


def changes(company: Company) -> Iterator[dict[str, Any]]:
    for workspace in company.workspaces.values():
        yield from (row for row in workspace.changes if not row["change_type"])


def status_rows(company: Company) -> dict[str, list[tuple[str, str, str]]]:
    found = defaultdict(list)
    for row in changes(company):
        if row["field"] == "status" and "is_step_change" not in row and "field_changes" not in row:
            found[row["bug_id"]].append((row["created"], row["old_value"], row["new_value"]))
    return found


@pytest.fixture(scope="session")
def moves(generated: Company) -> Counter[tuple[str, str]]:
    return Counter((old, new) for rows in status_rows(generated).values() for _, old, new in rows)


def test_there_are_at_least_the_bugs_asked_for_over_eighteen_months(generated: Company) -> None:
    created = sorted(bug["created"] for bug in bugs(generated))
    assert 3000 <= len(created) <= 3200
    assert created[0] < "2025-06-10"
    assert created[-1] > "2026-11-17"
    assert [workspace.record["name"] for workspace in generated.workspaces.values()] == [
        "云盘 & 协作",
        "智行 车载终端",
    ]


def test_no_record_carries_a_time_after_now(generated: Company) -> None:
    assert max(row["created"] for row in changes(generated)) <= "2026-11-20 14:00:00"
    assert max(bug["modified"] for bug in bugs(generated)) <= "2026-11-20 14:00:00"
    newest = max(event["created_at"] for project in generated.projects.values() for event in project.events)
    assert datetime.fromisoformat(newest) <= NOW + timedelta(seconds=1)


def test_the_same_seed_and_now_give_the_same_bytes_and_another_seed_others() -> None:
    now = datetime(2026, 5, 6, 3, 0, tzinfo=UTC)
    first = generate(seed=3, now=now, bugs=300, days=200).snapshot()
    assert generate(seed=3, now=now, bugs=300, days=200).snapshot() == first
    assert generate(seed=4, now=now, bugs=300, days=200).snapshot() != first


@pytest.mark.parametrize(
    "old, new, least",
    [
        ("closed", "reopened", 200),  # reopened
        ("resolved", "in_progress", 80),  # returned
        ("resolved", "reopened", 80),  # returned
        ("verified", "in_progress", 40),  # sent back
        ("in_progress", "new", 40),  # sent back
        ("new", "resolved", 60),  # skipped stages
        ("new", "rejected", 80),
        ("rejected", "reopened", 20),
        ("in_progress", "status_4", 8),
        ("new", "status_2", 500),
    ],
)
def test_status_moves_of_every_kind_are_there(moves: Counter[tuple[str, str]], old, new, least) -> None:
    assert moves[(old, new)] >= least


def test_removed_bugs_are_of_all_three_kinds_and_the_addresses_lead_somewhere(generated: Company) -> None:
    drive, car = generated.workspaces[DRIVE], generated.workspaces[CAR]
    assert all(Counter(row["type"] for row in place.removed)["delete"] >= 20 for place in (drive, car))
    for place, other in ((drive, car), (car, drive)):
        merged = [row for row in place.removed if row["type"] == "merge"]
        moved = [row for row in place.removed if row["type"] == "move"]
        assert len(merged) >= 20
        assert len(moved) >= 10
        known = set(place.bugs) | {row["id"] for row in place.removed}
        assert all(row["new_bug_url"].rpartition("=")[2] in known for row in merged)
        for row in moved:
            new_id = row["new_bug_url"].rpartition("bug_id=")[2]
            assert other.bugs[new_id]["created"] == row["created"]
            assert [change["created"] for change in other.changes_by_bug[new_id]][:2] == [
                row["created"],
                place.changes_by_bug[row["id"]][1]["created"],
            ]


def test_some_deleted_bugs_were_restored(generated: Company) -> None:
    deleted = {row["bug_id"] for row in changes(generated) if row["field"] == "delete_bug"}
    assert len(deleted & {bug["id"] for bug in bugs(generated)}) >= 3


def test_changes_stand_on_the_last_and_the_first_second_of_a_day(generated: Company) -> None:
    seconds = Counter(row["created"][11:] for row in changes(generated) if row["field"] == "status")
    assert seconds["23:59:59"] >= 20
    assert seconds["00:00:00"] >= 20
    early = [row for row in changes(generated) if "00:00:01" <= row["created"][11:] < "08:00:00"]
    assert len(early) >= 100


def test_tracked_fields_change_and_an_iteration_is_logged_by_name(generated: Company) -> None:
    fields = Counter(row["field"] for row in changes(generated))
    for name in ("version_report", "severity", "priority", "module", "iteration_id"):
        assert fields[name] >= 20, name
    iterations = generated.workspaces[DRIVE].iterations
    logged = [
        row["new_value"] for row in generated.workspaces[DRIVE].changes if row["field"] == "iteration_id"
    ]
    known = {iteration["name"] for iteration in iterations.values()}
    assert sum(name in known for name in logged) > 0.8 * len(logged)
    assert set(logged) - known, "one of the names was changed since"
    assert {bug["iteration_id"] for bug in bugs(generated) if "iteration_id" in bug} - {"0"} <= {
        name for workspace in generated.workspaces.values() for name in workspace.iterations
    }


def test_several_fields_are_saved_in_one_second(generated: Company) -> None:
    together = Counter((row["bug_id"], row["created"]) for row in changes(generated))
    assert sum(count >= 3 for count in together.values()) >= 2000


def test_parallel_steps_leave_flagged_status_rows_with_empty_or_numeric_values(generated: Company) -> None:
    rows = [row for row in changes(generated) if "is_step_change" in row or "field_changes" in row]
    assert len(rows) >= 80
    assert {row["workspace_id"] for row in rows} == {CAR}
    assert all(row["field"] == "status" for row in rows)
    assert {row["old_value"] == "" or row["old_value"].isdigit() for row in rows} == {True}
    assert {("is_step_change" in row, "field_changes" in row) for row in rows} == {
        (True, False),
        (False, True),
    }


def test_some_bugs_were_never_touched_have_no_version_or_a_broken_or_early_history(
    generated: Company,
) -> None:
    touched = {row["bug_id"] for row in changes(generated)}
    assert sum(bug["id"] not in touched for bug in bugs(generated)) >= 60
    assert sum(bug["version_report"] == "" for bug in bugs(generated)) >= 60
    rows = status_rows(generated)
    born = {bug["id"]: bug["created"] for bug in bugs(generated)}
    broken = sum(
        any(before[2] != after[1] for before, after in pairwise(steps))
        for name, steps in rows.items()
        if name in born
    )
    assert 10 <= broken <= 80
    assert sum(steps[0][0] < born[name] for name, steps in rows.items() if name in born) >= 8


def test_most_chains_end_at_the_status_of_the_row(generated: Company) -> None:
    rows = status_rows(generated)
    odd = [
        bug["id"]
        for bug in bugs(generated)
        if rows.get(bug["id"]) and rows[bug["id"]][-1][2] != bug["status"]
    ]
    assert len(odd) < 30


def test_values_hold_spaces_ampersands_plus_hash_dots_and_chinese(generated: Company) -> None:
    for name in ("version_report", "module"):
        text = "".join(str(bug.get(name) or "") for bug in bugs(generated))
        assert all(sign in text for sign in " &+#."), name
        assert any("\u4e00" <= sign <= "\u9fff" for sign in text)
    names = "".join(
        row["name"] for place in generated.workspaces.values() for row in place.iterations.values()
    )
    assert all(sign in names for sign in " &+.~(")
    for workspace in generated.workspaces.values():
        versions = {bug["version_report"] for bug in workspace.bugs.values()} - {""}
        assert len(versions) >= 6


def test_one_workspace_has_statuses_of_its_own(generated: Company) -> None:
    status_map = generated.workspaces[CAR].workflows["bug", ""].status_map
    assert status_map["status_2"] == "待评审"
    assert {bug["status"] for bug in bugs(generated)} <= set(status_map)
    drive_map = generated.workspaces[DRIVE].workflows["bug", ""].status_map
    assert {bug["status"] for bug in generated.workspaces[DRIVE].bugs.values()} <= set(drive_map)


def test_iterations_follow_every_two_weeks_and_are_completed_whenever(generated: Company) -> None:
    for workspace in generated.workspaces.values():
        rows = list(workspace.iterations.values())
        assert len(rows) >= 38
        starts = [date.fromisoformat(row["startdate"]) for row in rows]
        assert {(after - before).days for before, after in pairwise(starts)} == {14}
        late = [
            (date.fromisoformat(row["completed"][:10]) - date.fromisoformat(row["enddate"])).days
            for row in rows
            if row.get("completed")
        ]
        assert min(late) < 15
        assert max(late) > 60


def test_work_happens_on_weekdays_and_swells_before_a_release(generated: Company) -> None:
    drive = generated.workspaces[DRIVE]
    days = Counter(date.fromisoformat(bug["created"][:10]) for bug in drive.bugs.values())
    weekend = sum(count for day, count in days.items() if day.weekday() >= 5)
    assert weekend < 0.1 * sum(days.values())
    hours = Counter(int(bug["created"][11:13]) for bug in drive.bugs.values())
    assert sum(hours[hour] for hour in range(9, 20)) > 0.8 * sum(hours.values())
    start = date(2025, 5, 21)
    left = Counter[bool]()
    for day, count in days.items():
        left[63 - (day - start).days % 63 <= 21] += count
    assert left[True] > left[False]


def test_lead_times_are_skewed_as_real_ones_are_and_the_backlog_stays_within_bounds(
    generated: Company,
) -> None:
    took = sorted(
        (datetime.fromisoformat(bug["closed"]) - datetime.fromisoformat(bug["created"])).days
        for bug in bugs(generated)
        if bug["status"] == "closed"
    )
    median, high = took[len(took) // 2], took[int(len(took) * 0.95)]
    assert 5 <= median <= 25
    assert high >= 2.5 * median
    open_now = sum(bug["status"] not in {"closed", "rejected"} for bug in bugs(generated))
    assert 100 <= open_now <= 500


def test_every_scalar_of_tapd_is_a_string_or_null(generated: Company) -> None:
    for workspace in generated.workspaces.values():
        for row in (*workspace.bugs.values(), *workspace.iterations.values(), *workspace.removed):
            assert {type(value) for value in row.values()} <= {str, type(None)}
        for row in workspace.changes:
            kinds = {type(value) for name, value in row.items() if name != "field_changes"}
            assert kinds <= {str, type(None)}


def test_people_are_numbered_users(generated: Company) -> None:
    people = {bug["reporter"] for bug in bugs(generated)} | {row["author"] for row in changes(generated)}
    assert {name[:4] for name in people} == {"user"}
    assert all(name[4:].isdigit() for name in people)


def test_gitlab_events_cover_the_vocabulary_and_the_odd_ones(generated: Company) -> None:
    assert len(generated.projects) == 6
    events = [event for project in generated.projects.values() for event in project.events]
    assert {event["action_name"] for event in events} >= {
        "pushed to",
        "pushed new",
        "deleted",
        "opened",
        "closed",
        "accepted",
        "commented on",
        "approved",
        "created",
        "joined",
        "left",
    }
    assert {event["target_type"] for event in events} == {
        None,
        "Issue",
        "MergeRequest",
        "Note",
        "DiffNote",
        "DiscussionNote",
    }
    bulk = [event for event in events if (event.get("push_data") or {}).get("ref_count")]
    assert len(bulk) >= 10
    assert {event["push_data"]["commit_count"] for event in bulk} == {0}
    assert sum("author" not in event for event in events) >= 50
    assert all(event["created_at"].endswith("+08:00") for event in events)
    hidden = generated.projects[301].hidden
    assert len(hidden) >= 200
    for project in generated.projects.values():
        ids = [event["id"] for event in project.events]
        assert ids == sorted(ids)
        assert project.events[0]["created_at"] < "2025-06"
        assert len(project.events) >= 2000
