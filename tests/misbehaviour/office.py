"""A company of one workspace with a bit of everything, and what happens to it between two collections."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from metrics_api.core.days import naive_text
from simulator import Company, TapdWorkspaceRecords

WORKSPACE = "20000001"
BUG_PATH = ("in_progress", "resolved", "verified", "closed")
STORY_PATH = ("developing", "resolved")
TASK_PATH = ("progressing", "done")


def ago(days: float = 0, seconds: int = 0) -> str:
    """A time some days ago, as TAPD writes it."""
    at = datetime.now(UTC) - timedelta(days=days, seconds=seconds)
    return naive_text(int(at.timestamp()))


def small(items: int = 12) -> Company:
    """So many bugs, stories and tasks of the last three days, with changes, removals, plans and relations."""
    made = Company()
    workspace = made.add_workspace({"id": WORKSPACE, "name": "One", "created": ago(30)})
    workspace.add_category({"id": "71", "name": "体验", "created": ago(3)})
    workspace.add_release({"id": "61", "name": "2026.1", "created": ago(3), "status": "open"})
    for number in (51, 52):
        workspace.add_iteration({"id": str(number), "name": f"迭代{number}", "created": ago(3)})
    for number in range(items):
        _bug(workspace, number)
        _story(workspace, number)
        _task(workspace, number)
    workspace.link_bug("2001", "1001", at=ago(1))
    workspace.delete_bug("1002", at=ago(0.5))
    workspace.merge_bug("1003", "1001", at=ago(0.4))
    workspace.delete_story("2002", at=ago(0.5))
    workspace.delete_task("3002", at=ago(0.5))
    workspace.change_iteration("51", {"name": "迭代一"}, at=ago(0.3))
    return made


def _bug(workspace: TapdWorkspaceRecords, number: int) -> None:
    name, born = str(1001 + number), 3 - number / 1000
    row = {"id": name, "title": "b", "created": ago(born), "label": "急|前端", "version_report": "1.0"}
    workspace.add_bug(row)
    for step, status in enumerate(BUG_PATH[: number % 5]):
        workspace.change_bug(name, {"status": status}, at=ago(born - 0.4 - step / 4))
    if number % 3 == 0:
        workspace.change_bug(name, {"severity": "serious", "iteration_id": "51"}, at=ago(born - 0.2))


def _story(workspace: TapdWorkspaceRecords, number: int) -> None:
    name, born = str(2001 + number), 3 - number / 1000
    workspace.add_story({"id": name, "name": "s", "created": ago(born), "label": "客户"})
    for step, status in enumerate(STORY_PATH[: number % 3]):
        workspace.change_story(name, {"status": status, "iteration_id": "52"}, at=ago(born - 0.4 - step / 4))


def _task(workspace: TapdWorkspaceRecords, number: int) -> None:
    name, born = str(3001 + number), 3 - number / 1000
    workspace.add_task({"id": name, "name": "t", "story_id": "2001", "created": ago(born)})
    for step, status in enumerate(TASK_PATH[: number % 3]):
        workspace.change_task(name, {"status": status}, at=ago(born - 0.4 - step / 4))


def crowded(bugs: int, stories: int) -> Company:
    """So many bugs and stories more, of one second, and each changed in another one."""
    made = small()
    workspace = made.workspaces[WORKSPACE]
    born, moved = ago(2.5), ago(1.5)
    for number in range(bugs):
        bug = str(4000 + number)
        workspace.add_bug({"id": bug, "title": "b", "created": born})
        workspace.change_bug(bug, {"status": "in_progress"}, at=moved)
    for number in range(stories):
        story = str(5000 + number)
        workspace.add_story({"id": story, "name": "s", "created": born})
        workspace.change_story(story, {"status": "developing"}, at=moved)
    return made


def newcomers(workspace: TapdWorkspaceRecords) -> None:
    """A bug, a story and a task that come to be now."""
    workspace.add_bug({"title": "new", "created": ago()})
    workspace.add_story({"name": "new", "created": ago()})
    workspace.add_task({"name": "new", "story_id": "2001", "created": ago()})


def lived(workspace: TapdWorkspaceRecords, chance: random.Random, count: int = 6) -> None:
    """Some random things happen to what is there: saved fields, renames, removals, relations."""
    for _ in range(count):
        bug, story, task = (
            chance.choice(sorted(rows)) for rows in (workspace.bugs, workspace.stories, workspace.tasks)
        )
        iteration = chance.choice(("51", "52"))
        match chance.randrange(10):
            case 0 | 1:
                fields = {"status": chance.choice(BUG_PATH), "module": chance.choice("甲乙丙")}
                workspace.change_bug(bug, fields, at=ago())
            case 2:
                fields = {"iteration_id": iteration, "label": chance.choice("急缓")}
                workspace.change_bug(bug, fields, at=ago())
            case 3 | 4:
                fields = {"status": chance.choice(STORY_PATH), "iteration_id": iteration}
                workspace.change_story(story, fields, at=ago())
            case 5:
                workspace.change_task(task, {"status": chance.choice(TASK_PATH)}, at=ago())
            case 6:
                workspace.change_iteration(iteration, {"name": f"迭代{chance.randrange(100)}"}, at=ago())
            case 7:
                workspace.link_bug(story, bug, at=ago())
            case 8 if len(workspace.bugs) > 7:
                workspace.delete_bug(bug, at=ago())
            case 9 if min(len(workspace.stories), len(workspace.tasks)) > 7:
                workspace.delete_story(story, at=ago())
                workspace.delete_task(task, at=ago())
