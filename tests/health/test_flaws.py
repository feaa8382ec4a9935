"""Quarantine, differences, broken chains and unmapped statuses, worked out by hand."""

from __future__ import annotations

import pytest

from collectors import registry
from metrics_api.collecting import collector_of
from tests.health.conftest import Site
from tests.health.documents import (
    MIDNIGHT,
    NOON,
    bug,
    clock,
    differing,
    kept,
    mark,
    publish,
    run,
    write,
)


async def test_quarantine_counts_what_lies_there_by_when_it_came(site: Site) -> None:
    await write(site.store, "runs", run("tapd.bugs", "1", clock("08:00")))
    await write(
        site.store,
        "quarantine",
        kept(1, "raw_tapd_bug", "1", clock("09:10")),
        kept(2, "raw_tapd_bug", "1", clock("10:10")),
        kept(3, "raw_tapd_story", "2", clock("10:20")),
        # A delivery that could not be read belongs to no scope.
        kept(4, "raw_gitlab_hook", "", clock("11:10"), instance="", delivery={"instance": "gitlab"}),
    )
    await site.reader.look()
    target = "@health.collection.quarantine"
    assert await site.values(f"{target}/step=1h", clock("08:00")) == {
        "gitlab.hooks/N/A": [0, 0, 0, 1, 1],
        "tapd.bugs/1": [0, 1, 2, 2, 2],
        "tapd.stories/2": [0, 0, 1, 1, 1],
    }
    assert await site.values(f"{target}/by=product", MIDNIGHT) == {"A": [2], "B": [1], "N/A": [1]}
    # What was read again successfully is gone, from all of its history.
    await site.store.remove("quarantine", ["kept-2"])
    site.now += 60
    await site.reader.look()
    assert await site.values(f"{target}/step=1h,scope=1", clock("09:00")) == {"tapd.bugs/1": [1, 1, 1, 1]}


async def test_missing_is_what_was_not_repaired_and_null_where_nothing_is_told(site: Site) -> None:
    await write(site.store, "runs", run("tapd.bugs", "1", clock("08:00")))
    await site.reader.look()
    assert await site.values("@health.collection.missing", MIDNIGHT) == {"all": []}
    await write(
        site.store,
        "reconciliations",
        differing("1", "bugs", "2026-01", missing=50, repaired=48),
        differing("1", "bugs", "2026-02", missing=3, extra=2, repaired=4),
        differing("2", "bug_changes", "2026-02", missing=5, repaired=5),
    )
    site.now += 60
    await site.reader.look()
    assert await site.values("@health.collection.missing", MIDNIGHT) == {
        "tapd.bug_changes/2": [0],
        "tapd.bugs/1": [3],
    }
    assert await site.values("@health.collection.missing/by=product", MIDNIGHT) == {"A": [3], "B": [0]}


async def test_broken_chains_are_counted_by_workspace_and_follow_the_facts(site: Site) -> None:
    await write(site.store, "runs", run("tapd.bugs", "1", clock("08:00")))
    facts = [
        bug(1, "1", ["new"], ["broken_chain:status"]),
        bug(2, "1", ["new"], ["repaired_end:severity", "broken_chain:status"]),
        bug(3, "1", ["new"], ["renamed:iteration", "parallel_step"]),
        bug(4, "2", ["new"], []),
    ]
    await publish(site.store, "bugs", facts)
    await site.reader.look()
    target = "@health.collection.broken.chains"
    assert await site.values(target, MIDNIGHT) == {"tapd.bugs/1": [2], "tapd.bugs/2": [0]}
    mended = [bug(1, "1", ["new"], []), bug(2, "1", ["new"], ["broken_chain:status"]) | {"tombstone": True}]
    await publish(site.store, "bugs", [*mended, bug(5, "2", ["new"], ["repaired_end:status"])], seq=4)
    site.now += 60
    await site.reader.look()
    assert await site.values(target, MIDNIGHT) == {"tapd.bugs/1": [0], "tapd.bugs/2": [1]}
    assert await site.values(f"{target}/by=product,product=B", MIDNIGHT) == {"B": [1]}


async def test_unmapped_are_the_statuses_that_items_ever_had_and_that_no_stage_has(site: Site) -> None:
    await write(site.store, "runs", run("tapd.bugs", "1", clock("08:00")))
    facts = [
        bug(1, "1", ["new", "待转测", "closed"], []),
        bug(2, "1", ["待转测", "suspended"], []),
        bug(3, "2", ["new", "待转测"], []),
    ]
    await publish(site.store, "bugs", facts)
    await site.reader.look()
    target = "@health.collection.unmapped"
    assert await site.values(target, MIDNIGHT) == {"tapd.bugs/1": [2], "tapd.bugs/2": [1]}
    # By status: in how many workspaces it is unmapped.
    assert await site.values(f"{target}/by=status", MIDNIGHT) == {"suspended": [1], "待转测": [2]}
    assert await site.values(f"{target}/by=status,product=B", MIDNIGHT) == {"待转测": [1]}
    assert await site.values(f"{target}/status=suspended", MIDNIGHT) == {
        "tapd.bugs/1": [1],
        "tapd.bugs/2": [0],
    }
    await publish(site.store, "bugs", [bug(number, "1", ["new"], []) for number in (1, 2)], seq=3)
    await publish(site.store, "bugs", [bug(3, "2", ["closed"], [])], seq=5)
    site.now += 60
    await site.reader.look()
    assert await site.values(target, MIDNIGHT) == {"tapd.bugs/1": [0], "tapd.bugs/2": [0]}
    assert await site.values(f"{target}/by=status", MIDNIGHT) == {"N/A": [0]}


async def test_a_workspace_that_is_gone_has_no_flaws_to_mend(site: Site) -> None:
    lists = mark("tapd.workspaces", "all", clock("11:55"), cursor={"scopes": ["2"]})
    await write(site.store, "watermarks", lists)
    await write(site.store, "reconciliations", differing("1", "bugs", "2026-01", missing=1))
    broken = ["broken_chain:status"]
    await publish(site.store, "bugs", [bug(1, "1", ["odd"], broken), bug(2, "2", ["odd"], broken)])
    await site.reader.look()
    for name in ("broken.chains", "unmapped"):
        assert await site.values(f"@health.collection.{name}", NOON) == {"tapd.bugs/2": [1]}
    assert await site.values("@health.collection.missing", NOON) == {"all": []}


@pytest.mark.parametrize(
    "collection, name",
    [
        ("raw_tapd_bug", "tapd.bugs"),
        ("raw_tapd_category", "tapd.categories"),
        ("raw_tapd_last_steps", "tapd.last_steps"),
        ("raw_tapd_removed_story", "tapd.removed_stories"),
        ("raw_gitlab_event", "gitlab.events"),
        ("raw_gitlab_hook", "gitlab.hooks"),
        ("raw_tapd_bug_hook", "tapd.bug_hooks"),
    ],
)
def test_a_raw_collection_tells_who_fills_it(collection: str, name: str) -> None:
    assert collector_of(collection) == name
    unit = registry().get(name)
    assert unit is None or unit.collection == collection
