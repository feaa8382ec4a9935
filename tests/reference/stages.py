"""Stages: as configured, or guessed from a workspace's workflow, and their order over several workspaces."""

from dataclasses import dataclass

from .wire import Company, Workspace

UNMAPPED = "unmapped"
OWN_CODES = ("new", "in_progress", "resolved", "verified", "reopened", "rejected", "closed")


@dataclass(frozen=True)
class Stage:
    """A stage of one workspace; `flag` is waiting, active, done, dropped, or unmapped for the last band."""

    name: str
    flag: str
    resolved: bool = False

    @property
    def open(self) -> bool:
        """Not yet at an end: an unmapped item is open, for it is neither done nor dropped."""
        return self.flag not in ("done", "dropped")


NOWHERE = Stage(UNMAPPED, "unmapped")


@dataclass(frozen=True)
class Workflow:
    """The stages of one workspace in their order, and the stage of each status code."""

    stages: tuple[Stage, ...]
    of_status: dict[str, Stage]

    def stage(self, status: str) -> Stage:
        return self.of_status.get(status, NOWHERE)


def workflow(company: Company, workspace: Workspace) -> Workflow:
    """The configured stages of the workspace's product, else the guess."""
    rules = company.product_of(workspace.id).stages
    if not rules:
        return guess(workspace)
    stages = tuple(Stage(rule.name, rule.flag, rule.resolved) for rule in rules)
    of_status = {s: stage for rule, stage in zip(rules, stages, strict=True) for s in rule.statuses}
    return Workflow(stages, of_status)


def guess(workspace: Workspace) -> Workflow:
    """Stages from the workflow of bugs, in status_map's order; done and dropped come last.

    A code that is in last_steps but not in status_map is no status of the workspace. Decision: two active
    codes shown under one label are one stage.
    """
    groups: dict[str, tuple[Stage, list[str]]] = {}
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
    ordered = [group for name, group in groups.items() if name not in ("done", "dropped")]
    ordered += [groups[name] for name in ("done", "dropped") if name in groups]
    return Workflow(
        tuple(stage for stage, _ in ordered),
        {code: stage for stage, codes in ordered for code in codes},
    )


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
