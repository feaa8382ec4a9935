"""The reference against the worked example of the definitions, and case by case against what they say."""

from dataclasses import replace
from datetime import date

import pytest

from tests.company import six_items
from tests.company.records import WEB, change, iteration, numbered, removal, row, walk
from tests.company.story_records import story_type
from tests.reference.answers import Answer, answer
from tests.reference.compare import differences
from tests.reference.days import buckets, day_of, midnight
from tests.reference.histories import Item, histories
from tests.reference.ledger import MOVES
from tests.reference.questions import BACKLOG, CHANGES, FLOW, Query
from tests.reference.stages import Stage, guess, guess_of_stories
from tests.reference.told import instant
from tests.reference.wire import Company, Record, Workspace, last_look

SIX = six_items.company()


def at(text: str) -> int:
    found = instant(text)
    assert found is not None
    return found


WEEK = Query(FLOW, at("2026-03-02 08:30:00"), at("2026-03-08 20:00:00"), at("2026-03-20 00:00:00"))


def rows(answered: Answer) -> list[tuple[int | None, ...]]:
    """One tuple per bucket."""
    return list(zip(*([value for _, value in points] for _, points in answered), strict=True))


def test_the_worked_example_in_beijing_days() -> None:
    answered = answer(SIX, WEEK)
    assert [endpoint for endpoint, _ in answered] == ["todo", "dev", "test", "done"]
    assert rows(answered) == six_items.BANDS_SHANGHAI
    first_day = answered[0][1][0][0]
    assert first_day == at("2026-03-02 00:00:00")


def test_the_worked_example_in_utc_days() -> None:
    assert rows(answer(SIX, replace(WEEK, tz="UTC"))) == six_items.BANDS_UTC


def test_the_worked_example_without_what_was_deleted() -> None:
    assert rows(answer(SIX, replace(WEEK, deleted="exclude"))) == six_items.BANDS_EXCLUDE


def test_the_worked_example_as_arrivals() -> None:
    assert rows(answer(SIX, replace(WEEK, mode="arrivals"))) == six_items.ARRIVALS


def test_the_worked_example_as_a_ledger() -> None:
    found = dict(answer(SIX, replace(WEEK, metric=CHANGES)))
    names = ("created", "reopened", "closed", "removed")
    assert rows([(name, found[name]) for name in names]) == six_items.LEDGER
    assert list(found) == list(MOVES)
    backlog = answer(SIX, replace(WEEK, metric=BACKLOG))
    assert backlog[0][0] == "all"
    assert [value for _, value in backlog[0][1]] == six_items.OPEN


def test_the_worked_example_collected_only_after_the_deletion() -> None:
    # D's row is gone; its change row tells of dev and, by its old value, of todo.
    assert rows(answer(last_look(SIX), WEEK)) == six_items.BANDS_SHANGHAI


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Asia/Shanghai", date(2026, 3, 8), 24),
        ("America/New_York", date(2026, 3, 8), 23),
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        # Midnight itself is skipped, comes twice, or is where the clock is put back from.
        ("America/Santiago", date(2026, 9, 6), 23),
        ("America/Havana", date(2026, 11, 1), 25),
        ("America/Santiago", date(2026, 4, 4), 25),
    ],
)
def test_days_are_as_long_as_their_clocks_say(zone: str, day: date, hours: int) -> None:
    start, after = midnight(day, zone), midnight(date.fromordinal(day.toordinal() + 1), zone)
    assert after - start == hours * 3600
    assert day_of(start, zone) == day_of(after - 1, zone) == day
    assert day_of(start - 1, zone).toordinal() == day.toordinal() - 1


def test_weeks_begin_on_mondays_and_months_on_their_first() -> None:
    now = at("2027-01-01 00:00:00")
    window = (at("2026-03-04 10:00:00"), at("2026-04-01 10:00:00"), now)
    weeks = buckets(*window, "1w", "Asia/Shanghai")
    assert weeks[0] == (at("2026-03-02 00:00:00"), at("2026-03-09 00:00:00"))
    assert len(weeks) == 5
    months = buckets(*window, "1M", "Asia/Shanghai")
    assert months == [
        (at("2026-03-01 00:00:00"), at("2026-04-01 00:00:00")),
        (at("2026-04-01 00:00:00"), at("2026-05-01 00:00:00")),
    ]
    assert buckets(*window, "all", "Asia/Shanghai") == [
        (at("2026-03-04 00:00:00"), at("2026-04-02 00:00:00"))
    ]


def test_stages_are_guessed_from_the_workflow() -> None:
    codes = {
        "new": "新",
        "reopened": "重新打开",
        "status_1": "挂起",
        "status_8": "已归档",
        "rejected": "已拒绝",
        "in_progress": "接受/处理",
        "resolved": "已解决",
        "closed": "已关闭",
        "verified": "已验证",
    }
    steps = {"resolved": "已解决", "rejected": "已拒绝", "status_8": "已归档"}
    found = guess(Workspace(WEB, "Web", status_map=codes, last_steps=steps))
    assert list(found.stages) == [
        Stage("new", "waiting"),
        Stage("reopened", "active"),
        Stage("挂起", "active"),
        Stage("resolved", "waiting", resolved=True),
        Stage("verified", "waiting"),
        Stage("已归档", "done"),
        Stage("rejected", "dropped"),
    ]
    assert found.stage("in_progress").name == "reopened"
    assert found.stage("closed").name == "已归档"
    assert found.stage("status_99") == Stage("unmapped", "unmapped")


