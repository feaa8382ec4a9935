"""A simulated TAPD as a process of its own, for benches: prints its address, serves until its input ends."""

from __future__ import annotations

import asyncio
import sys

from simulator import generate, running


async def served(bugs: int, days: int) -> None:
    """Serve a company of so many bugs and no stories."""
    async with running(generate(seed=7, bugs=bugs, days=days, stories=0), tapd_quota=None) as servers:
        print(servers.tapd_url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(served(int(sys.argv[1]), int(sys.argv[2])))
