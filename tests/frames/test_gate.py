"""The release gate, and grave bugs that nobody touches: go or no-go with the reasons, worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from metrics_api.catalog import load_catalog
from metrics_api.columns import Codes
from metrics_api.core.config import Config
from metrics_api.core.days import BEIJING, buckets
from metrics_api.item_table import ItemTable
from metrics_api.items import found
from metrics_api.query import Query
from metrics_api.segments import Fact
from metrics_api.topics import BUGS, STORIES
from tests.frames.defects import CLOSED, CONFIG, NEW, A, B, frame_of, six
from tests.frames.facts import DAY_S, MONDAY, NOW, answers, bug, context_of, story

FATAL, SERIOUS, NORMAL = ({**NEW, "severity": name} for name in ("fatal", "serious", "normal"))
PATIENT = Config(
    timezone=BEIJING,
    product=(
        A.model_copy(update={"untouched_days": {"fatal": 1, "serious": 2, "N/A": 1}}),
        B.model_copy(update={"untouched_days": {}}),
    ),
)


def listed(
    metric: str, day: int, facts: list[Any], config: Config = CONFIG, **options: str
) -> dict[str, Any]:
    """The bugs behind a number of a day, and what the list says of each."""
    load_catalog()
    at = MONDAY + day * DAY_S
    query = Query(buckets(at, at, "1d", BEIJING), (), options, now=NOW)
    several = found(frame_of(facts, config), f"tapd.bugs.{metric}", query)
    return {one.key.rsplit(":", 1)[1]: one.value for one in several.items}


def test_the_gate_counts_what_fails_and_says_by_how_much() -> None:
    whole = answers(frame_of(six()), ["@tapd.bugs.gate"])[0]
    # The index is 14, 13, 14, 4, 4; from Tuesday on there are bugs whose weight nobody knows.
    assert whole == {
        "all": [2, 2, 2, None, None],
        "index": [4, 3, 4, None, None],
        "fatal": [1, 1, 1, 0, 0],
        "serious": [0] * 5,
    }
    assert list(whole) == ["all", "index", "fatal", "serious"]
    assert answers(frame_of(six()), ["@tapd.bugs.gate/of=index"])[0] == {"index": whole["index"]}
    grave = answers(frame_of(six()), ["@tapd.bugs.gate/of=fatal,by=label"])[0]
    assert grave == {"a/fatal": [0] * 5, "b/fatal": [0] * 5, "N/A/fatal": [1, 1, 1, 0, 0]}


def test_nothing_open_is_go_and_the_limit_itself_passes() -> None:
    done = [bug("1", (0, CLOSED | {"severity": "fatal"}))]
    assert answers(frame_of(done), ["@tapd.bugs.gate"])[0] == {
        name: [0] * 5 for name in ("all", "index", "fatal", "serious")
    }
    # One serious and seven normal bugs weigh 10, which the gate lets pass; the second serious one fails both.
    ten = [bug("1", (0, SERIOUS)), *(bug(str(2 + at), (0, NORMAL)) for at in range(7))]
    both = answers(frame_of([*ten, bug("9", (2, SERIOUS))]), ["@tapd.bugs.gate"])[0]
    assert both == {
        "all": [0, 0, 2, 2, 2],
        "index": [0, 0, 3, 3, 3],
        "fatal": [0] * 5,
        "serious": [0, 0, 1, 1, 1],
    }


def test_each_product_is_held_against_its_own_gate() -> None:
    # B lets pass 20, one fatal and two serious bugs; its normal bugs weigh 5, others have no weight.
    theirs = [bug(f"b{at}", (0, NORMAL | {"workspace": "2"})) for at in range(5)]
    moved = bug("m", (0, FATAL), (3, {"workspace": "2"}))
    frame = frame_of([*theirs, moved])
    whole, split, later = answers(
        frame, ["@tapd.bugs.gate", "@tapd.bugs.gate/by=product", "@tapd.bugs.gate/asof=now,product=A"]
    )
    assert split["A"] == [1, 1, 1, 0, 0]
    assert split["A/fatal"] == [1, 1, 1, 0, 0]
    assert (split["B"], split["B/index"]) == ([1] * 5, [5] * 5)
    assert whole["index"] == [5] * 5
    # Both fail on the first days, by different conditions.
    assert whole["all"] == [2, 2, 2, 1, 1]
    assert later["all"] == [0] * 5


def test_a_severity_without_a_weight_leaves_the_answer_open() -> None:
    odd = [bug("1", (0, NEW | {"severity": "S9"}), (2, {"severity": "normal"}), (3, {"severity": "fatal"}))]
    assert answers(frame_of(odd), ["@tapd.bugs.gate"])[0] == {
        "all": [None, None, 0, 1, 1],
        "index": [None, None, 0, 0, 0],
        "fatal": [0, 0, 0, 1, 1],
        "serious": [0] * 5,
    }


def test_the_bugs_behind_the_gate() -> None:
    assert listed("gate", 2, six()) == {"1": 10, "2": 3, "3": 1, "5": None, "6": None}
    assert listed("gate", 2, six(), series="fatal") == listed("gate", 2, six(), of="fatal") == {"1": 10}
    assert listed("gate", 4, six(), series="serious") == {"2": 3}


def test_a_bug_is_untouched_after_as_many_days_as_its_severity_allows() -> None:
    facts = [
        bug("1", (0, FATAL)),
        bug("2", (0, SERIOUS), (2, {"module": "sync"})),
        bug("3", (0, NORMAL)),
        bug("4", (0, FATAL), (2, CLOSED)),
        bug("5", (0, NEW)),
        bug("6", (0, FATAL | {"workspace": "2"})),
    ]
    frame = frame_of(facts, PATIENT)
    whole, split, week = answers(
        frame,
        [f"@tapd.bugs.untouched{more}" for more in ("", "/by=severity", "/step=1w,severity={fatal,serious}")],
    )
    # On Monday evening they are 14 hours old. The second is 50 hours untouched on Friday noon.
    assert whole == {"all": [0, 3, 2, 2, 3]}
    assert split == {"fatal": [0, 2, 1, 1, 1], "serious": [0, 0, 0, 0, 1], "N/A": [0, 1, 1, 1, 1]}
    assert week == {"all": [2]}
    assert listed("untouched", 4, facts, PATIENT) == {"1": 98 * 3600, "5": 98 * 3600, "2": 50 * 3600}
    assert listed("untouched", 2, facts, PATIENT, by="severity") == {"1": 62 * 3600, "5": 62 * 3600}


def test_the_last_second_of_the_days_counts() -> None:
    whole, short = bug("1", (0, FATAL)), bug("2", (0, FATAL))
    whole["segments"]["start"], short["segments"]["start"] = [MONDAY], [MONDAY + 1]
    assert answers(frame_of([whole, short], PATIENT), ["@tapd.bugs.untouched"])[0] == {"all": [1, 2, 2, 2, 2]}
    # Graver than it was: it has one day less from now on, and was touched by that.
    graver = bug("3", (0, SERIOUS), (3, {"severity": "fatal"}))
    then, now = answers(
        frame_of([graver], PATIENT), ["@tapd.bugs.untouched", "@tapd.bugs.untouched/asof=now"]
    )
    assert (then["all"], now["all"]) == ([0, 0, 1, 0, 1], [0, 1, 1, 0, 1])


@pytest.mark.parametrize(
    ("metric", "day", "options", "expected"),
    [
        ("change.daily", 0, {}, {"1": 1, "2": 1}),
        ("change.daily", 1, {}, {"4": 2, "2": 1, "3": 1, "5": 1}),
        ("change.daily", 1, {"series": "closed"}, {"3": 1, "4": 1}),
        ("change.daily", 2, {"series": "returned", "by": "severity"}, {"2": 1}),
        ("change.daily", 3, {"series": "removed"}, {"5": 1}),
        ("change.daily", 3, {"series": "nothing"}, {}),
        ("reopen.count", 2, {}, {"3": 1}),
        ("reopen.rate", 1, {"series": "reopened"}, {"3": 1}),
        ("reopen.rate", 1, {"series": "returned"}, {"2": 1}),
        ("age", 4, {"series": "1-3"}, {"6": 50 * 3600}),
        ("age", 4, {"series": "30-90"}, {"3": 44 * DAY_S + 7200}),
        ("age", 4, {"series": "new"}, {}),
        ("overdue", 4, {"series": "no_due_n"}, {"6": 50 * 3600}),
        ("overdue", 4, {"series": "overdue"}, {"3": 12 * 3600}),
        ("overdue", 4, {"series": "other"}, {}),
    ],
)
def test_a_line_has_bugs_of_its_own(
    metric: str, day: int, options: dict[str, str], expected: dict[str, float]
) -> None:
    assert listed(metric, day, six(), CONFIG, **options) == expected


def test_a_line_of_a_burndown_has_items_of_its_own() -> None:
    load_catalog()
    query = Query(buckets(MONDAY + DAY_S, MONDAY + DAY_S, "1d", BEIJING), (), {}, now=NOW)

    def of(line: str) -> dict[str, float | None]:
        asked = replace(query, options={"series": line} if line else {})
        several = found(frame_of(six()), "tapd.version.burndown", asked)
        return {one.key.rsplit(":", 1)[1]: one.value for one in several.items}

    assert of("") == of("remaining") == {"1": 38 * 3600, "2": 38 * 3600, "5": 14 * 3600}
    # Created as rejected: added and done at once.
    assert (of("added"), of("done"), of("removed")) == ({"4": 1, "5": 1}, {"3": 1, "4": 1}, {})


def test_behind_a_density_are_stories_by_the_bugs_linked_to_them() -> None:
    context, ids = context_of(CONFIG), Codes()
    linked = [one | {"stories": ["1", "2"] if one["id"] == "3" else ["1"]} for one in six()[:4]]
    bugs = [*linked, *six()[4:]]
    stories = [story(id, (0, {"status": "planning"})) for id in "123"]
    frames = {}
    for topic, facts in ((BUGS, bugs), (STORIES, stories)):
        table = ItemTable(topic, context, ids)
        table.apply([cast(Fact, one | {"tombstone": False}) for one in facts])
        frames[topic.name] = table.snapshot()
    load_catalog()
    query = Query(buckets(NOW, NOW, "1d", BEIJING), (), {}, now=NOW, frames=frames)
    several = found(frames["stories"], "tapd.bugs.density", query)
    assert [(one.key.rsplit(":", 1)[1], one.value) for one in several.items] == [("1", 4), ("2", 1), ("3", 0)]
    assert several.topic == "stories"
    # The fifth bug, which is linked to none either, is gone.
    alone = found(frames["stories"], "tapd.bugs.density", replace(query, options={"series": "unlinked_n"}))
    assert [(one.key, one.value) for one in alone.items] == [("tapd:1:6", 50 * 3600)]
    assert alone.topic == "bugs"