def test_stages_of_stories_are_guessed_type_by_type_and_a_code_keeps_its_first_meaning() -> None:
    found = guess_of_stories(
        [
            story_type(
                WEB, 1, "a", {"status_2": "草稿", "planning": "规划", "status_9": "废弃"}, ("status_9",)
            ),
            story_type(
                WEB,
                2,
                "b",
                {"planning": "完成", "status_2": "测试", "resolved": "已实现", "rejected": "关闭"}
                | {"status_4": "验收"},
                ("planning", "resolved", "rejected"),
                "status_4",
            ),
        ]
    )
    assert list(found.stages) == [
        Stage("草稿", "waiting"),
        Stage("planning", "active"),
        Stage("验收", "waiting"),
        Stage("resolved", "done"),
        Stage("废弃", "dropped"),
    ]
    assert found.stage("status_2").name == "草稿"
    assert found.stage("rejected").name == "废弃"


def history(bug: Record | None, changes: list[Record], removed: list[Record] | None = None) -> Item:
    """The one item of a workspace with at most one bug."""
    workspace = Workspace(
        WEB,
        "Web",
        bugs=[] if bug is None else [bug],
        changes=numbered(WEB, changes),
        removed=removed or [],
        iterations=[iteration(WEB, 1, "Sprint 1", "03-02", "03-08")],
        status_map={"new": "新", "closed": "已关闭"},
        first_step="new",
    )
    [item] = histories(Company([workspace]))
    return item


def told(item: Item, name: str = "status") -> list[tuple[int, str]]:
    return [(start, values[name]) for start, values in item.spans]


def test_a_bug_nothing_happened_to_has_its_present_values_since_its_creation() -> None:
    item = history(
        row("W1", "03-02 09:00", "03-02 09:00", "new", severity=None, module="0000-00-00 00:00:00"), []
    )
    assert told(item) == [(at("2026-03-02 09:00:00"), "new")]
    assert (item.spans[0][1]["severity"], item.spans[0][1]["module"], item.spans[0][1]["iteration_id"]) == (
        "",
        "",
        "",
    )


def test_changes_of_one_second_are_one_change() -> None:
    steps = walk("W1", "03-03 09:00 new>resolved", "03-03 09:00 resolved>closed")
    item = history(row("W1", "03-02 09:00", "03-03 09:00", "closed"), steps)
    assert told(item) == [(at("2026-03-02 09:00:00"), "new"), (at("2026-03-03 09:00:00"), "closed")]


def test_changes_dated_before_the_creation_are_taken_as_at_it() -> None:
    item = history(row("W1", "03-02 09:00", "03-02 09:00", "closed"), walk("W1", "03-02 08:59 new>closed"))
    assert told(item) == [(at("2026-03-02 09:00:00"), "closed")]


def test_a_chain_that_does_not_end_at_the_present_status_is_mended_at_the_last_modification() -> None:
    item = history(row("W1", "03-02 09:00", "03-04 09:00", "closed"), walk("W1", "03-03 09:00 new>resolved"))
    assert told(item)[1:] == [(at("2026-03-03 09:00:00"), "resolved"), (at("2026-03-04 09:00:00"), "closed")]
    # A row seen before the last change tells nothing against it.
    item = history(row("W1", "03-02 09:00", "03-02 10:00", "new"), walk("W1", "03-03 09:00 new>resolved"))
    assert told(item)[1:] == [(at("2026-03-03 09:00:00"), "resolved")]


def test_a_bug_gone_before_the_first_look_has_what_its_changes_tell() -> None:
    gone = removal("W1", "03-02 09:00", "03-05 09:00", "delete")
    item = history(None, [change("W1", "03-03 09:00", "severity", "fatal", "normal")], [gone])
    assert told(item, "severity") == [
        (at("2026-03-02 09:00:00"), "fatal"),
        (at("2026-03-03 09:00:00"), "normal"),
    ]
    assert item.spans[0][1]["status"] == "new"
    assert item.spans[0][1]["version_report"] == ""
    assert (item.ended, item.why) == (at("2026-03-05 09:00:00"), "deleted")


def test_a_removal_older_than_the_last_modification_was_taken_back() -> None:
    gone = removal("W1", "03-02 09:00", "03-05 09:00", "delete")
    assert history(row("W1", "03-02 09:00", "03-05 09:00:01", "new"), [], [gone]).ended is None
    assert history(row("W1", "03-02 09:00", "03-05 09:00:00", "new"), [], [gone]).why == "deleted"


def test_the_feed_names_iterations_and_the_row_gives_their_ids() -> None:
    moved = change("W1", "03-03 09:00", "iteration_id", "--", "Sprint 1")
    sprint = f"1{WEB}001000001"
    item = history(row("W1", "03-02 09:00", "03-04 09:00", "new", iteration_id=sprint), [moved])
    assert told(item, "iteration_id")[1:] == [(at("2026-03-03 09:00:00"), "Sprint 1")]
    # A name no iteration has today is what the bug's iteration was called then.
    renamed = change("W1", "03-03 09:00", "iteration_id", "--", "Sprint One")
    item = history(row("W1", "03-02 09:00", "03-04 09:00", "new", iteration_id=sprint), [renamed])
    assert told(item, "iteration_id")[1:] == [(at("2026-03-03 09:00:00"), sprint)]


def test_differences_are_blind_to_series_with_nothing_to_show() -> None:
    ours: Answer = [("a", [(1, 2)]), ("b", [(1, 0)]), ("c", [(1, None)])]
    assert differences(ours, [("a", [(1, 2)]), ("c", []), ("d", [(1, 0)])]) == []
    assert differences(ours, [("a", [(1, 3)])]) == ["a: at 1: expected 2, got 3"]
    assert differences([("a", [(1, 1)]), ("b", [(1, 1)])], [("b", [(1, 1)]), ("a", [(1, 1)])]) == [
        "order of series: expected ['a', 'b'], got ['b', 'a']"
    ]
