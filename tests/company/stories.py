"""The stories of the hand-written company: most of what can happen to one, case after case."""

from __future__ import annotations

from dataclasses import replace

from tests.reference.wire import Company, Record, StageRule, Workspace

from . import shop
from .records import ENGINE, MOBILE, WEB, iteration, numbered
from .story_records import (
    entry,
    story,
    story_change,
    story_id,
    story_removal,
    story_type,
    story_walk,
    type_id,
)

TECH = "Tech #1, core"
V100, V110, BETA = (iteration(WEB, serial, "", "01-01", "01-01")["id"] for serial in (1, 2, 3))

WEB_TYPES = [
    story_type(
        WEB,
        1,
        "需求",
        {
            "planning": "规划中",
            "status_2": "评审中",
            "developing": "实现中",
            "status_3": "测试中",
            "resolved": "已实现",
            "rejected": "已拒绝",
        },
        ("resolved", "rejected"),
        "planning",
    ),
    # Its status_3 is a last step, but the type before it calls 测试中 what has that code.
    story_type(
        WEB,
        2,
        TECH,
        {
            "status_1": "草稿",
            "developing": "开发中",
            "status_3": "已归档",
            "status_4": "已上线",
            "status_5": "已取消",
        },
        ("status_3", "status_4", "status_5"),
    ),
]
WEB_STORIES: list[Record] = [
    story("S1", "03-02 09:00", "03-09 09:30", "resolved", priority="3"),
    story("S2", "03-02 09:30", "03-07 11:00", "resolved", children_id="||" + story_id("S3")),
    story("S3", "03-02 10:00", "03-07 10:30", "resolved", parent_id=story_id("S2"), priority="4")
    | {"iteration_id": V100},
    story("S4", "03-03 10:30", "03-07 11:00", "resolved", parent_id=story_id("S2"), priority="4"),
    story("S5", "03-02 14:00", "03-09 09:00", "resolved"),
    story("S6", "03-06 09:00", "03-08 12:00", "developing"),
    story("S7", "03-03 12:00", "03-05 12:00", "rejected", priority="1", label=None),
    story("S8", "03-03 14:00", "03-09 14:00", "status_4", workitem_type_id=type_id(WEB, 2), label="urgent"),
    story("S9", "03-04 08:00", "03-10 10:00", "status_5", workitem_type_id=type_id(WEB, 2), priority="2"),
    story("S10", "03-04 10:00", "03-09 10:00", "developing", workitem_type_id=type_id(WEB, 2)),
    story("S11", "03-04 11:00", "03-10 09:00", "planning", iteration_id=V110),
    story("S12", "03-04 12:00", "03-08 13:00", "resolved", priority="2", priority_label="紧急"),
    story("S13", "03-05 09:00", "03-06 09:00", "developing", label="urgent|VIP"),
    story("S14", "03-05 10:00", "03-06 10:00", "resolved"),
    story("S15", "03-05 11:00", "03-07 18:00", "developing"),
    story("S16", "03-06 08:00", "03-08 09:00", "developing"),
    story("S17", "03-06 23:59:59", "03-09 23:59:59", "resolved"),
    # S18, S19 and S23 were deleted before anybody looked: they have no rows.
    story("S20", "02-20 09:00", "02-25 09:00", "resolved"),
    story("S21", "03-07 09:00", "03-10 09:00", "developing"),
    story("S22", "03-05 14:00", "03-09 11:00", "status_3"),
]
WEB_CHANGES: list[Record] = [
    *story_walk("S20", "02-25 09:00 planning>resolved"),
    # S1 plain, through every stage; first one label, then two, then none. Its creation is no first change.
    story_change(
        "S1",
        "03-02 09:00",
        entry("status", "", "planning"),
        entry("priority", "", 3),
        entry("label", "", "VIP"),
        change_type="create_story",
    ),
    *story_walk("S1", "03-03 10:00 planning>status_2", "03-04 10:00 status_2>developing"),
    story_change("S1", "03-05 09:00", entry("label", "VIP", "VIP|urgent")),
    *story_walk("S1", "03-05 10:00 developing>status_3", "03-06 10:00 status_3>resolved"),
    story_change("S1", "03-09 09:30", entry("label", "urgent|VIP", 0)),
    # S2 is the parent of S3 and S4 and moves because they do. S3 is reopened, S4 skips stages.
    *story_walk("S2", "03-03 11:00 planning>developing", "03-07 11:00 developing>resolved"),
    *story_walk("S3", "03-03 11:00 planning>developing", "03-05 11:00 developing>resolved"),
    *story_walk("S3", "03-06 15:00 resolved>developing", "03-07 10:30 developing>resolved"),
    story_change("S4", "03-05 09:00", entry("priority", "1", 4)),
    *story_walk("S4", "03-07 11:00 planning>resolved"),
    # S5 is nobody's parent until S6 comes; S6 leaves it again, in the row that begins its work.
    *story_walk("S5", "03-04 14:00 planning>developing", "03-09 09:00 developing>resolved"),
    story_change(
        "S6", "03-08 12:00", entry("status", "planning", "developing"), entry("parent_id", story_id("S5"), 0)
    ),
    *story_walk("S7", "03-05 12:00 planning>rejected"),
    # S8 and S9 are of the other type: one goes live, one is called off.
    *story_walk("S8", "03-04 09:00 status_1>developing", "03-06 14:00 developing>status_3"),
    *story_walk("S8", "03-09 14:00 status_3>status_4"),
    *story_walk("S9", "03-10 10:00 status_1>status_5"),
    # S10 becomes one of the other type, with its first status.
    story_change(
        "S10",
        "03-06 10:00",
        entry("workitem_type_id", type_id(WEB, 1), type_id(WEB, 2)),
        entry("status", "planning", "status_1"),
        entry("custom_field_9", {"a": "1"}, {"a": "2"}),
    ),
    *story_walk("S10", "03-09 10:00 status_1>developing"),
    # S11 is put into an iteration that was called R&D then, and later into another.
    story_change("S11", "03-05 09:00", entry("iteration_id", "", "R&D")),
    story_change(
        "S11",
        "03-10 09:00",
        entry("iteration_id", "R&D #1, beta+", "v1.1.0", before_iteration_id=BETA, after_iteration_id=V110),
    ),
    # S12 is sent back once.
    *story_walk("S12", "03-05 13:00 planning>status_3", "03-06 13:00 status_3>developing"),
    *story_walk("S12", "03-07 13:00 developing>status_3", "03-08 13:00 status_3>resolved"),
    # S13 is deleted at work, S14 when done; S15 is deleted and comes back.
    *story_walk("S13", "03-06 09:00 planning>developing"),
    *story_walk("S14", "03-06 10:00 planning>resolved"),
    *story_walk("S15", "03-07 18:00 planning>developing"),
    # S16 has steps of a parallel workflow: flagged on the row, in the entry, and with numbers.
    story_change("S16", "03-07 09:00", entry("status", "developing", "resolved"), is_step_change="1"),
    story_change("S16", "03-07 10:00", entry("status", "planning", "status_2", is_step_change=1)),
    story_change("S16", "03-07 11:00", entry("status", "", "3")),
    story_change("S16", "03-07 12:00", entry("status", "planning", 0)),
    *story_walk("S16", "03-08 09:00 planning>developing"),
    # S17 happens in the first and last seconds of Beijing's days.
    *story_walk("S17", "03-08 00:00:00 planning>developing", "03-09 23:59:59 developing>resolved"),
    # All that is left of S18 and S19: changes of the one, the creation of the other. S23 left nothing.
    story_change("S18", "03-04 16:00", entry("label", "", "VIP|urgent")),
    *story_walk("S18", "03-05 16:00 planning>developing"),
    story_change(
        "S19",
        "03-06 16:00",
        entry("status", "", "status_1"),
        entry("priority", "", 4),
        entry("workitem_type_id", "", type_id(WEB, 2)),
        change_type="create_story",
    ),
    # S21 is in a status no workflow knows, S22's chain does not end where it is now.
    *story_walk("S21", "03-08 09:00 planning>status_9", "03-10 09:00 status_9>developing"),
    *story_walk("S22", "03-06 14:30 planning>developing"),
]
WEB_REMOVED = [
    story_removal("S13", "03-05 09:00", "03-09 16:00"),
    story_removal("S14", "03-05 10:00", "03-10 16:00"),
    story_removal("S15", "03-05 11:00", "03-07 10:00"),
    story_removal("S18", "03-03 16:00", "03-08 16:00"),
    story_removal("S19", "03-06 16:00", "03-07 16:00"),
    story_removal("S23", "03-02 12:00", "03-03 12:00"),
]
RENAMED: Record = {
    "id": f"1{WEB}003000001",
    "iteration_id": BETA,
    "author": "user01",
    "field": "name",
    "old_value": "R&D",
    "new_value": "R&D #1, beta+",
    "memo": None,
    "created": "2026-03-08 09:00:00",
    "modifyversion": "",
    "operater_type": "edit",
    "workspace_id": WEB,
}

