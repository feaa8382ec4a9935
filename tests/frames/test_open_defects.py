"""Open defects: by any field, by severity and stage, by age, by due day, and what they weigh."""

from __future__ import annotations

from typing import Any

import pytest

from metrics_api.catalog import load_catalog
from metrics_api.core.errors import BadRequest
from tests.frames.defects import CLOSED, CONFIG, NEW, frame_of, lines, rendered, six
from tests.frames.facts import DAY_S, MONDAY, answers, bug, context_of, ten

BACKLOG = [3, 3, 5, 3, 3]


def asked(target: str) -> dict[str, list[Any]]:
    """The lines of the six bugs."""
    return answers(frame_of(six()), [target])[0]


def test_the_backlog_by_any_field_adds_up() -> None:
    found = asked("@tapd.bugs.distribution/by=severity")
    assert found == {
        "fatal": [1, 1, 1, 0, 0],
        "serious": [1, 1, 1, 1, 1],
        "normal": [1, 0, 1, 1, 1],
        "S9": [0, 0, 1, 1, 1],
        "N/A": [0, 1, 1, 0, 0],
    }
    assert list(found) == ["fatal", "serious", "normal", "S9", "N/A"]
    assert [sum(day) for day in zip(*found.values(), strict=True)] == BACKLOG
    assert asked("@tapd.bugs.distribution/by=stage") == {
        "new": [3, 1, 3, 2, 2],
        "dev": [0, 1, 1, 1, 0],
        "fixed": [0, 1, 1, 0, 1],
    }


def test_what_was_created_counts_as_it_was_then() -> None:
    assert asked("@tapd.bugs.distribution/by=severity,of=created") == {
        "fatal": [1, 0, 0, 0, 0],
        "serious": [1, 0, 0, 0, 0],
        "normal": [0, 1, 0, 0, 0],
        "S9": [0, 0, 1, 0, 0],
        "N/A": [0, 1, 0, 0, 0],
    }
    assert asked("@tapd.bugs.distribution/by=stage,of=created") == {
        "new": [2, 1, 1, 0, 0],
        "dropped": [0, 1, 0, 0, 0],
    }
    now = "@tapd.bugs.distribution/by=stage,of=created,asof=now"
    assert asked(now) == {
        "new": [0, 1, 1, 0, 0],
        "fixed": [1, 0, 0, 0, 0],
        "done": [1, 0, 0, 0, 0],
        "dropped": [0, 1, 0, 0, 0],
    }
    assert asked(f"{now},deleted=exclude")["new"] == [0, 0, 1, 0, 0]


def test_a_bug_with_several_values_counts_under_each_or_under_the_first() -> None:
    line = [0, 0, 1, 1, 1]
    none = [3, 3, 4, 2, 2]
    assert asked("@tapd.bugs.distribution/by=label") == {"a": line, "b": line, "N/A": none}
    assert asked("@tapd.bugs.distribution/by=label,split=first") == {"a": line, "N/A": none}
    created = {"a": [0, 0, 1, 0, 0], "N/A": [2, 2, 0, 0, 0]}
    assert asked("@tapd.bugs.distribution/by=label,split=first,of=created") == created
    # A bug that is asked for by its second label is still counted under its first.
    assert asked("@tapd.bugs.distribution/by=label,split=first,label=b") == {"a": line}


def test_several_owners_each_have_the_bug_where_people_are_enabled() -> None:
    told = {"at": [ten(0), ten(2)], "value": ["wang;li;", "wang;"]}
    facts = [bug("1", (0, NEW)) | {"histories": {"current_owner": told}}, bug("2", (1, NEW))]
    target = "@tapd.bugs.distribution/by=owner"
    [refusal] = rendered(target, facts).skipped
    assert "`enabled = true` under `[people]`" in refusal
    enabled = CONFIG.model_copy(update={"people": CONFIG.people.model_copy(update={"enabled": True})})
    context = context_of(enabled)
    assert lines(rendered(target, facts, context=context)) == {
        "li": [1, 1, 0, 0, 0],
        "wang": [1, 1, 1, 1, 1],
        "N/A": [0, 1, 1, 1, 1],
    }
    # The first as TAPD names them.
    assert lines(rendered(f"{target},split=first", facts, context=context)) == {
        "wang": [1, 1, 1, 1, 1],
        "N/A": [0, 1, 1, 1, 1],
    }


