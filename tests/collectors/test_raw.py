"""Raw records in the store: idempotent, never back in time, nothing lost that BSON cannot hold."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from metrics_api.core.days import naive_epoch
from metrics_api.core.raw import Dating, RawStore, Record
from metrics_api.core.store import Store

BUG = "raw_tapd_bug"
MODIFIED = Dating("modified", naive_epoch)
FIRST = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
LATER = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def record(name: str, modified: str = "2026-03-01 09:00:00", **data: Any) -> Record:
    return Record("991", name, name, {"id": name, "modified": modified, **data})


async def bug(store: Store, name: str) -> dict[str, Any]:
    found = await store.one(BUG, f"tapd:991:{name}")
    assert found is not None
    return found


async def test_a_new_record_stands_verbatim_in_its_envelope(store: Store, raw: RawStore) -> None:
    data = {"a.b": 1, "$c": None, "中": "文", "n": 9223372036854775807, "deep": [{"x": [1.5, True]}]}
    outcome = await raw.upsert(BUG, "tapd", [record("1", **data)], FIRST, MODIFIED)
    assert (outcome.seen, outcome.new, outcome.changed, outcome.touched) == (1, 1, 0, {"1"})
    found = await bug(store, "1")
    assert found["data"] == {"id": "1", "modified": "2026-03-01 09:00:00", **data}
    assert {key: found[key] for key in ("n", "instance", "scope", "key", "collected_at")} == {
        "n": 1,
        "instance": "tapd",
        "scope": "991",
        "key": "1",
        "collected_at": FIRST,
    }


async def test_an_unchanged_record_writes_nothing(store: Store, raw: RawStore) -> None:
    await raw.upsert(BUG, "tapd", [record("1"), record("2")], FIRST, MODIFIED)
    outcome = await raw.upsert(BUG, "tapd", [record("1"), record("2")], LATER, MODIFIED)
    assert (outcome.seen, outcome.new, outcome.changed, outcome.touched) == (2, 0, 0, set())
    assert outcome.keys == {"1", "2"}
    assert (await bug(store, "1"))["updated_at"] == FIRST
    assert (await store.one("counters", f"n:{BUG}") or {})["n"] == 2


async def test_a_changed_record_is_replaced_and_keeps_its_number(store: Store, raw: RawStore) -> None:
    await raw.upsert(BUG, "tapd", [record("1"), record("2")], FIRST, MODIFIED)
    changed = record("1", "2026-03-02 09:00:00", status="closed")
    outcome = await raw.upsert(BUG, "tapd", [changed, record("2"), record("3")], LATER, MODIFIED)
    assert (outcome.new, outcome.changed, outcome.touched) == (1, 1, {"1", "3"})
    found = await bug(store, "1")
    assert found["data"]["status"] == "closed"
    assert (found["n"], found["collected_at"], found["updated_at"]) == (1, FIRST, LATER)
    assert (await bug(store, "3"))["n"] == 3


async def test_an_older_version_never_replaces_a_newer_one(store: Store, raw: RawStore) -> None:
    await raw.upsert(BUG, "tapd", [record("1", "2026-03-02 09:00:00", status="closed")], FIRST, MODIFIED)
    outcome = await raw.upsert(
        BUG, "tapd", [record("1", "2026-03-02 08:59:59", status="new")], LATER, MODIFIED
    )
    assert (outcome.changed, outcome.touched) == (0, set())
    assert (await bug(store, "1"))["data"]["status"] == "closed"


async def test_without_a_version_an_earlier_reading_never_replaces_a_later_one(
    store: Store, raw: RawStore
) -> None:
    await raw.upsert(BUG, "tapd", [record("1", status="closed")], LATER)
    await raw.upsert(BUG, "tapd", [record("1", status="new")], FIRST)
    assert (await bug(store, "1"))["data"]["status"] == "closed"
    await raw.upsert(BUG, "tapd", [record("1", status="reopened")], LATER)
    assert (await bug(store, "1"))["data"]["status"] == "reopened"


async def test_of_two_versions_in_one_batch_the_newer_stays(store: Store, raw: RawStore) -> None:
    newer, older = record("1", "2026-03-02 09:00:00", s="new"), record("1", "2026-03-01 09:00:00", s="old")
    await raw.upsert(BUG, "tapd", [newer, older], FIRST, MODIFIED)
    assert (await bug(store, "1"))["data"]["s"] == "new"


async def test_what_bson_cannot_hold_goes_to_quarantine_and_the_rest_is_stored(
    store: Store, raw: RawStore
) -> None:
    odd = [
        record("1", n=9223372036854775808),
        record("2", **{"a\0b": 1}),
        record("3", title="\ud800"),
        record("4", title="good"),
        record("5", **{"\udc00": 1}),
    ]
    outcome = await raw.upsert(BUG, "tapd", odd, FIRST, MODIFIED)
    assert (outcome.seen, outcome.new, outcome.quarantined) == (5, 1, 4)
    kept = await store.all("quarantine")
    assert sorted(one["body"] for one in kept) == [
        b'{"id":"1","modified":"2026-03-01 09:00:00","n":9223372036854775808}',
        b'{"id":"2","modified":"2026-03-01 09:00:00","a\\u0000b":1}',
        b'{"id":"3","modified":"2026-03-01 09:00:00","title":"\\ud800"}',
        b'{"id":"5","modified":"2026-03-01 09:00:00","\\udc00":1}',
    ]
    assert {(one["upstream"], one["collection"], one["scope"], one["at"]) for one in kept} == {
        ("tapd", BUG, "991", FIRST)
    }
    assert all(one["reason"] for one in kept)
    # The same again is kept once.
    await raw.upsert(BUG, "tapd", odd, LATER, MODIFIED)
    assert len(await store.all("quarantine")) == 4


async def test_records_that_are_thought_new_and_are_not_come_to_the_same(store: Store, raw: RawStore) -> None:
    await raw.upsert(BUG, "tapd", [record("1"), record("2", "2026-03-05 09:00:00")], FIRST, MODIFIED)
    batch = [record("1", "2026-03-03 09:00:00", s="new"), record("2", s="old"), record("3")]
    outcome = await raw.upsert(BUG, "tapd", batch, LATER, MODIFIED, fresh=True)
    assert (outcome.new, outcome.changed, outcome.touched) == (1, 1, {"1", "3"})
    assert (await bug(store, "1"))["n"] == 1
    assert (await bug(store, "1"))["data"]["s"] == "new"
    assert "s" not in (await bug(store, "2"))["data"]


async def test_two_writers_at_once_lose_nothing_and_number_every_record_once(
    store: Store, raw: RawStore
) -> None:
    other = RawStore(store)
    names = [str(number) for number in range(60)]
    await asyncio.gather(
        *(
            writer.upsert(BUG, "tapd", [record(name, s=which) for name in names], FIRST, MODIFIED)
            for which, writer in (("a", raw), ("b", other), ("c", raw))
        )
    )
    stored = await store.all(BUG)
    assert sorted(one["key"] for one in stored) == sorted(names)
    assert len({one["n"] for one in stored}) == 60


async def test_every_field_ever_seen_is_listed(store: Store, raw: RawStore) -> None:
    await raw.upsert(BUG, "tapd", [record("1", status="new"), record("2", module=None)], FIRST)
    await raw.upsert(BUG, "tapd", [record("3", **{"a.b": 1})], FIRST)
    fields = await store.one("state_fields", BUG)
    assert fields is not None
    assert sorted(fields["fields"]) == ["a.b", "id", "modified", "module", "status"]


async def test_a_record_of_countless_fields_holds_nobody_up(store: Store, raw: RawStore) -> None:
    async with asyncio.timeout(20):
        await raw.upsert(BUG, "tapd", [record("1", **{f"k{n:05}": n for n in range(60_000)})], FIRST)
        await raw.upsert(BUG, "tapd", [record("2", more=1)], FIRST)
    assert len((await bug(store, "1"))["data"]) == 60_002
    fields = await store.one("state_fields", BUG)
    assert fields is not None
    assert len(fields["fields"]) == 1000


async def test_a_removed_record_stays_and_is_stamped_until_it_is_restored(
    store: Store, raw: RawStore
) -> None:
    await raw.upsert(BUG, "tapd", [record("1", "2026-03-01 09:00:00")], FIRST, MODIFIED)
    # 2026-03-02 09:00 in Beijing.
    removed_at = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
    await raw.stamp_removed(BUG, {"tapd:991:1": (int(removed_at.timestamp()), "merged")}, MODIFIED)
    found = await bug(store, "1")
    assert (found["removed_at"], found["removed_why"]) == (removed_at, "merged")
    await raw.upsert(BUG, "tapd", [record("1", "2026-03-02 08:00:00", s="1")], LATER, MODIFIED)
    assert (await bug(store, "1"))["removed_why"] == "merged"
    await raw.upsert(BUG, "tapd", [record("1", "2026-03-02 09:00:01", s="2")], LATER, MODIFIED)
    assert "removed_at" not in await bug(store, "1")
    # The old removal is still listed: it says nothing about a bug that is back.
    await raw.stamp_removed(BUG, {"tapd:991:1": (int(removed_at.timestamp()), "merged")}, MODIFIED)
    assert "removed_at" not in await bug(store, "1")


async def test_watermarks_are_found_by_collector_and_iterations_by_workspace(store: Store) -> None:
    for collection, field in (("watermarks", "collector"), ("raw_tapd_iteration", "scope")):
        found = await store.collection(collection).index_information()
        assert [(field, 1)] in [[tuple(key) for key in one["key"]] for one in found.values()]


async def test_what_came_with_a_record_stands_beside_it_and_makes_no_new_version(
    store: Store, raw: RawStore
) -> None:
    data = {"object_kind": "push"}
    first = Record("7", "d1", "7:push", data, about={"event": "Push Hook", "received": "1772445600"})
    await raw.upsert("raw_gitlab_hook", "gitlab", [first], FIRST)
    found = await store.one("raw_gitlab_hook", "gitlab:7:d1") or {}
    assert (found["data"], found["about"]) == (data, {"event": "Push Hook", "received": "1772445600"})
    again = Record("7", "d1", "7:push", data, about={"event": "Push Hook", "received": "1772449999"})
    assert (await raw.upsert("raw_gitlab_hook", "gitlab", [again], LATER)).touched == set()
    found = await store.one("raw_gitlab_hook", "gitlab:7:d1") or {}
    assert found["about"]["received"] == "1772445600"
    await raw.upsert(BUG, "tapd", [record("1")], FIRST)
    assert "about" not in await bug(store, "1")


async def test_marks_of_relations_change_only_where_the_relation_did(store: Store, raw: RawStore) -> None:
    pairs = [Record("991", f"{story}:b", story, {"story_id": story}) for story in ("1", "2")]
    await raw.upsert("raw_tapd_story_bug", "tapd", pairs, FIRST)

    async def stamp(*present: str) -> set[str]:
        ids = {f"tapd:991:{name}" for name in present}
        return await raw.stamp_unlinked("raw_tapd_story_bug", "tapd", "991", {"1", "2", "3"}, ids, LATER)

    assert await stamp("1:b", "2:b") == set()
    assert await stamp("2:b") == {"1"}
    assert await stamp("2:b") == set()
    found = await store.one("raw_tapd_story_bug", "tapd:991:1:b") or {}
    assert (found["removed_at"], found["removed_why"]) == (LATER, "unlinked")
    assert await stamp("1:b") == {"1", "2"}
    found = await store.one("raw_tapd_story_bug", "tapd:991:1:b") or {}
    assert "removed_at" not in found
    assert "removed_why" not in found