PLAIN = {"planning": "规划中", "developing": "实现中", "resolved": "已实现", "rejected": "已拒绝"}
MOBILE_STORIES = [
    story("T1", "03-03 00:00:00", "03-09 10:00", "rejected"),
    story("T2", "03-07 15:00", "03-10 07:59:59", "resolved", iteration_id=shop.SPRINT_2["id"]),
]
MOBILE_CHANGES = [
    *story_walk("T1", "03-05 23:59:59 planning>developing", "03-09 10:00 developing>rejected"),
    *story_walk("T2", "03-10 07:59:59 developing>resolved"),
]
# 引擎 C++ has configured stages; rejected is in none of them. Its type has no name.
ENGINE_STAGES = (
    StageRule("backlog", "waiting", ("planning",)),
    StageRule("doing", "active", ("developing",)),
    StageRule("shipped", "done", ("resolved",)),
)
ENGINE_STORIES = [
    story("U1", "03-03 06:00", "03-09 06:30", "resolved"),
    story("U2", "03-04 16:00", "03-06 16:00", "rejected"),
]
ENGINE_CHANGES = [
    *story_walk("U1", "03-05 15:00 planning>developing", "03-09 06:30 developing>resolved"),
    *story_walk("U2", "03-06 16:00 planning>rejected"),
]


