"""Every defect metric through both wires, over real sockets and the real store."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp

from metrics_api.catalog import load_catalog
from metrics_api.core.sections import Escape
from metrics_api.core.store import Store
from tests.frames.defects import CONFIG, A, lines, rendered, six
from tests.frames.facts import MONDAY, NOW, Publisher, context_of, story
from tests.system.harness import serving

TARGETS = (
    "@tapd.bugs.distribution/by=severity",
    "@tapd.bugs.matrix",
    "@tapd.bugs.age",
    "@tapd.bugs.overdue",
    "@tapd.bugs.di",
    "@tapd.bugs.di.introduced",
    "@tapd.bugs.gate",
    "@tapd.bugs.untouched",
    "@tapd.bugs.reopen.rate",
    "@tapd.bugs.reopen.count",
    "@tapd.bugs.invalid.rate/by=resolution",
    "@tapd.bugs.fix.time/q={50,85}",
    "@tapd.bugs.response.time/calendar=work",
    "@tapd.bugs.verify.time",
    "@tapd.bugs.escape.rate/product=A",
    "@tapd.bugs.escape.version",
    "@tapd.bugs.density",
)
ESCAPE = Escape(field="source", production=("live",))
MAPPED = CONFIG.model_copy(update={"product": (A.model_copy(update={"escape": ESCAPE}),)})


async def test_each_metric_is_the_same_on_both_wires(store: Store) -> None:
    bugs, stories = [one | {"stories": ["1"]} for one in six()], [story("1", (0, {"status": "planning"}))]
    await Publisher(store).everything(bugs=bugs, stories=stories)
    async with aiohttp.ClientSession() as session, serving(store, MAPPED, lambda: NOW) as url:
        for target in TARGETS:
            answer = await asyncio.to_thread(rendered, target, bugs, stories, context_of(MAPPED))
            expected = lines(answer)
            form = {"target": target, "from": str(MONDAY), "until": str(NOW), "format": "json"}
            async with session.post(f"{url}/graphite/render", data=form) as response:
                graphite = await response.json()
            async with session.post(f"{url}/api/v1/grafana/render", data=form) as response:
                falcon = await response.json()
            assert {
                one["tags"]["series"]: [value for value, _ in one["datapoints"]] for one in graphite
            } == expected, target
            assert {
                one["endpoint"]: [point["value"] for point in one["Values"]] for one in falcon
            } == expected, target
            counter = target.removeprefix("@tapd.").partition("/")[0]
            assert {one["counter"] for one in falcon} == {counter}


async def test_a_refused_question_says_which_setting_it_wants(store: Store) -> None:
    await Publisher(store).everything(bugs=six())
    form = {"target": "@tapd.bugs.escape.rate", "from": str(MONDAY), "until": str(NOW), "format": "json"}
    async with (
        aiohttp.ClientSession() as session,
        serving(store, CONFIG, lambda: NOW) as url,
        session.post(f"{url}/graphite/render", data=form) as response,
    ):
        assert (response.status, await response.json()) == (200, [])
        assert "[product.escape]" in response.headers["X-Engmetrics-Skipped"]


def test_what_is_asked_here_is_every_defect_metric_but_the_first_ones() -> None:
    names = {target.removeprefix("@").partition("/")[0] for target in TARGETS}
    known = {
        name for name in load_catalog().metrics if name.startswith("tapd.bugs.") and ".flow." not in name
    }
    assert known - names == {"tapd.bugs.change.daily", "tapd.bugs.backlog.daily"}


def tags_of(target: str) -> dict[str, Any]:
    """The tags of the first series of an answer."""
    return dict(rendered(target, six()).series[0][0].tags)


def test_tags_say_what_a_number_is_taken_with() -> None:
    # All of the week is younger than two weeks.
    assert tags_of("@tapd.bugs.reopen.rate")["maturing"] == "2026-03-02"
    assert tags_of("@tapd.bugs.response.time/calendar=work")["calendar"] == "work"
    [gate] = [one for one in rendered("@tapd.bugs.di/product=A", six()).series[0] if one.endpoint == "gate"]
    assert (gate.tags["fatal"], gate.tags["serious"]) == ("0", "1")
