"""What was worked out by hand comes out of both wires, collected over HTTP by the real collectors."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import aiohttp
import pytest

from metrics_api.core.store import Store
from tests.company import shop, six_items
from tests.company.cases import Case, shop_cases, six_cases
from tests.reference.compare import differences
from tests.reference.wire import Company, first_look, last_look
from tests.system.harness import collected, configured, over_falcon, over_graphite, serving, upstreams_of
from tests.system.in_memory import config_of


@pytest.mark.parametrize(
    ("made", "cases"), [(six_items.company, six_cases), (shop.company, shop_cases)], ids=["six items", "shop"]
)
async def test_hand_worked_numbers_come_out_of_both_wires(
    store: Store, made: Callable[[], Company], cases: Callable[[], Iterable[Case]]
) -> None:
    company = made()
    # Twice, as it happens: while everything is still there, and after the removals. These are dated before
    # the first look, so the watermark that would have been older then is taken away.
    for look in (first_look(company), last_look(company)):
        await store.collection("watermarks").delete_many({"collector": "tapd.removed_bugs"})
        records = await collected(upstreams_of(look), store, configured(company))
        assert [(one["collector"], one["error"]) for one in records if one["state"] != "success"] == []
    wrong = []
    async with aiohttp.ClientSession() as session:
        for case in cases():
            async with serving(store, config_of(company), lambda now=case.query.now: now) as url:  # type: ignore[misc]
                for wire in (over_falcon, over_graphite):
                    got = await wire(session, url, case.query)
                    asked = {name for name, _ in case.expected}
                    if case.name == "ledger":
                        got = [line for line in got if line[0] in asked]
                    wrong += [(case.name, wire.__name__, one) for one in differences(case.expected, got)]
    assert wrong == []
