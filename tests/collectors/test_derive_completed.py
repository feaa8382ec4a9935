"""A story's own time of completion is kept where its changes cannot know better."""

from __future__ import annotations

from typing import Any

import pytest

from tests.collectors.item_records import HOUR, T0, change, entry, only, removed, story, task


@pytest.mark.parametrize(
    ("completed", "records", "kept"),
    [
        ("2026-03-01 10:00:00", [], True),
        # Of another field, or of the status but later.
        ("2026-03-01 10:00:00", [change(1, "1", "01 09:00:00", entry("module", "ui", ""))], True),
        ("2026-03-01 10:00:00", [change(1, "1", "01 10:01:01", entry("status", "a", "resolved"))], True),
        ("2026-03-01 10:00:00", [change(1, "1", "01 10:01:00", entry("status", "a", "resolved"))], False),
        ("2026-03-01 10:00:00", [change(1, "1", "01 07:00:00", entry("status", "a", "resolved"))], False),
        # What changes nothing tells nothing.
        (
            "2026-03-01 10:00:00",
            [change(1, "1", "01 09:00:00", entry("status", "resolved", "resolved"))],
            True,
        ),
        ("2026-03-01 08:00:00", [], False),
        ("2026-02-01 08:00:00", [], False),
        ("soon", [], False),
        (None, [], False),
        ("2026-03-01 10:00:00", [removed("1", "01 10:00:01")], True),
        ("2026-03-01 10:00:00", [removed("1", "01 10:00:00")], False),
    ],
)
def test_the_storys_own_completion_is_kept_where_no_change_can_tell_it(
    completed: str | None, records: list[Any], kept: bool
) -> None:
    row = story("1", status="resolved", completed=completed, modified="2026-03-01 09:30:00")
    fact = only("stories", row, *records)
    assert fact["completed"] == (T0 + 2 * HOUR if kept else None)
    assert ("completed_without_change" in fact["findings"]) == kept


def test_only_stories_tell_when_they_were_completed() -> None:
    done = task("1", status="done", completed="2026-03-01 10:00:00")
    assert "completed" not in only("tasks", done)
