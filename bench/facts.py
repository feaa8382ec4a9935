"""Facts of the company: bugs of about nine segments, stories of about five, and events; and their store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from bench.company import (
    BEGIN,
    DAY_S,
    DAYS,
    END,
    ITERATIONS,
    iterations,
    product_of,
    projects,
    runs,
    stage_maps,
    watermarks,
    workspaces,
)
from metrics_api.core.store import Document, Store

VERSIONS = tuple(f"v{major}.{minor}.0" for major in range(1, 5) for minor in range(5))
BUG_PATH = (
    *("new", "in_progress", "status_2", "in_progress", "resolved"),
    *("in_progress", "resolved", "verified", "closed"),
)
STORY_PATH = ("planning", "developing", "status_3", "status_4", "resolved")
LABELS = tuple(f"label {number:02d}" for number in range(20))
ACTIONS = ("pushed to", "opened", "closed", "commented on", "accepted")


class MadeStore(Store):
    """A store whose facts are made when they are read; `change` appends new versions of random bugs."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self.sizes = dict(sizes)
        self.seqs = {**sizes, "workspaces": 1, "iterations": 1, "projects": 1}

    def change(self, count: int) -> None:
        """Let so many bugs have changed."""
        self.seqs["bugs"] += count

    async def matching(
        self, name: str, field: str, values: Sequence[str], fields: Document | None = None
    ) -> list[Document]:
        """The watermarks, or the counters of the topics that have facts."""
        if name == "watermarks":
            return watermarks()
        seqs = {f"topic:{topic}": seq for topic, seq in self.seqs.items()}
        found = [key for key in values if key in seqs]
        return [{"_id": key, "generation": 1, "seq": seqs[key], "collection": key} for key in found]

    async def all(
        self, name: str, query: Document | None = None, fields: Document | None = None
    ) -> list[Document]:
        """All that is small, and how collecting went; nothing else is there."""
        if name == "runs" and query:
            return runs(*query["started_at"].values())
        small = {
            "stage_maps": stage_maps,
            "watermarks": watermarks,
            "topic:workspaces": workspaces,
            "topic:iterations": iterations,
            "topic:projects": projects,
        }
        return small[name]() if name in small else []

    async def window(
        self,
        name: str,
        field: str,
        after: int,
        upto: int,
        query: Document | None = None,
        fields: Document | None = None,
    ) -> list[Document]:
        """The facts with these numbers; those beyond the first ones are changed ones."""
        topic = name.removeprefix("topic:")
        return await asyncio.to_thread(self._made, topic, after, upto) if topic in MAKERS else []

    def _made(self, topic: str, after: int, upto: int) -> list[Document]:
        rng, size = Random(after), self.sizes[topic]
        numbers = (seq if seq < size else rng.randrange(size) for seq in range(after, upto))
        return [MAKERS[topic](rng, number) for number in numbers]


def _item(rng: Random, number: int, product: str, starts: Sequence[int]) -> Document:
    day = f"2024-{1 + number % 12:02d}-{1 + number % 28:02d}"
    return {
        "_id": f"tapd:{product}:11{product}{number:012d}",
        "generation": 1,
        "seq": number + 1,
        "tombstone": False,
        "instance": "tapd",
        "id": f"{number}",
        "title": "",
        "created": starts[0],
        "removed_at": None,
        "removed_why": None,
        "due": day if rng.random() < 0.3 else None,
        "findings": [],
        "parallel_steps": 0,
    }


def _times(rng: Random, count: int) -> list[int]:
    """As many instants, a day apart on average."""
    at, found = BEGIN + int(rng.random() * DAYS * DAY_S), []
    for _ in range(count):
        found.append(at)
        at += 60 + int(rng.expovariate(1 / DAY_S))
    return found


def bug(rng: Random, number: int) -> Document:
    """One bug: nine statuses on average, its severity or version changed on the way now and then."""
    product = product_of(rng)
    path = BUG_PATH if rng.random() < 0.9 else (*BUG_PATH, "reopened", "closed")
    starts, size = _times(rng, len(path)), len(path)
    severity, version = list[str](), list[str]()
    kind = rng.choices(("fatal", "serious", "normal", "prompt", "advice"), (3, 12, 70, 10, 5))[0]
    where = rng.choice(VERSIONS)
    for _ in path:
        kind = "serious" if rng.random() < 0.03 else kind
        where = rng.choice(VERSIONS) if rng.random() < 0.03 else where
        severity.append(kind)
        version.append(where)
    labels = "|".join(sorted(rng.sample(LABELS, rng.choice((0, 0, 1, 1, 2)))))
    found = rng.choices(("testing", "production"), (9, 1))[0]
    return _item(rng, number, product, starts) | {
        "segments": {
            "start": starts,
            "workspace": [product] * size,
            "status": list(path),
            "version_report": version,
            "version_fix": [""] * size,
            "iteration": [f"{product}{number % ITERATIONS:03d}"] * size,
            "severity": severity,
            "priority": ["high"] * size,
            "module": [f"module {rng.randrange(200)}"] * size,
            # Labelled while somebody works on it.
            "label": ["", *[labels] * (size - 1)],
        },
        "histories": {
            "originphase": {"at": [starts[0]], "value": [found]},
            "bugtype": {"at": [starts[0]], "value": [f"type {number % 9}"]},
            "resolution": {"at": [starts[4]], "value": ["fixed" if rng.random() < 0.9 else "duplicate"]},
        },
        "stories": [f"{rng.randrange(1000)}"] if rng.random() < 0.2 else [],
    }


def story(rng: Random, number: int) -> Document:
    """One story: five statuses; in twenty, one has been sent back, and one has a parent."""
    product = product_of(rng)
    path = STORY_PATH if rng.random() < 0.95 else ("planning", *STORY_PATH[1:3], *STORY_PATH[1:])
    starts, size = _times(rng, len(path)), len(path)
    sprint = f"{product}{number % ITERATIONS:03d}"
    return _item(rng, number, product, starts) | {
        "parents": [f"{rng.randrange(1 + number)}"] if rng.random() < 0.05 else [],
        "segments": {
            "start": starts,
            "workspace": [product] * size,
            "status": list(path),
            "iteration": ["", *[sprint] * (size - 1)],
            "priority": [f"{1 + number % 4}"] * size,
            "module": [f"module {rng.randrange(200)}"] * size,
            "type": ["1"] * size,
            "label": [rng.choice(("", *LABELS))] * size,
        },
        "histories": {
            "size": {"at": [starts[0]], "value": [f"{1 + number % 8}"]},
            "remain": {"at": [starts[1], starts[-1]], "value": [f"{2 + number % 30}", "0"]},
        },
    }


def event(rng: Random, number: int) -> Document:
    """One event of GitLab."""
    branch = rng.choice(("main", "main", f"feature-{rng.randrange(500)}"))
    return {
        "_id": f"gitlab:{number}",
        "generation": 1,
        "seq": number + 1,
        "tombstone": False,
        "instance": "gitlab",
        "project": product_of(rng),
        "at": rng.randrange(BEGIN, END),
        "action": rng.choice(ACTIONS),
        "target_type": "",
        "ref": branch,
        "branch": branch,
    }


MAKERS: Mapping[str, Callable[[Random, int], dict[str, Any]]] = {
    "bugs": bug,
    "stories": story,
    "events": event,
}
