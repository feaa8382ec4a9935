"""Labels of bugs: an item has several at a time, counts under each, and moves between them."""

from __future__ import annotations

from typing import Any

import pytest

from metrics_api.core.config import Config, Product, Stage, Stages
from metrics_api.core.days import BEIJING
from metrics_api.core.store import Document, Store
from metrics_api.query import Filter
from metrics_api.reader import Reader
from metrics_api.topics import BUGS
from tests.frames.facts import answers, at_once, bug, context_of, loaded, values

LEDGER = "@tapd.bugs.change.daily"
BACKLOG = "@tapd.bugs.backlog.daily"


def three() -> list[Document]:
    """Bugs that gain and lose labels while they are open, when they are closed, and not at all."""
    return [
        bug(
            "1",
            (0, {"status": "new", "label": "a", "version_report": "v1"}),
            (1, {"label": "a|b"}),
            (2, {"status": "closed"}),
            (3, {"label": "a"}),
            (4, {"status": "new"}),
        ),
        bug("2", (0, {"status": "new", "version_report": "v2"}), (1, {"label": "b"}), (2, {"label": ""})),
        bug("3", (1, {"status": "new", "label": "a|b", "version_report": "v1"}), gone=3),
    ]


@pytest.fixture
async def reader(store: Store) -> Reader:
    """A reader over the three bugs."""
    return await loaded(store, bugs=three())


