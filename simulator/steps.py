"""The steps that lives are made of, when they are due, and the labels people put on things."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from random import Random
from typing import TYPE_CHECKING, Literal, Protocol

from simulator.clock import after_work, beijing_day, midnight

if TYPE_CHECKING:
    from simulator.records import Company

StepKind = Literal[
    "save",
    "delete",
    "restore",
    "merge",
    "move",
    "parallel",
    "unrecorded",
    "relation",
    "birth",
    "child",
    "link",
    "unlink",
]
Extra = Literal[
    "version",
    "severity",
    "priority",
    "module",
    "due",
    "label",
    "unlabel",
    "next_iteration",
    "no_iteration",
    "type",
    "custom",
]

LABELS = ("阻塞", "重点关注", "客户反馈", "技术债")


@dataclass(frozen=True, slots=True)
class Step:
    """One happening in an item's life: after so many working hours, enter a status and save other fields with
    it.

    ``snap`` puts it on that second: ``"23:59:59"`` of its day or ``"00:00:00"`` of the next.
    """

    hours: float
    status: str | None = None
    extras: tuple[Extra, ...] = ()
    kind: StepKind = "save"
    snap: Literal["", "23:59:59", "00:00:00"] = ""


class Course(Protocol):
    """A life or a story told in events: what happens next, and when."""

    def due(self, after: datetime) -> datetime | None:
        """When the next thing happens, given when the last one did; None when nothing more does."""

    def step(self, company: "Company", at: datetime) -> "Sequence[Course]":
        """Let the next thing happen at that instant; returns the courses that begin with it."""


def due(steps: Sequence[Step], after: datetime, rng: Random) -> datetime | None:
    """When the first of the steps happens, given when the last one did; None when there is none."""
    if not steps:
        return None
    step = steps[0]
    moment = after_work(after, step.hours) if step.hours else after
    if step.snap == "23:59:59":
        return midnight(beijing_day(moment)) + timedelta(days=1, seconds=-1)
    if step.snap == "00:00:00":
        return midnight(beijing_day(moment)) + timedelta(days=1)
    if step.hours and rng.random() < 0.04:
        # Somebody works late, some nights past midnight.
        return midnight(beijing_day(moment)) + timedelta(seconds=rng.randrange(70_200, 93_600))
    return moment


@cache
def shuffled(deck: tuple[tuple[str, int], ...], seed: str) -> list[str]:
    """The cards of a deck, each as often as it says, shuffled; not to be changed."""
    cards = [card for card, count in deck for _ in range(count)]
    Random(seed).shuffle(cards)
    return cards


def labelled(rng: Random, label: str | None) -> str:
    """The labels with one or two more."""
    present = [part for part in (label or "").split("|") if part]
    others = [part for part in LABELS if part not in present]
    return "|".join(present + rng.sample(others, min(rng.choice((1, 1, 2)), len(others))))


def unlabelled(rng: Random, label: str | None) -> str:
    """The labels without one of them."""
    present = [part for part in (label or "").split("|") if part]
    if present:
        present.remove(rng.choice(present))
    return "|".join(present)
