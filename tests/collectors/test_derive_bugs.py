"""Histories of bugs from raw records: segments worked out by hand."""

from __future__ import annotations

from tests.collectors.bug_records import HOUR, T0, change, iteration, only, row, way


def test_a_bug_without_changes_has_held_its_values_since_it_was_created() -> None:
    assert only(row("1", due="2026-03-20")) == {
        "_id": "tapd:991:1",
        "instance": "tapd",
        "id": "1",
        "title": "bug 1",
        "created": 1772323200,
        "removed_at": None,
        "removed_why": None,
        "due": "2026-03-20",
        "findings": [],
        "parallel_steps": 0,
        "segments": {
            "start": [1772323200],
            "workspace": ["991"],
            "status": ["new"],
            "version_report": ["1.0"],
            "version_fix": [""],
            "iteration": [""],
            "severity": ["normal"],
            "priority": ["medium"],
            "module": [""],
            "label": [""],
        },
        "histories": {},
        "stories": [],
    }


def test_the_first_status_is_the_old_value_of_the_earliest_change() -> None:
    fact = only(
        row("1", status="closed"),
        change(2, "1", "02 08:00:00", "status", "resolved", "closed"),
        change(1, "1", "01 10:00:00", "status", "new", "resolved"),
    )
    assert way(fact, "status") == [(0, "new"), (2, "resolved"), (24, "closed")]
    assert fact["findings"] == []


def test_each_field_has_its_own_chain_and_one_second_is_one_segment() -> None:
    fact = only(
        row("1", status="resolved", severity="fatal", module="ui", version_fix="1.1"),
        change(1, "1", "01 09:00:00", "severity", "normal", "fatal"),
        change(2, "1", "01 10:00:00", "status", "new", "resolved"),
        change(3, "1", "01 10:00:00", "version_fix", "", "1.1"),
        change(4, "1", "01 10:00:00", "current_owner", "a;", "b;"),
        change(5, "1", "01 11:00:00", "module", "--", "ui"),
    )
    assert fact["segments"]["start"] == [T0, T0 + HOUR, T0 + 2 * HOUR, T0 + 3 * HOUR]
    assert fact["segments"]["status"] == ["new", "new", "resolved", "resolved"]
    assert fact["segments"]["severity"] == ["normal", "fatal", "fatal", "fatal"]
    assert fact["segments"]["version_fix"] == ["", "", "1.1", "1.1"]
    assert fact["segments"]["module"] == ["", "", "", "ui"]
    assert fact["findings"] == []


def test_several_changes_of_one_field_in_one_second_are_one() -> None:
    fact = only(
        row("1", status="closed"),
        change(3, "1", "01 09:00:00", "status", "resolved", "closed"),
        change(1, "1", "01 09:00:00", "status", "new", "in_progress"),
        change(2, "1", "01 09:00:00", "status", "in_progress", "resolved"),
    )
    assert way(fact, "status") == [(0, "new"), (1, "closed")]
    assert fact["findings"] == []


def test_ids_of_different_lengths_sort_as_numbers() -> None:
    first = change(1, "1", "01 09:00:00", "status", "new", "resolved")
    first["data"]["id"] = "999"
    second = change(2, "1", "01 09:00:00", "status", "resolved", "new")
    second["data"]["id"] = "1000"
    assert way(only(row("1"), second, first), "status") == [(0, "new")]


def test_a_broken_chain_is_repaired_at_the_later_change_and_listed() -> None:
    fact = only(
        row("1", status="closed"),
        change(1, "1", "01 10:00:00", "status", "new", "in_progress"),
        change(2, "1", "01 12:00:00", "status", "resolved", "closed"),
    )
    assert way(fact, "status") == [(0, "new"), (2, "in_progress"), (4, "closed")]
    assert fact["findings"] == ["broken_chain:status"]


def test_a_broken_end_is_repaired_at_the_last_modification_and_listed() -> None:
    fact = only(
        row("1", status="closed", modified="2026-03-01 13:00:00"),
        change(1, "1", "01 10:00:00", "status", "new", "resolved"),
    )
    assert way(fact, "status") == [(0, "new"), (2, "resolved"), (5, "closed")]
    assert fact["findings"] == ["repaired_end:status"]


def test_a_row_that_is_older_than_the_last_change_has_nothing_to_repair() -> None:
    fact = only(
        row("1", status="new", modified="2026-03-01 09:00:00"),
        change(1, "1", "01 10:00:00", "status", "new", "resolved"),
    )
    assert way(fact, "status") == [(0, "new"), (2, "resolved")]
    assert fact["findings"] == []


