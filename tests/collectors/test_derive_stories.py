"""Histories of stories and tasks from raw records: worked out by hand."""

from __future__ import annotations

import random

import ujson

from collectors.derivation import Derived
from tests.collectors.item_records import (
    HOUR,
    T0,
    change,
    derived,
    entry,
    iteration,
    only,
    removed,
    story,
    task,
    way,
)


def test_a_story_without_changes_has_held_its_values_since_it_was_created() -> None:
    assert only("stories", story("1", due="2026-03-20", label="b|a", priority="3", parent_id="7")) == {
        "_id": "tapd:991:1",
        "instance": "tapd",
        "id": "1",
        "title": "story 1",
        "created": 1772323200,
        "removed_at": None,
        "removed_why": None,
        "due": "2026-03-20",
        "findings": [],
        "parallel_steps": 0,
        "parents": ["7"],
        "completed": None,
        "segments": {
            "start": [1772323200],
            "workspace": ["991"],
            "status": ["planning"],
            "iteration": [""],
            "priority": ["Middle"],
            "module": [""],
            "type": ["50"],
            "label": ["a|b"],
        },
        "histories": {},
    }


def test_one_row_changes_several_fields_and_one_second_is_one_segment() -> None:
    fact = only(
        "stories",
        story("1", status="resolved", module="ui", workitem_type_id="51", label="x"),
        change(1, "1", "01 09:00:00", entry("status", "planning", "developing"), entry("owner", "", "a;")),
        change(2, "1", "01 09:00:00", entry("module", "", "ui"), entry("workitem_type_id", "50", "51")),
        change(3, "1", "01 10:00:00", entry("status", "developing", "resolved"), entry("label", "", "x")),
    )
    assert fact["segments"]["start"] == [T0, T0 + HOUR, T0 + 2 * HOUR]
    assert fact["segments"]["status"] == ["planning", "developing", "resolved"]
    assert fact["segments"]["module"] == ["", "ui", "ui"]
    assert fact["segments"]["type"] == ["50", "51", "51"]
    assert fact["segments"]["label"] == ["", "", "x"]
    assert fact["findings"] == []


def test_values_are_text_or_numbers_or_objects_and_a_zero_is_nothing() -> None:
    fact = only(
        "stories",
        story("1", priority=2, module='{"a":1,"b":2}'),
        change(1, "1", "01 09:00:00", entry("priority", 0, 4), entry("module", 0, "ui")),
        change(2, "1", "01 10:00:00", entry("priority", "4", "0"), entry("custom_field_9", {"x": [1]}, 0)),
        change(3, "1", "01 11:00:00", entry("priority", "", 2), entry("module", "ui", {"b": 2, "a": 1})),
        change(4, "1", "01 12:00:00", entry("iteration_id", 0, 0), entry("parent_id", "0", 0)),
    )
    assert way(fact, "priority") == [(0, ""), (1, "High"), (2, ""), (3, "Low")]
    assert way(fact, "module") == [(0, ""), (1, "ui"), (3, '{"a":1,"b":2}')]
    assert (way(fact, "iteration"), fact["parents"], fact["findings"]) == ([(0, "")], [], [])


def test_a_label_of_a_priority_goes_before_its_code() -> None:
    changed = change(1, "1", "01 09:00:00", entry("priority", "", "4"))
    assert way(only("stories", story("1", priority="4"), changed), "priority") == [(0, ""), (1, "High")]
    labelled = story("1", priority="4", priority_label="紧急")
    assert way(only("stories", labelled, changed), "priority") == [(0, ""), (1, "紧急")]
    assert way(only("stories", labelled), "priority") == [(0, "紧急")]
    named = change(
        1, "1", "01 09:00:00", entry("priority", "1", "4"), entry("priority_label", "一般", "紧急")
    )
    assert way(only("stories", labelled, named), "priority") == [(0, "一般"), (1, "紧急")]
    assert way(only("stories", story("1", priority="Middle")), "priority") == [(0, "Middle")]


