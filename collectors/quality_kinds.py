"""The kinds of findings about histories: what each means, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Meaning:
    """What a finding means, in one sentence, and what to do."""

    says: str
    todo: str


_AGAIN = "read the changes again with `engmetrics collect --backfill --since DAY`; what TAPD has not stays so"
_NOTHING = "nothing, unless the numbers look wrong to those who know the work"

# In the order in which they are listed.
MEANINGS: Final[dict[str, Meaning]] = {
    "not_reconciled": Meaning(
        "what TAPD counts and what is stored differ, and the night's reconciling could not put it right",
        "see the reason beside it, `engmetrics quarantine list` and `engmetrics doctor`",
    ),
    "broken_chain": Meaning(
        "a change begins with another value than the one before ended with; it counts from its own time on",
        _AGAIN,
    ),
    "repaired_end": Meaning(
        "the last change does not lead to the present value, which counts from the last modification on",
        _AGAIN,
    ),
    "unmapped_status": Meaning(
        "items are or were in a status that the workspace's workflow does not know, counted as `unmapped`",
        "put the status into a stage of the product ([[product.stages.bugs]] or [[product.stages.stories]])",
    ),
    "ambiguous_status": Meaning(
        "a status means different things in the workspace's types of stories; its first meaning counts",
        "rename one of them in TAPD, or put the status into the stage you mean ([[product.stages.stories]])",
    ),
    "change_before_created": Meaning(
        "a change is dated before the item was created; it counts from the creation on",
        "nothing for imported or copied items; else look at the item's creation in TAPD",
    ),
    "completed_without_change": Meaning(
        "no change tells when the story was done; where its status is done, its own `completed` is the time",
        _AGAIN,
    ),
    "ended_before_created": Meaning(
        "the item's own time of its end is before its creation; lead times come from its changes instead",
        "correct the time in TAPD before you compute with exported rows",
    ),
    "unreadable": Meaning("a date of the item cannot be read; it counts as not given", "correct it in TAPD"),
    "vanished": Meaning(
        "TAPD does not show the item any more and no list says that it was removed; it counts until then",
        "see whether the account may still read it; once it is there again it counts as if it never went",
    ),
    "moved_away": Meaning(
        "the bug moved to a workspace that is not collected; it counts here until then",
        "collect that workspace too if its work is yours",
    ),
    "moved": Meaning("the bug came from another workspace, and its history came along", _NOTHING),
    "merged": Meaning("the bug was merged into another; it counts until then", _NOTHING),
    "renamed": Meaning(
        "a change names an iteration by a name that none has or had as far as is known; the name counts",
        "nothing if that iteration is gone; else see that tapd.iteration_changes runs (`engmetrics status`)",
    ),
    "renamed_iteration": Meaning(
        "the iteration had other names, which the changes of items go by; it counts under today's",
        "nothing",
    ),
    "life_time_differs": Meaning(
        "TAPD's own times in a status are not those that the item's changes tell, which count here",
        "look at the item's history in TAPD; lost changes come back with "
        "`engmetrics collect --backfill --since DAY`",
    ),
    "parallel_step": Meaning(
        "steps of a parallel workflow stand among the changes of status; they are left out",
        _NOTHING,
    ),
}


def names_of(kind: str) -> str:
    """A kind as it is written for people."""
    return kind.replace("_", " ")
