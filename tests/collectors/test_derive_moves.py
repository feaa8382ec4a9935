"""Bugs that were removed, restored or moved, and records nobody understands: worked out by hand."""

from __future__ import annotations

import random
from typing import Any

from collectors.derivation import Derived
from collectors.derive.bugs import DERIVATION
from tests.collectors.bug_records import HOUR, T0, change, derived, gone, only, row, way


def test_a_deleted_bug_ends_at_its_removal_and_keeps_its_history() -> None:
    fact = only(
        row("1", status="resolved", modified="2026-03-01 10:00:00"),
        change(1, "1", "01 10:00:00", "status", "new", "resolved"),
        change(2, "1", "03 08:00:00", "delete_bug", "--", "--", memo="delete bug"),
        gone("1", "03 08:00:00"),
    )
    assert (fact["removed_at"], fact["removed_why"]) == (T0 + 48 * HOUR, "deleted")
    assert way(fact, "status") == [(0, "new"), (2, "resolved")]


def test_without_a_removal_row_the_change_row_tells_when_it_was_deleted() -> None:
    fact = only(
        row("1", modified="2026-03-01 10:00:00"), change(1, "1", "02 08:00:00", "delete_bug", "--", "--")
    )
    assert (fact["removed_at"], fact["removed_why"]) == (T0 + 24 * HOUR, "deleted")


def test_a_restored_bug_is_not_removed() -> None:
    fact = only(row("1", modified="2026-03-03 08:00:01"), gone("1", "03 08:00:00"))
    assert fact["removed_at"] is None
    assert (
        only(row("1", modified="2026-03-03 08:00:00"), gone("1", "03 08:00:00"))["removed_why"] == "deleted"
    )


def test_a_bug_removed_before_the_first_look_is_told_by_its_changes() -> None:
    fact = only(
        gone("1", "03 08:00:00", "merge", to="1120000000000000001"),
        change(1, "1", "01 09:00:00", "status", "new", "resolved"),
        change(2, "1", "01 10:00:00", "severity", "serious", "fatal"),
    )
    assert (fact["id"], fact["title"], fact["created"]) == ("1", "bug 1", T0)
    assert (fact["removed_at"], fact["removed_why"]) == (T0 + 48 * HOUR, "merged")
    assert way(fact, "status") == [(0, "new"), (1, "resolved"), (2, "resolved")]
    assert way(fact, "severity") == [(0, "serious"), (1, "serious"), (2, "fatal")]
    assert way(fact, "version_report") == [(0, ""), (1, ""), (2, "")]
    # Never changed: nothing is known of its status.
    assert way(only(gone("2", "03 08:00:00")), "status") == [(0, "")]


def test_a_move_to_a_workspace_that_is_not_collected_is_a_removal() -> None:
    fact = only(row("1", modified="2026-03-02 07:00:00"), gone("1", "02 08:00:00", "move", to="777777777777"))
    assert (fact["removed_at"], fact["removed_why"]) == (T0 + 24 * HOUR, "moved")


def moved() -> list[dict[str, Any]]:
    """Bug 1 is resolved, then moves at +24 h to workspace 992 as bug 21000001, where it is closed."""
    return [
        gone("1", "02 08:00:00", "move", to="21000001"),
        change(1, "1", "01 09:00:00", "status", "new", "resolved"),
        row("21000001", "992", status="closed", modified="2026-03-03 08:00:00", severity="fatal"),
        # The history that came along, under new ids, and what happened there.
        change(12, "21000001", "01 09:00:00", "status", "new", "resolved"),
        change(13, "21000001", "03 08:00:00", "status", "reopened", "closed"),
    ]


