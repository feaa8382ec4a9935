"""What webhooks told of items, with and without what polling brought: worked out by hand."""

from __future__ import annotations

import random

from tests.collectors.item_records import (
    BEFORE,
    CREATED,
    HOUR,
    T0,
    born,
    change,
    entry,
    iteration,
    moved,
    only,
    step,
    story,
    told,
    updated,
    way,
)


def test_an_item_nobody_polled_yet_is_told_by_webhooks_alone() -> None:
    expected = {
        "_id": "tapd:991:1",
        "instance": "tapd",
        "id": "1",
        "title": "story 1",
        "created": T0,
        "removed_at": None,
        "removed_why": None,
        "due": "2026-03-20",
        "findings": [],
        "parallel_steps": 0,
        "parents": ["7"],
        "completed": None,
        "segments": {
            "start": [T0],
            "workspace": ["991"],
            "status": ["planning"],
            "iteration": ["77"],
            "priority": ["Middle"],
            "module": [""],
            "type": ["50"],
            "label": ["a|b"],
        },
        "histories": {},
    }
    values = {
        "priority": "Middle",
        "parent_id": "7",
        "due": "2026-03-20",
        "label": "b|a",
        "iteration_id": "77",
    }
    assert only("stories", born(**values)) == expected
    # An update tells when the item was created, and all its fields.
    whole = updated("story", "1", "01 09:00:00", old=BEFORE | values, new={"owner": "b;"})
    assert only("stories", whole) == expected | {"histories": {"owner": {"at": [T0], "value": ["b"]}}}


def test_create_update_and_delete_in_any_order_are_one_life() -> None:
    records = [
        born(),
        moved(2, "01 09:00:00", "planning", "developing"),
        moved(3, "01 10:00:00", "developing", "resolved", event="status_change"),
        told("story", "delete", "1", "02 08:00:00", 4),
    ]
    expected = only("stories", *records)
    assert way(expected, "status") == [(0, "planning"), (1, "developing"), (2, "resolved")]
    assert (expected["removed_at"], expected["removed_why"]) == (T0 + 24 * HOUR, "deleted")
    assert expected["findings"] == []
    for seed in range(20):
        random.Random(seed).shuffle(records)
        assert only("stories", *records) == expected


def test_a_delivery_that_comes_twice_changes_nothing() -> None:
    first, second = (
        moved(2, "01 09:00:00", "planning", "developing"),
        moved(3, "01 10:00:00", "developing", "planning"),
    )
    again = [(name, record | {"_id": record["_id"] + "again"}) for name, record in (first, second)]
    expected = only("stories", born(), first, second)
    assert way(expected, "status") == [(0, "planning"), (1, "developing"), (2, "planning")]
    assert only("stories", born(), first, *again, second) == expected


def test_a_row_that_is_newer_than_an_old_delivery_stays() -> None:
    row = story("1", status="resolved", modified="2026-03-01 12:00:00", due="2026-03-20")
    feed = [
        step(1, "01 09:00:00", "planning", "developing"),
        step(2, "01 12:00:00", "developing", "resolved"),
    ]
    expected = only("stories", row, *feed)
    late = moved(2, "01 09:00:00", "planning", "developing", due="2026-03-10")
    assert only("stories", row, *feed, late) == expected
    # Nor does what was told last when it has the feed's last change, whose clock is a second behind.
    last = moved(3, "01 12:00:01", "developing", "resolved", due="2026-03-20")
    assert only("stories", row, *feed, last) == expected


def test_a_delivery_that_is_newer_than_the_row_counts_until_the_feed_has_it() -> None:
    row = story("1", status="developing", modified="2026-03-01 09:00:00")
    feed = step(1, "01 09:00:00", "planning", "developing")
    newer = moved(2, "01 11:00:00", "developing", "resolved", due="2026-03-30")
    fact = only("stories", row, feed, newer)
    assert way(fact, "status") == [(0, "planning"), (1, "developing"), (3, "resolved")]
    assert (fact["due"], fact["findings"]) == ("2026-03-30", [])
    arrived = only("stories", row, feed, newer, step(2, "01 11:00:00", "developing", "resolved"))
    assert arrived == fact


def test_a_poll_before_its_feed_and_after_a_delivery_says_what_holds_now() -> None:
    polled = story("1", status="resolved", modified="2026-03-01 12:00:00")
    fact = only("stories", polled, born(), moved(2, "01 09:00:00", "planning", "developing"))
    assert way(fact, "status") == [(0, "planning"), (1, "developing"), (4, "resolved")]
    assert fact["findings"] == ["repaired_end:status"]


