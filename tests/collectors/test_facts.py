"""Facts in the store: stamps, counters, tombstones, lost leases and the rebuild."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from itertools import groupby
from typing import Any

import pytest

from metrics_api.core.days import utc_now
from metrics_api.core.facts import TURN_S, Batch, Batches, Facts, Produce, Written
from metrics_api.core.leases import Leases
from metrics_api.core.store import Store
from tests.webhooks.harness import until


def fact(name: str, **fields: Any) -> dict[str, Any]:
    return {"_id": name, "instance": "tapd", **fields}


def one_by_one(*produce: Produce) -> Batches:
    """Batches that are derived so, one after the other."""
    return lambda done: produce[done:]


async def write(
    facts: Facts, *batch: dict[str, Any], gone: set[str] | None = None, fresh: bool = False
) -> int:
    async def produce() -> Batch:
        return Batch([dict(one) for one in batch], gone or set())

    return await facts.update("bugs", one_by_one(produce), fresh=fresh)


async def counter(store: Store) -> tuple[int, int, str]:
    found = await store.one("counters", "topic:bugs") or {}
    return found["generation"], found["seq"], found["collection"]


async def stamps(store: Store, collection: str = "fact_bugs") -> dict[str, tuple[int, int, bool]]:
    return {
        one["_id"]: (one["generation"], one["seq"], one["tombstone"]) for one in await store.all(collection)
    }


async def test_facts_are_numbered_on_and_the_counter_says_how_far(store: Store, facts: Facts) -> None:
    assert await write(facts, fact("a"), fact("b")) == 2
    await write(facts, fact("c"))
    assert await stamps(store) == {"a": (1, 1, False), "b": (1, 2, False), "c": (1, 3, False)}
    assert await counter(store) == (1, 3, "fact_bugs")


async def test_an_unchanged_fact_writes_nothing(store: Store, facts: Facts) -> None:
    await write(facts, fact("a", status="new"), fact("b"))
    assert await write(facts, fact("a", status="new")) == 0
    assert await counter(store) == (1, 2, "fact_bugs")
    assert await write(facts, fact("a", status="closed"), fact("b")) == 1
    assert await stamps(store) == {"a": (1, 3, False), "b": (1, 2, False)}


async def test_facts_that_are_inserted_first_and_yet_there_are_written_where_they_differ(
    store: Store, facts: Facts
) -> None:
    await write(facts, fact("a", status="new"), fact("b"))
    batch = [fact("a", status="closed"), fact("b"), fact("c")]
    await write(facts, *batch, gone={"b2"}, fresh=True)
    kept = {one["_id"]: one.get("status") for one in await store.all("fact_bugs")}
    assert kept == {"a": "closed", "b": None, "c": None}
    found, (generation, seq, _) = await stamps(store), await counter(store)
    # Readers look for what is above the second fact, up to the counter.
    assert generation == 1
    assert found["b"] == (1, 2, False)
    assert all(2 < found[name][1] <= seq for name in ("a", "c"))
    assert await write(facts, *batch) == 0


async def test_a_fact_that_is_gone_becomes_a_tombstone_and_may_come_back(store: Store, facts: Facts) -> None:
    await write(facts, fact("a"))
    assert await write(facts, gone={"a", "never was"}) == 1
    assert await stamps(store) == {"a": (1, 2, True)}
    assert await write(facts, gone={"a"}) == 0
    await write(facts, fact("a"))
    assert await stamps(store) == {"a": (1, 3, False)}


async def test_facts_of_a_writer_that_stopped_before_its_counter_are_stamped_anew(
    store: Store, facts: Facts
) -> None:
    await write(facts, fact("a"))
    # What a killed writer left behind: facts above the counter.
    left = [
        fact("a", s=1, generation=1, seq=2, tombstone=False),
        fact("b", generation=1, seq=3, tombstone=False),
    ]
    await store.collection("fact_bugs").replace_one({"_id": "a"}, left[0])
    await store.collection("fact_bugs").insert_one(left[1])
    await write(facts, fact("a", s=1), fact("b"))
    assert await stamps(store) == {"a": (1, 2, False), "b": (1, 3, False)}
    assert await counter(store) == (1, 3, "fact_bugs")


async def test_the_very_first_facts_of_a_stopped_writer_are_no_obstacle(store: Store, facts: Facts) -> None:
    await store.collection("fact_bugs").insert_one(fact("a", generation=1, seq=1, tombstone=False))
    await write(facts, fact("a"), fact("b"))
    assert await counter(store) == (1, 2, "fact_bugs")
    assert sorted(await stamps(store)) == ["a", "b"]


async def test_a_lease_taken_over_raises_the_generation(store: Store, facts: Facts) -> None:
    await write(facts, fact("a"))
    vanished = {"owner": "somebody", "expires_at": utc_now() - timedelta(seconds=1)}
    await store.collection("leases").update_one({"_id": "topic:bugs"}, {"$set": vanished})
    await write(facts, fact("b"))
    assert await counter(store) == (2, 2, "fact_bugs")
    assert await stamps(store) == {"a": (1, 1, False), "b": (2, 2, False)}


async def test_a_batch_whose_lease_was_lost_on_the_way_is_derived_and_stamped_anew(
    store: Store, facts: Facts
) -> None:
    await write(facts, fact("a"))
    other = Facts(store, Leases(store))
    readings = []

    async def produce() -> Batch:
        readings.append(len(readings))
        if len(readings) == 1:
            # While this writer sleeps its lease runs out, and another one writes.
            lost = {"$set": {"expires_at": utc_now() - timedelta(seconds=1)}}
            await store.collection("leases").update_one({"_id": "topic:bugs"}, lost)
            await write(other, fact("a", by="other"), fact("b"))
        return Batch([fact("a", by="first")])

    await facts.update("bugs", one_by_one(produce))
    assert readings == [0, 1]
    generation, seq, _ = await counter(store)
    found = await store.one("fact_bugs", "a") or {}
    assert found["by"] == "first"
    assert found["seq"] == seq
    assert generation == 2


async def test_a_fact_of_another_writer_that_counts_is_never_overwritten_by_one_that_was_outrun(
    store: Store, facts: Facts
) -> None:
    other = Facts(store, Leases(store))
    readings = []

    async def produce() -> Batch:
        readings.append(len(readings))
        if len(readings) > 1:
            return Batch([fact("b")])
        # The very first facts: this writer's lease runs out, and another one's facts count before its own.
        lost = {"$set": {"expires_at": utc_now() - timedelta(seconds=1)}}
        await store.collection("leases").update_one({"_id": "topic:bugs"}, lost)
        await write(other, fact("a", by="other"))
        return Batch([fact("a", by="first")])

    await facts.update("bugs", one_by_one(produce))
    assert readings == [0, 1]
    assert (await store.one("fact_bugs", "a") or {})["by"] == "other"
    assert await stamps(store) == {"a": (2, 1, False), "b": (2, 2, False)}


async def test_of_many_batches_only_those_not_written_yet_are_derived_anew(
    store: Store, facts: Facts
) -> None:
    asked, derived = list[int](), list[str]()

    def batches(done: int) -> list[Produce]:
        asked.append(done)
        return [partial(produce, name) for name in "abc"[done:]]

    async def written() -> bool:
        return bool((await facts.counter("bugs"))["seq"] == 1)

    async def produce(name: str) -> Batch:
        derived.append(name)
        if derived == ["a", "b"]:
            await until(written, 30)
            lost = {"$set": {"expires_at": utc_now() - timedelta(seconds=1)}}
            await store.collection("leases").update_one({"_id": "topic:bugs"}, lost)
            await write(Facts(store, Leases(store)), fact("other"))
        return Batch([fact(name)])

    assert await facts.update("bugs", batches) == 3
    # The batch after the one that was outrun may have been begun.
    assert derived in (["a", "b", "b", "c"], ["a", "b", "c", "b", "c"])
    assert asked == [0, 1, 3]
    assert await counter(store) == (2, 4, "fact_bugs")


async def test_who_has_much_to_write_gives_the_lease_back_after_each_turn(store: Store, facts: Facts) -> None:
    asked = []

    def batches(done: int) -> list[Produce]:
        asked.append(done)
        return [partial(slowly, name) for name in "abc"[done:]]

    async def slowly(name: str) -> Batch:
        await asyncio.sleep(TURN_S)
        return Batch([fact(name)])

    assert await facts.update("bugs", batches) == 3
    assert asked == [0, 1, 2, 3]


async def test_of_two_processes_with_much_to_write_neither_waits_for_the_other_to_end(store: Store) -> None:
    def much(who: str) -> Batches:
        async def produce(name: str) -> Batch:
            await asyncio.sleep(TURN_S / 4)
            return Batch([fact(name)])

        return lambda done: [partial(produce, f"{who}{number}") for number in range(done, 16)]

    await asyncio.gather(*(Facts(store, Leases(store)).update("bugs", much(who)) for who in "ab"))
    order = sorted(await store.all("fact_bugs"), key=lambda one: one["seq"])
    whose = "".join(one["_id"][0] for one in order)
    assert [whose.count(who) for who in "ab"] == [16, 16]
    assert await counter(store) == (1, 32, "fact_bugs")
    # A turn has five batches at most; twice as many where one slept through its turn.
    both = whose[: min(whose.rindex("a"), whose.rindex("b"))]
    assert max(len(list(turn)) for _, turn in groupby(both)) <= 10, whose


async def test_two_processes_write_in_turns_and_no_number_is_used_twice(store: Store) -> None:
    writers = [Facts(store, Leases(store)) for _ in range(2)]
    await asyncio.gather(
        *(
            write(writer, *(fact(f"{which}{batch}{number}") for number in range(5)))
            for which, writer in enumerate(writers)
            for batch in range(6)
        )
    )
    found = await stamps(store)
    assert sorted(seq for _, seq, _ in found.values()) == list(range(1, 61))
    assert await counter(store) == (1, 60, "fact_bugs")


async def test_a_rebuild_switches_to_a_new_collection_and_keeps_what_was_written_meanwhile(
    store: Store, facts: Facts
) -> None:
    await write(facts, fact("a", v="old"), fact("b", v="old"), fact("c", v="old"))

    async def batches(written: Written) -> AsyncIterator[Batch]:
        yield Batch([fact("a", v="new"), fact("b", v="new")])
        assert await written(["a", "b", "c"]) == {"a", "b"}
        # Live writes go on: readable at once where the counter points.
        await write(facts, fact("a", v="live"), fact("d", v="live"), gone={"b"})
        assert await counter(store) == (1, 6, "fact_bugs")
        yield Batch([fact("c", v="new")])

    assert await facts.rebuild("bugs", batches) == 6
    assert await counter(store) == (2, 6, "fact_bugs_2")
    rebuilt = {one["_id"]: (one["v"], one["tombstone"]) for one in await store.all("fact_bugs_2")}
    assert rebuilt == {"a": ("live", False), "b": ("new", True), "c": ("new", False), "d": ("live", False)}
    assert len(await store.all("fact_bugs")) == 4
    # From here on live writes go to the new one; the next rebuild clears the old one away.
    await write(facts, fact("e"))
    assert await counter(store) == (2, 7, "fact_bugs_2")

    async def all_again(written: Written) -> AsyncIterator[Batch]:
        yield Batch([fact("a"), fact("e")])

    await facts.rebuild("bugs", all_again)
    assert await counter(store) == (3, 2, "fact_bugs_3")
    await facts.rebuild("bugs", all_again)
    # Nothing is kept of the first ones either, whose collection has no number.
    assert await store.names("fact_bugs") == ["fact_bugs_3", "fact_bugs_4"]


async def test_a_rebuild_that_failed_leaves_the_old_facts_and_the_next_one_begins_anew(
    store: Store, facts: Facts
) -> None:
    await write(facts, fact("a"))

    async def breaks(written: Written) -> AsyncIterator[Batch]:
        yield Batch([fact("half")])
        raise OSError("killed")

    with pytest.raises(OSError, match="killed"):
        await facts.rebuild("bugs", breaks)
    assert await counter(store) == (1, 1, "fact_bugs")

    async def whole(written: Written) -> AsyncIterator[Batch]:
        yield Batch([fact("a")])

    await facts.rebuild("bugs", whole)
    assert await stamps(store, "fact_bugs_2") == {"a": (2, 1, False)}