def test_every_spelling_of_nothing_is_the_same() -> None:
    fact = only(
        row("1", iteration_id=0, module="--", version_fix=None),
        change(1, "1", "01 09:00:00", "module", None, ""),
        change(2, "1", "01 09:00:00", "version_fix", "--", ""),
        change(3, "1", "01 09:00:00", "iteration_id", "0", "--"),
    )
    assert fact["segments"]["start"] == [T0]
    assert fact["findings"] == []


def test_iterations_are_names_in_the_feed_and_an_id_in_the_row() -> None:
    fact = only(
        row("1", iteration_id="77"),
        change(1, "1", "01 09:00:00", "iteration_id", "--", "Sprint 1"),
        change(2, "1", "01 10:00:00", "iteration_id", "Sprint 1", "Sprint 2"),
    )
    assert way(fact, "iteration") == [(0, ""), (1, "Sprint 1"), (2, "77")]
    assert fact["findings"] == []


def test_names_of_iterations_that_are_known_become_their_ids() -> None:
    fact = only(
        row("1", iteration_id="77"),
        iteration("78", "Sprint 2"),
        iteration("77", "Sprint One", "Sprint 1"),
        change(1, "1", "01 09:00:00", "iteration_id", "--", "Sprint 2"),
        change(2, "1", "01 10:00:00", "iteration_id", "Sprint 2", "Sprint 9"),
        change(3, "1", "01 11:00:00", "iteration_id", "Sprint 9", "Sprint 1"),
    )
    assert way(fact, "iteration") == [(0, ""), (1, "78"), (2, "Sprint 9"), (3, "77")]
    assert fact["findings"] == []


def test_the_name_of_another_iteration_than_the_rows_is_a_broken_end() -> None:
    fact = only(
        row("1", iteration_id="77", modified="2026-03-01 12:00:00"),
        iteration("77", "Sprint 1"),
        iteration("78", "Sprint 2"),
        change(1, "1", "01 09:00:00", "iteration_id", "--", "Sprint 2"),
    )
    assert way(fact, "iteration") == [(0, ""), (1, "78"), (4, "77")]
    assert fact["findings"] == ["repaired_end:iteration"]


def test_a_last_name_that_no_iteration_has_is_the_rows() -> None:
    fact = only(
        row("1", iteration_id="77"),
        iteration("77", "Sprint One"),
        iteration("78", "Sprint 2"),
        change(1, "1", "01 09:00:00", "iteration_id", "Sprint 2", "Sprint 1"),
    )
    assert way(fact, "iteration") == [(0, "78"), (1, "77")]
    assert fact["findings"] == []


def test_a_chain_that_breaks_between_two_known_iterations_is_broken() -> None:
    fact = only(
        row("1", iteration_id="77"),
        iteration("77", "Sprint 1"),
        iteration("78", "Sprint 2"),
        change(1, "1", "01 09:00:00", "iteration_id", "--", "Sprint 2"),
        change(2, "1", "01 10:00:00", "iteration_id", "Sprint 1", "--"),
        change(3, "1", "01 11:00:00", "iteration_id", "--", "Sprint 1"),
    )
    assert way(fact, "iteration") == [(0, ""), (1, "78"), (2, ""), (3, "77")]
    assert fact["findings"] == ["broken_chain:iteration"]


def test_two_iterations_of_one_name_are_no_break_and_the_row_knows_which_it_is() -> None:
    fact = only(
        row("1", iteration_id="78"),
        iteration("77", "Sprint 1"),
        iteration("78", "Sprint 1"),
        change(1, "1", "01 09:00:00", "iteration_id", "--", "Sprint 1"),
    )
    assert way(fact, "iteration") == [(0, ""), (1, "78")]
    assert fact["findings"] == []


def test_a_present_name_goes_before_a_former_one_and_stays_in_its_workspace() -> None:
    fact = only(
        row("1", iteration_id="0"),
        iteration("76", "Sprint 0", "Sprint 1"),
        iteration("77", "Sprint 1"),
        iteration("99", "Sprint 2", scope="992"),
        change(1, "1", "01 09:00:00", "iteration_id", "Sprint 1", "Sprint 2"),
        change(2, "1", "01 10:00:00", "iteration_id", "Sprint 2", "--"),
    )
    assert way(fact, "iteration") == [(0, "77"), (1, "Sprint 2"), (2, "")]


