"""The embedded store: a process of its own, its data folder held by one owner."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from metrics_api.core.errors import ConfigError
from metrics_api.core.store import Store
from metrics_api.embedded import embedded_store


async def test_data_written_durably_is_there_after_the_server_was_stopped(tmp_path: Path) -> None:
    async with embedded_store(tmp_path) as uri:
        store = Store(uri, "first")
        assert await store.advance("counters", "a", "n", 3) == 3
        await store.aclose()
    async with embedded_store(tmp_path) as uri:
        store = Store(uri, "first")
        assert await store.one("counters", "a") == {"_id": "a", "n": 3}
        await store.aclose()


async def test_a_folder_in_use_is_refused_in_words_or_shared(tmp_path: Path) -> None:
    async with embedded_store(tmp_path) as uri:
        with pytest.raises(ConfigError, match=f"in use by another engmetrics .process {os.getpid()}"):
            async with embedded_store(tmp_path):
                pass
        async with embedded_store(tmp_path, share=True) as shared:
            assert shared == uri


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
        server = next(
            int(entry.name)
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and str(tmp_path / "store").encode() in _command_line(entry)
        )
        os.kill(server, signal.SIGKILL)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await store.aclose()
    assert acknowledged > 0
    async with embedded_store(tmp_path) as uri:
        store = Store(uri, "killed")
        found = {document["_id"] for document in await store.all("raw")}
        assert set(range(1, acknowledged + 1)) <= found
        await store.aclose()


def _command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""
