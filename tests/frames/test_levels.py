"""Leaves and parents while facts change: a refresh leads to the numbers that a fresh load has."""

from __future__ import annotations

from typing import Any

from metrics_api.core.store import Store
from metrics_api.reader import Reader
from tests.frames.facts import CONFIG, Publisher, story, values

FLOW = "@tapd.stories.flow.cumulative"
PLANNED, BEGUN = {"status": "planning"}, {"status": "developing"}


async def planned(reader: Reader) -> dict[str, list[Any]]:
    """The stories planned at the end of each day: leaves by the cube and by the segments, parents, all."""
    asked = {"leaf": "", "segments": "/module=N/A", "parent": "/level=parent", "all": "/level=all"}
    return {name: (await values(reader, FLOW + options))["planning"] for name, options in asked.items()}


def counts(leaf: int, parent: int) -> dict[str, list[int]]:
    """What is planned on each of five days."""
    by_level = {"leaf": leaf, "segments": leaf, "parent": parent, "all": leaf + parent}
    return {name: [count] * 5 for name, count in by_level.items()}


async def refreshed(store: Store, reader: Reader) -> dict[str, list[Any]]:
    """What a reader says after a look, having seen that a new one says the same."""
    await reader.look()
    fresh = Reader(store, CONFIG)
    await fresh.look()
    found = await planned(reader)
    assert found == await planned(fresh)
    return found


async def test_a_story_is_no_leaf_from_the_moment_a_child_names_it(store: Store) -> None:
    facts, reader = Publisher(store), Reader(store, CONFIG)
    await facts.everything(stories=[story("1", (0, PLANNED)), story("2", (0, PLANNED))])
    await reader.look()
    assert await planned(reader) == counts(leaf=2, parent=0)
    # Over its whole history, also the days before there was a child.
    await facts.publish("stories", [story("3", (3, BEGUN), parents=["1"])])
    assert await refreshed(store, reader) == counts(leaf=1, parent=1)
    # A parent that changes stays one, and so it does when its child moves on to another.
    await facts.publish("stories", [story("1", (0, PLANNED), (4, PLANNED | {"label": "x"}))])
    assert await refreshed(store, reader) == counts(leaf=1, parent=1)
    await facts.publish("stories", [story("3", (3, BEGUN), parents=["1", "2"])])
    assert await refreshed(store, reader) == counts(leaf=0, parent=2)


async def test_a_parent_may_come_after_its_child(store: Store) -> None:
    facts, reader = Publisher(store), Reader(store, CONFIG)
    await facts.everything(stories=[story("3", (0, PLANNED), parents=["1"])])
    await reader.look()
    assert await planned(reader) == counts(leaf=1, parent=0)
    await facts.publish("stories", [story("1", (0, PLANNED))])
    assert await refreshed(store, reader) == counts(leaf=1, parent=1)


async def test_a_parent_whose_only_child_is_no_fact_any_more_is_a_leaf_again(store: Store) -> None:
    facts, reader = Publisher(store), Reader(store, CONFIG)
    child = story("3", (0, BEGUN), parents=["1"])
    await facts.everything(stories=[story("1", (0, PLANNED)), child])
    await reader.look()
    assert await planned(reader) == counts(leaf=0, parent=1)
    await facts.publish("stories", [child], tombstone=True)
    assert await refreshed(store, reader) == counts(leaf=1, parent=0)


async def test_a_child_that_was_deleted_has_named_its_parent(store: Store) -> None:
    facts, reader = Publisher(store), Reader(store, CONFIG)
    await facts.everything(stories=[story("1", (0, PLANNED)), story("3", (0, BEGUN), parents=["1"], gone=1)])
    assert await refreshed(store, reader) == counts(leaf=0, parent=1)


async def test_a_moved_story_is_named_by_either_of_its_ids(store: Store) -> None:
    facts, reader = Publisher(store), Reader(store, CONFIG)
    moved = [story(id, (0, PLANNED)) | {"id": f"{id}-moved"} for id in ("1", "2")]
    await facts.everything(stories=moved)
    await reader.look()
    assert await planned(reader) == counts(leaf=2, parent=0)
    await facts.publish("stories", [story("3", (0, BEGUN), parents=["1-moved"])])
    assert await refreshed(store, reader) == counts(leaf=1, parent=1)
    await facts.publish("stories", [story("4", (0, BEGUN), parents=["2"])])
    assert await refreshed(store, reader) == counts(leaf=0, parent=2)


async def test_a_name_in_another_tapd_is_another_story(store: Store) -> None:
    facts, reader = Publisher(store), Reader(store, CONFIG)
    other = story("3", (0, BEGUN), parents=["1"]) | {"_id": "other:1:3", "instance": "other"}
    await facts.everything(stories=[story("1", (0, PLANNED)), other])
    assert await refreshed(store, reader) == counts(leaf=1, parent=0)
