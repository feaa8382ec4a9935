"""Fixtures: a store that collectors have worked on, and what the API answers over it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from metrics_api.core.config import Config
from metrics_api.core.security import READ_ALL, Principal
from metrics_api.core.store import Store
from metrics_api.evaluate import Evaluator
from metrics_api.reader import Reader
from metrics_api.series import Series
from tests.health.documents import CONFIG, NOON, project, publish, workspace

Values = dict[str, list[float | None]]


@dataclass
class Site:
    """A store with two products, and the API's side of it at a fixed time of day."""

    store: Store
    now: int = NOON
    config: Config = CONFIG
    reader: Reader = field(init=False)

    def __post_init__(self) -> None:
        self.reader = Reader(self.store, self.config, lambda: self.now)

    async def series(
        self, target: str, start: int, until: int, principal: Principal = READ_ALL
    ) -> list[Series]:
        """What is answered to a target, nothing of it skipped."""
        evaluator = Evaluator(self.reader, lambda: self.now)
        try:
            rendered = await evaluator.render([target], start, until, principal)
        finally:
            evaluator.close()
        assert not rendered.skipped, rendered.skipped
        return rendered.series[0]

    async def values(
        self, target: str, start: int, until: int = 0, principal: Principal = READ_ALL
    ) -> Values:
        """The values by endpoint, up to now unless told otherwise."""
        found = await self.series(target, start, until or self.now, principal)
        return {one.endpoint: list(one.values) for one in found}


Making = Callable[[], Awaitable[Site]]


@pytest.fixture
async def site(store: Store) -> Site:
    """A site with workspaces 1 (product A) and 2 (product B) and project 7 (product A)."""
    await publish(store, "workspaces", [workspace("1"), workspace("2")])
    await publish(store, "projects", [project("7", "g/a")])
    return Site(store)
