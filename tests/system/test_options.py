"""Options and questions at the edge, on the worked example, with literal answers."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from metrics_api.core.security import READ_ALL, Principal
from metrics_api.evaluate import Evaluator
from tests.company import shop, six_items
from tests.company.cases import NOW, SIX_DAYS, at
from tests.reference.wire import Company
from tests.system.in_memory import world_of


def evaluator(company: Company, now: int = SIX_DAYS.now, **changes: Any) -> Evaluator:
    """An evaluator over a company's world at some time."""
    reader: Any = SimpleNamespace(world=replace(world_of(company, now), **changes), refreshed_at=0.0)
    return Evaluator(reader, clock=lambda: now)


async def values(asked: Evaluator, target: str, principal: Principal = READ_ALL) -> dict[str, list[Any]]:
    """The values of each endpoint over the six days."""
    rendered = await asked.render([target], SIX_DAYS.start, SIX_DAYS.until, principal)
    assert rendered.skipped == []
    return {series.endpoint: list(series.values) for series in rendered.series[0]}


async def test_stages_come_as_configured_or_as_a_diagram_stacks_them() -> None:
    six = evaluator(six_items.company())
    assert list(await values(six, "@tapd.bugs.flow.cumulative")) == ["todo", "dev", "test", "done"]
    stacked = await values(six, "@tapd.bugs.flow.cumulative/order=stacked")
    assert list(stacked) == ["done", "test", "dev", "todo"]
    assert stacked["done"] == [0, 0, 1, 3, 2, 2, 4]
    shown = await values(evaluator(shop.company(), NOW), "@tapd.bugs.flow.cumulative/order=stacked")
    names = list(shown)
    assert names.index("closed") < names.index("rejected") < names.index("verified") < names.index("new")
    assert names[-1] == "unmapped"


async def test_a_window_that_begins_after_it_ends_has_no_points() -> None:
    six = evaluator(six_items.company())
    rendered = await six.render(["@tapd.bugs.backlog.daily"], SIX_DAYS.until, SIX_DAYS.start, READ_ALL)
    assert [(one.endpoint, list(one.timestamps)) for one in rendered.series[0]] == [("all", [])]


async def test_the_last_bucket_is_partial_while_it_is_not_over() -> None:
    six = evaluator(six_items.company())
    today = await six.render(["@tapd.bugs.backlog.daily"], SIX_DAYS.start, SIX_DAYS.until, READ_ALL)
    before = await six.render(["@tapd.bugs.backlog.daily"], SIX_DAYS.start, SIX_DAYS.until - 86_400, READ_ALL)
    assert (today.series[0][0].partial, before.series[0][0].partial) == (True, False)


async def test_nothing_is_a_number_before_the_first_record_or_after_the_last_look() -> None:
    company = six_items.company()
    scope = f"tapd:{company.workspaces[0].id}"
    until = at("03-06 12:00:00")
    names = ("tapd.bugs", "tapd.bug_changes", "tapd.removed_bugs")
    known = {(name, scope): SIX_DAYS.now for name in names} | {("tapd.removed_bugs", scope): until}
    looked = evaluator(company, known=known)
    assert (await values(looked, "@tapd.bugs.backlog.daily"))["all"] == [3, 4, 4, 3, 3, None, None]
    rendered = await looked.render(["@tapd.bugs.backlog.daily"], SIX_DAYS.start - 2 * 86_400, until, READ_ALL)
    assert list(rendered.series[0][0].values) == [None, None, 3, 4, 4, 3, 3]
    never = evaluator(company, known={key: one for key, one in known.items() if key[0] != "tapd.bugs"})
    assert (await values(never, "@tapd.bugs.backlog.daily"))["all"] == [None] * 7


async def test_a_world_without_facts_answers_without_points() -> None:
    empty = evaluator(six_items.company(), items={}, events=None)
    assert await values(empty, "@tapd.bugs.flow.cumulative") == {"all": []}
    assert await values(empty, "@gitlab.events.daily") == {"all": []}
    assert await empty.find("$bugversion=Six", READ_ALL) == []


async def test_a_principal_sees_its_products_only() -> None:
    everything = evaluator(shop.company(), NOW)
    one = Principal("shop", frozenset({shop.SHOP}))
    mine = await values(everything, "@tapd.bugs.backlog.daily", one)
    assert mine == await values(everything, f"@tapd.bugs.backlog.daily/product={shop.SHOP}")
    assert mine != await values(everything, "@tapd.bugs.backlog.daily")
    assert [node.text for node in await everything.find("$product", one)] == [shop.SHOP]
    theirs = await values(everything, f"@tapd.bugs.backlog.daily/product={shop.CPP}", one)
    # What one may not read looks like what nobody knows.
    assert theirs == {"all": []} == await values(everything, "@tapd.bugs.backlog.daily/product=nobody's", one)
    assert await everything.find(f"$bugversion={shop.CPP}", one) == []


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("@tapd.bugs.nothing", "unknown metric 'tapd.bugs.nothing'; known: gitlab.events.daily"),
        ("@tapd.bugs.backlog.daily/colour=red", "no filter or option 'colour'; filters: product, workspace"),
        ("@tapd.bugs.backlog.daily/tz=Mars", "unknown time zone 'Mars'"),
        ("@tapd.bugs.backlog.daily/step=1h", "step=1h: use one of 1d, 1w, 1M, all"),
        ("@tapd.bugs.backlog.daily/by=reporter", "reporter names people: set `enabled = true` under"),
        ("@tapd.bugs.backlog.daily/asof={then,now}", "asof takes one value"),
        (
            "seriesByTag('name=tapd.bugs.backlog.daily','version=~(')",
            "the regular expression of version: missing )",
        ),
        ("tapd.bugs.backlog.daily", 'starts with "@"'),
    ],
)
async def test_what_cannot_be_asked_is_skipped_with_what_would_be_right(target: str, says: str) -> None:
    six = evaluator(six_items.company())
    rendered = await six.render(
        [target, "@tapd.bugs.backlog.daily"], SIX_DAYS.start, SIX_DAYS.until, READ_ALL
    )
    assert rendered.series[0] == []
    assert says in rendered.skipped[0]
    assert list(rendered.series[1][0].values) == [3, 4, 4, 3, 3, 3, 1]


async def test_every_series_of_an_answer_has_tags_of_its_own() -> None:
    both = evaluator(shop.company(), NOW)
    for target in (
        "@tapd.bugs.flow.cumulative/by=product",
        "@tapd.bugs.change.daily/by=version",
        "@gitlab.events.daily",
    ):
        rendered = await both.render([target], at("03-01 00:00:00"), NOW, READ_ALL)
        tags = [tuple(sorted(series.tags.items())) for series in rendered.series[0]]
        assert len(tags) > 3
        assert len(set(tags)) == len(tags)
        assert all(isinstance(value, str) for one in tags for _, value in one)
