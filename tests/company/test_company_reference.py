"""The reference gives the numbers that were worked out by hand for the hand-written company."""

from dataclasses import replace
from typing import Any

import pytest

from tests.company import expected, expected_engine, shop
from tests.company.records import ENGINE
from tests.reference.answers import Answer, answer
from tests.reference.days import buckets
from tests.reference.histories import instant
from tests.reference.ledger import MOVES
from tests.reference.questions import BACKLOG, CHANGES, EVENTS, FLOW, VERSION_BUGS, Query

COMPANY = shop.company()


def at(text: str) -> int:
    found = instant(f"2026-{text}")
    assert found is not None
    return found


NOW = at("03-20 12:00:00")
TWO_WEEKS = Query(FLOW, at("03-02 09:00:00"), at("03-15 20:00:00"), NOW)


def ask(metric: str, filters: dict[str, str] | None = None, **options: Any) -> Answer:
    chosen = {name: frozenset(value.split("|")) for name, value in (filters or {}).items()}
    return answer(COMPANY, replace(TWO_WEEKS, metric=metric, filters=chosen, **options))


def columns(
    names: list[str] | tuple[str, ...], rows: list[Any], zone: str = "Asia/Shanghai", **window: Any
) -> Answer:
    """Rows of one number per name as the answer with these endpoints, a bucket per row; None: not known."""
    query = replace(TWO_WEEKS, **window)
    starts = [start for start, _ in buckets(query.start, query.until, query.now, query.step, zone)]
    assert len(starts) == len(rows)
    return [
        (name, [(start, None if row is None else row[n]) for start, row in zip(starts, rows, strict=True)])
        for n, name in enumerate(names)
    ]


def test_bands_in_beijing_days() -> None:
    assert ask(FLOW, {"product": shop.SHOP}) == columns(expected.SHOP_STAGES, expected.BANDS)


def test_bands_in_utc_days() -> None:
    got = ask(FLOW, {"product": shop.SHOP}, tz="UTC")
    assert got == columns(expected.SHOP_STAGES, expected.BANDS_UTC, "UTC")


def test_bands_without_what_was_removed() -> None:
    got = ask(FLOW, {"product": shop.SHOP}, deleted="exclude")
    assert got == columns(expected.SHOP_STAGES, expected.BANDS_EXCLUDE)


def test_bands_with_only_what_ended_in_the_range() -> None:
    since = at("03-09 10:00:00")
    got = ask(FLOW, {"product": shop.SHOP}, done_from="range", start=since)
    assert got == columns(expected.SHOP_STAGES, expected.BANDS_RANGE, start=since)


def test_arrivals() -> None:
    got = ask(FLOW, {"product": shop.SHOP}, mode="arrivals")
    assert got == columns(expected.SHOP_STAGES[:-1], expected.ARRIVALS)


@pytest.mark.parametrize(
    ("filters", "options", "rows"),
    [
        ({"product": shop.SHOP}, {}, expected.LEDGER_SHOP),
        ({}, {}, expected.LEDGER_ALL),
        ({"product": f"{shop.SHOP}|{shop.CPP}"}, {}, expected.LEDGER_ALL),
        ({"product": shop.SHOP, "version": "v1.0.0"}, {}, expected.LEDGER_V100),
        ({"product": shop.SHOP, "version": "v1#0#0"}, {}, expected.LEDGER_V100),
        ({"severity": "fatal"}, {}, expected.LEDGER_FATAL),
        ({"severity": "serious"}, {}, expected.LEDGER_SERIOUS),
        ({"severity": "serious"}, {"asof": "now"}, expected.LEDGER_SERIOUS_NOW),
        ({"version": "no such version"}, {}, [expected.NOTHING] * 14),
    ],
)
def test_ledger(filters: dict[str, str], options: dict[str, Any], rows: list[expected.Row]) -> None:
    assert ask(CHANGES, filters, **options) == columns(MOVES, rows)


def test_ledger_by_weeks() -> None:
    assert ask(CHANGES, step="1w") == columns(MOVES, expected.LEDGER_ALL_WEEKS, step="1w")


def test_ledger_of_an_unknown_product_has_no_values() -> None:
    assert ask(CHANGES, {"product": "nobody's"}) == columns(MOVES, [None] * 14)


