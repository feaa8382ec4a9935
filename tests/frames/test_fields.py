"""Fields beside those of segments: custom ones, people, numbers, planned days and linked stories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from metrics_api.catalog import load_catalog
from metrics_api.core.config import Config, Product
from metrics_api.core.days import BEIJING
from metrics_api.core.errors import BadRequest
from metrics_api.core.sections import People
from metrics_api.core.security import READ_ALL, Principal
from metrics_api.core.store import Document, Store
from metrics_api.evaluate import Evaluator
from metrics_api.reader import Reader
from tests.frames.facts import CONFIG, MONDAY, NOW, Publisher, bug, small_facts, ten, values

FLOW = "@tapd.stories.flow.cumulative"
BACKLOG = "@tapd.bugs.backlog.daily"
PEOPLE = CONFIG.model_copy(update={"people": People(enabled=True)})
TWO = Config(
    timezone=BEIJING,
    product=(Product(name="A", workspaces=("1",)), Product(name="B", workspaces=("2",))),
)


def history(*changes: tuple[int, str]) -> dict[str, list[Any]]:
    """What a field held from ten o'clock of some days on."""
    return {"at": [ten(day) for day, _ in changes], "value": [value for _, value in changes]}


def setting(
    field: str, name: str, kind: str = "select", options: Sequence[str] = (), **more: Any
) -> Document:
    """A custom field of bugs in workspace 1."""
    found = {"instance": "tapd", "workspace": "1", "entity": "bug", "field": field, "name": name}
    found |= {"type": kind, "options": list(options)} | more
    return {"_id": f"tapd:{found['workspace']}:{found['entity']}:{field}", **found}


SETTINGS = (
    setting("custom_field_one", "发现 v1.0", options=("测试", "生产", "预发")),
    setting("custom_field_two", "Boards", "multi_select"),
    setting("custom_field_three", "Tester", "user_chooser"),
    setting("custom_field_four", "Note", "text"),
    setting("custom_field_five", "a=b"),
)


def three() -> list[Document]:
    """Bugs 1 and 2 are open all week, bug 3 from Tuesday on and closed on Thursday."""
    return [
        bug("1", (0, {"status": "new", "severity": "fatal"}))
        | {
            "histories": {
                "custom_field_one": history((0, "测试"), (2, "生产")),
                "custom_field_two": history((0, "x|y"), (1, "y;z"), (3, "")),
                "custom_field_three": history((0, "甲;")),
                "custom_field_four": history((0, "a"), (1, "b")),
                "bugtype": history((0, "UI")),
                "reporter": history((0, "甲")),
                "current_owner": history((0, "甲;乙"), (2, "乙")),
                "remain": history((0, "8"), (1, "2.5"), (3, "")),
            },
            "due": "2026-03-05",
            "stories": ["7", "8"],
        },
        bug("2", (0, {"status": "new"}), (1, {"severity": "fatal"}))
        | {
            "histories": {
                "custom_field_one": history((0, ""), (1, "测试")),
                "source": history((0, "用户"), (3, "")),
                "remain": history((0, "soon")),
            },
            "stories": [],
        },
        bug("3", (1, {"status": "new"}), (3, {"status": "closed"}))
        | {"histories": {"custom_field_one": history((1, "生产")), "reporter": history((1, "乙"))}},
    ]


async def loaded(store: Store, config: Config = CONFIG, **topics: Sequence[Document]) -> Reader:
    await Publisher(store).everything(**({"bugs": three(), "custom_fields": SETTINGS} | topics))
    reader = Reader(store, config)
    await reader.look()
    return reader


async def refused(reader: Reader, target: str) -> str:
    """Why a target is skipped."""
    evaluator = Evaluator(reader, clock=lambda: NOW)
    rendered = await evaluator.render([target], MONDAY, NOW, READ_ALL)
    evaluator.close()
    assert rendered.series == [[]]
    return rendered.skipped[0]


async def found(reader: Reader, query: str, principal: Principal = READ_ALL) -> list[str]:
    """What a variable offers."""
    evaluator = Evaluator(reader, clock=lambda: NOW)
    nodes = await evaluator.find(query, principal)
    evaluator.close()
    return [node.text for node in nodes]


