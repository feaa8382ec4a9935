"""Tasks: work that somebody asked for, queued in the store until a collecting process has done it.

The documents; doing it is the collectors' business.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

from metrics_api.core.days import utc_now
from metrics_api.core.errors import BadRequest, UnknownName
from metrics_api.core.leases import Lease, LeaseLost
from metrics_api.core.store import Document, DuplicateKeyError, ReturnDocument, Store, translated
from metrics_api.core.task_types import Task, TaskProgress, TaskStep

STATES: Final = ("waiting", "running", "success", "failed")
# So many are worked on at once, by all processes together.
AT_ONCE = 5
LINES = 200
KEEP = timedelta(days=30)
OPEN: Final[Document] = {"state": {"$in": ["waiting", "running"]}}


@dataclass(frozen=True)
class Order:
    """What is asked for: the fields of a task that say so."""

    kind: str
    upstream: str = ""
    instance: str = ""
    scope: str = ""
    since: str | None = None

    def __str__(self) -> str:
        place = "/".join(filter(None, (self.instance, self.scope)))
        return " ".join(filter(None, (self.kind, place, f"since {self.since}" if self.since else "")))


class Tasks:
    """The queue of one `store`."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def put(self, order: Order, name: str = "") -> Task:
        """Queue an order; where the same waits or runs already, that task is returned instead.

        So is one of the `name`, if that is given, in whatever state.
        """
        for there in await self.open():
            if _order(there) == order:
                return there
        task: Task = {
            "_id": name or uuid.uuid4().hex[:12],
            "kind": order.kind,
            "upstream": order.upstream,
            "instance": order.instance,
            "scope": order.scope,
            "collectors": [],
            "since": order.since,
            "state": "waiting",
            "progress": {"done": 0, "total": 0, "unit": "", "records": 0, "at": ""},
            "log": [],
            "created_at": utc_now(),
            "started_at": None,
            "finished_at": None,
            "owner": "",
            "generation": 0,
            "error": None,
        }
        with translated():
            try:
                await self.store.durable("tasks").insert_one({**task})
            except DuplicateKeyError:
                return await self.one(task["_id"])
        return task

    async def one(self, name: str) -> Task:
        """A task with its log; raises UnknownName."""
        found = await self.store.one("tasks", name)
        if found is None:
            raise UnknownName(f"no task is called {name[:40]!r}: the list of tasks has their ids")
        return cast(Task, found)

    async def listed(self, state: str = "") -> list[Task]:
        """All tasks of a state, or of any, the latest first, with empty logs; raises BadRequest."""
        if state and state not in STATES:
            raise BadRequest(f"unknown state {state[:40]!r}: use one of {', '.join(STATES)}")
        return (await self._sorted({"state": state} if state else {}))[::-1]

    async def open(self) -> list[Task]:
        """The tasks that wait or run, the oldest first, with empty logs."""
        return await self._sorted(OPEN)

    async def _sorted(self, query: Document) -> list[Task]:
        found = [one | {"log": []} for one in await self.store.all("tasks", query, {"log": 0})]
        return [cast(Task, one) for one in sorted(found, key=lambda one: (one["created_at"], one["_id"]))]

    async def claim(self, name: str, lease: Lease) -> Task | None:
        """Take a task that waits, or whose owner vanished, under its lease; None where it is over."""
        held = await self.store.one("tasks", name)
        if held is None or held["state"] not in ("waiting", "running"):
            return None
        mine = {"state": "running", "owner": lease.owner, "generation": lease.generation}
        mine["started_at"] = held["started_at"] or utc_now()
        with translated():
            found = await self.store.durable("tasks").find_one_and_update(
                {"_id": name} | OPEN, {"$set": mine}, return_document=ReturnDocument.AFTER
            )
        return cast(Task, found) if found else None

    async def note(self, name: str, lease: Lease, line: str = "", **changes: Any) -> None:
        """Change a task that is ours, and add a line to its log; raises LeaseLost where it is not ours."""
        update: Document = {}
        if changes:
            update["$set"] = changes
        if line:
            lines = {"$each": [{"at": utc_now(), "line": line}], "$slice": -LINES}
            update["$push"] = {"log": lines}
        mine = {"_id": name, "owner": lease.owner, "generation": lease.generation, "state": "running"}
        with translated():
            found = await self.store.durable("tasks").find_one_and_update(mine, update)
        if found is None:
            raise LeaseLost(f"the task {name} is another process's now")

    async def put_back(self, name: str, lease: Lease) -> None:
        """Let a task wait again: its process was told to stop."""
        await self.note(name, lease, "stopped, and waits for a process to go on", state="waiting", owner="")

    async def end(self, name: str, lease: Lease, error: str | None) -> None:
        """Note how a task ended, and forget its steps."""
        state = "failed" if error else "success"
        line = f"failed: {error}" if error else "done"
        await self.note(name, lease, line, state=state, error=error, finished_at=utc_now(), owner="")
        with translated():
            await self.store.collection("task_steps").delete_many({"task": name})

    async def steps(self, name: str) -> dict[str, TaskStep]:
        """The steps of a task that were begun, by their `_id` without the task's."""
        found = await self.store.all("task_steps", {"task": name})
        return {one["_id"].partition(":")[2]: cast(TaskStep, one) for one in found}

    async def note_step(
        self,
        name: str,
        step: str,
        state: str,
        place: Mapping[str, Any] | None = None,
        error: str | None = None,
    ) -> None:
        """Note how far a step is; durable."""
        key = f"{name}:{step}"
        document: Document = {"_id": key, "task": name, "state": state}
        document |= {"place": dict(place or {}), "error": error}
        with translated():
            await self.store.durable("task_steps").replace_one({"_id": key}, document, upsert=True)

    async def forget_old(self) -> None:
        """Delete tasks that were over a month ago."""
        until = utc_now() - KEEP
        old: Sequence[Document] = await self.store.all("tasks", {"state": {"$in": ["success", "failed"]}})
        await self.store.remove("tasks", [one["_id"] for one in old if one["finished_at"] < until])


def progress(done: int, total: int, unit: str, records: int = 0, at: str = "") -> TaskProgress:
    """How far a task is."""
    return {"done": done, "total": total, "unit": unit, "records": records, "at": at}


def _order(task: Task) -> Order:
    return Order(task["kind"], task["upstream"], task["instance"], task["scope"], task["since"])


def described(task: Task) -> str:
    """A task in a few words, without its id."""
    return str(_order(task))


def as_json(task: Task, log: bool = True) -> dict[str, Any]:
    """A task as the API shows it: `id`, times as `2024-01-31T08:00:00Z`, without what only processes need."""
    found: dict[str, Any] = {"id": task["_id"]}
    for name in ("kind", "upstream", "instance", "scope", "collectors", "since", "state", "progress"):
        found[name] = cast(Document, task)[name]
    for name in ("created_at", "started_at", "finished_at"):
        found[name] = _text(cast(Document, task)[name])
    found["error"] = task["error"]
    if log:
        found["log"] = [{"at": _text(one["at"]), "line": one["line"]} for one in task["log"]]
    return found


def _text(at: datetime | None) -> str | None:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None
