"""What a dry run says: the requests it foresees are those that a collection then sends."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from collectors.rehearsal import Rehearsed, rehearse
from collectors.scheduler import collect
from metrics_api.core.config import Config, Product, Stage, Stages
from metrics_api.core.errors import UnknownName
from metrics_api.core.orders import orders
from metrics_api.core.settings import Settings
from metrics_api.core.store import Store
from simulator import Running
from simulator.products import PRODUCTS
from tests.collectors.conftest import HASTY
from tests.tasks.conftest import Commands

TODAY = datetime.now(UTC).date()
SINCE = (TODAY - timedelta(days=10)).isoformat()


async def all_of(settings: Settings, store: Store, scope: str = "") -> list[Rehearsed]:
    asked = await orders(settings.config, store, "backfill", SINCE, scope)
    return [one async for _, one in rehearse(settings, store, asked)]


async def test_a_first_collection_takes_about_as_many_requests_as_were_foreseen(
    settings: Settings, store: Store, simulated: Running
) -> None:
    found = await all_of(settings, store)
    assert await store.all("watermarks") == []
    foreseen: Counter[str] = Counter()
    for one in found:
        assert all(expected.since is None for expected in one.expected)
        foreseen.update({expected.collector: expected.requests for expected in one.expected})
    runs = await collect(settings, store, once="all", patience=HASTY)
    sent: Counter[str] = Counter()
    for run in runs:
        sent[run["collector"]] += run["requests"]
    assert foreseen.keys() == sent.keys()
    for name, requests in sent.items():
        # A list is asked once more for what came meanwhile, a feed's full day for its next page.
        assert abs(foreseen[name] - requests) <= max(6, requests // 10), (name, foreseen[name], requests)


async def test_what_was_collected_is_foreseen_from_the_day_on(
    settings: Settings, collected: Store, simulated: Running
) -> None:
    workspace = sorted(simulated.company.workspaces)[0]
    (one,) = [one for one in await all_of(settings, collected) if one.scope == workspace]
    by_name = {expected.collector: expected for expected in one.expected}
    assert {expected.since.isoformat() for expected in one.expected if expected.since} == {SINCE}
    # Who was removed, ten days, today and one of overlap; on TAPD's clocks it may be tomorrow already.
    assert by_name["tapd.bug_changes"].requests in (13, 14)
    assert by_name["tapd.bugs"].requests == 1


async def test_a_scope_that_is_not_there_is_told_in_words(
    settings: Settings, store: Store, simulated: Running
) -> None:
    there = ", ".join(sorted(simulated.company.workspaces))
    with pytest.raises(UnknownName) as refused:
        await all_of(settings, store, "12")
    assert str(refused.value) == f"scope '12' is not there: tapd has {there}"


async def test_stages_are_guessed_unless_they_are_configured(
    settings: Settings, store: Store, simulated: Running
) -> None:
    known, guessed = (product.workspace_id for product in PRODUCTS)
    stages = Stages(bugs=(Stage(name="all", statuses=("new", "closed"), flag="waiting"),))
    product = Product(name="P", workspaces=(known,), stages=stages)
    config: Config = settings.config.model_copy(update={"product": (product,)})
    found = {one.scope: one for one in await all_of(Settings(config, settings.environment), store)}
    (bugs, stories) = found[known].stages
    assert (bugs.topic, bugs.guessed, [stage.name for stage in bugs.stages]) == ("bugs", False, ["all"])
    assert (stories.topic, stories.guessed) == ("stories", True)
    (bugs, _) = found[guessed].stages
    statuses = {status for stage in bugs.stages for status in stage.statuses}
    assert bugs.guessed
    assert {"new", "in_progress", "resolved", "closed"} <= statuses
    assert bugs.stages[-1].flag in ("done", "dropped")


async def test_a_dry_run_prints_requests_time_and_stages_and_asks_for_nothing(
    engmetrics: Commands, store: Store, simulated: Running
) -> None:
    status, out, err = await engmetrics.done("collect", "--backfill", "--since", SINCE, "--dry-run")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[:2] == ["tapd: 1 request", "    tapd.workspaces                1  from the beginning"]
    assert any(re.fullmatch(r"    tapd\.bug_changes +2\d  from the beginning", line) for line in lines)
    at = lines.index("    stages of bugs, guessed")
    assert lines[at + 1] == "        new (waiting): new"
    assert re.fullmatch(
        r"tapd tapd: at least \d+ requests; at 100000 a minute that takes some 1 minute", lines[-2]
    )
    assert lines[-1].startswith("gitlab gitlab: at least ")
    assert await store.all("tasks") == []
    assert await store.all("watermarks") == []
