"""What webhooks told of deletions, what of theirs cannot be read, and bugs that moved: worked out by hand."""

from __future__ import annotations

from collectors.derivation import Derived
from tests.collectors.item_records import (
    BEFORE,
    CREATED,
    HOUR,
    T0,
    born,
    derived,
    moved,
    only,
    removed,
    stored,
    story,
    told,
    updated,
    way,
)


def test_a_deletion_is_undone_by_a_later_change_and_done_again_by_a_later_one() -> None:
    row = story("1", modified="2026-03-01 09:00:00")
    gone = told("story", "delete", "1", "01 10:00:00", 2)
    assert only("stories", row, gone)["removed_at"] == T0 + 2 * HOUR
    # The list of removed items knows better, unless that was before.
    listed = removed("1", "01 09:59:58")
    assert only("stories", row, gone, listed)["removed_at"] == T0 + 2 * HOUR - 2
    back = updated("story", "1", "01 11:00:00", 3, old=BEFORE)
    assert only("stories", row, gone, listed, back)["removed_at"] is None
    again = told("story", "delete", "1", "01 12:00:00", 4)
    for records in ([gone, again], [again, gone]):
        assert only("stories", row, listed, back, *records)["removed_at"] == T0 + 4 * HOUR


def test_a_deletion_alone_makes_no_fact_and_waits_for_who_was_deleted() -> None:
    gone = told("story", "delete", "1", "01 10:00:00")
    assert derived("stories", gone) == Derived()
    assert only("stories", gone, born())["removed_at"] == T0 + 2 * HOUR
    late = derived("stories", gone, removed("1", "01 10:00:00")).facts
    assert [(fact["title"], fact["removed_at"]) for fact in late] == [("story 1", T0 + 2 * HOUR)]


def test_a_delivery_that_cannot_be_read_is_rejected_and_spoils_nothing() -> None:
    good = [born(), moved(2, "01 09:00:00", "planning", "developing")]
    bad = [
        told("story", "create", "1", "soon", 3, name="x"),
        told("story", "create", "1", "", 4, name="x"),
        told("story", "delete", "1", "", 5),
        updated("story", "1", "01 10:00:00", 6, old=BEFORE | {"created": "once"}, new={"status": "resolved"}),
        updated("story", "1", "99 10:00:00", 7, new={"status": "resolved"}),
        told("story", "update", "1", "", 8, old_name="x"),
        told("story", "update", "1", "01 10:00:00", 9, old_created=5, new_name="x"),
    ]
    found = derived("stories", *good, *bad)
    assert found.facts == derived("stories", *good).facts
    assert [one.record["data"]["event_id"] for one in found.rejected] == ["3", "4", "5", "6", "7", "8", "9"]
    assert {one.collection for one in found.rejected} == {"raw_tapd_story_hook"}
    alone = derived("stories", bad[0])
    assert (alone.facts, len(alone.rejected)) == ([], 1)


def test_a_bug_that_moved_is_one_item_though_a_webhook_called_it_deleted() -> None:
    bug = {"created": CREATED, "status": "new", "severity": "fatal"}
    deleted = told("bug", "delete", "11111111", "02 08:00:00", 2)
    row = stored("raw_tapd_bug", "11111111", {"id": "11111111", "title": "b", "modified": CREATED} | bug)
    assert only("bugs", row, deleted)["removed_why"] == "deleted"
    listed = stored(
        "raw_tapd_removed_bug",
        "11111111",
        {"id": "11111111", "created": CREATED, "modified": "2026-03-02 08:00:00", "type": "move"}
        | {"new_bug_url": "https://www.tapd.cn/992/bugtrace/bugs/view?bug_id=21111111"},
    )
    listed[1]["target"] = "21111111"
    there = {f"old_{name}": value for name, value in bug.items()} | {"old_title": "b"}
    closed = told(
        "bug",
        "update",
        "21111111",
        "03 08:00:00",
        3,
        new_status="closed",
        new_modified="2026-03-03 08:00:00",
        **there,
    )
    closed[1].update(scope="992", _id="tapd:992:d3")
    found = derived("bugs", row, deleted, listed, closed)
    assert found.gone == {"tapd:992:21111111"}
    assert [(fact["_id"], fact["id"], fact["removed_at"]) for fact in found.facts] == [
        ("tapd:991:11111111", "21111111", None)
    ]
    assert way(found.facts[0], "workspace") == [(0, "991"), (24, "992")]
    assert way(found.facts[0], "status") == [(0, "new"), (48, "closed")]


def test_a_task_of_a_webhook_knows_its_story() -> None:
    born = told(
        *("task", "create", "5", "01  08:00:00"),
        name="task 5",
        status="open",
        story_id="2",
        iteration_id="77",
        label="",
    )
    fact = only("tasks", born)
    assert (fact["story"], fact["created"], way(fact, "iteration")) == ("2", T0, [(0, "77")])
    given = updated(
        "task", "5", "01 09:00:00", 2, old={"story_id": "2", "status": "open"}, new={"story_id": "3"}
    )
    assert only("tasks", born, given)["story"] == "3"
