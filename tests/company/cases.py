"""What was worked out by hand for the hand-written company and the six items: each query with its answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from tests.company import expected, expected_engine, shop, six_items
from tests.reference.answers import Answer
from tests.reference.days import buckets
from tests.reference.ledger import MOVES
from tests.reference.questions import BACKLOG, CHANGES, EVENTS, FLOW, VERSION_BUGS, Query
from tests.reference.told import instant

BERLIN, SHANGHAI = "Europe/Berlin", "Asia/Shanghai"


@dataclass(frozen=True)
class Case:
    """One query and the answer it must have."""

    name: str
    query: Query
    expected: Answer


def at(text: str) -> int:
    """The instant of a Beijing time of 2026."""
    found = instant(f"2026-{text}")
    assert found is not None
    return found


NOW = at("03-20 12:00:00")
TWO_WEEKS = Query(FLOW, at("03-02 09:00:00"), at("03-15 20:00:00"), NOW)
SIX_DAYS = Query(FLOW, at("03-02 09:00:00"), at("03-08 20:00:00"), at("03-08 23:00:00"))


def query(
    metric: str, filters: dict[str, str] | None = None, base: Query = TWO_WEEKS, **options: Any
) -> Query:
    """A query over the two weeks; several values of a filter are joined by `|`."""
    chosen = {name: frozenset(value.split("|")) for name, value in (filters or {}).items()}
    return replace(base, metric=metric, filters=chosen, **options)


def columns(
    names: list[str] | tuple[str, ...], rows: list[Any], asked: Query, zone: str = SHANGHAI
) -> Answer:
    """Rows of one number per name as the answer with these endpoints, a bucket per row; None: not known."""
    starts = [start for start, _ in buckets(asked.start, asked.until, asked.now, asked.step, zone)]
    assert len(starts) == len(rows)
    return [
        (name, [(start, None if row is None else row[n]) for start, row in zip(starts, rows, strict=True)])
        for n, name in enumerate(names)
    ]


def shop_cases() -> Iterator[Case]:
    """Of the hand-written company."""
    in_shop, engine = {"product": shop.SHOP}, {"product": shop.CPP}

    def case(
        name: str,
        names: Any,
        rows: list[Any],
        metric: str,
        filters: Any = None,
        zone: str = SHANGHAI,
        **options: Any,
    ) -> Case:
        asked = query(metric, filters, **options)
        return Case(name, asked, columns(names, rows, asked, zone))

    stages = expected.SHOP_STAGES
    yield case("bands in Beijing days", stages, expected.BANDS, FLOW, in_shop)
    yield case("bands in UTC days", stages, expected.BANDS_UTC, FLOW, in_shop, "UTC", tz="UTC")
    yield case(
        "bands without what was removed", stages, expected.BANDS_EXCLUDE, FLOW, in_shop, deleted="exclude"
    )
    yield case(
        "bands with only what ended in the range",
        stages, expected.BANDS_RANGE, FLOW, in_shop, start=at("03-09 10:00:00"), done_from="range",
    )  # fmt: skip
    yield case("arrivals", stages[:-1], expected.ARRIVALS, FLOW, in_shop, mode="arrivals")
    for name, filters, options, rows in (
        ("of a product", in_shop, {}, expected.LEDGER_SHOP),
        ("of everything", {}, {}, expected.LEDGER_ALL),
        ("of both products", {"product": f"{shop.SHOP}|{shop.CPP}"}, {}, expected.LEDGER_ALL),
        ("of a version", {"product": shop.SHOP, "version": "v1.0.0"}, {}, expected.LEDGER_V100),
        (
            "of a version as the plugin writes it",
            {"product": shop.SHOP, "version": "v1#0#0"},
            {},
            expected.LEDGER_V100,
        ),
        ("of fatal ones", {"severity": "fatal"}, {}, expected.LEDGER_FATAL),
        ("of serious ones", {"severity": "serious"}, {}, expected.LEDGER_SERIOUS),
        ("of what is serious now", {"severity": "serious"}, {"asof": "now"}, expected.LEDGER_SERIOUS_NOW),
        ("of an unknown version", {"version": "no such version"}, {}, [expected.NOTHING] * 14),
        ("by weeks", {}, {"step": "1w"}, expected.LEDGER_ALL_WEEKS),
        ("of an unknown product", {"product": "nobody's"}, {}, [None] * 14),
    ):
        yield case(f"ledger {name}", MOVES, rows, CHANGES, filters, **options)
    for name, filters, values in (
        ("of everything", {}, expected.OPEN_ALL),
        ("of a product", in_shop, expected.OPEN_SHOP),
        ("of a version", {"product": shop.SHOP, "version": "v1.0.0"}, expected.OPEN_V100),
        ("of an iteration", {"iteration": "Sprint 2, final"}, expected.BACKLOG_SPRINT_2),
    ):
        yield case(f"backlog {name}", ["all"], [(value,) for value in values], BACKLOG, filters)
    severities = expected.BACKLOG_BY_SEVERITY
    rows = list(zip(*severities.values(), strict=True))
    assert [sum(row) for row in rows] == expected.OPEN_ALL
    yield case("backlog by severity", list(severities), rows, BACKLOG, by="severity")
    for product, until, midnight, values in (
        (shop.SHOP, "03-15", "03-15 00:00:00", expected.VERSION_BUGS_15),
        (shop.SHOP, "03-08", "03-08 00:00:00", expected.VERSION_BUGS_08),
        (shop.CPP, "03-15", "03-15 07:00:00", expected.VERSION_BUGS_ENGINE),
    ):
        asked = query(VERSION_BUGS, {"product": product}, until=at(f"{until} 20:00:00"))
        points = [(version, [(at(midnight), count)]) for version, count in values]
        yield Case(f"bugs by version of {product} on {until}", asked, points)
    since = at("03-01 12:00:00")
    names = expected_engine.ENGINE_STAGES
    bands, reached = expected_engine.ENGINE_BANDS, expected_engine.ENGINE_ARRIVALS
    yield case("bands of configured stages", names, bands, FLOW, engine, BERLIN, start=since)
    yield case(
        "arrivals at configured stages",
        names[:4],
        reached,
        FLOW,
        engine,
        BERLIN,
        start=since,
        mode="arrivals",
    )
    yield case("ledger in Berlin", MOVES, expected_engine.ENGINE_LEDGER, CHANGES, engine, BERLIN)
    for name, filters, zone, counts in (
        ("of everything", {}, SHANGHAI, expected_engine.EVENTS),
        ("of a product", engine, BERLIN, expected_engine.EVENTS_ENGINE),
        ("of a component", {"component": "engine/core-c++"}, BERLIN, expected_engine.EVENTS_ENGINE),
    ):
        per_day = [tuple(days.get(day[-2:], 0) for days in counts.values()) for day in expected.DAYS]
        yield case(f"events {name}", list(counts), per_day, EVENTS, filters, zone)


def six_cases() -> Iterator[Case]:
    """Of the six items of the worked example, metrics 4.5: both zones, arrivals, without deleted, ledger."""
    stages = ["todo", "dev", "test", "done"]
    for name, rows, zone, options in (
        ("bands in Beijing days", six_items.BANDS_SHANGHAI, SHANGHAI, {}),
        ("bands in UTC days", six_items.BANDS_UTC, "UTC", {"tz": "UTC"}),
        ("bands without what was deleted", six_items.BANDS_EXCLUDE, SHANGHAI, {"deleted": "exclude"}),
        ("arrivals", six_items.ARRIVALS, SHANGHAI, {"mode": "arrivals"}),
    ):
        asked = query(FLOW, None, SIX_DAYS, **options)
        yield Case(name, asked, columns(stages, rows, asked, zone))
    asked = query(BACKLOG, None, SIX_DAYS)
    yield Case("open at the end of each day", asked, columns(["all"], [(n,) for n in six_items.OPEN], asked))
    asked = query(CHANGES, None, SIX_DAYS)
    place = {"created": 0, "reopened": 1, "closed": 2, "removed": 3}
    rows = [tuple(row[place[move]] if move in place else None for move in MOVES) for row in six_items.LEDGER]
    known = [(name, line) for name, line in columns(MOVES, rows, asked) if name in place]
    yield Case("ledger", asked, known)
