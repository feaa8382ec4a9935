"""Every metric: what panels show is what is exported, and what pandas makes of the exported lines."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import aiohttp
import numpy as np
import pandas as pd
import pytest
import pytest_asyncio
import ujson

from metrics_api.catalog import load_catalog
from metrics_api.core.sections import Escape
from metrics_api.core.store import Store
from simulator.products import PRODUCTS
from tests.moment import now
from tests.reference.forecasts import chances
from tests.replay.panels import GRAPHITE, panel_requests
from tests.replay.wire import interpolate
from tests.system.harness import generated_config, serving
from tests.wires import recomputed_bug_times as bug_times
from tests.wires import recomputed_bugs as bugs
from tests.wires import recomputed_flow as flow
from tests.wires.exported import Exported
from tests.wires.further import further, pairs
from tests.wires.tables import Asked, Table

pytestmark = pytest.mark.asyncio(loop_scope="session")

FLOWS: dict[str, Callable[[Asked], Table]] = {
    "cumulative": flow.cumulative,
    "wip": flow.wip,
    "age": flow.age,
    "throughput": flow.throughput,
    "lead.time": flow.lead_time,
    "cycle.time": flow.cycle_time,
    "stage.time": flow.stage_time,
    "efficiency": flow.efficiency,
    "readoff": flow.read_off,
}
RECOMPUTED: dict[str, Callable[[Asked], Table]] = {
    **{
        f"tapd.{kind}.flow.{name}": partial(flow.split, made=made)
        for kind in ("bugs", "stories")
        for name, made in FLOWS.items()
    },
    "tapd.iteration.burnup": partial(flow.split, made=flow.burnup),
    "tapd.version.burndown": partial(flow.split, made=flow.burndown),
    "tapd.product.version.bugs": bugs.existing,
    "tapd.bugs.change.daily": bugs.changes,
    "tapd.bugs.backlog.daily": bugs.backlog,
    "tapd.bugs.distribution": bugs.distribution,
    "tapd.bugs.matrix": bugs.matrix,
    "tapd.bugs.age": bugs.age,
    "tapd.bugs.overdue": bugs.overdue,
    "tapd.bugs.di": bugs.index,
    "tapd.bugs.di.introduced": bugs.introduced,
    "tapd.bugs.gate": bugs.gate,
    "tapd.bugs.untouched": bugs.untouched,
    "tapd.bugs.reopen.rate": bug_times.reopen_rate,
    "tapd.bugs.reopen.count": bugs.reopenings,
    "tapd.bugs.invalid.rate": bug_times.invalid_rate,
    "tapd.bugs.fix.time": bug_times.fix_time,
    "tapd.bugs.response.time": bug_times.response_time,
    "tapd.bugs.verify.time": bug_times.verify_time,
    "tapd.bugs.escape.rate": bugs.escape_rate,
    "tapd.bugs.escape.version": bugs.escape_version,
    "tapd.bugs.density": bugs.density,
    "gitlab.events.daily": bugs.events,
}
# These are drawn at random: their dates are held to the exact chances.
FORECASTS = ("tapd.bugs.flow.forecast", "tapd.stories.flow.forecast")
SOME = {"severity": "severity={fatal,serious,normal}", "priority": "priority={High,Middle,高,中}"}
# What is asked of one iteration too.
OF_ITERATIONS = (
    *("tapd.iteration.burnup", "tapd.version.burndown", "tapd.bugs.density"),
    "tapd.stories.flow.forecast",
)
# Days back to before the company's first.
DAYS_BACK = 190
Points = list[tuple[int, float | None]]


@dataclass(frozen=True)
class Site:
    """A running API, its exported lines, and the time of day, which stands still."""

    url: str
    exported: Exported
    now: int

    @property
    def start(self) -> int:
        return self.now - DAYS_BACK * 86_400

    @cached_property
    def iteration(self) -> str:
        """The iteration of the second product that has most items."""
        both = pd.concat([self.exported.spans("stories"), self.exported.spans("bugs")])
        mine = both[(both["product"] == PRODUCTS[1].name) & (both["iteration"] != "N/A")]
        return str(mine.groupby("iteration")["item"].nunique().idxmax())


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(mongodb_url: str, collected_company: str) -> AsyncIterator[Site]:
    """The API over the generated company, told where bugs were found; its lines are read once."""
    escape = Escape(field=bugs.FOUND_WHERE, production=bugs.PRODUCTION)
    config = generated_config("", "")
    products = tuple(one.model_copy(update={"escape": escape}) for one in config.product)
    store = Store(mongodb_url, collected_company)
    async with serving(store, config.model_copy(update={"product": products}), now) as url:
        yield Site(url, await asyncio.to_thread(Exported, url), now())
    await store.aclose()


def questions(metric: str, iteration: str) -> list[str]:
    """What panels ask about a metric, of one product and its iterations, or of one of these; and of some
    items of all products, week by week."""
    targets = {
        query.target
        for board in GRAPHITE.values()
        for panel in panel_requests(board, {}).panels
        for query in panel.queries
        if re.match(rf"@{re.escape(metric)}(/|$)", query.target)
    }
    asked = load_catalog().metrics[metric]
    some = [value for name, value in SOME.items() if name in asked.filters][:1]
    some += ["step=1w"] if "step" in asked.options else []
    some += ["by=product"] if metric == "tapd.bugs.distribution" else []
    everything = {"Product": PRODUCTS[1].name, "Version": "*", "Iteration": "*"}
    choices = [everything, *([everything | {"Iteration": iteration}] if metric in OF_ITERATIONS else [])]
    found = [interpolate(one, chosen) for one in sorted(targets) for chosen in choices]
    found += [f"@{metric}/{','.join(some)}"]
    if ".flow." in metric or metric in ("tapd.iteration.burnup", "tapd.version.burndown"):
        found += [f"@{metric}/{pairs}" for pairs in further(metric, next(iter(some), ""))]
    return [*dict.fromkeys(found)]


def of_defects(metric: str) -> bool:
    """Whether a metric is one of defects."""
    return metric.startswith(("tapd.bugs.", "tapd.product.")) and ".flow." not in metric


def rarely_asked(metric: str) -> list[str]:
    """What no panel asks: by months of a zone that changes its clocks, without what was deleted; as of now,
    the whole range at once; other percentiles by weeks of yet another zone; and all of it split."""
    known = load_catalog().metrics[metric]
    by = "iteration" if known.topic({}) == "stories" else "severity"
    asked = (
        ("tz=America/New_York", "step=1M", "deleted=exclude", "q={5,50,99.9}", "by=product"),
        ("asof=now", "step=all", f"by={by}"),
        ("tz=Europe/Berlin", "step=1w", "asof=now", f"by={by}", "q={5,50,99.9}"),
    )
    named = [[one for one in options if one.partition("=")[0] in known.options] for options in asked]
    return [f"@{metric}/{','.join(one)}" for one in named]


def asked_of(site: Site, target: str) -> Asked:
    """The question as the recomputation takes it."""
    name = re.split(r"/", target[1:], maxsplit=1)[0]
    metric = load_catalog().metrics[name]
    told = pairs(target)
    filters = {
        key: value.strip("{}").split(",")
        for key, value in told.items()
        if key in metric.filters and value != "*"
    }
    options = {key: value for key, value in told.items() if key not in metric.filters}
    topics = metric.topics
    kind: Any = topics.get(options.get("of", ""), next(iter(topics.values())))
    return Asked(site.exported, kind, filters, options, site.start, site.now, metric.last_only)


async def answers(site: Site, target: str) -> tuple[dict[str, Points], ...]:
    """What the two wires answer to a panel, and what is exported, by endpoint in their order."""
    form = {"target": target, "from": str(site.start), "until": str(site.now), "format": "json"}
    name = target[1:].partition("/")[0]
    query = pairs(target) | {"from": str(site.start), "until": str(site.now)}
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{site.url}/graphite/render", data=form) as answer:
            graphite = {
                one["tags"]["series"]: [(at, value) for value, at in one["datapoints"]]
                for one in await answer.json()
            }
        form["target"] = target.replace(name, name.replace(".", "#"), 1)
        async with session.post(f"{site.url}/api/v1/grafana/render", data=form) as answer:
            falcon = {
                one["endpoint"]: [(point["timestamp"], point["value"]) for point in one["Values"]]
                for one in await answer.json()
            }
        exported: dict[str, Points] = {}
        async with session.get(f"{site.url}/api/v1/metrics/{name}", params=query) as answer:
            assert answer.status == 200, await answer.text()
            for line in (await answer.text()).splitlines():
                one = ujson.loads(line)
                exported.setdefault(one["endpoint"], []).append((one["time"], one["value"]))
    return graphite, falcon, exported


def table_of(points: dict[str, Points]) -> Table:
    """An answer as a table."""
    return pd.DataFrame({name: pd.Series(dict(line), dtype="float64") for name, line in points.items()})


def known(asked: Asked, table: Table) -> Table:
    """Nothing is known of the buckets before the first record of the workspaces asked for."""
    if asked.kind == "events":
        first = bugs.events_of(asked)["at"].min()
    else:
        every = asked.exported.spans(asked.kind)
        first = every[every["workspace"].isin(asked.workspaces)]["start"].min()
    blank = (asked.grid["end"] <= first).to_numpy()
    return table.astype("float64").mask(np.broadcast_to(blank[:, None], table.shape))


def compared(got: Table, expected: Table) -> Iterator[str]:
    """The differences; a line with nothing to show may be left out."""
    for name in dict.fromkeys([*got, *expected]):
        one, other = (
            table[name] if name in table else pd.Series(np.nan, index=expected.index)
            for table in (got, expected)
        )
        if name not in got or name not in expected:
            if one.fillna(0).any() or other.fillna(0).any():
                yield f"{name}: only {'recomputed' if name in expected else 'answered'}"
        elif list(one.index) != list(other.index):
            yield f"{name}: other buckets"
        elif not np.allclose(one, other, rtol=1e-9, atol=1e-9, equal_nan=True):
            wrong = ~np.isclose(one, other, rtol=1e-9, atol=1e-9, equal_nan=True)
            yield f"{name}: {list(zip(one.index[wrong], one[wrong], other[wrong], strict=True))[:5]}"


async def test_every_metric_is_worked_out_again() -> None:
    metrics = {name for name in load_catalog().metrics if not name.startswith("health.")}
    assert metrics == {*RECOMPUTED, *FORECASTS}


@pytest.mark.parametrize("metric", RECOMPUTED)
async def test_panels_and_exports_and_pandas_agree(site: Site, metric: str) -> None:
    told = False
    rare = rarely_asked(metric) if of_defects(metric) else []
    for target in [*questions(metric, site.iteration), *rare]:
        graphite, falcon, exported = await answers(site, target)
        assert graphite == exported, target
        assert falcon == exported, target
        assert list(graphite) == list(falcon) == list(exported), target
        asked = asked_of(site, target)
        made = partial(bugs.by_value, RECOMPUTED[metric]) if target in rare else RECOMPUTED[metric]
        expected = known(asked, await asyncio.to_thread(made, asked))
        assert list(compared(table_of(exported), expected)) == [], target
        told = told or bool(expected.fillna(0).to_numpy().any())
    # The company has some of everything, else equal tables would say little.
    assert told


@pytest.mark.parametrize("metric", FORECASTS)
async def test_forecasts_go_by_what_pandas_counts(site: Site, metric: str) -> None:
    for target in questions(metric, site.iteration):
        graphite, falcon, exported = await answers(site, target)
        assert graphite == falcon == exported, target
        asked = asked_of(site, target)
        open_items = asked.standing[asked.standing["open"]]
        today = pd.Timestamp(site.now, unit="s", tz=asked.zone).normalize()
        # What work is planned for says nothing of how fast it is done.
        pace = {name: some for name, some in asked.filters.items() if name not in ("iteration", "version")}
        done = flow.ended(replace(asked, filters=pace), "done")["start"]
        days = pd.to_datetime(done, unit="s", utc=True).dt.tz_convert(asked.zone).dt.normalize()
        back = pd.date_range(today - pd.DateOffset(days=56), today - pd.DateOffset(days=1))
        ahead = pd.date_range(today + pd.DateOffset(days=1), today + pd.DateOffset(days=200))
        back, ahead = asked.days_that_count(back), asked.days_that_count(ahead)
        days = days[(days >= today - pd.DateOffset(days=56)) & (days < today)]
        # What was done on a day of rest counts on the next one of work, at the end on the one before.
        place = np.minimum(np.searchsorted(back, days), len(back) - 1)
        daily = np.bincount(place, minlength=len(back)).tolist()
        found = {name: points[0][1] for name, points in exported.items()}
        assert (found["remaining"], found["n"]) == (len(open_items), sum(daily)), target
        if sum(daily) < 20:
            assert (found["p50"], found["p85"]) == (None, None)
            continue
        exact = [0.0, *chances(daily, len(open_items), 0.95)]
        for name, chance in (("p50", 0.50), ("p85", 0.85)):
            day = pd.Timestamp(float(found[name] or 0), unit="s", tz=asked.zone)
            taken = int((ahead <= day).sum())
            assert day in (today, *ahead)
            # Of 10,000 futures a share is within 0.02 of its chance but once in 15,000 times.
            assert exact[taken] - 0.02 < chance < exact[taken + 1] + 0.02, (target, name)
