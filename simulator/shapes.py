"""The fields of TAPD's records and what an unset one holds, field by field, as recorded responses show.

A field that TAPD leaves ``null`` in one row is ``null`` in all of them, one it leaves ``""`` is ``""`` in
all; which of the two it is differs from field to field.
"""

from typing import Any

Record = dict[str, Any]


def field_names(text: str) -> list[str]:
    """The names in a text, separated by blanks."""
    return text.split()


_BUG_NULL = field_names("""
parent_id title description markdown_description module milestone reporter deadline created resolved closed
modified lastmodify auditer de te confirmer current_owner participator closer cc estimate issue_id support_id
support_forum_id created_from ticket_id story_id feature in_progress_time verify_time reject_time reopen_time
audit_time suspend_time assigned_time template_id begin due release_id fixer label size effort
""")

_BUG_EMPTY = field_names("""
resolution priority priority_label severity platform os testmode testtype testphase source frequency
version_report version_test version_fix version_close baseline_find baseline_join baseline_close baseline_test
originphase sourcephase bugtype follower sync_type
custom_field_one custom_field_two custom_field_three custom_field_four custom_field_five
""") + [f"custom_field_{number}" for number in range(6, 101)]

_BUG_ZERO = field_names("sid delayed regression_number effort_completed exceed remain progress iteration_id")

#: Every field of a bug and its unset value; ``status`` of a bug that says nothing is ``new``.
BUG_DEFAULTS: Record = (
    {"id": None, "workspace_id": None, "status": "new", "flows": "new", "description_type": "1"}
    | dict.fromkeys(_BUG_NULL)
    | dict.fromkeys(_BUG_EMPTY, "")
    | dict.fromkeys(_BUG_ZERO, "0")
)

#: A change row's fields; ``is_step_change`` and ``field_changes`` stand only on rows that carry them.
CHANGE_DEFAULTS: Record = {
    "id": None,
    "bug_id": None,
    "author": None,
    "field": None,
    "old_value": None,
    "new_value": None,
    "memo": None,
    "created": None,
    "change_type": "",
    "workspace_id": None,
}

ITERATION_DEFAULTS: Record = (
    {
        "id": None,
        "name": None,
        "workspace_id": None,
        "startdate": None,
        "enddate": None,
        "status": "open",
        "release_id": None,
        "description": None,
        "creator": None,
        "created": None,
        "modified": None,
        "completed": None,
        "entity_type": "iteration",
        "parent_id": "0",
        "workitem_type_id": None,
        "plan_app_id": "0",
        "label": "",
        "locker": None,
    }
    | {f"custom_field_{number}": None for number in range(1, 11)}
    | {f"custom_field_{number}": "" for number in range(11, 51)}
)

#: ``member_count`` is the one integer among TAPD's scalars here.
WORKSPACE_DEFAULTS: Record = {
    "id": None,
    "name": None,
    "pretty_name": None,
    "category": "project",
    "status": "normal",
    "description": "",
    "parent_id": None,
    "secrecy": "0",
    "external_on": "1",
    "new_task": "1",
    "created": None,
    "creator_id": "10001",
    "creator": "user01",
    "begin_date": None,
    "end_date": None,
    "company_id": None,
    "member_count": 1,
}

REMOVED_BUG_FIELDS = (
    "id",
    "title",
    "reporter",
    "created",
    "operation_user",
    "modified",
    "removed_comment",
    "type",
    "new_bug_url",
)

#: Fields whose value is a time or a date.
TIME_FIELDS = frozenset(
    field_names("""
    created modified resolved closed in_progress_time verify_time reject_time reopen_time audit_time
    suspend_time assigned_time completed startdate enddate begin due deadline deleted updated spentdate
    begin_date end_date
    """)
)

#: Fields that hold people, several joined by ``;``.
PEOPLE_FIELDS = frozenset(
    field_names("""
    reporter current_owner participator de te cc fixer closer auditer confirmer lastmodify author creator
    follower operation_user locker
    """)
)

#: Fields that are searched by LIKE when no operator is given.
TEXT_FIELDS = frozenset({"title", "name", "description", "memo"})

#: The time field that entering a status sets.
STATUS_TIMES = {
    "in_progress": "in_progress_time",
    "resolved": "resolved",
    "verified": "verify_time",
    "closed": "closed",
    "rejected": "reject_time",
    "reopened": "reopen_time",
}

BUG_STATUS_MAP = {
    "new": "新",
    "in_progress": "接受/处理",
    "resolved": "已解决",
    "verified": "已验证",
    "reopened": "重新打开",
    "rejected": "已拒绝",
    "closed": "已关闭",
}
BUG_LAST_STEPS = {"rejected": "已拒绝", "closed": "已关闭"}
BUG_FIRST_STEP = {"new": "新"}
STORY_STATUS_MAP = {"planning": "规划中", "developing": "实现中", "resolved": "已实现", "rejected": "已拒绝"}
STORY_LAST_STEPS = {"resolved": "已实现", "rejected": "已拒绝"}
STORY_FIRST_STEP = {"planning": "规划中"}
