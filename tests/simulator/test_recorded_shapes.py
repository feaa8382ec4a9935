"""The simulated records have every field that recorded responses of TAPD have, unset in the same way."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from simulator import Company
from simulator.shapes import BUG_DEFAULTS, CHANGE_DEFAULTS, ITERATION_DEFAULTS, WORKSPACE_DEFAULTS
from simulator.work_shapes import (
    CATEGORY_DEFAULTS,
    ITERATION_CHANGE_DEFAULTS,
    RELEASE_DEFAULTS,
    REMOVED_WORKITEM_FIELDS,
    STORY_DEFAULTS,
    TASK_DEFAULTS,
    WORKITEM_CHANGE_DEFAULTS,
    WORKITEM_TYPE_DEFAULTS,
)


def recorded(name: str) -> list[dict[str, Any]]:
    """The recorded objects of a file, whether it holds them alone or in an envelope."""
    folder = os.environ.get("ENGMETRICS_RECORDED")
    if not folder or not Path(folder).is_dir():
        pytest.skip("ENGMETRICS_RECORDED names no folder of recorded responses")
    rows = json.loads((Path(folder) / f"{name}.json").read_text("utf-8"))
    return [next(iter(row.values())) for row in (rows if isinstance(rows, list) else rows["data"])]


@pytest.mark.parametrize(
    "name, defaults",
    [
        ("tapd/bugs", BUG_DEFAULTS),
        ("tapd/bug_changes", CHANGE_DEFAULTS),
        ("tapd/iterations", ITERATION_DEFAULTS),
        ("tapd/workspaces_projects", WORKSPACE_DEFAULTS),
        ("tapd/stories", STORY_DEFAULTS),
        ("tapd/story_changes", WORKITEM_CHANGE_DEFAULTS | {"story_id": None}),
        ("tapd/tasks", TASK_DEFAULTS),
        ("tapd/task_changes", WORKITEM_CHANGE_DEFAULTS | {"task_id": None}),
        ("tapd/story_categories", CATEGORY_DEFAULTS),
        ("tapd/workitem_types", WORKITEM_TYPE_DEFAULTS),
        ("tapd_api/story__get_story_changes", WORKITEM_CHANGE_DEFAULTS | {"story_id": None}),
        ("tapd_api/story__get_story_workitem_types", WORKITEM_TYPE_DEFAULTS),
        ("tapd_api/task__get_tasks", TASK_DEFAULTS),
        ("tapd_api/story__get_removed_stories", dict.fromkeys(REMOVED_WORKITEM_FIELDS)),
        ("tapd_api/task__get_removed_tasks", dict.fromkeys(REMOVED_WORKITEM_FIELDS)),
        ("tapd_api/release__get_releases", RELEASE_DEFAULTS),
        ("tapd_api/iteration__get_iteration_changes", ITERATION_CHANGE_DEFAULTS),
    ],
)
def test_every_recorded_field_is_served(name, defaults) -> None:
    assert {key for row in recorded(name) for key in row} - defaults.keys() == set()


@pytest.mark.parametrize(
    "name, defaults",
    [("tapd/bugs", BUG_DEFAULTS), ("tapd/stories", STORY_DEFAULTS), ("tapd/tasks", TASK_DEFAULTS)],
)
def test_a_field_that_is_null_in_recordings_is_null_here_and_an_empty_one_empty(name, defaults) -> None:
    rows = recorded(name)
    for key in defaults.keys() & rows[0].keys():
        unset = {row[key] for row in rows} & {None, ""}
        assert not unset or defaults[key] in unset, key


def test_the_entries_of_a_change_have_the_recorded_keys() -> None:
    keys = {key for row in recorded("tapd/story_changes") for entry in row["field_changes"] for key in entry}
    workspace = Company().add_workspace({"id": "991", "name": "云盘"})
    workspace.add_story({"id": "1", "name": "导航", "created": "2026-03-02 10:00:00"})
    workspace.add_iteration({"id": "5", "name": "迭代1"})
    row = workspace.change_story("1", {"iteration_id": "5", "status": "developing"}, at="2026-03-03 10:00:00")
    assert row is not None
    assert {key for entry in row["field_changes"] for key in entry} == keys
