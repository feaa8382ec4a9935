"""How long defects took: to be answered, to be fixed, to be verified."""

from __future__ import annotations

from typing import Any

from metrics_api.core.config import Config
from metrics_api.core.store import Document
from tests.frames.defects import BEGUN, CLOSED, CONFIG, FIXED, NEW, REJECTED, A, frame_of
from tests.frames.facts import DAY_S, answers, bug

HOUR_S = 3600
NONE = [None] * 5
VERIFIED = {"status": "verified"}
FATAL = {"severity": "fatal"}
EARLY = {"findings": ["change_before_created:status"]}


def asked(target: str, facts: list[Document], config: Config = CONFIG) -> dict[str, list[Any]]:
    """The lines of some bugs."""
    return answers(frame_of(facts, config), [target])[0]


def days(*counts: float | None) -> list[float | None]:
    """Days as seconds."""
    return [None if count is None else count * DAY_S for count in counts]


def fixed() -> list[Document]:
    """On Tuesday two are fixed after one day, one after eleven; on Thursday one again, and one for good."""
    return [
        bug("1", (0, NEW | FATAL), (1, FIXED), (2, BEGUN), (3, FIXED)),
        bug("2", (-10, NEW), (1, FIXED), (2, VERIFIED), (4, CLOSED)),
        bug("3", (0, NEW), (1, FIXED), (3, CLOSED)),
        bug("4", (-1, NEW), (1, CLOSED), (2, NEW), (3, FIXED)),
        bug("5", (2, NEW), (3, REJECTED)),
    ]


def test_a_fix_takes_from_the_creation_to_the_first_entry_to_resolved() -> None:
    # Tuesday: 1, 11 and 1 days; bug 4 was closed unresolved. Thursday: bug 4, four days after its creation.
    assert asked("@tapd.bugs.fix.time", fixed()) == {
        "p50": days(None, 1, None, 4, None),
        "p85": NONE,
        "p95": NONE,
        "n": [0, 3, 0, 1, 0],
        "skipped_n": [0, 1, 0, 0, 0],
        "negative_n": [0] * 5,
    }
    found = asked("@tapd.bugs.fix.time/by=severity,q=50", fixed())
    assert found["fatal/p50"] == days(None, 1, None, None, None)
    assert found["N/A/n"] == [0, 2, 0, 1, 0]
    assert found["N/A/skipped_n"] == [0, 1, 0, 0, 0]


def test_each_attempt_takes_from_the_last_opening_to_the_entry_to_resolved() -> None:
    # Thursday: bug 1 returned on Wednesday, bug 4 reopened on Wednesday.
    assert asked("@tapd.bugs.fix.time/since=last,q={50,85}", fixed()) == {
        "p50": days(None, 1, None, 1, None),
        "p85": NONE,
        "n": [0, 3, 0, 2, 0],
        "negative_n": [0] * 5,
    }
    # Created as fixed, and taken back to it from its end: nothing was done in between.
    odd = bug("6", (0, FIXED), (1, CLOSED), (2, FIXED))
    assert asked("@tapd.bugs.fix.time/since=last,q=50", [odd]) == {
        "p50": days(0, None, 0, None, None),
        "n": [1, 0, 1, 0, 0],
        "negative_n": [0] * 5,
    }


def test_few_values_have_only_a_median_and_the_product_says_what_few_is() -> None:
    config = replace_few(CONFIG, 3)
    found = asked("@tapd.bugs.fix.time", fixed(), config)
    assert found["p85"] == days(None, 11, None, None, None)


def replace_few(config: Config, few: int) -> Config:
    """The configuration with percentiles from so many values on."""
    return config.model_copy(update={"product": (A.model_copy(update={"min_for_quantiles": few}),)})


def test_a_fix_on_working_days_takes_their_hours() -> None:
    # From Monday at ten to Tuesday at ten: 8.5 hours on Monday and half an hour on Tuesday.
    found = asked("@tapd.bugs.fix.time/calendar=work,severity=fatal,q=50", fixed())
    assert found["p50"] == [None, 9 * HOUR_S, None, None, None]


def test_an_answer_is_the_first_way_out_of_the_first_stage() -> None:
    facts = [
        bug("1", (0, NEW), (1, BEGUN)),
        bug("2", (0, NEW), (1, NEW | FATAL), (3, REJECTED)),
        bug("3", (0, NEW), (4, NEW | FATAL)),
        bug("4", (0, NEW), gone=1),
        bug("5", (0, BEGUN)),
        bug("6", (3, NEW), (4, {"status": "odd"})),
    ]
    assert asked("@tapd.bugs.response.time/q=50", facts) == {
        "p50": days(1, None, None, 1, None),
        "n": [2, 0, 0, 1, 0],
        "pending_n": [1, 0, 0, 0, 0],
        "skipped_n": [1, 0, 0, 0, 0],
        "negative_n": [0] * 5,
    }
    split = asked("@tapd.bugs.response.time/q=50,by=severity,asof=now", facts)
    assert split["fatal/p50"] == days(3, None, None, None, None)
    assert split["fatal/pending_n"] == [1, 0, 0, 0, 0]


