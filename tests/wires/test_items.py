"""The items behind a number over real sockets: as lines, as a table and as a page; and what is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import ujson

from metrics_api.core.sections import TapdInstance
from metrics_api.core.security import Principal
from metrics_api.core.store import Store
from metrics_api.evaluate import Evaluator
from metrics_api.items import found
from metrics_api.reader import Reader
from tests.frames import dozen, seven
from tests.frames.facts import DAY_S, MONDAY, NOW, Publisher, ten
from tests.system.harness import serving

HOUR_S = 3600
AGE, WIP = "tapd.bugs.flow.age", "tapd.bugs.flow.wip"
TITLE = 'Say <script>alert("1")</script> & 重开'
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
CONFIG = seven.CONFIG.model_copy(update={"tapd": (TapdInstance(web="https://tapd.example.com/base/"),)})


@dataclass(frozen=True)
class Asking:
    """Asks an API for lists."""

    session: aiohttp.ClientSession
    url: str

    async def text(self, path: str = "/api/v1/items", /, status: int = 200, **given: Any) -> str:
        headers = given.pop("headers", {})
        params = {"from" if key == "since_when" else key: value for key, value in given.items()}
        async with self.session.get(self.url + path, params=params, headers=headers) as answer:
            assert answer.status == status, await answer.text()
            return await answer.text()

    async def lines(self, metric: str, **given: Any) -> list[dict[str, Any]]:
        return [ujson.loads(line) for line in (await self.text(metric=metric, **given)).splitlines()]

    async def ids(self, metric: str, **given: Any) -> list[str]:
        return [one["id"] for one in await self.lines(metric, **given)]

    async def refused(self, status: int = 400, **given: Any) -> str:
        return str(ujson.loads(await self.text(status=status, **given))["message"])


@pytest_asyncio.fixture
async def asking(store: Store) -> AsyncIterator[Asking]:
    """An API over the seven bugs and the dozen stories, on Friday noon."""
    bugs = [one | {"title": TITLE if one["id"] == "2" else f"Bug {one['id']}"} for one in seven.seven()]
    await Publisher(store).everything(bugs=bugs, stories=dozen.dozen())
    async with serving(store, CONFIG, lambda: NOW) as url, aiohttp.ClientSession() as session:
        yield Asking(session, url)


# Ages on Friday noon: the third 74 hours, the sixth 50, the second, reopened on Thursday, 26.
async def test_the_oldest_items_come_first_with_what_there_is_to_know_of_them(asking: Asking) -> None:
    found = await asking.lines(AGE)
    assert [(one["id"], one["value"]) for one in found] == [
        *(("3", 74 * HOUR_S), ("6", 50 * HOUR_S), ("2", 26 * HOUR_S))
    ]
    assert found[2] == {
        "id": "2",
        "title": TITLE,
        "url": "https://tapd.example.com/base/1/bugtrace/bugs/view/2",
        "product": "A",
        "workspace": "1",
        "stage": "fixing",
        "status": "reopened",
        "created": ten(0),
        "value": 26 * HOUR_S,
        "unit": "seconds",
    }
    assert await asking.ids(AGE, since="first") == ["2", "3", "6"]
    assert await asking.ids(AGE, limit=1) == ["3"]
    work = await asking.lines(AGE, calendar="work")
    assert [one["value"] / HOUR_S for one in work] == [29, 20, 11]


async def test_a_point_of_a_panel_leads_to_its_items(asking: Asking) -> None:
    tuesday = MONDAY + DAY_S
    # The second was fixed then: still in work, at the end of that day for 38 hours.
    for at in ("2026-03-03", tuesday, tuesday + 5, f"{tuesday}000"):
        assert await asking.ids(AGE, at=at) == ["2", "1", "3", "4"], at
    told = (await asking.lines(AGE, at=tuesday, limit=1))[0]
    assert (told["stage"], told["status"], told["value"]) == ("fixed", "resolved", 38 * HOUR_S)
    assert await asking.ids(WIP, at=tuesday, stage="fixing") == ["1", "3", "4"]
    assert await asking.ids(WIP, at=tuesday, severity="fatal") == ["2", "1"]
    assert await asking.ids(WIP, at=tuesday, severity="{fatal,N/A}", stage="fixed") == ["2"]
    assert await asking.ids(WIP, at=tuesday, product="*", deleted="exclude") == ["2", "1", "3"]
    assert await asking.ids(WIP, at=tuesday, product="nobody's") == []
    # A panel from Wednesday noon on: its first bucket began before that.
    assert await asking.ids(WIP, at=tuesday, since_when=f"{tuesday + 36 * HOUR_S}000") == ["2", "1", "3", "4"]
    # The week is that of today; before the first record there was nothing.
    assert await asking.ids(WIP, at=tuesday, step="1w") == await asking.ids(WIP) == ["3", "6", "2"]
    assert await asking.ids(WIP, at="2026-02-01") == []
    assert await asking.ids(WIP, at="2027-02-01") == ["3", "6", "2"]


async def test_backlogs_bands_and_versions_name_their_items(asking: Asking) -> None:
    # By age since creation: all of the first day, then the sixth.
    assert await asking.ids("tapd.bugs.backlog.daily") == ["2", "3", "5", "7", "6"]
    assert await asking.ids("tapd.product.version.bugs") == ["1", "2", "3", "5", "7", "6"]
    bands = await asking.lines("tapd.bugs.flow.cumulative")
    assert [(one["id"], one["stage"]) for one in bands] == [
        *(("7", "new"), ("5", "unmapped"), ("1", "closed"), ("2", "fixing"), ("3", "fixing"), ("6", "fixed"))
    ]
    assert await asking.ids("tapd.bugs.flow.cumulative", stage="unmapped") == ["5"]
    # The first was closed on Thursday.
    ranged = {"stage": "closed", "done_from": "range"}
    assert await asking.ids("tapd.bugs.flow.cumulative", since_when="2026-03-05", **ranged) == ["1"]
    assert await asking.ids("tapd.bugs.flow.cumulative", since_when="2026-03-06", **ranged) == []


async def test_a_line_leads_to_its_own_items(asking: Asking) -> None:
    # The second is fatal and in the stage fixing, where the third is as well.
    by_stage = {"metric": WIP, "by": "stage"}
    assert await asking.ids(**by_stage, series="fixing") == ["3", "2"]
    assert await asking.ids(**by_stage, series="nothing") == []
    assert await asking.ids(**by_stage, series="fixing", severity="fatal") == ["2"]
    assert await asking.refused(**by_stage, series="limit/fixing") == (
        "limit/fixing of tapd.bugs.flow.wip is drawn by the configuration: no items are behind it"
    )
    assert "for by = stage, series = fixing: 2 items." in await asking.text(
        **by_stage, series="fixing", headers=BROWSER
    )


async def test_what_was_done_counts_if_it_still_is_at_the_end_of_the_range(asking: Asking) -> None:
    # The second was closed on Wednesday and reopened on Thursday.
    done = {"metric": "tapd.bugs.flow.throughput", "at": MONDAY + 2 * DAY_S, "since_when": MONDAY}
    assert await asking.ids(**done) == ["2"]
    assert await asking.ids(**done, until=f"{MONDAY + 2 * DAY_S}000") == ["2"]
    assert await asking.ids(**done, until=NOW) == []
    assert await asking.ids(**done | {"at": MONDAY + 3 * DAY_S}, until=NOW) == ["1"]


async def test_lines_that_count_no_present_stage_lead_to_their_items(asking: Asking) -> None:
    assert await asking.ids("tapd.iteration.burnup", of="bugs", by="status", series="closed/done") == ["1"]
    arrivals = {"metric": "tapd.bugs.flow.cumulative", "mode": "arrivals", "by": "severity"}
    assert await asking.ids(series="fatal/closed", **arrivals) == ["2", "1"]


async def test_stories_lead_to_their_own_pages(asking: Asking) -> None:
    found = await asking.lines("@tapd#stories#flow#age", level="parent")
    assert [one["id"] for one in found] == ["4", "9"]
    assert found[0]["url"] == "https://tapd.example.com/base/1/prong/stories/view/4"


async def test_grafana_gets_a_table_with_times_in_milliseconds(asking: Asking) -> None:
    [table] = ujson.loads(await asking.text(metric=AGE, limit=1, format="table"))
    assert table == {
        "columns": [
            {"text": "Value (seconds)", "type": "number"},
            {"text": "ID", "type": "string"},
            {"text": "Title", "type": "string"},
            {"text": "Product", "type": "string"},
            {"text": "Workspace", "type": "string"},
            {"text": "Stage", "type": "string"},
            {"text": "Status", "type": "string"},
            {"text": "Created", "type": "time"},
            {"text": "URL", "type": "string"},
        ],
        "rows": [
            [
                *(74 * HOUR_S, "3", "Bug 3", "A", "1", "fixing", "in_progress"),
                *(ten(0) * 1000, "https://tapd.example.com/base/1/bugtrace/bugs/view/3"),
            ]
        ],
        "type": "table",
    }


async def test_a_browser_gets_a_page_that_runs_nothing(asking: Asking) -> None:
    url = f"{asking.url}/api/v1/items"
    async with asking.session.get(url, params={"metric": AGE, "limit": "2"}, headers=BROWSER) as answer:
        page = await answer.text()
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert (answer.headers["X-Engmetrics-Total"], answer.headers["Vary"]) == ("3", "Accept")
    assert ": 2 of 3 items." in page
    assert f'<a href="?metric={AGE}&amp;limit=1000">' in page
    assert "3 d 2 h" in page
    assert (
        "The items in work, those first that have been in work for longest. As of <b>2026-03-06 12:00</b>"
        in page
    )
    assert "(Asia/Shanghai), for everything: " in page
    assert '<a href="https://tapd.example.com/base/1/bugtrace/bugs/view/3" rel="noreferrer">3</a>' in page
    whole = await asking.text(metric=AGE, format="html", severity="fatal")
    assert "Say &lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; 重开" in whole
    assert "<script" not in whole
    assert "for severity = fatal: 1 item." in whole
    nothing = await asking.text(metric=AGE, stage='"><b>', headers=BROWSER)
    assert "for stage = &quot;&gt;&lt;b&gt;: no items." in nothing


@pytest.mark.parametrize("prefix", ["/api/v1", "/graphite", "/api/v1/grafana"])
async def test_the_list_is_below_both_datasources(asking: Asking, prefix: str) -> None:
    for path in (f"{prefix}/items", f"{prefix}/items/"):
        assert len((await asking.text(path, metric=AGE)).splitlines()) == 3


async def test_what_cannot_be_listed_is_refused_in_words(asking: Asking) -> None:
    assert (await asking.refused()).startswith(
        "metric is missing, as in metric=tapd.bugs.flow.age&product=A; "
    )
    unknown = await asking.refused(404, metric="gitlab.events.daily")
    assert unknown.startswith("nobody can list the items of 'gitlab.events.daily', but of: tapd.bugs.")
    said = {
        "at": ("yesterday", "at"),
        "since_when": ("2026-02-30", "from='2026-02-30' is no day of the calendar"),
        "limit": ("0", "limit='0' is not a number of items: use 1 to 1000"),
        "format": ("xml", "format='xml' is not offered: use one of json, table, html"),
        "priorities": ("high", "tapd.bugs.flow.age has no filter or option 'priorities'; filters: product, "),
        "since": ("ever", "since=ever: use one of last, first"),
    }
    for key, (value, message) in said.items():
        assert message in await asking.refused(metric=AGE, **{key: value})
    for limit in ("1001", "²", "-1", "", "1e3"):
        assert "is not a number of items" in await asking.refused(metric=AGE, limit=limit)
    gap = await asking.refused(metric="tapd.bugs.flow.readoff", series="residual")
    assert "do not say which item was done: ask for series=wip or throughput" in gap
    assert await asking.refused(metric=AGE, at=-(10**9)) == "at is before 1970"


async def test_nothing_is_listed_that_nobody_looked_at(store: Store) -> None:
    await Publisher(store).everything(bugs=seven.seven())
    marks = store.collection("watermarks")
    wednesday = MONDAY + 2 * DAY_S + HOUR_S
    await marks.update_many(
        {"collector": "tapd.bugs"}, {"$set": {"started_at": datetime.fromtimestamp(wednesday, UTC)}}
    )
    await marks.update_many({"collector": "tapd.stories"}, {"$set": {"started_at": None}})
    async with serving(store, CONFIG, lambda: NOW) as url, aiohttp.ClientSession() as session:
        asking = Asking(session, url)
        # Wednesday is the last day of which anything is known, so that is what is told without `at`.
        assert await asking.ids(AGE) == ["1", "4", "6"]
        assert await asking.refused(metric=AGE, at="2026-03-05") == (
            "what there was then is not known yet: the records were looked at until 2026-03-04 01:00+08:00"
        )
        never = await asking.refused(503, metric="tapd.stories.flow.age")
        assert never.startswith("not all of this has been collected yet")


async def test_a_principal_is_told_of_its_products_only(store: Store) -> None:
    await Publisher(store).everything(bugs=seven.seven())
    reader = Reader(store, CONFIG)
    await reader.look()
    evaluator = Evaluator(reader, clock=lambda: NOW)
    counts = []
    for products in (None, frozenset({"A"}), frozenset({"B"})):
        asked = evaluator.asked(reader.world, f"@{WIP}", NOW, NOW, Principal("someone", products))
        counts.append(found(reader.world.items["bugs"], WIP, replace(asked.query, now=NOW)).total)
    evaluator.close()
    assert counts == [3, 3, 0]


# The numbers are worked out in tests/frames.
async def test_work_in_progress_is_drawn_on_both_wires(asking: Asking) -> None:
    starts = [MONDAY + day * DAY_S for day in range(5)]
    hours = {
        "p50": [14, 14, 38, 62, 50],
        "max": [14, 38, 38, 62, 74],
    }
    expected = {
        f"@{WIP}": {"all": [1, 4, 3, 3, 3], "limit": [5] * 5},
        f"@{AGE}": {name: [one * HOUR_S for one in line] for name, line in hours.items()}
        | {"p85": [None] * 5, "n": [1, 4, 3, 3, 3]},
        "@tapd.stories.flow.readoff/step=all": {
            "lead_time": [4 * DAY_S],
            "throughput": [0.8],
            "wip": [6.8],
            "residual": [3.6],
        },
    }
    for target, lines in expected.items():
        form = {"target": target, "from": str(MONDAY), "until": str(NOW)}
        async with asking.session.post(f"{asking.url}/api/v1/grafana/render", data=form) as answer:
            falcon = {one["endpoint"]: one["Values"] for one in await answer.json()}
        points = {
            name: [{"timestamp": at, "value": value} for at, value in zip(starts, line, strict=False)]
            for name, line in lines.items()
        }
        assert {name: list(values) for name, values in falcon.items()} == points
        async with asking.session.post(f"{asking.url}/graphite/render", data=form) as answer:
            graphite = await answer.json()
        assert {one["tags"]["series"]: [value for value, _ in one["datapoints"]] for one in graphite} == lines
        if "readoff" in target:
            assert {one["tags"]["approximate"] for one in graphite} == {"true"}