def test_a_distribution_needs_a_field() -> None:
    with pytest.raises(BadRequest, match=r"tapd\.bugs\.distribution needs by="):
        load_catalog().check("@tapd.bugs.distribution")


def test_the_matrix_tells_severities_and_stages_today() -> None:
    found = asked("@tapd.bugs.matrix")
    stages = ("new", "dev", "fixed", "checked")
    cells = {"serious": (0, 0, 1, 0), "normal": (1, 0, 0, 0), "S9": (1, 0, 0, 0)}
    assert found == {
        f"{severity}/{stage}": [count]
        for severity, row in cells.items()
        for stage, count in zip(stages, row, strict=True)
    }
    assert list(found)[:5] == ["serious/new", "serious/dev", "serious/fixed", "serious/checked", "normal/new"]
    assert asked("@tapd.bugs.matrix/stage=fixed") == {"serious/fixed": [1]}
    odd = answers(frame_of([bug("1", (0, {"status": "odd", "severity": "fatal"}))]), ["@tapd.bugs.matrix"])[0]
    assert odd == {f"fatal/{stage}": [0] for stage in stages} | {"fatal/unmapped": [1]}


def test_ages_are_bands_of_the_backlog() -> None:
    found = asked("@tapd.bugs.age")
    assert found == {
        "0-1": [2, 1, 1, 0, 0],
        "1-3": [0, 2, 3, 1, 1],
        "3-7": [0, 0, 0, 1, 1],
        "7-14": [0] * 5,
        "14-30": [0] * 5,
        "30-90": [1, 0, 1, 1, 1],
        ">90": [0] * 5,
    }
    assert [sum(day) for day in zip(*found.values(), strict=True)] == BACKLOG
    reopened = asked("@tapd.bugs.age/since=last,severity=normal")
    assert {band: line for band, line in reopened.items() if any(line)} == {
        "0-1": [0, 0, 1, 0, 0],
        "1-3": [0, 0, 0, 1, 1],
        "30-90": [1, 0, 0, 0, 0],
    }
    split = asked("@tapd.bugs.age/by=severity")
    assert split["serious/1-3"] == [0, 1, 1, 0, 0]
    assert "normal/>90" in split


def test_a_band_begins_with_its_first_second_and_today_is_taken_now() -> None:
    whole = bug("1", (0, NEW))
    whole["segments"]["start"] = [MONDAY]
    short = bug("2", (0, NEW))
    short["segments"]["start"] = [MONDAY + 1]
    late = bug("3", (3, NEW))
    # At Friday noon it is 22 hours old; by midnight it will be 34.
    late["segments"]["start"] = [ten(3) + 4 * 3600]
    found = answers(frame_of([whole, short, late]), ["@tapd.bugs.age"])[0]
    assert found["0-1"] == [1, 0, 0, 1, 1]
    # A day and three days to the second, and all but one second.
    assert found["1-3"] == [1, 2, 1, 0, 0]
    assert found["3-7"] == [0, 0, 1, 2, 2]
    [weekly] = answers(frame_of([whole, late]), ["@tapd.bugs.age/step=1w"])
    assert {band: line for band, line in weekly.items() if any(line)} == {"0-1": [1], "3-7": [1]}


def test_three_months_are_ninety_days() -> None:
    old = bug("1", (-91, NEW), (-1, CLOSED), (1, NEW))
    old["segments"]["start"][0] = MONDAY - 88 * DAY_S
    found = answers(frame_of([old]), ["@tapd.bugs.age"])[0]
    assert (found["30-90"], found[">90"]) == ([0, 0, 0, 0, 0], [0, 1, 1, 1, 1])


