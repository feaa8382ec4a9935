"""The fields of stories, tasks and what surrounds them, and what an unset one holds, as in ``shapes``."""

from simulator.shapes import Record, field_names

_CUSTOM = [f"custom_field_{name}" for name in field_names("one two three four five six seven eight")]
_PLANS = {f"custom_plan_field_{number}": "0" for number in range(1, 11)}


def _custom(last: int) -> Record:
    return dict.fromkeys([*_CUSTOM, *(f"custom_field_{number}" for number in range(9, last + 1))], "")


_SHARED: Record = (
    dict.fromkeys(field_names("id workspace_id name creator created modified completed begin due"))
    | dict.fromkeys(field_names("level workitem_id effort"))
    | dict.fromkeys(
        field_names("description owner cc priority priority_label source label follower flows path"), ""
    )
    | dict.fromkeys(field_names("parent_id ancestor_id iteration_id release_id effort_completed exceed"), "0")
    | dict.fromkeys(field_names("remain progress attachment_count has_attachment predecessor_count"), "0")
    | {"successor_count": "0", "description_type": "1", "children_id": "|"}
)

#: Every field of a story and its unset value; ``status`` of a story that says nothing is ``planning``.
STORY_DEFAULTS: Record = (
    _SHARED
    | {"status": "planning", "entity_type": "Story", "category_id": "-1", "confidential": "N", "level": "0"}
    | dict.fromkeys(
        field_names(
            "description markdown_description flows issue_id support_id support_forum_id delay_count "
            "business_value tech_risk size bug_id created_from"
        )
    )
    | dict.fromkeys(
        field_names(
            "participator module type status_append feature developer test_focus version sync_type modifier "
            "step"
        ),
        "",
    )
    | dict.fromkeys(
        field_names(
            "secret_root_id sort workitem_type_id templated_id import_flag is_archived progress_manual"
        ),
        "0",
    )
    | {"app_id": "1"}
    | _custom(200)
    | _PLANS
)

#: Every field of a task and its unset value; ``status`` of a task that says nothing is ``open``.
TASK_DEFAULTS: Record = (
    _SHARED
    | {"status": "open", "entity_type": "Task", "story_id": "0", "new_story_id": "0"}
    | {"substrace": None, "effort_total": None, "markdown_description": "", "created_from": ""}
    | _custom(50)
    | _PLANS
)

#: A change row of a story or a task; ``story_id`` or ``task_id`` comes besides, ``is_step_change`` stands
#: only on rows that carry it, and ``changes`` is written from ``field_changes`` when it is asked for.
WORKITEM_CHANGE_DEFAULTS: Record = {
    "id": None,
    "workspace_id": None,
    "app_id": "1",
    "workitem_type_id": "0",
    "creator": None,
    "created": None,
    "change_summary": None,
    "comment": None,
    "changes": None,
    "entity_type": "Story",
    "change_type": "",
    "change_type_detail": "",
    "updated": None,
    "change_type_text": "",
    "field_changes": None,
}

#: TAPD's words for the kinds of changes it tells apart.
CHANGE_TYPES = {
    "": "",
    "manual_update": "手动变更",
    "create_story": "需求创建",
    "create_task": "任务创建",
    "story_status_relation": "父子需求联动",
    "story_task_relation": "需求任务联动",
    "link_create": "创建关联",
    "link_delete": "删除关联",
    "api": "API变更",
}

REMOVED_WORKITEM_FIELDS = ("id", "name", "creator", "created", "operation_user", "deleted", "is_archived")

CATEGORY_DEFAULTS: Record = {
    "id": None,
    "workspace_id": None,
    "name": None,
    "description": "",
    "parent_id": "0",
    "modified": None,
    "created": None,
    "creator": None,
    "modifier": None,
}

RELEASE_DEFAULTS: Record = {
    "id": None,
    "workspace_id": None,
    "name": None,
    "description": "",
    "startdate": None,
    "enddate": None,
    "creator": None,
    "created": None,
    "modified": None,
    "status": "open",
}

ITERATION_CHANGE_DEFAULTS: Record = {
    "id": None,
    "iteration_id": None,
    "author": None,
    "field": None,
    "old_value": None,
    "new_value": None,
    "memo": None,
    "created": None,
    "modifyversion": None,
    "operater_type": "update",
    "workspace_id": None,
}

WORKITEM_TYPE_DEFAULTS: Record = {
    "id": None,
    "workspace_id": None,
    "app_id": "1",
    "entity_type": "story",
    "name": None,
    "english_name": "story",
    "status": "3",
    "color": "#3582fb",
    "workflow_id": None,
    "children_ids": "",
    "parent_ids": "",
    "icon": "",
    "icon_small": "",
    "creator": "TAPD system",
    "created": None,
    "modified_by": "",
    "modified": None,
    "icon_viper": "",
    "icon_small_viper": "",
}

#: What a story's or task's fields are called on TAPD's pages; a field that is not here is called by its key.
FIELD_LABELS = {
    "name": "标题",
    "status": "状态",
    "owner": "处理人",
    "priority": "优先级",
    "iteration_id": "迭代",
    "release_id": "发布计划",
    "category_id": "分类",
    "workitem_type_id": "需求类别名称",
    "parent_id": "父需求",
    "module": "模块",
    "label": "标签",
    "begin": "预计开始",
    "due": "预计结束",
    "creator": "创建人",
    "id": "ID",
    "story_id": "需求",
    "related_bug": "关联缺陷",
    "effort": "预估工时",
    "remain": "剩余工时",
}

#: The words for a story's or task's priority.
PRIORITY_LABELS = {"1": "Nice To Have", "2": "Low", "3": "Middle", "4": "High"}
TASK_STATUS_LABELS = {"open": "未开始", "progressing": "进行中", "done": "已完成"}
