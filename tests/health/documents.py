"""Documents as collectors leave them, made by hand: runs, watermarks, quarantine, differences, facts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from metrics_api.core.config import Config, GitlabInstance, Product, Stage, Stages, TapdInstance
from metrics_api.core.days import BEIJING
from metrics_api.core.schema import Quarantined, Reconciliation, Run, Watermark
from metrics_api.core.store import Document, Store

MIDNIGHT = 1_772_380_800  # 2026-03-02 00:00 in Beijing, a Monday
HOUR = 3600
NOON = MIDNIGHT + 12 * HOUR
STAGES = Stages(
    bugs=(
        Stage(name="open", statuses=("new",), flag="waiting"),
        Stage(name="done", statuses=("closed",), flag="done"),
    ),
    stories=(Stage(name="open", statuses=("planning",), flag="waiting"),),
)
CONFIG = Config(
    timezone=BEIJING,
    tapd=(TapdInstance(), TapdInstance(name="other")),
    gitlab=(GitlabInstance(),),
    product=(
        Product(name="A", workspaces=("1",), projects=("g/a",), stages=STAGES),
        Product(name="B", workspaces=("2",), stages=STAGES),
    ),
)


def clock(text: str, day: int = 0) -> int:
    """Epoch seconds of a time on Monday's clocks in Beijing, or so many days later."""
    hours, minutes = map(int, text.split(":"))
    return MIDNIGHT + day * 86_400 + hours * HOUR + minutes * 60


def run(collector: str, scope: str, started: int, *, error: str | None = None, **more: Any) -> Run:
    """A run that is over after a minute; `more` sets other fields."""
    instance = more.pop("instance", collector.partition(".")[0])
    made: Document = {
        "_id": f"{collector}:{instance}:{scope}:{started}",
        "collector": collector,
        "instance": instance,
        "scope": scope,
        "state": "failed" if error else "success",
        "started_at": datetime.fromtimestamp(started, UTC),
        "finished_at": datetime.fromtimestamp(started + 60, UTC),
        "seconds": 60.0,
        "requests": 3,
        "seen": 0,
        "new": 0,
        "changed": 0,
        "quarantined": 0,
        "error": error,
        "interrupted": False,
        "interval_s": 600.0,
    }
    found: Any = made | more
    return found


def mark(collector: str, scope: str, started: int | None, **more: Any) -> Watermark:
    """The watermark of a scope whose last successful run started then."""
    instance = more.pop("instance", collector.partition(".")[0])
    found: Any = {
        "_id": f"{collector}:{instance}:{scope}",
        "collector": collector,
        "instance": instance,
        "scope": scope,
        "started_at": None if started is None else datetime.fromtimestamp(started, UTC),
        "cursor": {},
        "clean": True,
    }
    return found | more


def kept(number: int, collection: str, scope: str, at: int, **more: Any) -> Quarantined:
    """Something in quarantine."""
    found: Any = {
        "_id": f"kept-{number}",
        "upstream": collection.split("_")[1],
        "collection": collection,
        "instance": collection.split("_")[1],
        "scope": scope,
        "reason": "not understood",
        "body": b"\x00" * 100,
        "at": datetime.fromtimestamp(at, UTC),
    }
    return found | more


def differing(
    workspace: str, entity: str, month: str, *, missing: int = 0, extra: int = 0, repaired: int = 0
) -> Reconciliation:
    """A month whose counts differed on Monday at 03:00."""
    return {
        "_id": f"tapd:{workspace}:{entity}:{month}",
        "instance": "tapd",
        "workspace": workspace,
        "entity": entity,
        "month": month,
        "upstream": 100,
        "stored": 100 - missing + extra,
        "missing": missing,
        "extra": extra,
        "repaired": repaired,
        "ids": [],
        "at": datetime.fromtimestamp(clock("03:00"), UTC),
        "error": None,
    }


def bug(number: int, workspace: str, statuses: list[str], findings: list[str]) -> Document:
    """A bug that was in one status a day after the other, up to this Monday."""
    size = len(statuses)
    segments: dict[str, list[Any]] = {
        name: [""] * size
        for name in ("version_report", "version_fix", "iteration", "severity", "priority", "module", "label")
    }
    start = [MIDNIGHT - 86_400 * (size - at) for at in range(size)]
    segments |= {"start": start, "workspace": [workspace] * size, "status": statuses}
    return {
        "_id": f"tapd:{workspace}:{number}",
        "instance": "tapd",
        "id": str(number),
        "title": "",
        "created": start[0],
        "removed_at": None,
        "removed_why": None,
        "due": None,
        "findings": findings,
        "parallel_steps": 0,
        "custom": {},
        "segments": segments,
    }


def workspace(identifier: str, instance: str = "tapd") -> Document:
    """A workspace's fact."""
    return {
        "_id": f"{instance}:{identifier}",
        "instance": instance,
        "id": identifier,
        "name": f"Workspace {identifier}",
        "created": None,
    }


def project(identifier: str, path: str) -> Document:
    """A project's fact."""
    return {
        "_id": f"gitlab:{identifier}",
        "instance": "gitlab",
        "id": identifier,
        "path": path,
        "asked": "",
        "name": path,
        "default_branch": "main",
    }


async def publish(store: Store, topic: str, facts: list[Document], seq: int = 0) -> None:
    """Write facts as the deriving side does: the counter after the facts."""
    collection = f"fact_{topic}"
    stamped = [
        fact | {"generation": 1, "seq": number, "tombstone": fact.get("tombstone", False)}
        for number, fact in enumerate(facts, start=seq + 1)
    ]
    for fact in stamped:
        await store.collection(collection).replace_one({"_id": fact["_id"]}, fact, upsert=True)
    counter = {"generation": 1, "seq": seq + len(facts), "collection": collection}
    await store.collection("counters").replace_one({"_id": f"topic:{topic}"}, counter, upsert=True)


async def write(store: Store, collection: str, *documents: Any) -> None:
    """Write documents, in the place of those with their `_id`s."""
    for document in documents:
        found = dict(document)
        await store.collection(collection).replace_one({"_id": found["_id"]}, found, upsert=True)
