"""Throughput and times of completed items, worked out by hand from docs/definitions.md, sections 1 and 5."""

from __future__ import annotations

import aiohttp
import pytest

from metrics_api.catalog import load_catalog
from metrics_api.core.config import Config, Product, Stage, Stages
from metrics_api.core.days import BEIJING, buckets
from metrics_api.core.store import Store
from metrics_api.frames import ItemFrame
from metrics_api.items import found
from metrics_api.query import Filter, Query
from metrics_api.topics import STORIES
from tests.frames.facts import MONDAY, NOW, Publisher, at_once, bug, context_of
from tests.frames.lives import HOUR, STAGED, at, framed, hours, lived, sprint, told, total, week
from tests.reference.completions import COMPLETIONS, CompletionQuery
from tests.system.harness import over_falcon, over_graphite, serving

FLOW, STORY_FLOW = "@tapd.bugs.flow", "@tapd.stories.flow"
QUANTILES = ("p50", "p85", "p95")


@pytest.fixture(scope="module")
def bugs() -> ItemFrame:
    """The nine bugs of the week."""
    return framed(week())


def test_an_item_counts_where_it_was_last_done_if_it_still_is(bugs: ItemFrame) -> None:
    # 1 and 2 on Tuesday; 3 (at last), 5 and 6 on Wednesday; 8 on Thursday; 9 on Friday. 7 is dropped.
    assert told(bugs, f"{FLOW}.throughput") == {"all": [0, 2, 3, 1, 1], "dropped": [0, 0, 0, 1, 0]}


def test_an_earlier_end_is_asked_about_what_was_done_by_then(bugs: ItemFrame) -> None:
    # By the end of Tuesday 1, 2, 3, 4 and 7 are done, and 5 is dropped.
    found = told(bugs, f"{FLOW}.throughput", until=at("03-03 12:00"))
    assert found == {"all": [0, 5], "dropped": [0, 1]}
    # By the end of Wednesday 3 was done again, 5 at last, 6; 4 and 7 still are.
    found = told(bugs, f"{FLOW}.throughput", until=at("03-04 12:00"))
    assert found == {"all": [0, 4, 3], "dropped": [0, 0, 0]}


def test_days_are_those_of_the_zone(bugs: ItemFrame) -> None:
    # From Sunday, before the first record, on; 8 is done on Wednesday at 23:30.
    assert told(bugs, f"{FLOW}.throughput/tz=UTC")["all"] == [None, 0, 2, 4, 0, 1]
    assert told(bugs, f"{FLOW}.lead.time/tz=UTC")["n"] == [None, 0, 2, 4, 0, 1]


@pytest.mark.parametrize("step", ["1w", "1M", "all"])
def test_longer_steps_are_one_bucket_of_the_week(bugs: ItemFrame, step: str) -> None:
    start = at("03-01 00:00") if step == "1M" else MONDAY
    assert told(bugs, f"{FLOW}.throughput/step={step}", start) == {"all": [7], "dropped": [1]}
    found = total(hours(told(bugs, f"{FLOW}.lead.time/step={step}", start)))
    # 0, 24, 30, 47, 48, 56, 59.5: the 4th, the 6th and the 7th.
    assert found == {"p50": 47, "p85": 56, "p95": 59.5, "n": 7, "negative_n": 0}


def test_what_was_removed_counts_unless_it_is_to_be_left_out(bugs: ItemFrame) -> None:
    found = told(bugs, f"{FLOW}.throughput/deleted=exclude")
    assert found == {"all": [0, 2, 2, 1, 1], "dropped": [0, 0, 0, 1, 0]}
    assert hours(told(bugs, f"{FLOW}.lead.time/deleted=exclude"))["p50"] == [None, 24, 47, 59.5, 0]


