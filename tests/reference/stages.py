"""Stages: as configured, or guessed from a workspace's workflows, and their order over several workspaces."""

from dataclasses import dataclass

from .told import Kind, Values
from .wire import Company, StoryType, Workspace

UNMAPPED = "unmapped"
OWN_CODES = ("new", "in_progress", "resolved", "verified", "reopened", "rejected", "closed")
STORY_CODES = ("planning", "developing", *OWN_CODES)
DROPPED_WORDS = ("拒绝", "取消", "废弃")


@dataclass(frozen=True)
class Stage:
    """A stage of one workspace; `flag` is waiting, active, done or dropped, or unmapped for the last band."""

    name: str
    flag: str
    resolved: bool = False

    @property
    def open(self) -> bool:
        """Not yet at an end: an unmapped item is open, for it is neither done nor dropped."""
        return self.flag not in ("done", "dropped")


NOWHERE = Stage(UNMAPPED, "unmapped")
Groups = dict[str, tuple[Stage, list[str]]]


@dataclass(frozen=True)
class Workflow:
    """The stages of one workspace in their order, and the stage of each status code."""

    stages: tuple[Stage, ...]
    of_status: dict[str, Stage]

    def stage(self, status: str) -> Stage:
        return self.of_status.get(status, NOWHERE)


def workflow(company: Company, workspace: Workspace, kind: Kind = "bugs") -> Workflow:
    """The configured stages of the workspace's product, else the guess."""
    product = company.product_of(workspace.id)
    rules = product.stages if kind == "bugs" else product.story_stages
    if not rules:
        return guess(workspace) if kind == "bugs" else guess_of_stories(workspace.types)
    stages = tuple(Stage(rule.name, rule.flag, rule.resolved) for rule in rules)
    of_status = {s: stage for rule, stage in zip(rules, stages, strict=True) for s in rule.statuses}
    return Workflow(stages, of_status)


def guess(workspace: Workspace) -> Workflow:
    """Stages from the workflow of bugs, in status_map's order; done and dropped come last.

    A code that is in last_steps but not in status_map is no status of the workspace. Decision: two active
    codes shown under one label are one stage.
    """
    groups: Groups = {}
    for code, label in workspace.status_map.items():
        own_name = code if code in OWN_CODES else label
        if code == "closed" or (code not in OWN_CODES and code in workspace.last_steps):
            group, stage = "done", Stage(own_name, "done")
        elif code == "rejected":
            group, stage = "dropped", Stage(own_name, "dropped")
        elif code in ("in_progress", "reopened"):
            group, stage = "in work", Stage(own_name, "active")
        elif code == "resolved":
            group, stage = "resolved", Stage(own_name, "waiting", resolved=True)
        elif code in ("new", "verified"):
            group, stage = code, Stage(own_name, "waiting")
        else:
            group, stage = f"active {label}", Stage(own_name, "active")
        # The first code of a group gives it its place and its name.
        groups.setdefault(group, (stage, []))[1].append(code)
    return ends_last(groups)


def guess_of_stories(types: list[StoryType]) -> Workflow:
    """Stages from the workflows of all workitem types in their order; a code keeps its first meaning.

    Decision: two codes shown under one name are one stage, of the flag of the first.
    """
    groups: Groups = {}
    seen: set[str] = set()
    for one in types:
        for code, label in one.status_map.items():
            if code in seen:
                continue
            seen.add(code)
            name = code if code in STORY_CODES else label
            if code == first_code(one):
                group, stage = f"open {name}", Stage(name, "waiting")
            elif code in one.last_steps and (code == "rejected" or any(w in label for w in DROPPED_WORDS)):
                group, stage = "dropped", Stage(name, "dropped")
            elif code in one.last_steps:
                group, stage = "done", Stage(name, "done")
            else:
                group, stage = f"open {name}", Stage(name, "active")
            groups.setdefault(group, (stage, []))[1].append(code)
    return ends_last(groups)


def ends_last(groups: Groups) -> Workflow:
    """The stages in their order, done and dropped at the end."""
    ordered = [group for name, group in groups.items() if name not in ("done", "dropped")]
    ordered += [groups[name] for name in ("done", "dropped") if name in groups]
    return Workflow(
        tuple(stage for stage, _ in ordered),
        {code: stage for stage, codes in ordered for code in codes},
    )


def first_code(one: Workspace | StoryType) -> str:
    """The status a workflow begins with."""
    return one.first_step or next(iter(one.status_map), "")


def first_status(workspace: Workspace, kind: Kind, values: Values) -> str:
    """The first status of an item's workflow; a story of unknown type has that of the first type."""
    if kind == "bugs":
        return first_code(workspace)
    mine = [one for one in workspace.types if one.id == values["workitem_type_id"]]
    return next((first_code(one) for one in [*mine, *workspace.types] if one.status_map), "")


def merged(workflows: list[Workflow]) -> list[Stage]:
    """The stages of several workspaces as one list, told apart by name.

    Decision: the first workspace's order, then what the next ones add; when there is more than one list, all
    open stages come before the done ones and these before the dropped ones.
    """
    lists = list(dict.fromkeys(w.stages for w in workflows))
    by_name: dict[str, Stage] = {}
    for stages in lists:
        for stage in stages:
            by_name.setdefault(stage.name, stage)
    if len(lists) <= 1:
        return list(by_name.values())
    rank = {"done": 1, "dropped": 2}
    return sorted(by_name.values(), key=lambda stage: rank.get(stage.flag, 0))


def stacked(stages: list[Stage]) -> list[Stage]:
    """As a diagram stacks them: the final ones, the open ones from the last to the first, unmapped last."""
    final = [stage for stage in stages if not stage.open]
    last = [stage for stage in stages if stage.name == UNMAPPED]
    return [*final, *(stage for stage in reversed(stages) if stage.open and stage not in last), *last]
