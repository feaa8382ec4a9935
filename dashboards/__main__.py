"""Command line: `python -m dashboards build [--check] [--folder FOLDER]`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dashboards.build import differences, files, write
from dashboards.datasources import PROVISIONING
from dashboards.registry import load


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the dashboards and return the exit status: 1 if `--check` finds them out of date."""
    parser = argparse.ArgumentParser(prog="python -m dashboards", description="Build the Grafana dashboards.")
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="write the dashboards as JSON")
    build.add_argument("--check", action="store_true", help="only tell whether the JSON is up to date")
    build.add_argument(
        "--folder", type=Path, default=PROVISIONING, help="grafana-provisioning (default: %(default)s)"
    )
    options = parser.parse_args(arguments)
    built = files(load())
    if not options.check:
        for path in write(built, options.folder):
            print(path)
        return 0
    difference = differences(built, options.folder)
    if difference:
        print(difference, end="")
        print("The dashboards are not up to date: run `python -m dashboards build`.", file=sys.stderr)
    return 1 if difference else 0


if __name__ == "__main__":
    sys.exit(main())
