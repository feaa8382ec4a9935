"""Stories of whose end no change tells: what their own `completed` makes of them, worked out by hand."""

from __future__ import annotations

import pytest

from metrics_api.core.config import Product, Stage, Stages
from metrics_api.core.store import Document
from metrics_api.frames import ItemFrame
from metrics_api.topics import STORIES
from tests.frames.facts import at_once, context_of, story
from tests.frames.lives import HOUR, STAGED, at, hours, lived, told, total

STORY_FLOW = "@tapd.stories.flow"


def untold() -> list[Document]:
    """Stories of whose end no change tells, all created on Monday; TAPD completed them later."""
    done, dropped = "03-02 10:00 resolved", "03-02 10:00 rejected"
    return [
        # 1 on Wednesday at 16:00, when it was of High priority; 2 and 3 on Thursday at 10:00, 3 dropped.
        lived(story, "1", done, "03-03 10:00 resolved priority=High", "03-05 10:00 resolved priority=Low")
        | {"completed": at("03-04 16:00")},
        lived(story, "2", done, gone="03-06 09:00") | {"completed": at("03-05 10:00")},
        lived(story, "3", dropped) | {"completed": at("03-05 10:00")},
        # 4 on Tuesday at 10:00; reopened on Wednesday and, its changes tell, done again on Thursday noon.
        lived(story, "4", done, "03-04 10:00 developing", "03-05 12:00 resolved")
        | {"completed": at("03-03 10:00")},
        # 5 is not done, whatever was completed; 6 was created done, and TAPD says nothing else.
        lived(story, "5", "03-02 10:00 developing") | {"completed": at("03-03 10:00")},
        lived(story, "6", done) | {"completed": None},
    ]


@pytest.fixture(scope="module")
def lost() -> ItemFrame:
    """A frame of the stories of whose end no change tells."""
    return at_once(STORIES, context_of(STAGED), untold())


def test_what_no_change_tells_was_completed_when_the_story_says_so(lost: ItemFrame) -> None:
    # 6 on Monday, 1 on Wednesday, 4 (by its changes) and 2 on Thursday; 3 is dropped on Thursday.
    flow = f"{STORY_FLOW}.throughput"
    assert told(lost, flow) == {"all": [1, 0, 1, 2, 0], "dropped": [0, 0, 0, 1, 0]}
    # By the end of Tuesday 4 was as well; nothing else was yet.
    tuesday = at("03-03 12:00")
    assert told(lost, flow, until=tuesday) == {"all": [1, 1], "dropped": [0, 0]}
    assert told(lost, f"{flow}/deleted=exclude")["all"] == [1, 0, 1, 1, 0]
    # From Monday in New York on, where all three are on Wednesday, the last at 23:00.
    assert told(lost, f"{flow}/tz=America/New_York", at("03-02 14:00"))["all"] == [0, 0, 3, 0]
    # What is done now was already done when it was created, as far as is known: so the bands say.
    assert told(lost, f"{STORY_FLOW}.cumulative/stage=resolved")["resolved"] == [4, 4, 3, 4, 3]


def test_filters_look_at_the_time_at_which_the_story_says_it_was_completed(lost: ItemFrame) -> None:
    flow = f"{STORY_FLOW}.throughput"
    assert told(lost, f"{flow}/priority=High")["all"] == [0, 0, 1, 0, 0]
    assert told(lost, f"{flow}/priority=Low")["all"] == [0] * 5
    assert told(lost, f"{flow}/priority=Low,asof=now")["all"] == [0, 0, 1, 0, 0]
    assert told(lost, f"{flow}/by=priority")["High"] == [0, 0, 1, 0, 0]


def test_such_completions_have_a_lead_time_and_nothing_else_and_are_counted(lost: ItemFrame) -> None:
    # 6: 0; 1: 54; 2: 72, 4: 74.
    assert hours(told(lost, f"{STORY_FLOW}.lead.time/q=50")) == {
        "p50": [0, None, 54, 72, None],
        "n": [1, 0, 1, 2, 0],
        "negative_n": [0] * 5,
        "completed_n": [0, 0, 1, 1, 0],
    }
    # 4 was in work for 26 hours.
    assert hours(told(lost, f"{STORY_FLOW}.cycle.time/q=50")) == {
        "p50": [None, None, None, 26, None],
        "n": [0, 0, 0, 1, 0],
        "skipped_n": [1, 0, 1, 1, 0],
        "negative_n": [0] * 5,
        "completed_n": [0, 0, 1, 1, 0],
    }
    assert told(lost, f"{STORY_FLOW}.efficiency/q=50")["n"] == [0, 0, 0, 1, 0]
    stages = total(told(lost, f"{STORY_FLOW}.stage.time/step=all,q=50"))
    assert {name: value for name, value in stages.items() if value} == {
        "developing/p50": 26 * HOUR, "developing/n": 1,
    }  # fmt: skip
    work = hours(told(lost, f"{STORY_FLOW}.lead.time/q=50,calendar=work"))
    # Half past nine to half past six: Monday from ten, Tuesday, Wednesday until four.
    assert work["p50"][2] == 8.5 + 9 + 6.5


def test_a_move_between_workspaces_tells_of_the_end_where_their_stages_differ() -> None:
    """In workspaces 1 and 3 resolved is done, in 2 it is in no stage; all were completed later, says TAPD."""
    stages = {
        status: (
            Stage(name="dev", statuses=("developing",), flag="active"),
            Stage(name="done", statuses=(status,), flag="done"),
        )
        for status in ("resolved", "rejected")
    }
    over, work = Stages(stories=stages["resolved"]), Stages(stories=stages["rejected"])
    products = tuple(
        Product(name=f"P{id}", workspaces=(id,), stages=own)
        for id, own in (("1", over), ("2", work), ("3", over))
    )
    context = context_of(STAGED.model_copy(update={"product": products}))
    thursday = {"completed": at("03-05 10:00")}

    def moved(id: str, *places: str) -> Document:
        steps = [f"03-0{day} 10:00 resolved workspace={place}" for day, place in enumerate(places, start=2)]
        return lived(story, id, *steps) | thursday

    frame = at_once(STORIES, context, [moved("1", "2", "1"), moved("2", "1", "2", "3"), moved("3", "1", "3")])
    flow = f"{STORY_FLOW}.throughput/tz=Asia/Shanghai"
    # 1 came to done when it was moved on Tuesday, 2 when it came back on Wednesday; 3 never was elsewhere.
    assert told(frame, flow)["all"] == [0, 1, 1, 1, 0]
    for until, expected in (("03-03", [0, 1]), ("03-04", [0, 1, 1])):
        assert told(frame, flow, until=at(f"{until} 23:00"))["all"] == expected
    leads = hours(told(frame, f"{STORY_FLOW}.lead.time/q=50,tz=Asia/Shanghai"))
    assert (leads["p50"], leads["completed_n"]) == ([None, 24, 48, 72, None], [0, 0, 0, 1, 0])
