"""Burn-ups worked out by hand: Monday to Friday noon, the sprint from Tuesday to Friday."""

from __future__ import annotations

from typing import Any

import pytest

from metrics_api.catalog import Catalog
from metrics_api.context import build_context
from metrics_api.core.store import Store
from metrics_api.reader import Reader
from metrics_api.tags import TAGS
from metrics_api.topics import BUGS, STORIES
from metrics_api.world import World
from tests.frames.facts import CONFIG, Publisher, answers, bug, small_facts, values
from tests.frames.sprints import DATES, S1, Dates, dated, frame_of, iterations, sprint

BURNUP = "@tapd.iteration.burnup"
SPRINT_1 = {
    "scope": [4, 5, 5, 5, 6],
    "done": [0, 0, 1, 1, 2],
    # From nothing at the end of Tuesday to the five of Tuesday at the end of Friday.
    "ideal": [None, 0, pytest.approx(5 / 3), pytest.approx(10 / 3), 5],
    "committed": [None, 5, 5, 5, 5],
    # 5 on Wednesday, 6 on Thursday, 4 again on Friday.
    "added": [0, 0, 1, 1, 1],
    # 4 on Wednesday, 5 on Thursday; 9 left on the start day.
    "removed": [0, 0, 1, 1, 0],
}


def burnup(pairs: str, dates: Dates = DATES) -> dict[str, list[Any]]:
    """The lines of the sprint's stories."""
    frame = frame_of(STORIES, dated(dates), sprint())
    return answers(frame, [f"{BURNUP}/{pairs}" if pairs else BURNUP])[0]


def test_scope_commitment_and_its_changes_are_told_apart() -> None:
    found = burnup("iteration=Sprint 1")
    assert found == SPRINT_1
    assert list(found) == ["scope", "done", "ideal", "committed", "added", "removed"]
    # A story's version is its iteration's name.
    assert burnup("version=Sprint 1") == SPRINT_1


def test_parents_count_only_when_they_are_asked_for() -> None:
    parents = burnup("iteration=Sprint 1,level=parent")
    assert parents["scope"] == [1] * 5
    assert parents["done"] == [0] * 5
    assert parents["committed"] == [None, 1, 1, 1, 1]
    everything = burnup("iteration=Sprint 1,level=all")
    assert everything["scope"] == [5, 6, 6, 6, 7]
    assert everything["committed"] == [None, 6, 6, 6, 6]


def test_what_was_deleted_was_never_there_if_so_asked() -> None:
    found = burnup("iteration=Sprint 1,deleted=exclude")
    assert found["scope"] == [4, 5, 4, 5, 6]
    assert (found["added"], found["removed"]) == ([0, 0, 0, 1, 1], [0, 0, 1, 0, 0])


def test_items_that_are_in_the_iteration_now_were_so_all_along_if_so_asked() -> None:
    # Now in it are 1, 2, 3, 4, 6, 8, and 5 was when it was deleted.
    found = burnup("iteration=Sprint 1,asof=now")
    assert found["scope"] == [4, 5, 7, 6, 6]
    assert found["committed"] == [None, 5, 5, 5, 5]
    assert (found["added"], found["removed"]) == ([0, 0, 2, 0, 0], [0, 0, 0, 1, 0])


def test_days_are_those_of_the_zone() -> None:
    # Ten o'clock in Beijing is the evening before in New York, where the week shown begins on Sunday.
    found = burnup("iteration=Sprint 1,tz=America/New_York")
    assert found["scope"] == [4, 5, 5, 5, 6]
    # The start day's end is that of Tuesday there: with 5, without 4.
    assert found["committed"] == [None, None, 5, 5, 5]
    assert found["ideal"] == [None, None, 0, pytest.approx(5 / 3), pytest.approx(10 / 3)]
    assert (found["added"], found["removed"]) == ([0, 0, 0, 1, 1], [0, 0, 0, 1, 0])


@pytest.mark.parametrize("step", ["1w", "all"])
def test_a_bucket_of_several_days_has_the_values_of_its_end(step: str) -> None:
    expected = {"scope": [6], "done": [2], "ideal": [5], "committed": [5], "added": [3], "removed": [2]}
    assert burnup(f"iteration=Sprint 1,step={step}") == expected


def test_several_iterations_are_one_population_with_one_plan() -> None:
    # From the 23rd of February, when nothing was there, to Friday. 6 passes from one to the other.
    assert burnup("iteration={Sprint 0,Sprint 1}") == {
        "scope": [4, 5, 6, 5, 6],
        "done": [0, 0, 1, 1, 2],
        "ideal": [0] * 5,
        "committed": [0] * 5,
        "added": [4, 2, 2, 0, 1],
        "removed": [0, 1, 1, 1, 0],
    }


def test_each_iteration_of_a_split_has_the_plan_it_would_have_as_a_filter() -> None:
    found = burnup("by=iteration")
    for name in ("Sprint 0", "Sprint 1"):
        alone = burnup(f"iteration={name}")
        assert {line: found[f"{name}/{line}"] for line in alone} == alone
    # 3 and 9 are in none for a day or longer, and 4 is for two.
    assert found["N/A/scope"] == [1, 1, 2, 2, 1]
    assert found["N/A/committed"] == [None] * 5


