"""Five hundred webhooks a second for ten seconds, with the collector killed in the middle."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from collectors.status import backlog
from metrics_api.core.store import Store
from tests.kills.site import ENGMETRICS, Process, free_port
from tests.webhooks.harness import ENVIRONMENT, facts, hooks, until
from tests.webhooks.storm import AGAIN, BUGS, NOTES, PIPELINES, PUSHES, STORIES, UPDATES

ROOT = Path(__file__).parents[2]
RATE, SECONDS = 500, 10
HUNDREDS = RATE * SECONDS // 100


class Installation:
    """API and collector as processes of their own."""

    def __init__(self, folder: Path, uri: str, database: str) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        config = folder / "engmetrics.toml"
        config.write_text(
            f'[server]\nport = {port}\n[store]\nuri = "{uri}"\ndatabase = "{database}"\n'
            "[collect]\nlease_seconds = 3\n[log]\nlevel = 'warning'\n[[tapd]]\n[[gitlab]]\n",
            encoding="utf-8",
        )
        flags = ["--config", str(config)]
        self.api = Process([*ENGMETRICS, "serve", *flags], folder / "api.log", ENVIRONMENT)
        self.collector = Process([*ENGMETRICS, "collect", *flags], folder / "collector.log", ENVIRONMENT)

    async def answers(self) -> None:
        """Wait until the API is ready."""
        async with asyncio.timeout(60), aiohttp.ClientSession() as session:
            while True:
                try:
                    async with session.get(f"{self.url}/readyz") as response:
                        if response.status == 200:
                            return
                except aiohttp.ClientError:
                    assert self.api.running is not None
                    assert self.api.running.poll() is None, self.api.said()
                await asyncio.sleep(0.1)


@pytest.fixture
def site(tmp_path: Path, mongodb_url: str, database_name: str) -> Iterator[Installation]:
    """An installation that is ended with the test."""
    found = Installation(tmp_path, mongodb_url, database_name)
    yield found
    found.api.end()
    found.collector.end()


async def test_a_storm_is_answered_whole_and_counted_once_though_the_collector_is_killed(
    store: Store, site: Installation
) -> None:
    site.api.start()
    site.collector.start()
    await site.answers()
    command = [sys.executable, "-m", "tests.webhooks.storm", site.url, str(RATE), str(SECONDS)]
    sending = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd=ROOT)
    await asyncio.sleep(SECONDS / 2)

    async def begun() -> bool:
        return await store.one("counters", "n:raw_gitlab_hook") is not None

    await until(begun, 30)
    site.collector.end()
    site.collector.start()
    out, _ = await sending.communicate()
    figures = json.loads(out)
    assert figures["statuses"] == {"200": RATE * SECONDS}, (figures, site.api.said()[-3000:])
    assert figures["longest_s"] < 10

    async def taken() -> bool:
        return not any(one.waiting for one in await backlog(store))

    print(figures | {"taken_s": round(await until(taken, 60), 1)})
    found = {name: len(records) for name, records in (await hooks(store)).items()}
    assert found == {
        "raw_gitlab_hook": (PUSHES + NOTES + PIPELINES) * HUNDREDS,
        "raw_tapd_bug_hook": (BUGS + UPDATES) * HUNDREDS,
        "raw_tapd_story_hook": STORIES * HUNDREDS,
    }
    assert sum(found.values()) == RATE * SECONDS - AGAIN * HUNDREDS
    assert len(await facts(store, "events")) == (PUSHES + NOTES) * HUNDREDS
    bugs = await facts(store, "bugs")
    assert len(bugs) == BUGS * HUNDREDS
    closed = [fact for fact in bugs if fact["segments"]["status"] == ["new", "closed"]]
    assert len(closed) == UPDATES * HUNDREDS
    assert len(await facts(store, "stories")) == STORIES * HUNDREDS
    assert await store.all("quarantine") == []
