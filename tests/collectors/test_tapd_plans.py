"""Iterations' changes and releases: what is asked, and of which address."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from collectors import Identity, Since
from collectors.tapd_client import TapdClient
from collectors.tapd_plans import IterationChanges, Releases
from metrics_api.core.errors import Fatal
from metrics_api.core.raw import RawStore, Record
from metrics_api.core.store import Store
from tests.collectors.conftest import Fake, envelope, listing, succeeded
from tests.collectors.test_tapd_bugs import read

NOW = datetime(2026, 3, 5, 16, 30, tzinfo=UTC)


async def iterations(store: Store, *names: str, at: datetime = NOW) -> None:
    records = [Record("991", name, name, {"id": name, "at": at.isoformat()}) for name in names]
    await RawStore(store).upsert("raw_tapd_iteration", "tapd", records, at)


@pytest.fixture
def changes(fake: Fake) -> Fake:
    """One change of each iteration; they are listed by the iteration only."""

    async def answer(request: Any) -> Any:
        name = request.query.get("iteration_id")
        if not name:
            return envelope("", 422, "iteration_id is required", 422)
        row = {"id": f"c{name}", "iteration_id": name, "created": "2026-03-01 09:00:00"}
        return envelope([{"IterationChange": row}])

    fake.routes["/iteration_changes"] = answer
    return fake


def asked(fake: Fake) -> list[str]:
    return [query["iteration_id"] for query in fake.queries("/iteration_changes")]


async def test_the_changes_of_every_iteration_are_read_at_first(
    changes: Fake, tapd: TapdClient, store: Store
) -> None:
    await iterations(store, "1", "2", "3")
    await RawStore(store).upsert("raw_tapd_iteration", "tapd", [Record("992", "4", "4", {"id": "4"})], NOW)
    await succeeded(store, "tapd.iterations", NOW)
    unit = IterationChanges("tapd", tapd, store)
    # Two pages for each iteration: its changes, and the note that they are read.
    found, cursor = await read(unit.fetch("991", Since(None, {}, NOW)), pages=4)
    assert (found, cursor) == (["c1", "c2"], {"n": 2})
    found, cursor = await read(unit.fetch("991", Since(None, cursor, NOW)))
    assert (found, cursor) == (["c3"], {"rows": NOW})
    assert asked(changes) == ["1", "2", "3"]


async def test_later_only_the_changes_of_iterations_that_changed_are_read(
    changes: Fake, tapd: TapdClient, store: Store
) -> None:
    first, second = (datetime(2026, 3, 5, hour, 0, tzinfo=UTC) for hour in (10, 15))
    await iterations(store, "1", "2", at=first)
    await iterations(store, "2", at=second)
    unit = IterationChanges("tapd", tapd, store)
    await succeeded(store, "tapd.iterations", second)
    # What the rows' run of 15:00 found had not been looked at by then, however long that run took.
    since = Since(datetime(2026, 3, 5, 16, 20, tzinfo=UTC), {"rows": first}, NOW)
    found, cursor = await read(unit.fetch("991", since))
    assert (found, cursor) == (["c2"], {"rows": second})
    assert asked(changes) == ["2"]
    assert await read(unit.fetch("991", Since(NOW, cursor, NOW))) == ([], {"rows": second})
    assert asked(changes) == ["2"]


def test_a_change_belongs_to_its_iteration(tapd: TapdClient, store: Store) -> None:
    unit = IterationChanges("tapd", tapd, store)
    assert unit.identify({"id": "9", "iteration_id": "1"}, {}) == Identity("9", "1")


async def test_releases_are_read_at_the_newer_address(fake: Fake, tapd: TapdClient, store: Store) -> None:
    row = {"id": "1", "created": "2026-03-01 09:00:00", "modified": "2026-03-01 09:00:00"}
    fake.routes["/new_releases"] = listing([row], "Release")
    unit = Releases("tapd", tapd, store)
    assert await read(unit.fetch("991", Since(None, {}, NOW))) == (["1"], {})
    since = Since(datetime(2026, 3, 4, 16, 30, tzinfo=UTC), {}, NOW)
    assert await read(unit.fetch("991", since)) == ([], {})
    assert [query.get("modified") for query in fake.queries("/new_releases")] == [None, ">2026-03-04"]
    assert fake.queries("/releases") == []


async def test_releases_are_read_at_the_older_address_where_the_newer_one_is_not_known(
    fake: Fake, tapd: TapdClient, store: Store
) -> None:
    row = {"id": "1", "created": "2026-03-01 09:00:00", "modified": "2026-03-01 09:00:00"}
    fake.routes["/releases"] = listing([row], "Release")
    found, _ = await read(Releases("tapd", tapd, store).fetch("991", Since(None, {}, NOW)))
    assert found == ["1"]
    del fake.routes["/releases"]
    with pytest.raises(Fatal, match="/releases: TAPD knows no such address"):
        await read(Releases("tapd", tapd, store).fetch("991", Since(None, {}, NOW)))
