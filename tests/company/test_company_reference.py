"""The reference gives the numbers that were worked out by hand for the hand-written company."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.company import expected, shop, six_items, stories
from tests.company.cases import NOW, TWO_WEEKS, Case, at, query, shop_cases, six_cases
from tests.company.records import ENGINE
from tests.company.story_cases import label_cases, story_cases
from tests.reference.answers import answer
from tests.reference.questions import BACKLOG

COMPANY = stories.company()


@pytest.mark.parametrize("case", [*shop_cases(), *label_cases(), *story_cases()], ids=lambda case: case.name)
def test_the_reference_answers_the_hand_written_company(case: Case) -> None:
    assert answer(COMPANY, case.query) == case.expected


@pytest.mark.parametrize("case", list(six_cases()), ids=lambda case: case.name)
def test_the_reference_answers_the_six_items(case: Case) -> None:
    asked = {name for name, _ in case.expected}
    assert [line for line in answer(six_items.company(), case.query) if line[0] in asked] == case.expected


def test_nothing_is_answered_before_the_first_record_nor_after_what_is_known() -> None:
    window = {"start": at("02-18 12:00:00"), "until": at("02-22 12:00:00")}
    got = answer(COMPANY, query(BACKLOG, {"product": shop.SHOP}, **window))
    assert [value for _, value in got[0][1]] == [None, None, 1, 1, 1]
    known = {scope.id: NOW for scope in COMPANY.workspaces} | {ENGINE: at("03-13 23:00:00")}
    got = answer(COMPANY, replace(TWO_WEEKS, metric=BACKLOG), known)
    assert [value for _, value in got[0][1]] == [*expected.OPEN_ALL[:12], None, None]
    del known[ENGINE]
    got = answer(COMPANY, replace(TWO_WEEKS, metric=BACKLOG), known)
    assert [value for _, value in got[0][1]] == [None] * 14


def test_nothing_is_answered_after_now() -> None:
    got = answer(COMPANY, query(BACKLOG, {"product": shop.SHOP}, now=at("03-05 12:30:00")))
    # Of the 5th: + W21 W7 W16, W5 rejected; what comes in the afternoon is not there yet.
    assert [value for _, value in got[0][1]] == [6, 10, 13, 15]
