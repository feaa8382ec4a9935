"""The generated company's stories, tasks and plans hold every case that the numbers must survive."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from typing import Any

import pytest

from simulator import Company

DRIVE, CAR = "20063271", "20063288"


def stories(company: Company) -> Iterator[dict[str, Any]]:
    for workspace in company.workspaces.values():
        yield from workspace.stories.values()


def rows(company: Company) -> Iterator[dict[str, Any]]:
    for workspace in company.workspaces.values():
        yield from workspace.story_changes


def entries(company: Company) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for row in rows(company):
        for entry in row["field_changes"] or ():
            if "is_step_change" not in row and "is_step_change" not in entry:
                yield row, entry


@pytest.fixture(scope="session")
def moves(generated: Company) -> Counter[tuple[str, str]]:
    return Counter(
        (entry["value_before"], entry["value_after"])
        for row, entry in entries(generated)
        if entry["field"] == "status" and row["change_type"] == "manual_update"
    )


def test_there_are_about_a_third_as_many_stories_as_bugs_and_tasks_under_them(generated: Company) -> None:
    count = len(list(stories(generated)))
    assert 850 <= count <= 1150
    for workspace in generated.workspaces.values():
        assert len(workspace.tasks) >= 300
        known = set(workspace.stories) | {row["id"] for row in workspace.removed_stories}
        assert {task["story_id"] for task in workspace.tasks.values()} <= known
        assert len(workspace.removed_tasks) >= 5


def test_parents_have_two_to_six_children_and_move_by_roll_up_only(generated: Company) -> None:
    parents = 0
    for workspace in generated.workspaces.values():
        children = defaultdict(list)
        gone = Counter(row["parent_id"] for row in workspace.story_items.bin.values())
        for story in workspace.stories.values():
            if story["parent_id"] != "0":
                children[story["parent_id"]].append(story)
        for parent, below in children.items():
            assert len(below) + gone[parent] <= 6
            kinds = {
                row["change_type"]
                for row in workspace.story_items.by_item[parent]
                for entry in row["field_changes"] or ()
                if entry["field"] == "status"
            }
            assert kinds <= {"story_status_relation"}
            ends = [workspace.workflow_of(story).last_steps for story in below]
            ended = all(story["status"] in end for story, end in zip(below, ends, strict=True))
            row = workspace.stories[parent]
            assert (row["status"] in workspace.workflow_of(row).last_steps) == ended
            parents += 1
    assert parents >= 90


@pytest.mark.parametrize(
    "old, new, least",
    [
        ("planning", "status_2", 300),
        ("developing", "status_3", 300),
        ("status_3", "developing", 15),  # sent back, or forward in the other workflow
        ("resolved", "status_2", 10),  # reopened
        ("planning", "resolved", 10),  # skipped
        ("planning", "rejected", 5),  # dropped
        ("rejected", "status_2", 1),
        ("developing", "status_4", 40),
    ],
)
def test_status_moves_of_every_kind_are_there(moves: Counter[tuple[str, str]], old, new, least) -> None:
    assert moves[(old, new)] >= least


def test_one_workspace_has_two_types_in_which_a_code_means_different_things(generated: Company) -> None:
    car = generated.workspaces[CAR]
    first, second = (row["id"] for row in car.workitem_types)
    assert car.workflows["story", first].status_map["status_3"] == "待实车验证"
    assert car.workflows["story", second].status_map["status_3"] == "方案评审"
    assert car.workflows["story", second].last_steps == {"resolved": "已完成", "status_5": "已废弃"}
    kinds = Counter(story["workitem_type_id"] for story in car.stories.values())
    assert min(kinds[first], kinds[second]) >= 80
    for story in stories(generated):
        workspace = generated.workspaces[story["workspace_id"]]
        assert story["status"] in workspace.workflow_of(story).status_map
    changed = [row for row, entry in entries(generated) if entry["field"] == "workitem_type_id"]
    assert len(changed) >= 5
    assert {row["workspace_id"] for row in changed} == {CAR}


def test_tracked_fields_change_and_iterations_are_taken_away_and_carried_over(generated: Company) -> None:
    fields = Counter(entry["field"] for _, entry in entries(generated))
    for name, least in (("priority", 30), ("label", 60), ("custom_field_one", 30), ("iteration_id", 300)):
        assert fields[name] >= least, name
    planned = [entry for _, entry in entries(generated) if entry["field"] == "iteration_id"]
    assert sum(entry["value_after"] == 0 for entry in planned) >= 10
    assert sum(entry["before_iteration_id"] == "0" for entry in planned) >= 200
    carried = [one for one in planned if one["before_iteration_id"] != "0" and one["value_after"] != 0]
    assert len(carried) >= 60
    custom = next(entry for _, entry in entries(generated) if entry["field"] == "custom_field_one")
    assert set(custom["value_after"]) == {"custom_field_one"}


def test_labels_are_put_on_and_taken_off_bugs_and_stories(generated: Company) -> None:
    for workspace in generated.workspaces.values():
        labels = [str(story.get("label") or "") for story in workspace.stories.values()]
        labels += [str(bug.get("label") or "") for bug in workspace.bugs.values()]
        assert sum("|" in label for label in labels) >= 10
        logged = [row for row in workspace.changes if row["field"] == "label"]
        assert sum(len(row["new_value"]) < len(row["old_value"]) for row in logged) >= 20
        assert sum(len(row["new_value"]) > len(row["old_value"]) for row in logged) >= 40


def test_creation_rows_come_first_and_most_chains_hold(generated: Company) -> None:
    odd = 0
    for workspace in generated.workspaces.values():
        for name, story in workspace.stories.items():
            changes = workspace.story_items.by_item[name]
            assert (changes[0]["change_type"], changes[0]["created"]) == ("create_story", story["created"])
            steps = [
                (entry["value_before"], entry["value_after"])
                for row in changes
                for entry in row["field_changes"] or ()
                if entry["field"] == "status" and "is_step_change" not in {**row, **entry}
            ]
            whole = all(before[1] == after[0] for before, after in pairwise(steps))
            odd += not whole or bool(steps and steps[-1][1] != story["status"])
    assert 3 <= odd <= 40


def test_parallel_steps_are_flagged_on_the_row_or_in_the_entry(generated: Company) -> None:
    flagged = [row for row in rows(generated) if "is_step_change" in row]
    inside = [
        row
        for row in rows(generated)
        if any("is_step_change" in entry for entry in row["field_changes"] or ())
    ]
    assert min(len(flagged), len(inside)) >= 10
    assert {row["field_changes"][0]["value_after"].isdigit() for row in flagged} == {True}
    assert {row["field_changes"][0]["value_after"] for row in inside} == {""}


def test_changes_stand_on_the_last_and_the_first_second_of_a_day(generated: Company) -> None:
    seconds = Counter(row["created"][11:] for row in rows(generated))
    assert seconds["23:59:59"] >= 4
    assert seconds["00:00:00"] >= 4


def test_stories_are_deleted_some_are_restored_and_some_were_never_touched(generated: Company) -> None:
    gone = sum(len(workspace.removed_stories) for workspace in generated.workspaces.values())
    assert gone >= 15
    touched = {row["story_id"] for row in rows(generated) if row["change_type"] != "create_story"}
    assert sum(story["id"] not in touched for story in stories(generated)) >= 15


def test_bugs_are_related_to_stories_and_some_relations_were_taken_away(generated: Company) -> None:
    kinds = Counter(row["change_type"] for row in rows(generated))
    assert kinds["link_create"] >= 200
    assert kinds["link_delete"] >= 10
    for workspace in generated.workspaces.values():
        assert len(workspace.story_bugs) >= 80
        assert {row["workspace_id"] for row in workspace.story_bugs} == {int(workspace.id)}
        known = set(workspace.bugs) | {row["id"] for row in workspace.removed}
        assert {row["bug_id"] for row in workspace.story_bugs} <= known


def test_releases_follow_every_two_months_and_renamed_iterations_leave_rows(generated: Company) -> None:
    for workspace, days in ((generated.workspaces[DRIVE], 63), (generated.workspaces[CAR], 77)):
        starts = [date.fromisoformat(row["startdate"]) for row in workspace.releases.values()]
        assert {(after - before).days for before, after in pairwise(starts)} == {days}
        assert Counter(row.get("status", "open") for row in workspace.releases.values())["open"] <= 2
        renamed = [
            row
            for row in workspace.iteration_changes
            if row["field"] == "name" and row["old_value"] is not None
        ]
        assert len(renamed) >= 3
        for row in renamed:
            assert workspace.iterations[row["iteration_id"]]["name"] == row["new_value"]


def test_every_scalar_of_a_story_or_task_is_a_string_or_null(generated: Company) -> None:
    for workspace in generated.workspaces.values():
        for row in (*workspace.stories.values(), *workspace.tasks.values(), *workspace.removed_stories):
            assert {type(value) for value in row.values()} <= {str, type(None)}
        for row in (*workspace.story_changes, *workspace.task_changes):
            kinds = {type(value) for name, value in row.items() if name != "field_changes"}
            assert kinds <= {str, type(None)}


def test_no_story_task_or_plan_carries_a_time_after_now(generated: Company) -> None:
    for workspace in generated.workspaces.values():
        times = [row["created"] for row in (*workspace.story_changes, *workspace.task_changes)]
        times += [row["modified"] for row in (*workspace.stories.values(), *workspace.tasks.values())]
        times += [row["created"] for row in workspace.iteration_changes]
        assert max(times) <= "2026-11-20 14:00:00"


def test_people_of_stories_are_numbered_users(generated: Company) -> None:
    people = {row["creator"] for row in rows(generated)} | {story["creator"] for story in stories(generated)}
    assert {name[:4] for name in people} == {"user"}
    assert all(name[4:].isdigit() for name in people)
