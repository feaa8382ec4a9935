"""The command line: serve, collect, demo, rebuild, status."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from collectors import Progress, deriving, scheduler, sources, status
from metrics_api import __version__
from metrics_api.core import log as logs
from metrics_api.core.errors import ConfigError, EngmetricsError
from metrics_api.core.schema import TOPICS
from metrics_api.core.settings import Settings, load_settings
from metrics_api.core.store import Store, opened_store
from metrics_api.demo import DemoPlan, run_demo
from metrics_api.embedded import embedded_store
from metrics_api.server import bound, serving

log = logging.getLogger("engmetrics")


def parser() -> argparse.ArgumentParser:
    """The parser of all commands and their flags."""
    root = argparse.ArgumentParser(prog="engmetrics", description="Engineering metrics from GitLab and TAPD.")
    root.add_argument("--version", action="version", version=f"engmetrics {__version__}")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--config", type=Path, metavar="FILE", help="configuration file (default: engmetrics.toml)"
    )
    shared.add_argument(
        "--data", type=Path, metavar="DIR", help="data folder of the embedded store (default: data)"
    )
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", parents=[shared], help="answer Grafana and analysts over HTTP")
    serve.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    serve.add_argument("--port", type=int, help="port to listen on (default: 8080)")

    collect = commands.add_parser("collect", parents=[shared], help="pull from GitLab and TAPD on schedule")
    collect.add_argument("--once", metavar="NAME", help="run one collector once ('all': each once) and stop")

    demo = commands.add_parser(
        "demo", help="a simulated company, collected and served: the whole way in one command"
    )
    demo.add_argument(
        "--data", type=Path, metavar="DIR", default=Path("data/demo"), help="default: data/demo"
    )
    demo.add_argument("--port", type=int, default=8080, help="port of the API (default: 8080)")
    demo.add_argument("--bugs", type=int, default=3000, help="size of the company in bugs (default: 3000)")
    demo.add_argument("--seed", type=int, default=7, help="seed of the company (default: 7)")

    rebuild = commands.add_parser(
        "rebuild", parents=[shared], help="derive facts anew from the raw records, online"
    )
    rebuild.add_argument(
        "topic", nargs="?", metavar="TOPIC", help=f"one of {', '.join(TOPICS)} (default: all)"
    )

    commands.add_parser("status", parents=[shared], help="show what each collector did last")
    return root


@asynccontextmanager
async def the_store(settings: Settings) -> AsyncIterator[Store]:
    """The configured store, or the embedded one where none is configured."""
    section = settings.config.store
    async with contextlib.AsyncExitStack() as stack:
        uri = section.uri or await stack.enter_async_context(embedded_store(section.data))
        yield await stack.enter_async_context(opened_store(uri, section.database))


async def until_stopped(doing: Coroutine[Any, Any, None]) -> None:
    """Run something until it ends or the process is asked to stop (SIGINT, SIGTERM), which cancels it."""
    task = asyncio.ensure_future(doing)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    waiting = asyncio.ensure_future(stop.wait())
    await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not task.done():
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _serve(settings: Settings) -> None:
    server = settings.config.server
    # First the port, for that is what is taken most often; then the store.
    listener = bound(server.host, server.port)
    async with the_store(settings) as store, serving(settings, store, listener) as url:
        print(f"engmetrics serves {url}", flush=True)
        await asyncio.Event().wait()


async def _collect(settings: Settings, once: str | None) -> None:
    if not settings.config.tapd and not settings.config.gitlab:
        raise ConfigError("nothing to collect: name a [[tapd]] or a [[gitlab]] in engmetrics.toml")
    async with the_store(settings) as store:
        records = await scheduler.collect(settings, store, once=once, progress=Told())
    failed = [record for record in records if record["state"] != "success"]
    for record in records:
        print(
            f"{record['collector']} {record['scope']}: {record['state']}, {record['seen']} records",
            flush=True,
        )
    if failed:
        raise EngmetricsError(f"{len(failed)} of {len(records)} runs failed: {failed[0]['error']}")
    if once is not None and not records:
        raise EngmetricsError(
            "nothing was collected: is the source's credential set, and are its workspaces or projects known "
            "(`collect --once tapd.workspaces`, `collect --once gitlab.projects`)?"
        )


class Told:
    """Prints how far long runs are, at most once a second; a run over within a second says nothing."""

    def __init__(self) -> None:
        self._began: dict[tuple[str, str], float] = {}
        self._told: dict[tuple[str, str], float] = {}
        self._records: dict[tuple[str, str], int] = {}

    def __call__(self, progress: Progress) -> None:
        """Print a line unless one was just printed."""
        key, now = (progress.collector, progress.scope), time.monotonic()
        if progress.records <= self._records.get(key, -1) or key not in self._began:
            self._began[key] = self._told[key] = now
        self._records[key] = progress.records
        over = 0 < progress.total <= progress.done and now - self._began[key] >= 1.0
        if now - self._told[key] < 1.0 and not over:
            return
        self._told[key] = now
        far = f"{progress.done} of {progress.total} {progress.unit}, " if progress.total else ""
        print(f"collect   {progress.collector} {progress.scope}: {far}{progress.records} records", flush=True)


async def _rebuild(settings: Settings, topic: str | None) -> None:
    def told(name: str, done: int, total: int) -> None:
        print(f"rebuild   {name}: {done} of {total} records", flush=True)

    async with the_store(settings) as store:
        counts = await deriving.rebuild(store, topic, told, sources.zones(settings))
    for name, count in counts.items():
        print(f"rebuild   {name}: {count} facts", flush=True)


async def _status(settings: Settings) -> None:
    async with the_store(settings) as store:
        standings = await status.status(store)
    if not standings:
        print("no collector has run yet: start `engmetrics collect`")
        return
    head = (
        "collector",
        "scope",
        "state",
        "last success",
        "seen",
        "new",
        "changed",
        "requests",
        "seconds",
        "error",
    )
    rows = [
        (
            *(one.collector, one.scope, one.state or "-"),
            "never" if one.lag_s is None else f"{one.lag_s / 60:.0f} min ago",
            *(str(one.seen), str(one.new), str(one.changed), str(one.requests)),
            *(f"{one.seconds:.1f}", one.error or ""),
        )
        for one in standings
    ]
    widths = [max(len(row[at]) for row in [head, *rows]) for at in range(len(head))]
    for row in [head, *rows]:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def _task(given: argparse.Namespace) -> Coroutine[Any, Any, None]:
    if given.command == "demo":
        return run_demo(DemoPlan(given.data, given.port, given.bugs, given.seed))
    overrides: dict[str, dict[str, Any]] = {"server": {}, "store": {}}
    if given.data:
        overrides["store"]["data"] = given.data
    for name in ("host", "port"):
        if getattr(given, name, None) is not None:
            overrides["server"][name] = getattr(given, name)
    settings = load_settings(given.config, overrides)
    logs.configure(settings.config.log)
    if given.command == "serve":
        return _serve(settings)
    if given.command == "collect":
        return _collect(settings, given.once)
    if given.command == "rebuild":
        return _rebuild(settings, given.topic)
    return _status(settings)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status: 0, or 2 after an error told in words."""
    try:
        asyncio.run(until_stopped(_task(parser().parse_args(arguments))))
    except EngmetricsError as error:
        print(f"engmetrics: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
