"""The embedded store: a MongoDB-compatible server as a process of its own, for a laptop, a demo and tests.

A `mongod` on the PATH is preferred; else SecantusDB's `secantusd-py` of the extra `[embedded]` is started. It
is GPL-2.0 and only spoken to over the wire. It is bound to 127.0.0.1, good for some 200,000 records; for
production give a real MongoDB (`MONGODB_URI`).

Whoever uses a data folder first starts its server, whoever leaves last stops it; a server that a killed
engmetrics left behind is taken over.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from metrics_api.core.concurrency import to_the_end
from metrics_api.core.errors import ConfigError
from metrics_api.core.store import Store

log = logging.getLogger(__name__)

START_S = 60.0
STOP_S = 20.0


def store_command(port: int, data: Path) -> list[str]:
    """The command line of the store on a port of 127.0.0.1 with its files in a folder; raises ConfigError."""
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


@contextmanager
def locked(file: Path, *, shared: bool = False, wait: bool = False) -> Iterator[int]:
    """Hold a lock file, alone or shared; raises BlockingIOError when another holds it and `wait` is not set.

    Yields the file's descriptor. The lock goes with the process, however that ends.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        fcntl.flock(descriptor, kind if wait else kind | fcntl.LOCK_NB)
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def owned(data: Path) -> Iterator[None]:
    """Have a data folder to oneself; raises ConfigError, naming the process that has it."""
    data.mkdir(parents=True, exist_ok=True)
    try:
        with locked(data / "owner.lock") as descriptor:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode("ascii"), 0)
            yield
    except BlockingIOError:
        owner = (data / "owner.lock").read_text(encoding="ascii").strip() or "unknown"
        raise ConfigError(
            f"the data folder {data} is in use by another engmetrics (process {owner}): "
            "stop that one, or name another folder with --data"
        ) from None


def _listens(uri: str) -> bool:
    host, port = uri.removeprefix("mongodb://").split("/")[0].split(":")
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex((host, int(port))) == 0


async def _ready(uri: str, process: subprocess.Popen[bytes], output: Path) -> None:
    store = Store(uri, "engmetrics")
    try:
        async with asyncio.timeout(START_S):
            while not _listens(uri):
                if process.poll() is not None:
                    tail = output.read_text(errors="replace").strip().splitlines()[-3:]
                    raise ConfigError(
                        f"the embedded store did not start: {' | '.join(tail) or process.returncode}"
                    )
                await asyncio.sleep(0.05)
            await store.probe()
    except TimeoutError:
        raise ConfigError(f"the embedded store did not answer within {START_S:.0f} s; see {output}") from None
    finally:
        await store.aclose()


async def _started(data: Path) -> dict[str, int | str]:
    """Start a server on a data folder; returns its process id and its URI."""
    port = _free_port()
    files, output = data / "store", data / "store.log"
    files.mkdir(exist_ok=True)
    with output.open("wb") as sink:
        # A session of its own: a Ctrl-C at the terminal reaches its users first.
        process = subprocess.Popen(
            store_command(port, files),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    uri = f"mongodb://127.0.0.1:{port}/"
    try:
        await _ready(uri, process, output)
    except BaseException:
        process.kill()
        process.wait()
        raise
    log.info("embedded store on %s: for a laptop and a demo", data)
    return {"pid": process.pid, "uri": uri}


def _noted(data: Path) -> dict[str, int | str] | None:
    """The server that was started on a data folder, if that process still lives."""
    try:
        found = json.loads((data / "store.json").read_text(encoding="utf-8"))
        command = Path(f"/proc/{int(found['pid'])}/cmdline").read_bytes()
        return dict(found) if str(data / "store").encode() in command else None
    except (OSError, ValueError, KeyError):
        return None


def _alive(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        # One's own child stays as a zombie until it is waited for.
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _stop(data: Path) -> None:
    """Stop the server of a data folder and wait until it is gone."""
    found = _noted(data)
    if not found:
        return
    pid, until = int(found["pid"]), time.monotonic() + STOP_S
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        while _alive(pid) and time.monotonic() < until:
            time.sleep(0.05)
        if not _alive(pid):
            break
        log.warning("the embedded store did not stop in %s s and is killed", STOP_S)
        until += STOP_S
    (data / "store.json").unlink(missing_ok=True)


@asynccontextmanager
async def embedded_store(data: Path) -> AsyncIterator[str]:
    """The MongoDB URI of the server of a data folder, started if need be.

    It is stopped on leaving unless others use it. Raises ConfigError in words when the folder cannot be used,
    when there is no server to start or when it does not come up.
    """
    try:
        data.mkdir(parents=True, exist_ok=True)
        users = os.open(data / "users.lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise ConfigError(f"the data folder {data} cannot be used: {error.strerror}") from None
    try:
        with locked(data / "start.lock", wait=True):
            found = _noted(data)
            if not found or not _listens(str(found["uri"])):
                found = await _started(data)
            (data / "store.json").write_text(json.dumps(found), encoding="utf-8")
            fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield str(found["uri"])
        finally:
            with locked(data / "start.lock", wait=True), contextlib.suppress(BlockingIOError):
                # Alone with the lock: nobody else uses the server.
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                await to_the_end(asyncio.to_thread(_stop, data))
    finally:
        os.close(users)
