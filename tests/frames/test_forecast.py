"""Forecasts whose chances can be worked out by hand, and what stands in their way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from metrics_api.core.schema import FEEDS
from metrics_api.core.security import READ_ALL
from metrics_api.core.store import Document
from metrics_api.evaluate import Evaluator
from metrics_api.frames import ItemFrame
from metrics_api.series import Series
from metrics_api.topics import BUGS, STORIES, ItemTopic
from metrics_api.world import World
from tests.frames.facts import CONFIG, DAY_S, MONDAY, NOW, bug, context_of, story
from tests.frames.sprints import frame_of

FORECAST = "@tapd.stories.flow.forecast"
PLANNED, DONE = {"status": "planning"}, {"status": "resolved"}
FRIDAY = 4
# The whole days that are looked back on, by Friday noon: from the 9th of January to the 5th of March.
DAYS = range(FRIDAY - 56, FRIDAY)


def done(id: str, day: int) -> Document:
    """A story planned long ago and done on a day."""
    return story(id, (-90, PLANNED), (day, DONE))


def one_each(days: Sequence[int]) -> list[Document]:
    """A story done on each of some days."""
    return [done(f"done {number}", day) for number, day in enumerate(days)]


def open_ones(count: int) -> list[Document]:
    """Stories that are planned since long ago."""
    return [story(f"open {number}", (-90, PLANNED)) for number in range(count)]


def frame_with(items: Sequence[Document], topic: ItemTopic = STORIES) -> ItemFrame:
    """A frame of some items."""
    return frame_of(topic, context_of(CONFIG), items)


def series(frame: ItemFrame, target: str, until: int = NOW, now: int = NOW) -> list[Series]:
    """The answer to a target for a window that ends at some time."""
    topic, context = frame.topic.name, frame.context
    known = {(name, key): now for name in FEEDS[topic] for key in context.workspaces}
    reader: Any = SimpleNamespace(world=World(context, {topic: frame}, versions={topic: 1}, known=known))
    evaluator = Evaluator(reader, clock=lambda: now)
    try:
        rendered = asyncio.run(evaluator.render([target], MONDAY, until, READ_ALL))
    finally:
        evaluator.close()
    assert rendered.skipped == []
    return rendered.series[0]


def forecast(stories: Sequence[Document], pairs: str = "", **more: int) -> dict[str, Any]:
    """The one value of each endpoint, and the reason if there is one."""
    found = series(frame_with(stories), f"{FORECAST}/{pairs}" if pairs else FORECAST, **more)
    assert all(len(one.values) == 1 for one in found)
    values = {one.endpoint: one.values[0] for one in found}
    [reason] = {one.tags.get("reason") for one in found}
    return values | ({"reason": reason} if reason else {})


def midnight(day: int) -> int:
    """The beginning of a day, so many after Monday, in Beijing."""
    return MONDAY + day * DAY_S


def test_at_one_a_day_five_are_done_in_five_days() -> None:
    found = forecast([*one_each(DAYS), *open_ones(5)])
    assert found == {"p50": midnight(9), "p85": midnight(9), "remaining": 5, "n": 56}
    assert list(found) == ["p50", "p85", "remaining", "n"]


def test_the_point_stands_at_the_day_the_window_ends_on() -> None:
    [first, *_] = series(frame_with(one_each(DAYS)), FORECAST)
    assert list(first.timestamps) == [midnight(FRIDAY)]
    assert first.partial


def test_a_day_that_is_over_is_looked_back_on() -> None:
    # As of Thursday night: the days from the 9th of January on, the next is Friday.
    found = forecast([*one_each(DAYS), *open_ones(5)], until=NOW - DAY_S)
    assert found == {"p50": midnight(8), "p85": midnight(8), "remaining": 5, "n": 56}
    # As of Wednesday night the first day is one earlier, on which nothing was done, and one more is left.
    found = forecast([*one_each(DAYS), *open_ones(5)], until=NOW - 2 * DAY_S)
    assert (found["remaining"], found["n"]) == (6, 55)


def test_what_is_done_today_is_not_left_but_makes_no_pace() -> None:
    found = forecast([*one_each([*DAYS, FRIDAY]), *open_ones(5)])
    assert found == {"p50": midnight(9), "p85": midnight(9), "remaining": 5, "n": 56}


def test_nothing_left_is_done_today() -> None:
    assert forecast(one_each(DAYS)) == {"p50": midnight(4), "p85": midnight(4), "remaining": 0, "n": 56}


def test_chances_are_those_of_days_drawn_at_random() -> None:
    # Of four days three bring nothing and one brings two: one piece of work takes a day with a chance of 1/4.
    # After n days it is done with a chance of 1 - 0.75^n: 0.44 and 0.58, 0.82 and 0.87 after 2, 3, 6 and 7.
    found = forecast([*one_each([day for day in DAYS if day % 4 == 0] * 2), *open_ones(1)])
    assert found == {"p50": midnight(4 + 3), "p85": midnight(4 + 7), "remaining": 1, "n": 28}


def test_the_same_question_has_the_same_answer() -> None:
    stories = [*one_each([day for day in DAYS if day % 3 == 0] * 3), *open_ones(200)]
    found = [forecast(stories, "product=A") for _ in range(3)]
    assert found[0] == found[1] == found[2]
    # 57 done in 56 days, by 19 good ones: 200 take some 67 good days, of which there is one in three.
    assert midnight(180) < found[0]["p50"] < found[0]["p85"] < midnight(240)


def test_nineteen_completions_are_not_enough_and_it_says_so() -> None:
    found = forecast([*one_each(range(-19, 0)), *open_ones(3)])
    assert found == {
        "p50": None,
        "p85": None,
        "remaining": 3,
        "n": 19,
        "reason": "not enough data: 19 completions in 56 days, 20 are needed",
    }
    assert forecast([*one_each(range(-20, 0)), *open_ones(3)])["p50"] is not None


def test_only_last_completions_count_and_what_is_dropped_is_none() -> None:
    stories = [
        *one_each(range(-20, 0)),
        story("dropped", (-90, PLANNED), (-5, {"status": "rejected"})),
        # Done twice: the last time counts. Done, but open again: left.
        story("twice", (-90, PLANNED), (-8, DONE), (-7, PLANNED), (-6, DONE)),
        story("again", (-90, PLANNED), (-8, DONE), (-7, PLANNED)),
        # Done before the days that are looked back on; done and deleted.
        done("early", FRIDAY - 57),
        story("gone", (-90, PLANNED), (-3, DONE), gone=-2),
    ]
    found = forecast(stories)
    assert (found["remaining"], found["n"]) == (1, 22)
    assert forecast(stories, "deleted=exclude")["n"] == 21


def test_days_before_the_first_record_are_no_days_of_nothing() -> None:
    # Two a day for twelve days, each planned and done on the same day: six take three days.
    stories = [
        story(f"{day} {half}", (day, DONE)) for day in range(FRIDAY - 12, FRIDAY) for half in ("a", "b")
    ]
    late = [story(f"open {number}", (0, PLANNED)) for number in range(6)]
    assert forecast([*stories, *late]) == {
        "p50": midnight(7), "p85": midnight(7), "remaining": 6, "n": 24,
    }  # fmt: skip


def test_an_iteration_is_forecast_at_the_pace_of_all_work() -> None:
    # Sprint 1 has two open stories; none was ever done in it. One a day was done in no sprint at all.
    sprint = [story(f"sprint {number}", (-1, PLANNED | {"iteration": "501"})) for number in range(2)]
    expected = {"p50": midnight(6), "p85": midnight(6), "remaining": 2, "n": 56}
    everything = [*one_each(DAYS), *open_ones(5), *sprint]
    assert forecast(everything, "iteration=Sprint 1") == expected
    assert forecast(everything, "version=Sprint 1") == expected
    assert forecast(everything)["remaining"] == 7


def test_what_would_take_ten_years_is_not_forecast() -> None:
    # 20 in 56 days make 1,304 in 3650.
    few = one_each(range(-20, 0))
    assert forecast([*few, *open_ones(1303)])["p85"] > midnight(3650)
    found = forecast([*few, *open_ones(1304)])
    assert (found["p50"], found["p85"], found["remaining"]) == (None, None, 1304)
    assert found["reason"] == "too far ahead: more than 3650 days of work"


def test_days_of_rest_are_neither_looked_back_on_nor_worked_on() -> None:
    # China's working days from the 9th of January to the 5th of March 2026: nobody works from the 15th to the
    # 23rd of February, but everybody on the Saturdays of the 14th and the 28th.
    rest = {5, 6}
    works = [day for day in DAYS if day % 7 not in rest and not -14 <= day <= -7] + [-16, -2]
    assert len(works) == 36
    stories = [*one_each(sorted([*works, *works, *works])), *open_ones(6)]
    # Three on each: two days of work, Monday and Tuesday.
    found = series(frame_with(stories), f"{FORECAST}/calendar=work")
    assert {one.endpoint: one.values[0] for one in found} == {
        "p50": midnight(8), "p85": midnight(8), "remaining": 6, "n": 108,
    }  # fmt: skip
    assert {one.tags["calendar"] for one in found} == {"work"}
    # What is done on a Sunday counts on the Monday after it.
    assert forecast([*stories, done("sunday", -1)], "calendar=work")["n"] == 109
    # 36 in 56 days bring three: two such are among 2, 3 and 4 days with a chance of 0.41, 0.71 and 0.87.
    assert forecast(stories) == {"p50": midnight(7), "p85": midnight(8), "remaining": 6, "n": 108}


@pytest.mark.parametrize("level", ["leaf", "parent", "all"])
def test_parents_are_forecast_apart(level: str) -> None:
    parents = [story(f"p{number}", (-90, PLANNED)) for number in range(4)]
    children = [
        story(f"c{number}", (-90, PLANNED), (day, DONE), parents=[f"p{number % 4}"])
        for number, day in enumerate(DAYS)
    ]
    found = forecast([*parents, *children, *open_ones(5)], f"level={level}")
    expected = {"leaf": (5, 56), "parent": (4, 0), "all": (9, 56)}[level]
    assert (found["remaining"], found["n"]) == expected


def test_bugs_have_a_forecast_of_their_own() -> None:
    bugs = [
        *(bug(f"{day}", (-90, {"status": "new"}), (day, {"status": "closed"})) for day in DAYS),
        bug("open", (-90, {"status": "new"})),
    ]
    found = series(frame_with(bugs, BUGS), "@tapd.bugs.flow.forecast")
    assert {one.endpoint: one.values[0] for one in found} == {
        "p50": midnight(5), "p85": midnight(5), "remaining": 1, "n": 56,
    }  # fmt: skip
