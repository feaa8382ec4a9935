"""The stories of one sprint, a frame over them, and iterations with the dates that a test gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from metrics_api.context import Context, build_context
from metrics_api.core.store import Document
from metrics_api.frames import ItemFrame
from metrics_api.topics import ItemTopic
from tests.frames.facts import CONFIG, at_once, small_facts, story

S1, S0 = {"iteration": "501"}, {"iteration": "502"}
OUT = {"iteration": ""}
PLANNED, BEGUN, DONE = {"status": "planning"}, {"status": "developing"}, {"status": "resolved"}
# Sprint 1 lasts from Tuesday to Friday; Sprint 0 began a week before and ends on Wednesday.
DATES = {"501": ("2026-03-03", "2026-03-06"), "502": ("2026-02-23", "2026-03-04")}
Dates = Mapping[str, tuple[str | None, str | None]]


def sprint() -> list[Document]:
    """Nine stories: 7 is the parent of 8. In Sprint 1 on each day, Monday to Friday:

    1 2 8 9 · 1 2 3 4 8 · 1 2 3 5 8 · 1 2 3 6 8 · 1 2 3 4 6 8; done: none · none · 3 · 1 · 1 8.
    """
    return [
        story("1", (0, PLANNED | S1), (2, BEGUN), (3, DONE)),
        # Dropped: in scope, never done.
        story("2", (0, PLANNED | S1), (1, {"status": "rejected"})),
        # Comes on the start day, and is reopened.
        story("3", (0, PLANNED), (1, S1), (2, DONE), (3, BEGUN)),
        story("4", (1, PLANNED | S1), (2, OUT), (4, S1)),
        story("5", (2, PLANNED | S1), gone=3),
        # Is left over from the sprint before.
        story("6", (2, PLANNED | S0), (3, S1)),
        story("7", (0, PLANNED | S1)),
        story("8", (0, PLANNED | S1), (4, DONE), parents=["7"]),
        # Leaves on the start day.
        story("9", (0, PLANNED | S1), (1, OUT)),
    ]


def iterations(dates: Dates) -> Sequence[Document]:
    """The two sprints with other dates."""
    return [
        one | {"start": dates[one["id"]][0], "end": dates[one["id"]][1]}
        for one in small_facts()["iterations"]
    ]


def frame_of(topic: ItemTopic, context: Context, items: Sequence[Document]) -> ItemFrame:
    """A frame of items, none of which is gone as a fact."""
    return at_once(topic, context, [one | {"tombstone": False} for one in items])


def dated(dates: Dates) -> Context:
    """A context in which the two sprints have such dates."""
    facts: dict[str, Any] = {"projects": [], "releases": []} | small_facts()
    facts["iterations"] = iterations(dates)
    return build_context(
        CONFIG, **{topic: [one | {"tombstone": False} for one in found] for topic, found in facts.items()}
    )