def test_a_change_of_the_owner_is_an_answer_where_people_are_enabled() -> None:
    fact = bug("1", (0, NEW), (3, BEGUN))
    created = fact["created"]
    owners = {"at": [created, created + 2 * HOUR_S], "value": ["", "li;"]}
    facts = [fact | {"histories": {"current_owner": owners}}]
    people = CONFIG.model_copy(update={"people": CONFIG.people.model_copy(update={"enabled": True})})
    target = "@tapd.bugs.response.time/q=50"
    assert asked(target, facts)["p50"] == days(3, None, None, None, None)
    assert asked(target, facts, people)["p50"] == [2 * HOUR_S, None, None, None, None]


def test_a_fix_waits_from_its_last_entry_to_resolved_until_it_is_verified_or_done() -> None:
    facts = [
        # Verified after two days; that it is closed later is no second time.
        bug("1", (-3, NEW), (-1, FIXED), (1, VERIFIED), (3, CLOSED)),
        # Of two fixes it is the second that was verified.
        bug("2", (-5, FIXED), (-4, BEGUN), (0, FIXED), (1, CLOSED)),
        # Never fixed, and fixed but refused.
        bug("3", (0, NEW), (1, CLOSED)),
        bug("4", (0, FIXED), (1, REJECTED)),
        # Closed without a fix first, then fixed and closed.
        bug("5", (-2, CLOSED), (-1, NEW), (0, FIXED), (3, CLOSED), (4, FIXED)),
        # Whatever else changed meanwhile.
        bug("6", (0, FIXED), (1, FIXED | FATAL), (3, VERIFIED)),
    ]
    assert asked("@tapd.bugs.verify.time/q=50", facts) == {
        "p50": days(None, 1, None, 3, None),
        "n": [0, 2, 0, 2, 0],
        "negative_n": [0] * 5,
    }
    assert asked("@tapd.bugs.verify.time/q=50,severity=fatal", facts)["n"] == [0, 0, 0, 1, 0]


def early() -> list[Document]:
    """Bugs that were where they were created before that, by the dates of their changes; and one born so."""
    return [
        # Fixed before, taken up again on Wednesday, fixed on Thursday, verified on Friday.
        bug("1", (0, FIXED), (2, BEGUN), (3, FIXED), (4, VERIFIED)) | EARLY,
        # Fixed before, verified on Tuesday.
        bug("2", (0, FIXED), (1, VERIFIED)) | EARLY,
        # Closed before, reopened, fixed on Thursday, closed on Friday.
        bug("3", (0, CLOSED), (2, NEW), (3, FIXED), (4, CLOSED)) | EARLY,
        # Taken up before, fixed on Tuesday.
        bug("4", (0, BEGUN), (1, FIXED)) | EARLY,
        bug("5", (0, FIXED), (1, CLOSED)),
    ]


def test_what_happened_before_the_creation_took_no_time_that_anybody_knows() -> None:
    # On Monday 1, 2 and 3 have none, the fifth 0; the fourth a day, the third three from its creation on.
    assert asked("@tapd.bugs.fix.time/q=50", early()) == {
        "p50": days(0, 1, None, 3, None),
        "n": [1, 1, 0, 1, 0],
        "skipped_n": [0] * 5,
        "negative_n": [3, 0, 0, 0, 0],
    }
    # Bug 1 again one day after it returned, bug 3 one after it was reopened.
    assert asked("@tapd.bugs.fix.time/since=last,q=50", early()) == {
        "p50": days(0, 1, None, 1, None),
        "n": [1, 1, 0, 2, 0],
        "negative_n": [2, 0, 0, 0, 0],
    }
    assert asked("@tapd.bugs.response.time/q=50", early()) == {
        "p50": NONE,
        "n": [0] * 5,
        "pending_n": [0] * 5,
        "skipped_n": [1, 0, 0, 0, 0],
        "negative_n": [4, 0, 0, 0, 0],
    }
    # Bug 3 was over before its creation; nobody knows how long the fix of bug 2 had waited.
    assert asked("@tapd.bugs.verify.time/q=50", early()) == {
        "p50": days(None, 1, None, None, 1),
        "n": [0, 1, 0, 0, 1],
        "negative_n": [1, 1, 0, 0, 0],
    }
