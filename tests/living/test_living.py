"""What several collectors make of a company that lives on is what a fresh look at it finds."""

from __future__ import annotations

import time
import uuid

import pytest

from metrics_api.core.store import opened_store
from tests.collectors.stops import facts
from tests.living.company import living, unlike
from tests.soak import Soak

SOAK_ROUNDS, SOAK_S = 20, 20.0


async def lived(seed: int, seconds: float, mongodb_url: str, collected_before: bool) -> None:
    """Live and be collected; then the facts are those of a collection that begins now."""
    names = [f"test_{uuid.uuid4().hex[:12]}" for _ in range(2)]
    async with opened_store(mongodb_url, names[0]) as store, opened_store(mongodb_url, names[1]) as fresh:
        try:
            async with living(seed, store) as one:
                if collected_before:
                    await one.collected(store)
                await one.lived(store, seconds)
                for what in ("all", "tapd.story_bugs"):
                    for each in (store, fresh):
                        await one.collected(each, what)
                assert min(one.did.values()) > 0, one.did
                ours, theirs = await facts(store), await facts(fresh)
                found = unlike(ours, theirs)
                assert found == [], f"seed {seed}, {dict(one.did)}: {found[:3]}"
                assert await store.all("quarantine") == []
        finally:
            for each in (store, fresh):
                await each.drop()


async def test_two_collectors_and_tasks_find_in_a_living_company_what_a_fresh_look_finds(
    mongodb_url: str,
) -> None:
    await lived(1, 3.0, mongodb_url, collected_before=True)


@pytest.mark.soak
async def test_long_lives_end_with_the_facts_of_a_fresh_look(mongodb_url: str, soak: Soak) -> None:
    began = time.monotonic()
    for seed in range(SOAK_ROUNDS):
        await lived(100 + seed, SOAK_S, mongodb_url, collected_before=seed % 2 == 0)
    seconds = time.monotonic() - began
    soak.note("two collectors and tasks on a company that lives on", rounds=SOAK_ROUNDS, seconds=seconds)