async def test_a_custom_field_selects_by_what_it_held_then(store: Store) -> None:
    reader = await loaded(store)
    first = [1, 2, 1, 1, 1]
    for target in ("cf.发现 v1.0=测试", "cf#发现 v1#0=测试", "cf.发现 v1~0={测试}"):
        assert await values(reader, f"{BACKLOG}/{target}") == {"all": first}, target
    assert await values(reader, f"{BACKLOG}/cf.发现 v1.0=测试,asof=now") == {"all": [1] * 5}
    tagged = "seriesByTag('name=tapd.bugs.backlog.daily','cf.发现 v1.0!=测试')"
    assert await values(reader, tagged) == {"all": [1, 1, 2, 1, 1]}
    assert await values(reader, f"{BACKLOG}/cf.发现 v1.0=N/A") == {"all": [1, 0, 0, 0, 0]}
    # Nobody has this one yet, but everybody could; that one does not exist.
    assert await values(reader, f"{BACKLOG}/cf.发现 v1.0=预发") == {"all": [0] * 5}
    assert await values(reader, f"{BACKLOG}/cf.发现 v1.0=沙箱") == {"all": []}
    assert await values(reader, f"{BACKLOG}/cf.发现 v1.0=生产,severity=fatal") == {"all": [0, 0, 1, 1, 1]}


async def test_a_custom_field_splits_and_its_name_is_the_tag(store: Store) -> None:
    reader = await loaded(store)
    split = {"测试": [1, 2, 1, 1, 1], "生产": [0, 1, 2, 1, 1], "N/A": [1, 0, 0, 0, 0]}
    assert await values(reader, f"{BACKLOG}/by=cf.发现 v1.0") == split
    assert await values(reader, f"{BACKLOG}/by=cf#发现 v1#0,product=A") == split
    evaluator = Evaluator(reader, clock=lambda: NOW)
    answer = await evaluator.render([f"{BACKLOG}/by=cf#发现 v1#0,cf#发现 v1#0=测试"], MONDAY, NOW, READ_ALL)
    evaluator.close()
    assert [one.tags["cf.发现 v1.0"] for one in answer.series[0]] == ["测试"]
    ledger = await values(reader, "@tapd.bugs.change.daily/cf.发现 v1.0=生产")
    assert {name: line for name, line in ledger.items() if any(line)} == {
        "created": [0, 1, 0, 0, 0],
        "closed": [0, 0, 0, 1, 0],
        "moved_in": [0, 0, 1, 0, 0],
    }


async def test_several_values_of_a_field_count_under_each(store: Store) -> None:
    reader = await loaded(store)
    assert await values(reader, f"{BACKLOG}/by=cf.Boards") == {
        "x": [1, 0, 0, 0, 0],
        "y": [1, 1, 1, 0, 0],
        "z": [0, 1, 1, 0, 0],
        "N/A": [1, 2, 2, 2, 2],
    }
    assert await values(reader, f"{BACKLOG}/cf.Boards={{x,z}}") == {"all": [1, 1, 1, 0, 0]}


async def test_fields_without_a_list_of_values_are_refused_with_those_that_have_one(store: Store) -> None:
    reader = await loaded(store)
    expected = (
        "no custom field of bugs is called 'Note'; those with a list of values: cf.Boards, cf.发现 v1.0"
    )
    assert await refused(reader, f"{BACKLOG}/cf.Note=a") == expected
    assert await refused(reader, f"{BACKLOG}/by=cf.Note") == expected
    for name in ("Tester", "", "a"):
        assert "those with a list of values" in await refused(reader, f"{BACKLOG}/cf.{name}=x")
    assert (
        await refused(reader, f"{FLOW}/cf.Boards=x")
        == "no custom field of stories is called 'Boards'; they have none"
    )
    assert "no filter or option 'cf.Boards'" in await refused(reader, "@gitlab.events.daily/cf.Boards=x")


