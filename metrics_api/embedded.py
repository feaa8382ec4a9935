"""The embedded store: a MongoDB-compatible server as a process of its own, for a laptop, a demo and tests.

A `mongod` on the PATH is preferred; else SecantusDB's `secantusd-py` of the extra `[embedded]` is started. It
is GPL-2.0 and only spoken to over the wire. It is bound to 127.0.0.1, good for some 200,000 records; for
production give a real MongoDB (`MONGODB_URI`).
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from metrics_api.core.errors import ConfigError
from metrics_api.core.store import Store

log = logging.getLogger(__name__)

START_S = 60.0
STOP_S = 20.0


def _command(port: int, data: Path) -> list[str]:
    mongod = shutil.which("mongod")
    if mongod:
        return [mongod, "--bind_ip", "127.0.0.1", "--port", str(port), "--dbpath", str(data), "--quiet"]
    beside = Path(sys.executable).with_name("secantusd-py")
    secantus = str(beside) if beside.exists() else shutil.which("secantusd-py")
    if not secantus:
        raise ConfigError(
            "no store: give MONGODB_URI, or install the embedded one with: pip install 'engmetrics[embedded]'"
        )
    return [
        *(secantus, "--host", "127.0.0.1", "--port", str(port)),
        *("--storage-path", str(data), "--log-level", "WARNING", "--standalone"),
    ]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class InUse(ConfigError):
    """Another process holds the data folder; `owner` is its id, `uri` its store's if it runs one."""

    def __init__(self, data: Path, owner: str, uri: str) -> None:
        self.owner, self.uri = owner, uri
        super().__init__(
            f"the data folder {data} is in use by another engmetrics (process {owner or 'unknown'}): "
            "stop that one, or name another folder with --data"
        )


def _locked(data: Path) -> int:
    """The descriptor of the folder's lock; the server inherits it, so it holds while the server lives."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(data / "engmetrics.lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise ConfigError(f"the data folder {data} cannot be used: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner, _, uri = os.pread(descriptor, 256, 0).decode("ascii", "replace").strip().partition(" ")
        os.close(descriptor)
        raise InUse(data, owner, uri) from None
    return descriptor


def _note(descriptor: int, text: str) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text.encode("ascii"), 0)


async def _ready(uri: str, process: subprocess.Popen[bytes], output: Path) -> None:
    store = Store(uri, "engmetrics")
    try:
        async with asyncio.timeout(START_S):
            while True:
                if process.poll() is not None:
                    tail = output.read_text(errors="replace").strip().splitlines()[-3:]
                    raise ConfigError(
                        f"the embedded store did not start: {' | '.join(tail) or process.returncode}"
                    )
                if _listens(uri):
                    await store.probe()
                    return
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise ConfigError(f"the embedded store did not answer within {START_S:.0f} s; see {output}") from None
    finally:
        await store.aclose()


def _listens(uri: str) -> bool:
    host, port = uri.removeprefix("mongodb://").split("/")[0].split(":")
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex((host, int(port))) == 0


async def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.to_thread(process.wait, STOP_S)
    except subprocess.TimeoutExpired:
        log.warning("the embedded store did not stop in %s s and was killed", STOP_S)
        process.kill()
        await asyncio.to_thread(process.wait)


@asynccontextmanager
async def embedded_store(data: Path, *, share: bool = False) -> AsyncIterator[str]:
    """Run the embedded server on a data folder and yield its MongoDB URI; stops it on leaving.

    With `share`, a server that another engmetrics runs on the folder is used instead. Raises ConfigError in
    words when there is no server to start, when the folder is in use or when the server does not come up. The
    server has a session of its own, so that a Ctrl-C at the terminal reaches its users first.
    """
    try:
        lock = _locked(data)
    except InUse as other:
        if not share or not other.uri or not _listens(other.uri):
            raise
        log.info("using the embedded store of process %s", other.owner)
        yield other.uri
        return
    try:
        _note(lock, str(os.getpid()))
        port = _free_port()
        files = data / "store"
        files.mkdir(exist_ok=True)
        output = data / "store.log"
        command = _command(port, files)
        with output.open("wb") as sink:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
                pass_fds=(lock,),
            )
        uri = f"mongodb://127.0.0.1:{port}/"
        try:
            await _ready(uri, process, output)
            _note(lock, f"{os.getpid()} {uri}")
            log.info(
                "embedded store on %s: for a laptop and a demo", data, extra={"server": Path(command[0]).name}
            )
            yield uri
        finally:
            await _stop(process)
    finally:
        os.close(lock)
