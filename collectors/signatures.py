"""One word for one happening in GitLab, the same whether the list of events or a webhook tells of it.

An event of the list and the webhook's delivery have no id in common. Their signature says project, kind,
object and action in the words of the list, so that the two are found together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from collectors.derivation import instant, text

NO_COMMIT: Final = "0" * 40
# The list's kinds by its target types. It has notes under one type for each way of writing one.
KINDS: Final = {
    "MergeRequest": "merge_request",
    "Issue": "issue",
    "WorkItem": "issue",
    "Milestone": "milestone",
    "Note": "note",
    "DiffNote": "note",
    "DiscussionNote": "note",
    "WikiPage::Meta": "wiki",
}
TARGETS: Final = {
    "merge_request": "MergeRequest",
    "issue": "Issue",
    "work_item": "WorkItem",
    "milestone": "Milestone",
    "wiki_page": "WikiPage::Meta",
}
# What webhooks call an action, in the list's words: it calls reopening opening, too.
ACTIONS: Final = {
    "open": "opened",
    "reopen": "opened",
    "close": "closed",
    "merge": "accepted",
    "approved": "approved",
    "approval": "approved",
}
MILESTONE_ACTIONS: Final = {"create": "opened", "close": "closed", "reopen": "opened", "activate": "opened"}
WIKI_ACTIONS: Final = {"create": "created", "update": "updated", "delete": "destroyed"}
MEMBER_ACTIONS: Final = {"user_add_to_team": "joined", "user_remove_from_team": "left"}


@dataclass(frozen=True)
class Happening:
    """A happening as the list of events will tell of it.

    `at` is epoch seconds, None where the webhook does not say. `unique` is what tells two deliveries of one
    happening from two happenings of one signature.
    """

    signature: str
    action: str
    target_type: str = ""
    ref: str = ""
    ref_type: str = ""
    at: int | None = None
    unique: str = ""


def signature_of_event(data: Mapping[str, Any], project: str) -> str:
    """The signature of a row of a project's list of events."""
    action, target = data.get("action_name"), text(data.get("target_id"))
    push = data.get("push_data")
    if isinstance(push, dict):
        # A push of many refs at once names none of them, and no webhook tells of it.
        if push.get("ref"):
            return _push(project, text(push["ref"]), text(push.get("ref_type")), push.get("commit_to"))
    elif action in ("joined", "left") and data.get("author_id"):
        return f"{project}:member:{data['author_id']}:{action}"
    kind = KINDS.get(text(data.get("target_type")))
    if kind == "note" and target:
        return f"{project}:note:{target}"
    if kind == "wiki":
        page = data.get("wiki_page")
        if isinstance(page, dict) and page.get("slug"):
            return f"{project}:wiki:{page['slug']}:{'destroyed' if action == 'deleted' else action}"
    elif kind and target and action:
        return f"{project}:{kind}:{target}:{'opened' if action == 'reopened' else action}"
    return f"{project}:event:{text(data.get('id'))}"


def signature_of_hook(data: Mapping[str, Any], project: str) -> str:
    """What `raw_gitlab_hook` has as its key: the signature of an event, else project, kind and id."""
    happening = happening_of_hook(data, project)
    if happening is not None:
        return happening.signature
    kind = text(data.get("object_kind") or data.get("event_name"))
    found = _attributes(data).get("id")
    for name in ("build_id", "deployment_id", "id", "user_id", "group_id"):
        found = data.get(name) if found is None else found
    return f"{project}:{kind}:{text(found)}"


def project_of_hook(data: Mapping[str, Any]) -> str:
    """The id of the project that a webhook is about, "" for none: what groups and the system tell of."""
    project, attributes = data.get("project"), _attributes(data)
    found = project.get("id") if isinstance(project, dict) else None
    for one in (data.get("project_id"), attributes.get("target_project_id"), attributes.get("project_id")):
        found = one if found is None else found
    return text(found)


def happening_of_hook(data: Mapping[str, Any], project: str) -> Happening | None:
    """The event that a webhook tells of; None where the list of events will never have one."""
    kind = text(data.get("object_kind") or data.get("event_name"))
    if not project:
        return None
    if kind in ("push", "tag_push"):
        return _pushed(data, project)
    if kind in MEMBER_ACTIONS:
        action = MEMBER_ACTIONS[kind]
        signature = f"{project}:member:{text(data.get('user_id'))}:{action}"
        # Of one who left it says when the membership was changed last, which may be years ago.
        at = _instant(data.get("updated_at")) if action == "joined" else None
        return Happening(signature, action, at=at)
    attributes = _attributes(data)
    target, told = text(attributes.get("id")), attributes.get("action")
    if kind == "note":
        # Old servers name no action. What the system writes is no event, nor is the change of a note.
        if not target or attributes.get("system") or told not in (None, "create"):
            return None
        at = _instant(attributes.get("created_at"))
        written = text(attributes.get("type"))
        return Happening(f"{project}:note:{target}", "commented on", written or "Note", at=at)
    if kind == "wiki_page":
        slug, done = text(attributes.get("slug")), WIKI_ACTIONS.get(text(told), "")
        signature, unique = f"{project}:wiki:{slug}:{done}", text(attributes.get("version_id"))
        return Happening(signature, done, TARGETS[kind], unique=unique) if slug and done else None
    done = (MILESTONE_ACTIONS if kind == "milestone" else ACTIONS).get(text(told), "")
    if kind not in TARGETS or not target or not done:
        return None
    signature = f"{project}:{KINDS[TARGETS[kind]]}:{target}:{done}"
    return Happening(signature, done, TARGETS[kind], at=_instant(attributes.get("updated_at")))


def _pushed(data: Mapping[str, Any], project: str) -> Happening | None:
    found = text(data.get("ref"))
    before, after = (text(data.get(name)) or NO_COMMIT for name in ("before", "after"))
    for prefix, ref_type in (("refs/heads/", "branch"), ("refs/tags/", "tag")):
        if found.startswith(prefix):
            ref = found.removeprefix(prefix)
            action = "pushed new" if before == NO_COMMIT else "pushed to"
            if after == NO_COMMIT:
                action = "deleted"
            signature = _push(project, ref, ref_type, after)
            return Happening(signature, action, ref=ref, ref_type=ref_type, unique=before)
    return None


def _push(project: str, ref: str, ref_type: str, commit: Any) -> str:
    what = "push:tag" if ref_type == "tag" else "push"
    return f"{project}:{what}:{ref}:{commit or NO_COMMIT}"


def _attributes(data: Mapping[str, Any]) -> Mapping[str, Any]:
    found = data.get("object_attributes")
    return found if isinstance(found, dict) else {}


def _instant(value: Any) -> int | None:
    """Epoch seconds of a time in any of the spellings that webhooks have, None where there is none."""
    if not isinstance(value, str):
        return None
    try:
        # 2013-12-03T17:23:34Z, 2016-08-12 15:23:28 UTC, 2021-04-28 21:50:00 +0200
        found = datetime.fromisoformat(value.replace(" UTC", "Z").replace(" +", "+").replace(" -", "-"))
        return instant(found.timestamp()) if found.tzinfo else None
    except (ValueError, OverflowError):
        return None
