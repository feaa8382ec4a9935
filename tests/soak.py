"""The figures of long campaigns: each notes what it did, the run writes them to a file when it is over."""

from __future__ import annotations

import platform
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

HEAD = """\
# Soak

Written by `make soak`: the long campaigns that `make test` runs in small. Only campaigns that held are here.

"""


@dataclass
class Soak:
    """The rows noted so far."""

    rows: list[tuple[str, int, float]] = field(default_factory=list)

    def note(self, campaign: str, *, rounds: int, seconds: float) -> None:
        """Note a campaign that held: how many rounds, and how many seconds they took."""
        self.rows.append((campaign, rounds, seconds))

    def write(self, file: Path) -> None:
        """Write the table, with the commit and the machine."""
        commit = subprocess.run(
            ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
        ).stdout.strip()
        day = datetime.now(UTC).date().isoformat()
        lines = [
            f"Commit {commit or 'unknown'}, {day}, {platform.system()} {platform.machine()}, Python "
            f"{platform.python_version()}.",
            "",
            "| campaign | rounds | seconds |",
            "|---|---|---|",
            *(f"| {name} | {rounds} | {seconds:.0f} |" for name, rounds, seconds in sorted(self.rows)),
        ]
        file.write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8")