def some(found: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """The lines that are not all zero."""
    return {endpoint: line for endpoint, line in found.items() if any(line)}


async def test_each_label_has_the_backlog_it_would_have_as_a_filter(reader: Reader) -> None:
    expected = {"a": [1, 2, 1, 0, 1], "b": [0, 3, 1, 0, 0], "N/A": [1, 0, 1, 1, 1]}
    found = await values(reader, f"{BACKLOG}/by=label")
    assert found == expected
    assert list(found) == ["a", "b", "N/A"]
    for label, line in expected.items():
        assert await values(reader, f"{BACKLOG}/label={label}") == {"all": line}
    assert await values(reader, BACKLOG) == {"all": [2, 3, 2, 1, 2]}


async def test_a_label_gained_or_lost_is_a_move_into_or_out_of_the_selection(reader: Reader) -> None:
    a = {
        "created": [1, 1, 0, 0, 0],
        "reopened": [0, 0, 0, 0, 1],
        "closed": [0, 0, 1, 0, 0],
        "removed": [0, 0, 0, 1, 0],
    }
    # The first bug loses its label when it is closed already: that is no move.
    b = {
        "created": [0, 1, 0, 0, 0],
        "closed": [0, 0, 1, 0, 0],
        "removed": [0, 0, 0, 1, 0],
        "moved_in": [0, 2, 0, 0, 0],
        "moved_out": [0, 0, 1, 0, 0],
    }
    none = {"created": [1, 0, 0, 0, 0], "moved_in": [0, 0, 1, 0, 0], "moved_out": [0, 1, 0, 0, 0]}
    split = await values(reader, f"{LEDGER}/by=label")
    for label, lines in (("a", a), ("b", b), ("N/A", none)):
        prefix = f"{label}/"
        shown = {name.removeprefix(prefix): line for name, line in split.items() if name.startswith(prefix)}
        assert some(shown) == lines
        assert some(await values(reader, f"{LEDGER}/label={label}")) == lines
    assert some(await values(reader, LEDGER)) == {
        "created": [2, 1, 0, 0, 0],
        "reopened": [0, 0, 0, 0, 1],
        "closed": [0, 0, 1, 0, 0],
        "removed": [0, 0, 0, 1, 0],
    }
    # With either label it stays in the selection when it gains or loses one of them.
    assert some(await values(reader, f"{LEDGER}/label={{a,b}}"))["moved_in"] == [0, 1, 0, 0, 0]


async def test_a_label_is_excluded_only_where_it_is_none_of_them(reader: Reader) -> None:
    async def asked(condition: str) -> list[Any]:
        found = await values(reader, f"seriesByTag('name=tapd.bugs.backlog.daily','{condition}')")
        return found["all"]

    assert await asked("label!=b") == [2, 0, 1, 1, 2]
    assert await asked("label!=N/A") == [1, 3, 1, 0, 1]
    assert await asked("label=~[ab]$") == [1, 3, 1, 0, 1]
    assert await asked("label!=~a") == [1, 1, 1, 1, 1]


async def test_as_of_now_the_last_labels_count(reader: Reader) -> None:
    assert await values(reader, f"{BACKLOG}/by=label,asof=now") == {
        "a": [1, 2, 1, 0, 1],
        "b": [0, 1, 1, 0, 0],
        "N/A": [1, 1, 1, 1, 1],
    }


async def test_versions_count_the_bugs_with_a_label(reader: Reader) -> None:
    assert await values(reader, "@tapd.product.version.bugs") == {"v1": [1], "v2": [1]}
    assert await values(reader, "@tapd.product.version.bugs/label=a") == {"v1": [1]}
    assert await values(reader, "@tapd.product.version.bugs/label=N/A") == {"v2": [1]}


async def test_bands_by_label_follow_the_stages(reader: Reader) -> None:
    assert await values(reader, "@tapd.bugs.flow.cumulative/by=label") == {
        "a/new": [1, 2, 1, 0, 1],
        "a/closed": [0, 0, 1, 1, 0],
        "b/new": [0, 3, 1, 0, 0],
        "b/closed": [0, 0, 1, 0, 0],
        "N/A/new": [1, 0, 1, 1, 1],
        "N/A/closed": [0, 0, 0, 0, 0],
    }


def test_arrivals_by_label_keep_what_two_products_with_other_stages_have_in_common() -> None:
    """A bug that comes from development to testers begins their stages anew, under each of its labels."""
    todo, done = (
        Stage(name="todo", statuses=("new",), flag="waiting"),
        Stage(name="done", statuses=("closed",), flag="done"),
    )
    own = {
        "1": Stage(name="dev", statuses=("in_progress",), flag="active"),
        "2": Stage(name="test", statuses=("resolved",), flag="active"),
    }
    products = tuple(
        Product(name=f"P{id}", workspaces=(id,), stages=Stages(bugs=(todo, stage, done)))
        for id, stage in own.items()
    )
    moved = bug(
        "1",
        (0, {"status": "new", "label": "a|b"}),
        (1, {"status": "in_progress"}),
        (2, {"status": "new", "workspace": "2"}),
        (3, {"status": "resolved"}),
    )
    other = bug("2", (2, {"status": "resolved", "workspace": "2", "label": "b"}))
    facts = [one | {"tombstone": False} for one in (moved, other)]
    frame = at_once(BUGS, context_of(Config(timezone=BEIJING, product=products)), facts)
    flow = "@tapd.bugs.flow.cumulative/mode=arrivals,by=label"
    whole, theirs = answers(frame, [flow, f"{flow},product=P2"])
    assert list(whole) == [f"{label}/{stage}" for label in "ab" for stage in ("todo", "test", "dev", "done")]
    assert (whole["a/todo"], whole["a/dev"]) == ([1] * 5, [0, 1, 1, 1, 1])
    assert (whole["b/todo"], whole["b/dev"]) == ([1, 1, 2, 2, 2], [0, 1, 1, 1, 1])
    # Before the second product's first record there is nothing to know.
    assert theirs == {
        "a/todo": [None, None, 1, 1, 1],
        "a/test": [None, None, 0, 1, 1],
        "a/done": [None, None, 0, 0, 0],
        "b/todo": [None, None, 2, 2, 2],
        "b/test": [None, None, 1, 2, 2],
        "b/done": [None, None, 0, 0, 0],
    }


@pytest.mark.parametrize(
    ("condition", "value", "met"),
    [
        (Filter("label", frozenset({"a"})), "a|b", True),
        (Filter("label", frozenset({"a"})), "ab", False),
        (Filter("label", frozenset({"a|b"})), "a|b", False),
        (Filter("label", frozenset({"N/A"})), "", True),
        (Filter("label", frozenset({"N/A"})), "a", False),
        (Filter("label", frozenset({"c", "b"})), "a|b", True),
        (Filter("label", frozenset({"a"}), negated=True), "a|b", False),
        (Filter("label", frozenset({"a"}), negated=True), "", True),
        (Filter("label", regex="^b"), "a|b", True),
        (Filter("module", frozenset({"a|b"})), "a|b", True),
        (Filter("module", frozenset({"a"})), "a|b", False),
    ],
)
def test_only_labels_are_several_values(condition: Filter, value: str, met: bool) -> None:
    assert condition.accepts(value) is met
