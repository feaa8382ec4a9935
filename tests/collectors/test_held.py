"""What a first collection keeps in memory: as the store has it, and only while it is all there is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from collectors.storing import Behind
from metrics_api.core.held import Held
from metrics_api.core.raw import RawStore, Record
from metrics_api.core.store import Document, Store

CHANGES = "raw_tapd_bug_change"
PLACE = (CHANGES, "tapd", "991")
AT = datetime(2024, 3, 1, 8, 30, 12, 345678, tzinfo=UTC)


def change(number: int, bug: str, scope: str = "991") -> Record:
    return Record(scope, f"{number}", bug, {"id": f"{number}", "bug_id": bug, "new_value": "新 \ud7ff"})


@contextmanager
def holding(held: Held) -> Iterator[None]:
    held.hold(PLACE)
    yield
    held.drop(PLACE)


async def stored(store: Store, bug: str) -> list[Document]:
    return await store.matching(CHANGES, "key", [bug])


async def last(store: Store) -> int:
    counter = await store.one("counters", f"n:{CHANGES}")
    return int(counter["n"]) if counter else 0


@pytest.fixture
def raw(store: Store) -> RawStore:
    return RawStore(store)


async def test_what_is_held_is_what_the_store_would_give_back(store: Store, raw: RawStore) -> None:
    with holding(raw.held):
        await raw.upsert(CHANGES, "tapd", [change(1, "a"), change(2, "b"), change(3, "a")], AT, fresh=True)
        found = raw.held.found(CHANGES, "tapd", {"a", "c"}, await last(store))
        assert set(found) == {"a"}
        assert sorted(found["a"], key=lambda one: one["_id"]) == await stored(store, "a")
    assert raw.held.found(CHANGES, "tapd", {"a"}, await last(store)) == {}


async def test_nothing_is_held_of_other_scopes_and_instances(store: Store, raw: RawStore) -> None:
    with holding(raw.held):
        await raw.upsert(CHANGES, "tapd", [change(1, "a"), change(2, "b", scope="992")], AT, fresh=True)
        assert set(raw.held.found(CHANGES, "tapd", {"a", "b"}, await last(store))) == {"a"}
        assert raw.held.found(CHANGES, "other", {"a"}, await last(store)) == {}


async def test_the_items_of_a_held_place_are_known_until_its_scope_is_released(
    store: Store, raw: RawStore
) -> None:
    raw.held.hold(PLACE)
    await raw.upsert(CHANGES, "tapd", [change(1, "a"), change(2, "b"), change(3, "a")], AT, fresh=True)
    assert raw.held.keys(PLACE, await last(store)) == ["a", "b"]
    await RawStore(store).upsert(CHANGES, "tapd", [change(4, "c")], AT)
    assert raw.held.keys(PLACE, await last(store)) is None
    raw.held.release("tapd", "992")
    assert raw.held.holds(CHANGES)
    raw.held.release("tapd", "991")
    assert not raw.held.holds(CHANGES)


async def test_once_another_process_has_inserted_the_store_is_asked(store: Store, raw: RawStore) -> None:
    with holding(raw.held):
        await raw.upsert(CHANGES, "tapd", [change(1, "a")], AT, fresh=True)
        await RawStore(store).upsert(CHANGES, "tapd", [change(2, "a")], AT)
        assert raw.held.found(CHANGES, "tapd", {"a"}, await last(store)) == {}


async def test_a_record_that_changed_or_was_there_already_ends_the_holding(
    store: Store, raw: RawStore
) -> None:
    with holding(raw.held):
        await raw.upsert(CHANGES, "tapd", [change(1, "a")], AT, fresh=True)
        again = Record("991", "1", "a", {"id": "1", "bug_id": "a", "new_value": "other"})
        await raw.upsert(CHANGES, "tapd", [again], AT, fresh=True)
        assert not raw.held.holds(CHANGES)
        await raw.upsert(CHANGES, "tapd", [change(2, "a")], AT, fresh=True)
        assert raw.held.found(CHANGES, "tapd", {"a"}, await last(store)) == {}


def test_a_scope_that_does_not_fit_is_not_held_at_all() -> None:
    held = Held(limit=1000)
    large: Document = {"instance": "tapd", "scope": "991", "key": "a", "data": "x" * 600}
    with holding(held):
        held.numbered(CHANGES, 2)
        held.inserted(CHANGES, [large])
        assert held.found(CHANGES, "tapd", {"a"}, 2) == {"a": [large]}
        held.inserted(CHANGES, [large])
        assert held.found(CHANGES, "tapd", {"a"}, 2) == {}
    with holding(held):
        held.inserted(CHANGES, [large])
        assert held.found(CHANGES, "tapd", {"a"}, 2) == {"a": [large]}


async def test_work_behind_goes_on_while_its_giver_does_and_is_over_at_the_end() -> None:
    done: list[int] = []
    go = asyncio.Event()

    async def piece(number: int) -> None:
        await go.wait()
        done.append(number)

    async with Behind() as behind:
        await behind.follow(piece(1))
        assert done == []
        go.set()
        await behind.follow(piece(2))
        assert done == [1]
    assert done == [1, 2]


async def test_what_work_behind_raises_comes_out_and_an_error_of_its_giver_ends_it() -> None:
    async def failing() -> None:
        raise OSError("no space")

    ended: list[str] = []

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("ended")

    async def give() -> None:
        async with Behind() as behind:
            await behind.follow(failing())
            await behind.follow(endless())

    with pytest.raises(OSError, match="no space"):
        await give()

    async def leave() -> None:
        async with Behind() as behind:
            await behind.follow(endless())
            await asyncio.sleep(0)
            raise ValueError("left")

    with pytest.raises(ValueError, match="left"):
        await leave()
    assert ended == ["ended"]
