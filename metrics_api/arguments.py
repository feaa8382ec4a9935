"""The arguments of the command line: all commands with their flags."""

from __future__ import annotations

import argparse
from pathlib import Path

from metrics_api import __version__
from metrics_api.core.schema import TOPICS

# A hundred years.
MANY_DAYS = 36_525


def parser() -> argparse.ArgumentParser:
    """The parser of all commands and their flags."""
    root = argparse.ArgumentParser(prog="engmetrics", description="Engineering metrics from GitLab and TAPD.")
    root.add_argument("--version", action="version", version=f"engmetrics {__version__}")
    shared = _shared()
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", parents=[shared], help="answer Grafana and analysts over HTTP")
    serve.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    serve.add_argument("--port", type=int, help="port to listen on (default: 8080)")
    serve.add_argument(
        "--insecure",
        action="store_true",
        default=None,
        help="listen on any address without a token: everyone who reaches it reads everything",
    )

    collect = commands.add_parser("collect", parents=[shared], help="pull from GitLab and TAPD on schedule")
    what = collect.add_mutually_exclusive_group()
    what.add_argument("--once", metavar="NAME", help="run one collector once ('all': each once) and stop")
    what.add_argument(
        "--backfill",
        action="store_true",
        help="read again what was changed since a day: a task for the collecting process, else done here",
    )
    collect.add_argument("--since", metavar="DATE", help="the first day of a backfill, as 2024-01-31")
    collect.add_argument(
        "--scope",
        action="append",
        metavar="SCOPE",
        help="only this workspace (its id), project (its path) or instance (its name); may be repeated",
    )
    collect.add_argument(
        "--dry-run",
        action="store_true",
        help="only print what a backfill would request, how long that takes, and the stages it would guess",
    )

    tasks = commands.add_parser("tasks", parents=[shared], help="list the tasks, or show one with its log")
    tasks.add_argument("id", nargs="?", metavar="ID", help="a task's id, as the list shows it")
    tasks.add_argument(
        "--state", metavar="STATE", help="only those that are waiting, running, success, failed"
    )

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

    status = commands.add_parser(
        "status", parents=[shared], help="show what each collector did last, and what waits"
    )
    status.add_argument(
        "--quality", action="store_true", help="list what is odd about items' histories, and what to do"
    )
    commands.add_parser(
        "doctor", parents=[shared], help="examine settings, store and upstreams, and say what to do"
    )
    _quarantine(commands.add_parser("quarantine", help="records that could not be understood or stored"))

    token = commands.add_parser("token", help="make a random token for the API")
    token.add_argument(
        "--file",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="write it there instead, unless the file has one; several files get one each",
    )
    token.add_argument("--group", action="store_true", help="let the files' group read them as well")
    return root


def _shared() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--config", type=Path, metavar="FILE", help="configuration file (default: engmetrics.toml)"
    )
    shared.add_argument(
        "--data", type=Path, metavar="DIR", help="data folder of the embedded store (default: data)"
    )
    return shared


def _quarantine(quarantine: argparse.ArgumentParser) -> None:
    actions = quarantine.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", parents=[_shared()], help="show them, the latest first")
    listing.add_argument("--collection", metavar="NAME", help="only those of one collection")
    listing.add_argument("--limit", type=int, default=50, metavar="N", help="at most so many (default: 50)")
    retry = actions.add_parser(
        "retry", parents=[_shared()], help="read them again, and let go of those that are understood now"
    )
    _which(retry)
    purge = actions.add_parser("purge", parents=[_shared()], help="delete them: what they hold is lost")
    _which(purge).add_argument(
        "--older-than", type=_days, metavar="DAYS", help="all that are older than so many days"
    )
    purge.add_argument("--collection", metavar="NAME", help="of these only those of one collection")


def _days(text: str) -> int:
    if not text.isdecimal() or int(text) > MANY_DAYS:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days from 0 to {MANY_DAYS}")
    return int(text)


def _which(action: argparse.ArgumentParser) -> argparse._MutuallyExclusiveGroup:
    which = action.add_mutually_exclusive_group(required=True)
    which.add_argument("id", nargs="?", metavar="ID", help="one of them, as `list` shows it")
    which.add_argument("--all", action="store_true", help="all of them")
    return which
