"""A record that vanished upstream is marked, counts as removed from then on, and is well when it is back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from collectors.derive.iterations import DERIVATION as ITERATIONS
from metrics_api.core.days import BEIJING, naive_epoch
from metrics_api.core.envelopes import Dating, Record
from metrics_api.core.raw import RawStore
from metrics_api.core.schema import VANISHED
from metrics_api.core.store import Store
from tests.collectors.bug_records import gone, iteration, only, row

SEEN = datetime(2026, 3, 10, 12, tzinfo=UTC)
WENT = datetime(2026, 3, 20, 3, tzinfo=UTC)
BUG = "tapd:991:1"


def dating() -> Dating:
    return Dating("modified", lambda text: naive_epoch(text, BEIJING))


async def read(store: Store, at: datetime, **data: Any) -> set[str]:
    """Store the bug as read at an instant; returns what is to be derived."""
    record = Record("991", "1", "1", row("1", **data)["data"])
    outcome = await RawStore(store).upsert("raw_tapd_bug", "tapd", [record], at, dating())
    return outcome.touched


async def mark(store: Store, why: str = VANISHED) -> None:
    marks = {BUG: (int(WENT.timestamp()), why)}
    await RawStore(store).stamp_removed("raw_tapd_bug", marks, dating())


async def why(store: Store) -> str | None:
    return (await store.one("raw_tapd_bug", BUG) or {}).get("removed_why")


async def test_one_that_vanished_is_well_as_soon_as_it_is_read_again_unchanged(store: Store) -> None:
    await read(store, SEEN)
    await mark(store)
    assert await why(store) == "vanished"
    # A run that began before cannot know better.
    assert await read(store, WENT - timedelta(minutes=1)) == set()
    assert await why(store) == "vanished"
    assert await read(store, WENT + timedelta(minutes=1)) == {"1"}
    assert await why(store) is None
    assert await read(store, WENT + timedelta(minutes=2)) == set()


@pytest.mark.parametrize("told", ["deleted", "merged", "unlinked"])
async def test_one_that_was_told_to_be_gone_is_not_back_unchanged(store: Store, told: str) -> None:
    await read(store, SEEN)
    await mark(store, told)
    assert await read(store, WENT + timedelta(minutes=1)) == set()
    assert await why(store) == told


async def test_the_list_of_removed_ones_knows_better_than_the_mark(store: Store) -> None:
    await read(store, SEEN)
    await mark(store)
    told = {BUG: (int(WENT.timestamp()) - 3600, "deleted")}
    await RawStore(store).stamp_removed("raw_tapd_bug", told, dating())
    assert await why(store) == "deleted"


def marked(record: dict[str, Any]) -> dict[str, Any]:
    return record | {"removed_at": WENT, "removed_why": VANISHED}


def test_an_item_counts_until_it_was_found_gone() -> None:
    fact = only(marked(row("1")))
    assert (fact["removed_at"], fact["removed_why"]) == (int(WENT.timestamp()), "vanished")
    assert fact["findings"] == []


def test_what_the_list_of_removed_ones_tells_goes_before_the_mark() -> None:
    fact = only(marked(row("1")), gone("1", "12 09:00:00"))
    assert (fact["removed_at"], fact["removed_why"]) == (1773277200, "deleted")


def test_a_mark_for_another_reason_is_told_by_other_records() -> None:
    fact = only(row("1") | {"removed_at": WENT, "removed_why": "deleted"})
    assert fact["removed_at"] is None


def test_one_modified_after_it_was_found_gone_is_there() -> None:
    assert only(marked(row("1", modified="2026-03-21 09:00:00")))["removed_at"] is None


def test_an_iteration_that_vanished_is_gone_since() -> None:
    record = marked(iteration("51", "Sprint"))
    record["data"] |= {"created": "2026-03-02 09:00:00"}
    (fact,) = ITERATIONS.derive({"raw_tapd_iteration": [record]}, BEIJING).facts
    assert fact["removed_at"] == int(WENT.timestamp())
