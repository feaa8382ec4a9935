"""What one GitLab project holds, in the upstream's own form."""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from simulator.clock import beijing_day
from simulator.shapes import Record

#: ``member``: served; ``forbidden``: 403; ``hidden``: 404, as for a project without permission or one
#: removed.
Access = Literal["member", "forbidden", "hidden"]

EVENT_DEFAULTS: Record = {
    "id": None,
    "project_id": None,
    "action_name": None,
    "target_id": None,
    "target_iid": None,
    "target_type": None,
    "author_id": None,
    "target_title": None,
    "created_at": None,
    "imported": False,
    "imported_from": "none",
}


def gitlab_user(number: int) -> Record:
    """The user object that GitLab nests in other objects."""
    name = f"user{number:02d}"
    avatars = "https://gitlab.example.com/uploads/-/system/user/avatar"
    return {
        "id": 900_000 + number,
        "username": name,
        "name": f"User {number:02d}",
        "state": "active",
        "locked": False,
        "avatar_url": f"{avatars}/{900_000 + number}/avatar.png",
        "web_url": f"https://gitlab.example.com/{name}",
    }


@dataclass(frozen=True)
class GitlabHappening:
    """An event of a project that a webhook tells of.

    ``began`` is when the event's target was first seen, ``again`` whether it was opened before.
    """

    project: Record
    event: Record
    began: str
    again: bool


@dataclass
class GitlabProjectRecords:
    """A project's row and its events in the order of their ids.

    ``hidden`` holds the ids of events the account may not see: they are taken out after the page was cut,
    so pages come short or empty. ``access`` may be changed while a server runs. ``listeners`` are told of
    every event that may be seen.
    """

    record: Record
    events: list[Record] = field(default_factory=list)
    days: list[str] = field(default_factory=list)
    hidden: set[int] = field(default_factory=set)
    access: Access = "member"
    listeners: Sequence[Callable[[GitlabHappening], None]] = ()
    _opened: dict[tuple[object, object], str] = field(default_factory=dict)

    @property
    def id(self) -> int:
        """The project id."""
        return int(self.record["id"])

    def add_event(self, record: Mapping[str, object], *, visible: bool = True) -> Record:
        """Add an event; ``id``, ``action_name`` and ``created_at`` (with an offset) are required.

        Missing keys get GitLab's null; without an ``author`` the event is served as one of a deleted account.
        """
        event: Record = EVENT_DEFAULTS | {"project_id": self.id} | dict(record)
        moment = datetime.fromisoformat(str(event["created_at"]))
        place = len(self.events)
        if self.events and int(self.events[-1]["id"]) >= int(event["id"]):
            place = bisect_left(self.events, int(event["id"]), key=lambda known: int(known["id"]))
        self.events.insert(place, event)
        self.days.insert(place, beijing_day(moment).isoformat())
        if not visible:
            self.hidden.add(int(event["id"]))
        self.record["last_activity_at"] = event["created_at"]
        self._tell(event, visible)
        return event

    def _tell(self, event: Record, visible: bool) -> None:
        target, at = (event["target_type"], event["target_id"]), str(event["created_at"])
        began = self._opened.get(target)
        if began is None and event["action_name"] == "opened":
            self._opened[target] = at
        for listener in self.listeners if visible else ():
            again = event["action_name"] == "opened" and began is not None
            listener(GitlabHappening(dict(self.record), dict(event), began or at, again))

    def forget_events(self, before: str) -> int:
        """Drop the events of days before that one (``YYYY-MM-DD``), as GitLab's retention does; returns how
        many.
        """
        kept = [(event, day) for event, day in zip(self.events, self.days, strict=True) if day >= before]
        dropped = len(self.events) - len(kept)
        self.events = [event for event, _ in kept]
        self.days = [day for _, day in kept]
        return dropped
