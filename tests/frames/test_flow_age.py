"""The age of work in progress, worked out by hand."""

from __future__ import annotations

from datetime import time
from typing import Any

import pytest

from metrics_api.core.days import BEIJING, buckets
from metrics_api.core.sections import Calendar
from metrics_api.frames import ItemFrame
from metrics_api.metrics.flow_age import lines
from metrics_api.query import Query
from metrics_api.topics import STORIES
from tests.frames import dozen, seven
from tests.frames.facts import MONDAY, NOW, answers, bug
from tests.frames.lives import STAGED, at, framed, lived, told

AGE = "@tapd.bugs.flow.age"
HOUR_S = 3600


def asked(target: str, frame: ItemFrame) -> dict[str, list[Any]]:
    return answers(frame, [target])[0]


def hours(*values: float | None) -> list[float | None]:
    return [None if value is None else value * HOUR_S for value in values]


@pytest.fixture(scope="module")
def bugs() -> ItemFrame:
    """The seven bugs in their stages."""
    return seven.frame_of(seven.seven())


# All happens at ten, so that an item is 14 hours old at the end of its first day, and on Friday, where it is
# noon, 2 hours more than so many days. Of 4 ages the median is the second.
#   Monday 14; Tuesday 14 14 14 38; Wednesday 14 38 38; Thursday 14 (reopened) 62 (sent back in between) 62;
#   Friday 26 50 (was in no stage for a day) 74
def test_age_runs_from_the_first_entry_and_anew_after_a_reopening(bugs: ItemFrame) -> None:
    assert asked(AGE, bugs) == {
        "p50": hours(14, 14, 38, 62, 50),
        "p85": [None] * 5,
        "n": [1, 4, 3, 3, 3],
        "max": hours(14, 38, 38, 62, 74),
    }
    assert list(asked(f"{AGE}/q=25,50", bugs)) == ["p25", "p50", "max", "n"]
    assert asked(f"{AGE}/q=25,50", bugs)["p25"] == hours(14, 14, 14, 14, 26)


# The second was taken up on Monday: Thursday 62 62 86, Friday 50 74 98.
def test_since_first_a_reopened_item_is_as_old_as_if_it_had_never_been_done(bugs: ItemFrame) -> None:
    found = asked(f"{AGE}/since=first", bugs)
    assert found["p50"] == hours(14, 14, 38, 62, 74)
    assert found["max"] == hours(14, 38, 38, 86, 98)


def test_ages_split_by_a_field_and_empty_buckets_are_null(bugs: ItemFrame) -> None:
    found = asked(f"{AGE}/by=severity,q=50", bugs)
    assert found == {
        "fatal/p50": hours(14, 14, 38, 14, 26),
        "fatal/n": [1, 2, 1, 1, 1],
        "fatal/max": hours(14, 38, 38, 14, 26),
        "N/A/p50": hours(None, 14, 14, 62, 50),
        "N/A/n": [0, 2, 2, 2, 2],
        "N/A/max": hours(None, 14, 38, 62, 74),
    }
    assert asked(f"{AGE}/stage=new", bugs) == {
        "p50": [None] * 5,
        "p85": [None] * 5,
        "n": [0] * 5,
        "max": [None] * 5,
    }
    # As of now the severity and the stage are those of today: the first is closed.
    assert asked(f"{AGE}/asof=now,stage=closed", bugs)["max"] == hours(None, 14, 38, None, None)


# A day of work is 9 hours, from 9:30 to 18:30 in China: 8.5 hours on the first day and 9 on each more; on
# Friday at noon 8.5 of the first day, 9 of each between, and 2.5 of today.
def test_ages_in_working_time_say_so(bugs: ItemFrame) -> None:
    found = asked(f"{AGE}/calendar=work", bugs)
    assert found["p50"] == hours(8.5, 8.5, 17.5, 26.5, 20)
    assert found["max"] == hours(8.5, 17.5, 17.5, 26.5, 29)


# Product A works from 9 to 12 and from 13 to 18, product B from 9:30 to 18:30. By A's calendar 8 hours passed
# on Monday and 8 on Tuesday; since Wednesday at nine the bug is B's, whose calendar has 9 hours for each day.
def test_who_moved_while_in_work_ages_by_the_calendar_of_where_it_is() -> None:
    early = Calendar(hours=((time(9), time(12)), (time(13), time(18))))
    first = STAGED.product[0].model_copy(update={"calendar": early})
    second = first.model_copy(update={"name": "B", "workspaces": ("2",), "calendar": Calendar()})
    frame = framed(
        [lived(bug, "1", "03-02 09:00 in_progress", "03-04 09:00 in_progress workspace=2")],
        STAGED.model_copy(update={"product": (first, second)}),
    )
    whole = told(frame, f"{AGE}/calendar=work", until=at("03-05 23:59"))
    assert whole["p50"] == hours(8, 16, 27, 36)
    assert whole["n"] == [1, 1, 1, 1]
    assert told(frame, f"{AGE}/product=A", until=at("03-05 23:59"))["n"] == [1, 1, 0, 0]


# Ages on Wednesday, sorted: 14 38 38 62 62; on Thursday 14 38 62 62 86 86, on Friday 26 50 74 74 98 98. Of
# six p20 is value 1.2 -> 2, p85 value 5.1 -> 6; on Monday (14 14) and Tuesday (14 14 38 38) are too few.
def test_percentiles_are_nearest_ranks_and_need_five_values_above_the_median() -> None:
    days = (0, 0, 1, 1, 2, 3)
    frame = seven.frame_of([bug(f"{n}", (day, seven.FIXING)) for n, day in enumerate(days)])
    found = asked(f"{AGE}/q=20,50,85", frame)
    assert found["p20"] == hours(14, 14, 14, 38, 50)
    assert found["p50"] == hours(14, 14, 38, 62, 74)
    assert found["p85"] == hours(None, None, 62, 86, 98)


def test_stories_age_like_bugs() -> None:
    stories = seven.frame_of(dozen.dozen(), topic=STORIES)
    found = asked("@tapd.stories.flow.age/level=parent", stories)
    assert found["max"] == hours(None, 14, 38, 62, 74)
    assert found["n"] == [0, 2, 2, 2, 2]


def test_many_ages_are_looked_at_in_parts(bugs: ItemFrame) -> None:
    query = Query(buckets(MONDAY, NOW, "1d", BEIJING), options={"by": "severity"}, now=NOW)
    whole, parts = (
        {row.endpoint: [None if value != value else value for value in row.values] for row in rows}
        for rows in (lines(bugs, query, 1000), lines(bugs, query, 2))
    )
    assert parts == whole
    assert whole["N/A/max"] == hours(None, 14, 38, 62, 74)
