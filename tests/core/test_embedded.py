"""The embedded store: a process of its own, its data folder held by one owner."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from metrics_api.core.errors import ConfigError
from metrics_api.core.store import Store
from metrics_api.embedded import embedded_store, owned


async def test_data_written_durably_is_there_after_the_server_was_stopped(tmp_path: Path) -> None:
    async with embedded_store(tmp_path) as uri:
        store = Store(uri, "first")
        assert await store.advance("counters", "a", "n", 3) == 3
        await store.aclose()
    async with embedded_store(tmp_path) as uri:
        store = Store(uri, "first")
        assert await store.one("counters", "a") == {"_id": "a", "n": 3}
        await store.aclose()


async def test_whoever_leaves_last_stops_the_server(tmp_path: Path) -> None:
    async with AsyncExitStack() as second:
        async with embedded_store(tmp_path) as uri:
            assert await second.enter_async_context(embedded_store(tmp_path)) == uri
        store = Store(uri, "shared")
        await store.probe()
        await store.aclose()
    assert not (tmp_path / "store.json").exists()
    with pytest.raises(StopIteration):
        server_of(tmp_path)


async def test_a_server_left_behind_is_taken_over(tmp_path: Path) -> None:
    script = (
        "import asyncio, os, sys; from pathlib import Path; from metrics_api.embedded import embedded_store\n"
        "async def main():\n"
        "    async with embedded_store(Path(sys.argv[1])) as uri:\n"
        "        print(uri, flush=True); await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    user = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert user.stdout is not None
    left = (await user.stdout.readline()).decode().strip()
    user.kill()
    await user.wait()
    async with embedded_store(tmp_path) as uri:
        assert uri == left
    with pytest.raises(StopIteration):
        server_of(tmp_path)


def test_a_folder_of_ones_own_is_refused_to_others_in_words(tmp_path: Path) -> None:
    refused = pytest.raises(ConfigError, match=f"in use by another engmetrics .process {os.getpid()}")
    with owned(tmp_path), refused, owned(tmp_path):
        pass
    with owned(tmp_path):
        pass


async def test_durable_writes_survive_the_death_of_the_server(tmp_path: Path) -> None:
    acknowledged = 0

    async def write(store: Store) -> None:
        nonlocal acknowledged
        while True:
            await store.durable("raw").insert_one({"_id": acknowledged + 1})
            acknowledged += 1

    async with embedded_store(tmp_path) as uri:
        store = Store(uri, "killed")
        writing = asyncio.create_task(write(store))
        await asyncio.sleep(1.0)
        os.kill(server_of(tmp_path), signal.SIGKILL)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await store.aclose()
    assert acknowledged > 0
    async with embedded_store(tmp_path) as uri:
        store = Store(uri, "killed")
        found = {document["_id"] for document in await store.all("raw")}
        assert set(range(1, acknowledged + 1)) <= found
        await store.aclose()


def server_of(data: Path) -> int:
    """The process id of the server of a data folder; raises StopIteration without one."""
    return next(
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and str(data / "store").encode() in _command_line(entry)
    )


def _command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""
