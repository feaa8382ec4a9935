"""The figures of long campaigns: each notes what it did, the run writes them to a file when it is over."""

from __future__ import annotations

import platform
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

HEAD = """\
# Soak

Written by `make soak`: the long campaigns that `make test` runs in small. Only campaigns that held are here,
each with the commit at which it was last run, `-dirty` if something was changed since that.

| campaign | rounds | seconds | commit | day | machine |
|---|---|---|---|---|---|
"""


@dataclass
class Soak:
    """The rows noted so far."""

    rows: list[tuple[str, int, float]] = field(default_factory=list)

    def note(self, campaign: str, *, rounds: int, seconds: float) -> None:
        """Note a campaign that held: how many rounds, and how many seconds they took."""
        self.rows.append((campaign, rounds, seconds))

    def write(self, file: Path) -> None:
        """Write the table; campaigns that were not run this time keep their rows."""
        asked = ["git", "describe", "--always", "--dirty"]
        told = subprocess.run(asked, capture_output=True, text=True, check=False)
        commit, day = told.stdout.strip() or "unknown", datetime.now(UTC).date().isoformat()
        machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
        before = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        lines = {line.split(" | ")[0].removeprefix("| "): line for line in before if line.startswith("| ")}
        lines.pop("campaign", None)
        for name, rounds, seconds in self.rows:
            lines[name] = f"| {name} | {rounds} | {seconds:.0f} | {commit} | {day} | {machine} |"
        file.write_text(HEAD + "".join(f"{lines[name]}\n" for name in sorted(lines)), encoding="utf-8")
