"""GitLab's filters on a project's events: exclusive dates, the query's words for actions, target types."""

from collections.abc import Mapping
from datetime import date

from simulator.gitlab_pages import GitlabError
from simulator.gitlab_records import GitlabProjectRecords
from simulator.shapes import Record

#: The query's word for an action, and the words the answer uses for it.
ACTION_NAMES: dict[str, frozenset[str]] = {
    "approved": frozenset({"approved"}),
    "closed": frozenset({"closed"}),
    "commented": frozenset({"commented on"}),
    "created": frozenset({"opened", "created", "imported"}),
    "destroyed": frozenset({"destroyed"}),
    "expired": frozenset({"removed due to membership expiration from"}),
    "joined": frozenset({"joined"}),
    "left": frozenset({"left"}),
    "merged": frozenset({"accepted"}),
    "pushed": frozenset({"pushed to", "pushed new", "deleted"}),
    "reopened": frozenset({"opened"}),
    "updated": frozenset({"updated"}),
}

#: The query's word for a target type and the answer's; discussion notes belong to none of them.
TARGET_TYPES: dict[str, frozenset[str]] = {
    "epic": frozenset({"Epic"}),
    "issue": frozenset({"Issue", "WorkItem"}),
    "merge_request": frozenset({"MergeRequest"}),
    "milestone": frozenset({"Milestone"}),
    "note": frozenset({"Note", "DiffNote"}),
    "project": frozenset({"Project"}),
    "snippet": frozenset({"Snippet"}),
    "user": frozenset({"User"}),
}


def date_filter(query: Mapping[str, str], name: str) -> str | None:
    """The plain date of ``before`` or ``after``; GitlabError 400 if it is none."""
    text = query.get(name)
    if not text:
        return None
    try:
        # Grape parses into a date: a time of day is dropped.
        return date.fromisoformat(text[:10]).isoformat()
    except ValueError:
        raise GitlabError(400, {"error": f"{name} is invalid"}) from None


def selected_events(project: GitlabProjectRecords, query: Mapping[str, str]) -> list[Record]:
    """The events for which the filters hold, visible or not, by rising id; GitlabError 400 for an unknown
    word.

    ``after`` and ``before`` exclude the whole day they name, in the instance's zone.
    """
    after, before = date_filter(query, "after") or "", date_filter(query, "before") or "9999-12-31"
    found = [event for event, day in zip(project.events, project.days, strict=True) if after < day < before]
    for name, key, words in (
        ("action", "action_name", ACTION_NAMES),
        ("target_type", "target_type", TARGET_TYPES),
    ):
        wanted = query.get(name)
        if not wanted:
            continue
        if wanted not in words:
            raise GitlabError(400, {"error": f"{name} does not have a valid value"})
        found = [event for event in found if event[key] in words[wanted]]
    return found