def test_a_missed_delivery_is_a_broken_chain_until_the_feed_arrives() -> None:
    deliveries = [
        born(),
        moved(2, "01 09:00:00", "planning", "developing"),
        moved(4, "01 11:00:00", "testing", "resolved"),
    ]
    fact = only("stories", *deliveries)
    assert way(fact, "status") == [(0, "planning"), (1, "developing"), (3, "resolved")]
    assert fact["findings"] == ["broken_chain:status"]
    feed = [
        step(1, "01 09:00:00", "planning", "developing"),
        step(2, "01 10:00:00", "developing", "testing"),
        step(3, "01 11:00:00", "testing", "resolved"),
    ]
    # As far as the feed has come it is right alone.
    for known in (feed[:2], feed):
        fact = only("stories", *deliveries, *known)
        assert way(fact, "status") == [(0, "planning"), (1, "developing"), (2, "testing"), (3, "resolved")]
        assert fact["findings"] == []


def test_the_feed_is_known_until_its_last_row_whatever_changed_there() -> None:
    row = story("1", status="planning", modified="2026-03-01 11:00:00")
    other = change(1, "1", "01 11:00:00", entry("owner", "", "a;"))
    strange = moved(2, "01 10:00:00", "planning", "developing")
    assert way(only("stories", row, other, strange), "status") == [(0, "planning")]


def test_changes_of_one_second_are_in_the_order_in_which_tapd_numbered_them() -> None:
    fact = only(
        "stories",
        born(),
        moved(10, "01 09:00:00", "developing", "resolved"),
        moved(9, "01 09:00:00", "planning", "developing"),
    )
    assert way(fact, "status") == [(0, "planning"), (1, "resolved")]
    # An item is created before it is changed, whatever the numbers say.
    early = updated("story", "1", CREATED[8:], 1, old=BEFORE | {"module": ""}, new={"module": "ui"})
    assert way(only("stories", born(event_id="2"), early), "module") == [(0, "ui")]


def test_of_one_second_the_row_counts_more_than_a_delivery() -> None:
    row = story("1", status="resolved", modified="2026-03-01 09:00:00")
    fact = only("stories", row, moved(2, "01 09:00:00", "planning", "developing"))
    assert way(fact, "status") == [(0, "planning"), (1, "resolved")]


def test_fields_that_a_delivery_does_not_name_stay_as_they_were() -> None:
    row = story("1", module="ui", label="x", due="2026-03-20", modified="2026-03-01 09:00:00")
    short = told("story", "status_change", "1", "01 10:00:00", old_status="planning", new_status="resolved")
    fact = only("stories", row, short)
    assert way(fact, "status") == [(0, "planning"), (2, "resolved")]
    assert (way(fact, "module"), way(fact, "label"), fact["due"]) == ([(0, "ui")], [(0, "x")], "2026-03-20")
    # One that names no field at all, or only the new one, is no harm either.
    bare = told("story", "status_change", "1", "01 11:00:00")
    assert only("stories", row, short, bare) == fact
    lone = told("story", "status_change", "1", "01 11:00:00", new_status="closed")
    assert way(only("stories", row, short, lone), "status") == [
        (0, "planning"),
        (2, "resolved"),
        (3, "closed"),
    ]


def test_the_own_word_for_a_priority_stays_until_it_is_another() -> None:
    row = story("1", priority="4", priority_label="紧急", modified="2026-03-01 09:00:00")
    for same in ("4", "High", "紧急"):
        title = updated("story", "1", "01 10:00:00", old=BEFORE | {"priority": same}, new={"name": "new"})
        fact = only("stories", row, title)
        assert (way(fact, "priority"), fact["title"]) == ([(0, "紧急")], "new")
    lowered = updated("story", "1", "01 10:00:00", old=BEFORE | {"priority": "4"}, new={"priority": "Low"})
    assert way(only("stories", row, lowered), "priority") == [(0, "High"), (2, "Low")]


def test_an_iteration_has_its_id_in_deliveries_and_its_name_in_the_feed() -> None:
    known = [iteration("77", "S7"), iteration("78", "S8")]
    row = story("1", iteration_id="77", modified="2026-03-01 09:00:00")
    feed = change(1, "1", "01 09:00:00", entry("iteration_id", 0, "S7"))
    replanned = updated(
        "story", "1", "01 10:00:00", old=BEFORE | {"iteration_id": "77"}, new={"iteration_id": "78"}
    )
    fact = only("stories", *known, row, feed, replanned)
    assert way(fact, "iteration") == [(0, ""), (1, "77"), (2, "78")]
    assert fact["findings"] == []


def test_a_parent_that_only_a_delivery_named_is_a_parent() -> None:
    grown = updated("story", "1", "01 10:00:00", old=BEFORE | {"parent_id": "6"}, new={"parent_id": "7"})
    assert only("stories", grown)["parents"] == ["6", "7"]


def test_steps_of_a_parallel_workflow_are_left_to_the_feed_to_count() -> None:
    fact = only("stories", born(), moved(2, "01 09:00:00", "planning", "3"), moved(3, "01 10:00:00", "3", ""))
    assert (way(fact, "status"), fact["parallel_steps"]) == ([(0, "planning")], 0)
