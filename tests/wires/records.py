"""Raw records as the collecting side leaves them, written straight into the store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from metrics_api.core.raw import RawStore, Record
from metrics_api.core.store import Store

AT = datetime(2026, 3, 1, tzinfo=UTC)


async def keep(
    store: Store, collection: str, scope: str, rows: Sequence[dict[str, Any]], instance: str = "tapd"
) -> None:
    """Store the rows in their order."""
    records = [Record(scope, row["id"], row["id"], row) for row in rows]
    for at in range(0, len(records), 1000):
        await RawStore(store).upsert(collection, instance, records[at : at + 1000], AT, fresh=True)


async def workspaces(store: Store, *ids: str, instance: str = "tapd") -> None:
    """Make workspaces known."""
    for identifier in ids:
        row = {"id": identifier, "name": f"Product {identifier}"}
        await keep(store, "raw_tapd_workspace", identifier, [row], instance)


def bug(number: int, **fields: Any) -> dict[str, Any]:
    """A bug as TAPD gives it, cut short."""
    return {"id": str(number), "title": f"缺陷 {number}", "status": "new", "module": None} | fields
