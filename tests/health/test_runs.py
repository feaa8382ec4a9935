"""Age, runs, errors and items, worked out by hand from run records."""

from __future__ import annotations

import pytest

from metrics_api.core.security import Principal
from tests.health.conftest import Site
from tests.health.documents import MIDNIGHT, NOON, clock, mark, project, publish, run, workspace, write


async def a_morning(site: Site) -> None:
    """Bugs of two workspaces, stories that never came, and events whose last success nobody recorded."""
    await write(
        site.store,
        "runs",
        run("tapd.bugs", "1", clock("09:00"), seen=10),
        run("tapd.bugs", "1", clock("10:00"), seen=2, error="status 502"),
        run("tapd.bugs", "1", clock("11:50"), seen=4),
        run("tapd.bugs", "2", clock("10:00"), seen=7),
        run("tapd.bugs", "2", clock("11:10"), error="status 502"),
        run("tapd.bugs", "2", clock("11:20"), error="status 502"),
        run("tapd.bugs", "2", clock("11:30"), error="stopped"),
        run("tapd.stories", "1", clock("10:30"), error="not allowed"),
        run("tapd.stories", "1", clock("11:30"), error="not allowed"),
    )
    await write(
        site.store,
        "watermarks",
        mark("tapd.bugs", "1", clock("11:50")),
        mark("tapd.bugs", "2", clock("10:00")),
        mark("tapd.stories", "1", None),
        mark("gitlab.events", "7", clock("11:00") - 40 * 86_400),
    )
    await site.reader.look()


async def test_the_age_is_counted_from_the_start_of_the_last_success_that_was_over_by_then(
    site: Site,
) -> None:
    await a_morning(site)
    # Buckets begin at 09, 10, 11 and 12; the last is answered as of noon.
    assert await site.values("@health.collection.age/step=1h,product=*", clock("09:30")) == {
        "gitlab.events/7": [40 * 86_400 - 3600, 40 * 86_400, 40 * 86_400 + 3600, 40 * 86_400 + 3600],
        "tapd.bugs/1": [3600, 7200, 600, 600],
        "tapd.bugs/2": [None, 3600, 7200, 7200],
        "tapd.stories/1": [None, 1800, 5400, 5400],
    }


async def test_the_age_by_day_is_that_at_the_end_of_the_day_or_now(site: Site) -> None:
    await a_morning(site)
    target = "@health.collection.age/collector=tapd.bugs,scope=1"
    assert await site.values(target, MIDNIGHT) == {"tapd.bugs/1": [600]}
    assert await site.values("@health.collection.age/by=collector,product=A", MIDNIGHT) == {
        "gitlab.events": [40 * 86_400 + 3600],
        "tapd.bugs": [600],
        "tapd.stories": [5400],
    }
    # Split by a field it is the oldest.
    assert await site.values("@health.collection.age/by=collector,collector=tapd.bugs", MIDNIGHT) == {
        "tapd.bugs": [7200]
    }


async def test_overdue_is_what_goes_beyond_three_intervals_and_thirty_minutes(site: Site) -> None:
    await write(
        site.store,
        "runs",
        run("tapd.story_bugs", "1", clock("07:00"), interval_s=6 * 3600.0),
        run("tapd.tasks", "1", clock("11:05"), interval_s=900.0),
    )
    await a_morning(site)
    assert await site.values("@health.collection.overdue/step=1h,product=A", NOON) == {
        # Nobody knows how often its runs are planned: thirty minutes.
        "gitlab.events/7": [40 * 86_400 + 3600 - 1800],
        "tapd.bugs/1": [0],
        "tapd.stories/1": [5400 - 1800],
        "tapd.story_bugs/1": [0],
        "tapd.tasks/1": [55 * 60 - 45 * 60],
    }


