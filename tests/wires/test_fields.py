"""Custom fields and people over both wires: filters, splits, refusals and what variables offer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote

import aiohttp
import pytest
import ujson

from metrics_api.core.config import Config
from metrics_api.core.store import Store
from tests.frames.facts import CONFIG, MONDAY, NOW, Publisher
from tests.frames.test_fields import PEOPLE, SETTINGS, three
from tests.replay.falcon_plugin import fix_targets
from tests.system.harness import serving

BACKLOG = "@tapd.bugs.backlog.daily"
Lines = dict[str, list[Any]]


class Asking:
    """Asks one API over both wires."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url
        self.skipped = ""

    async def _rows(self, path: str, target: str) -> list[dict[str, Any]]:
        form = {"target": target, "from": str(MONDAY), "until": str(NOW), "format": "json"}
        async with self._session.post(self._url + path, data=form) as answer:
            assert answer.status == 200
            self.skipped = unquote(answer.headers.get("X-Engmetrics-Skipped", ""))
            found: list[dict[str, Any]] = ujson.loads(await answer.text())
            return found

    async def falcon(self, target: str) -> Lines:
        """The lines by endpoint; the plugin rewrites the target's dots."""
        rows = await self._rows("/api/v1/grafana/render", fix_targets(target))
        return {one["endpoint"]: [point["value"] for point in one["Values"]] for one in rows}

    async def graphite(self, target: str) -> Lines:
        """The lines by the series' name."""
        rows = await self._rows("/graphite/render", target)
        return {one["tags"]["series"]: [value for value, _ in one["datapoints"]] for one in rows}

    async def both(self, target: str) -> Lines:
        """The lines, which must be the same over either wire."""
        found = await self.graphite(target)
        assert await self.falcon(target) == found
        return found

    async def variable(self, query: str) -> list[str]:
        """What a variable offers over the stock datasource."""
        url = f"{self._url}/graphite/metrics/find"
        async with self._session.get(url, params={"query": query}) as answer:
            return [one["text"] for one in ujson.loads(await answer.text())]


@asynccontextmanager
async def asking(store: Store, config: Config) -> AsyncIterator[Asking]:
    """An API over the three bugs of tests/frames/test_fields.py, on Friday noon."""
    await Publisher(store).everything(bugs=three(), custom_fields=SETTINGS)
    async with serving(store, config, lambda: NOW) as url, aiohttp.ClientSession() as session:
        yield Asking(session, url)


async def test_custom_fields_are_filters_and_splits_on_both_wires(store: Store) -> None:
    async with asking(store, CONFIG) as api:
        assert await api.both(f"{BACKLOG}/cf.发现 v1.0=测试") == {"all": [1, 2, 1, 1, 1]}
        assert await api.both(f"{BACKLOG}/by=cf.发现 v1.0") == {
            "测试": [1, 2, 1, 1, 1],
            "生产": [0, 1, 2, 1, 1],
            "N/A": [1, 0, 0, 0, 0],
        }
        # Of several values each counts.
        assert await api.both(f"{BACKLOG}/by=cf.Boards,cf.发现 v1.0={{测试,生产}}") == {
            "x": [1, 0, 0, 0, 0],
            "y": [1, 1, 1, 0, 0],
            "z": [0, 1, 1, 0, 0],
            "N/A": [0, 2, 2, 2, 2],
        }
        tagged = "seriesByTag('name=tapd.bugs.backlog.daily','cf.Boards=~[xz]')"
        assert await api.graphite(tagged) == {"all": [1, 1, 1, 0, 0]}
        assert await api.variable("$cf.Boards=A") == ["x", "y", "z"]
        assert await api.variable("$cf#发现 v1#0") == ["测试", "生产"]


async def test_what_is_no_custom_field_is_skipped_with_those_there_are(store: Store) -> None:
    async with asking(store, CONFIG) as api:
        assert await api.both(f"{BACKLOG}/cf.Note=a") == {}
        assert "cf.Boards, cf.发现 v1.0" in api.skipped


@pytest.mark.parametrize("enabled", [False, True])
async def test_people_are_filters_and_splits_where_they_are_enabled(store: Store, enabled: bool) -> None:
    split = {"乙": [1, 1, 1, 1, 1], "甲": [1, 1, 0, 0, 0], "N/A": [1, 2, 2, 1, 1]}
    async with asking(store, PEOPLE if enabled else CONFIG) as api:
        assert await api.both(f"{BACKLOG}/owner=甲") == ({"all": [1, 1, 0, 0, 0]} if enabled else {})
        assert ("[people]" in api.skipped) is not enabled
        assert await api.both(f"{BACKLOG}/by=owner") == (split if enabled else {})
        assert await api.variable("$owner") == (["乙", "甲"] if enabled else [])