def test_filters_look_at_the_completion_or_at_today(bugs: ItemFrame) -> None:
    assert told(bugs, f"{FLOW}.throughput/severity=fatal")["all"] == [0, 0, 0, 1, 0]
    assert told(bugs, f"{FLOW}.throughput/severity=fatal,asof=now")["all"] == [0] * 5
    assert told(bugs, f"{FLOW}.throughput/severity=normal,asof=now")["all"] == [0, 0, 0, 1, 0]
    assert told(bugs, f"{FLOW}.throughput/stage=done,by=severity") == {
        "fatal": [0, 0, 0, 1, 0],
        "fatal/dropped": [0] * 5,
        "N/A": [0, 2, 3, 0, 1],
        "N/A/dropped": [0] * 5,
    }
    assert told(bugs, f"{FLOW}.throughput/stage=dropped") == {"all": [0] * 5, "dropped": [0, 0, 0, 1, 0]}
    split = hours(told(bugs, f"{FLOW}.lead.time/by=severity,asof=now"))
    assert list(split) == [
        f"{name}/{q}" for name in ("normal", "N/A") for q in (*QUANTILES, "n", "negative_n")
    ]
    assert split["normal/p50"] == [None, None, None, 59.5, None]
    assert split["N/A/n"] == [0, 2, 3, 0, 1]


def test_lead_time_is_from_the_creation_to_the_last_completion(bugs: ItemFrame) -> None:
    # Tuesday 24 and 30, Wednesday 47, 48 and 56, Thursday 59.5; born done: 0.
    assert hours(told(bugs, f"{FLOW}.lead.time")) == {
        "p50": [None, 24, 48, 59.5, 0],
        "p85": [None] * 5,
        "p95": [None] * 5,
        "n": [0, 2, 3, 1, 1],
        "negative_n": [0] * 5,
    }


def test_what_was_done_before_it_was_created_has_no_time_and_is_counted() -> None:
    # By its changes 1 was done before Tuesday 10:00; so was 2, but it was reopened and done 6 hours after
    # that; 3 was created done on Tuesday.
    early = {"findings": ["change_before_created:status"]}
    frame = framed([
        lived(bug, "1", "03-03 10:00 closed") | early,
        lived(bug, "2", "03-03 10:00 closed", "03-03 12:00 in_progress", "03-03 16:00 closed") | early,
        lived(bug, "3", "03-03 11:00 closed"),
    ])  # fmt: skip
    assert told(frame, f"{FLOW}.throughput/step=1w")["all"] == [3]
    # 0 and 6 hours.
    assert total(hours(told(frame, f"{FLOW}.lead.time/step=1w,q=50"))) == {
        "p50": 0, "n": 2, "negative_n": 1,
    }  # fmt: skip
    assert total(hours(told(frame, f"{FLOW}.cycle.time/step=1w,q=50"))) == {
        "p50": 4, "n": 1, "skipped_n": 1, "negative_n": 1,
    }  # fmt: skip
    asked = buckets(MONDAY, NOW, "1w", BEIJING)
    for metric, expected in {
        "lead.time": {"2": 6 * HOUR, "3": 0, "1": None},
        "cycle.time": {"2": 4 * HOUR, "1": None, "3": None},
        "throughput": {"2": 6 * HOUR, "3": 0, "1": None},
    }.items():
        listed = found(frame, f"tapd.bugs.flow.{metric}", Query(asked, (), {}, window=asked, now=NOW))
        assert [(one.key.split(":")[2], one.value) for one in listed.items] == list(expected.items())
    for metric, lines in {
        "lead.time": {"p50": "23", "n": "23", "negative_n": "1"},
        "cycle.time": {"p50": "2", "n": "2", "negative_n": "1", "skipped_n": "3"},
    }.items():
        for line, ids in lines.items():
            query = Query(asked, (), {"series": line}, window=asked, now=NOW)
            listed = found(frame, f"tapd.bugs.flow.{metric}", query)
            assert "".join(one.key.split(":")[2] for one in listed.items) == ids, (metric, line)


def test_cycle_time_is_from_the_first_entry_to_work_and_tells_who_skipped_it(bugs: ItemFrame) -> None:
    # 1: 26; 3: 54, through its first completion; 6: 48. 2, 5, 8 and 9 were never in work.
    assert hours(told(bugs, f"{FLOW}.cycle.time")) == {
        "p50": [None, 26, 48, None, None],
        "p85": [None] * 5,
        "p95": [None] * 5,
        "n": [0, 1, 2, 0, 0],
        "skipped_n": [0, 1, 1, 1, 1],
        "negative_n": [0] * 5,
    }
    assert total(hours(told(bugs, f"{FLOW}.cycle.time/step=all"))) == {
        "p50": 48, "p85": None, "p95": None, "n": 3, "skipped_n": 4, "negative_n": 0,
    }  # fmt: skip


