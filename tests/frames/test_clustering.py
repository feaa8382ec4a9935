"""Items clustered by when they came to rest, and the blocks that say where segments of some days may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics_api import item_table
from metrics_api.blocks import BlockTable
from metrics_api.columns import NEVER, Codes, Rows
from metrics_api.core.config import Product, Stage, Stages
from metrics_api.core.days import DAY_S, day_numbers
from metrics_api.core.store import Document, Store
from metrics_api.cube import build_cube, change_cube
from metrics_api.frames import ItemFrame
from metrics_api.item_table import ItemTable
from metrics_api.reader import Reader
from metrics_api.segments import Fact
from metrics_api.topics import BUGS, STORIES, ItemTopic
from tests.frames.facts import CONFIG, Publisher, answers, bug, context_of, values
from tests.frames.test_refresh import SOME, bugs, stories

ZONES = ("UTC", "Pacific/Kiritimati", "Etc/GMT+12")
BUG_QUESTIONS = (
    "@tapd.bugs.change.daily",
    "@tapd.bugs.change.daily/by=label",
    "@tapd.bugs.distribution/by=status",
    "@tapd.bugs.age",
    "@tapd.bugs.flow.age",
    "@tapd.bugs.flow.throughput",
    "@tapd.bugs.fix.time",
    "@tapd.bugs.reopen.count",
    "@tapd.bugs.distribution/of=created,by=label,asof=now",
    "@tapd.version.burndown/of=bugs,by=label",
)
STORY_QUESTIONS = (
    "@tapd.stories.flow.cumulative/level=parent",
    "@tapd.stories.flow.cumulative/mode=arrivals,by=label",
    "@tapd.stories.flow.stage.time/level=all",
    "@tapd.stories.flow.age/level=all",
    "@tapd.iteration.burnup/of=stories,level=all",
)


def table_of(topic: ItemTopic, *batches: Sequence[Document]) -> ItemTable:
    """A table that took some batches of facts over."""
    table = ItemTable(topic, context_of(CONFIG), Codes())
    for batch in batches:
        take(table, batch)
    return table


def take(table: ItemTable, batch: Sequence[Document]) -> tuple[Rows, Rows]:
    """Let a table take over facts, which are no tombstones unless they say so."""
    return table.apply(cast(Sequence[Fact], [{"tombstone": False, **one} for one in batch]))


def framed(table: ItemTable) -> ItemFrame:
    """Its frame with a cube."""
    return replace(table.snapshot(), cubes=(build_cube(table.snapshot()),))


def test_items_stand_in_the_order_in_which_they_came_to_rest_the_open_ones_last() -> None:
    new, closed = {"status": "new"}, {"status": "closed"}
    facts = [
        bug("1", (0, new)) | {"due": "2026-03-05"},
        bug("2", (0, new), (3, closed)) | {"stories": ["7"]},
        bug("3", (1, new), (2, closed)),
        bug("4", (0, new), gone=1),
        bug("5", (0, new)),
    ]
    # Bug 5 is closed later than any other, bug 3 is no more.
    table = table_of(BUGS, facts, [bug("5", (0, new), (4, closed)), facts[2] | {"tombstone": True}])
    before = table.snapshot()
    known = before.item.tolist(), before.due.tolist(), before.first_row.tolist(), list(before.keys)
    table.cluster()
    assert (before.item.tolist(), before.due.tolist(), before.first_row.tolist(), list(before.keys)) == known
    after = table.snapshot()
    assert [key.rsplit(":", 1)[1] for key in after.keys] == ["4", "2", "5", "1"]
    assert after.item.tolist() == [0, 1, 1, 2, 2, 3]
    assert (after.first_row.tolist(), after.last_row.tolist()) == ([0, 1, 3, 5], [0, 2, 4, 5])
    assert (after.items, after.size, after.dead.tolist()) == (4, 6, [])
    # 2026-03-05 is day 20517.
    assert (after.due.tolist()[3], after.stories.linked.tolist()) == (20517, [1])
    # What changes now finds its item, and what was gone is a new one.
    take(table, [one | {"due": None} for one in (facts[0], facts[2])])
    latest = table.snapshot()
    assert (latest.dead.tolist(), [key[-1] for key in latest.keys]) == ([5], ["4", "2", "5", "1", "3"])
    assert (latest.items, latest.item.tolist()[6:], latest.stories.linked.tolist()) == (5, [3, 4, 4], [1])


def test_what_is_gone_takes_no_room_once_it_was_clustered() -> None:
    new = {"status": "new"}
    linked = bug("1", (0, new)) | {"stories": ["7", "8"]}
    table = table_of(BUGS, *[[linked, bug(f"{number}", (0, new))] for number in range(2, 12)])
    take(table, [bug(f"{number}", (0, new)) | {"tombstone": True} for number in range(2, 12)])
    table.cluster()
    frame = table.snapshot()
    assert (len(frame.keys), frame.size, len(frame.stories.codes)) == (1, 1, 2)
    assert frame.stories.pairs[0].tolist() == [0, 0]
    take(table, [linked | {"tombstone": True}])
    table.cluster()
    frame = table.snapshot()
    assert (len(frame.keys), frame.size, frame.items, frame.dead.tolist()) == (0, 0, 0, [])


def test_a_workspace_whose_items_are_all_gone_draws_no_stages() -> None:
    config = CONFIG.model_copy(
        update={
            "product": tuple(
                Product(
                    name=name,
                    workspaces=(id,),
                    stages=Stages(
                        bugs=(
                            Stage(name=name, statuses=("new",), flag="active"),
                            Stage(name="done", statuses=("closed",), flag="done"),
                        )
                    ),
                )
                for name, id in (("A", "1"), ("B", "2"))
            )
        }
    )
    one, other = (bug(id, (0, {"status": "new", "workspace": id})) for id in ("1", "2"))
    table = ItemTable(BUGS, context_of(config), Codes())
    asked = ("@tapd.bugs.flow.cumulative", "@tapd.bugs.flow.cumulative/mode=arrivals")
    take(table, [one, other])
    assert [set(found) for found in answers(framed(table), asked)] == [{"A", "B", "done"}] * 2
    take(table, [other | {"tombstone": True}])
    for _ in range(2):
        assert [set(found) for found in answers(framed(table), asked)] == [{"A", "done"}] * 2
        table.cluster()


def test_nothing_is_left_to_cluster_where_all_are_gone() -> None:
    gone = bug("1", (0, {"status": "new"})) | {"tombstone": True}
    for batches in ([[gone]], [[gone | {"tombstone": False}], [gone]], []):
        table = table_of(BUGS, *batches)
        table.cluster()
        asked = (*BUG_QUESTIONS, "@tapd.bugs.backlog.daily/asof=now,deleted=exclude,status=new")
        assert all(not any(any(line) for line in one.values()) for one in answers(framed(table), asked))


@SOME
@given(st.lists(bugs(), max_size=4), st.integers(0, 3))
def test_clustering_changes_no_answer_about_bugs(batches: list[list[Document]], at: int) -> None:
    plain, clustered = table_of(BUGS, *batches), table_of(BUGS, *batches[:at])
    clustered.cluster()
    cubes = [build_cube(clustered.snapshot())]
    for batch in batches[at:]:
        change = take(clustered, batch)
        cubes.append(change_cube(clustered.snapshot(), *change))
    frame = replace(clustered.snapshot(), cubes=tuple(cubes))
    assert answers(framed(plain), BUG_QUESTIONS) == answers(frame, BUG_QUESTIONS)
    clustered.cluster()
    frame = replace(clustered.snapshot(), cubes=tuple(cubes))
    assert answers(framed(plain), BUG_QUESTIONS) == answers(frame, BUG_QUESTIONS)


@SOME
@given(st.lists(stories(), max_size=8), st.lists(stories(), max_size=4))
def test_clustering_changes_no_answer_about_stories(first: list[Document], then: list[Document]) -> None:
    plain, clustered = table_of(STORIES, first, then), table_of(STORIES, first)
    clustered.cluster()
    take(clustered, then)
    expected = answers(framed(plain), STORY_QUESTIONS)
    assert answers(framed(clustered), STORY_QUESTIONS) == expected
    clustered.cluster()
    assert answers(framed(clustered), STORY_QUESTIONS) == expected


async def test_the_reader_clusters_what_it_reads_and_what_has_changed_much(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(item_table, "SCATTERED", 4)
    new, closed = {"status": "new"}, {"status": "closed"}
    publisher, reader = Publisher(store), Reader(store, CONFIG)
    await publisher.everything(bugs=[bug(str(number), (0, new)) for number in range(1, 7)])
    await reader.look()
    await publisher.publish("bugs", [bug(str(number), (0, new), (2, closed)) for number in range(1, 7)])
    await reader.look()
    # Half of the rows are dead: they go with the next change, before it is taken over.
    assert (len(reader.world.items["bugs"].dead), reader.world.items["bugs"].size) == (6, 18)
    await publisher.publish("bugs", [bug("1", (0, new), (1, closed))])
    await reader.look()
    frame = reader.world.items["bugs"]
    assert (frame.dead.tolist(), frame.size, frame.items) == ([0, 1], 14, 6)
    expected = {"new": [6, 5, 0, 0, 0], "closed": [0, 1, 6, 6, 6]}
    for asked in ("", "/asof=now"):
        assert await values(reader, f"@tapd.bugs.flow.cumulative{asked}") == expected


instants = st.integers(0, 40 * DAY_S)
rows = st.lists(st.tuples(st.integers(0, 3), instants, st.one_of(instants, st.just(NEVER))), max_size=40)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.lists(rows, max_size=3),
    st.integers(0, 41),
    st.integers(0, 41),
    st.sampled_from(ZONES),
    st.one_of(st.none(), st.lists(st.booleans(), min_size=4, max_size=6)),
)
def test_no_segment_of_some_days_is_outside_of_the_blocks_that_may_have_it(
    pieces: list[list[tuple[int, int, int]]], one: int, other: int, zone: str, stages: list[bool] | None
) -> None:
    table, first, last = BlockTable(), min(one, other), max(one, other)
    for piece in pieces:
        stage, start, length = np.array(piece, dtype=np.int64).reshape(-1, 3).T
        table.extend(stage, start, np.minimum(start + length, NEVER))
    everything = [row for piece in pieces for row in piece]
    stage, start, length = np.array(everything, dtype=np.int64).reshape(-1, 3).T
    begin = day_numbers(start.astype(np.uint32), zone)
    end = day_numbers(np.minimum(start + length, NEVER).astype(np.uint32), zone)
    among = np.ones(len(stage), dtype=np.bool_) if stages is None else np.array(stages)[stage]
    blocks, asked = table.view(), None if stages is None else np.array(stages)
    for said, there in (
        (blocks.starting(first, last, asked), (begin >= first) & (begin <= last)),
        (blocks.stopping(first, last, asked), (end >= first) & (end <= last)),
        (blocks.standing(first, last, asked), (begin <= last) & (end >= first)),
    ):
        looked_at = np.zeros(len(stage), dtype=np.bool_)
        for span in blocks.spans(said):
            assert 0 <= span.start < span.stop <= len(stage)
            looked_at[span] = True
        assert not (there & among & ~looked_at).any()


def test_blocks_of_other_days_or_stages_are_left_out() -> None:
    table = BlockTable()
    # Blocks of five: days 10 and 11, 20 and 21, then a rest of two: days 30 and 31, and what lasts.
    days = np.array([10] * 5 + [20] * 5 + [30] * 2)
    stage = np.array([0] * 5 + [1] * 5 + [0] * 2)
    stop = (days + 1) * DAY_S
    stop[-1] = NEVER
    table.extend(stage, days * DAY_S, stop)
    blocks = table.view()
    assert blocks.spans(blocks.starting(10, 12)) == [slice(0, 5)]
    assert blocks.spans(blocks.stopping(20, 25)) == [slice(5, 10)]
    assert blocks.spans(blocks.stopping(30, 50)) == [slice(10, 12)]
    assert blocks.spans(blocks.stopping(40, 50)) == []
    assert blocks.spans(blocks.starting(9, 40)) == [slice(0, 12)]
    assert blocks.spans(blocks.starting(9, 40, np.array([True, False]))) == [slice(0, 5), slice(10, 12)]
    assert blocks.spans(blocks.standing(40, 50)) == [slice(10, 12)]
    assert blocks.spans(blocks.standing(14, 17)) == []
    assert blocks.spans(blocks.holding(np.array([False, True, True]))) == [slice(5, 10)]
