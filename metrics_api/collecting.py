"""How collecting stands, read from what the collectors leave in the store: runs, watermarks, quarantine.

Runs are read once, by when they started: the newest ones at each look, older ones in windows, newest first,
until all that are kept are there. Those still going on are looked at again until they are over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Final

import numpy as np

from metrics_api.columns import Array
from metrics_api.context import Context
from metrics_api.core.config import patience_s
from metrics_api.core.schema import LISTS, Quarantined, Reconciliation, Run, Watermark
from metrics_api.core.store import Store
from metrics_api.health import HealthFrame, Place, Runs

# Run records are kept for 30 days.
KEPT_S = 30 * 86_400
# Clocks of machines agree to within some seconds, and a run's record is written a moment after it started.
OVERLAP_S = 300
# How many records of runs one look reads beside the newest ones, lest facts wait; windows hold some hundreds.
BUDGET = 2000
MANY, FEW = 1000, 250
HOUR_S, LONGEST_S = 3600, 86_400
# What the runner says of a run that was ended with its process.
STOPPED = "stopped"
# The scope of collectors that run once per instance.
WHOLE = "all"

RUN_FIELDS = dict.fromkeys(
    ("collector", "instance", "scope", "state", "started_at", "finished_at", "seen", "error", "interval_s"), 1
)
MARK_FIELDS = dict.fromkeys(("collector", "instance", "scope", "started_at"), 1)
QUARANTINE_FIELDS = dict.fromkeys(("collection", "instance", "scope", "at", "delivery.instance"), 1)
RECONCILED_FIELDS = dict.fromkeys(
    ("instance", "workspace", "entity", "missing", "extra", "repaired", "at"), 1
)
COLUMNS: Final[dict[str, type[np.generic]]] = {
    "place": np.uint32,
    "started": np.int64,
    "finished": np.int64,
    "succeeded": np.bool_,
    "failed": np.bool_,
    "seen": np.uint32,
}

# (instance, collector, scope)
Key = tuple[str, str, str]


class Collecting:
    """Keeps what is known about collecting, and makes frames of it."""

    def __init__(self) -> None:
        self._numbers: dict[Key, int] = {}
        self._columns: dict[str, Array] = {name: np.empty(0, kind) for name, kind in COLUMNS.items()}
        self._fresh: list[tuple[int, int, int, bool, bool, int]] = []
        # Between these instants (epoch seconds) all runs are known; both None before the first look.
        self._since: int | None = None
        self._upto = 0
        self._span = HOUR_S
        # When the runs started that the next look may meet again, and those that are not over, by _id.
        self._recent: dict[str, int] = {}
        self._open: dict[str, tuple[int, Run]] = {}
        # By place: when the newest known run started, and how often such runs are planned.
        self._planned: dict[int, tuple[int, float]] = {}
        self._marks: list[Watermark] = []
        self._quarantined: list[Quarantined] = []
        self._reconciled: list[Reconciliation] = []

    def complete(self, now: int) -> bool:
        """Whether all runs that are kept have been read."""
        return self._since is not None and self._since <= now - KEPT_S

    async def look(self, store: Store, now: int) -> None:
        """Read what is new; raises StoreUnavailable."""
        first = self._since is None
        after = now - HOUR_S if first else self._upto - OVERLAP_S
        found: list[Any] = await _started(store, after, now + OVERLAP_S)
        ended: list[Any] = await store.matching("runs", "_id", list(self._open), RUN_FIELDS)
        self._take(chain(found, ended))
        if first:
            self._since = after
        self._upto = max(self._upto, now)
        self._recent = {key: at for key, at in self._recent.items() if at >= self._upto - OVERLAP_S}
        await self._look_back(store, now)
        self._marks = await _whole(store, "watermarks", MARK_FIELDS)
        self._quarantined = await _whole(store, "quarantine", QUARANTINE_FIELDS)
        self._reconciled = await _whole(store, "reconciliations", RECONCILED_FIELDS)

    async def _look_back(self, store: Store, now: int) -> None:
        """Read older runs, window by window, as many as one look may."""
        read = 0
        while self._since is not None and not self.complete(now) and read < BUDGET:
            after = max(self._since - self._span, now - KEPT_S)
            found: list[Any] = await _started(store, after, self._since)
            self._take(found)
            self._since = after
            read += len(found)
            if len(found) > MANY:
                self._span = max(self._span // 2, 60)
            elif len(found) < FEW:
                self._span = min(self._span * 2, LONGEST_S)

    def _take(self, runs: Iterable[Run]) -> None:
        for run in runs:
            known = run["_id"] in self._recent or run["_id"] in self._open
            if known and run["_id"] not in self._open:
                continue
            place, started = self._number(_key(run)), int(run["started_at"].timestamp())
            self._recent[run["_id"]] = started
            self._planned[place] = max(
                self._planned.get(place, (-1, 0.0)), (started, run.get("interval_s", 0.0))
            )
            if run["state"] == "running":
                self._open[run["_id"]] = place, run
            else:
                self._open.pop(run["_id"], None)
                self._end(place, run)
        for name, (place, run) in list(self._open.items()):
            # One at a time: where another one started since, this one's process is gone.
            if int(run["started_at"].timestamp()) < self._planned[place][0]:
                del self._open[name]
                self._end(place, run)

    def _end(self, place: int, run: Run) -> None:
        started, over = run["started_at"], run["finished_at"] or run["started_at"]
        failed = run["state"] == "failed" and run["error"] != STOPPED
        times = int(started.timestamp()), int(over.timestamp())
        self._fresh.append((place, *times, run["state"] == "success", failed, run["seen"]))

    def _number(self, key: Key) -> int:
        return self._numbers.setdefault(key, len(self._numbers))

    def frame(
        self,
        now: int,
        context: Context,
        configured: frozenset[str],
        present: Mapping[str, frozenset[str]],
        broken: Mapping[str, Mapping[str, int]],
        unmapped: Mapping[str, Mapping[str, frozenset[str]]],
    ) -> HealthFrame:
        """How collecting stood at `now`.

        `configured` are the `<upstream>:<instance>` there are, `present` the scopes still collected by the
        `<collector>:<instance>` that lists them. `broken` and `unmapped` are by item topic and workspace key:
        how many items' histories are broken, and which statuses are in no stage.
        """
        runs = self._runs(now - KEPT_S)
        missing: dict[int, int] = {}
        traces: list[tuple[int, int]] = []
        for one in self._reconciled:
            place = self._number((one["instance"], f"tapd.{one['entity']}", one["workspace"]))
            left = one["missing"] + one["extra"] - one["repaired"]
            missing[place] = missing.get(place, 0) + max(left, 0)
            traces.append((place, int(one["at"].timestamp())))
        quarantine = [self._in_quarantine(one) for one in self._quarantined]
        chains = {
            self._of_items(topic, key): found for topic, keys in broken.items() for key, found in keys.items()
        }
        statuses = {
            self._of_items(topic, key): found
            for topic, keys in unmapped.items()
            for key, found in keys.items()
        }
        # What is told of the items as they are is known now, and of no time before.
        traces += [(place, now) for place in (*chains, *statuses)]
        marks = {self._number(_key(mark)): mark["started_at"] for mark in self._marks}
        size = len(self._numbers)
        succeeded: Array = np.full(size, -1, dtype=np.int64)
        for place, at in marks.items():
            if at is not None:
                succeeded[place] = int(at.timestamp())
                traces.append((place, succeeded[place]))
        ran = np.zeros(size, dtype=np.bool_)
        ran[[*marks, *np.unique(runs.place).tolist()]] = True
        return HealthFrame(
            at=now,
            places=tuple(_place(key, context) for key in self._numbers),
            ran=ran,
            gone=np.array([_gone(key, configured, present) for key in self._numbers], dtype=np.bool_),
            succeeded=succeeded,
            oldest=_oldest(size, runs, [*traces, *quarantine]),
            patience_s=np.array(
                [patience_s(self._planned.get(place, (-1, 0.0))[1]) for place in range(size)]
            ),
            runs=runs,
            quarantine=(
                np.array([place for place, _ in quarantine], dtype=np.int64),
                np.array([at for _, at in quarantine], dtype=np.int64),
            ),
            missing=missing,
            broken=chains,
            unmapped=statuses,
        )

    def _runs(self, oldest: int) -> Runs:
        """The runs since then, those taken up to now included."""
        fresh = zip(*self._fresh, strict=True) if self._fresh else [()] * len(COLUMNS)
        columns = {
            name: np.concatenate([self._columns[name], np.array(list(values), dtype=kind)])
            for (name, kind), values in zip(COLUMNS.items(), fresh, strict=True)
        }
        kept = columns["started"] > oldest
        self._columns = {name: column[kept] for name, column in columns.items()}
        self._fresh = []
        return Runs(**self._columns)

    def _in_quarantine(self, one: Quarantined) -> tuple[int, int]:
        instance = one.get("instance") or one.get("delivery", {}).get("instance", "")
        place = self._number((instance, collector_of(one["collection"]), one["scope"]))
        return place, int(one["at"].timestamp())

    def _of_items(self, topic: str, workspace: str) -> int:
        instance, _, scope = workspace.partition(":")
        return self._number((instance, f"tapd.{topic}", scope))


async def _started(store: Store, after: int, upto: int) -> list[Any]:
    span = {"$gt": datetime.fromtimestamp(after, UTC), "$lte": datetime.fromtimestamp(upto, UTC)}
    return await store.all("runs", {"started_at": span}, RUN_FIELDS)


async def _whole(store: Store, name: str, fields: dict[str, int]) -> list[Any]:
    return await store.all(name, None, fields)


def _key(document: Run | Watermark) -> Key:
    return document["instance"], document["collector"], document["scope"]


def _place(key: Key, context: Context) -> Place:
    instance, collector, scope = key
    if collector.startswith("tapd."):
        workspace = context.workspaces.get(f"{instance}:{scope}")
        if workspace:
            return Place(*key, product=workspace.product, workspace=workspace.id)
    elif project := context.projects.get(f"{instance}:{scope}"):
        return Place(*key, product=project.product)
    return Place(*key)


def _gone(key: Key, configured: frozenset[str], present: Mapping[str, frozenset[str]]) -> bool:
    """Whether a place is no longer collected: its instance or its scope is not there any more.

    An API that is told of no instance of an upstream takes them all.
    """
    instance, collector, scope = key
    upstream = collector.partition(".")[0]
    known = {name for name in configured if name.startswith(f"{upstream}:")}
    if known and f"{upstream}:{instance}" not in known:
        return True
    lists = [present.get(f"{name}:{instance}") for name in LISTS.values() if name.startswith(f"{upstream}.")]
    return scope != WHOLE and any(found is not None and scope not in found for found in lists)


def _oldest(size: int, runs: Runs, traces: Sequence[tuple[int, int]]) -> Array:
    """By place: the first of its runs and traces (place, epoch seconds), -1 without any."""
    never = np.iinfo(np.int64).max
    found: Array = np.full(size, never, dtype=np.int64)
    np.minimum.at(found, runs.place, runs.started)
    for place, at in traces:
        found[place] = min(found[place], at)
    found[found == never] = -1
    return found


def collector_of(collection: str) -> str:
    """Who fills a raw collection: `raw_tapd_story` is tapd.stories."""
    _, upstream, name = collection.split("_", 2)
    plural = name if name.endswith("s") else f"{name[:-1]}ies" if name.endswith("y") else f"{name}s"
    return f"{upstream}.{plural}"
