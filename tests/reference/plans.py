"""Plans of small random companies: plain numbers, so that hypothesis can make them small.

`written.py` turns a plan into the wire records of a company.
"""

from dataclasses import dataclass

from .event_plans import EventPlan


@dataclass(frozen=True)
class Step:
    """A change `after` moments later. quirk: "" none, broken (wrong old value), or a row that is no change:
    parallel (a number for a status), flagged (is_step_change), created (change_type create_*)."""

    after: int
    field: str
    value: int
    quirk: str = ""


@dataclass(frozen=True)
class Move:
    """A move `after` moments later into the n-th workspace (itself: no move), and what happens there."""

    after: int
    to: int
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True)
class BugPlan:
    """What befalls one bug; `first` are its first values in the order of vocabulary.FIELDS.

    `end`: "", delete, merge, move (to where nobody collects), restored. `unseen`: gone before the first
    look. `early`: its changes begin before its creation. `mend`: its row shows a status no change tells of.
    """

    created: int
    first: tuple[int, ...]
    steps: tuple[Step, ...] = ()
    workspace: int = 0
    moves: tuple[Move, ...] = ()
    end: str = ""
    end_after: int = 1
    unseen: bool = False
    early: bool = False
    mend: bool = False


@dataclass(frozen=True)
class StoryPlan:
    """What befalls one story; `first` are its first values in the order of vocabulary.STORY_FIELDS.

    `end`: "", delete, restored; `unseen`, `early` and `mend` are as with bugs. `told`: the change feed
    has its creation. `completed` is what its row says of its end, whatever its changes tell.
    """

    created: int
    first: tuple[int, ...]
    steps: tuple[Step, ...] = ()
    workspace: int = 0
    end: str = ""
    end_after: int = 1
    unseen: bool = False
    early: bool = False
    mend: bool = False
    told: bool = True
    completed: int | None = None


@dataclass(frozen=True)
class CompanyPlan:
    """`workflows`, `types` and `configured` go by product; `homes` says which product each workspace is of.

    `types` are the workitem types by their number in vocabulary.TYPES, in the workspace's order. Until the
    moment `renamed` each workspace's first iteration had another name.
    """

    base: int
    homes: tuple[int, ...]
    workflows: tuple[int, int]
    configured: tuple[bool, bool]
    zones: tuple[int, int]
    version_fields: tuple[int, int]
    labelled: bool
    bugs: tuple[BugPlan, ...]
    events: tuple[EventPlan, ...] = ()
    cornerstones: bool = True
    types: tuple[tuple[int, ...], tuple[int, ...]] = ((0, 1), (0, 1))
    stories: tuple[StoryPlan, ...] = ()
    renamed: int | None = None
