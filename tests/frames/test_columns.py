"""What stands in a frame beside its segments: numbers, planned days and linked stories; and its refresh."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from metrics_api.columns import NO_DAY, Codes
from metrics_api.core.store import Store
from metrics_api.frames import ItemFrame
from metrics_api.item_table import ItemTable
from metrics_api.reader import Reader
from metrics_api.topics import BUGS
from tests.frames.facts import CONFIG, Publisher, bug, context_of, story, values
from tests.frames.test_fields import BACKLOG, PEOPLE, SETTINGS, loaded, refused, three


async def test_numbers_days_and_linked_stories_stand_beside_the_codes(store: Store) -> None:
    reader = await loaded(store, stories=[story("8", (0, {"status": "planning"})), story("9", (0, {}))])
    frame, stories = reader.world.items["bugs"], reader.world.items["stories"]
    remain = {key: [] for key in frame.keys}
    for row, item in enumerate(frame.item):
        remain[frame.keys[item]].append(float(frame.numbers["remain"][row]))
    assert [str(one) for one in remain["tapd:1:1"]] == ["8.0", "2.5", "2.5", "nan"]
    assert all(map(math.isnan, remain["tapd:1:2"] + remain["tapd:1:3"]))
    assert np.isnan(frame.numbers["size"]).all()
    # 1970-01-01 is day 0, 2026-03-05 is day 20517.
    due = dict(zip(frame.keys, frame.due.tolist(), strict=True))
    assert due == {"tapd:1:1": 20517, "tapd:1:2": NO_DAY, "tapd:1:3": NO_DAY}
    owner, codes = frame.stories.pairs
    assert [frame.keys[frame.stories.linked[place]] for place in owner] == ["tapd:1:1"] * 2
    # Story 7 is not there.
    gone, there = stories.stories.items_of(codes).tolist()
    assert (gone, stories.keys[there]) == (-1, "tapd:1:8")


def linked_to(frame: ItemFrame, item: int) -> list[int]:
    """The codes of the stories that a bug is linked to."""
    owner, codes = frame.stories.pairs
    found: list[int] = codes[frame.stories.linked[owner] == item].tolist()
    return found


def test_columns_are_the_same_however_facts_come() -> None:
    """Facts that change, go and come back: as those that are read at once."""
    context, ids = context_of(PEOPLE), Codes()
    final = [one | {"tombstone": False} for one in three()]
    bare: list[Any] = [
        bug(str(number), (0, {"status": "new"})) | {"tombstone": False} for number in (1, 2, 3)
    ]
    gone = [one | {"tombstone": True, "segments": {}, "stories": ["9"], "due": "2026-03-09"} for one in bare]
    table = ItemTable(BUGS, context, ids)
    for batch in (bare, gone[:2], final[1:], [*gone[2:], final[0]], final[2:]):
        table.apply(batch)
    once = ItemTable(BUGS, context, Codes())
    once.apply(final)

    def shown(one: ItemTable) -> dict[str, list[Mapping[str, Any]]]:
        frame = one.snapshot()
        rows: dict[str, list[Mapping[str, Any]]] = {}
        for row in np.flatnonzero(frame.alive()):
            item = int(frame.item[row])
            held = {name: frame.dictionaries[name].values[codes[row]] for name, codes in frame.codes.items()}
            linked = linked_to(frame, item)
            held |= {"start": int(frame.start[row]), "due": int(frame.due[item])}
            held |= {name: str(numbers[row]) for name, numbers in frame.numbers.items()}
            rows.setdefault(frame.keys[item], []).append(held | {"stories": len(linked)})
            assert frame.last_row[item] >= row
        assert frame.items == len(rows) == 3
        return rows

    assert shown(table) == shown(once)
    before = table.snapshot()
    due, linked = before.due.tolist(), linked_to(before, 0)
    table.apply(gone)
    assert (before.due.tolist(), linked_to(before, 0)) == (due, linked)
    after = table.snapshot()
    assert (after.items, after.due.tolist(), after.stories.linked.tolist()) == (0, [NO_DAY] * 3, [])


async def test_a_renamed_field_and_a_new_option_are_known_at_once(store: Store) -> None:
    publisher = Publisher(store)
    await publisher.everything(bugs=three(), custom_fields=SETTINGS)
    reader = Reader(store, CONFIG)
    await reader.look()
    old = reader.world.items["bugs"]
    # One more option needs no new frame.
    one = SETTINGS[0] | {"options": ["测试", "生产", "预发", "沙箱"]}
    await publisher.publish("custom_fields", [one])
    assert await reader.look()
    assert await values(reader, f"{BACKLOG}/cf.发现 v1.0=沙箱") == {"all": [0] * 5}
    assert reader.world.items["bugs"].item.base is old.item.base
    await publisher.publish("custom_fields", [one | {"name": "环境"}])
    assert await reader.look()
    assert await values(reader, f"{BACKLOG}/cf.环境=测试") == {"all": [1, 2, 1, 1, 1]}
    assert "cf.Boards, cf.环境" in await refused(reader, f"{BACKLOG}/cf.发现 v1.0=测试")
    # A field with a list of values becomes one of text.
    await publisher.publish("custom_fields", [SETTINGS[1] | {"type": "text"}])
    assert await reader.look()
    assert "cf.Boards" not in reader.world.items["bugs"].codes
    await publisher.publish("custom_fields", [one], tombstone=True)
    assert await reader.look()
    assert "they have none" in await refused(reader, f"{BACKLOG}/cf.环境=测试")
