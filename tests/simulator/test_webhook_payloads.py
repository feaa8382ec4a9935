"""Webhook payloads have the recorded fields and tell what polling finds as well."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from simulator import (
    Company,
    GitlabHappening,
    TapdHappening,
    event_header,
    generate,
    gitlab_payload,
    gitlab_payload_of,
    live,
    pipeline_payload,
    tapd_payload,
    tapd_payload_of,
)

NOW = datetime(2026, 5, 11, 2, 0, tzinfo=UTC)
ZEROS = "0" * 40
PROJECT = {
    "id": 7,
    "path_with_namespace": "drive/server",
    "web_url": "https://gitlab.example.com/drive/server",
}


def recorded(name: str) -> dict[str, Any]:
    folder = os.environ.get("ENGMETRICS_RECORDED")
    if not folder or not Path(folder).is_dir():
        pytest.skip("ENGMETRICS_RECORDED names no folder of recorded responses")
    return json.loads((Path(folder) / f"{name}.json").read_text("utf-8"))


def told(company: Company) -> list[TapdHappening | GitlabHappening]:
    heard: list[TapdHappening | GitlabHappening] = []
    company.listeners.append(heard.append)
    return heard


def updated(entity: str) -> dict[str, str]:
    """The payload of an item's update to the status done."""
    company = Company()
    workspace = company.add_workspace({"id": "991", "name": "云盘"})
    heard = told(company)
    add = {"bug": workspace.add_bug, "story": workspace.add_story, "task": workspace.add_task}[entity]
    change = {"bug": workspace.change_bug, "story": workspace.change_story, "task": workspace.change_task}
    add({"id": "5", "name": "n", "title": "n", "created": "2026-03-01 10:00:00"})
    change[entity]("5", {"status": "done"}, at="2026-03-02 23:59:59")
    assert isinstance(heard[1], TapdHappening)
    return tapd_payload_of(heard[1])


def push(**fields: Any) -> dict[str, Any]:
    data = {"commit_count": 2, "action": "pushed", "ref_type": "branch", "commit_from": "a" * 40}
    data |= {"commit_to": "b" * 40, "ref": "main", "commit_title": "Cache the tree", "ref_count": None}
    author = {"id": 900001, "username": "user01", "name": "User 01", "avatar_url": None}
    event = {"id": 1, "action_name": "pushed to", "created_at": "2026-03-02T10:00:00.125+08:00"}
    return event | {"author_id": 900001, "author": author, "push_data": data | fields}


@pytest.mark.parametrize("entity", ["bug", "story", "task"])
def test_an_update_says_the_old_value_of_every_field_in_texts(entity) -> None:
    payload = updated(entity)
    assert {type(value) for value in payload.values()} == {str}
    assert sum(name.startswith("old_") for name in payload) > 80
    assert (payload["old_id"], payload["new_status"], "old_priority_label" in payload) == ("5", "done", False)
    assert ("old_project_id" in payload, "old_workspace_id" in payload) == (entity == "bug", entity != "bug")


@pytest.mark.parametrize("entity", ["bug", "story", "task"])
def test_an_update_has_every_recorded_field(entity) -> None:
    names = {name for name in recorded(f"tapd_webhooks/{entity}__update") if "custom" not in name}
    common = {name for name in names if not name.startswith("new_")}
    assert common - updated(entity).keys() <= {"old_secret_root_id"}


@pytest.mark.parametrize("entity", ["bug", "story", "task", "iteration"])
def test_a_deletion_has_the_recorded_fields(entity) -> None:
    record = {"id": "5", "workspace_id": "991", "created": "2026-03-01 10:00:00"}
    payload = tapd_payload(entity, "delete", record, at="2026-03-02 10:00:00")
    assert payload.keys() == recorded(f"tapd_webhooks/{entity}__delete").keys()


@pytest.mark.parametrize("name", ["push", "tag_push", "pipeline"])
def test_pushes_and_pipelines_have_the_recorded_fields(name) -> None:
    if name == "pipeline":
        payload = pipeline_payload(push(), PROJECT, "success", duration_s=63) | {"source_pipeline": None}
    else:
        made = gitlab_payload(push(ref_type="tag" if name == "tag_push" else "branch"), PROJECT)
        assert made is not None
        payload = made
    known = recorded(f"gitlab_webhooks/{name}")
    assert known.keys() - payload.keys() == set()
    for key in ("project", "repository", "object_attributes"):
        inner = known.get(key, {}).keys() - payload.get(key, {}).keys()
        assert inner <= {"visibility_level", "git_http_url", "git_ssh_url"}


