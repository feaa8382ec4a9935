"""Stories through reader and evaluator: guessed stages, leaves and parents, labels, types, versions."""

from __future__ import annotations

from typing import Any

import pytest

from metrics_api.core.security import READ_ALL
from metrics_api.core.store import Store
from metrics_api.evaluate import Evaluator
from metrics_api.reader import Reader
from tests.frames import dozen
from tests.frames.facts import CONFIG, MONDAY, NOW, Publisher, bug, loaded, small_facts, story, values

FLOW = "@tapd.stories.flow.cumulative"
# Answers the same question from the segments, where the cube would answer it otherwise.
BY_SEGMENTS = "module=N/A"


@pytest.fixture
async def reader(store: Store) -> Reader:
    """A reader over the dozen stories and two bugs."""
    bugs = [
        bug("71", (0, {"status": "new", "label": "bug only", "priority": "urgent", "module": "core"})),
        bug("72", (0, {"status": "new", "label": "a", "severity": "fatal"}), (1, {"status": "closed"})),
    ]
    return await loaded(store, stories=dozen.dozen(), bugs=bugs)


def some(found: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """The lines that are not all zero."""
    return {endpoint: line for endpoint, line in found.items() if any(line)}


async def test_leaves_count_in_the_stages_of_both_workitem_types(reader: Reader) -> None:
    assert await values(reader, FLOW) == dozen.LEAVES
    assert list(await values(reader, FLOW)) == list(dozen.LEAVES)
    assert await values(reader, f"{FLOW}/{BY_SEGMENTS}") == dozen.LEAVES
    assert await values(reader, f"{FLOW}/level=leaf") == dozen.LEAVES


async def test_parents_count_when_they_are_asked_for(reader: Reader) -> None:
    assert await values(reader, f"{FLOW}/level=parent") == dozen.PARENTS
    assert await values(reader, f"{FLOW}/level=all") == dozen.ALL


async def test_arrivals_of_stories_never_fall(reader: Reader) -> None:
    assert await values(reader, f"{FLOW}/mode=arrivals") == dozen.ARRIVALS


async def test_a_label_is_filtered_and_split_by_as_one_of_several(reader: Reader) -> None:
    a = {"planning": [2, 1, 0, 0, 0], "developing": [0, 1, 3, 2, 2], "resolved": [0, 0, 0, 1, 1]}
    b = {"planning": [1, 1, 1, 1, 0], "developing": [0, 0, 1, 1, 1]}
    c = {"developing": [0, 0, 0, 1, 1], "resolved": [0, 0, 1, 0, 0]}
    assert some(await values(reader, f"{FLOW}/label=a")) == a
    assert some(await values(reader, f"{FLOW}/label=b")) == b
    # Either of them, each item once: the second story has both.
    assert some(await values(reader, f"{FLOW}/label={{a,b}}"))["planning"] == [2, 1, 1, 1, 0]
    split = await values(reader, f"{FLOW}/by=label")
    assert list(dict.fromkeys(endpoint.split("/")[0] for endpoint in split if "N/A" not in endpoint)) == [
        *("a", "b", "c")
    ]
    for label, lines in (("a", a), ("b", b), ("c", c)):
        prefix = f"{label}/"
        shown = {name.removeprefix(prefix): line for name, line in split.items() if name.startswith(prefix)}
        assert some(shown) == lines
    assert split["N/A/planning"] == [2, 4, 2, 1, 1]


async def test_arrivals_by_label_begin_with_the_label(reader: Reader) -> None:
    split = await values(reader, f"{FLOW}/by=label,mode=arrivals")
    assert split["a/planning"] == [2, 2, 3, 3, 3]
    assert split["a/developing"] == [0, 1, 3, 3, 3]
    assert split["a/resolved"] == [0, 0, 0, 1, 1]
    assert split["b/planning"] == [1, 1, 2, 2, 2]


async def test_types_go_by_name_and_versions_are_iterations(reader: Reader) -> None:
    tech = some(await values(reader, f"{FLOW}/type=Tech"))
    assert tech == {"评审": [0, 0, 1, 0, 0], "developing": [0, 0, 0, 1, 0], "resolved": [0, 0, 0, 0, 1]}
    by_type = await values(reader, f"{FLOW}/by=type")
    assert list(dict.fromkeys(endpoint.split("/")[0] for endpoint in by_type)) == ["30", "Tech", "需求"]
    by_version = await values(reader, f"{FLOW}/by=version")
    names = list(dict.fromkeys(endpoint.rsplit("/", 1)[0] for endpoint in by_version))
    assert names == ["Sprint 0", "Sprint 1", "N/A"]
    assert by_version["Sprint 1/resolved"] == [0, 0, 0, 1, 1]
    for key in ("version", "iteration"):
        found = await values(reader, f"{FLOW}/{key}=Sprint 0")
        assert some(found) == {"planning": [1, 1, 0, 0, 0], "developing": [0, 0, 1, 1, 1]}


async def test_a_value_known_among_bugs_is_not_thereby_known_for_stories(reader: Reader) -> None:
    assert await values(reader, f"{FLOW}/label=bug only") == {"all": []}
    assert (await values(reader, "@tapd.bugs.backlog.daily/label=bug only")) == {"all": [1] * 5}
    assert await values(reader, "@tapd.bugs.backlog.daily/label=c") == {"all": []}
    assert await values(reader, "@tapd.bugs.backlog.daily/priority=High") == {"all": []}


async def test_only_what_stories_have_can_be_asked_of_them(reader: Reader) -> None:
    evaluator = Evaluator(reader, clock=lambda: NOW)
    targets = [f"{FLOW}/severity=fatal", f"{FLOW}/level=both", "@tapd.bugs.flow.cumulative/level=all"]
    skipped = (await evaluator.render([*targets, f"{FLOW}/type=Tech"], MONDAY, NOW, READ_ALL)).skipped
    evaluator.close()
    assert len(skipped) == 3
    assert "no filter or option 'severity'; filters: product, workspace, version" in skipped[0]
    assert "level=both: use one of leaf, parent, all" in skipped[1]
    assert "tapd.bugs.flow.cumulative has no filter or option 'level'" in skipped[2]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("$type=A", ["30", "Tech", "需求"]),
        ("$label=A", ["a", "b", "bug only", "c"]),
        ("$label", ["a", "b", "bug only", "c"]),
        ("$label=nobody", []),
        ("$priority", ["High", "urgent"]),
        ("$severity", ["fatal"]),
        ("$module=A", ["core"]),
        (
            "$status=A",
            [
                *("audited", "closed", "developing", "new", "planning"),
                *("rejected", "resolved", "status_4", "status_9", "weird"),
            ],
        ),
        (
            "$stage=A",
            ["new", "closed", "planning", "developing", "测试中", "评审", "resolved", "rejected"],
        ),
        ("$version=A", ["Sprint 1", "Sprint 0"]),
        (
            "@tapd#stories#flow",
            [
                *("age", "cumulative", "cycle", "efficiency", "forecast"),
                *("lead", "readoff", "stage", "throughput", "wip"),
            ],
        ),
    ],
)
async def test_tags_offer_what_bugs_and_stories_have(reader: Reader, query: str, expected: list[str]) -> None:
    evaluator = Evaluator(reader, clock=lambda: NOW)
    found = await evaluator.find(query, READ_ALL)
    evaluator.close()
    assert [node.text for node in found] == expected


