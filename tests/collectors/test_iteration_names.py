"""Names that iterations had, and which one bore a name when: worked out by hand and through the store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from collectors.deriving import Deriver
from collectors.items.iterations import Iterations, new_names, newly_told, read_iterations
from metrics_api.core.days import BEIJING
from metrics_api.core.facts import Facts
from metrics_api.core.raw import Dating, RawStore, Record
from metrics_api.core.store import Store
from tests.collectors.item_records import (
    HOUR,
    T0,
    Stored,
    change,
    derived,
    entry,
    iteration,
    only,
    renaming,
    story,
    told,
    updated,
    way,
)

FIRST = datetime(2026, 3, 9, 10, 0, tzinfo=UTC)


def known(*records: Stored) -> Iterations:
    """The iterations in these records of one workspace."""
    of = {name: [record for found, record in records if found == name] for name, _ in records}
    return read_iterations(of["raw_tapd_iteration"], of.get("raw_tapd_iteration_change", ()), BEIJING)


def test_a_name_that_two_iterations_bore_belongs_to_the_one_that_bore_it_then() -> None:
    found = known(
        iteration("77", "Sprint 2"),
        iteration("78", "Sprint 1", created="2026-03-03 08:00:00"),
        renaming(1, "77", "02 08:00:00", "Sprint 1", "Sprint 2"),
    )
    assert found.id_of("Sprint 1", T0) == "77"
    assert found.id_of("Sprint 1", T0 + 24 * HOUR - 1) == "77"
    assert found.id_of("Sprint 1", T0 + 48 * HOUR) == "78"
    assert found.id_of("Sprint 2", T0 + 24 * HOUR) == "77"
    # Nobody bore it then, or nobody knows when: today's name goes before a former one.
    assert found.id_of("Sprint 1", T0 + 30 * HOUR) == "78"
    assert found.id_of("Sprint 1", None) == "78"
    assert (found.id_of("77", T0), found.id_of("Sprint 9", T0)) == ("77", "Sprint 9")


def test_names_come_back_and_go_in_the_order_of_the_changes() -> None:
    found = known(
        iteration("77", "A"),
        iteration("78", "C"),
        renaming(3, "77", "04 08:00:00", "B", "A"),
        renaming(2, "77", "03 08:00:00", "A", "B"),
        renaming(1, "77", "01 08:00:00", None, "A"),
        renaming(4, "78", "01 09:00:00", "A", "C"),
    )
    # Both bore it in the first hour; only one of them later.
    assert found.id_of("A", T0) == "77"
    assert found.id_of("A", T0 + 2 * HOUR) == "77"
    assert found.id_of("B", T0 + 50 * HOUR) == "77"
    assert found.id_of("A", T0 + 80 * HOUR) == "77"
    assert found.id_of("A", T0 - HOUR) == "77"


def test_a_rename_of_which_only_the_names_tell_has_no_date() -> None:
    found = known(
        iteration("76", "Sprint 2", "Sprint 1"), iteration("77", "Sprint 1", created="2026-03-03 08:00:00")
    )
    assert found.id_of("Sprint 1", T0) == "77"
    assert found.id_of("Sprint 1", T0 + 100 * HOUR) == "77"


def test_rows_that_cannot_be_read_and_other_fields_are_no_names() -> None:
    data = {"id": "9", "iteration_id": "77", "field": "status", "old_value": "open", "new_value": "done"}
    other = renaming(9, "77", "02 08:00:00", None, None)
    other[1]["data"] = data | {"created": "2026-03-02 08:00:00"}
    found = known(
        iteration("77", "S7", created="once"),
        other,
        renaming(1, "77", "soon", "S1", "S2"),
        renaming(2, "78", "02 08:00:00", "S3", "S4"),
    )
    assert (found.ids, dict(found.spans)["S7"][0].start) == ({"S7": "77"}, None)


def test_a_story_follows_its_iterations_through_a_name_that_was_given_twice() -> None:
    fact = only(
        "stories",
        story("1", iteration_id="78"),
        iteration("77", "Old"),
        iteration("78", "Now", created="2026-03-01 11:00:00"),
        renaming(1, "77", "01 10:30:00", "Now", "Old"),
        change(1, "1", "01 09:00:00", entry("iteration_id", 0, "Now")),
        change(2, "1", "01 10:00:00", entry("iteration_id", "Now", 0)),
        change(3, "1", "01 12:00:00", entry("iteration_id", 0, "Now")),
    )
    assert way(fact, "iteration") == [(0, ""), (1, "77"), (2, ""), (4, "78")]
    assert fact["findings"] == []


def test_the_names_of_an_iteration_are_those_of_every_source_and_it_is_as_it_was_last() -> None:
    redated = renaming(3, "77", "02 08:00:00", "2026-02-23", "2026-03-01")[1]
    redated["data"]["field"] = "startdate"
    records = [
        iteration("77", "S2", "S0", modified="2026-03-02 08:00:00", startdate="2026-03-01", status="open"),
        renaming(1, "77", "01 08:00:00", None, "S1"),
        renaming(2, "77", "02 08:00:00", "S1", "S2"),
        # It was put off; the row has the day to which it was.
        ("raw_tapd_iteration_change", redated),
        updated(
            *("iteration", "77", "03 08:00:00", 7),
            old={"name": "S2", "status": "open", "startdate": "2026-03-01", "enddate": ""},
            new={"name": "S3", "enddate": "2026-03-14"},
        ),
        # Older than the row.
        updated(
            "iteration", "77", "01 09:00:00", 5, old={"name": "S1", "status": "open"}, new={"name": "Sx"}
        ),
    ]
    expected = {
        "_id": "tapd:991:77",
        "instance": "tapd",
        "workspace": "991",
        "id": "77",
        "name": "S3",
        "names": ["S1", "S2", "Sx", "S0"],
        "start": "2026-03-01",
        "end": "2026-03-14",
        "status": "open",
        "created": T0,
        "removed_at": None,
    }
    assert only("iterations", *records) == expected
    gone = told("iteration", "delete", "77", "04 08:00:00", 8)
    assert only("iterations", gone, *records) == expected | {"removed_at": T0 + 72 * HOUR}
    back = updated("iteration", "77", "05 08:00:00", 9, old={"name": "S3"}, new={"status": "done"})
    assert only("iterations", back, gone, *records)["removed_at"] is None


def test_iterations_of_webhooks_that_cannot_be_read_are_rejected() -> None:
    bad = told("iteration", "create", "77", "soon", 1, name="S7")
    odd = told("iteration", "create", "78", "01 08:00:00", 2, name="S8", startdate="soon")
    found = derived("iterations", bad, odd, iteration("79", "S9", enddate="never"), iteration("80", "S10"))
    assert [fact["id"] for fact in found.facts] == ["80"]
    assert [(one.collection, one.record["key"]) for one in found.rejected] == [
        ("raw_tapd_iteration", "79"),
        ("raw_tapd_iteration_hook", "77"),
        ("raw_tapd_iteration_hook", "78"),
    ]


def test_only_names_of_late_are_looked_for_again() -> None:
    _, row = iteration("77", "S3", "S1", "S2")
    late = row["updated_at"]
    row["names"] = [
        {"name": name, "at": late - timedelta(hours=hours)}
        for name, hours in (("S1", 25), ("S2", 24), ("S3", 0))
    ]
    assert new_names([row]) == {"S2", "S3"}
    changes = [renaming(n, "77", "02 08:00:00", f"S{n}", f"S{n + 1}")[1] for n in (1, 2)]
    changes[0]["updated_at"] = late - timedelta(hours=25)
    assert newly_told(changes) == {"S2", "S3"}
    changes[1]["data"]["field"] = "status"
    assert newly_told(changes) == set()
    assert newly_told([]) == set()


async def test_a_story_is_derived_again_when_a_name_becomes_known_or_gets_its_date(
    store: Store, raw: RawStore, facts: Facts
) -> None:
    deriver = Deriver(store, facts, raw, {})
    dating = Dating("modified", lambda text: datetime.fromisoformat(text).timestamp(), remember="name")

    async def keep(hour: int, *records: Stored) -> None:
        for collection, record in records:
            name = record["_id"].removeprefix("tapd:991:")
            found = Record("991", name, record["key"], dict(record["data"]))
            named = dating if collection == "raw_tapd_iteration" else None
            await raw.upsert(collection, "tapd", [found], FIRST + timedelta(hours=hour), named)
            await deriver.derive(collection, "tapd", [record["key"]])

    async def ways() -> dict[str, list[str]]:
        return {fact["id"]: fact["segments"]["iteration"] for fact in await store.all("fact_stories")}

    text = '[{"field":"iteration_id","value_before":0,"value_after":"Now"}]'
    await keep(
        0,
        story("1"),
        story("2"),
        story("3", status="developing"),
        change(1, "1", "01 09:00:00", entry("iteration_id", 0, "Now")),
        change(2, "1", "01 10:00:00", entry("iteration_id", "Now", 0)),
        change(3, "2", "01 12:00:00", field_changes=None, changes=text),
        change(4, "2", "01 13:00:00", entry("iteration_id", "Now", 0)),
        change(5, "3", "01 09:00:00", entry("status", "planning", "developing")),
    )
    assert await ways() == {"1": ["", "Now", ""], "2": ["", "Now", ""], "3": [""] * 2}
    await keep(1, iteration("77", "Old"), iteration("78", "Now", created="2026-03-01 11:00:00"))
    assert await ways() == {"1": ["", "78", ""], "2": ["", "78", ""], "3": [""] * 2}
    await keep(2, renaming(1, "77", "01 10:30:00", "Now", "Old"))
    assert await ways() == {"1": ["", "77", ""], "2": ["", "78", ""], "3": [""] * 2}
    assert [fact["names"] for fact in await store.all("fact_iterations")] == [["Now"], []]


async def test_what_cannot_be_derived_is_kept_whole_though_a_part_of_it_was_read(
    store: Store, raw: RawStore, facts: Facts
) -> None:
    data = {"event": "story::create", "id": "1", "created": "soon", "name": "x", "rio_token": "r"}
    await raw.upsert("raw_tapd_story_hook", "tapd", [Record("991", "d1", "1", data)], FIRST)
    await Deriver(store, facts, raw, {}).derive("raw_tapd_story_hook", "tapd", ["1"])
    (kept,) = await store.all("quarantine")
    assert (kept["collection"], kept["scope"]) == ("raw_tapd_story_hook", "991")
    assert kept["reason"] == "not derived for stories: ValueError: Invalid isoformat string: 'soon'"
    assert kept["body"] == (b'{"event":"story::create","id":"1","created":"soon","name":"x","rio_token":"r"}')
    assert await store.all("fact_stories") == []
