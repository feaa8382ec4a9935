"""The bugs behind the numbers of defects: those that were counted in a bucket, the largest values first."""

from __future__ import annotations

import pytest

from metrics_api.catalog import load_catalog
from metrics_api.core.days import BEIJING, buckets
from metrics_api.core.sections import Escape
from metrics_api.items import found
from metrics_api.query import Filter, Query
from tests.frames.defects import CONFIG, A, frame_of, six
from tests.frames.facts import DAY_S, MONDAY, NOW

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


def test_filters_choose_them() -> None:
    at = MONDAY + 2 * DAY_S
    load_catalog()
    filters = (Filter("severity", frozenset({"serious"})),)
    query = Query(buckets(at, at, "1d", BEIJING), filters, {}, now=NOW)
    assert [one.key for one in found(frame_of(six()), "tapd.bugs.age", query).items] == ["tapd:1:2"]
