"""What was worked out by hand of stories and of labels: each query with its answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.company import expected_labels, shop
from tests.company import expected_stories as expected
from tests.company.cases import BERLIN, SHANGHAI, TWO_WEEKS, Case, at, columns, query
from tests.reference.ledger import MOVES
from tests.reference.questions import BACKLOG, CHANGES, STORY_FLOW


def story_cases() -> Iterator[Case]:
    """Of the stories of Shop & Co, and of 引擎 C++, whose stages are configured."""
    in_shop, engine = {"product": shop.SHOP}, {"product": shop.CPP}

    def case(
        name: str,
        rows: list[Any],
        filters: Any = None,
        names: Any = None,
        zone: str = SHANGHAI,
        **options: Any,
    ) -> Case:
        asked = query(STORY_FLOW, {**in_shop, **(filters or {})}, until=at("03-10 20:00:00"), **options)
        return Case(f"stories {name}", asked, columns(names or expected.STAGES, rows, asked, zone))

    yield case("in Beijing days", expected.LEAVES)
    yield case("in UTC days", expected.LEAVES_UTC, zone="UTC", tz="UTC")
    yield case("that are parents", expected.PARENTS, level="parent")
    yield case("of all levels", expected.EVERYTHING, level="all")
    yield case("without what was removed", expected.EXCLUDE, deleted="exclude")
    yield case(
        "with only what ended in the range", expected.RANGE, start=at("03-06 10:00:00"), done_from="range"
    )
    yield case("as arrivals", expected.ARRIVALS, names=expected.STAGES[:6], mode="arrivals")
    yield case("by weeks", [expected.LEAVES[6], expected.LEAVES[8]], step="1w")
    places = [expected.STAGES.index(stage) for stage in expected.STACKED]
    stacked = [tuple(row[place] for place in places) for row in expected.LEAVES]
    yield case("as a diagram stacks them", stacked, names=expected.STACKED, order="stacked")
    for name, filters, rows, options in (
        ("of a type", {"type": "Tech #1, core"}, expected.OF_TECH, {}),
        ("of a type as the plugin writes it", {"type": "Tech .1, core"}, expected.OF_TECH, {}),
        ("of what is of a type now", {"type": "Tech #1, core"}, expected.OF_TECH_NOW, {"asof": "now"}),
        ("of no known type", {"type": "N/A"}, expected.OF_NO_TYPE, {}),
        ("of an iteration", {"iteration": "R&D #1, beta+"}, expected.OF_BETA, {}),
        ("of a version", {"version": "R&D #1, beta+"}, expected.OF_BETA, {}),
        ("of high priority", {"priority": "High"}, expected.OF_HIGH, {}),
        ("of a priority's own word", {"priority": "紧急"}, expected.OF_URGENCY, {}),
        ("of a label", {"label": "urgent"}, expected.BY_LABEL["urgent"], {}),
        ("of an unknown label", {"label": "nobody's"}, [expected.NOTHING] * 9, {}),
    ):
        yield case(name, rows, filters, **options)
    names = [f"{label}/{stage}" for label in expected.BY_LABEL for stage in expected.STAGES]
    by_label = [
        tuple(n for row in rows for n in row) for rows in zip(*expected.BY_LABEL.values(), strict=True)
    ]
    yield case("by label", by_label, names=names, by="label")
    yield case(
        "of configured stages in Berlin",
        expected.ENGINE,
        engine,
        expected.ENGINE_STAGES,
        BERLIN,
        start=at("03-01 12:00:00"),
    )


def label_cases() -> Iterator[Case]:
    """Of the labels of bugs."""
    lines = expected_labels.BACKLOG_BY_LABEL
    asked = query(BACKLOG, by="label")
    rows = list(zip(*lines.values(), strict=True))
    yield Case("backlog by label", asked, columns(list(lines), rows, asked))
    for label in lines:
        asked = query(BACKLOG, {"label": label})
        yield Case(f"backlog of {label}", asked, columns(["all"], [(n,) for n in lines[label]], asked))
    for name, label, ledger, asof in (
        ("of a label", "阻塞", expected_labels.LEDGER_BLOCKING, "then"),
        ("of another label", "重点", expected_labels.LEDGER_FOCUS, "then"),
        ("of what has a label now", "阻塞", expected_labels.LEDGER_BLOCKING_NOW, "now"),
    ):
        asked = query(CHANGES, {"label": label}, asof=asof)
        yield Case(f"ledger {name}", asked, columns(MOVES, ledger, asked))
    asked = query(BACKLOG, {"label": "阻塞|重点"}, TWO_WEEKS)
    either = [2, 2, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1]
    yield Case("backlog of either label", asked, columns(["all"], [(n,) for n in either], asked))
