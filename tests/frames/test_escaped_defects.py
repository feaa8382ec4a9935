"""Defects that escaped: found in production, or after the release of the version they are in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from metrics_api.context import Iteration, Release
from metrics_api.core.config import Config
from metrics_api.core.sections import Escape
from metrics_api.core.store import Document
from tests.frames.defects import CLOSED, CONFIG, NEW, A, B, lines, rendered
from tests.frames.facts import bug, context_of, ten

RATE, VERSION = "@tapd.bugs.escape.rate", "@tapd.bugs.escape.version"
LIVE = Escape(field="source", production=("线上", "customers"))


def mapped(**products: Escape | None) -> Config:
    """The configuration with where its products' bugs are found in production."""
    found = tuple(one.model_copy(update={"escape": products.get(one.name)}) for one in (A, B))
    return CONFIG.model_copy(update={"product": found})


def found_at(fact: Document, *sources: str) -> Document:
    """A bug with a source, or with one that was told two days later."""
    at = [fact["created"], fact["created"] + 2 * 86_400][: len(sources)]
    return fact | {"histories": {"source": {"at": at, "value": list(sources)}}}


def four() -> list[Document]:
    """On Monday one from production and one from before it; one nobody told of until Wednesday, and never."""
    return [
        found_at(bug("1", (0, NEW | {"severity": "fatal"})), "线上"),
        found_at(bug("2", (0, NEW)), "tests"),
        found_at(bug("3", (1, NEW), gone=4), "", "customers"),
        bug("4", (1, NEW)),
        bug("5", (1, NEW | {"workspace": "2"})),
    ]


def asked(target: str, config: Config) -> dict[str, list[Any]]:
    """The lines of the four and of the bug of another product."""
    return lines(rendered(target, four(), context=context_of(config)))


def test_what_was_found_in_production_escaped() -> None:
    config = mapped(A=LIVE)
    assert asked(f"{RATE}/product=A", config) == {
        "all": [0.5, 1, None, None, None],
        "unknown_n": [0, 1, 0, 0, 0],
    }
    # Product B says nothing of where its bugs are found.
    assert asked(RATE, config)["unknown_n"] == [0, 2, 0, 0, 0]
    assert asked(f"{RATE}/product=A,by=severity,deleted=exclude", config) == {
        "fatal": [1, None, None, None, None],
        "fatal/unknown_n": [0, 0, 0, 0, 0],
        "N/A": [0, None, None, None, None],
        "N/A/unknown_n": [0, 1, 0, 0, 0],
    }
    assert asked(f"{RATE}/step=all,product=A", config) == {"all": [2 / 3], "unknown_n": [1]}


@pytest.mark.parametrize(
    ("target", "config", "says"),
    [
        (RATE, CONFIG, "not mapped: say under [product.escape] of a product which field of a bug tells"),
        (f"{RATE}/product=B", mapped(A=LIVE), "not mapped: say under [product.escape]"),
        (
            RATE,
            mapped(A=Escape(field="cf.Where", production=("live",))),
            "no field 'cf.Where'; under [product.escape] of A set field to one of product, workspace",
        ),
    ],
)
def test_where_bugs_are_found_is_not_guessed(target: str, config: Config, says: str) -> None:
    answer = rendered(target, four(), context=context_of(config))
    assert answer.series == [[]]
    assert says in answer.skipped[0]


def test_what_was_created_after_the_release_of_its_version_escaped() -> None:
    v1, v2 = {"status": "new", "version_report": "v1"}, {"status": "new", "version_report": "v2"}
    edge = bug("3", (1, v1))
    # The first second of the day after the release; a second before, it was the day of the release.
    edge["segments"]["start"] = [ten(2) - 10 * 3600]
    before = bug("4", (1, v1))
    before["segments"]["start"] = [ten(2) - 10 * 3600 - 1]
    bugs = [
        bug("1", (0, v1), (1, CLOSED)),
        bug("2", (3, v1)),
        edge,
        before,
        bug("5", (2, v2)),
        bug("6", (2, v2), gone=3),
        bug("7", (2, {"status": "new"})),
        bug("8", (2, v1 | {"workspace": "2"})),
    ]
    context = replace(
        context_of(CONFIG),
        releases=(
            Release("tapd:1", "1", "v1", None, "2026-03-03"),
            Release("tapd:1", "2", "v1", None, "2026-03-04"),
            Release("tapd:1", "3", "v3", None, None),
        ),
        iterations=(
            Iteration("tapd:1", "4", "v1", None, "2026-02-01", False),
            Iteration("tapd:1", "5", "v2", None, "2026-03-20", False),
        ),
    )
    assert lines(rendered(VERSION, bugs, context=context)) == {"all": [2 / 5], "undated_n": [2]}
    assert lines(rendered(f"{VERSION}/by=version", bugs, context=context)) == {
        "v2": [0],
        "v2/undated_n": [0],
        "v1": [0.5],
        "v1/undated_n": [1],
        "N/A": [None],
        "N/A/undated_n": [1],
    }
    assert lines(rendered(f"{VERSION}/product=A,version=v1", bugs, context=context))["all"] == [0.5]
    # In UTC the day of the release ends eight hours later: in it is what was after it in Beijing.
    assert lines(rendered(f"{VERSION}/product=A,version=v1,tz=UTC", bugs, context=context))["all"] == [0.25]


def test_as_of_now_a_moved_bug_goes_by_the_setting_of_the_product_it_is_in() -> None:
    config = mapped(A=LIVE)
    moved = found_at(bug("1", (0, NEW | {"workspace": "2"}), (2, {"workspace": "1"})), "线上")

    def told(target: str) -> dict[str, list[Any]]:
        # Before its first bug nothing is known of a product.
        return lines(rendered(target, [moved, bug("2", (-1, NEW))], context=context_of(config)))

    assert told(f"{RATE}/asof=now,product=A")["all"] == [1, None, None, None, None]
    # As of then it was in a product that says nothing.
    assert told(RATE) == {"all": [None] * 5, "unknown_n": [1, 0, 0, 0, 0]}
