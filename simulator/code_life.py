"""Merge requests, pushes, issues and members of one generated GitLab project, as events."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random

from simulator.clock import after_work, gitlab_time, office_moment, office_weight
from simulator.gitlab_records import gitlab_user
from simulator.products import Product
from simulator.records import Company, Record
from simulator.steps import Course

_SUBJECTS = (
    "Handle empty pages in the listing",
    "Cache the directory tree",
    "修复重复提交",
    "Speed up cold start",
    "Retry uploads on timeout",
    "Update dependencies",
    "补充单元测试",
    "Move settings to one place",
    "Fix time zone of exported reports",
    "Simplify the login flow",
)
_ZERO_PUSH = {"commit_from": None, "commit_to": None, "ref": None, "commit_title": None}


@dataclass
class CodeLife:
    """A story of events in a project: templates with working hours between them."""

    project_id: int
    events: list[tuple[float, Record]] = field(default_factory=list)
    hidden: bool = False

    def due(self, after: datetime) -> datetime | None:
        """When the next event happens, given when the last one did; None at the end."""
        if not self.events:
            return None
        hours = self.events[0][0]
        return after_work(after, hours) if hours > 0.01 else after + timedelta(seconds=1)

    def step(self, company: Company, at: datetime) -> Sequence[Course]:
        """Write the next event with that time."""
        _, event = self.events.pop(0)
        number = company.next_event_id()
        moment = at.replace(microsecond=number * 37 % 1000 * 1000)
        project = company.projects[self.project_id]
        project.add_event({**event, "id": number, "created_at": gitlab_time(moment)}, visible=not self.hidden)
        return ()


def day_of_code(
    product: Product, project_id: int, seed: int, day: date, start: date
) -> list[tuple[datetime, CodeLife]]:
    """What begins in a project on that day: instants and the stories that start there."""
    rng = Random(f"{seed}/{project_id}/{day}")
    busy = office_weight(day) * (0.6 + 0.4 * min((day - start).days / 120, 1.0))
    stories: list[tuple[datetime, CodeLife]] = []
    age = (day - start).days
    if age == 0:
        stories.append((office_moment(rng, day), CodeLife(project_id, _founding(product, rng))))
    if age == 150 and project_id == product.repositories[0][0]:
        stories.append((office_moment(rng, day), _confidential_drill(product, project_id, rng)))
    for _ in range(_count(rng, 0.95 * busy)):
        stories.append((office_moment(rng, day), CodeLife(project_id, _merge_request(product, rng, age))))
    for _ in range(_count(rng, 0.25 * busy)):
        stories.append((office_moment(rng, day), CodeLife(project_id, _issue(product, rng, age))))
    if age and age % product.release_days == 0:
        tag = f"v{age // product.release_days}.0.0"
        push = _push(rng, "created", tag, commits=0, ref_type="tag")
        event = {"action_name": "pushed new", "push_data": push, **_by(rng, product)}
        stories.append((office_moment(rng, day), CodeLife(project_id, [(0, event)])))
    if rng.random() < 0.02 * busy:
        bulk = {"commit_count": 0, "action": "pushed", "ref_type": "branch", **_ZERO_PUSH}
        bulk["ref_count"] = rng.randrange(4, 30)
        event = {"action_name": "pushed to", "push_data": bulk, **_by(rng, product)}
        stories.append((office_moment(rng, day), CodeLife(project_id, [(0, event)])))
    if rng.random() < 0.01:
        event = {"action_name": rng.choice(("joined", "joined", "left")), **_by(rng, product)}
        stories.append((office_moment(rng, day), CodeLife(project_id, [(0, event)])))
    return stories


def _count(rng: Random, mean: float) -> int:
    """A whole number with that mean, as arrivals in a day come."""
    total, passed = 0, rng.expovariate(1.0)
    while passed < mean:
        total += 1
        passed += rng.expovariate(1.0)
    return total


def _founding(product: Product, rng: Random) -> list[tuple[float, Record]]:
    first = {"action_name": "created", **_by(rng, product)}
    push = {"action_name": "pushed new", "push_data": _push(rng, "created", "main", 1), **_by(rng, product)}
    joined = [(0.0, {"action_name": "joined", **_author(number)}) for number in product.team]
    return [(0.0, first), (0.0, push), *joined]


def _confidential_drill(product: Product, project_id: int, rng: Random) -> CodeLife:
    """A burst of confidential issues: more than two hundred events in a row that the account may not see."""
    events: list[tuple[float, Record]] = []
    for number in range(230):
        target = _target(rng, "Issue", 5000 + number, "Security exercise finding")
        events.append((0.0, {"action_name": "opened", **target, **_by(rng, product)}))
    return CodeLife(project_id, events, hidden=True)


def _merge_request(product: Product, rng: Random, age: int) -> list[tuple[float, Record]]:
    number = age * 10 + rng.randrange(10)
    title = rng.choice(_SUBJECTS)
    author = _by(rng, product)
    branch = f"feature/{number}-{rng.choice(('cache', 'login', 'sync', 'ui', 'fix'))}"
    target = _target(rng, "MergeRequest", number, title)
    events: list[tuple[float, Record]] = [
        (0.0, {"action_name": "pushed new", "push_data": _push(rng, "created", branch, 1), **author})
    ]
    for _ in range(rng.randrange(0, 3)):
        pushed = _push(rng, "pushed", branch, rng.randrange(1, 6))
        events.append((rng.uniform(0.3, 6), {"action_name": "pushed to", "push_data": pushed, **author}))
    events.append((rng.uniform(0.05, 3), {"action_name": "opened", **target, **author}))
    for _ in range(rng.choices((0, 1, 2, 4), (20, 35, 30, 15))[0]):
        note = _note(rng, target, number)
        events.append((rng.uniform(0.2, 7), {"action_name": "commented on", **note, **_by(rng, product)}))
    if rng.random() < 0.12:
        return [*events, (rng.uniform(3, 60), {"action_name": "closed", **target, **author})]
    events.append((rng.uniform(0.2, 9), {"action_name": "approved", **target, **_by(rng, product)}))
    events.append((rng.uniform(0.1, 5), {"action_name": "accepted", **target, **author}))
    # Now and then a long-lived branch comes in: more commits than a webhook tells of.
    commits = rng.randrange(21, 60) if rng.random() < 0.03 else rng.randrange(2, 7)
    merged = _push(rng, "pushed", "main", commits)
    events.append((0.0, {"action_name": "pushed to", "push_data": merged, **author}))
    gone = _push(rng, "removed", branch, 0) | {"commit_to": None, "commit_title": None}
    return [*events, (0.0, {"action_name": "deleted", "push_data": gone, **author})]


def _issue(product: Product, rng: Random, age: int) -> list[tuple[float, Record]]:
    target = _target(rng, "Issue", age * 10 + rng.randrange(10), rng.choice(_SUBJECTS))
    events = [(0.0, {"action_name": "opened", **target, **_by(rng, product)})]
    if rng.random() < 0.75:
        events.append((rng.uniform(2, 200), {"action_name": "closed", **target, **_by(rng, product)}))
    if rng.random() < 0.08:
        # GitLab reports a reopening as "opened" as well.
        events.append((rng.uniform(2, 80), {"action_name": "opened", **target, **_by(rng, product)}))
    return events


def _author(number: int) -> Record:
    user = gitlab_user(number)
    return {"author_id": user["id"], "author": user, "author_username": user["username"]}


def _by(rng: Random, product: Product) -> Record:
    number = rng.choice(product.team)
    if rng.random() < 0.01:
        return {"author_id": 900_000 + 60 + number}  # the account was deleted: no author object
    return _author(number)


def _target(rng: Random, kind: str, number: int, title: str) -> Record:
    return {
        "target_id": 7_000_000 + rng.randrange(1_000_000),
        "target_iid": number,
        "target_type": kind,
        "target_title": title,
    }


def _note(rng: Random, target: Record, number: int) -> Record:
    kind = rng.choices(("DiffNote", "Note", "DiscussionNote"), (55, 30, 15))[0]
    name = 9_000_000 + rng.randrange(1_000_000)
    note = {
        "id": name,
        "type": None if kind == "Note" else kind,
        "body": "Could this be shorter?",
        "system": False,
        "noteable_id": target["target_id"],
        "noteable_type": "MergeRequest",
        "noteable_iid": number,
    }
    return {
        "target_id": name,
        "target_iid": name,
        "target_type": kind,
        "target_title": target["target_title"],
        "note": note,
    }


def _push(rng: Random, action: str, ref: str, commits: int, ref_type: str = "branch") -> Record:
    return {
        "commit_count": commits,
        "action": action,
        "ref_type": ref_type,
        "commit_from": None if action == "created" else f"{rng.getrandbits(160):040x}",
        "commit_to": f"{rng.getrandbits(160):040x}",
        "ref": ref,
        "commit_title": rng.choice(_SUBJECTS),
        "ref_count": None,
    }
