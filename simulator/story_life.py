"""How one generated story comes into the world and what happens to it, and the tasks it is split into."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random

from simulator.clock import beijing, beijing_day
from simulator.plan_life import current_iteration, next_iteration
from simulator.products import Product, person, story_title
from simulator.records import Company, TapdWorkspaceRecords
from simulator.shapes import Record
from simulator.steps import Course, Step, due, labelled, shuffled, unlabelled
from simulator.story_plots import STORY_DECK, StoryPlotter, parent_steps, task_steps
from simulator.story_types import StoryType

#: Every fifth story that is not somebody's child is a parent; children included, so many come of a hundred.
BIRTHS_PER_STORY = 5 / 9
_TASKS = ("接口", "前端", "联调", "用例", "文档")


@dataclass
class StoryLife:
    """The course of one story; its kind changes when its type is changed."""

    product: Product
    kind: StoryType
    rng: Random
    start: date
    story_id: str
    owner: str
    parent_id: str = "0"
    steps: list[Step] = field(default_factory=list)
    tasks_left: int = 0
    children: int = 0

    def due(self, after: datetime) -> datetime | None:
        """When the next step happens, given when the last one did; None when nothing more does."""
        return due(self.steps, after, self.rng)

    def step(self, company: Company, at: datetime) -> Sequence[Course]:
        """Let the next step happen at that instant; returns the children and tasks that begin with it."""
        step, now = self.steps.pop(0), beijing(at)
        workspace = company.workspaces[self.product.workspace_id]
        if step.kind == "restore":
            workspace.restore_story(self.story_id, at=now, operator=self.owner)
        elif self.story_id not in workspace.stories:
            self.steps.clear()
        elif step.kind == "delete":
            workspace.delete_story(self.story_id, at=now, operator=self.owner)
        elif step.kind == "child":
            self.children += 1
            return [self._child(workspace, at)]
        elif step.kind in {"link", "unlink"}:
            self._relate(workspace, step.kind == "link", now)
        elif step.kind == "parallel":
            self._parallel_rows(workspace, now)
        else:
            self._save(workspace, step, at)
        roll_up(workspace, self.parent_id, now, self.owner)
        return self._begun_tasks() if step.status == "developing" else ()

    def _parallel_rows(self, workspace: TapdWorkspaceRecords, now: str) -> None:
        number, name, author = str(self.rng.randrange(1, 9)), self.story_id, self.owner
        workspace.change_story(name, {"status": number}, at=now, author=author, step_change=True)
        workspace.change_story(name, {"status": ""}, at=now, author=author, step_change="entry")

    def _save(self, workspace: TapdWorkspaceRecords, step: Step, at: datetime) -> None:
        fields: dict[str, object] = {}
        story = workspace.stories[self.story_id]
        if step.status is not None:
            fields["status"] = step.status if step.status in self.kind.status_map else self.kind.path[2]
        planned_for = story.get("iteration_id", "0") != "0"
        if step.status == "developing" and not planned_for and self.rng.random() < 0.75:
            fields["iteration_id"] = current_iteration(workspace, beijing(at)) or "0"
        for extra in step.extras:
            fields |= self._extra_fields(extra, workspace, story, at)
        recorded = step.kind != "unrecorded"
        workspace.change_story(self.story_id, fields, at=beijing(at), author=self.owner, recorded=recorded)

    def _extra_fields(
        self, extra: str, workspace: TapdWorkspaceRecords, story: Record, at: datetime
    ) -> dict[str, object]:
        if extra in {"label", "unlabel"}:
            change = labelled if extra == "label" else unlabelled
            return {"label": change(self.rng, story.get("label"))}
        if extra == "priority":
            return {"priority": self.rng.choice([code for code in "1234" if code != story["priority"]])}
        if extra == "custom":
            return {"custom_field_one": self.rng.choice(("高", "中", "低"))}
        if extra == "no_iteration":
            return {"iteration_id": "0"}
        if extra == "next_iteration":
            following = next_iteration(workspace, str(story.get("iteration_id", "0")), beijing(at))
            return {} if following is None else {"iteration_id": following}
        return self._other_type(workspace, story)

    def _other_type(self, workspace: TapdWorkspaceRecords, story: Record) -> dict[str, object]:
        """Another type, and the status with the same place on its way; nothing where there is one type."""
        others = [kind for kind in self.product.story_types if kind is not self.kind]
        if not others:
            return {}
        place = self.kind.path.index(story["status"]) if story["status"] in self.kind.path else 0
        after = others[0].path[place]
        self.steps = [
            step if step.status is None else Step(step.hours, _translated(self.kind, others[0], step.status))
            for step in self.steps
        ]
        self.kind = others[0]
        return {"workitem_type_id": type_id(workspace, self.kind), "status": after}

    def _relate(self, workspace: TapdWorkspaceRecords, link: bool, now: str) -> None:
        related = [row["bug_id"] for row in workspace.story_bugs if row["story_id"] == self.story_id]
        newest = next(reversed(workspace.bugs), None)
        if link and newest is not None and newest not in related:
            workspace.link_bug(self.story_id, newest, at=now, author=self.owner)
        elif not link and related:
            workspace.unlink_bug(self.story_id, related[0], at=now, author=self.owner)

    def _child(self, workspace: TapdWorkspaceRecords, at: datetime) -> Course:
        rng = Random(f"{self.story_id}/child/{self.children}/{self.rng.random()}")
        (plot,) = rng.choices(list(STORY_DECK), list(STORY_DECK.values()))
        return _written(workspace, self.product, self.kind, rng, plot, self.start, at, self.story_id)

    def _begun_tasks(self) -> Sequence[Course]:
        count, self.tasks_left = self.tasks_left, 0
        return [
            TaskLife(self.product, Random(f"{self.story_id}/task/{self.rng.random()}"), self.story_id)
            for _ in range(count)
        ]


@dataclass
class TaskLife:
    """The course of one task of a story."""

    product: Product
    rng: Random
    story_id: str
    task_id: str = ""
    steps: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.steps = task_steps(self.rng)

    def due(self, after: datetime) -> datetime | None:
        """When the next step happens, given when the last one did; None when nothing more does."""
        return due(self.steps, after, self.rng)

    def step(self, company: Company, at: datetime) -> Sequence[Course]:
        """Let the next step happen at that instant."""
        step, now = self.steps.pop(0), beijing(at)
        workspace = company.workspaces[self.product.workspace_id]
        if step.kind == "birth":
            self._begin(workspace, now)
        elif step.kind == "delete":
            workspace.delete_task(self.task_id, at=now, operator=person(self.rng, self.product))
        else:
            fields: dict[str, object] = {"status": step.status}
            if step.status == "done":
                task = workspace.tasks[self.task_id]
                fields |= {"effort_completed": task["effort"], "remain": "0", "progress": "100"}
            author = person(self.rng, self.product)
            workspace.change_task(self.task_id, fields, at=now, author=author)
            if step.status == "done":
                spent = {"entity_type": "task", "entity_id": self.task_id, "timespent": task["effort"]}
                workspace.add_timesheet({**spent, "owner": author, "created": now})
        return ()

    def _begin(self, workspace: TapdWorkspaceRecords, now: str) -> None:
        owner, effort = person(self.rng, self.product), str(self.rng.randrange(2, 40))
        task = workspace.add_task(
            {
                "name": f"{self.rng.choice(_TASKS)} {self.rng.randrange(1, 9)}",
                "created": now,
                "creator": owner,
                "owner": f"{owner};",
                "story_id": self.story_id,
                "iteration_id": workspace.story_items.known(self.story_id).get("iteration_id", "0"),
                "effort": effort,
                "remain": effort,
                "priority": self.rng.choice(("", "2", "3", "4")),
            }
        )
        self.task_id = str(task["id"])


def born(company: Company, product: Product, seed: int, serial: int, start: date, at: datetime) -> StoryLife:
    """Enter a new story into its workspace at that instant and return the life that lies before it."""
    rng = Random(f"{seed}/{product.workspace_id}/story/{serial}")
    plot = shuffled(tuple(STORY_DECK.items()), f"{seed}/{product.workspace_id}/stories/{serial // 100}")[
        serial % 100
    ]
    kind = product.story_types[serial % 3 % len(product.story_types)]
    workspace = company.workspaces[product.workspace_id]
    if serial % 5 == 2:
        plot = "parent"
    return _written(workspace, product, kind, rng, plot, start, at, "0")


def _written(
    workspace: TapdWorkspaceRecords,
    product: Product,
    kind: StoryType,
    rng: Random,
    plot: str,
    start: date,
    at: datetime,
    parent_id: str,
) -> StoryLife:
    day, creator, owner = beijing_day(at), person(rng, product), person(rng, product)
    title = story_title(rng, product)
    planned = rng.random() < 0.5
    story = workspace.add_story(
        {
            "name": title,
            "description": f"<div>{title}</div>",
            "created": beijing(at),
            "creator": creator,
            "owner": f"{owner};",
            "participator": f";{creator};{owner}",
            "workitem_type_id": type_id(workspace, kind),
            "status": kind.path[0],
            "parent_id": parent_id,
            "priority": rng.choices(("", "1", "2", "3", "4"), (5, 10, 25, 40, 20))[0],
            "module": "" if rng.random() < 0.1 else rng.choice(product.modules),
            "category_id": rng.choice(("-1", *workspace.categories)),
            "iteration_id": (current_iteration(workspace, beijing(at)) or "0") if planned else "0",
            "release_id": rng.choice(("0", next(reversed(workspace.releases), "0"))),
            "label": labelled(rng, "") if rng.random() < 0.06 else "",
            "size": rng.choice((None, "1", "2", "3", "5", "8")),
            "begin": day.isoformat() if rng.random() < 0.5 else None,
            "due": (day + timedelta(days=rng.randrange(10, 60))).isoformat() if rng.random() < 0.6 else None,
        }
    )
    life = StoryLife(product, kind, rng, start, str(story["id"]), owner, parent_id)
    if plot == "parent":
        life.steps = parent_steps(rng)
    else:
        life.steps = StoryPlotter(rng, kind).steps(plot)
        life.tasks_left = rng.choice((0, 0, 1, 2, 3))
    return life


def type_id(workspace: TapdWorkspaceRecords, kind: StoryType) -> str:
    """The id of a kind of story in its workspace."""
    return next(str(row["id"]) for row in workspace.workitem_types if row["name"] == kind.name)


def _translated(old: StoryType, new: StoryType, status: str) -> str:
    if status == old.dropped:
        return new.dropped
    return new.path[old.path.index(status)] if status in old.path else new.path[2]


def roll_up(workspace: TapdWorkspaceRecords, parent_id: str, now: str, author: str) -> None:
    """Move a parent as its children stand: at the end when all are, else begun when one is."""
    parent = workspace.stories.get(parent_id)
    if parent is None:
        return
    names = filter(None, str(parent["children_id"]).split("|"))
    children = [workspace.stories[name] for name in names if name in workspace.stories]
    if not children:
        return
    flow = workspace.workflow_of(parent)
    done, dropped = flow.last_steps
    ended = [workspace.workflow_of(child).last_steps for child in children]
    if all(child["status"] in ends for child, ends in zip(children, ended, strict=True)):
        worked = any(child["status"] == next(iter(ends)) for child, ends in zip(children, ended, strict=True))
        status = done if worked else dropped
    else:
        fresh = all(
            child["status"] == next(iter(workspace.workflow_of(child).first_step)) for child in children
        )
        status = next(iter(flow.first_step)) if fresh else "developing"
    if status != parent["status"]:
        workspace.change_story(
            parent_id, {"status": status}, at=now, author=author, change_type="story_status_relation"
        )
