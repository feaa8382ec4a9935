"""The objects that GitLab nests in its webhook payloads, and the forms of time it uses there."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from simulator.shapes import Record


def user_object(event: Mapping[str, Any]) -> Record:
    """Whoever an event is by; nobody known for a deleted account."""
    author = event.get("author")
    known = author if isinstance(author, dict) else {}
    return {
        "id": event.get("author_id"),
        "name": known.get("name", "Ghost User"),
        "username": known.get("username", "ghost"),
        "avatar_url": known.get("avatar_url"),
        "email": "[REDACTED]",
    }


def project_object(project: Mapping[str, Any]) -> Record:
    """The project, as every hook has it."""
    path, web = str(project["path_with_namespace"]), str(project.get("web_url"))
    ssh = f"git@gitlab.example.com:{path}.git"
    return {
        "id": project["id"],
        "name": project.get("name"),
        "description": project.get("description"),
        "web_url": web,
        "avatar_url": None,
        "git_ssh_url": ssh,
        "git_http_url": f"{web}.git",
        "namespace": path.rpartition("/")[0],
        "visibility_level": 0,
        "path_with_namespace": path,
        "default_branch": project.get("default_branch"),
        "ci_config_path": None,
        "homepage": web,
        "url": ssh,
        "ssh_url": ssh,
        "http_url": f"{web}.git",
    }


def repository_object(project: Mapping[str, Any]) -> Record:
    """The project in the old form that is still sent beside the other."""
    whole = project_object(project)
    return {name: whole[name] for name in ("name", "url", "description", "homepage")}


def commit_object(project: Mapping[str, Any], sha: str, event: Mapping[str, Any]) -> Record:
    """One commit of a push, made at the time of it."""
    user, title = user_object(event), str(event["push_data"].get("commit_title") or "")
    return {
        "id": sha,
        "message": f"{title}\n",
        "title": title,
        "timestamp": datetime.fromisoformat(str(event["created_at"])).isoformat(timespec="seconds"),
        "url": f"{project.get('web_url')}/-/commit/{sha}",
        "author": {"name": user["name"], "email": "[REDACTED]"},
        "added": [],
        "modified": ["README.md"],
        "removed": [],
    }


def utc_words(text: str) -> str:
    """An instant as ``2016-08-12 15:23:28 UTC``."""
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def zulu(text: str) -> str:
    """An instant as ``2013-12-03T17:23:34Z``."""
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
