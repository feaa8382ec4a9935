"""Synthetic facts of a skewed company: one product holds 70 % of the bugs; a bug has about nine segments."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from metrics_api.context import Context, Workspace
from metrics_api.core.schema import BugFact
from metrics_api.stages import Stage

DAY_S = 86_400
BEGIN = 1_700_000_000
DAYS = 540
STAGES = (
    Stage("new", ("new",), "waiting"),
    Stage("in_progress", ("in_progress", "reopened"), "active"),
    Stage("blocked", ("status_2",), "active"),
    Stage("resolved", ("resolved",), "waiting", resolved=True),
    Stage("verified", ("verified",), "waiting"),
    Stage("closed", ("closed",), "done"),
    Stage("rejected", ("rejected",), "dropped"),
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
FIELDS = ("version_fix", "iteration", "priority", "module")


def context() -> Context:
    """Six products of one workspace each, seven stages."""
    return Context(
        "Asia/Shanghai",
        {
            f"tapd:{name}": Workspace(
                f"tapd:{name}", name, f"Product {name}", "Asia/Shanghai", "version_report", STAGES, "new"
            )
            for name in PRODUCTS
        },
    )


def facts(count: int, seed: int = 1) -> Iterator[list[BugFact]]:
    """So many bugs in chunks of 2,000."""
    rng = Random(seed)
    for first in range(0, count, 2000):
        yield [fact(rng, number) for number in range(first, min(first + 2000, count))]


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
        },
    }
