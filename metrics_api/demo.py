"""The demo: an embedded store, a simulated company, the collectors and the API, in one command.

Each part is the real one, in a process of its own; the API runs here. The data folder remembers the company,
so a second start finds the data of the first.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import secrets
import signal
import sys
import time
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from metrics_api.core import log as logs
from metrics_api.core.config import Log, parse_config
from metrics_api.core.days import utc_now
from metrics_api.core.errors import ConfigError, StoreUnavailable
from metrics_api.core.settings import Settings, child_environment
from metrics_api.core.store import Store, opened_store
from metrics_api.embedded import embedded_store, owned
from metrics_api.server import bound, serving

QUOTA_PER_MINUTE = 6000
START_S = 60.0
STOP_S = 15.0
FIRST_NUMBERS_S = 600.0
_LIBC = ctypes.CDLL(None)


@dataclass(frozen=True)
class DemoPlan:
    """What the demo is asked for: data folder, port of the API, size of the company in bugs, its seed."""

    data: Path
    port: int
    bugs: int
    seed: int


@dataclass(frozen=True)
class Hooks:
    """Where the company's webhooks go, and the secret they carry."""

    url: str
    secret: str

    def flags(self) -> list[str]:
        """What tells the simulated company of them."""
        # A secret may begin with a hyphen.
        return [
            *(f"--tapd-webhook={self.url}/api/v1/tapd/webhook", f"--tapd-secret={self.secret}"),
            *(f"--gitlab-webhook={self.url}/api/v1/gitlab/webhook", f"--gitlab-token={self.secret}"),
        ]


async def run_demo(plan: DemoPlan) -> None:
    """Run everything until cancelled; raises ConfigError in words for what cannot be started or ends."""
    if plan.bugs < 1:
        raise ConfigError("--bugs: at least 1")
    logs.configure(Log(level="warning"))
    async with contextlib.AsyncExitStack() as stack:
        listener = bound("127.0.0.1", plan.port)
        stack.callback(listener.close)
        stack.enter_context(owned(plan.data))
        say(f"store     starting in {plan.data}")
        uri = await stack.enter_async_context(embedded_store(plan.data))
        born = _remembered(plan)
        say(f"company   making {plan.bugs} bugs in two products over 18 months (seed {plan.seed})")
        hooks = Hooks(f"http://127.0.0.1:{listener.getsockname()[1]}", secrets.token_urlsafe())
        simulator, company = await stack.enter_async_context(_simulator(plan, born, hooks))
        say(f"company   TAPD at {company['tapd']}, GitLab at {company['gitlab']}")
        config = plan.data / "engmetrics.toml"
        config.write_text(_config_text(company), encoding="utf-8")
        environment = _environment(company, uri, hooks)
        settings = Settings(parse_config(config.read_text(encoding="utf-8"), str(config)), environment)
        store = await stack.enter_async_context(opened_store(uri, "engmetrics"))
        url = await stack.enter_async_context(serving(settings, store, listener))
        say(f"api       {url}")
        command = [sys.executable, "-m", "metrics_api", "collect", "--config", str(config)]
        collecting = await stack.enter_async_context(_child("the collectors", command, environment))
        announcing = asyncio.ensure_future(_announce(url, company["products"][0]["workspaces"][0], plan))
        stack.callback(announcing.cancel)
        stack.callback(say, "stopping everything")
        await _one_ends(
            {
                "the collectors": collecting.wait(),
                "the simulated company": simulator.wait(),
                "the store": _gone(store),
            }
        )


async def _one_ends(parts: Mapping[str, Coroutine[Any, Any, Any]]) -> None:
    """Wait until a part ends, which it should not; raises ConfigError saying which."""
    tasks = {asyncio.ensure_future(doing): name for name, doing in parts.items()}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
    raise ConfigError(f"{' and '.join(tasks[task] for task in done)} ended; see the lines above")


async def _gone(store: Store) -> None:
    """Return once the store has not answered three times in a row."""
    failures = 0
    while failures < 3:
        await asyncio.sleep(2)
        try:
            async with asyncio.timeout(5):
                await store.probe()
            failures = 0
        except (StoreUnavailable, TimeoutError):
            failures += 1


def say(line: str) -> None:
    """One line of progress."""
    print(line, flush=True)


def _remembered(plan: DemoPlan) -> str:
    """The instant the company was first seen, kept in the data folder; refuses another company's folder."""
    file = plan.data / "company.json"
    asked = {"bugs": plan.bugs, "seed": plan.seed}
    if file.exists():
        known = json.loads(file.read_text(encoding="utf-8"))
        if {name: known.get(name) for name in asked} != asked:
            raise ConfigError(
                f"{plan.data} holds the company of --bugs {known.get('bugs')} --seed {known.get('seed')}: "
                "give these, or name another folder with --data"
            )
        return str(known["born"])
    born = utc_now().isoformat(timespec="seconds")
    file.write_text(json.dumps({**asked, "born": born}), encoding="utf-8")
    return born


