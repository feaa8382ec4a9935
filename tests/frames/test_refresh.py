"""What must hold of any bugs and stories, in whatever order and pieces their facts are taken over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from metrics_api.core.store import Document
from metrics_api.cube import build_cube, change_cube, merged_cube
from metrics_api.frames import ItemFrame
from metrics_api.item_table import ItemTable
from metrics_api.topics import BUGS, STORIES, ItemTopic
from tests.frames.facts import CONFIG, answers, at_once, bug, context_of, story

SOME = settings(max_examples=40, deadline=None, derandomize=True)
STATUSES = ("planning", "developing", "resolved", "rejected", "new", "closed", "weird")
LABELS = ("", "a", "b", "a|b", "b|c")
IDS = ("1", "2", "3", "4", "5", "6")

FLOW = "@tapd.stories.flow.cumulative"
QUESTIONS = (
    *(f"{FLOW}/level={level}" for level in ("leaf", "parent", "all")),
    f"{FLOW}/status=planning,by=version",
    f"{FLOW}/module=N/A",
    f"{FLOW}/by=label,mode=arrivals",
    f"{FLOW}/label=b,done_from=range",
    f"{FLOW}/priority=High,asof=now",
)

changes = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(STATUSES),
        "label": st.sampled_from(LABELS),
        "iteration": st.sampled_from(("", "501", "502")),
        "priority": st.sampled_from(("", "High")),
    },
)


@st.composite
def stretches(draw: st.DrawFn) -> list[tuple[int, dict[str, str]]]:
    """When something changed, and what; each has a status from the beginning."""
    days = sorted(draw(st.sets(st.integers(0, 4), min_size=1, max_size=3)))
    first = {"status": draw(st.sampled_from(STATUSES))}
    return [(day, (first if at == 0 else {}) | draw(changes)) for at, day in enumerate(days)]


@st.composite
def stories(draw: st.DrawFn) -> Document:
    """A version of one of a few stories, which may have been moved, be gone, or no fact any more."""
    id, parts = draw(st.sampled_from(IDS)), draw(stretches())
    parents = draw(st.sets(st.sampled_from((*IDS, "1-moved", "nobody")), max_size=2))
    gone = draw(st.sampled_from((None, None, parts[-1][0] + 1)))
    moved = {"id": f"{id}-moved"} if draw(st.booleans()) else {}
    tombstone = {"tombstone": draw(st.sampled_from((False, False, False, True)))}
    return story(id, *parts, parents=sorted(parents), gone=gone) | moved | tombstone


@st.composite
def bugs(draw: st.DrawFn) -> list[Document]:
    """Some bugs."""
    found = []
    for id in draw(st.lists(st.sampled_from(IDS), unique=True)):
        parts = draw(stretches())
        gone = draw(st.sampled_from((None, None, parts[-1][0] + 1)))
        found.append(bug(id, *parts, gone=gone) | {"tombstone": False})
    return found


CONTEXT = context_of(CONFIG)


def in_steps(topic: ItemTopic, batches: Iterable[Sequence[Document]]) -> ItemFrame:
    """A frame that took the batches over one after another, its cube of what each of them changed."""
    table = ItemTable(topic, CONTEXT)
    cubes = [build_cube(table.snapshot())]
    pending = []
    for at, batch in enumerate(batches):
        if at == 2:
            table.cluster()
        pending.append(table.apply(batch))
        # As the reader does, the cubes of several batches come from the frame after the last of them.
        if at % 2:
            cubes += [change_cube(table.snapshot(), *change) for change in pending]
            pending = []
    cubes += [change_cube(table.snapshot(), *change) for change in pending]
    merged = (cubes[0], merged_cube(cubes[1:])) if len(cubes) > 2 else tuple(cubes)
    return replace(table.snapshot(), cubes=merged)


@SOME
@given(st.lists(st.lists(stories(), max_size=4), max_size=5), st.randoms(use_true_random=False))
def test_facts_taken_over_in_steps_count_as_those_read_at_once(
    batches: list[list[Document]], rng: Any
) -> None:
    last = {fact["_id"]: fact for batch in batches for fact in batch}
    present = [fact for fact in last.values() if not fact["tombstone"]]
    rng.shuffle(present)
    refreshed, fresh = in_steps(STORIES, batches), at_once(STORIES, CONTEXT, present)
    assert refreshed.items == fresh.items
    # Stories that nobody has any more leave their values behind as known ones, which then count as zero.
    for asked, before, after in zip(
        QUESTIONS, answers(refreshed, QUESTIONS), answers(fresh, QUESTIONS), strict=True
    ):
        assert some(before) == some(after), asked


def some(found: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """The lines that hold anything."""
    return {endpoint: line for endpoint, line in found.items() if any(line)}


@SOME
@given(st.lists(stories(), max_size=8))
def test_leaves_and_parents_are_all_stories(facts: list[Document]) -> None:
    leaf, parent, whole = answers(in_steps(STORIES, [facts]), QUESTIONS[:3])
    for endpoint in {*leaf, *parent, *whole}:
        nothing = [0] * 5
        added = zip(leaf.get(endpoint, nothing), parent.get(endpoint, nothing), strict=False)
        assert [(one or 0) + (other or 0) for one, other in added] == [
            value or 0 for value in whole.get(endpoint, nothing)
        ]


@SOME
@given(st.lists(stories(), max_size=8))
def test_the_cube_of_stories_says_what_the_segments_say(facts: list[Document]) -> None:
    frame = at_once(STORIES, CONTEXT, facts)
    asked = (FLOW, f"{FLOW}/by=iteration,priority=High", f"{FLOW}/done_from=range,stage=resolved")
    assert answers(frame, asked) == answers(replace(frame, cubes=()), asked)


@SOME
@given(bugs(), st.sampled_from(("then", "now")))
def test_each_line_by_label_is_what_the_label_selects(facts: list[Document], asof: str) -> None:
    frame = at_once(BUGS, CONTEXT, facts)
    for metric in (
        "@tapd.bugs.flow.cumulative/mode=arrivals,",
        "@tapd.bugs.flow.cumulative/",
        "@tapd.bugs.change.daily/",
        "@tapd.bugs.backlog.daily/",
    ):
        labels = ("a", "b", "c", "N/A")
        split, *alone = answers(
            frame,
            [f"{metric}asof={asof},by=label", *(f"{metric}asof={asof},label={label}" for label in labels)],
        )
        expected = {
            (f"{label}/{endpoint}" if endpoint != "all" else label): line
            for label, lines in zip(labels, alone, strict=True)
            for endpoint, line in lines.items()
        }
        assert some(split) == some(expected), metric


@SOME
@given(bugs(), st.sampled_from(LABELS[1:3]))
def test_the_backlog_of_a_label_moves_by_its_ledger(facts: list[Document], label: str) -> None:
    moves, backlog = answers(
        at_once(BUGS, CONTEXT, facts),
        [f"@tapd.bugs.change.daily/label={label}", f"@tapd.bugs.backlog.daily/label={label}"],
    )
    before = 0
    for day, after in enumerate(backlog["all"]):
        change = {name: values[day] or 0 for name, values in moves.items() if values}
        grown = sum(change.get(name, 0) for name in ("created", "reopened", "moved_in"))
        before += grown - sum(change.get(name, 0) for name in ("closed", "removed", "moved_out"))
        assert (after or 0) == before, (day, change)
