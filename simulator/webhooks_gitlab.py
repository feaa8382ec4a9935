"""GitLab's webhook payloads, made from the events a project lists, so that both tell the same."""

from collections.abc import Mapping
from hashlib import sha1
from typing import Any

from simulator.gitlab_records import GitlabHappening
from simulator.shapes import Record
from simulator.webhooks_objects import (
    commit_object,
    project_object,
    repository_object,
    user_object,
    utc_words,
    zulu,
)

NO_COMMIT = "0" * 40
#: A push tells of so many commits at most, the newest; more refs than that in one push are not told of.
MOST_COMMITS = 20
MOST_REFS = 3

_ACTIONS = {
    "opened": "open",
    "closed": "close",
    "accepted": "merge",
    "approved": "approved",
    "updated": "update",
    "created": "create",
    "destroyed": "delete",
}
_STATES = {"open": "opened", "reopen": "opened", "close": "closed", "merge": "merged"}
_HEADERS = {
    "push": "Push Hook",
    "tag_push": "Tag Push Hook",
    "issue": "Issue Hook",
    "work_item": "Issue Hook",
    "note": "Note Hook",
    "merge_request": "Merge Request Hook",
    "wiki_page": "Wiki Page Hook",
    "pipeline": "Pipeline Hook",
    "build": "Job Hook",
    "deployment": "Deployment Hook",
    "release": "Release Hook",
    "feature_flag": "Feature Flag Hook",
    "milestone": "Milestone Hook",
    "access_token": "Resource Access Token Hook",
}


def event_header(payload: Mapping[str, Any]) -> str:
    """What ``X-Gitlab-Event`` says of a payload."""
    kind, name = str(payload.get("object_kind", "")), str(payload.get("event_name", ""))
    attributes = payload.get("object_attributes")
    if kind == "issue" and isinstance(attributes, dict) and attributes.get("confidential"):
        return "Confidential Issue Hook"
    if kind in _HEADERS:
        return _HEADERS[kind]
    if name.startswith("subgroup"):
        return "Subgroup Hook"
    return "Member Hook" if name.endswith("_group") else "System Hook"


def gitlab_payload(
    event: Mapping[str, Any],
    project: Mapping[str, Any],
    *,
    began: str | None = None,
    again: bool = False,
) -> Record | None:
    """The payload for a project's event; None for what GitLab tells nobody of.

    ``began`` is when the event's target was created, or the membership of one who left (default: now);
    ``again`` says that an ``opened`` one was open before. Members come and go in a system hook's words.
    """
    whole = {"target_type": None, "push_data": None} | dict(event)
    if whole["push_data"] is not None:
        return _push(whole, project)
    kind, action = str(whole["target_type"]), str(whole["action_name"])
    if action in {"joined", "left"}:
        return _member(whole, project, began)
    if kind in {"Note", "DiffNote", "DiscussionNote"}:
        return _note(whole, project)
    if kind == "WikiPage::Meta":
        page = {"format": "markdown", "message": "", "action": _ACTIONS[action]} | dict(whole["wiki_page"])
        return _about("wiki_page", whole, project, page)
    if kind not in {"MergeRequest", "Issue", "Milestone"} or action not in _ACTIONS:
        return None
    return _target(whole, project, began or str(whole["created_at"]), "reopen" if again else _ACTIONS[action])


def gitlab_payload_of(happening: GitlabHappening) -> Record | None:
    """The payload for something that happened in a project; None for what its hook is not told of."""
    if happening.event["action_name"] in {"joined", "left"}:
        return None
    return gitlab_payload(happening.event, happening.project, began=happening.began, again=happening.again)


def pipeline_payload(
    event: Mapping[str, Any],
    project: Mapping[str, Any],
    status: str,
    *,
    duration_s: int | None = None,
    pipeline_id: int = 31,
) -> Record:
    """The payload for a status of the pipeline that a push began; its event is that of the push."""
    push = event["push_data"]
    at, sha = str(event["created_at"]), str(push["commit_to"])
    ended = status in {"success", "failed", "canceled", "skipped"}
    attributes = {
        "id": pipeline_id,
        "iid": pipeline_id,
        "name": None,
        "ref": push["ref"],
        "tag": push["ref_type"] == "tag",
        "sha": sha,
        "before_sha": push["commit_from"] or NO_COMMIT,
        "source": "push",
        "status": status,
        "detailed_status": "passed" if status == "success" else status,
        "stages": ["build", "test", "deploy"],
        "created_at": utc_words(at),
        "finished_at": utc_words(at) if ended else None,
        "duration": duration_s,
        "queued_duration": 2,
        "variables": [],
        "url": f"{project.get('web_url')}/-/pipelines/{pipeline_id}",
    }
    about = _about("pipeline", event, project, attributes)
    return about | {"merge_request": None, "commit": commit_object(project, sha, event), "builds": []}