@pytest.mark.parametrize(
    ("filters", "values"),
    [
        ({}, expected.OPEN_ALL),
        ({"product": shop.SHOP}, expected.OPEN_SHOP),
        ({"product": shop.SHOP, "version": "v1.0.0"}, expected.OPEN_V100),
        ({"iteration": "Sprint 2, final"}, expected.BACKLOG_SPRINT_2),
    ],
)
def test_backlog(filters: dict[str, str], values: list[int]) -> None:
    assert ask(BACKLOG, filters) == columns(["all"], [(value,) for value in values])


def test_backlog_by_severity() -> None:
    rows = list(zip(*expected.BACKLOG_BY_SEVERITY.values(), strict=True))
    assert ask(BACKLOG, by="severity") == columns(list(expected.BACKLOG_BY_SEVERITY), rows)
    assert [sum(row) for row in rows] == expected.OPEN_ALL


@pytest.mark.parametrize(
    ("product", "until", "zone", "values"),
    [
        (shop.SHOP, "03-15 20:00:00", "Asia/Shanghai", expected.VERSION_BUGS_15),
        (shop.SHOP, "03-08 20:00:00", "Asia/Shanghai", expected.VERSION_BUGS_08),
        (shop.CPP, "03-15 20:00:00", "Europe/Berlin", expected.VERSION_BUGS_ENGINE),
    ],
)
def test_bugs_by_version(product: str, until: str, zone: str, values: list[tuple[str, int]]) -> None:
    day = {"Asia/Shanghai": f"{until[:5]} 00:00:00", "Europe/Berlin": f"{until[:5]} 07:00:00"}[zone]
    got = ask(VERSION_BUGS, {"product": product}, until=at(until))
    assert got == [(version, [(at(day), count)]) for version, count in values]


def test_configured_stages_in_the_products_own_zone() -> None:
    since = at("03-01 12:00:00")
    filters = {"product": shop.CPP}
    wanted = columns(
        expected_engine.ENGINE_STAGES, expected_engine.ENGINE_BANDS, "Europe/Berlin", start=since
    )
    assert ask(FLOW, filters, start=since) == wanted
    wanted = columns(
        expected_engine.ENGINE_STAGES[:4], expected_engine.ENGINE_ARRIVALS, "Europe/Berlin", start=since
    )
    assert ask(FLOW, filters, start=since, mode="arrivals") == wanted
    assert ask(CHANGES, filters) == columns(MOVES, expected_engine.ENGINE_LEDGER, "Europe/Berlin")


@pytest.mark.parametrize(
    ("filters", "zone", "counts"),
    [
        ({}, "Asia/Shanghai", expected_engine.EVENTS),
        ({"product": shop.CPP}, "Europe/Berlin", expected_engine.EVENTS_ENGINE),
        ({"component": "engine/core-c++"}, "Europe/Berlin", expected_engine.EVENTS_ENGINE),
    ],
)
def test_events(filters: dict[str, str], zone: str, counts: dict[str, dict[str, int]]) -> None:
    rows = [tuple(days.get(day[-2:], 0) for days in counts.values()) for day in expected.DAYS]
    assert ask(EVENTS, filters) == columns(list(counts), rows, zone)


def test_nothing_is_answered_before_the_first_record_nor_after_what_is_known() -> None:
    window = {"start": at("02-18 12:00:00"), "until": at("02-22 12:00:00")}
    got = ask(BACKLOG, {"product": shop.SHOP}, **window)
    assert [value for _, value in got[0][1]] == [None, None, 1, 1, 1]
    known = {scope.id: NOW for scope in COMPANY.workspaces} | {ENGINE: at("03-13 23:00:00")}
    got = answer(COMPANY, replace(TWO_WEEKS, metric=BACKLOG), known)
    assert [value for _, value in got[0][1]] == [*expected.OPEN_ALL[:12], None, None]
    del known[ENGINE]
    got = answer(COMPANY, replace(TWO_WEEKS, metric=BACKLOG), known)
    assert [value for _, value in got[0][1]] == [None] * 14


def test_nothing_is_answered_after_now() -> None:
    now = at("03-05 12:30:00")
    got = ask(BACKLOG, {"product": shop.SHOP}, now=now)
    # Of the 5th: + W21 W7 W16, W5 rejected; what comes in the afternoon is not there yet.
    assert [value for _, value in got[0][1]] == [6, 10, 13, 15]
