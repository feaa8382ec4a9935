"""Defects that came back or were none."""

from __future__ import annotations

from typing import Any

from metrics_api.core.store import Document
from tests.frames.defects import BEGUN, CLOSED, FIXED, NEW, REJECTED, frame_of, six
from tests.frames.facts import answers, bug, ten

NONE = [None] * 5


def asked(target: str, facts: list[Document] | None = None) -> dict[str, list[Any]]:
    """The lines of some bugs, else of the six."""
    return answers(frame_of(six() if facts is None else facts), [target])[0]


def test_bugs_that_were_over_come_back() -> None:
    # Over for the first time: 2 (fixed), 3 (closed) and 4 (rejected at its creation) on Tuesday, 1 on
    # Wednesday. On Wednesday 2 was returned and 3 reopened.
    assert asked("@tapd.bugs.reopen.rate") == {
        "all": [None, 2 / 3, 0, None, None],
        "reopened": [None, 1 / 3, 0, None, None],
        "returned": [None, 1 / 3, 0, None, None],
    }
    # When it is fixed again on Friday, that is not the first time.
    assert asked("@tapd.bugs.reopen.rate/by=severity") == {
        "fatal": [None, None, 0, None, None],
        "fatal/reopened": [None, None, 0, None, None],
        "fatal/returned": [None, None, 0, None, None],
        "serious": [None, 1, None, None, None],
        "serious/reopened": [None, 0, None, None, None],
        "serious/returned": [None, 1, None, None, None],
        "normal": [None, 0.5, None, None, None],
        "normal/reopened": [None, 0.5, None, None, None],
        "normal/returned": [None, 0, None, None, None],
    }
    assert asked("@tapd.bugs.reopen.rate/stage=fixed")["all"] == [None, 1, 0, None, None]
    assert asked("@tapd.bugs.reopen.rate/step=all") == {"all": [0.5], "reopened": [0.25], "returned": [0.25]}


def test_a_bug_that_was_over_before_the_window_is_not_in_it() -> None:
    again = [bug("1", (-9, NEW), (-8, CLOSED), (-7, NEW), (1, CLOSED), (2, NEW)), bug("2", (0, CLOSED))]
    assert asked("@tapd.bugs.reopen.rate", again)["all"] == [0, None, None, None, None]
    assert asked("@tapd.bugs.reopen.count", again) == {"all": [0, 0, 1, 0, 0]}


def test_a_move_on_or_between_ends_is_no_return() -> None:
    on = bug("1", (0, FIXED), (1, {"status": "verified"}), (2, CLOSED), (3, REJECTED))
    # Whatever else changes in the meantime, and whatever nobody mapped, is no return either.
    odd = bug("2", (0, FIXED), (1, FIXED | {"severity": "fatal"}), (2, {"status": "odd"}))
    back = bug("3", (0, FIXED), (1, {"status": "verified"}), (2, BEGUN))
    assert asked("@tapd.bugs.reopen.rate", [on, odd])["all"] == [0, None, None, None, None]
    # From a stage after `fixed` it is not returned by the ledger's words.
    assert asked("@tapd.bugs.reopen.rate", [back])["all"] == [0, None, None, None, None]


def test_reopenings_are_those_of_the_ledger() -> None:
    several = [
        bug("1", (0, CLOSED | {"label": "a"}), (1, NEW), (2, REJECTED), (3, BEGUN | {"label": "a|b"})),
        bug("2", (0, CLOSED), (1, CLOSED | {"module": "m"}), (2, NEW | {"severity": "fatal"}), gone=3),
    ]
    assert asked("@tapd.bugs.reopen.count", several) == {"all": [0, 1, 1, 1, 0]}
    # A bug that changes its value in that second was not closed there.
    assert asked("@tapd.bugs.reopen.count/by=severity", several) == {"N/A": [0, 1, 0, 1, 0]}
    assert asked("@tapd.bugs.reopen.count/by=label", several) == {
        "a": [0, 1, 0, 1, 0],
        "N/A": [0, 0, 1, 0, 0],
    }
    assert asked("@tapd.bugs.reopen.count/deleted=exclude", several) == {"all": [0, 1, 0, 1, 0]}
    assert asked("@tapd.bugs.reopen.count/asof=now,by=severity", several)["fatal"] == [0, 0, 1, 0, 0]


def with_resolution(fact: Document, at: int, value: str) -> Document:
    """A bug that was given a resolution at ten on a day."""
    return fact | {"histories": {"resolution": {"at": [fact["created"], ten(at)], "value": ["", value]}}}


def refused() -> list[Document]:
    """On Tuesday two end: one done, one dropped; on Wednesday three, two of them dropped."""
    return [
        bug("1", (0, NEW | {"severity": "fatal"}), (1, CLOSED)),
        with_resolution(bug("2", (0, NEW), (1, REJECTED)), 1, "duplicated"),
        # Refused, taken up after all, and closed.
        bug("3", (0, NEW), (1, REJECTED), (2, BEGUN), (2, CLOSED)),
        # Closed, then found to be none: it ended when it was refused.
        with_resolution(bug("4", (0, CLOSED | {"severity": "fatal"}), (2, REJECTED)), 2, "not a bug"),
        bug("5", (0, NEW), (2, REJECTED), gone=4),
        # Refused, and open at the end.
        bug("6", (0, NEW), (3, REJECTED), (4, NEW)),
    ]


def bug_3() -> Document:
    """Two changes on one day, hours apart."""
    fact = refused()[2]
    fact["segments"]["start"][-1] += 3600
    return fact


def test_what_was_refused_is_a_part_of_what_ended() -> None:
    facts = refused()
    facts[2] = bug_3()
    assert asked("@tapd.bugs.invalid.rate", facts) == {"all": [None, 1 / 2, 2 / 3, None, None]}
    assert asked("@tapd.bugs.invalid.rate/by=severity", facts) == {
        "fatal": [None, 0, 1, None, None],
        "N/A": [None, 1, 1 / 2, None, None],
    }
    # The parts are those of the whole.
    assert asked("@tapd.bugs.invalid.rate/by=resolution", facts) == {
        "duplicated": [None, 1 / 2, 0, None, None],
        "not a bug": [None, 0, 1 / 3, None, None],
        "N/A": [None, 0, 1 / 3, None, None],
    }
    assert asked("@tapd.bugs.invalid.rate/deleted=exclude", facts)["all"] == [None, 1 / 2, 1 / 2, None, None]
    throughput = asked("@tapd.bugs.flow.throughput", facts)
    assert throughput == {"all": [0, 1, 1, 0, 0], "dropped": [0, 1, 2, 0, 0]}