async def test_runs_errors_and_items_are_counted_where_the_runs_began(site: Site) -> None:
    await a_morning(site)
    nothing = [0, 0, 0, 0]
    assert await site.values("@health.collection.runs/step=1h", clock("09:00")) == {
        "gitlab.events/7": nothing,
        "tapd.bugs/1": [1, 1, 1, 0],
        "tapd.bugs/2": [0, 1, 3, 0],
        "tapd.stories/1": [0, 1, 1, 0],
    }
    # One that was stopped on purpose did not fail.
    assert await site.values("@health.collection.errors/step=1h", clock("09:00")) == {
        "gitlab.events/7": nothing,
        "tapd.bugs/1": [0, 1, 0, 0],
        "tapd.bugs/2": [0, 0, 2, 0],
        "tapd.stories/1": [0, 1, 1, 0],
    }
    assert await site.values("@health.collection.items/by=collector,collector=tapd.bugs", MIDNIGHT) == {
        "tapd.bugs": [23]
    }
    assert await site.values("@health.collection.errors/by=product,step=all", MIDNIGHT) == {
        "A": [3],
        "B": [2],
    }


async def test_nothing_is_drawn_before_the_first_run_and_after_the_last_look(site: Site) -> None:
    await a_morning(site)
    assert await site.values(
        "@health.collection.runs/step=1h,collector=tapd.stories", clock("09:00"), clock("14:00")
    ) == {"tapd.stories/1": [None, 1, 1, 0]}
    site.now = clock("14:10")
    assert await site.values("@health.collection.runs/step=1h,scope=2", clock("11:00")) == {
        "tapd.bugs/2": [3, 0, None, None]
    }


async def test_without_any_run_there_is_one_series_without_numbers(site: Site) -> None:
    await site.reader.look()
    for name in ("age", "overdue", "runs", "errors", "items", "quarantine", "missing"):
        assert await site.values(f"@health.collection.{name}", MIDNIGHT) == {"all": []}


async def test_a_run_counts_once_it_is_over_and_only_once(site: Site) -> None:
    going_on = run("tapd.bugs", "1", clock("11:58"), state="running", finished_at=None)
    await write(site.store, "runs", going_on)
    await write(site.store, "watermarks", mark("tapd.bugs", "1", None))
    await site.reader.look()
    target = "@health.collection.runs/step=1h"
    assert await site.values(target, clock("11:00")) == {"tapd.bugs/1": [None, None]}
    await write(site.store, "runs", run("tapd.bugs", "1", clock("11:58"), seen=5))
    for _ in range(4):
        site.now += 20
        await site.reader.look()
        assert await site.values(target, clock("11:00")) == {"tapd.bugs/1": [1, 0]}
    # Later than anybody waits for the record of a run that started before.
    site.now += 3600
    await write(site.store, "runs", run("tapd.bugs", "1", clock("13:00")))
    await site.reader.look()
    assert await site.values(target, clock("11:00")) == {"tapd.bugs/1": [1, 0, 1]}


async def test_a_run_that_vanished_is_over_when_the_next_one_begins(site: Site) -> None:
    vanished = run("tapd.bugs", "1", clock("10:00"), state="running", finished_at=None)
    await write(site.store, "runs", vanished, run("tapd.bugs", "1", clock("11:00"), error="status 502"))
    await write(site.store, "watermarks", mark("tapd.bugs", "1", None))
    await site.reader.look()
    assert await site.values("@health.collection.runs", MIDNIGHT) == {"tapd.bugs/1": [2]}
    assert await site.values("@health.collection.errors", MIDNIGHT) == {"tapd.bugs/1": [1]}
    assert await site.values("@health.collection.age", MIDNIGHT) == {"tapd.bugs/1": [3600]}


