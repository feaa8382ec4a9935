"""What the commands print of collecting: lines for people."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import datetime

from collectors import Progress
from collectors.findings import Finding
from collectors.quarantine import Kept
from collectors.status import Backlog, Standing

HEAD = (
    "collector",
    "scope",
    "state",
    "last success",
    "seen",
    "new",
    "changed",
    "requests",
    "seconds",
    "error",
)


class Told:
    """Prints how far long runs are, at most once a second; a run over within a second says nothing."""

    def __init__(self) -> None:
        self._began: dict[tuple[str, str], float] = {}
        self._told: dict[tuple[str, str], float] = {}
        self._records: dict[tuple[str, str], int] = {}

    def __call__(self, progress: Progress) -> None:
        """Print a line unless one was just printed."""
        key, now = (progress.collector, progress.scope), time.monotonic()
        if progress.records <= self._records.get(key, -1) or key not in self._began:
            self._began[key] = self._told[key] = now
        self._records[key] = progress.records
        over = 0 < progress.total <= progress.done and now - self._began[key] >= 1.0
        if now - self._told[key] < 1.0 and not over:
            return
        self._told[key] = now
        far = f"{progress.done} of {progress.total} {progress.unit}, " if progress.total else ""
        print(f"collect   {progress.collector} {progress.scope}: {far}{progress.records} records", flush=True)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of a table, its columns as wide as they must be."""
    widths = [max(len(row[at]) for row in [head, *rows]) for at in range(len(head))]
    for row in [head, *rows]:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()


def standings(found: Sequence[Standing]) -> Iterator[str]:
    """A line for each collector and scope."""
    rows = [
        (
            *(one.collector, one.scope, one.state or "-"),
            "never" if one.lag_s is None else f"{one.lag_s / 60:.0f} min ago",
            *(str(one.seen), str(one.new), str(one.changed), str(one.requests)),
            *(f"{one.seconds:.1f}", one.error or ""),
        )
        for one in found
    ]
    return table(HEAD, rows)


def backlogs(found: Sequence[Backlog]) -> Iterator[str]:
    """A line for each upstream whose webhooks wait."""
    for one in found:
        if one.waiting:
            wait = f", the first since {one.oldest_s:.0f} s" if one.oldest_s is not None else ""
            yield f"webhooks of {one.upstream}: {one.waiting} wait{wait} (`engmetrics collect` takes them)"


def kept_lines(kept: Kept, now: datetime) -> Iterator[str]:
    """One in quarantine: where it came from, why it is there, how it begins."""
    place = "/".join(filter(None, (kept.instance, kept.scope)))
    yield f"{kept.id}  {kept.collection}  {place or '-'}  {age((now - kept.at).total_seconds())} ago"
    yield f"    {plain(kept.reason)}"
    yield f"    {plain(kept.beginning.decode('utf-8', 'backslashreplace'))}"


def age(seconds: float) -> str:
    """A length of time in its largest unit."""
    for unit, length in (("days", 86_400), ("hours", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def plain(text: str) -> str:
    """Text in one line, in which nothing steers a terminal."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def finding_lines(finding: Finding) -> Iterator[str]:
    """A finding, and below it what to do."""
    yield f"{finding.level:<8} {finding.about:<16} {plain(finding.says)}"
    if finding.todo:
        yield f"{'':<8} {'':<16} -> {plain(finding.todo)}"
