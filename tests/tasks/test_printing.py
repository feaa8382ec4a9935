"""What is printed where nobody reads any more."""

from __future__ import annotations

import asyncio
import os
import sys


async def test_who_reads_no_further_stops_no_work() -> None:
    read, write = os.pipe()
    os.close(read)
    lines = "from collectors.display import say; say('first'); say('second'); raise SystemExit(7)"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", lines), stdout=write, stderr=asyncio.subprocess.PIPE
    )
    os.close(write)
    _, said = await process.communicate()
    assert (process.returncode, said) == (7, b"")