def test_a_storys_creation_update_and_deletion_tell_their_times_and_changed_fields() -> None:
    company = Company()
    workspace = company.add_workspace({"id": "991", "name": "云盘"})
    heard = told(company)
    workspace.add_story(
        {"id": "5", "name": "导航", "created": "2026-03-01 10:00:00", "priority": "3", "creator": "user02"}
    )
    workspace.change_story(
        "5", {"status": "developing", "priority": "4"}, at="2026-03-02 23:59:59", author="user03"
    )
    workspace.change_story("5", {"status": "resolved"}, at="2026-03-03 09:00:00", recorded=False)
    workspace.delete_story("5", at="2026-03-04 09:00:00", operator="user05")
    created, updated, deleted = (tapd_payload_of(one) for one in heard)
    shown = ("event", "workspace_id", "id", "current_user", "created")
    assert [tuple(payload[name] for name in shown) for payload in (created, updated, deleted)] == [
        ("story::create", "991", "5", "user02", "2026-03-01 10:00:00"),
        ("story::update", "991", "5", "user03", "2026-03-02 23:59:59"),
        ("story::delete", "991", "5", "user05", "2026-03-04 09:00:00"),
    ]
    assert (created["priority"], created["status"], "modified" in created) == ("Middle", "planning", False)
    new = {name: value for name, value in updated.items() if name.startswith("new_")}
    assert new == {
        "new_status": "developing",
        "new_priority": "High",
        "new_modified": "2026-03-02 23:59:59",
    }
    assert set(updated["change_fields"].split(",")) == {"status", "priority", "modified"}
    assert (updated["old_status"], updated["old_priority"]) == ("planning", "Middle")
    assert (deleted["op_type"], deleted["old_iteration_id"]) == ("delete", "0")
    with pytest.raises(ValueError, match="values before"):
        tapd_payload("story", "update", {"id": "5"})


def test_a_recorded_creation_of_a_task_has_two_blanks_in_its_time_and_so_has_ours() -> None:
    assert recorded("tapd_webhooks/task__create")["created"] == "2024-12-30  17:58:03"
    record = {"id": "8", "workspace_id": "991", "created": "2026-03-01 10:00:00"}
    assert tapd_payload("task", "create", record)["created"] == "2026-03-01  10:00:00"


def test_a_push_tells_of_twenty_commits_at_most_and_ends_with_the_events_commit() -> None:
    payload = gitlab_payload(push(commit_count=37), PROJECT)
    assert payload is not None
    assert (len(payload["commits"]), payload["total_commits_count"]) == (20, 37)
    assert payload["commits"][-1]["id"] == payload["after"] == payload["checkout_sha"] == "b" * 40
    assert len({commit["id"] for commit in payload["commits"]}) == 20
    assert (payload["ref"], payload["before"]) == ("refs/heads/main", "a" * 40)


def test_new_and_deleted_refs_have_zeros_and_a_push_of_many_refs_is_told_of_nowhere() -> None:
    new = gitlab_payload(push(action="created", commit_from=None, ref="v1.0.0", ref_type="tag"), PROJECT)
    gone = gitlab_payload(push(action="removed", commit_to=None, commit_count=0, ref="old"), PROJECT)
    assert new is not None
    assert gone is not None
    assert (new["object_kind"], new["ref"], new["before"]) == ("tag_push", "refs/tags/v1.0.0", ZEROS)
    assert event_header(new) == "Tag Push Hook"
    assert (gone["after"], gone["checkout_sha"], gone["commits"]) == (ZEROS, None, [])
    assert gitlab_payload(push(ref_count=12, ref=None, commit_to=None, commit_from=None), PROJECT) is None


@pytest.mark.parametrize(
    "target, action, again, kind, said, state, header",
    [
        ("MergeRequest", "opened", False, "merge_request", "open", "opened", "Merge Request Hook"),
        ("MergeRequest", "opened", True, "merge_request", "reopen", "opened", "Merge Request Hook"),
        ("MergeRequest", "accepted", False, "merge_request", "merge", "merged", "Merge Request Hook"),
        ("MergeRequest", "approved", False, "merge_request", "approved", "opened", "Merge Request Hook"),
        ("Issue", "closed", False, "issue", "close", "closed", "Issue Hook"),
        ("Milestone", "created", False, "milestone", "create", "opened", "Milestone Hook"),
    ],
)
def test_a_targets_event_becomes_a_hook_in_the_hooks_words(
    target, action, again, kind, said, state, header
) -> None:
    event = {"id": 9, "action_name": action, "created_at": "2026-03-02T10:00:00.125+08:00"}
    event |= {"target_type": target, "target_id": 70, "target_iid": 3, "target_title": "T", "author_id": 1}
    payload = gitlab_payload(event, PROJECT, began="2026-03-01T10:00:00.000+08:00", again=again)
    assert payload is not None
    attributes = payload["object_attributes"]
    assert (payload["object_kind"], attributes["action"], attributes["state"]) == (kind, said, state)
    assert (attributes["id"], attributes["iid"], payload["project"]["id"]) == (70, 3, 7)
    time = "2026-03-02 02:00:00 UTC" if kind == "merge_request" else "2026-03-02T02:00:00Z"
    assert (attributes["updated_at"], attributes["created_at"][:10]) == (time, "2026-03-01")
    assert event_header(payload) == header


