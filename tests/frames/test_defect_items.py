"""The bugs behind the numbers of defects: those that were counted in a bucket, the largest values first."""

from __future__ import annotations

import pytest

from metrics_api.catalog import load_catalog
from metrics_api.core.days import BEIJING, buckets
from metrics_api.core.errors import BadRequest
from metrics_api.core.sections import Escape
from metrics_api.items import found, line_of
from metrics_api.query import Filter, Query
from tests.frames.defects import CONFIG, NEW, A, frame_of, six
from tests.frames.facts import DAY_S, MONDAY, NOW, bug

HOUR_S = 3600
ESCAPE = Escape(field="severity", production=("fatal", "normal"))
MAPPED = CONFIG.model_copy(update={"product": (A.model_copy(update={"escape": ESCAPE}),)})


@pytest.mark.parametrize(
    ("metric", "day", "options", "expected"),
    [
        # On Thursday evening: the first is closed, the fifth is gone.
        ("age", 3, {}, {"3": 43 * DAY_S + 14 * HOUR_S, "2": 86 * HOUR_S, "6": 38 * HOUR_S}),
        ("age", 3, {"since": "last"}, {"2": 86 * HOUR_S, "3": 38 * HOUR_S, "6": 38 * HOUR_S}),
        ("age", 4, {"since": "last", "by": "label"}, {"2": 98 * HOUR_S, "3": 50 * HOUR_S, "6": 50 * HOUR_S}),
        ("matrix", 4, {}, {"3": 44 * DAY_S + 2 * HOUR_S, "2": 98 * HOUR_S, "6": 50 * HOUR_S}),
        (
            "distribution",
            0,
            {"by": "label"},
            {"3": 40 * DAY_S + 14 * HOUR_S, "1": 14 * HOUR_S, "2": 14 * HOUR_S},
        ),
        ("distribution", 2, {"by": "label", "of": "created"}, {"6": 14 * HOUR_S}),
        # Due on Tuesday, and on Thursday.
        ("overdue", 2, {}, {"1": DAY_S}),
        ("overdue", 4, {}, {"3": 12 * HOUR_S}),
        ("di", 2, {}, {"1": 10, "2": 3, "3": 1, "5": None, "6": None}),
        ("di.introduced", 0, {"by": "severity"}, {"1": 10, "2": 3}),
        ("reopen.rate", 1, {"by": "stage"}, {"2": 1, "3": 1}),
        ("invalid.rate", 1, {}, {"4": 1}),
        ("fix.time", 1, {}, {"2": DAY_S}),
        ("fix.time", 4, {"since": "last"}, {"2": 2 * DAY_S}),
        ("response.time", 0, {}, {"1": DAY_S, "2": DAY_S}),
        ("verify.time", 3, {}, {"1": DAY_S}),
        ("escape.rate", 0, {"by": "label"}, {"1": 1}),
    ],
)
def test_the_bugs_behind_a_number(
    metric: str, day: int, options: dict[str, str], expected: dict[str, float | None]
) -> None:
    at = MONDAY + day * DAY_S
    load_catalog()
    query = Query(buckets(at, at, "1d", BEIJING), (), options, now=NOW)
    listed = found(frame_of(six(), MAPPED), f"tapd.bugs.{metric}", query)
    assert {one.key.rsplit(":", 1)[1]: one.value for one in listed.items} == expected
    assert [one.value for one in listed.items] == list(expected.values())


