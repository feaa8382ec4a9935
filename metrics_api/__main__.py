"""The command line: serve, collect, demo, rebuild, status."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from metrics_api import __version__
from metrics_api.core import log as logs
from metrics_api.core.errors import ConfigError, EngmetricsError, UnknownName
from metrics_api.core.schema import TOPICS
from metrics_api.core.settings import Settings, load_settings
from metrics_api.core.store import Store, opened_store
from metrics_api.demo import DemoPlan, run_demo
from metrics_api.embedded import embedded_store
from metrics_api.server import serving

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
        uri = section.uri or await stack.enter_async_context(embedded_store(section.data, share=True))
        yield await stack.enter_async_context(opened_store(uri, section.database))


async def stopped() -> None:
    """Return when the process is asked to stop (SIGINT, SIGTERM)."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()


async def _serve(settings: Settings) -> None:
    async with the_store(settings) as store, serving(settings, store) as url:
        print(f"engmetrics serves {url}", flush=True)
        await stopped()


async def _collect(settings: Settings, once: str | None) -> None:
    import collectors

    stop = asyncio.Event()
    async with the_store(settings) as store:
        waiting = asyncio.ensure_future(stopped())
        waiting.add_done_callback(lambda _: stop.set())
        try:
            await collectors.collect(settings, store, once=once, progress=_progress, stop=stop)
        finally:
            waiting.cancel()


async def _rebuild(settings: Settings, topic: str | None) -> None:
    import collectors

    if topic is not None and topic not in TOPICS:
        raise UnknownName(f"unknown topic {topic!r}: one of {', '.join(TOPICS)}")
    async with the_store(settings) as store:
        await collectors.rebuild(store, topic, _progress)


async def _status(settings: Settings) -> None:
    import collectors

    async with the_store(settings) as store:
        for line in collectors.status_lines(await collectors.status(store)):
            print(line)


def _progress(line: str) -> None:
    print(line, flush=True)


def _task(given: argparse.Namespace) -> Coroutine[Any, Any, None]:
    if given.command == "demo":
        return run_demo(DemoPlan(given.data, given.port, given.bugs, given.seed), stopped)
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
        asyncio.run(_task(parser().parse_args(arguments)))
    except ConfigError as error:
        print(f"engmetrics: {error}", file=sys.stderr)
        return 2
    except EngmetricsError as error:
        print(f"engmetrics: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