@asynccontextmanager
async def _simulator(
    plan: DemoPlan, born: str, hooks: Hooks
) -> AsyncIterator[tuple[asyncio.subprocess.Process, dict[str, Any]]]:
    ready = plan.data / "simulator.json"
    ready.unlink(missing_ok=True)
    command = [
        *(sys.executable, "-m", "simulator", "--seed", str(plan.seed), "--bugs", str(plan.bugs)),
        *("--born", born, "--quota", str(QUOTA_PER_MINUTE), "--events-per-minute", "12"),
        *("--journal", str(plan.data / "journal.jsonl"), "--ready-file", str(ready)),
        *hooks.flags(),
    ]
    quiet = asyncio.subprocess.DEVNULL
    async with _child("the simulated company", command, child_environment({}), quiet) as process:
        until = time.monotonic() + START_S
        while not ready.exists():
            if process.returncode is not None:
                raise ConfigError(f"the simulated company ended with code {process.returncode}; see above")
            if time.monotonic() > until:
                raise ConfigError(f"the simulated company did not start within {START_S:.0f} s; see above")
            await asyncio.sleep(0.05)
        yield process, json.loads(ready.read_text(encoding="utf-8"))


def _die_with_parent() -> None:
    """Ask the kernel to stop this process when the demo is killed (Linux's PR_SET_PDEATHSIG)."""
    _LIBC.prctl(1, signal.SIGTERM)


@asynccontextmanager
async def _child(
    name: str, command: list[str], environment: Mapping[str, str], output: int | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process in a session of its own, so that it is stopped in turn and not by the terminal's Ctrl-C."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        start_new_session=True,
        preexec_fn=_die_with_parent,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(STOP_S):
                    await process.wait()
            except TimeoutError:
                say(f"{name} did not stop in {STOP_S:.0f} s and is killed")
                process.kill()
                await process.wait()


def _config_text(company: Mapping[str, Any]) -> str:
    """The demo's configuration; JSON's strings and lists of strings are TOML's as well."""
    lines = [
        "# Written by `engmetrics demo`; start from engmetrics.example.toml for your own.",
        "[log]",
        'level = "warning"',
        "",
        "[[tapd]]",
        f"url = {_toml(company['tapd'])}",
        f"company_id = {_toml(company['tapd_company_id'])}",
        f"quota_per_minute = {QUOTA_PER_MINUTE}",
        "interval_minutes = 1",
        "",
        "[[gitlab]]",
        f"url = {_toml(company['gitlab'])}",
        "quota_per_minute = 1800",
        "interval_minutes = 1",
    ]
    for product in company["products"]:
        lines += ["", "[[product]]", *(f"{name} = {_toml(value)}" for name, value in product.items())]
        lines += ["", "[product.escape]", 'field = "originphase"', 'production = ["线上"]']
    return "\n".join(lines) + "\n"


def _toml(value: str | list[str]) -> str:
    return json.dumps(value, ensure_ascii=False)


def _environment(company: Mapping[str, Any], uri: str, hooks: Hooks) -> dict[str, str]:
    return child_environment(
        {
            "MONGODB_URI": uri,
            "ENGMETRICS_TAPD_TAPD_USER": company["tapd_user"],
            "ENGMETRICS_TAPD_TAPD_PASSWORD": company["tapd_password"],
            "ENGMETRICS_TAPD_TAPD_WEBHOOK_SECRET": hooks.secret,
            "ENGMETRICS_GITLAB_GITLAB_TOKEN": company["gitlab_token"],
            "ENGMETRICS_GITLAB_GITLAB_WEBHOOK_SECRET": hooks.secret,
        }
    )


async def _announce(url: str, workspace: str, plan: DemoPlan) -> None:
    """Wait for the first numbers, then say what to open and what to paste."""
    began = time.monotonic()
    async with aiohttp.ClientSession() as session:
        while time.monotonic() - began < FIRST_NUMBERS_S:
            rows = await _first_numbers(session, url)
            if rows:
                break
            await asyncio.sleep(1)
        else:
            config = plan.data / "engmetrics.toml"
            status = f"{sys.executable} -m metrics_api status --data {plan.data} --config {config}"
            say(f"no numbers after {FIRST_NUMBERS_S:.0f} s; what the collectors did: {status}")
            return
    say(f"ready     first numbers after {time.monotonic() - began:.0f} s; the cumulative flow of today:")
    for row in rows:
        say(f"            {row['endpoint']:<14}{row['Values'][-1]['value']:>8}")
    lines = (
        f"open      {url}",
        f"grafana   a Graphite datasource with the URL {url}/graphite, dashboards in grafana-provisioning/",
        "try",
        f"  curl -s '{url}/api/v1/grafana/metrics/find?query=$product'",
        f"  curl -s {url}/graphite/render -d target=@tapd.bugs.flow.cumulative -d from=-14d -d until=now",
        f"  curl -s {url}/graphite/render -d target=@tapd.stories.flow.cumulative -d from=-14d -d until=now",
        f"  curl -s {url}/graphite/render -d target=@tapd.bugs.change.daily -d from=-7d -d until=now",
        f"  curl -s '{url}/api/v1/tapd/bugs?workspace_id={workspace}&fields=id,status' | head -3",
        "Ctrl-C stops everything; the next start finds the data again.",
    )
    for line in lines:
        say(line)


async def _first_numbers(session: aiohttp.ClientSession, url: str) -> list[dict[str, Any]]:
    now = int(time.time())
    form = {"target": "@tapd#bugs#flow#cumulative", "from": str(now), "until": str(now)}
    async with session.post(f"{url}/api/v1/grafana/render", data=form) as response:
        rows = await response.json(content_type=None)
    found = [row for row in rows if row["Values"]] if isinstance(rows, list) else []
    return found if found and all(row["Values"][-1]["value"] is not None for row in found) else []
