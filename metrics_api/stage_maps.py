"""The stages that were counted by, and since when: noted at each change, so that a change can be shown.

History is counted by today's map; the older ones are kept for those who look at an old picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from metrics_api.context import Context
from metrics_api.core.schema import StageMap
from metrics_api.core.store import DuplicateKeyError, Store, translated

COLLECTION = "stage_maps"
# A workflow is read by several requests and a configuration edited in several goes: a map that did not last
# so long (seconds) is replaced by the one that follows.
SETTLED_S = 3600


async def noted(store: Store, context: Context, now: int) -> tuple[StageMap, ...]:
    """All stage maps, the context's noted as of `now` (epoch seconds) where new; raises StoreUnavailable."""
    known: dict[str, Any] = {document["_id"]: document for document in await store.all(COLLECTION)}
    for key, stages in _present(context).items():
        before = known.get(key)
        if before is None:
            known[key] = {"_id": key, "revision": 1, "versions": [{"at": now, "stages": stages}]}
            with translated():
                try:
                    await store.durable(COLLECTION).insert_one(known[key])
                except DuplicateKeyError:
                    # Another API was quicker; it is shown at the next change.
                    continue
        elif before["versions"][-1]["stages"] != stages:
            versions = _followed(before["versions"], {"at": now, "stages": stages})
            known[key] = {"_id": key, "revision": before["revision"] + 1, "versions": versions}
            with translated():
                await store.durable(COLLECTION).replace_one(
                    {"_id": key, "revision": before["revision"]}, known[key]
                )
    return tuple(sorted(known.values(), key=lambda document: str(document["_id"])))


def _present(context: Context) -> Mapping[str, list[dict[str, Any]]]:
    """The stages of each workspace and topic that has any, as they are stored."""
    return {
        f"{key}:{topic}": [asdict(stage) | {"statuses": list(stage.statuses)} for stage in flow.stages]
        for key, workspace in context.workspaces.items()
        for topic, flow in workspace.flows.items()
        if flow.stages
    }


def _followed(versions: list[dict[str, Any]], new: dict[str, Any]) -> list[dict[str, Any]]:
    """The versions with a new one, without those that did not last."""
    kept = list(versions)
    while kept and new["at"] - kept[-1]["at"] < SETTLED_S:
        new = {**new, "at": kept.pop()["at"]}
    if kept and kept[-1]["stages"] == new["stages"]:
        return kept
    return [*kept, new]
