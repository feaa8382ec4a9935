"""Where the tests' stores keep their files."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = Path("/dev/shm")
ROOM = 2 * 2**30


@contextmanager
def quick_folder() -> Iterator[Path]:
    """A folder for as long as the block lasts, in memory where there is room.

    Every durable write waits for its files to be on the disk; no store of a test has to outlast the machine.
    """
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM
    with tempfile.TemporaryDirectory(
        prefix="engmetrics-tests-", dir=MEMORY if roomy else None, ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)
