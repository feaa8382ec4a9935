"""Misbehaviours one after the other and at once, while the company lives on."""

from __future__ import annotations

import random
import time

import pytest

from tests.misbehaviour.office import lived, newcomers, small
from tests.misbehaviour.sequences import armed
from tests.misbehaviour.twins import twins_of
from tests.soak import Soak

CHAINS, LENGTH = 2, 10
SOAK_CHAINS = 20


async def chain(seed: int, mongodb_url: str) -> None:
    """Sequences one after the other on one company; after each the facts are the same at both servers."""
    chance = random.Random(seed)
    async with twins_of(small(9), mongodb_url) as twins:
        for number in range(LENGTH):
            armed(twins.faults, chance)
            switches = [f"{one.kind} {one.path} {one.times}" for one in twins.faults.armed]
            try:
                await twins.until_well(40)
                newcomers(twins.workspace)
                await twins.agree()
            except AssertionError as error:
                raise AssertionError(f"seed {seed}, sequence {number}: {switches}: {error}") from error
            lived(twins.workspace, chance)


@pytest.mark.parametrize("seed", range(CHAINS))
async def test_sequences_of_misbehaviours_change_no_fact(seed: int, mongodb_url: str) -> None:
    await chain(seed, mongodb_url)


@pytest.mark.soak
async def test_many_sequences_of_misbehaviours_change_no_fact(mongodb_url: str, soak: Soak) -> None:
    began = time.monotonic()
    for seed in range(SOAK_CHAINS):
        await chain(1000 + seed, mongodb_url)
    soak.note(
        "random misbehaviours of TAPD while everything is collected",
        rounds=SOAK_CHAINS * LENGTH,
        seconds=time.monotonic() - began,
    )