def company() -> Company:
    """The hand-written company with its bugs and stories."""
    bugs = shop.company()
    plain = {
        scope: story_type(scope, 1, name, PLAIN, ("resolved", "rejected"), "planning")
        for scope, name in ((MOBILE, "需求"), (ENGINE, ""))
    }
    told: dict[str, tuple[list[Record], list[Record]]] = {
        WEB: (WEB_STORIES, WEB_CHANGES),
        MOBILE: (MOBILE_STORIES, MOBILE_CHANGES),
        ENGINE: (ENGINE_STORIES, ENGINE_CHANGES),
    }

    def with_stories(workspace: Workspace) -> Workspace:
        rows, changes = told[workspace.id]
        web = workspace.id == WEB
        return replace(
            workspace,
            stories=[dict(row) for row in rows],
            story_changes=numbered(workspace.id, changes),
            removed_stories=[dict(row) for row in WEB_REMOVED] if web else [],
            types=WEB_TYPES if web else [plain[workspace.id]],
            iteration_changes=[RENAMED] if web else [],
        )

    products = (bugs.config.products[0], replace(bugs.config.products[1], story_stages=ENGINE_STAGES))
    return replace(
        bugs,
        workspaces=[with_stories(one) for one in bugs.workspaces],
        config=replace(bugs.config, products=products),
    )
