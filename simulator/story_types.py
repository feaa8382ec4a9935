"""The kinds of stories of the two products, each with a workflow of its own.

In the terminal's workspace one status code means different things: ``status_3`` is late in one kind of story
and early in the other.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class StoryType:
    """One kind of story: its statuses in their order, the way to the end, and the ways off it."""

    name: str
    english_name: str
    status_map: dict[str, str]
    path: tuple[str, ...]
    dropped: str
    paused: str | None = None

    @property
    def last_steps(self) -> dict[str, str]:
        """The ends: done and dropped."""
        return {code: self.status_map[code] for code in (self.path[-1], self.dropped)}


DRIVE_STORY = StoryType(
    name="需求",
    english_name="story",
    status_map={
        "planning": "规划中",
        "status_2": "已评审",
        "developing": "实现中",
        "status_3": "测试中",
        "status_4": "挂起",
        "resolved": "已上线",
        "rejected": "已拒绝",
    },
    path=("planning", "status_2", "developing", "status_3", "resolved"),
    dropped="rejected",
    paused="status_4",
)

CAR_STORY = StoryType(
    name="需求",
    english_name="story",
    status_map={
        "planning": "规划中",
        "status_2": "待评审",
        "developing": "开发中",
        "status_3": "待实车验证",
        "resolved": "已实现",
        "rejected": "已拒绝",
    },
    path=("planning", "status_2", "developing", "status_3", "resolved"),
    dropped="rejected",
)

CAR_TECHNICAL = StoryType(
    name="技术需求 & 预研",
    english_name="tech",
    status_map={
        "planning": "待排期",
        "status_3": "方案评审",
        "developing": "实现中",
        "status_4": "灰度",
        "resolved": "已完成",
        "status_5": "已废弃",
    },
    path=("planning", "status_3", "developing", "status_4", "resolved"),
    dropped="status_5",
)
