"""`python -m bench`: every row with its figure, its limit and whether it holds; parts run apart."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

SMALL, LARGE, COLLECTED = 100_000, 1_000_000, 10_000
# So many of the slowest questions are shown, and so many milliseconds each may take.
SLOWEST, ANSWER_MS = 10, 50.0


@dataclass(frozen=True)
class Row:
    """What was measured, and what it may be at most."""

    name: str
    figure: float
    limit: float

    @property
    def holds(self) -> bool:
        """Whether it is within its limit."""
        return self.figure <= self.limit

    def __str__(self) -> str:
        return f"{'ok  ' if self.holds else 'OVER'} {self.figure:8.2f} (limit {self.limit:g})  {self.name}"


def process(module: str, size: int) -> dict[str, Any]:
    """The figures of one part at one size, measured in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", f"bench.{module}", str(size)], check=True, stdout=subprocess.PIPE, text=True
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def shown(figures: dict[str, Any]) -> None:
    """Print all figures of a part."""
    print(" ".join(f"{name}={value}" for name, value in figures.items()), flush=True)


def frames(options: argparse.Namespace) -> list[Row]:
    """The API's frames at two sizes."""
    print(f"frames of {options.small:,} and {options.large:,} bugs", flush=True)
    small, large = process("frames", options.small), process("frames", options.large)
    shown(small)
    shown(large)
    return [
        Row("CFD 365 days x 7 stages, product+version, cube, ms over HTTP (p50)", large["cube"], 10.0),
        Row("the same against the smaller company, ratio", large["cube"] / small["cube"], 1.5),
        Row("the same with done_from=range, ms (p50)", large["cube, done_from=range"], 10.0),
        Row(
            "CFD with an as-of severity filter by segments, ms (p50)", large["segments, severity as of"], 80.0
        ),
        Row("memory of the API process, MB", large["rss_mb"], 900.0),
        Row("longest pause of the event loop while loading, ms", large["load_pause_ms"], 20.0),
        Row("refresh of 1,000 changed facts, ms", large["refresh_ms"], 100.0),
        Row("longest pause of the event loop while refreshing, ms", large["refresh_pause_ms"], 20.0),
    ]


def catalog(options: argparse.Namespace) -> list[Row]:
    """Every metric as a dashboard asks it; the slowest questions are the rows."""
    print(f"every metric of one product over 90 days, of {options.large:,} items each", flush=True)
    found = process("catalog", options.large)
    slowest = sorted(found.items(), key=lambda one: -one[1][0])
    over = sum(took > ANSWER_MS for took, _ in found.values())
    without = [target for target, (_, numbers) in found.items() if not numbers]
    print(f"     questions: {len(found)}; over {ANSWER_MS:g} ms: {over}", flush=True)
    print(f"     without any number: {', '.join(without) or 'none'}", flush=True)
    return [
        Row(f"{target}, 90 days, ms over HTTP (p50)", took, ANSWER_MS)
        for target, (took, _) in slowest[:SLOWEST]
    ]


def collect(options: argparse.Namespace) -> list[Row]:
    """A company collected from the simulator into the embedded store."""
    print(f"{options.collected:,} bugs with their history, collected from the simulator", flush=True)
    found = process("collect", options.collected)
    shown(found)
    return [
        Row("collecting, against a bare loop of the same, ratio", found["first_s"] / found["bare_s"], 1.25),
        Row("collecting when nothing is new, likewise", found["again_s"] / found["bare_s"], 0.5),
    ]


PARTS: dict[str, Callable[[argparse.Namespace], list[Row]]] = {
    "frames": frames,
    "catalog": catalog,
    "collect": collect,
}


def main() -> int:
    """Measure and print; 1 if a row is over its limit."""
    given = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    given.add_argument("part", nargs="*", help=f"{', '.join(PARTS)}; without any, all of them")
    given.add_argument("--small", type=int, default=SMALL, help="bugs in the smaller frame")
    given.add_argument("--large", type=int, default=LARGE, help="items in the larger frames")
    given.add_argument("--collected", type=int, default=COLLECTED, help="bugs that are collected")
    options = given.parse_args()
    if unknown := set(options.part) - set(PARTS):
        given.error(f"there is no part {', '.join(sorted(unknown))}: use {', '.join(PARTS)}")
    print("this takes some minutes; the figures want a machine that does nothing else", flush=True)
    rows = [row for name in options.part or PARTS for row in PARTS[name](options)]
    for row in rows:
        print(row)
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