def test_an_iteration_that_was_renamed_is_no_broken_chain() -> None:
    fact = only(
        row("1", iteration_id="77"),
        change(1, "1", "01 09:00:00", "iteration_id", "--", "Sprint 1"),
        change(2, "1", "01 10:00:00", "iteration_id", "Sprint One", "Sprint 2"),
    )
    assert way(fact, "iteration") == [(0, ""), (1, "Sprint 1"), (2, "77")]
    assert fact["findings"] == ["renamed:iteration"]


def test_an_iteration_taken_away_without_a_change_is_repaired() -> None:
    fact = only(
        row("1", iteration_id="0", modified="2026-03-01 11:00:00"),
        change(1, "1", "01 09:00:00", "iteration_id", "--", "Sprint 1"),
    )
    assert way(fact, "iteration") == [(0, ""), (1, "Sprint 1"), (3, "")]
    assert fact["findings"] == ["repaired_end:iteration"]


def test_steps_of_a_parallel_workflow_are_skipped_and_counted() -> None:
    fact = only(
        row("1", status="resolved"),
        change(1, "1", "01 09:00:00", "status", "", "3"),
        change(2, "1", "01 09:30:00", "status", "3", ""),
        change(3, "1", "01 10:00:00", "status", "new", "resolved"),
        change(4, "1", "01 11:00:00", "status", "resolved", "closed", is_step_change="1"),
        change(5, "1", "01 12:00:00", "status", "a", "b", field_changes=[{"is_step_change": 1}]),
        change(6, "1", "01 12:00:00", "severity", "normal", "normal", is_step_change="0"),
        change(7, "1", "01 13:00:00", "current_owner", "a;", "b;", is_step_change="1"),
    )
    assert way(fact, "status") == [(0, "new"), (2, "resolved")]
    # Four rows: what is not counted by anything is no step that was left out.
    assert (fact["findings"], fact["parallel_steps"]) == (["parallel_step"], 4)


def test_rows_of_the_creation_are_not_the_first_change() -> None:
    fact = only(
        row("1", status="resolved"),
        change(1, "1", "01 08:00:00", "status", "", "new", change_type="create_bug"),
        change(2, "1", "01 09:00:00", "status", "new", "resolved"),
    )
    assert way(fact, "status") == [(0, "new"), (1, "resolved")]
    assert fact["findings"] == []


def test_changes_before_the_creation_count_as_at_the_creation() -> None:
    fact = only(
        row("1", status="closed"),
        change(1, "1", "01 07:00:00", "status", "new", "resolved"),
        change(2, "1", "01 09:00:00", "status", "resolved", "closed"),
    )
    assert way(fact, "status") == [(0, "resolved"), (1, "closed")]
    assert fact["findings"] == ["change_before_created:status"]


def test_the_priority_is_the_workspaces_own_word_where_there_is_one() -> None:
    changed = [
        change(1, "1", "01 09:00:00", "priority", "medium", "high"),
        change(2, "1", "01 09:00:00", "priority_label", "中", "高"),
    ]
    labelled = row("1", priority="high", priority_label="高")
    assert way(only(labelled, *changed), "priority") == [(0, "中"), (1, "高")]
    assert way(only(labelled), "priority") == [(0, "高")]
    assert way(only(row("1", priority="high"), changed[0]), "priority") == [(0, "medium"), (1, "high")]


def test_codes_of_a_priority_become_the_word_that_the_row_has_for_them() -> None:
    fact = only(
        row("1", priority="high", priority_label="高"),
        change(1, "1", "01 09:00:00", "priority", "medium", "high"),
        change(2, "1", "01 10:00:00", "priority", "high", "medium"),
        change(3, "1", "01 11:00:00", "priority", "medium", "high"),
    )
    assert way(fact, "priority") == [(0, "medium"), (1, "高"), (2, "medium"), (3, "高")]
    assert fact["findings"] == []


def test_labels_are_sorted_and_empty_parts_of_them_are_nothing() -> None:
    fact = only(
        row("1", label="重点关注|阻塞|"),
        change(1, "1", "01 09:00:00", "label", "--", "阻塞"),
        change(2, "1", "01 10:00:00", "label", "阻塞", "|阻塞|重点关注|阻塞"),
        change(3, "1", "01 11:00:00", "label", "重点关注|阻塞", "阻塞|重点关注"),
    )
    assert way(fact, "label") == [(0, ""), (1, "阻塞"), (2, "重点关注|阻塞")]
    assert fact["findings"] == []