async def test_a_month_of_runs_is_read_and_older_ones_are_forgotten(site: Site) -> None:
    days = (31, 29, 15, 1)
    await write(site.store, "runs", *(run("tapd.bugs", "1", NOON - day * 86_400) for day in days))
    await site.reader.look()
    target = "@health.collection.runs/step=all"
    assert await site.values(target, NOON - 40 * 86_400) == {"tapd.bugs/1": [3]}
    # Twenty days later only the youngest is within thirty days.
    site.now += 20 * 86_400
    await site.reader.look()
    assert await site.values(target, NOON - 40 * 86_400) == {"tapd.bugs/1": [1]}


async def test_what_is_no_longer_collected_has_no_age(site: Site) -> None:
    await a_morning(site)
    lists = mark("tapd.workspaces", "all", clock("11:55"), cursor={"scopes": ["1"]})
    await write(site.store, "watermarks", lists, mark("tapd.bugs", "9", clock("08:00"), instance="closed"))
    site.now += 60
    await site.reader.look()
    ages = await site.values("@health.collection.age", MIDNIGHT)
    assert set(ages) == {"gitlab.events/7", "tapd.bugs/1", "tapd.stories/1", "tapd.workspaces/all"}
    # What its runs did stays.
    assert (await site.values("@health.collection.errors", MIDNIGHT))["tapd.bugs/2"] == [2]


async def test_the_same_scope_of_two_instances_is_told_apart(site: Site) -> None:
    await publish(site.store, "workspaces", [workspace("1", "other")], seq=2)
    await write(
        site.store,
        "runs",
        run("tapd.bugs", "1", clock("11:00")),
        run("tapd.bugs", "1", clock("11:30"), instance="other"),
    )
    await site.reader.look()
    found = await site.series("@health.collection.age/scope=1", MIDNIGHT, NOON)
    assert [(one.endpoint, list(one.values), dict(one.tags)) for one in found] == [
        (
            f"tapd.bugs/{instance}:1",
            [age],
            {
                "name": "health.collection.age",
                "series": f"tapd.bugs/{instance}:1",
                "collector": "tapd.bugs",
                "scope": f"{instance}:1",
                "instance": instance,
                "product": product,
            },
        )
        for instance, age, product in (("other", 1800, "Workspace 1 (1)"), ("tapd", 3600, "A"))
    ]
    assert await site.values("@health.collection.age/instance=other", MIDNIGHT) == {"tapd.bugs/1": [1800]}


async def test_filters_select_and_unknown_values_select_nothing(site: Site) -> None:
    await a_morning(site)
    await write(site.store, "runs", run("tapd.workspaces", "all", clock("11:57")))
    await publish(site.store, "projects", [project("8", "g/b")], seq=1)
    site.now += 60
    await site.reader.look()

    async def endpoints(filters: str) -> set[str]:
        return set(await site.values(f"@health.collection.runs/{filters}", MIDNIGHT))

    assert await endpoints("workspace=2") == {"tapd.bugs/2"}
    assert await endpoints("product=A") == {"gitlab.events/7", "tapd.bugs/1", "tapd.stories/1"}
    assert await endpoints("product=N/A") == {"tapd.workspaces/all"}
    assert await endpoints("instance=gitlab") == {"gitlab.events/7"}
    # Dots come as `#` from the falcon-plus plugin.
    assert await endpoints("collector={tapd#bugs,gitlab#events},product=A") == {
        "gitlab.events/7",
        "tapd.bugs/1",
    }
    assert await site.values("@health.collection.runs/scope=99", MIDNIGHT) == {"all": []}


@pytest.mark.parametrize("name", ["age", "runs", "errors", "items"])
async def test_who_may_read_one_product_learns_nothing_of_others(site: Site, name: str) -> None:
    await a_morning(site)
    await write(site.store, "runs", run("tapd.workspaces", "all", clock("11:57")))
    site.now += 60
    await site.reader.look()
    reader = Principal("one", products=frozenset({"B"}))
    found = await site.values(f"@health.collection.{name}", MIDNIGHT, principal=reader)
    assert set(found) == {"tapd.bugs/2"}