def test_iterations_without_a_start_follow_those_with_one_as_they_were_made() -> None:
    def names(created: dict[str, int]) -> list[str]:
        more = [one | {"start": None, "created": created[one["id"]]} for one in iterations(DATES)]
        planned = more[0] | {"_id": "tapd:1:503", "id": "503", "name": "Sprint 9", "start": "2026-03-30"}
        facts: dict[str, Any] = {"projects": [], "releases": []} | small_facts()
        facts |= {"iterations": [*more, planned]}
        alive = {name: [one | {"tombstone": False} for one in found] for name, found in facts.items()}
        bugs = [bug(f"{at}", (0, {"status": "new", "iteration": name})) for at, name in enumerate(
            ("", "503", "501", "gone", "502")
        )]  # fmt: skip
        frame = frame_of(BUGS, build_context(CONFIG, **alive), bugs)
        [found] = answers(frame, [f"{BURNUP}/of=bugs,by=iteration"])
        assert [len(line) for line in found.values()] == [5] * len(found)
        tagged = TAGS["version"](World(frame.context), Catalog({}), frozenset("A"))
        assert tagged[0] == "Sprint 9"
        return list(dict.fromkeys(name.rpartition("/")[0] for name in found)) + tagged[1:]

    # 501 is Sprint 1, 502 Sprint 0; "gone" is none. The variable lists the newest first.
    assert names({"501": 5, "502": 9}) == [
        *("Sprint 9", "Sprint 1", "Sprint 0", "gone"), "N/A", *("Sprint 0", "Sprint 1")
    ]  # fmt: skip
    assert names({"501": 9, "502": 5})[1:3] == ["Sprint 0", "Sprint 1"]
    # Made in the same second: by their ids.
    assert names({"501": 5, "502": 5})[1:3] == ["Sprint 1", "Sprint 0"]


@pytest.mark.parametrize(
    ("dates", "committed", "ideal", "changes"),
    [
        ((None, None), [None] * 5, [None] * 5, ([4, 2, 1, 1, 1], [0, 1, 1, 1, 0])),
        ((None, "2026-03-06"), [None] * 5, [None] * 5, ([4, 2, 1, 1, 1], [0, 1, 1, 1, 0])),
        (("2026-03-03", None), [None, 5, 5, 5, 5], [None] * 5, ([0, 0, 1, 1, 1], [0, 0, 1, 1, 0])),
        # Over before it begins: no line.
        (("2026-03-05", "2026-03-04"), [None] * 3 + [5] * 2, [None] * 5, ([0, 0, 0, 0, 1], [0] * 5)),
        # A single day, and dates that no calendar here reaches.
        (
            ("2026-03-05", "2026-03-05"),
            [None] * 3 + [5] * 2,
            [None] * 3 + [5, None],
            ([0, 0, 0, 0, 1], [0] * 5),
        ),
        (("9999-01-01", "9999-12-31"), [None] * 5, [None] * 5, ([0] * 5, [0] * 5)),
    ],
)
def test_missing_and_odd_dates_leave_lines_out(
    dates: tuple[str | None, str | None],
    committed: list[Any],
    ideal: list[Any],
    changes: tuple[list[int], list[int]],
) -> None:
    found = burnup("iteration=Sprint 1", {**DATES, "501": dates})
    assert found["scope"] == SPRINT_1["scope"]
    assert (found["committed"], found["ideal"]) == (committed, ideal)
    assert (found["added"], found["removed"]) == changes


def test_nothing_is_committed_before_its_day_has_come() -> None:
    # Saturday lies in the week shown, but now is Friday.
    found = burnup("iteration=Sprint 1,step=1w", {**DATES, "501": ("2026-03-07", "2026-03-12")})
    assert (found["committed"], found["ideal"]) == ([None], [None])
    assert (found["added"], found["removed"]) == ([0], [0])


def test_without_an_iteration_there_is_no_plan() -> None:
    found = burnup("")
    # All leaves: 1 2 3 8 9, then 4, then 5 and 6, then without 5.
    assert found["scope"] == [5, 6, 8, 7, 7]
    assert found["added"] == [5, 1, 2, 0, 0]
    assert found["removed"] == [0, 0, 0, 1, 0]
    assert (found["committed"], found["ideal"]) == ([None] * 5, [None] * 5)


def test_bugs_of_an_iteration_have_their_own() -> None:
    new, closed = {"status": "new"}, {"status": "closed"}
    bugs = [bug("71", (0, new | S1), (2, closed)), bug("72", (2, new | S1)), bug("73", (0, new))]
    frame = frame_of(BUGS, dated(DATES), bugs)
    [found] = answers(frame, [f"{BURNUP}/iteration=Sprint 1,of=bugs"])
    assert found["scope"] == [1, 1, 2, 2, 2]
    assert found["done"] == [0, 0, 1, 1, 1]
    assert found["committed"] == [None, 1, 1, 1, 1]
    assert found["added"] == [0, 0, 1, 0, 0]


async def test_an_iteration_that_is_renamed_and_put_off_keeps_its_items(store: Store) -> None:
    facts, reader = Publisher(store), Reader(store, CONFIG)
    await facts.everything(stories=sprint(), iterations=iterations(DATES))
    await reader.look()
    assert await values(reader, f"{BURNUP}/iteration=Sprint 1") == SPRINT_1
    later = iterations({**DATES, "501": ("2026-03-04", "2026-03-08")})[0]
    await facts.publish("iterations", [later | {"name": "Sprint 1b", "names": ["Sprint 1"]}])
    assert await reader.look()
    assert await values(reader, f"{BURNUP}/iteration=Sprint 1") == {"all": []}
    # Committed is what was in it on Wednesday: 1, 2, 3, 5 and 8.
    assert await values(reader, f"{BURNUP}/iteration=Sprint 1b") == {
        **SPRINT_1,
        "ideal": [None, None, 0, 1.25, 2.5],
        "committed": [None, None, 5, 5, 5],
        "added": [0, 0, 0, 1, 1],
        "removed": [0, 0, 0, 1, 0],
    }
