"""The command line: serve, collect, tasks, demo, rebuild, status, doctor, quarantine, token."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import sys
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from collectors import (
    console,
    deriving,
    display,
    doctor,
    quality,
    quarantine,
    rehearsal,
    scheduler,
    sources,
    status,
)
from collectors.display import say
from collectors.findings import counted
from metrics_api.arguments import parser
from metrics_api.core import log as logs
from metrics_api.core import orders, tasks
from metrics_api.core.days import utc_now
from metrics_api.core.errors import ConfigError, EngmetricsError
from metrics_api.core.security import keep_token, make_token
from metrics_api.core.settings import Settings, load_settings
from metrics_api.core.store import Store
from metrics_api.embedded import embedded_store
from metrics_api.stopping import Stopping

log = logging.getLogger("engmetrics")
stopping = Stopping()


class Failed(Exception):
    """A command did what was asked, and what it has to say is bad news: exit status 1."""


@asynccontextmanager
async def reached_store(settings: Settings) -> AsyncIterator[Store]:
    """The configured store as it is, or the embedded one where none is configured."""
    section = settings.config.store
    async with contextlib.AsyncExitStack() as stack:
        uri = section.uri or await stack.enter_async_context(embedded_store(section.data))
        if section.uri:
            # An embedded store is stopped by its last user, which may take a while.
            stopping.limit()
        store = Store(uri, section.database)
        stack.push_async_callback(store.aclose)
        yield store


@asynccontextmanager
async def the_store(settings: Settings) -> AsyncIterator[Store]:
    """The store with its indexes; raises StoreUnavailable."""
    async with reached_store(settings) as store:
        await store.prepare()
        yield store


async def _serve(settings: Settings) -> None:
    # What answers queries is slow to load: no command that answers none waits for it.
    from metrics_api.server import listening, serving

    # First the port, for that is what is taken most often; then the store.
    listener = listening(settings)
    stopping.endless()
    async with the_store(settings) as store, serving(settings, store, listener) as url:
        say(f"engmetrics serves {url}")
        await asyncio.Event().wait()


async def _collect(settings: Settings, given: argparse.Namespace) -> None:
    once: str | None = given.once
    if not settings.config.tapd and not settings.config.gitlab:
        raise ConfigError("nothing to collect: name a [[tapd]] or a [[gitlab]] in engmetrics.toml")
    if given.backfill:
        await _backfill(settings, given)
        return
    if given.since or given.scope or given.dry_run:
        raise ConfigError("--since, --scope and --dry-run belong to --backfill")
    if once is None:
        stopping.endless()
    async with the_store(settings) as store:
        with display.display() as shown:
            records = await scheduler.collect(settings, store, once=once, progress=display.Runs(shown))
    failed = [record for record in records if record["state"] != "success"]
    for record in records:
        say(
            f"{record['collector']} {record['scope']}: {record['state']}, {record['seen']} records",
        )
    if failed:
        raise EngmetricsError(f"{len(failed)} of {len(records)} runs failed: {failed[0]['error']}")
    if once is not None and not records:
        raise EngmetricsError(
            "nothing was collected: is the source's credential set, and are its workspaces or projects known "
            "(`collect --once tapd.workspaces`, `collect --once gitlab.projects`)?"
        )


async def _backfill(settings: Settings, given: argparse.Namespace) -> None:
    async with the_store(settings) as store:
        asked: list[tasks.Order] = []
        for scope in orders.named(given.scope):
            asked += await orders.orders(settings.config, store, "backfill", given.since, scope)
        asked = [
            one for one in dict.fromkeys(asked) if sources.configured(settings, one.upstream, one.instance)
        ]
        if not asked:
            raise EngmetricsError("nothing to collect: no source has credentials; see `engmetrics doctor`")
        if given.dry_run:
            await _rehearse(settings, store, asked)
            return
        queue = tasks.Tasks(store)
        queued = [await queue.put(one) for one in asked]
        for task in queued:
            say(f"task      {task['_id']} {tasks.described(task)}: {task['state']}")
        names = [task["_id"] for task in queued]
        try:
            with display.display() as shown:
                over = await scheduler.work(settings, store, names, display.Followed(shown))
        except asyncio.CancelledError:
            say("stopped; `engmetrics collect` goes on with what is left, or the same command")
            raise
    failed = [task for task in over if task["state"] == "failed"]
    if failed:
        raise EngmetricsError(f"{len(failed)} of {len(over)} tasks failed: {failed[0]['error']}")


async def _rehearse(settings: Settings, store: Store, asked: Iterable[tasks.Order]) -> None:
    needed: dict[str, tuple[int, int]] = {}
    async for source, one in rehearsal.rehearse(settings, store, asked):
        _print(console.rehearsed_lines(source.name, one))
        name = f"{source.upstream} {source.name}"
        before, _ = needed.get(name, (0, 0))
        needed[name] = (before + sum(found.requests for found in one.expected), source.connection.quota.limit)
    _print(console.lasting_lines(needed))


async def _tasks(settings: Settings, given: argparse.Namespace) -> None:
    async with the_store(settings) as store:
        queue = tasks.Tasks(store)
        found = [await queue.one(given.id)] if given.id else await queue.listed(given.state or "")
    if not found:
        say("no task was asked for: `engmetrics collect --backfill` asks for one")
        return
    _print(console.task_lines(found, utc_now()))
    if given.id:
        _print(console.task_log(found[0]))


async def _rebuild(settings: Settings, topic: str | None) -> None:
    with display.display() as shown:

        def told(name: str, done: int, total: int) -> None:
            shown.show(f"rebuild   {name}", done, total, f"{done} of {total} records")

        async with the_store(settings) as store:
            counts = await deriving.rebuild(store, topic, told, sources.zones(settings))
    for name, count in counts.items():
        say(f"rebuild   {name}: {count} facts")


async def _status(settings: Settings, with_quality: bool) -> None:
    async with the_store(settings) as store:
        if with_quality:
            _print(quality.lines(await quality.quality(store, sources.zones(settings))))
            return
        standings, backlog = await status.status(store), await status.backlog(store)
    if not standings:
        say("no collector has run yet: start `engmetrics collect`")
    else:
        _print(console.standings(standings))
    _print(console.backlogs(backlog))


async def _doctor(settings: Settings) -> None:
    counts: Counter[str] = Counter()
    async for finding in doctor.examine(settings, lambda: reached_store(settings)):
        counts[finding.level] += 1
        _print(console.finding_lines(finding))
    say(f"{counted(counts['error'], 'error')}, {counted(counts['warning'], 'warning')}, {counts['ok']} ok")
    if counts["error"]:
        raise Failed


async def _quarantine(settings: Settings, given: argparse.Namespace) -> None:
    async with the_store(settings) as store:
        if given.action == "list":
            kept, total = await quarantine.listed(store, given.collection, given.limit)
            for one in kept:
                _print(console.kept_lines(one, utc_now()))
            nothing = f"nothing of {given.collection}" if given.collection else "nothing"
            say(f"{len(kept)} of {total} in quarantine" if total else f"{nothing} is in quarantine")
            return
        if given.action == "purge":
            before = None if given.older_than is None else utc_now() - timedelta(days=given.older_than)
            say(f"{await quarantine.purged(store, given.id, before, given.collection)} deleted")
            return
        stayed = gone = 0
        async for name, reason in quarantine.retried(settings, store, None if given.all else given.id):
            say(f"{name}: {f'stays, {console.plain(reason)}' if reason else 'gone'}")
            stayed, gone = stayed + bool(reason), gone + (not reason)
    say(f"{gone} gone, {stayed} stay")
    if stayed:
        raise Failed


def _token(given: argparse.Namespace) -> None:
    if not given.file:
        say(make_token())
    for file in given.file:
        made = keep_token(file, given.group)
        say(f"a new token is in {file}" if made else f"{file} has a token and keeps it")


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        say(line)


def _task(given: argparse.Namespace) -> Coroutine[Any, Any, None]:
    if given.command == "demo":
        from metrics_api.demo import DemoPlan, run_demo

        stopping.endless()
        return run_demo(DemoPlan(given.data, given.port, given.bugs, given.seed))
    overrides: dict[str, dict[str, Any]] = {"server": {}, "store": {}}
    if given.data:
        overrides["store"]["data"] = given.data
    for name in ("host", "port", "insecure"):
        if getattr(given, name, None) is not None:
            overrides["server"][name] = getattr(given, name)
    try:
        settings = load_settings(given.config, overrides)
    except ConfigError as error:
        if given.command != "doctor":
            raise
        _print(console.finding_lines(doctor.unusable(error)))
        raise Failed from None
    logs.configure(settings.config.log)
    if given.command == "serve":
        return _serve(settings)
    if given.command == "collect":
        return _collect(settings, given)
    if given.command == "tasks":
        return _tasks(settings, given)
    if given.command == "rebuild":
        return _rebuild(settings, given.topic)
    if given.command == "doctor":
        return _doctor(settings)
    if given.command == "quarantine":
        return _quarantine(settings, given)
    return _status(settings, given.quality)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status.

    0, 1 after bad news, 2 after an error told in words, 128 and the signal's number where it was told to stop
    before it had done what was asked.
    """
    given = parser().parse_args(arguments)
    try:
        if given.command == "token":
            _token(given)
        else:
            asyncio.run(stopping.until_stopped(_task(given)))
    except Failed:
        return 1
    except EngmetricsError as error:
        print(f"engmetrics: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    if stopping.status:
        print("engmetrics: stopped before all was done", file=sys.stderr)
    return stopping.status


if __name__ == "__main__":
    sys.exit(main())
