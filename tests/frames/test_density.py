"""Defects by the stories they were found in."""

from __future__ import annotations

from typing import Any

from metrics_api.core.store import Document
from tests.frames.defects import CLOSED, NEW, lines, rendered
from tests.frames.facts import bug, story

TARGET = "@tapd.bugs.density"
PLANNED = {"status": "planning"}
FIRST, SECOND = {"iteration": "501"}, {"iteration": "502"}


def sized(fact: Document, size: str) -> Document:
    """A story with a size from its creation on."""
    return fact | {"histories": {"size": {"at": [fact["created"]], "value": [size]}}}


STORIES = [
    sized(story("1", (0, PLANNED | FIRST | {"label": "a|b"})), "3"),
    sized(story("2", (0, PLANNED | FIRST), (2, {"status": "resolved"})), "2"),
    story("3", (1, PLANNED | SECOND | {"label": "a"})),
    story("4", (1, PLANNED), gone=3),
    story("5", (1, PLANNED)),
    story("6", (1, PLANNED | SECOND), parents=["5"]),
]


def linked(fact: Document, *stories: str) -> Document:
    """A bug that is linked to stories."""
    return fact | {"stories": list(stories)}


BUGS = [
    linked(bug("11", (0, NEW)), "1"),
    linked(bug("12", (0, NEW), (1, CLOSED)), "1", "2"),
    linked(bug("13", (1, NEW | FIRST)), "3"),
    linked(bug("14", (1, NEW)), "4"),
    linked(bug("15", (1, NEW)), "5"),
    linked(bug("16", (1, NEW), gone=2), "1"),
    # Linked to none: one of an iteration, one of none, one that is gone.
    bug("17", (1, NEW | FIRST)),
    bug("18", (1, NEW)),
    bug("19", (1, NEW), gone=2),
    # Linked to what nobody collects.
    linked(bug("20", (1, NEW)), "99"),
]


def asked(options: str = "") -> dict[str, list[Any]]:
    """The lines of these."""
    return lines(rendered(TARGET + options, BUGS, STORIES))


def test_bugs_are_counted_for_each_story_they_are_linked_to() -> None:
    # Stories 1, 2, 3 and 6; 4 is gone and 5 a parent. Bugs 11, 12 and 13; of stories with a size 11 and 12.
    assert asked() == {"density": [3 / 4], "per_size": [2 / 5], "unlinked_n": [2]}
    assert asked("/level=parent") == {"density": [1], "per_size": [None], "unlinked_n": [2]}
    assert asked("/level=all")["density"] == [4 / 5]


def test_the_stories_of_an_iteration_have_their_bugs_whatever_these_say() -> None:
    expected = {"density": [1], "per_size": [2 / 5], "unlinked_n": [1]}
    assert asked("/iteration=Sprint 1") == expected == asked("/version=Sprint 1")
    # Bug 13 says that it is of Sprint 1, but its story is not.
    assert asked("/by=iteration") == {
        "Sprint 0/density": [1 / 2],
        "Sprint 0/per_size": [None],
        "Sprint 0/unlinked_n": [0],
        "Sprint 1/density": [1],
        "Sprint 1/per_size": [2 / 5],
        "Sprint 1/unlinked_n": [1],
        "N/A/density": [None],
        "N/A/per_size": [None],
        "N/A/unlinked_n": [1],
    }


def test_a_story_with_several_labels_is_in_each_group_and_a_bug_once_in_each() -> None:
    assert asked("/by=label") == {
        "a/density": [3 / 2],
        "a/per_size": [2 / 3],
        "b/density": [2],
        "b/per_size": [2 / 3],
        "N/A/density": [1 / 2],
        "N/A/per_size": [1 / 2],
        "unlinked_n": [2],
    }