def test_a_bug_is_overdue_once_its_due_day_is_over() -> None:
    assert asked("@tapd.bugs.overdue") == {"overdue": [0, 1, 1, 1, 1], "no_due_n": [0, 1, 2, 1, 1]}
    assert asked("@tapd.bugs.overdue/by=severity") == {
        "fatal/overdue": [0, 1, 1, 0, 0],
        "fatal/no_due_n": [0] * 5,
        "normal/overdue": [0, 0, 0, 1, 1],
        "normal/no_due_n": [0] * 5,
        "S9/overdue": [0] * 5,
        "S9/no_due_n": [0, 0, 1, 1, 1],
        "N/A/overdue": [0] * 5,
        "N/A/no_due_n": [0, 1, 1, 0, 0],
    }
    # The week is not over: what is due on Friday may yet be closed today.
    assert asked("@tapd.bugs.overdue/step=1w") == {"overdue": [1], "no_due_n": [1]}
    # In UTC it is four in the morning of that Friday.
    assert asked("@tapd.bugs.overdue/tz=UTC")["overdue"][-1] == 1


def test_open_bugs_weigh_by_their_severity_and_unknown_ones_are_listed() -> None:
    unknown = [0, 1, 2, 1, 1]
    assert asked("@tapd.bugs.di") == {
        "all": [14, 13, 14, 4, 4],
        "gate": [10, 10, 10, 10, 10],
        "unknown": unknown,
    }
    assert asked("@tapd.bugs.di/by=severity") == {
        "fatal": [10, 10, 10, 0, 0],
        "serious": [3, 3, 3, 3, 3],
        "normal": [1, 0, 1, 1, 1],
        "S9": [0, 0, None, None, None],
        "N/A": [0, None, None, 0, 0],
        "gate": [10] * 5,
        "unknown": unknown,
    }
    assert asked("@tapd.bugs.di/by=label,severity={S9,serious}") == {
        "a": [0, 0, None, None, None],
        "b": [0, 0, None, None, None],
        "N/A": [3, 3, 3, 3, 3],
        "gate": [10] * 5,
        "unknown": [0, 0, 1, 1, 1],
    }


def test_created_bugs_weigh_what_they_did_then() -> None:
    assert asked("@tapd.bugs.di.introduced") == {"all": [13, 1, None, 0, 0], "unknown": [0, 1, 1, 0, 0]}
    assert asked("@tapd.bugs.di.introduced/by=severity,severity={fatal,normal}") == {
        "fatal": [10, 0, 0, 0, 0],
        "normal": [0, 1, 0, 0, 0],
    }


def test_each_product_has_its_weights_and_its_gate() -> None:
    theirs = bug("7", (0, NEW | {"severity": "normal", "workspace": "2"}))
    light = bug("8", (0, NEW | {"severity": "prompt"}))
    frame = frame_of([theirs, *(light | {"_id": f"tapd:1:{id}"} for id in "234")])
    both, one = answers(frame, ["@tapd.bugs.di", "@tapd.bugs.di/product=B"])
    # Three times 0.1, and no noise of binary fractions.
    assert both == {"all": [5.3] * 5, "gate/A": [10] * 5, "gate/B": [20] * 5}
    assert one == {"all": [5] * 5, "gate": [20] * 5}


@pytest.mark.parametrize("pair", ["status=closed", "severity=fatal", "stage=checked", "iteration=Sprint 0"])
def test_a_value_that_no_bug_ever_had_but_might_is_answered_with_none_of_them(pair: str) -> None:
    one = [bug("1", (0, NEW | {"severity": "normal"}))]
    assert lines(rendered(f"@tapd.bugs.di/{pair}", one)) == {"all": [0] * 5, "gate": [10] * 5}
    assert lines(rendered(f"@tapd.bugs.backlog.daily/{pair}", one)) == {"all": [0] * 5}
    assert lines(rendered(f"@tapd.bugs.gate/{pair},of=fatal", one)) == {"fatal": [0] * 5}
    assert lines(rendered(f"@tapd.bugs.fix.time/{pair},q=50", one))["n"] == [0] * 5


@pytest.mark.parametrize(
    "pair", ["status=open", "severity=S9", "stage=tested", "iteration=Sprint 9", "module=x"]
)
def test_a_value_that_nobody_knows_is_answered_with_nothing(pair: str) -> None:
    one = [bug("1", (0, NEW | {"severity": "normal"}))]
    for metric in ("di", "backlog.daily", "gate", "fix.time"):
        assert lines(rendered(f"@tapd.bugs.{metric}/{pair}", one)) == {"all": []}
