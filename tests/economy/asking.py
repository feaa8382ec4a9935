"""A process that asks a TAPD so many times, for tests with several of them: `python -m tests.economy.asking`.

Arguments: the TAPD's address, the store's, the database, the quota, its window in seconds, how many requests,
and a number that tells the process in what it asks.
"""

from __future__ import annotations

import asyncio
import sys

from collectors.quota import Quota
from collectors.shares import Account
from collectors.tapd_client import TapdClient
from collectors.upstream import Upstream
from metrics_api.core.config import TapdInstance
from metrics_api.core.store import Store
from simulator import TapdAccount


async def ask(url: str, uri: str, database: str, limit: int, window_s: float, count: int, name: str) -> None:
    """Ask one after the other, two at once, and leave."""
    store = Store(uri, database)
    quota = Quota(limit, 2, window_s, Account(store, "tapd:tapd", name))
    bearer = {"Authorization": f"Bearer {TapdAccount().token}"}
    upstream = Upstream("tapd", url, bearer, quota)
    client = TapdClient(TapdInstance(url=url), upstream)

    async def asking(number: int) -> None:
        await client.mapping("/workspaces/get_workspace_info", {"workspace_id": "991", "process": name})

    await asyncio.gather(*(asking(number) for number in range(count)))
    await upstream.aclose()
    await store.aclose()


if __name__ == "__main__":
    given = sys.argv[1:]
    asyncio.run(ask(given[0], given[1], given[2], int(given[3]), float(given[4]), int(given[5]), given[6]))
