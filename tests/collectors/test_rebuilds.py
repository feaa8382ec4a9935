"""A rebuild while records come in: whatever comes when, no item is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from collectors.deriving import rebuild
from metrics_api.core.store import Document, Store
from tests.collectors.item_lives import Life, Turn
from tests.collectors.test_interleaving import TOPICS, Collecting


class Meanwhile(Store):
    """A store in which something happens before records of a collection are read the next time."""

    def __init__(self, uri: str, database: str) -> None:
        super().__init__(uri, database)
        self.before: dict[str, Callable[[], Awaitable[None]]] = {}

    async def window(self, name: str, *args: Any, **options: Any) -> list[Document]:
        """The documents, after what happens."""
        happens = self.before.pop(name, None)
        if happens:
            await happens()
        return await super().window(name, *args, **options)


@pytest_asyncio.fixture
async def meanwhile(mongodb_url: str, database_name: str, store: Store) -> AsyncIterator[Meanwhile]:
    """The test's store once more."""
    found = Meanwhile(mongodb_url, database_name)
    yield found
    await found.aclose()


@pytest.mark.parametrize("kind", sorted(TOPICS))
async def test_an_item_whose_row_comes_after_the_rows_were_walked_is_not_lost(
    store: Store, meanwhile: Meanwhile, kind: str
) -> None:
    life, collecting = Life(kind, [Turn(90, {"module": 1})], False, 0), Collecting(store)
    await collecting.keep([life.hook(0), life.hook(1)])
    (told,) = await collecting.facts(f"fact_{TOPICS[kind]}")

    async def polled() -> None:
        # The webhooks told it all: the fact stays as it is, and is not written again.
        await collecting.keep([life.row(1)])
        await collecting.keep(life.feed(1))
        assert await collecting.facts(f"fact_{TOPICS[kind]}") == [told]

    meanwhile.before[f"raw_tapd_{kind}_hook"] = polled
    assert await rebuild(meanwhile, TOPICS[kind]) == {TOPICS[kind]: 1}
    assert meanwhile.before == {}
    assert await collecting.facts(f"fact_{TOPICS[kind]}_2") == [told]