def test_a_comment_a_wiki_page_a_member_and_a_pipeline_have_their_own_payloads() -> None:
    base = {"id": 9, "created_at": "2026-03-02T10:00:00.125+08:00", "author_id": 1, "target_title": "T"}
    note = {"id": 44, "body": "Shorter?", "noteable_type": "Issue", "noteable_id": 70, "noteable_iid": 3}
    said = gitlab_payload(
        base | {"action_name": "commented on", "target_type": "DiffNote", "note": note}, PROJECT
    )
    assert said is not None
    assert (said["object_attributes"]["id"], said["issue"]["iid"]) == (44, 3)
    assert said["object_attributes"]["created_at"] == "2026-03-02 02:00:00 UTC"
    page = gitlab_payload(
        base
        | {
            "action_name": "updated",
            "target_type": "WikiPage::Meta",
            "wiki_page": {"slug": "a", "title": "A"},
        },
        PROJECT,
    )
    assert page is not None
    assert (page["object_attributes"]["slug"], page["object_attributes"]["action"]) == ("a", "update")
    member = gitlab_payload(base | {"action_name": "left"}, PROJECT, began="2025-02-03T09:00:00.000+08:00")
    assert member is not None
    assert (member["event_name"], member["project_id"]) == ("user_remove_from_team", 7)
    assert (member["created_at"], member["updated_at"]) == ("2025-02-03T01:00:00Z",) * 2
    assert event_header(member) == "System Hook"
    pipeline = pipeline_payload(push(), PROJECT, "success", duration_s=63)
    assert (pipeline["object_attributes"]["sha"], event_header(pipeline)) == ("b" * 40, "Pipeline Hook")
    assert gitlab_payload(base | {"action_name": "created"}, PROJECT) is None


@pytest.mark.parametrize(
    "name, header",
    [
        ("push", "Push Hook"),
        ("tag_push", "Tag Push Hook"),
        ("issue", "Issue Hook"),
        ("note_commit", "Note Hook"),
        ("merge_request", "Merge Request Hook"),
        ("wiki_page", "Wiki Page Hook"),
        ("pipeline", "Pipeline Hook"),
        ("job", "Job Hook"),
        ("deployment", "Deployment Hook"),
        ("release", "Release Hook"),
        ("feature_flag", "Feature Flag Hook"),
        ("member", "Member Hook"),
        ("subgroup", "Subgroup Hook"),
        ("resource_access_token_project", "Resource Access Token Hook"),
    ],
)
def test_the_header_of_a_recorded_payload_is_the_one_gitlab_sends(name, header) -> None:
    assert event_header(recorded(f"gitlab_webhooks/{name}")) == header


def test_every_hook_of_a_living_company_tells_of_a_record_that_polling_finds() -> None:
    company = generate(seed=5, now=NOW, bugs=400, days=200)
    heard = told(company)
    live(company, NOW + timedelta(days=21))
    hooks = [tapd_payload_of(one) for one in heard if isinstance(one, TapdHappening)]
    kinds = {payload["event"] for payload in hooks}
    assert kinds >= {f"{name}::{what}" for name in ("bug", "story", "task") for what in ("create", "update")}
    assert kinds >= {"iteration::create", "iteration::update", "bug::delete"}
    checked = 0
    for payload in hooks:
        place, name = company.workspaces[payload["workspace_id"]], payload["id"]
        if payload["event"] == "story::update" and "new_status" in payload:
            said = [
                (row["created"], entry["value_before"], entry["value_after"])
                for row in place.story_items.by_item[name]
                for entry in row["field_changes"] or ()
                if entry["field"] == "status"
            ]
            assert (payload["new_modified"], payload["old_status"], payload["new_status"]) in said
            checked += 1
        elif payload["event"] == "bug::update" and "new_status" in payload:
            said = [
                (row["created"], row["old_value"], row["new_value"])
                for row in place.changes_by_bug[name]
                if row["field"] == "status"
            ]
            assert (payload["created"], payload["old_status"], payload["new_status"]) in said
            checked += 1
        elif payload["event"] == "bug::delete":
            removed = {row["id"]: row["modified"] for row in place.removed}
            assert removed.get(name, payload["created"]) == payload["created"]
            assert name in removed or name in place.bugs
    assert checked > 100


def test_every_push_hook_of_a_living_company_ends_with_its_events_commit_and_hidden_events_have_none() -> (
    None
):
    company = generate(seed=5, now=NOW, bugs=40, days=120)
    heard = told(company)
    live(company, NOW + timedelta(days=45))
    events = [one for one in heard if isinstance(one, GitlabHappening)]
    served = {
        event["id"]: event
        for project in company.projects.values()
        for event in project.events
        if event["id"] not in project.hidden
    }
    pushes = 0
    for one in events:
        assert served[one.event["id"]] == one.event
        payload = gitlab_payload_of(one)
        if payload is not None and payload["object_kind"] in {"push", "tag_push"}:
            assert payload["after"] == (one.event["push_data"]["commit_to"] or ZEROS)
            assert [commit["id"] for commit in payload["commits"]][-1:] in ([payload["after"]], [])
            pushes += 1
    assert pushes > 100
