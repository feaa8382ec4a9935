"""What is read off the arrivals, worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from metrics_api.core.config import Config, Product
from metrics_api.core.sections import Stages
from metrics_api.frames import ItemFrame
from metrics_api.topics import STORIES
from tests.frames import dozen, seven
from tests.frames.facts import answers, bug

READ_OFF = "@tapd.bugs.flow.readoff"
DAY_S = 86_400


def asked(target: str, frame: ItemFrame) -> dict[str, list[Any]]:
    return answers(frame, [target])[0]


# Arrived by the end of each day: 2 4 4 4 4; done: 0 0 1 3 3.
@pytest.fixture(scope="module")
def four() -> ItemFrame:
    """Four bugs, three of which are closed; the fourth, a fatal one, skips a stage and is not."""
    return seven.frame_of(
        [
            bug("1", (0, seven.NEW), (2, seven.CLOSED)),
            bug("2", (0, seven.NEW), (1, seven.FIXING), (3, seven.CLOSED)),
            bug("3", (1, seven.NEW), (3, seven.CLOSED)),
            bug("4", (1, seven.FIXED | {"severity": "fatal"})),
        ]
    )


# One was done by Wednesday, and one had arrived by Monday: two days. Three were done by Thursday, and as many
# had arrived by Tuesday: two days, and on Friday three. 3 - 1 x 2 = 1; 1 - 2 x 2 = -3; 1 - 0 x 3 = 1.
def test_lead_time_is_the_gap_to_the_day_on_which_as_many_had_arrived(four: ItemFrame) -> None:
    assert asked(READ_OFF, four) == {
        "lead_time": [None, None, 2 * DAY_S, 2 * DAY_S, 3 * DAY_S],
        "throughput": [0, 0, 1, 2, 0],
        "wip": [2, 4, 3, 1, 1],
        "residual": [None, None, 1, -3, 1],
    }


# Of the week five days are over or have begun: 3 done in 5 days, (2 + 4 + 3 + 1 + 1) / 5 = 2.2 on the way,
# and 2.2 - 0.6 x 3 = 0.4.
def test_a_longer_step_averages_over_its_days_so_far(four: ItemFrame) -> None:
    found = asked(f"{READ_OFF}/step=1w", four)
    assert found["lead_time"] == [3 * DAY_S]
    assert found["throughput"] == [0.6]
    assert found["wip"] == [2.2]
    assert found["residual"] == [pytest.approx(0.4)]


def test_each_group_has_curves_of_its_own(four: ItemFrame) -> None:
    found = asked(f"{READ_OFF}/by=severity", four)
    assert list(found) == [
        f"{name}/{what}"
        for name in ("fatal", "N/A")
        for what in ("lead_time", "throughput", "wip", "residual")
    ]
    assert found["fatal/wip"] == [0, 1, 1, 1, 1]
    assert found["fatal/lead_time"] == [None] * 5
    assert found["N/A/wip"] == [2, 3, 2, 0, 0]


# Leaves arrived 5 8 10 10 10, done or dropped 0 0 2 3 4: two had arrived on the first day already, and so had
# three and four.
def test_stories_are_read_off_by_the_arrivals_of_their_diagram() -> None:
    found = asked("@tapd.stories.flow.readoff", seven.frame_of(dozen.dozen(), topic=STORIES))
    assert found["lead_time"] == [None, None, 2 * DAY_S, 3 * DAY_S, 4 * DAY_S]
    assert found["wip"] == [5, 8, 8, 7, 6]


def test_without_a_done_stage_nothing_can_be_read_off() -> None:
    stages = Stages(bugs=(*seven.STAGES[:3], seven.STAGES[4]))
    config = Config(
        timezone=seven.CONFIG.timezone, product=(Product(name="A", workspaces=("1",), stages=stages),)
    )
    found = asked(READ_OFF, seven.frame_of(seven.seven(), config))
    assert found == {name: [None] * 5 for name in ("lead_time", "throughput", "wip", "residual")}
