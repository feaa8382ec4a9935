"""Plans of GitLab events, and the records they come to."""

from dataclasses import dataclass
from datetime import timedelta, timezone

from .moments import clock
from .wire import Project, Record

ACTIONS = ("pushed to", "pushed new", "opened", "commented on", "accepted", "deleted")
REFS = ("main", "feature/a #1", None)
OFFSETS = (0, 8, 1, -5)


@dataclass(frozen=True)
class EventPlan:
    """When, which action, on which ref, and in which offset the time is written; all by number."""

    moment: int
    action: int
    ref: int = 0
    offset: int = 0


def wire_projects(base: int, products: list[int], plans: tuple[EventPlan, ...]) -> list[Project]:
    """One project per product; the events fall to them in turn. Times have fractions of a second."""
    projects = [Project(500 + n, project_path(n)) for n in products]
    for number, plan in enumerate(plans, 1):
        project = projects[number % len(projects)]
        zone = timezone(timedelta(hours=OFFSETS[plan.offset]))
        at = clock(base, plan.moment).astimezone(zone) + timedelta(milliseconds=999)
        action, ref = ACTIONS[plan.action], REFS[plan.ref]
        event: Record = {"id": number, "project_id": project.id, "action_name": action}
        event["created_at"] = at.isoformat(timespec="milliseconds")
        event |= {"target_id": None, "target_iid": None, "target_type": None, "target_title": None}
        event |= {"author_id": 1, "author_username": "user01"}
        if action in ("pushed to", "pushed new", "deleted"):
            event["push_data"] = {
                "commit_count": 0 if ref is None else 1,
                "action": {"pushed to": "pushed", "pushed new": "created", "deleted": "removed"}[action],
                "ref_type": "branch",
                "commit_from": None,
                "commit_to": None,
                "ref": ref,
                "commit_title": None,
                "ref_count": 4 if ref is None else None,
            }
        else:
            event |= {"target_type": "MergeRequest", "target_id": number, "target_iid": number}
        project.events.append(event)
    return projects


def project_path(product: int) -> str:
    return f"group/project-{product}"