def test_rows_without_a_list_of_changes_have_them_as_json_text() -> None:
    written = ujson.dumps([entry("status", "planning", "developing"), entry("iteration_id", "S1", 0)])
    fact = only(
        "stories",
        story("1", status="resolved"),
        change(1, "1", "01 09:00:00", field_changes="", changes=written),
        change(2, "1", "01 10:00:00", entry("status", "developing", "resolved"), changes="xxxx"),
        change(3, "1", "01 11:00:00", field_changes=None, changes=""),
    )
    assert way(fact, "status") == [(0, "planning"), (1, "developing"), (2, "resolved")]
    assert way(fact, "iteration") == [(0, "S1"), (1, "")]


def test_rows_that_cannot_be_read_are_rejected_and_the_others_go_on() -> None:
    found = derived(
        "stories",
        story("1", status="developing"),
        change(1, "1", "01 09:00:00", entry("status", "planning", "developing")),
        change(2, "1", "01 10:00:00", field_changes=None, changes="not JSON"),
        change(3, "1", "01 11:00:00", "text"),
        change(4, "1", "soon", entry("status", "developing", "resolved")),
        change(5, "1", "soon", entry("category_id", "1", "2")),
        change(6, "1", "01 12:00:00", field_changes={"field": "status"}, changes="7"),
        change(7, "2", "soon", entry("status", "developing", "resolved")),
    )
    assert [way(fact, "status") for fact in found.facts] == [[(0, "planning"), (1, "developing")]]
    assert sorted((one.collection, one.record["data"]["id"]) for one in found.rejected) == [
        ("raw_tapd_story_change", f"900000000{number}") for number in (2, 3, 4, 6)
    ]


def test_steps_of_a_parallel_workflow_are_skipped_and_counted_by_rows() -> None:
    fact = only(
        "stories",
        story("1", status="resolved", module="ui"),
        change(1, "1", "01 09:00:00", entry("status", "", "3"), entry("status", "3", "")),
        change(2, "1", "01 10:00:00", entry("status", "planning", "resolved")),
        change(3, "1", "01 11:00:00", entry("status", "resolved", "closed"), is_step_change="1"),
        change(
            4, "1", "01 12:00:00", entry("status", "a", "b", is_step_change=True), entry("module", "", "ui")
        ),
        change(5, "1", "01 13:00:00", entry("status", "resolved", 0)),
        change(6, "1", "01 14:00:00", entry("owner", "a;", "b;", is_step_change=1)),
    )
    assert way(fact, "status") == [(0, "planning"), (2, "resolved")]
    assert way(fact, "module") == [(0, ""), (4, "ui")]
    assert (fact["findings"], fact["parallel_steps"]) == (["parallel_step"], 4)


def test_rows_of_the_creation_are_not_the_first_change() -> None:
    fact = only(
        "stories",
        story("1", status="developing", priority="4"),
        change(
            *(1, "1", "01 08:00:00"),
            *(entry("status", "", "planning"), entry("priority", "", 4)),
            change_type="create_story",
        ),
        change(2, "1", "01 09:00:00", entry("status", "planning", "developing"), change_type="manual_update"),
    )
    assert way(fact, "status") == [(0, "planning"), (1, "developing")]
    assert way(fact, "priority") == [(0, "High")]


def test_ids_of_iterations_go_before_their_names_where_there_are_any() -> None:
    fact = only(
        "stories",
        story("1", iteration_id="78"),
        iteration("76", "S6"),
        iteration("77", "S7"),
        iteration("78", "S8"),
        change(
            *(1, "1", "01 09:00:00"),
            # The name is another one's: that of an id says more.
            entry("iteration_id", "S6", "S6", before_iteration_id="0", after_iteration_id="77"),
        ),
        change(
            2,
            "1",
            "01 10:00:00",
            entry("iteration_id", "S7", 0, before_iteration_id="77", after_iteration_id=0),
        ),
        change(
            3,
            "1",
            "01 11:00:00",
            entry("iteration_id", 0, "S8", before_iteration_id=0, after_iteration_id=""),
        ),
    )
    assert way(fact, "iteration") == [(0, "76"), (1, "77"), (2, ""), (3, "78")]
    assert fact["findings"] == []


def test_all_parents_that_a_story_ever_had_are_named() -> None:
    fact = only(
        "stories",
        story("1", parent_id="9"),
        change(1, "1", "01 09:00:00", entry("parent_id", "0", "7")),
        change(2, "1", "01 10:00:00", entry("parent_id", "8", "9")),
        change(3, "1", "01 08:00:00", entry("parent_id", "", "6"), change_type="create_story"),
    )
    assert fact["parents"] == ["6", "7", "8", "9"]
    # Whatever its parents, they are no part of its history.
    assert (fact["segments"]["start"], fact["findings"]) == ([T0], [])


