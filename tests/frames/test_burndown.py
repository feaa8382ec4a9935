"""Burndowns worked out by hand, in items and in hours, from Monday to Friday noon."""

from __future__ import annotations

from typing import Any

from metrics_api.core.store import Document
from metrics_api.topics import BUGS, STORIES
from tests.frames.facts import CONFIG, answers, bug, context_of, ten
from tests.frames.sprints import DATES, dated, frame_of, sprint

BURNDOWN = "@tapd.version.burndown"
NEW, CLOSED = {"status": "new"}, {"status": "closed"}
V1, V2 = {"version_report": "v1"}, {"version_report": "v2"}


def hours(fact: Document, *remain: tuple[int, str]) -> Document:
    """The item with the hours left from ten o'clock on some days."""
    told = {"at": [ten(day) for day, _ in remain], "value": [value for _, value in remain]}
    return fact | {"histories": {"remain": told}}


def seven() -> list[Document]:
    """Bugs of two versions. Open in v1 on each day: 1 2 5 6 · 2 3 5 · 3 5 7 · 1 3 7 · 1 7."""
    return [
        # Closed with eight hours left, of which five are left when it is reopened.
        hours(bug("1", (0, NEW | V1), (1, CLOSED), (3, NEW)), (0, "8"), (1, "5")),
        hours(bug("2", (0, NEW | V1), (2, V2)), (0, "3")),
        # Comes without an estimate, gets one, and a lower one.
        hours(bug("3", (0, NEW | V2), (1, V1), (4, CLOSED)), (0, ""), (2, "6"), (3, "2.5")),
        # Closed at once.
        hours(bug("4", (2, CLOSED | V1)), (2, "1")),
        hours(bug("5", (0, NEW | V1), gone=3), (0, "4")),
        # What is closed may leave and come without a trace.
        hours(bug("6", (0, NEW | V1), (1, CLOSED), (2, V2)), (0, "0.1")),
        hours(bug("7", (0, CLOSED | V2), (1, V1), (2, NEW)), (0, "10")),
    ]


COUNT = {
    "remaining": [4, 3, 3, 3, 2],
    "added": [4, 1, 1, 0, 0],
    "reopened": [0, 0, 1, 1, 0],
    "done": [0, 2, 1, 0, 1],
    "removed": [0, 0, 1, 1, 0],
}
EFFORT = {
    # 8 3 4 0.1 · 3 0 4 · 6 4 10 · 5 2.5 10 · 5 10
    "remaining": [15.1, 7, 20, 17.5, 15],
    "added": [15.1, 0, 7, 0, 0],
    "reopened": [0, 0, 10, 5, 0],
    "done": [0, 8.1, 1, 0, 2.5],
    "removed": [0, 0, 3, 7.5, 0],
    "unestimated_n": [0, 1, 0, 0, 0],
}


def burndown(*pairs: str) -> list[dict[str, list[Any]]]:
    """The lines of the seven bugs for each of some questions."""
    frame = frame_of(BUGS, context_of(CONFIG), seven())
    return answers(frame, [f"{BURNDOWN}/{one}" for one in pairs])


def test_what_remains_is_what_came_and_went() -> None:
    assert burndown("version=v1", "version=v1,unit=count") == [COUNT, COUNT]
    assert list(COUNT) == list(burndown("version=v1")[0])


def test_hours_are_done_as_they_stood_and_estimates_change_the_scope() -> None:
    [found] = burndown("version=v1,unit=effort")
    assert found == EFFORT
    assert list(found) == list(EFFORT)


def test_an_estimate_that_falls_or_rises_is_all_that_happens() -> None:
    falling = hours(bug("1", (0, NEW | V1)), (0, "5"), (2, "3.5"))
    rising = hours(bug("2", (0, NEW | V2)), (0, ""), (1, "5"), (2, ""), (3, "7"))
    frame = frame_of(BUGS, context_of(CONFIG), [falling, rising])
    [fell, rose] = answers(frame, [f"{BURNDOWN}/version={one},unit=effort" for one in ("v1", "v2")])
    nothing = [0] * 5
    assert fell == {
        "remaining": [5, 5, 3.5, 3.5, 3.5],
        "added": [5, 0, 0, 0, 0],
        "reopened": nothing,
        "done": nothing,
        "removed": [0, 0, 1.5, 0, 0],
        "unestimated_n": nothing,
    }
    assert rose == {
        "remaining": [0, 5, 0, 7, 7],
        "added": [0, 5, 0, 7, 0],
        "reopened": nothing,
        "done": nothing,
        "removed": [0, 0, 5, 0, 0],
        "unestimated_n": [1, 0, 1, 0, 0],
    }


def test_a_week_or_the_window_is_the_sum_of_its_days() -> None:
    whole = {name: [line[-1] if name == "remaining" else sum(line)] for name, line in COUNT.items()}
    assert burndown("version=v1,step=1w", "version=v1,step=all") == [whole, whole]


def test_both_versions_are_one_scope_and_by_version_they_are_two() -> None:
    # What goes from one to the other stays: 1 2 3 5 6 · 2 3 5 · 2 3 5 7 · 1 2 3 7 · 1 2 7.
    [both] = burndown("version={v1,v2}")
    assert both == {
        "remaining": [5, 3, 4, 4, 3],
        # 7 is created closed: added and done at once.
        "added": [6, 0, 1, 0, 0],
        "reopened": [0, 0, 1, 1, 0],
        "done": [1, 2, 1, 0, 1],
        "removed": [0, 0, 0, 1, 0],
    }
    [split, second] = burndown("by=version", "version=v2")
    assert split == {f"v1/{name}": line for name, line in COUNT.items()} | {
        f"v2/{name}": line for name, line in second.items()
    }


def test_the_count_is_the_ledger_of_the_version() -> None:
    frame = frame_of(BUGS, context_of(CONFIG), seven())
    for pairs in ("version=v1", "version=v1,deleted=exclude", "version=v1,asof=now"):
        [found, moves, backlog] = answers(
            frame,
            [f"{name}/{pairs}" for name in (BURNDOWN, "@tapd.bugs.change.daily", "@tapd.bugs.backlog.daily")],
        )
        assert found["remaining"] == backlog["all"]
        assert found["done"] == moves["closed"]
        assert found["reopened"] == moves["reopened"]
        pairs_of = {"added": ("created", "moved_in"), "removed": ("removed", "moved_out")}
        for name, (one, other) in pairs_of.items():
            assert found[name] == [sum(both) for both in zip(moves[one], moves[other], strict=True)]


def test_stories_burn_down_by_their_iteration_and_what_is_dropped_is_done() -> None:
    frame = frame_of(STORIES, dated(DATES), sprint())
    [found, iteration] = answers(
        frame, [f"{BURNDOWN}/of=stories,{key}=Sprint 1" for key in ("version", "iteration")]
    )
    # 1 2 8 9 · 1 3 4 8 · 1 5 8 · 3 6 8 · 3 4 6
    assert found == iteration
    assert found == {
        "remaining": [4, 4, 3, 3, 3],
        "added": [4, 2, 1, 1, 1],
        "reopened": [0, 0, 0, 1, 0],
        "done": [0, 1, 1, 1, 1],
        "removed": [0, 1, 1, 1, 0],
    }
