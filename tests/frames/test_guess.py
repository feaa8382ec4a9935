"""The stages of workflows nobody configured."""

from __future__ import annotations

from typing import Any, cast

from metrics_api.context import build_context
from metrics_api.core.config import Config, Product, Stages
from metrics_api.core.config import Stage as StageSection
from metrics_api.core.fact_types import WorkflowFact
from metrics_api.core.stages import Stage, guessed_for_bugs, guessed_for_stories
from tests.frames.facts import REQUIREMENT, TECH, small_facts, type_flow, workflow


def stories(*types: dict[str, Any]) -> tuple[Stage, ...]:
    return guessed_for_stories(cast(WorkflowFact, workflow("story", *types)))


def test_the_stages_of_several_workitem_types_are_joined_in_the_types_order() -> None:
    assert stories(REQUIREMENT, TECH) == (
        Stage("planning", ("planning",), "waiting"),
        Stage("developing", ("developing",), "active"),
        Stage("测试中", ("status_4",), "active"),
        Stage("评审", ("status_9",), "waiting"),
        Stage("resolved", ("resolved", "audited"), "done"),
        Stage("rejected", ("rejected", "status_5"), "dropped"),
    )


def test_a_code_keeps_its_first_meaning() -> None:
    first = type_flow("1", {"a": "甲", "b": "乙", "c": "丙"}, ["c"], "a")
    second = type_flow("2", {"b": "先", "a": "后", "d": "丁"}, ["a", "d"], "b")
    assert stories(first, second) == (
        Stage("甲", ("a",), "waiting"),
        Stage("乙", ("b",), "active"),
        Stage("丙", ("c", "d"), "done"),
    )
    assert stories(second, first) == (
        Stage("先", ("b",), "waiting"),
        Stage("后", ("a", "d", "c"), "done"),
    )


def test_a_last_step_is_dropped_by_its_code_or_its_label() -> None:
    labels = {"a": "新", "b": "已取消", "c": "废弃需求", "d": "被拒绝", "rejected": "不做", "e": "上线"}
    assert stories(type_flow("1", labels, ["b", "c", "d", "rejected", "e"])) == (
        Stage("新", ("a",), "waiting"),
        Stage("上线", ("e",), "done"),
        Stage("已取消", ("b", "c", "d", "rejected"), "dropped"),
    )
    # The same words mean nothing in a status that is no last step, nor in the first one.
    assert stories(type_flow("1", {"a": "取消中", "b": "拒绝评审", "c": "完"}, ["a", "c"])) == (
        Stage("取消中", ("a",), "waiting"),
        Stage("拒绝评审", ("b",), "active"),
        Stage("完", ("c",), "done"),
    )


def test_statuses_with_the_same_label_are_told_apart_by_their_codes() -> None:
    one = type_flow("1", {"status_2": "评审", "status_3": "开发"}, [], "status_2")
    two = type_flow("2", {"status_7": "评审", "status_8": ""}, [])
    assert [stage.name for stage in stories(one, two)] == [
        *("评审 (status_2)", "开发", "评审 (status_7)", "status_8")
    ]


def test_resolved_is_fixed_but_not_verified_for_bugs_and_done_for_stories() -> None:
    labels = {"new": "新", "resolved": "已解决", "closed": "已关闭"}
    flow = type_flow("", labels, ["resolved", "closed"])
    assert guessed_for_bugs(cast(WorkflowFact, workflow("bug", flow)))[1] == (
        Stage("resolved", ("resolved",), "waiting", resolved=True)
    )
    assert stories(flow)[1] == Stage("resolved", ("resolved", "closed"), "done")


def test_stages_configured_for_stories_leave_those_of_bugs_guessed() -> None:
    sections = (
        StageSection(name="out", statuses=("resolved",), flag="done"),
        StageSection(name="in", statuses=("planning", "developing"), flag="active"),
    )
    product = Product(name="A", workspaces=("1",), stages=Stages(stories=sections))
    facts: dict[str, Any] = {"projects": [], "releases": []} | {
        topic: [one | {"generation": 1, "seq": 1, "tombstone": False} for one in found]
        for topic, found in small_facts().items()
    }
    context = build_context(Config(product=(product,)), **facts)
    flows = context.workspaces["tapd:1"].flows
    assert [stage.name for stage in flows["stories"].stages] == ["in", "out"]
    assert [stage.name for stage in flows["bugs"].stages] == ["new", "closed"]
    # A story begins in its own type's first status; of an unknown type it is taken for one of the first.
    assert [flows["stories"].first(kind) for kind in ("10", "20", "30", "")] == [
        *("planning", "status_9", "planning", "planning")
    ]
    assert flows["bugs"].first() == "new"
    assert context.stage_order == {"bugs": ["new", "closed"], "stories": ["in", "out"]}
