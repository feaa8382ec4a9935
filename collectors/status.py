"""How collecting stands: each collector and scope with its last run and its lag, and what waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from metrics_api.core.days import utc_now
from metrics_api.core.inbox import UPSTREAMS, Inbox
from metrics_api.core.store import Store


@dataclass(frozen=True)
class Standing:
    """One collector in one scope.

    `succeeded_at` is the start of the last successful run and `lag_s` the seconds since then, None without
    one. State, counts, seconds and error are the last run's; state is "" where its record is gone.
    """

    collector: str
    instance: str
    scope: str
    succeeded_at: datetime | None
    lag_s: float | None
    state: str
    started_at: datetime | None
    seconds: float
    requests: int
    seen: int
    new: int
    changed: int
    quarantined: int
    error: str | None


async def status(store: Store) -> list[Standing]:
    """All collectors and scopes that ever ran, by name."""
    watermarks = await store.all("watermarks")
    ids = [mark["run"] for mark in watermarks if mark.get("run")]
    runs = {run["_id"]: run for run in await store.matching("runs", "_id", ids)}
    now = utc_now()
    return [
        _standing(mark, runs.get(mark.get("run", ""), {}), now)
        for mark in sorted(watermarks, key=lambda mark: str(mark["_id"]))
    ]


@dataclass(frozen=True)
class Backlog:
    """What webhooks of one upstream brought and no collector took yet; `oldest_s` is the longest wait."""

    upstream: str
    waiting: int
    oldest_s: float | None


async def backlog(store: Store) -> list[Backlog]:
    """What waits, by upstream."""
    found = []
    for upstream in UPSTREAMS:
        waiting, oldest = await Inbox(store, upstream).backlog()
        oldest_s = None if oldest is None else max(utc_now().timestamp() - oldest / 1000, 0.0)
        found.append(Backlog(upstream, waiting, oldest_s))
    return found


def _standing(mark: dict[str, Any], run: dict[str, Any], now: datetime) -> Standing:
    at = mark["started_at"]
    return Standing(
        collector=mark["collector"],
        instance=mark["instance"],
        scope=mark["scope"],
        succeeded_at=at,
        lag_s=(now - at).total_seconds() if at else None,
        state=run.get("state", ""),
        started_at=run.get("started_at"),
        seconds=run.get("seconds", 0.0),
        requests=run.get("requests", 0),
        seen=run.get("seen", 0),
        new=run.get("new", 0),
        changed=run.get("changed", 0),
        quarantined=run.get("quarantined", 0),
        error=run.get("error"),
    )
