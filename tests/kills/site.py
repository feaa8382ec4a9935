"""A whole installation as processes of its own: store, collector and API, each of which can be killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from metrics_api.core.store import Store
from metrics_api.embedded import store_command
from simulator import FaultKind, GitlabAccount, Running, TapdAccount
from simulator.products import PRODUCTS
from tests.folders import quick_folder

ENGMETRICS = [sys.executable, "-m", "metrics_api"]
HOOK_SECRET = "kept-by-the-site"
READY_S = 60.0
SLOW_S = 5.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Process:
    """A command that can be started again after it was killed; what it prints goes to a file."""

    command: Sequence[str]
    output: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.output.open("ab") as sink:
            self.running = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )

    def end(self, number: signal.Signals = signal.SIGKILL) -> None:
        if self.running is not None:
            self.running.send_signal(number)
            self.running.wait(30)
            self.running = None

    def said(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="replace")


class Site:
    """One installation in a folder, reading simulated upstreams; `database` is in the store at `uri`.

    Without a `uri` it has a store of its own.
    """

    def __init__(self, folder: Path, upstreams: Running, database: str, uri: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.upstreams = upstreams
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._places = ExitStack()
        self.store: Process | None = None
        if not uri:
            port, files = free_port(), self._places.enter_context(quick_folder())
            uri = f"mongodb://127.0.0.1:{port}/"
            self.store = Process(store_command(port, files), folder / "store.log")
        self.uri, self.database = uri, database
        config = folder / "engmetrics.toml"
        config.write_text(_configuration(upstreams, uri, database, self.port), encoding="utf-8")
        environment = {
            "ENGMETRICS_TAPD_TAPD_USER": TapdAccount().user,
            "ENGMETRICS_TAPD_TAPD_PASSWORD": TapdAccount().password,
            "ENGMETRICS_GITLAB_GITLAB_TOKEN": GitlabAccount().token,
            "ENGMETRICS_GITLAB_GITLAB_WEBHOOK_SECRET": HOOK_SECRET,
            "ENGMETRICS_TAPD_TAPD_WEBHOOK_SECRET": HOOK_SECRET,
            "NO_PROXY": "127.0.0.1",
        }
        self.api = Process([*ENGMETRICS, "serve", "--config", str(config)], folder / "api.log", environment)
        collect = [*ENGMETRICS, "collect", "--config", str(config)]
        self.collectors = [
            Process(collect, folder / f"collector{number}.log", environment) for number in range(2)
        ]

    @property
    def collector(self) -> Process:
        return self.collectors[0]

    def start(self) -> None:
        """Start all but the collectors."""
        for process in (self.store, self.api):
            if process:
                process.start()

    def stop(self) -> None:
        for process in (self.api, *self.collectors, self.store):
            if process:
                process.end()
        self._places.close()

    def slow_events(self, project: str = "*") -> None:
        """Let a project's events come after seconds of silence each time, or those of every project."""
        path = f"/api/v4/projects/{project}/events"
        self.upstreams.gitlab.faults.arm(FaultKind.SLOW_FIRST_BYTE, path, None, seconds=SLOW_S)

    def said(self, last: int = 4000) -> str:
        """The ends of what the processes printed."""
        running = [one for one in (self.api, *self.collectors) if one.running]
        return "\n".join(f"{one.output}\n{one.said()[-last:]}" for one in running)

    async def answers(self) -> None:
        """Wait until the API says that it is ready."""
        until = time.monotonic() + READY_S
        async with aiohttp.ClientSession() as session:
            while time.monotonic() < until:
                try:
                    async with session.get(f"{self.url}/readyz") as response:
                        if response.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.1)
        raise AssertionError(self.api.said())

    def patient(self) -> Store:
        """The store as one reads it who waits until it is there again after a kill."""
        joint = "&" if "?" in self.uri else "?" if self.uri.endswith("/") else "/?"
        return Store(f"{self.uri}{joint}serverSelectionTimeoutMS={READY_S * 1000:.0f}", self.database)

    async def reached(self, expected: int, within_s: float = 120.0) -> int:
        """Wait until so many collectors and scopes have succeeded; returns how many have."""
        store = self.patient()
        try:
            done = await self._done(store)
            until = time.monotonic() + within_s
            while len(done) < expected:
                assert time.monotonic() < until, self._missing(done, expected)
                await asyncio.sleep(0.05)
                done = await self._done(store)
            return len(done)
        finally:
            await store.aclose()

    async def collected(self, expected: int, within_s: float = 120.0) -> None:
        """Wait until so many collectors and scopes have succeeded, and nothing waits to be taken."""
        store = self.patient()
        until = time.monotonic() + within_s
        done: list[str] = []
        try:
            while time.monotonic() < until:
                done = await self._done(store)
                waiting = [await store.all(name) for name in ("inbox_gitlab", "inbox_tapd")]
                if len(done) >= expected and not any(waiting):
                    return
                await asyncio.sleep(0.2)
        finally:
            await store.aclose()
        raise AssertionError(self._missing(done, expected))

    async def _done(self, store: Store) -> list[str]:
        """The watermarks of what has succeeded."""
        marks = await store.all("watermarks")
        return [mark["_id"] for mark in marks if mark["started_at"] and mark["clean"]]

    def _missing(self, done: list[str], expected: int) -> str:
        return f"{len(done)} of {expected}: {sorted(done)}\n{self.collector.said()[-3000:]}"


def _configuration(upstreams: Running, uri: str, database: str, port: int) -> str:
    lines = [
        *("[server]", f"port = {port}", "[store]", f'uri = "{uri}"', f'database = "{database}"'),
        *("[collect]", "lease_seconds = 3"),
        *("[[tapd]]", f'url = "{upstreams.tapd_url}"', "quota_per_minute = 6000"),
        f'company_id = "{upstreams.company.company_id}"',
        *("[[gitlab]]", f'url = "{upstreams.gitlab_url}"', "quota_per_minute = 6000"),
    ]
    for product in PRODUCTS:
        projects = [path for _, path in product.repositories]
        lines += [
            *("[[product]]", f"name = {json.dumps(product.name, ensure_ascii=False)}"),
            f'workspaces = ["{product.workspace_id}"]',
            f"projects = {json.dumps(projects, ensure_ascii=False)}",
        ]
    return "\n".join(lines) + "\n"