def test_a_bug_that_moved_is_one_item_with_its_first_id() -> None:
    found = derived(*moved())
    assert len(found.facts) == 1
    fact = found.facts[0]
    assert (fact["_id"], fact["id"], fact["created"]) == ("tapd:991:1", "21000001", T0)
    assert fact["removed_at"] is None
    assert found.gone == {"tapd:992:21000001"}
    assert way(fact, "workspace") == [(0, "991"), (1, "991"), (24, "992"), (48, "992")]
    assert way(fact, "status") == [(0, "new"), (1, "resolved"), (24, "reopened"), (48, "closed")]
    # There is no row of the first leg: what it never changed came along with it.
    assert way(fact, "severity") == [(0, "fatal"), (1, "fatal"), (24, "fatal"), (48, "fatal")]
    assert fact["findings"] == []


def test_a_bug_that_moved_twice_and_was_deleted_there_is_one_item() -> None:
    fact = derived(
        row("1", modified="2026-03-01 20:00:00"),
        gone("1", "02 08:00:00", "move", to="21000001"),
        gone("21000001", "03 08:00:00", "move", to="31000001", scope="992"),
        gone("31000001", "04 08:00:00", scope="993"),
    ).facts[0]
    assert way(fact, "workspace") == [(0, "991"), (24, "992"), (48, "993")]
    assert way(fact, "status") == [(0, "new"), (24, "new"), (48, "new")]
    assert (fact["_id"], fact["id"], fact["removed_at"]) == ("tapd:991:1", "31000001", T0 + 72 * HOUR)


def test_parallel_steps_that_came_along_with_a_move_are_counted_once() -> None:
    fact = derived(
        *moved(),
        change(2, "1", "01 10:00:00", "status", "", "2"),
        # The copy of it, and one of its own.
        change(14, "21000001", "01 10:00:00", "status", "", "2"),
        change(15, "21000001", "02 09:00:00", "status", "", "3"),
    ).facts[0]
    assert (fact["parallel_steps"], fact["findings"]) == (2, ["parallel_step"])


def test_moves_in_a_ring_come_to_an_end() -> None:
    found = derived(
        gone("10000001", "02 08:00:00", "move", to="21000001"),
        gone("21000001", "03 08:00:00", "move", to="10000001", scope="992"),
    )
    assert len(found.facts) == 1


def test_all_that_belongs_to_a_moved_bug_is_loaded() -> None:
    keys = DERIVATION.wanted({"21000001"}, {"raw_tapd_removed_bug": [moved()[0]]})
    assert keys["raw_tapd_bug_change", "key"] == {"1", "21000001"}
    assert keys["raw_tapd_removed_bug", "target"] == {"1", "21000001"}


def test_changes_of_a_bug_nobody_knows_make_no_fact() -> None:
    assert derived(change(1, "1", "01 09:00:00", "status", "new", "resolved")) == Derived()


def test_the_order_of_the_records_does_not_matter() -> None:
    records = moved()
    expected = derived(*records).facts
    for seed in range(20):
        random.Random(seed).shuffle(records)
        assert derived(*records).facts == expected


def test_what_cannot_be_understood_is_rejected_and_the_others_go_on() -> None:
    found = derived(
        row("1", created="yesterday"),
        row("2"),
        row("3", modified=["list"]),
        row("4", created=None),
        change(1, "2", "xx", "status", "new", "closed"),
        row("5", due="soon"),
    )
    assert [fact["id"] for fact in found.facts] == ["2", "5"]
    assert sorted((one.collection, one.record["key"]) for one in found.rejected) == [
        ("raw_tapd_bug", "1"),
        ("raw_tapd_bug", "3"),
        ("raw_tapd_bug", "4"),
        ("raw_tapd_bug_change", "2"),
    ]
    assert found.facts[1]["findings"] == ["unreadable:due"]


def test_nothing_happens_after_the_removal() -> None:
    fact = only(
        row("1", status="new", modified="2026-03-01 09:00:00"),
        gone("1", "01 09:00:00"),
        change(1, "1", "01 08:30:00", "severity", "prompt", "normal"),
        change(2, "1", "01 09:00:00", "module", None, "x"),
        change(3, "1", "01 10:00:00", "module", "x", "y"),
    )
    assert way(fact, "severity") == [(0, "prompt"), (0.5, "normal")]
    assert way(fact, "module") == [(0, ""), (0.5, "")]
