"""The words of random companies: workflows, stages, names, and what fields may hold."""

from .wire import StageRule

DEFAULT = {
    "new": "新",
    "in_progress": "接受/处理",
    "resolved": "已解决",
    "verified": "已验证",
    "reopened": "重新打开",
    "rejected": "已拒绝",
    "closed": "已关闭",
}
EXTENDED = {
    "new": "新",
    "reopened": "重新打开",
    "status_2": "Waiting, #2",
    "in_progress": "处理",
    "resolved": "已解决",
    "status_9": "已归档",
    "rejected": "已拒绝",
    "closed": "已关闭",
}
OWN = {"status_1": "草稿", "status_3": "R&D", "resolved": "已解决", "status_5": "完成"}
WORKFLOWS: tuple[tuple[dict[str, str], dict[str, str]], ...] = (
    (DEFAULT, {"resolved": "已解决", "rejected": "已拒绝"}),
    (EXTENDED, {"status_9": "已归档", "rejected": "已拒绝"}),
    (OWN, {"status_5": "完成"}),
)
STAGES = (
    StageRule("to do", "waiting", ("new", "status_1")),
    StageRule("dev", "active", ("in_progress", "reopened", "status_3")),
    StageRule("test", "waiting", ("resolved",), resolved=True),
    StageRule("done", "done", ("verified", "closed", "status_5", "status_9")),
    StageRule("dropped", "dropped", ("rejected",)),
)
STRANGE_STATUS = "status_77"

PRODUCTS = ("Alpha #1", "产品 B+")
WORKSPACES = ("20100001", "20100002", "20100003")
ZONES = ("Asia/Shanghai", "UTC", "Europe/Berlin", "America/New_York")
VERSION_FIELDS = ("version_report", "version_fix", "iteration")
VERSIONS = ("", "v1.0.0", "v1.1.0", "R&D #1, beta+", "二期")
SEVERITIES = ("normal", "", "fatal", "serious", "prompt", "advice", "S9")
PRIORITIES = ("", "high", "低", "medium")
MODULES = ("", "登录", "pay, out")
ITERATIONS = (("Sprint 2", "2024-03-11"), ("Sprint 10, final", "2024-03-01"), ("v1.1.0", "2024-02-20"))
EMPTIES = (None, "", "--")
LABELS = ("", "阻塞", "重点关注|阻塞", "R&D, #1", "阻塞|重点关注", "gold|R&D, #1|", "gold")
TYPES_OF_BUGS = ("", "UI", "代码, 错误", "perf #1")
SOURCES = ("", "用户反馈", "test")
# A field that workspaces made: of which several values may be chosen, and what TAPD calls it by product.
CUSTOM = "cf.发现 v1.0"
CUSTOM_FIELDS = ("custom_field_one", "custom_field_7")
FOUND = ("", "测试", "生产|测试", "测试;生产", "v1.0#", "生产")
POOLS: dict[str, tuple[str, ...]] = {
    "version_report": VERSIONS,
    "version_fix": VERSIONS,
    "severity": SEVERITIES,
    "priority": PRIORITIES,
    "module": MODULES,
    "iteration_id": ("", "0", "1", "2"),
    "label": LABELS,
    "bugtype": TYPES_OF_BUGS,
    "source": SOURCES,
    CUSTOM: FOUND,
}
FIELDS = ("status", *POOLS)

# Workitem types by name: status map, last steps, first step. The second has no name.
TYPES: tuple[tuple[str, dict[str, str], dict[str, str], str | None], ...] = (
    (
        "需求",
        {"planning": "规划中", "developing": "实现中", "resolved": "已实现", "rejected": "已拒绝"},
        {"resolved": "已实现", "rejected": "已拒绝"},
        "planning",
    ),
    (
        "",
        {"status_1": "草稿", "developing": "开发中", "status_3": "Test, #2"}
        | {"status_4": "已上线", "status_5": "已取消"},
        {"status_4": "已上线", "status_5": "已取消"},
        "status_1",
    ),
    # Its codes mean other things than those of the same names in the type above.
    (
        "Tech #1, R&D",
        {"planning": "待评审", "status_3": "已归档", "status_1": "处理中", "rejected": "关闭"}
        | {"status_6": "废弃"},
        {"status_3": "已归档", "rejected": "关闭", "status_6": "废弃"},
        None,
    ),
)
STORY_STAGES = (
    StageRule("to do", "waiting", ("planning", "status_1")),
    StageRule("doing", "active", ("developing", "status_3")),
    StageRule("done", "done", ("resolved", "status_4")),
    StageRule("dropped", "dropped", ("rejected", "status_5", "status_6")),
)
STORY_PRIORITIES = ("", "1", "2", "3", "4")
STORY_POOLS: dict[str, tuple[str, ...]] = {
    "iteration_id": ("", "0", "1", "2"),
    "priority": STORY_PRIORITIES,
    "module": MODULES,
    "label": LABELS,
    # The workspace's types by number, and one it has not.
    "workitem_type_id": ("1", "2", "3", "", "1", "2", "3", "1"),
    # Other stories by number.
    "parent_id": ("", "", "", "", "", "1", "2", "", "3", ""),
}
STORY_FIELDS = ("status", *STORY_POOLS)
