"""Projects as GitLab names them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collectors.derivation import Derivation, Fact, by_key, each, text


def project(record: Mapping[str, Any], zone: str) -> Fact:
    """The fact of one project, without its instance; raises KeyError without a path."""
    data = record["data"]
    return {
        "_id": f"{record['instance']}:{record['key']}",
        "id": record["key"],
        "path": text(data["path_with_namespace"]),
        "asked": text(record.get("asked")),
        "name": text(data.get("name")),
        "default_branch": text(data.get("default_branch")),
    }


DERIVATION = Derivation(
    topic="projects",
    inputs=("raw_gitlab_project",),
    roots=("raw_gitlab_project",),
    wanted=by_key(["raw_gitlab_project"]),
    derive=each("raw_gitlab_project", project),
)
