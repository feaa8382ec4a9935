"""The provisioned alert rules, evaluated by what Grafana's Go side asks a running API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from dashboards.graphite import Graphite
from metrics_api.core.store import Store
from tests.health.conftest import Site
from tests.health.documents import CONFIG, NOON, clock, differing, kept, mark, run, write
from tests.replay.alert_rules import Evaluation, evaluated, rules
from tests.replay.graphite_go import GraphiteGo, GraphiteGoWrapped
from tests.replay.panels import GRAPHITE, panels
from tests.system.harness import serving

RULES = rules("Collecting")
CLIENTS = [GraphiteGoWrapped, GraphiteGo]
each_client = pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.__name__)


@asynccontextmanager
async def asking(store: Store, client: type[GraphiteGo], now: int = NOON) -> AsyncIterator[GraphiteGo]:
    """A client of an API over the store at noon."""
    async with serving(store, CONFIG, lambda: now) as url, aiohttp.ClientSession() as session:
        yield client(session, f"{url}/graphite")


async def good_runs(store: Store) -> None:
    """Everything was read some minutes ago; a single run failed, and what failed before works again."""
    await write(
        store,
        "runs",
        run("tapd.bugs", "1", clock("11:50"), seen=4),
        run("tapd.tasks", "1", clock("10:10"), error="status 502"),
        run("tapd.tasks", "1", clock("10:20"), error="status 502"),
        run("tapd.tasks", "1", clock("11:45")),
        run("gitlab.events", "7", clock("11:40")),
        run("gitlab.events", "7", clock("11:45"), error="status 502"),
        # Planned every six hours.
        run("tapd.story_bugs", "1", clock("06:30"), interval_s=6 * 3600.0),
    )
    await write(
        store,
        "watermarks",
        mark("tapd.bugs", "1", clock("11:50")),
        mark("tapd.tasks", "1", clock("11:45")),
        mark("gitlab.events", "7", clock("11:40")),
        mark("tapd.story_bugs", "1", clock("06:30")),
    )


async def bad_runs(store: Store) -> None:
    """In workspace 2 bugs fail since ten, stories never came; GitLab's list was last read yesterday."""
    await write(
        store,
        "runs",
        run("tapd.bugs", "2", clock("10:00")),
        run("tapd.bugs", "2", clock("11:10"), error="status 502"),
        run("tapd.bugs", "2", clock("11:20"), error="status 502"),
        run("tapd.stories", "2", clock("09:00"), error="not allowed"),
        run("tapd.stories", "2", clock("11:40"), error="not allowed"),
        run("tapd.stories", "2", clock("11:50"), error="stopped"),
        run("gitlab.projects", "all", clock("12:00", day=-1)),
    )
    await write(
        store,
        "watermarks",
        mark("tapd.bugs", "2", clock("10:00")),
        mark("tapd.stories", "2", None),
        mark("gitlab.projects", "all", clock("12:00", day=-1)),
    )


def places(found: Evaluation) -> list[str]:
    """What fires, each told apart by its labels."""
    return sorted(f"{one['collector']}/{one['scope']}" for one in found.firing)


@each_client
async def test_nothing_fires_while_all_is_well(site: Site, client: type[GraphiteGo]) -> None:
    await good_runs(site.store)
    await write(site.store, "reconciliations", differing("1", "bugs", "2026-01", missing=5, repaired=5))
    await write(site.store, "quarantine", kept(1, "raw_tapd_bug", "1", clock("09:00", day=-2)))
    async with asking(site.store, client) as grafana:
        for rule in RULES.values():
            found = await evaluated(rule, grafana, NOON)
            assert (found.firing, found.no_data) == ([], False)
            assert found.normal >= 2


@each_client
async def test_stale_fires_for_each_scope_that_was_not_read_in_time(
    site: Site, client: type[GraphiteGo]
) -> None:
    await good_runs(site.store)
    await bad_runs(site.store)
    async with asking(site.store, client) as grafana:
        found = await evaluated(RULES["engmetrics-stale"], grafana, NOON)
    assert places(found) == ["gitlab.projects/all", "tapd.bugs/2", "tapd.stories/2"]
    assert found.normal == 4
    by_name = {one["collector"]: one for one in found.firing}
    assert by_name["tapd.bugs"]["product"] == "B"
    assert by_name["gitlab.projects"]["instance"] == "gitlab"