def _push(event: Mapping[str, Any], project: Mapping[str, Any]) -> Record | None:
    push = event["push_data"]
    if (push.get("ref_count") or 0) > MOST_REFS:
        return None
    tag, after = push["ref_type"] == "tag", push["commit_to"]
    kind = "tag_push" if tag else "push"
    count = int(push["commit_count"] or 0)
    newest = [] if after is None else [after]
    for number in range(1, min(count, MOST_COMMITS)):
        newest.insert(0, sha1(f"{after}/{number}".encode(), usedforsecurity=False).hexdigest())
    user = user_object(event)
    return {
        "object_kind": kind,
        "event_name": kind,
        "before": push["commit_from"] or NO_COMMIT,
        "after": after or NO_COMMIT,
        "ref": f"refs/{'tags' if tag else 'heads'}/{push['ref']}",
        "checkout_sha": after,
        "message": None,
        "user_id": user["id"],
        "user_name": user["name"],
        "user_username": user["username"],
        "user_email": "[REDACTED]",
        "user_avatar": user["avatar_url"],
        "project_id": project["id"],
        "project": project_object(project),
        "repository": repository_object(project),
        "commits": [commit_object(project, sha, event) for sha in newest] if count else [],
        "total_commits_count": count,
    }


def _target(event: Mapping[str, Any], project: Mapping[str, Any], began: str, action: str) -> Record:
    kind = {"MergeRequest": "merge_request", "Issue": "issue", "Milestone": "milestone"}[
        str(event["target_type"])
    ]
    say = utc_words if kind == "merge_request" else zulu
    state = _STATES.get(action, "opened")
    iid, user = event["target_iid"], user_object(event)
    attributes: Record = {
        "id": event["target_id"],
        "iid": iid,
        "title": event["target_title"],
        "description": "",
        "author_id": user["id"],
        "project_id": project["id"],
        "created_at": say(began),
        "updated_at": say(str(event["created_at"])),
        "state": state,
        "action": action,
        "url": f"{project.get('web_url')}/-/{kind}s/{iid}",
    }
    if kind == "merge_request":
        attributes |= {
            "source_branch": f"feature/{iid}",
            "target_branch": project.get("default_branch"),
            "source_project_id": project["id"],
            "target_project_id": project["id"],
            "merge_status": "can_be_merged",
            "detailed_merge_status": "mergeable",
            "draft": False,
            "work_in_progress": False,
        }
    elif kind == "issue":
        attributes |= {"confidential": False, "closed_at": None, "due_date": None}
        if state == "closed":
            attributes["closed_at"] = attributes["updated_at"]
    changes: Record = {} if action in {"approved", "open"} else {"state_id": {"previous": 1, "current": 2}}
    return _about(kind, event, project, attributes) | {"labels": [], "changes": changes, "assignees": []}


def _note(event: Mapping[str, Any], project: Mapping[str, Any]) -> Record:
    note, at = event["note"], utc_words(str(event["created_at"]))
    noteable = str(note.get("noteable_type", "MergeRequest"))
    attributes = {
        "id": note["id"],
        "note": note.get("body"),
        "type": note.get("type"),
        "noteable_type": noteable,
        "noteable_id": note.get("noteable_id"),
        "author_id": event.get("author_id"),
        "created_at": at,
        "updated_at": at,
        "project_id": project["id"],
        "system": note.get("system", False),
        "action": "create",
        "url": f"{project.get('web_url')}#note_{note['id']}",
    }
    about = {"id": note.get("noteable_id"), "iid": note.get("noteable_iid"), "title": event["target_title"]}
    key = {"MergeRequest": "merge_request", "Issue": "issue", "Commit": "commit", "Snippet": "snippet"}
    whole = _about("note", event, project, attributes)
    return whole | {"project_id": project["id"], key.get(noteable, "merge_request"): about}


def _member(event: Mapping[str, Any], project: Mapping[str, Any], began: str | None) -> Record:
    """Somebody came or went; of one who went the times are those of the membership, not of its end."""
    user, at = user_object(event), zulu(began or str(event["created_at"]))
    path = str(project["path_with_namespace"])
    joined = event["action_name"] == "joined"
    return {
        "created_at": at,
        "updated_at": at,
        "event_name": "user_add_to_team" if joined else "user_remove_from_team",
        "access_level": "Developer",
        "project_id": project["id"],
        "project_name": project.get("name"),
        "project_path": path.rpartition("/")[2],
        "project_path_with_namespace": path,
        "user_email": "[REDACTED]",
        "user_name": user["name"],
        "user_username": user["username"],
        "user_id": user["id"],
        "project_visibility": project.get("visibility"),
    }


def _about(kind: str, event: Mapping[str, Any], project: Mapping[str, Any], attributes: Record) -> Record:
    return {
        "object_kind": kind,
        "event_type": kind,
        "user": user_object(event),
        "project": project_object(project),
        "repository": repository_object(project),
        "object_attributes": attributes,
    }
