"""The items behind numbers of flow that count no present stage: scope, arrivals, futures, and what is odd."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from metrics_api.catalog import load_catalog
from metrics_api.core.days import BEIJING, buckets
from metrics_api.core.errors import BadRequest
from metrics_api.frames import ItemFrame
from metrics_api.items import found, line_of
from metrics_api.query import Filter, Query
from metrics_api.topics import BUGS, STORIES
from tests.frames import lives, seven
from tests.frames.facts import CONFIG, DAY_S, MONDAY, NOW, at_once, bug, context_of, story
from tests.frames.sprints import DATES, dated, frame_of, sprint
from tests.frames.test_burndown import NEW, V1, V2, hours
from tests.frames.test_untold_completions import untold

HOUR_S = 3600
SPRINT_1 = {"iteration": "Sprint 1"}
Values = dict[str, float | None]


def listed(
    frame: ItemFrame,
    metric: str,
    day: int,
    filters: Mapping[str, str] | None = None,
    step: str = "1d",
    **options: Any,
) -> Values:
    """The items behind a line in the bucket of a day after Monday, with their values, in their order."""
    load_catalog()
    at = MONDAY + day * DAY_S
    chosen = tuple(Filter(name, frozenset([value])) for name, value in (filters or {}).items())
    query = Query(buckets(at, at, step, BEIJING), chosen, options, now=NOW)
    return {one.key.rsplit(":", 1)[1]: one.value for one in found(frame, metric, query).items}


def in_hours(values: Values) -> Values:
    return {name: None if value is None else value / HOUR_S for name, value in values.items()}


@pytest.fixture(scope="module")
def stories() -> ItemFrame:
    """The stories of one sprint, from Tuesday to Friday."""
    return frame_of(STORIES, dated(DATES), sprint())


# 1 2 3 6 8 are in it on Thursday, of which 1 is done and 3 reopened; 1 2 3 4 8 were so on Tuesday evening.
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("scope", {"1": 86, "2": 86, "3": 86, "8": 86, "6": 38}),
        ("done", {"1": 86}),
        ("committed", {"1": 86, "2": 86, "3": 86, "8": 86, "4": 62}),
    ],
)
def test_a_burn_up_names_what_is_in_it(stories: ItemFrame, line: str, expected: Values) -> None:
    assert in_hours(listed(stories, "tapd.iteration.burnup", 3, SPRINT_1, series=line)) == expected
    split = listed(stories, "tapd.iteration.burnup", 3, SPRINT_1, series=line, by="iteration")
    assert in_hours(split) == expected


def test_a_burn_up_names_what_came_and_went_by_how_often(stories: ItemFrame) -> None:
    def changes(line: str, day: int, step: str = "1d") -> Values:
        return listed(stories, "tapd.iteration.burnup", day, SPRINT_1, step, series=line)

    assert in_hours(listed(stories, "tapd.iteration.burnup", 3, SPRINT_1)) == {
        "1": 86, "2": 86, "3": 86, "8": 86, "6": 38,
    }  # fmt: skip
    assert (changes("added", 3), changes("removed", 3)) == ({"6": 1}, {"5": 1})
    # What came and went on the start day is no change of scope.
    assert (changes("added", 1), changes("removed", 1)) == ({}, {})
    assert changes("added", 4, "1w") == {"4": 1, "5": 1, "6": 1}
    assert changes("removed", 4, "1w") == {"4": 1, "5": 1}
    assert changes("committed", 0) == {}


def test_what_is_no_count_of_items_says_so(stories: ItemFrame) -> None:
    with pytest.raises(BadRequest, match="ideal counts no items: ask for series=scope, done, committed, "):
        listed(stories, "tapd.iteration.burnup", 3, SPRINT_1, series="ideal")
    with pytest.raises(BadRequest, match="nothing was committed: ask for an iteration that has a start"):
        listed(stories, "tapd.iteration.burnup", 3, series="committed")
    with pytest.raises(BadRequest, match="which do not say which item was done: ask for series=wip or "):
        listed(stories, "tapd.stories.flow.readoff", 3, series="lead_time")


@pytest.fixture(scope="module")
def four() -> ItemFrame:
    """Four bugs: arrived by the end of each day 2 4 4 4 4, done 0 0 1 3 3; the fourth skips two stages."""
    return seven.frame_of(
        [
            bug("1", (0, seven.NEW), (2, seven.CLOSED)),
            bug("2", (0, seven.NEW), (1, seven.FIXING), (3, seven.CLOSED)),
            bug("3", (1, seven.NEW), (3, seven.CLOSED)),
            bug("4", (1, seven.FIXED)),
        ]
    )


def test_arrivals_name_all_who_ever_came_and_since_when(four: ItemFrame) -> None:
    def came(day: int, **options: str) -> Values:
        return in_hours(listed(four, "tapd.bugs.flow.cumulative", day, mode="arrivals", **options))

    # On Wednesday evening; the first skipped fixing when it was closed that morning.
    assert came(2) == {"1": 62, "2": 62, "3": 38, "4": 38}
    assert came(2, series="fixing") == {"2": 38, "4": 38, "1": 14}
    assert came(3, series="closed") == {"1": 38, "2": 14, "3": 14}
    # Dropped items have no line.
    assert came(3, series="rejected") == {}


def test_what_is_read_off_the_curves_names_those_between_them(four: ItemFrame) -> None:
    def read(day: int, **options: str) -> Values:
        return in_hours(listed(four, "tapd.bugs.flow.readoff", day, **options))

    assert read(1) == {"1": 38, "2": 38, "3": 14, "4": 14}
    assert read(3, series="wip") == {"4": 62}
    assert read(3, series="throughput") == {"2": 14, "3": 14}
    assert listed(four, "tapd.bugs.flow.readoff", 4, step="1w", series="throughput").keys() == {
        *("1", "2", "3")
    }


def test_a_forecast_names_what_is_to_be_done_and_what_its_pace_is_of() -> None:
    planned, done = {"status": "planning"}, {"status": "resolved"}
    frame = frame_of(
        STORIES,
        context_of(CONFIG),
        [
            story("open", (-90, planned)),
            story("late", (0, planned)),
            story("thursday", (-90, planned), (3, done)),
            story("once", (-90, planned), (-52, done)),
            # Before the 56 days, and today, which is not over.
            story("before", (-90, planned), (-53, done)),
            story("today", (-90, planned), (4, done)),
        ],
    )
    open_ones = {"open": 94 * 24 + 2, "late": 98}
    for line in ({}, {"series": "remaining"}, {"series": "p85"}):
        assert in_hours(listed(frame, "tapd.stories.flow.forecast", 4, **line)) == open_ones
    pace = listed(frame, "tapd.stories.flow.forecast", 4, series="n")
    assert in_hours(pace) == {"once": 56 * 24 + 2, "thursday": 26}


def test_a_burndown_of_hours_names_who_has_how_many() -> None:
    falling = hours(bug("1", (0, NEW | V1)), (0, "5"), (2, "3.5"))
    rising = hours(bug("2", (0, NEW | V2)), (0, ""), (1, "5"), (2, ""), (3, "7"))
    frame = frame_of(BUGS, context_of(CONFIG), [falling, rising])

    def left(day: int, **options: str) -> Values:
        return listed(frame, "tapd.version.burndown", day, unit="effort", **options)

    assert left(3) == {"2": 7, "1": 3.5}
    assert left(2, series="remaining") == {"1": 3.5, "2": None}
    assert in_hours(left(2, series="unestimated_n")) == {"2": 62}
    assert left(0, series="added") == {"1": 5}
    assert left(1, series="added") == {"2": 5}
    assert left(2, series="removed") == {"2": 5, "1": 1.5}
    assert left(3, series="done") == {}


def test_the_odd_ones_among_completions_can_be_named_alone() -> None:
    bugs = lives.framed(lives.week())
    assert listed(bugs, "tapd.bugs.flow.cycle.time", 2, series="skipped_n") == {"5": None}
    assert in_hours(listed(bugs, "tapd.bugs.flow.cycle.time", 2, series="p85")) == {"3": 54, "6": 48}
    lost = at_once(STORIES, context_of(lives.STAGED), untold())
    for metric, hours_taken in (("lead.time", 72), ("cycle.time", None)):
        found_lost = listed(lost, f"tapd.stories.flow.{metric}", 3, series="completed_n")
        assert in_hours(found_lost) == {"2": hours_taken}
    assert listed(lost, "tapd.stories.flow.lead.time", 3, series="negative_n") == {}


# On Wednesday 3, 5 and 6 are done; 6 was never to do.
def test_with_a_split_by_stage_those_behind_a_stage_are_of_the_stage_they_are_done_in() -> None:
    frame, asked = lives.framed(lives.week()), buckets(MONDAY, NOW, "1d", BEIJING)
    query = Query(asked.part(2, 3), options={"by": "stage"}, window=asked, now=NOW)
    metric = load_catalog().metrics["tapd.bugs.flow.stage.time"]
    line = line_of(frame, metric, query, "done/todo/p50")
    assert line is not None
    values = {one.key.rsplit(":", 1)[1]: one.value for one in found(frame, metric.name, line).items}
    assert in_hours(values) == {"5": 23, "3": 2}
    assert line_of(frame, metric, query, "dropped/todo/p50") is None
