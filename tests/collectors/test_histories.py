"""Histories of further fields from raw records: worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from collectors.items.kinds import value
from tests.collectors.bug_records import change as bug_change
from tests.collectors.bug_records import derived as derived_bugs
from tests.collectors.bug_records import gone, row
from tests.collectors.bug_records import way as bug_way
from tests.collectors.item_records import (
    HOUR,
    T0,
    born,
    change,
    derived,
    entry,
    only,
    removed,
    stored,
    story,
    updated,
)


def link(story: str, name: str = "1", **about: Any) -> tuple[str, dict[str, Any]]:
    """A relation of a story to a bug."""
    data = {"workspace_id": 991, "story_id": story, "bug_id": name}
    collection, record = stored("raw_tapd_story_bug", story, data, f"{story}:{name}")
    return collection, record | about


def bug(*records: dict[str, Any]) -> dict[str, Any]:
    """The one fact that becomes of the records of a bug."""
    found = derived_bugs(*records)
    assert (len(found.facts), found.rejected) == (1, [])
    return found.facts[0]


def held(fact: dict[str, Any], name: str) -> list[tuple[float, str]]:
    """The values of a further field, each with the hours since the creation from which it held."""
    history = fact["histories"][name]
    return [((at - T0) / HOUR, one) for at, one in zip(history["at"], history["value"], strict=True)]


def test_a_field_without_a_change_held_its_value_all_along_and_one_without_a_value_is_left_out() -> None:
    fact = bug(
        row(
            "1",
            bugtype="代码错误",
            source="",
            originphase=None,
            testphase="--",
            resolution="fixed",
            remain="0",
        ),
    )
    assert fact["histories"] == {
        "bugtype": {"at": [T0], "value": ["代码错误"]},
        "resolution": {"at": [T0], "value": ["fixed"]},
        "remain": {"at": [T0], "value": ["0"]},
    }
    # They part no segments: statuses, versions and the like do.
    assert fact["segments"]["start"] == [T0]


def test_the_value_before_the_first_change_is_what_it_says_was_there() -> None:
    fact = bug(
        row("1", source="用户反馈", custom_field_one="生产环境", current_owner="乙;"),
        bug_change(1, "1", "01 09:00:00", "source", "--", "功能测试"),
        bug_change(2, "1", "01 11:00:00", "source", "功能测试", "用户反馈"),
        bug_change(3, "1", "01 10:00:00", "custom_field_one", "测试环境", "生产环境"),
        bug_change(4, "1", "01 12:00:00", "current_owner", "甲;", "甲;乙;"),
        bug_change(5, "1", "01 13:00:00", "current_owner", "甲;乙", "乙"),
    )
    assert held(fact, "source") == [(0, ""), (1, "功能测试"), (3, "用户反馈")]
    assert held(fact, "custom_field_one") == [(0, "测试环境"), (2, "生产环境")]
    # However TAPD ends them, these are the same people.
    assert held(fact, "current_owner") == [(0, "甲"), (4, "甲;乙"), (5, "乙")]
    assert (fact["segments"]["start"], fact["findings"]) == ([T0], [])


def test_a_value_that_the_feed_never_told_of_begins_when_the_row_was_modified() -> None:
    fact = bug(row("1", bugtype="b"), bug_change(1, "1", "01 09:00:00", "bugtype", "", "a"))
    assert held(fact, "bugtype") == [(0, ""), (1, "a"), (8 * 24, "b")]
    # A chain that breaks: the later change decides from its own time on.
    broken = bug(
        row("1", bugtype="d"),
        bug_change(1, "1", "01 09:00:00", "bugtype", "a", "b"),
        bug_change(2, "1", "01 10:00:00", "bugtype", "c", "d"),
    )
    assert held(broken, "bugtype") == [(0, "a"), (1, "b"), (2, "d")]
    # Flaws are those of the fields by which items are counted.
    assert fact["findings"] == broken["findings"] == []


def test_a_field_that_was_emptied_keeps_its_history_and_a_removal_ends_it() -> None:
    fact = only(
        "stories",
        story("1", size=None, modified="2026-03-01 10:00:00"),
        change(1, "1", "01 09:00:00", entry("size", "5", "")),
        change(2, "1", "01 12:00:00", entry("size", "", "8")),
        removed("1", "01 11:00:00"),
    )
    assert held(fact, "size") == [(0, "5"), (1, "")]


def test_stories_have_people_numbers_and_custom_fields_whose_changes_are_objects() -> None:
    fact = only(
        "stories",
        story(
            "1",
            owner="甲;",
            creator="丙",
            developer="",
            size="8",
            remain="0",
            effort="16",
            custom_field_7="高",
        ),
        change(1, "1", "01 09:00:00", entry("owner", "", "甲;"), entry("remain", "16", 0)),
        change(
            2, "1", "01 10:00:00", entry("custom_field_7", {"custom_field_7": "低"}, {"custom_field_7": "中"})
        ),
        change(3, "1", "01 11:00:00", entry("custom_field_7", {"value": "中"}, {"value": "高"})),
        change(4, "1", "01 12:00:00", entry("custom_field_200", "", ["甲", "乙"])),
        change(5, "1", "01 12:30:00", entry("custom_field_200", "甲|乙", "")),
    )
    assert held(fact, "owner") == [(0, ""), (1, "甲")]
    assert held(fact, "remain") == [(0, "16"), (1, "0")]
    assert held(fact, "custom_field_7") == [(0, "低"), (2, "中"), (3, "高")]
    assert held(fact, "custom_field_200") == [(0, ""), (4, "甲|乙"), (4.5, "")]
    assert [name for name in fact["histories"] if len(fact["histories"][name]["at"]) == 1] == [
        "creator",
        "effort",
        "size",
    ]


def test_steps_of_a_parallel_workflow_are_no_changes_of_owners_and_not_counted() -> None:
    fact = only(
        "stories",
        story("1", owner="甲"),
        change(1, "1", "01 09:00:00", entry("owner", "", "乙"), is_step_change="1"),
    )
    assert (held(fact, "owner"), fact["parallel_steps"]) == ([(0, "甲")], 0)


def test_webhooks_tell_of_further_fields_too() -> None:
    fact = only(
        "stories",
        born("1", owner="甲;", custom_field_98="低"),
        updated(
            "story",
            "1",
            "01 10:00:00",
            old={"owner": "甲;", "custom_field_98": "低"},
            new={"custom_field_98": "高", "owner": "乙;"},
        ),
    )
    assert held(fact, "custom_field_98") == [(0, "低"), (2, "高")]
    assert held(fact, "owner") == [(0, "甲"), (2, "乙")]


def test_a_bug_that_moved_takes_its_fields_along_but_not_those_of_its_workspace() -> None:
    """Bug 1 moves a day after its creation to workspace 992 as bug 21."""
    fact = bug(
        bug_change(1, "1", "01 09:00:00", "source", "a", "b"),
        bug_change(2, "1", "01 10:00:00", "custom_field_one", "x", "y"),
        bug_change(3, "1", "01 10:00:00", "custom_field_two", "", "z"),
        gone("1", "02 08:00:00", "move", to="21"),
        row("21", "992", source="c", bugtype="d", custom_field_one="u", modified="2026-03-03 08:00:00"),
        bug_change(4, "21", "01 09:00:00", "source", "a", "b"),
        bug_change(5, "21", "03 08:00:00", "source", "b", "c"),
    )
    assert held(fact, "source") == [(0, "a"), (1, "b"), (48, "c")]
    # There is no row of the first place: what was never changed there came along.
    assert held(fact, "bugtype") == [(0, "d")]
    assert held(fact, "custom_field_one") == [(0, "x"), (2, "y"), (24, "u")]
    assert held(fact, "custom_field_two") == [(0, ""), (2, "z"), (24, "")]


def test_a_field_that_is_empty_where_a_bug_moved_to_took_nothing_along() -> None:
    """Nobody saw the row of bug 1; that of bug 21 names two fields, and not the third."""
    fact = bug(
        bug_change(1, "1", "01 09:00:00", "source", "--", "用户反馈"),
        bug_change(2, "1", "01 09:00:00", "bugtype", "", "界面"),
        bug_change(3, "1", "01 09:00:00", "resolution", "", "fixed"),
        gone("1", "02 08:00:00", "move", to="21"),
        row("21", "992", source="", bugtype=None),
    )
    assert held(fact, "source") == [(0, ""), (1, "用户反馈"), (24, "")]
    assert held(fact, "bugtype") == [(0, ""), (1, "界面"), (24, "")]
    assert held(fact, "resolution") == [(0, ""), (1, "fixed")]


@pytest.mark.parametrize(
    ("raw", "name", "expected"),
    [
        (0, "remain", "0"),
        ("0", "remain", "0"),
        (0, "custom_field_one", ""),
        (None, "effort", ""),
        ("甲; 乙;;甲;", "de", "甲;乙"),
        (";", "fixer", ""),
        ({"custom_field_9": "x"}, "custom_field_9", "x"),
        ({"value": None}, "custom_field_9", ""),
        ({"other": 1}, "custom_field_9", '{"other":1}'),
        (["a", "b"], "custom_field_9", "a|b"),
        ({"value": "x"}, "module", '{"value":"x"}'),
    ],
)
def test_what_a_value_is_as_text(raw: Any, name: str, expected: str) -> None:
    assert value(raw, name) == expected


def linked(*records: tuple[str, dict[str, Any]], **data: Any) -> list[str]:
    """The stories of bug 1, of which these relations are stored."""
    return list(only("bugs", ("raw_tapd_bug", row("1", **data)), *records)["stories"])


def test_a_bug_is_linked_to_the_stories_that_say_so_and_to_the_one_in_its_row() -> None:
    assert linked(story_id="0") == linked(story_id=None) == []
    assert linked(link("20"), link("3"), link("30"), story_id="30") == ["20", "3", "30"]
    # A relation that is not there any more, and one of another bug.
    assert linked(link("20", removed_at=1), link("21", "2")) == []
    # A relation alone is no bug.
    assert derived("bugs", link("20")).facts == []


def test_the_row_of_a_bug_that_is_gone_may_have_been_read_amid_the_changes_of_one_second() -> None:
    records = [
        row("1", status="new", bugtype="a", modified="2026-03-01 10:00:00"),
        bug_change(1, "1", "01 10:00:00", "status", "new", "in_progress"),
        bug_change(2, "1", "01 10:00:00", "status", "in_progress", "resolved"),
        bug_change(3, "1", "01 10:00:00", "bugtype", "a", "b"),
    ]
    fact = bug(*records, gone("1", "01 11:00:00"))
    assert bug_way(fact, "status") == [(0, "new"), (2, "resolved")]
    assert fact["histories"]["bugtype"]["value"] == ["a", "b"]
    assert fact["findings"] == []
    # The row knows better what the feed never told of, and a bug that is there will be read again.
    other = bug(
        row("1", status="closed", modified="2026-03-01 10:00:00"), *records[1:], gone("1", "01 11:00:00")
    )
    assert bug_way(other, "status") == [(0, "new"), (2, "closed")]
    assert bug(*records)["findings"] == other["findings"] == ["repaired_end:status"]