def test_a_deleted_story_ends_at_its_removal_and_a_restored_one_does_not() -> None:
    changed = change(1, "1", "01 10:00:00", entry("status", "planning", "resolved"))
    row = story("1", status="resolved", modified="2026-03-01 10:00:00")
    fact = only("stories", row, changed, removed("1", "03 08:00:00"))
    assert (fact["removed_at"], fact["removed_why"]) == (T0 + 48 * HOUR, "deleted")
    assert way(fact, "status") == [(0, "planning"), (2, "resolved")]
    back = story("1", status="resolved", modified="2026-03-03 08:00:01")
    assert only("stories", back, changed, removed("1", "03 08:00:00"))["removed_at"] is None


def test_a_story_removed_before_the_first_look_is_told_by_its_changes() -> None:
    fact = only(
        "stories",
        removed("1", "03 08:00:00"),
        change(
            *(1, "1", "01 08:00:00"),
            *(entry("module", "", "ui"), entry("parent_id", "", "7"), entry("priority", "", "2")),
            change_type="create_story",
        ),
        change(2, "1", "01 09:00:00", entry("status", "planning", "developing")),
    )
    assert (fact["title"], fact["created"], fact["removed_at"]) == ("story 1", T0, T0 + 48 * HOUR)
    assert fact["segments"] == {
        "start": [T0, T0 + HOUR],
        "workspace": ["991", "991"],
        "status": ["planning", "developing"],
        "iteration": ["", ""],
        "priority": ["Low", "Low"],
        "module": ["ui", "ui"],
        "type": ["", ""],
        "label": ["", ""],
    }
    assert fact["parents"] == ["7"]


def test_changes_of_a_story_nobody_knows_make_no_fact() -> None:
    assert derived("stories", change(1, "1", "01 09:00:00", entry("status", "a", "b"))) == Derived()


def test_a_task_knows_its_story_and_its_three_states() -> None:
    fact = only(
        "tasks",
        task("5", status="done", story_id="2", priority="4", label="y|x"),
        change(1, "5", "01 09:00:00", entry("status", "open", "progressing"), kind="task"),
        change(
            *(2, "5", "01 10:00:00"),
            *(entry("status", "progressing", "done"), entry("story_id", "0", "2"), entry("flows", "a", None)),
            kind="task",
        ),
    )
    assert {name: value for name, value in fact.items() if name != "segments"} == {
        "_id": "tapd:991:5",
        "instance": "tapd",
        "id": "5",
        "title": "task 5",
        "created": T0,
        "removed_at": None,
        "removed_why": None,
        "due": None,
        "findings": [],
        "parallel_steps": 0,
        "story": "2",
    }
    assert fact["segments"] == {
        "start": [T0, T0 + HOUR, T0 + 2 * HOUR],
        "workspace": ["991", "991", "991"],
        "status": ["open", "progressing", "done"],
        "iteration": ["", "", ""],
        "priority": ["High", "High", "High"],
        "label": ["x|y", "x|y", "x|y"],
    }
    gone = only(
        "tasks",
        removed("5", "03 08:00:00", kind="task"),
        change(1, "5", "01 09:00:00", entry("story_id", "2", "3"), kind="task"),
    )
    assert (gone["story"], gone["removed_at"]) == ("3", T0 + 48 * HOUR)
    assert only("tasks", removed("5", "03 08:00:00", kind="task"))["story"] == ""


def test_the_order_of_the_records_does_not_matter() -> None:
    records = [
        story("1", status="resolved"),
        story("2", parent_id="1"),
        change(1, "1", "01 09:00:00", entry("status", "planning", "developing")),
        change(2, "1", "01 09:00:00", entry("status", "developing", "resolved")),
        change(3, "2", "01 10:00:00", entry("parent_id", "5", "1")),
        removed("2", "03 08:00:00"),
    ]

    def told() -> dict[str, object]:
        return {fact["id"]: fact for fact in derived("stories", *records).facts}

    assert sorted(expected := told()) == ["1", "2"]
    for seed in range(20):
        random.Random(seed).shuffle(records)
        assert told() == expected
