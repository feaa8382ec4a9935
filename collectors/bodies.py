"""The files of large bodies that webhooks brought: those that nothing names any more are deleted.

A process that ends between keeping a body and noting its delivery, or between forgetting the one and the
other, leaves a file behind.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from metrics_api.core.days import utc_now
from metrics_api.core.inbox import UPSTREAMS
from metrics_api.core.store import Store

log = logging.getLogger(__name__)

# No delivery is so long on its way from its file to its inbox.
ORPHANED_AFTER = timedelta(hours=1)
EVERY_S = 3600.0


async def forget_orphans(store: Store, after: timedelta = ORPHANED_AFTER) -> int:
    """Delete the files kept so long that no delivery names, waiting or in quarantine; returns how many."""
    files = await store.files_before(utc_now() - after)
    # Looked at twice: meanwhile a delivery may have gone from the one place to the other.
    named = await _named(store) | await _named(store) if files else set()
    orphans = [key for key in files if key not in named]
    for key in orphans:
        await store.drop_file(key)
    if orphans:
        log.info("files of large bodies that nothing named are deleted count=%d", len(orphans))
    return len(orphans)


async def _named(store: Store) -> set[str]:
    found: set[str] = set()
    for upstream in UPSTREAMS:
        waiting = await store.all(f"inbox_{upstream}", {"file": {"$exists": True}}, {"file": 1})
        found.update(one["file"] for one in waiting)
    kept = await store.all("quarantine", {"delivery.file": {"$exists": True}}, {"delivery.file": 1})
    return found | {one["delivery"]["file"] for one in kept}
