"""What the doctor finds: how bad it is, what it is about, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "error"]


@dataclass(frozen=True)
class Finding:
    """One finding; it never holds a secret. `todo` is what to do about it, "" where there is nothing."""

    level: Level
    about: str
    says: str
    todo: str = ""


def fine(about: str, says: str, todo: str = "") -> Finding:
    """Something is as it should be."""
    return Finding("ok", about, says, todo)


def doubtful(about: str, says: str, todo: str) -> Finding:
    """Something works, and may not stay so."""
    return Finding("warning", about, says, todo)


def wrong(about: str, says: str, todo: str) -> Finding:
    """Something does not work."""
    return Finding("error", about, says, todo)


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 error`, `2 errors`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def clocks(about: str, skew_s: float, slack_s: float) -> Finding:
    """How far our clock is ahead of another's, in seconds; what is within `slack_s` cannot be told."""
    if abs(skew_s) <= slack_s:
        return fine(about, "the clocks agree")
    says = f"this machine's clock is {abs(skew_s):.0f} s {'ahead of' if skew_s > 0 else 'behind'} that one"
    todo = "let NTP set the clocks (timedatectl set-ntp true)"
    # Signed webhooks are refused beyond five minutes, and today's numbers are cut off at the wrong place.
    return (wrong if abs(skew_s) > 300 else doubtful)(about, says, todo)