def test_time_in_a_stage_is_that_of_all_visits_before_the_completion(bugs: ItemFrame) -> None:
    found = total(hours(told(bugs, f"{FLOW}.stage.time/step=all")))
    assert found == {
        # 2, 4, 23, 24, 59.5
        "todo/p50": 23, "todo/p85": 59.5, "todo/p95": 59.5, "todo/n": 5,
        # 20, 24 + 6, 48
        "dev/p50": 30, "dev/p85": None, "dev/p95": None, "dev/n": 3,
        "test/p50": 6, "test/p85": None, "test/p95": None, "test/n": 1,
    }  # fmt: skip
    assert list(found)[::4] == ["todo/p50", "dev/p50", "test/p50"]
    shown = total(hours(told(bugs, f"{FLOW}.stage.time/step=all,stage=dev")))
    assert shown == {name: value for name, value in found.items() if name.startswith("dev/")}
    assert told(bugs, f"{FLOW}.stage.time/stage=done") == {"all": []}
    daily = hours(told(bugs, f"{FLOW}.stage.time/by=severity"))
    assert daily["fatal/todo/p50"] == [None, None, None, 59.5, None]
    assert daily["N/A/dev/p50"] == [None, 20, 30, None, None]


def test_efficiency_is_the_part_of_its_time_that_an_item_was_in_work(bugs: ItemFrame) -> None:
    # 0, 0, 0, 20 / 30, 30 / 32, 1; what was born done was in no stage.
    found = total(told(bugs, f"{FLOW}.efficiency/step=all"))
    assert found == {"p50": 0, "p85": 1, "p95": 1, "n": 6}
    assert told(bugs, f"{FLOW}.efficiency")["p50"] == [None, 0, 30 / 32, 0, None]
    assert total(told(bugs, f"{FLOW}.efficiency/step=all,q=50,60,80")) == {
        "p50": 0, "p60": 20 / 30, "p80": 30 / 32, "n": 6,
    }  # fmt: skip


def test_without_a_stage_of_waiting_there_is_no_efficiency() -> None:
    stages = (
        Stage(name="dev", statuses=("new", "in_progress", "resolved"), flag="active"),
        Stage(name="done", statuses=("closed",), flag="done"),
    )
    config = Config(product=(Product(name="A", workspaces=("1",), stages=Stages(bugs=stages)),))
    found = framed(week(), config)
    assert total(told(found, f"{FLOW}.efficiency/step=all")) == dict.fromkeys(("p50", "p85", "p95")) | {
        "n": 0
    }
    # `rejected` has no stage there: 5 was in none for a day, 7 is in none at the end.
    assert total(hours(told(found, f"{FLOW}.stage.time/step=all")))["unmapped/p50"] == 24
    assert told(found, f"{FLOW}.throughput/step=all")["all"] == [7]


def test_from_how_many_values_on_high_percentiles_are_shown_is_configured() -> None:
    product = STAGED.product[0].model_copy(update={"min_for_quantiles": 2})
    found = framed(week(), STAGED.model_copy(update={"product": (product,)}))
    assert hours(told(found, f"{FLOW}.lead.time"))["p85"] == [None, 30, 56, None, None]


def test_moves_among_done_stages_and_other_fields_are_no_completion() -> None:
    stages = (
        *(one for one in STAGED.product[0].stages.bugs if one.flag != "done"),
        Stage(name="accepted", statuses=("verified",), flag="done"),
        Stage(name="released", statuses=("closed",), flag="done"),
    )
    config = Config(
        timezone=BEIJING, product=(Product(name="A", workspaces=("1",), stages=Stages(bugs=stages)),)
    )
    steps = (
        "03-02 10:00 new",
        "03-03 10:00 verified",
        "03-04 10:00 closed",
        "03-05 10:00 closed severity=fatal",
    )
    found = framed([lived(bug, "1", *steps)], config)
    assert told(found, f"{FLOW}.throughput")["all"] == [0, 1, 0, 0, 0]
    assert told(found, f"{FLOW}.throughput/stage=accepted")["all"] == [0, 1, 0, 0, 0]
    assert told(found, f"{FLOW}.throughput/stage=released")["all"] == [0] * 5
    assert told(found, f"{FLOW}.throughput/stage=released,asof=now")["all"] == [0, 1, 0, 0, 0]