async def test_nothing_is_known_of_stories_before_their_own_collectors_have_looked(store: Store) -> None:
    reader = await loaded(store, stories=dozen.dozen(), bugs=[bug("71", (0, {"status": "new"}))])
    await store.collection("watermarks").delete_one({"_id": "tapd.story_changes:tapd:1"})
    assert await reader.look()
    assert (await values(reader, FLOW))["planning"] == [None] * 5
    assert await values(reader, "@tapd.bugs.backlog.daily") == {"all": [1] * 5}


async def test_a_removed_story_of_which_nothing_is_known_is_in_the_first_status(store: Store) -> None:
    unseen = [story("1", (0, {}), gone=2), story("2", (1, {"type": "20"}), gone=4)]
    reader = await loaded(store, stories=unseen)
    assert some(await values(reader, FLOW)) == {"planning": [1, 1, 0, 0, 0], "评审": [0, 1, 1, 1, 0]}


async def test_a_renamed_iteration_or_type_is_asked_for_by_its_new_name(store: Store) -> None:
    facts, reader = Publisher(store), Reader(store, CONFIG)
    await facts.everything(stories=dozen.dozen())
    await reader.look()
    small = small_facts()
    await facts.publish("iterations", [small["iterations"][1] | {"name": "Sprint 9"}])
    await facts.publish("workitem_types", [small["workitem_types"][1] | {"name": "技术"}])
    assert await reader.look()
    assert await values(reader, f"{FLOW}/version=Sprint 0") == {"all": []}
    begun = {"planning": [1, 1, 0, 0, 0], "developing": [0, 0, 1, 1, 1]}
    assert some(await values(reader, f"{FLOW}/version=Sprint 9")) == begun
    assert some(await values(reader, f"{FLOW}/type=技术"))["评审"] == [0, 0, 1, 0, 0]
