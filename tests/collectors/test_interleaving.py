"""Webhooks and polls in any order: in the end the facts are those of polling alone."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.deriving import Deriver, rebuild
from metrics_api.core.days import naive_epoch, utc_now
from metrics_api.core.facts import Facts
from metrics_api.core.leases import Leases
from metrics_api.core.raw import Dating, RawStore, Record
from metrics_api.core.store import Store
from tests.collectors.item_lives import ITERATIONS, KNOWN, VALUES, WORDS, Life, Turn
from tests.collectors.item_records import Stored, derived

TOPICS = {"bug": "bugs", "story": "stories"}
CHANGED = st.dictionaries(st.sampled_from(sorted(VALUES)), st.integers(0, 5), min_size=1, max_size=3)


@st.composite
def lives(draw: st.DrawFn, apart_s: int = 0) -> Life:
    """A bug or a story, whose changes are apart by so much more than a webhook's clock is ahead."""
    skew = draw(st.integers(0, 1))
    gaps = st.sampled_from([gap for gap in (0, 1, 1, 2, 2, 90, 90_000) if gap >= skew + apart_s])
    turns = draw(st.lists(st.builds(Turn, gaps, CHANGED), max_size=6))
    return Life(draw(st.sampled_from(sorted(TOPICS))), turns, draw(st.booleans()), skew)


@settings(derandomize=True, max_examples=100, deadline=None)
@given(lives(), st.data())
def test_with_the_whole_feed_what_webhooks_told_makes_no_difference(life: Life, data: st.DataObject) -> None:
    told = data.draw(st.lists(st.sampled_from(life.deliveries()), max_size=12))
    hooks = [life.hook(turn, again) for again, turn in enumerate(told)]
    expected = derived(TOPICS[life.kind], *life.polled())
    assert expected.rejected == []
    assert len(expected.facts) == 1
    records = data.draw(st.permutations([*life.polled(), *hooks]))
    assert derived(TOPICS[life.kind], *records) == expected


@settings(derandomize=True, max_examples=100, deadline=None)
@given(lives(apart_s=1), st.data())
def test_at_any_moment_a_fact_ends_with_the_newest_that_anybody_told(life: Life, data: st.DataObject) -> None:
    turns = len(life.turns)
    told = data.draw(st.lists(st.integers(0, turns), max_size=8))
    row = data.draw(st.none() | st.integers(0, turns))
    fed = data.draw(st.integers(0, turns))
    records = [*KNOWN, *(life.hook(turn, again) for again, turn in enumerate(told))]
    records += [] if row is None else [life.row(row)]
    records += [change for turn in range(1, fed + 1) for change in life.feed(turn)]
    found = derived(TOPICS[life.kind], *data.draw(st.permutations(records)))
    assert found.rejected == []
    newest = [life.times[turn] for turn in (*told, *([] if row is None else [row]))]
    if not newest:
        assert found.facts == []
        return
    # The feed's rows of a turn that changed nothing are none.
    changes = [life.times[turn] for turn in range(1, fed + 1) if life.feed(turn)]
    truth = life.state_at(max(*newest, *changes, life.times[0]))
    segments = found.facts[0]["segments"]
    assert segments["start"][0] == life.times[0]
    assert {name: segments[name][-1] for name in ("status", "module", "label")} == {
        name: truth[name] for name in ("status", "module", "label")
    }
    assert segments["iteration"][-1] == (truth["iteration_id"] if ITERATIONS[truth["iteration_id"]] else "")
    words = WORDS if life.kind == "story" else {"": "", "2": "2", "4": "4"}
    assert segments["priority"][-1] == words[truth["priority"]]


class Collecting:
    """Stores records as collectors and the inbox do, and derives after each."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._raw = RawStore(store)
        self._deriver = Deriver(store, Facts(store, Leases(store)), self._raw, {})
        self._at = utc_now() - timedelta(days=1)

    async def keep(self, records: Iterable[Stored]) -> None:
        for collection, record in records:
            self._at += timedelta(seconds=1)
            one = Record("991", record["_id"].removeprefix("tapd:991:"), record["key"], dict(record["data"]))
            row = collection.removeprefix("raw_tapd_") in (*TOPICS, "iteration")
            dating = Dating("modified", naive_epoch, "name" if "iteration" in collection else "")
            await self._raw.upsert(collection, "tapd", [one], self._at, dating if row else None)
            await self._deriver.derive(collection, "tapd", [record["key"]])

    async def facts(self, collection: str) -> list[dict[str, Any]]:
        stamps = ("generation", "seq")
        return [
            {name: value for name, value in fact.items() if name not in stamps}
            for fact in await self.store.all(collection)
        ]


@pytest.mark.parametrize("kind", sorted(TOPICS))
@pytest.mark.parametrize("seed", range(2))
async def test_the_store_ends_with_the_facts_of_polling_alone_and_so_does_a_rebuild(
    store: Store, kind: str, seed: int
) -> None:
    rng = random.Random(f"{kind}{seed}")
    turns = [
        Turn(rng.choice((1, 2, 500)), {name: rng.randrange(6) for name in rng.sample(sorted(VALUES), 2)})
        for _ in range(8)
    ]
    life = Life(kind, turns, deleted=seed == 1)
    expected = derived(TOPICS[kind], *life.polled()).facts
    hooks = [life.hook(turn, again) for again in range(2) for turn in life.deliveries() if rng.random() < 0.8]
    rows = [life.row(turn) for turn in range(0, 9, 2)]
    feed = [life.feed(turn) for turn in range(1, 9)]
    batches: list[list[Stored]] = [[one] for one in (*hooks, *rows, *KNOWN)]
    rng.shuffle(batches)
    # The feed comes in its own order, whatever comes between.
    for place, changes in zip(sorted(rng.sample(range(len(batches)), len(feed))), feed, strict=True):
        batches.insert(place, changes)
    collecting = Collecting(store)
    for batch in batches:
        await collecting.keep(batch)
    await collecting.keep(life.polled())
    assert await collecting.facts(f"fact_{TOPICS[kind]}") == [
        fact | {"tombstone": False} for fact in expected
    ]
    await rebuild(store, TOPICS[kind])
    assert await collecting.facts(f"fact_{TOPICS[kind]}_2") == [
        fact | {"tombstone": False} for fact in expected
    ]
