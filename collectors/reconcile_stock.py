"""What is stored of a list, for comparing: how many records of each day, and which."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass

from collectors.tapd_client import clock
from metrics_api.core.store import WINDOW, Document, Store


@dataclass(frozen=True)
class Stock:
    """The records of one raw collection and instance that are not marked as removed.

    They are sorted by the day they were created on, on the upstream's clocks; one that does not tell is left
    out, as upstream no question by days brings it.
    """

    store: Store
    collection: str
    instance: str

    async def counts(self, scope: str) -> dict[str, Counter[str]]:
        """How many there are, by scope and day; of one scope, or of all for ""."""
        found: dict[str, Counter[str]] = defaultdict(Counter)
        async for record, day in self._walk(scope):
            found[record["scope"]][day] += 1
        return found

    async def names(self, scope: str, spans: Collection[str], last: str) -> dict[str, set[str]]:
        """Which there are in days or months, up to a last day: their ids by span."""
        found: dict[str, set[str]] = {span: set() for span in spans}
        lengths = {len(span) for span in spans}
        async for record, day in self._walk(scope):
            for span in {day[:length] for length in lengths if day <= last} & found.keys():
                found[span].add(record["_id"].removeprefix(f"{self.instance}:{scope}:"))
        return found

    async def _walk(self, scope: str) -> AsyncIterator[tuple[Document, str]]:
        counter = await self.store.one("counters", f"n:{self.collection}")
        last = int(counter["n"]) if counter else 0
        query = {"instance": self.instance} | ({"scope": scope} if scope else {})
        fields = dict.fromkeys(("n", "scope", "removed_at", "data.created"), 1)
        for after in range(0, last, WINDOW):
            upto = min(after + WINDOW, last)
            for record in await self.store.window(self.collection, "n", after, upto, query, fields):
                day = clock(record["data"])[:10]
                if day and "removed_at" not in record:
                    yield record, day
