"""Stages: what the upstream's statuses mean to us, configured or guessed from the workflow.

The rules of the guess are those of docs/definitions.md, section 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import dropwhile

from metrics_api.core.fact_types import TypeWorkflow, WorkflowFact
from metrics_api.core.sections import Flag
from metrics_api.core.sections import Stage as StageSection

UNMAPPED = "unmapped"

# The statuses that TAPD's workflows of bugs and stories start from; a workspace renames and extends them.
TAPD_CODES = frozenset(
    (
        *("new", "in_progress", "resolved", "verified", "reopened", "rejected", "closed"),
        *("planning", "developing"),
    )
)
# The group of a bug's status that means fixed, not yet verified.
RESOLVED = "resolved"
# A last step of stories whose label has one of these words is not done: refused, cancelled, given up.
DROPPED_WORDS = ("拒绝", "取消", "废弃")


@dataclass(frozen=True)
class Stage:
    """A group of statuses; `flag` says what it means to a flow, `resolved` marks fixed, not yet verified.

    `limit` is how many items the team wants to have in it at most, None for any number.
    """

    name: str
    statuses: tuple[str, ...]
    flag: Flag
    resolved: bool = False
    limit: int | None = None

    @property
    def open(self) -> bool:
        """True while work is left to do: neither done nor dropped."""
        return self.flag not in ("done", "dropped")


def configured(stages: Iterable[StageSection]) -> tuple[Stage, ...]:
    """The stages of the configuration, done and dropped moved last as the bands want them."""
    found = [Stage(one.name, one.statuses, one.flag, one.resolved, one.limit) for one in stages]
    return _finals_last(found)


def guessed_for_bugs(workflow: WorkflowFact) -> tuple[Stage, ...]:
    """The stages of a bug workflow nobody configured, in the order of its statuses."""
    final = set(workflow["last_steps"])
    return _grouped((code, label, *_meaning_for_bugs(code, final)) for code, label in workflow["statuses"])


def guessed_for_stories(workflow: WorkflowFact) -> tuple[Stage, ...]:
    """The stages of stories nobody configured: those of each workitem type, joined in the types' order.

    A code that means different things in them keeps its first meaning.
    """
    found: dict[str, tuple[str, str, str, Flag]] = {}
    for one in workflow["types"]:
        first, final = first_step(one), set(one["last_steps"])
        for code, label in one["statuses"]:
            found.setdefault(code, (code, label, *_meaning_for_stories(code, label, first, final)))
    return _grouped(found.values())


def first_step(workflow: TypeWorkflow) -> str:
    """The status in which the items of a workitem type begin, "" where there is none."""
    return workflow["first_step"] or next((code for code, _ in workflow["statuses"]), "")


def in_progress(stages: Iterable[Stage]) -> Iterator[Stage]:
    """The stages of work in progress: the open ones from the first active one on."""
    return dropwhile(lambda stage: stage.flag != "active", (stage for stage in stages if stage.open))


def _grouped(statuses: Iterable[tuple[str, str, str, Flag]]) -> tuple[Stage, ...]:
    """The stages of statuses given as (code, label, group, flag), each group at the place of its first."""
    groups: dict[str, list[tuple[str, str]]] = {}
    flags: dict[str, Flag] = {}
    labels: list[str] = []
    for code, label, group, flag in statuses:
        groups.setdefault(group, []).append((code, label))
        flags[group] = flag
        labels.append(label)
    stages = []
    for group, members in groups.items():
        code, label = members[0]
        name = code if code in TAPD_CODES else label or code
        if name == label and labels.count(label) > 1:
            name = f"{label} ({code})"
        stages.append(Stage(name, tuple(one for one, _ in members), flags[group], group == RESOLVED))
    return _finals_last(stages)


def _meaning_for_bugs(code: str, final: set[str]) -> tuple[str, Flag]:
    """(the group of a bug's status, its flag)."""
    if code in ("in_progress", "reopened"):
        return "in_progress", "active"
    if code in ("new", "verified", RESOLVED):
        return code, "waiting"
    if code == "rejected":
        return "dropped", "dropped"
    if code == "closed" or code in final:
        return "done", "done"
    return f"own {code}", "active"


def _meaning_for_stories(code: str, label: str, first: str, final: set[str]) -> tuple[str, Flag]:
    """(the group of a story's status, its flag)."""
    if code == first:
        return f"own {code}", "waiting"
    if code not in final:
        return f"own {code}", "active"
    if code == "rejected" or any(word in label for word in DROPPED_WORDS):
        return "dropped", "dropped"
    return "done", "done"


def _finals_last(stages: list[Stage]) -> tuple[Stage, ...]:
    order = {"done": 1, "dropped": 2}
    return tuple(sorted(stages, key=lambda stage: order.get(stage.flag, 0)))


def merged_order(lists: Iterable[Sequence[Stage]]) -> list[str]:
    """One order of stage names for several workflows: each list's own order is kept where they agree.

    A name new to the order goes right after its predecessor; stages that are done or dropped go last.
    """
    order: list[str] = []
    final: dict[str, int] = {}
    for stages in lists:
        at = 0
        for stage in stages:
            if not stage.open:
                final.setdefault(stage.name, 1 if stage.flag == "done" else 2)
            if stage.name in order:
                at = max(at, order.index(stage.name) + 1)
            else:
                order.insert(at, stage.name)
                at += 1
    return sorted(order, key=lambda name: final.get(name, 0))
