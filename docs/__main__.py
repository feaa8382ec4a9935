"""Command line: `python -m docs [--check]` writes docs/metrics.md, or tells whether it is up to date."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Sequence
from pathlib import Path

from docs.metrics_page import page

FILE = Path(__file__).resolve().parent / "metrics.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page and return the exit status: 1 if `--check` finds it out of date."""
    parser = argparse.ArgumentParser(prog="python -m docs", description="Write docs/metrics.md.")
    parser.add_argument("--check", action="store_true", help="only tell whether it is up to date")
    parser.add_argument("--file", type=Path, default=FILE, help="default: %(default)s")
    options = parser.parse_args(arguments)
    made = page()
    if not options.check:
        options.file.write_text(made, encoding="utf-8")
        print(options.file)
        return 0
    there = options.file.read_text(encoding="utf-8") if options.file.exists() else ""
    lines = there.splitlines(keepends=True), made.splitlines(keepends=True)
    sys.stdout.writelines(difflib.unified_diff(*lines, "committed/metrics.md", "made/metrics.md"))
    if there != made:
        print("docs/metrics.md is not up to date: run `python -m docs`.", file=sys.stderr)
    return int(there != made)


if __name__ == "__main__":
    sys.exit(main())
