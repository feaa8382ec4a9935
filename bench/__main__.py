"""`python -m bench`: every row with its figure, its limit and whether it holds; a process per size."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from typing import Any

SMALL, LARGE = 100_000, 1_000_000


def frame(count: int) -> dict[str, Any]:
    """The figures of one size, measured in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.frames", str(count)], check=True, stdout=subprocess.PIPE, text=True
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> int:
    """Measure and print; 1 if a row is over its limit."""
    given = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    given.add_argument("--small", type=int, default=SMALL)
    given.add_argument("--large", type=int, default=LARGE)
    options = given.parse_args()
    print(f"frames of {options.small:,} and {options.large:,} bugs; this takes some minutes", flush=True)
    small, large = frame(options.small), frame(options.large)
    for figures in (small, large):
        print(" ".join(f"{name}={value}" for name, value in figures.items()), flush=True)
    rows = [
        ("CFD 365 days x 7 stages, product+version, cube, ms over HTTP (p50)", large["cube"], 10.0),
        ("the same against the smaller company, ratio", large["cube"] / small["cube"], 1.5),
        ("the same with done_from=range, ms (p50)", large["cube, done_from=range"], 10.0),
        ("CFD with an as-of severity filter by segments, ms (p50)", large["segments, severity as of"], 80.0),
        ("memory of the API process, MB", large["rss_mb"], 900.0),
        ("longest pause of the event loop while loading, ms", large["load_pause_ms"], 20.0),
        ("refresh of 1,000 changed facts, ms", large["refresh_ms"], 100.0),
        ("longest pause of the event loop while refreshing, ms", large["refresh_pause_ms"], 20.0),
    ]
    failed = 0
    for name, figure, limit in rows:
        holds = figure <= limit
        failed += not holds
        print(f"{'ok  ' if holds else 'OVER'} {figure:8.2f} (limit {limit:g})  {name}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
