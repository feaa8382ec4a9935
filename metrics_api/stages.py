"""Stages: what the upstream's statuses mean to us, configured or guessed from the workflow.

The rules of the guess are those of docs/definitions.md, section 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from metrics_api.core.config import Flag
from metrics_api.core.config import Stage as StageSection

UNMAPPED = "unmapped"

# The statuses every TAPD bug workflow starts from; a workspace renames and extends them.
TAPD_CODES = frozenset(("new", "in_progress", "resolved", "verified", "reopened", "rejected", "closed"))


@dataclass(frozen=True)
class Stage:
    """A group of statuses; `flag` says what it means to a flow, `resolved` marks fixed, not yet verified."""

    name: str
    statuses: tuple[str, ...]
    flag: Flag
    resolved: bool = False

    @property
    def open(self) -> bool:
        """True while work is left to do: neither done nor dropped."""
        return self.flag not in ("done", "dropped")


def configured(stages: Iterable[StageSection]) -> tuple[Stage, ...]:
    """The stages of the configuration, done and dropped moved last as the bands want them."""
    found = [Stage(one.name, one.statuses, one.flag, one.resolved) for one in stages]
    return _finals_last(found)


def guessed_for_bugs(statuses: Sequence[Sequence[str]], last_steps: Iterable[str]) -> tuple[Stage, ...]:
    """The stages of a bug workflow nobody configured.

    `statuses` are (code, label) pairs in the status map's order, `last_steps` the codes TAPD calls final.
    """
    final = set(last_steps)
    groups: dict[str, list[tuple[str, str]]] = {}
    for code, label in statuses:
        groups.setdefault(_bug_group(code, final), []).append((code, label))
    labels = [label for _, label in statuses]
    stages = []
    for group, members in groups.items():
        code, label = members[0]
        name = code if code in TAPD_CODES else label or code
        if name == label and labels.count(label) > 1:
            name = f"{label} ({code})"
        flag: Flag = "active"
        if group in ("done", "dropped"):
            flag = "done" if group == "done" else "dropped"
        elif group in ("new", "resolved", "verified"):
            flag = "waiting"
        stages.append(Stage(name, tuple(one for one, _ in members), flag, group == "resolved"))
    return _finals_last(stages)


def _bug_group(code: str, final: set[str]) -> str:
    if code in ("in_progress", "reopened"):
        return "in_progress"
    if code in ("new", "resolved", "verified"):
        return code
    if code == "rejected":
        return "dropped"
    if code == "closed" or code in final:
        return "done"
    return f"own {code}"


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
