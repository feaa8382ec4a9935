"""What the commands print of collecting: lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from rich.cells import cell_len

from collectors import WHOLE
from collectors.findings import Finding, counted
from collectors.first_collection import lasting
from collectors.quarantine import Kept
from collectors.rehearsal import Rehearsed
from collectors.status import Backlog, Standing
from metrics_api.core.task_types import Task, TaskProgress
from metrics_api.core.tasks import described

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


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of a table, its columns as wide as they must be."""
    # A Chinese character is as wide as two others.
    widths = [max(cell_len(row[at]) for row in [head, *rows]) for at in range(len(head))]
    for row in [head, *rows]:
        cells = (text + " " * (width - cell_len(text)) for text, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


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


def task_lines(tasks: Sequence[Task], now: datetime) -> Iterator[str]:
    """A line for each task."""
    rows = [
        (
            *(one["_id"], one["state"], described(one)),
            f"{age((now - one['created_at']).total_seconds())} ago",
            _far(one["progress"]),
            plain(one["error"] or ""),
        )
        for one in tasks
    ]
    return table(("id", "state", "task", "asked for", "done", "error"), rows)


def task_log(task: Task) -> Iterator[str]:
    """The lines of a task's log."""
    for one in task["log"]:
        yield f"{one['at'].astimezone(UTC):%Y-%m-%d %H:%M:%S}Z  {plain(one['line'])}"


def rehearsed_lines(instance: str, one: Rehearsed) -> Iterator[str]:
    """What a scope would be asked for, each collector in a line, and the stages of its items."""
    place = instance if one.scope == WHOLE else f"{instance} {one.scope} {plain(one.name)}"
    yield f"{place}: {counted(sum(found.requests for found in one.expected), 'request')}"
    for found in one.expected:
        since = f"since {found.since}" if found.since else "from the beginning"
        yield f"    {found.collector:<24} {found.requests:>7}  {since}"
    for stages in one.stages:
        yield f"    stages of {stages.topic}, {'guessed' if stages.guessed else 'as configured'}"
        for stage in stages.stages:
            yield f"        {plain(stage.name)} ({stage.flag}): {plain(', '.join(stage.statuses))}"


def lasting_lines(needed: Mapping[str, tuple[int, int]]) -> Iterator[str]:
    """By instance the requests and the quota per minute: how long the one takes at the other."""
    for instance, (requests, quota) in needed.items():
        yield (
            f"{instance}: at least {counted(requests, 'request')}; at {quota} a minute that takes some "
            f"{lasting(requests, quota)}"
        )


def _far(far: TaskProgress) -> str:
    if not far["total"]:
        return "-"
    at = f" ({far['at']})" if far["at"] and far["done"] < far["total"] else ""
    return f"{far['done']} of {far['total']} {far['unit']}, {far['records']} records{at}"


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
