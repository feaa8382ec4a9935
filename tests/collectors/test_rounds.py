"""A round of a scope: later collectors walk what earlier ones have read, so they never overtake them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from collectors import Page, Since
from collectors.rounds import Round
from collectors.sources import Source
from collectors.upstream import Upstream
from metrics_api.core.errors import Fatal, StoreUnavailable
from metrics_api.core.leases import Leases
from metrics_api.core.store import Store
from tests.collectors.test_runner import Scripted, project, runner


class Earlier(Scripted):
    """Reads first."""

    name = "gitlab.earlier"


class Later(Scripted):
    """Reads what the first one found."""

    name = "gitlab.later"


class Changes(Scripted):
    """What completes the bugs."""

    upstream = "tapd"
    name = "tapd.bug_changes"
    collection = "raw_tapd_bug_change"


def round_of(store: Store, upstream: Upstream, failure: Exception | None = None) -> tuple[Round, list[Any]]:
    async def first(scope: str, since: Since) -> AsyncGenerator[Page, None]:
        if failure:
            raise failure
        yield Page([project(1)])

    async def second(scope: str, since: Since) -> AsyncGenerator[Page, None]:
        yield Page([project(2)])

    units: list[Any] = [Earlier("gitlab", first, store), Later("gitlab", second, store)]
    return Round(Source("gitlab", "gitlab", 300.0, units, upstream), runner(store), store, 30.0), units


async def test_what_comes_after_a_collector_that_another_process_runs_is_left_to_that_one(
    store: Store, upstream: Upstream
) -> None:
    one, units = round_of(store, upstream)
    async with Leases(store).held("run:gitlab.earlier:gitlab:1"):
        assert await one.scope("1", units) == [None]
    assert [record["collector"] for record in await one.scope("1", units) if record] == [
        "gitlab.earlier",
        "gitlab.later",
    ]


@pytest.mark.parametrize(
    ("failure", "ran"),
    [
        (Fatal("refused"), ["gitlab.earlier", "gitlab.later"]),
        (StoreUnavailable("away"), ["gitlab.earlier"]),
    ],
)
async def test_a_round_ends_where_the_store_does_not_answer_and_goes_on_where_the_upstream_refuses(
    failure: Exception, ran: list[str], store: Store, upstream: Upstream
) -> None:
    one, units = round_of(store, upstream, failure)
    records = [record for record in await one.scope("1", units) if record]
    assert [record["collector"] for record in records] == ran
    assert records[0]["state"] == "failed"


class Growing(Scripted):
    """Knows one scope more whenever it is asked."""

    name = "gitlab.growing"
    known = 0

    async def scopes(self) -> list[str]:
        Growing.known += 1
        return [str(number) for number in range(Growing.known)]


class Following(Growing):
    """Has the scopes of the other."""

    name = "gitlab.following"


async def test_a_scope_that_comes_while_scopes_are_looked_for_has_all_its_collectors_or_none(
    store: Store, upstream: Upstream
) -> None:
    async def nothing(scope: str, since: Since) -> AsyncGenerator[Page, None]:
        yield Page([])

    units: list[Any] = [Growing("gitlab", nothing, store), Following("gitlab", nothing, store)]
    one = Round(Source("gitlab", "gitlab", 300.0, units, upstream), runner(store), store, 30.0)
    for _ in range(3):
        assert all(found == units for found in (await one.scopes()).values())


@pytest.mark.parametrize(
    ("waits", "runs"), [({}, 0), ({"whole": True}, 1), ({"waiting": ["7"]}, 1), ({"waiting": []}, 0)]
)
async def test_a_collector_does_not_rest_while_records_wait_to_be_derived_with_its_own(
    waits: dict[str, Any], runs: int, store: Store, upstream: Upstream
) -> None:
    one, _ = round_of(store, upstream)

    async def nothing(scope: str, since: Since) -> AsyncGenerator[Page, None]:
        yield Page([])

    changes = Changes("tapd", nothing, store)
    assert len(await one.scope("1", [changes], rest_s=3600)) == 1
    bugs = {"_id": "tapd.bugs:tapd:1", "collector": "tapd.bugs", "instance": "tapd", "scope": "1"}
    await store.durable("watermarks").insert_one(bugs | waits)
    assert len(await one.scope("1", [changes], rest_s=3600)) == runs
