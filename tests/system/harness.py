"""The whole system over real sockets: simulated upstreams, real collectors, the store, the API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from collectors.scheduler import collect
from metrics_api.app import create_app
from metrics_api.core.config import Config, GitlabInstance, Product, TapdInstance
from metrics_api.core.sections import Escape
from metrics_api.core.settings import Settings
from metrics_api.core.store import Document, Store
from metrics_api.evaluate import Evaluator
from metrics_api.reader import Reader
from simulator import Company as Upstreams
from simulator import GitlabAccount, TapdAccount, running
from simulator.products import PRODUCTS
from tests.reference.answers import Answer
from tests.reference.questions import Query
from tests.reference.wire import Company
from tests.system.in_memory import config_of

CREDENTIALS = {
    "ENGMETRICS_TAPD_TAPD_USER": TapdAccount().user,
    "ENGMETRICS_TAPD_TAPD_PASSWORD": TapdAccount().password,
    "ENGMETRICS_GITLAB_GITLAB_TOKEN": GitlabAccount().token,
}


def upstreams_of(company: Company) -> Upstreams:
    """The simulated upstreams holding a company's wire records as they are."""
    upstreams = Upstreams()
    for workspace in company.workspaces:
        records = upstreams.add_workspace(
            {"id": workspace.id, "name": workspace.name, "created": workspace.created},
            status_map=workspace.status_map,
            last_steps=workspace.last_steps,
            first_step={workspace.first_step: workspace.first_step} if workspace.first_step else {},
        )
        records.custom_fields.extend(workspace.custom_fields)
        for row in workspace.bugs:
            records.add_bug(row)
        for row in workspace.changes:
            records.add_change(row)
        for one in workspace.types:
            first = {one.first_step: one.first_step} if one.first_step else {}
            records.add_workitem_type(
                one.record, status_map=one.status_map, last_steps=one.last_steps, first_step=first
            )
        for row in workspace.stories:
            records.add_story(row)
        for row in workspace.story_changes:
            records.add_story_change(row)
        for row in workspace.iterations:
            records.add_iteration(row)
        for row in workspace.iteration_changes:
            records.add_iteration_change(row)
        records.removed.extend(workspace.removed)
        records.removed_stories.extend(workspace.removed_stories)
    for project in company.projects:
        events = upstreams.add_project({"id": project.id, "path_with_namespace": project.path})
        for row in project.events:
            events.add_event(row)
    return upstreams


async def collected(
    upstreams: Upstreams, store: Store, config: Callable[[str, str], Config]
) -> list[Document]:
    """Run every collector once over HTTP; `config` makes the configuration from the two URLs."""
    async with running(upstreams, tapd_quota=None) as servers:
        settings = Settings(config(servers.tapd_url, servers.gitlab_url), CREDENTIALS)
        return await collect(settings, store, once="all")


def generated_config(tapd: str, gitlab: str) -> Config:
    """The configuration of the generated company: its two products with their workspaces and projects."""
    products = tuple(
        Product(
            name=one.name,
            workspaces=(one.workspace_id,),
            projects=tuple(path for _, path in one.repositories),
            escape=Escape(field="originphase", production=("线上",)),
        )
        for one in PRODUCTS
    )
    return Config(
        tapd=(TapdInstance(url=tapd, company_id=Upstreams().company_id, quota_per_minute=60_000),)
        if tapd
        else (),
        gitlab=(GitlabInstance(url=gitlab, quota_per_minute=60_000),) if gitlab else (),
        product=products,
    )


def configured(company: Company) -> Callable[[str, str], Config]:
    """The configuration of a company whose upstreams are at two URLs."""
    return lambda tapd, gitlab: config_of(company, tapd, gitlab)


@asynccontextmanager
async def serving(store: Store, config: Config, clock: Callable[[], float]) -> AsyncIterator[str]:
    """The API over the store's facts at a fixed time of day; yields its URL."""
    reader = Reader(store, config, clock)
    await reader.look()
    evaluator = Evaluator(reader, clock)
    refreshing = asyncio.create_task(reader.run())
    runner = web.AppRunner(create_app(Settings(config, {}), store, evaluator, clock), access_log=None)
    try:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
        refreshing.cancel()
        await asyncio.gather(refreshing, return_exceptions=True)
        evaluator.close()


async def over_falcon(session: aiohttp.ClientSession, url: str, query: Query) -> Answer:
    """What the falcon-plus wire answers."""
    form = {"target": query.target(), "from": str(query.start), "until": str(query.until)}
    async with session.post(f"{url}/api/v1/grafana/render", data=form) as response:
        assert response.status == 200, await response.text()
        rows = await response.json()
    counter = query.metric.split(".", 1)[1]
    assert all(row["counter"] == counter and row["dstype"] == "GAUGE" for row in rows)
    return [(row["endpoint"], [(one["timestamp"], one["value"]) for one in row["Values"]]) for row in rows]


async def over_graphite(session: aiohttp.ClientSession, url: str, query: Query) -> Answer:
    """What the Graphite wire answers to the target as Grafana 11.6 wraps it."""
    wrapped = f'aliasSub({query.target(".")}, "(^.*$)", "\\1 A")'
    form = {"target": wrapped, "from": str(query.start), "until": str(query.until), "format": "json"}
    async with session.post(f"{url}/graphite/render", data=form) as response:
        assert response.status == 200, await response.text()
        rows = await response.json()
    counter = query.metric.split(".", 1)[1]
    assert all(row["target"] == f"{row['tags']['series']}.{counter} A" for row in rows)
    return [(row["tags"]["series"], [(at, value) for value, at in row["datapoints"]]) for row in rows]