@each_client
async def test_stale_goes_by_the_minute_after_the_hour_as_well(site: Site, client: type[GraphiteGo]) -> None:
    await good_runs(site.store)
    # At 12:20 bugs of workspace 1 are 30 minutes old, and in time; at 12:21 they are not.
    for now, late in ((clock("12:20"), False), (clock("12:21"), True)):
        async with asking(site.store, client, now) as grafana:
            found = await evaluated(RULES["engmetrics-stale"], grafana, now)
        assert ("tapd.bugs/1" in places(found)) == late


@each_client
async def test_failing_fires_where_several_runs_of_the_last_hour_failed(
    site: Site, client: type[GraphiteGo]
) -> None:
    await good_runs(site.store)
    await bad_runs(site.store)
    async with asking(site.store, client) as grafana:
        found = await evaluated(RULES["engmetrics-failing"], grafana, NOON)
    # Stories failed once in that hour, and were stopped once.
    assert places(found) == ["tapd.bugs/2"]
    assert found.normal == 6


@each_client
async def test_incomplete_fires_for_what_is_missing_and_for_what_came_into_quarantine(
    site: Site, client: type[GraphiteGo]
) -> None:
    await good_runs(site.store)
    await write(
        site.store,
        "reconciliations",
        differing("1", "bugs", "2026-01", missing=5, repaired=2),
        differing("2", "stories", "2026-02", missing=5, repaired=5),
    )
    await write(
        site.store,
        "quarantine",
        kept(1, "raw_tapd_bug", "2", clock("11:10")),
        kept(2, "raw_tapd_story", "1", clock("09:00", day=-2)),
    )
    # The first trace of all is two days old, else there was nothing to grow from.
    async with asking(site.store, client) as grafana:
        found = await evaluated(RULES["engmetrics-incomplete"], grafana, NOON)
    assert places(found) == ["tapd.bugs/1", "tapd.bugs/2"]
    targets = {"health.collection.missing", "health.collection.quarantine"}
    if client is GraphiteGoWrapped:
        assert {one["name"] for one in found.firing} == targets


@each_client
async def test_incomplete_does_not_fire_before_anything_was_compared(
    site: Site, client: type[GraphiteGo]
) -> None:
    await good_runs(site.store)
    async with asking(site.store, client) as grafana:
        found = await evaluated(RULES["engmetrics-incomplete"], grafana, NOON)
    assert (found.firing, found.no_data) == ([], True)
    assert RULES["engmetrics-incomplete"]["noDataState"] == "OK"


@each_client
async def test_without_any_run_it_is_stale_and_nothing_else(store: Store, client: type[GraphiteGo]) -> None:
    states = {}
    async with asking(store, client) as grafana:
        for name, rule in RULES.items():
            found = await evaluated(rule, grafana, NOON)
            assert found.firing == []
            states[name] = rule["noDataState"] if found.no_data else "OK"
    assert states == {
        "engmetrics-stale": "Alerting",
        "engmetrics-failing": "OK",
        "engmetrics-incomplete": "OK",
    }


def test_there_are_three_rules_that_say_what_to_do_and_lead_to_a_panel() -> None:
    assert list(RULES) == ["engmetrics-stale", "engmetrics-failing", "engmetrics-incomplete"]
    board = GRAPHITE["data-health"]
    titles = {panel["id"]: panel["title"] for panel in panels(board)}
    shown = []
    for rule in RULES.values():
        leading = {"__dashboardUid__": rule["dashboardUid"], "__panelId__": str(rule["panelId"])}
        assert {key: rule["annotations"][key] for key in leading} == leading
        assert set(rule["annotations"]) == {"summary", "description", *leading}
        assert "`engmetrics " in rule["annotations"]["description"]
        assert rule["labels"] == {"service": "engmetrics", "severity": rule["labels"]["severity"]}
        assert (rule["for"], rule["execErrState"]) == ("5m", "Error")
        assert rule["dashboardUid"] == board["uid"]
        shown.append(titles[rule["panelId"]])
    assert shown == ["Overdue", "Failing runs", "Missing records"]


def test_rules_ask_the_provisioned_datasource_in_text_mode() -> None:
    for rule in RULES.values():
        letters = [step["refId"] for step in rule["data"]]
        assert rule["condition"] == letters[-1] == "C"
        for step in rule["data"]:
            assert step["model"]["refId"] == step["refId"]
            assert step["model"]["datasource"]["uid"] == step["datasourceUid"]
            if "target" in step["model"]:
                assert step["datasourceUid"] == Graphite.name
                assert step["model"]["textEditor"] is True
                # "$" would be taken for a variable of Grafana's environment, "#A" for another query.
                assert not set(step["model"]["target"]) & set("$#")