@pytest.mark.parametrize(
    ("metric", "day", "options", "series", "expected"),
    [
        ("di", 2, {}, "all", ["1", "2", "3", "5", "6"]),
        ("di", 2, {}, "unknown", ["5", "6"]),
        ("di", 2, {"by": "severity"}, "unknown", ["5", "6"]),
        ("di", 2, {"by": "severity"}, "serious", ["2"]),
        ("di.introduced", 2, {"by": "severity"}, "unknown", ["6"]),
        ("gate", 2, {"by": "severity"}, "fatal/fatal", ["1"]),
        ("gate", 2, {"by": "severity"}, "serious/fatal", []),
        ("age", 4, {"by": "severity"}, "S9/1-3", ["6"]),
        ("overdue", 4, {"by": "label"}, "b/no_due_n", ["6"]),
        ("matrix", 4, {}, "normal/new", ["3"]),
        # The stages are those of Monday, whatever the bugs are in now.
        ("matrix", 0, {"asof": "now"}, "fatal/new", ["1"]),
        ("flow.cumulative", 0, {"asof": "now"}, "new", ["1", "2", "3"]),
        ("flow.wip", 1, {"asof": "now", "by": "stage"}, "fixed", ["2"]),
        ("reopen.rate", 1, {"by": "severity"}, "serious/returned", ["2"]),
        # Both of its labels, but only the first of them; b alone is no first label.
        ("distribution", 4, {"by": "label"}, "b", ["6"]),
        ("distribution", 4, {"by": "label", "split": "first"}, "a", ["6"]),
        ("distribution", 4, {"by": "label", "split": "first"}, "b", []),
        ("distribution", 2, {"by": "label", "split": "first", "of": "created"}, "a", ["6"]),
        # Of Tuesday bug 2 was fixed; 3 and 4 were over without a fix, 4 of them dropped.
        ("fix.time", 1, {}, "n", ["2"]),
        ("fix.time", 1, {}, "p50", ["2"]),
        ("fix.time", 1, {}, "skipped_n", ["3"]),
        ("fix.time", 1, {"by": "severity"}, "normal/skipped_n", ["3"]),
        ("response.time", 1, {}, "skipped_n", ["4"]),
        ("response.time", 2, {}, "pending_n", ["6"]),
        ("response.time", 2, {"by": "label"}, "a/pending_n", ["6"]),
        ("response.time", 2, {}, "n", []),
        ("escape.version", 4, {}, "undated_n", ["1", "2", "3", "4", "6"]),
        ("escape.version", 4, {"by": "severity"}, "S9/undated_n", ["6"]),
        ("change.daily", 1, {}, "nothing", []),
    ],
)
def test_the_bugs_behind_one_line(
    metric: str, day: int, options: dict[str, str], series: str, expected: list[str]
) -> None:
    at = MONDAY + day * DAY_S
    frame, known = frame_of(six(), MAPPED), load_catalog().metric(f"tapd.bugs.{metric}")
    query = line_of(frame, known, Query(buckets(at, at, "1d", BEIJING), (), options, now=NOW), series)
    listed = found(frame, known.name, query).items if query else []
    assert sorted(one.key.rsplit(":", 1)[1] for one in listed) == expected


def test_a_line_that_is_filtered_by_its_own_split_keeps_both_conditions() -> None:
    # Bug 6 has the labels a and b: asked for a, it counts under b as well, and nothing else does.
    other = bug("7", (2, NEW | {"label": "b"}))
    frame, known = frame_of([*six(), other]), load_catalog().metric("tapd.bugs.backlog.daily")
    filters = (Filter("label", frozenset({"a"})),)
    asked = Query(buckets(NOW, NOW, "1d", BEIJING), filters, {"by": "label"}, now=NOW)
    query = line_of(frame, known, asked, "b")
    assert query is not None
    assert [one.key for one in found(frame, known.name, query).items] == ["tapd:1:6"]


def test_behind_a_line_of_the_configuration_there_are_no_items() -> None:
    known = load_catalog().metric("tapd.bugs.di")
    query = Query(buckets(NOW, NOW, "1d", BEIJING), (), {}, now=NOW)
    both = frame_of([*six(), bug("7", (0, NEW | {"workspace": "2"}))])
    for frame, line in ((frame_of([bug("1", (0, NEW))], MAPPED), "gate"), (both, "gate/B")):
        with pytest.raises(BadRequest) as refused:
            line_of(frame, known, query, line)
        assert (
            str(refused.value)
            == f"{line} of tapd.bugs.di is drawn by the configuration: no items are behind it"
        )


def test_filters_choose_them() -> None:
    at = MONDAY + 2 * DAY_S
    load_catalog()
    filters = (Filter("severity", frozenset({"serious"})),)
    query = Query(buckets(at, at, "1d", BEIJING), filters, {}, now=NOW)
    assert [one.key for one in found(frame_of(six()), "tapd.bugs.age", query).items] == ["tapd:1:2"]


@pytest.mark.parametrize("ids", ["12345", "54321", "31542"])
def test_of_bugs_with_equal_values_the_first_created_is_named_first_then_the_lower_key(ids: str) -> None:
    """However facts come, and wherever the list is cut."""
    load_catalog()
    days = {"1": 1, "2": 0, "3": 1, "4": 1, "5": 1}
    gone = frame_of([bug(id, (days[id], {"status": "new"}), (3, {"status": "rejected"})) for id in ids])
    query = Query(buckets(MONDAY + 3 * DAY_S, MONDAY + 3 * DAY_S, "1d", BEIJING), (), {}, now=NOW)
    for limit, expected in ((None, "21345"), (5, "21345"), (3, "213"), (1, "2")):
        listed = found(gone, "tapd.bugs.invalid.rate", query, limit)
        assert [one.value for one in listed.items] == [1] * len(expected)
        assert "".join(one.key.rsplit(":", 1)[1] for one in listed.items) == expected
        assert listed.total == 5
