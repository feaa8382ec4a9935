"""Synthetic facts of a skewed company: one product holds 70 % of the bugs; a bug has about nine segments."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random

from metrics_api.core.config import Config, Product, Stage, Stages
from metrics_api.core.fact_types import BugFact
from metrics_api.core.schema import FEEDS
from metrics_api.core.store import Document, Store

DAY_S = 86_400
BEGIN = 1_700_000_000
DAYS = 540
END = BEGIN + (DAYS + 20) * DAY_S
STAGES = (
    Stage(name="new", statuses=("new",), flag="waiting"),
    Stage(name="in_progress", statuses=("in_progress", "reopened"), flag="active"),
    Stage(name="blocked", statuses=("status_2",), flag="active"),
    Stage(name="resolved", statuses=("resolved",), flag="waiting", resolved=True),
    Stage(name="verified", statuses=("verified",), flag="waiting"),
    Stage(name="closed", statuses=("closed",), flag="done"),
    Stage(name="rejected", statuses=("rejected",), flag="dropped"),
)
PRODUCTS = tuple(f"{number}" for number in range(1, 7))
WEIGHTS = (70, 10, 8, 6, 4, 2)
VERSIONS = tuple(f"v{major}.{minor}.0" for major in range(1, 5) for minor in range(5))
PATH = (
    "new",
    "in_progress",
    "status_2",
    "in_progress",
    "resolved",
    "in_progress",
    "resolved",
    "verified",
    "closed",
)
LABELS = tuple(f"label {number:02d}" for number in range(20))


def config() -> Config:
    """Six products of one workspace each, seven stages."""
    return Config(
        product=tuple(
            Product(name=f"Product {name}", workspaces=(name,), stages=Stages(bugs=STAGES))
            for name in PRODUCTS
        )
    )


class MadeStore(Store):
    """A store whose facts are made when they are read; `change` appends new versions of random ones."""

    def __init__(self, bugs: int) -> None:
        self.bugs = self.seq = bugs

    def change(self, count: int) -> None:
        """Let so many facts have changed."""
        self.seq += count

    async def matching(
        self, name: str, field: str, values: Sequence[str], projection: Document | None = None
    ) -> list[Document]:
        """The watermarks, or the counters of the topics that have facts."""
        if name == "watermarks":
            at = datetime.fromtimestamp(END, UTC)
            return [
                {"collector": feed, "instance": "tapd", "scope": scope, "started_at": at, "cursor": {}}
                for feed in FEEDS["bugs"]
                for scope in PRODUCTS
            ]
        seqs = {"topic:bugs": self.seq, "topic:workspaces": 1}
        found = [key for key in values if key in seqs]
        return [{"_id": key, "generation": 1, "seq": seqs[key], "collection": key} for key in found]

    async def all(
        self, name: str, query: Document | None = None, fields: Document | None = None
    ) -> list[Document]:
        """The workspaces, and their stages as they were noted before; nothing else is there."""
        if name == "stage_maps":
            stages = [one.model_dump() | {"statuses": list(one.statuses)} for one in STAGES]
            noted = {"revision": 1, "versions": [{"at": BEGIN, "stages": stages}]}
            return [{"_id": f"tapd:{one}:bugs", **noted} for one in PRODUCTS]
        if name != "topic:workspaces":
            return []
        return [{"instance": "tapd", "id": one, "name": one, "tombstone": False} for one in PRODUCTS]

    async def window(
        self,
        name: str,
        field: str,
        after: int,
        upto: int,
        query: Document | None = None,
        projection: Document | None = None,
    ) -> list[Document]:
        """The facts with these numbers; those beyond the first ones are changed ones."""
        return await asyncio.to_thread(self._made, after, upto) if name == "topic:bugs" else []

    def _made(self, after: int, upto: int) -> list[Document]:
        rng = Random(after)
        numbers = (seq if seq < self.bugs else rng.randrange(self.bugs) for seq in range(after, upto))
        return [dict(fact(rng, number)) for number in numbers]


def fact(rng: Random, number: int) -> BugFact:
    """One bug: nine statuses on average, its severity or version changed on the way now and then."""
    workspace = rng.choices(PRODUCTS, WEIGHTS)[0]
    at = BEGIN + int(rng.random() * DAYS * DAY_S)
    path = PATH if rng.random() < 0.9 else (*PATH, "reopened", "closed")
    starts, severity, version = [], [], []
    kind, where = (
        rng.choices(("fatal", "serious", "normal", "prompt", "advice"), (3, 12, 70, 10, 5))[0],
        rng.choice(VERSIONS),
    )
    for _ in path:
        starts.append(at)
        at += 60 + int(rng.expovariate(1 / DAY_S))
        if rng.random() < 0.03:
            kind = "serious"
        if rng.random() < 0.03:
            where = rng.choice(VERSIONS)
        severity.append(kind)
        version.append(where)
    size = len(path)
    module = f"module {rng.randrange(200)}"
    labels = "|".join(sorted(rng.sample(LABELS, rng.choice((0, 0, 1, 1, 2)))))
    return {
        "_id": f"tapd:{workspace}:11{workspace}{number:012d}",
        "generation": 1,
        "seq": number + 1,
        "tombstone": False,
        "instance": "tapd",
        "id": str(number),
        "title": "",
        "created": starts[0],
        "removed_at": None,
        "removed_why": None,
        "due": None,
        "findings": [],
        "parallel_steps": 0,
        "segments": {
            "start": starts,
            "workspace": [workspace] * size,
            "status": list(path),
            "version_report": version,
            "version_fix": [""] * size,
            "iteration": [f"{number % 40}"] * size,
            "severity": severity,
            "priority": ["high"] * size,
            "module": [module] * size,
            # Labelled while somebody works on it.
            "label": ["", *[labels] * (size - 1)],
        },
    }