async def test_two_workspaces_share_a_column_though_their_fields_are_called_differently(store: Store) -> None:
    """Bug 4 of workspace 2 moves to workspace 1 on Wednesday, where its field one means something else."""
    settings = (
        setting("custom_field_one", "Where"),
        setting("custom_field_one", "Kind", workspace="2"),
        setting("custom_field_9", "Where", "radio", workspace="2"),
    )
    moved = bug("4", (0, {"status": "new", "workspace": "2"}), (2, {"workspace": "1"})) | {
        "histories": {
            "custom_field_9": history((0, "lab")),
            "custom_field_one": history((0, "big"), (2, "road"), (3, "lab")),
        }
    }
    other = bug("5", (0, {"status": "new"})) | {"histories": {"custom_field_one": history((0, "road"))}}
    facts = small_facts()
    second = facts["workspaces"][0] | {"_id": "tapd:2", "id": "2", "name": "B"}
    flow = facts["workflows"][0] | {"_id": "tapd:2:bug", "workspace": "2"}
    reader = await loaded(
        store,
        TWO,
        bugs=[moved, other],
        custom_fields=settings,
        workspaces=[*facts["workspaces"], second],
        workflows=[*facts["workflows"], flow],
    )
    frame = reader.world.items["bugs"]
    assert frame.topic.custom == ("cf.Kind", "cf.Where")
    known = {name: frame.dictionaries[name].values for name in frame.topic.custom}
    assert {name: [known[name][code] for code in frame.codes[name]] for name in known} == {
        # Bug 4 in workspace 2, then twice in 1, and bug 5.
        "cf.Kind": ["big", "", "", ""],
        "cf.Where": ["lab", "road", "lab", "road"],
    }
    assert [int(at) for at in frame.start] == [ten(0), ten(2), ten(3), ten(0)]
    only_b = Principal("b", frozenset({"B"}))
    assert await found(reader, "$cf.Where", READ_ALL) == ["lab", "road"]
    assert await found(reader, "$cf.Where", only_b) == ["lab"]
    assert await found(reader, "$cf#Kind=B") == ["big"]
    assert await found(reader, "$cf.Kind=A") == await found(reader, "$cf.Other") == []


async def test_people_count_only_while_they_are_enabled(store: Store) -> None:
    reader = await loaded(store)
    refusal = "owner names people: set `enabled = true` under `[people]` to filter and split by it"
    assert await refused(reader, f"{BACKLOG}/owner=甲") == refusal
    assert await refused(reader, f"{BACKLOG}/by=owner") == refusal
    assert await found(reader, "$owner") == []
    assert "owner" not in reader.world.items["bugs"].codes
    # Its owners part no segments then.
    frame = reader.world.items["bugs"]
    parts = frame.start[frame.item == frame.keys.index("tapd:1:1")]
    assert parts.tolist() == [ten(0), ten(1), ten(2), ten(3)]

    enabled = Reader(store, PEOPLE)
    await enabled.look()
    assert await values(enabled, f"{BACKLOG}/owner=甲") == {"all": [1, 1, 0, 0, 0]}
    assert await values(enabled, f"{BACKLOG}/by=owner") == {
        "乙": [1, 1, 1, 1, 1],
        "甲": [1, 1, 0, 0, 0],
        "N/A": [1, 2, 2, 1, 1],
    }
    assert await values(enabled, f"{BACKLOG}/by=reporter") == {
        "乙": [0, 1, 1, 0, 0],
        "甲": [1] * 5,
        "N/A": [1] * 5,
    }
    assert await found(enabled, "$owner") == ["乙", "甲"]
    assert "no filter or option 'owner'" in await refused(enabled, "@gitlab.events.daily/owner=甲")


async def test_types_and_sources_of_bugs_are_filters_of_every_installation(store: Store) -> None:
    reader = await loaded(store)
    assert await values(reader, f"{BACKLOG}/bugtype=UI") == {"all": [1] * 5}
    assert await values(reader, f"{BACKLOG}/by=source") == {"用户": [1, 1, 1, 0, 0], "N/A": [1, 2, 2, 2, 2]}
    assert await found(reader, "$bugtype") == ["UI"]


def test_a_catalog_without_data_accepts_any_custom_field() -> None:
    catalog = load_catalog()
    for target in (
        f"{BACKLOG}/cf.x y=1,by=cf.z",
        f"{BACKLOG}/owner=a,by=de",
        f"{FLOW}/creator=a",
    ):
        catalog.check(target)
    for target in (f"{BACKLOG}/cf.=1", f"{BACKLOG}/creator=a", "@gitlab.events.daily/cf.x=1"):
        with pytest.raises(BadRequest):
            catalog.check(target)
