"""What was worked out by hand comes out of both wires, collected over HTTP by the real collectors."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain, groupby, product
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from metrics_api.core.security import READ_ALL
from metrics_api.core.store import Store
from metrics_api.evaluate import Evaluator
from metrics_api.world import World
from tests.company import shop, six_items, stories
from tests.company.cases import Case, at, columns, query, shop_cases, six_cases
from tests.company.expected_stories import STAGES
from tests.company.story_cases import label_cases, story_cases
from tests.reference.answers import Answer
from tests.reference.compare import differences
from tests.reference.questions import STORY_FLOW
from tests.reference.wire import Company, first_look, last_look
from tests.system.harness import collected, configured, over_falcon, over_graphite, serving, upstreams_of
from tests.system.in_memory import answered, as_answer, config_of, world_of


def hand_written_cases() -> Iterable[Case]:
    """All cases of the hand-written company."""
    return chain(shop_cases(), label_cases(), story_cases())


COMPANIES = pytest.mark.parametrize(
    ("made", "cases"),
    [(six_items.company, six_cases), (stories.company, hand_written_cases)],
    ids=["six items", "hand-written company"],
)


@COMPANIES
async def test_hand_worked_numbers_come_out_of_both_wires(
    store: Store, made: Callable[[], Company], cases: Callable[[], Iterable[Case]]
) -> None:
    company = made()
    # Twice, as it happens: while everything is still there, and after the removals. These are dated before
    # the first look, so the watermark that would have been older then is taken away.
    for look in (first_look(company), last_look(company)):
        removals = ["tapd.removed_bugs", "tapd.removed_stories"]
        await store.collection("watermarks").delete_many({"collector": {"$in": removals}})
        records = await collected(upstreams_of(look), store, configured(company))
        assert [(one["collector"], one["error"]) for one in records if one["state"] != "success"] == []
    wrong = []
    by_now = groupby(sorted(cases(), key=lambda case: case.query.now), key=lambda case: case.query.now)
    async with aiohttp.ClientSession() as session:
        for moment, some in by_now:
            async with serving(store, config_of(company), lambda now=moment: now) as url:  # type: ignore[misc]
                for case, wire in product(some, (over_falcon, over_graphite)):
                    got = await wire(session, url, case.query)
                    wrong += [(case.name, wire.__name__, one) for one in not_expected(case, got)]
    assert wrong == []


@COMPANIES
@pytest.mark.parametrize("cube", [True, False], ids=["cube", "segments"])
@pytest.mark.parametrize("in_steps", [False, True], ids=["at once", "in steps"])
async def test_hand_worked_numbers_come_out_of_the_frames(
    made: Callable[[], Company], cases: Callable[[], Iterable[Case]], cube: bool, in_steps: bool
) -> None:
    company = made()
    worlds: dict[int, World] = {}
    wrong = []
    for case in cases():
        now = case.query.now
        worlds.setdefault(now, world_of(company, now, cube=cube, in_steps=in_steps))
        got = as_answer(await answered(worlds[now], case.query))
        wrong += [(case.name, one) for one in not_expected(case, got)]
    assert wrong == []


def not_expected(case: Case, got: Answer) -> list[str]:
    """What differs; a ledger is compared by the moves that were worked out."""
    asked = {name for name, _ in case.expected}
    shown = [line for line in got if line[0] in asked] if case.name == "ledger" else got
    return differences(case.expected, shown)


# Stories of Shop & Co from the 5th to the 8th by stage, as the columns of `expected_stories`.
@pytest.mark.parametrize(
    ("expression", "rows"),
    [
        # S1, S8, S13 and S18 are urgent on the 5th.
        (
            "label!=urgent",
            [
                (6, 0, 1, 1, 1, 2, 1, 0),
                (6, 0, 4, 0, 3, 2, 1, 0),
                (5, 0, 4, 1, 2, 4, 1, 0),
                (1, 0, 7, 0, 2, 5, 1, 1),
            ],
        ),
        # Those with any label: S13; S8 S18; S1; then S13 S18; S8; S1; at last without S18.
        (
            "label!=N/A",
            [
                (1, 0, 2, 1, 0, 0, 0, 0),
                (0, 0, 2, 1, 0, 1, 0, 0),
                (0, 0, 2, 1, 0, 1, 0, 0),
                (0, 0, 1, 1, 0, 1, 0, 0),
            ],
        ),
        # S1, S13 and S18 have VIP beside it.
        (
            "label=~V.*",
            [
                (1, 0, 1, 1, 0, 0, 0, 0),
                (0, 0, 2, 0, 0, 1, 0, 0),
                (0, 0, 2, 0, 0, 1, 0, 0),
                (0, 0, 1, 0, 0, 1, 0, 0),
            ],
        ),
        # Of the urgent ones only S8 has no VIP.
        (
            "label!=~V.*','label=urgent",
            [
                (0, 0, 1, 0, 0, 0, 0, 0),
                (0, 0, 0, 1, 0, 0, 0, 0),
                (0, 0, 0, 1, 0, 0, 0, 0),
                (0, 0, 0, 1, 0, 0, 0, 0),
            ],
        ),
        # Of what is not of type 需求 the leaves: S8, S9, S18, from the 6th on S10, on the 6th S19.
        (
            "type!=需求",
            [
                (0, 0, 2, 0, 1, 0, 0, 0),
                (0, 0, 1, 1, 3, 0, 0, 0),
                (0, 0, 1, 1, 2, 0, 0, 0),
                (0, 0, 0, 1, 2, 0, 0, 0),
            ],
        ),
    ],
)
async def test_stories_are_selected_by_what_their_labels_are_not(
    expression: str, rows: list[tuple[int, ...]]
) -> None:
    asked = query(STORY_FLOW, start=at("03-05 12:00:00"), until=at("03-08 12:00:00"))
    reader: Any = SimpleNamespace(world=world_of(stories.company(), asked.now))
    evaluator = Evaluator(reader, clock=lambda: asked.now)
    target = f"seriesByTag('name={STORY_FLOW}','product={shop.SHOP}','{expression}')"
    rendered = await evaluator.render([target], asked.start, asked.until, READ_ALL)
    evaluator.close()
    assert rendered.skipped == []
    assert differences(columns(STAGES, rows, asked), as_answer(rendered.series[0])) == []