def test_stories_are_measured_alike_and_parents_left_out() -> None:
    frame = at_once(STORIES, context_of(STAGED), sprint())
    assert told(frame, f"{STORY_FLOW}.throughput")["all"] == [0, 0, 2, 0, 0]
    assert told(frame, f"{STORY_FLOW}.throughput/level=parent")["all"] == [0, 0, 1, 0, 0]
    # 24 and 48; with the parent 72.
    assert hours(told(frame, f"{STORY_FLOW}.lead.time"))["p50"] == [None, None, 24, None, None]
    assert hours(told(frame, f"{STORY_FLOW}.lead.time/level=all"))["p50"] == [None, None, 48, None, None]
    assert hours(told(frame, f"{STORY_FLOW}.cycle.time"))["p50"] == [None, None, 24, None, None]
    stages = total(hours(told(frame, f"{STORY_FLOW}.stage.time/step=all,q=50")))
    assert {name: value for name, value in stages.items() if "/n" not in name and value} == {
        "planning/p50": 24, "developing/p50": 12, "测试中/p50": 12,
    }  # fmt: skip
    assert told(frame, f"{STORY_FLOW}.efficiency")["p50"] == [None, None, 0, None, None]
    assert told(frame, f"{STORY_FLOW}.efficiency/q=95,level=all") == {
        "p95": [None] * 5,
        "n": [0, 0, 3, 0, 0],
    }


# The first line of each metric on the wires, in the week as one bucket.
FIRST = {
    "bugs.flow.throughput": ("all", 7),
    "bugs.flow.lead.time": ("p50", 47 * HOUR),
    "bugs.flow.cycle.time": ("p50", 48 * HOUR),
    "bugs.flow.stage.time": ("todo/p50", 23 * HOUR),
    "bugs.flow.efficiency": ("p50", 0),
    "stories.flow.throughput": ("all", 2),
    "stories.flow.lead.time": ("p50", 24 * HOUR),
    "stories.flow.cycle.time": ("p50", 24 * HOUR),
    "stories.flow.stage.time": ("planning/p50", 24 * HOUR),
    "stories.flow.efficiency": ("p50", 0),
}


async def test_every_metric_comes_out_of_both_wires(store: Store) -> None:
    assert [name.split(".", 1)[1] for name in FIRST] == [*COMPLETIONS, *COMPLETIONS]
    await Publisher(store).everything(bugs=week(), stories=sprint())
    queries = [CompletionQuery(f"tapd.{name}", MONDAY, NOW, NOW, step="all") for name in FIRST]
    first = {}
    async with aiohttp.ClientSession() as session, serving(store, STAGED, lambda: NOW) as url:
        for query in queries:
            falcon, graphite = [await wire(session, url, query) for wire in (over_falcon, over_graphite)]
            assert falcon == graphite
            endpoint, [(_, value)] = falcon[0]
            first[query.metric.removeprefix("tapd.")] = (endpoint, value)
    assert first == FIRST


@pytest.mark.parametrize(
    ("metric", "filters", "expected"),
    [
        ("throughput", {}, {"3": 56, "6": 48, "5": 47}),
        ("lead.time", {"severity": "N/A"}, {"3": 56, "6": 48, "5": 47}),
        ("lead.time", {"severity": "fatal"}, {}),
        ("cycle.time", {}, {"3": 54, "6": 48, "5": None}),
        # 6 was never to do; in any stage: 32, 48, 23.
        ("stage.time", {"stage": "todo"}, {"5": 23, "3": 2}),
        ("stage.time", {}, {"6": 48, "3": 32, "5": 23}),
        ("efficiency", {}, {"6": 1, "3": 30 / 32, "5": 0}),
    ],
)
def test_the_items_behind_the_completions_of_wednesday(
    bugs: ItemFrame, metric: str, filters: dict[str, str], expected: dict[str, float | None]
) -> None:
    load_catalog()
    asked = buckets(MONDAY, NOW, "1d", BEIJING)
    chosen = tuple(Filter(name, frozenset([value])) for name, value in filters.items())
    query = Query(asked.part(2, 3), chosen, {}, window=asked, now=NOW)
    listed = found(bugs, f"tapd.bugs.flow.{metric}", query)
    scale = 1 if listed.unit == "ratio" else HOUR
    values = {one.key.split(":")[2]: None if one.value is None else one.value / scale for one in listed.items}
    assert list(values.items()) == list(expected.items())
    assert listed.total == len(expected)
