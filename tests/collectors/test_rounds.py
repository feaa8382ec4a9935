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
