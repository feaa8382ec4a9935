"""Collectors that walk what another one reads, while that one is still at it in another process."""

from __future__ import annotations

from typing import Any

import pytest

from collectors import Since, registry
from collectors.sources import client_of
from metrics_api.core.config import Config, TapdInstance
from metrics_api.core.days import utc_now
from metrics_api.core.errors import Skippable
from metrics_api.core.settings import Settings
from metrics_api.core.store import Store
from simulator import Company, TapdWorkspaceRecords, running
from tests.collectors.stops import CREDENTIALS
from tests.collectors.test_overlaps import runner
from tests.misbehaviour.office import ago

WORKSPACE = "20000001"


def company() -> tuple[Company, TapdWorkspaceRecords]:
    found = Company()
    workspace = found.add_workspace({"id": WORKSPACE, "name": "One", "created": ago(9)})
    for add in (workspace.add_story, workspace.add_iteration, workspace.add_workitem_type):
        add({"id": "11", "name": "one", "title": "one", "created": ago(3), "modified": ago(3)})
    return found, workspace


@pytest.mark.parametrize(
    ("name", "walked"),
    [
        ("tapd.status_maps", "tapd.workitem_types"),
        ("tapd.last_steps", "tapd.workitem_types"),
        ("tapd.first_steps", "tapd.workitem_types"),
        ("tapd.story_bugs", "tapd.stories"),
        ("tapd.iteration_changes", "tapd.iterations"),
    ],
)
async def test_a_walk_that_began_before_its_list_was_whole_is_no_success(
    name: str, walked: str, store: Store
) -> None:
    upstreams, workspace = company()
    async with running(upstreams, tapd_quota=None) as servers:
        instance = TapdInstance(url=servers.tapd_url, workspaces=(WORKSPACE,), quota_per_minute=60_000)
        client = client_of(Settings(Config(tapd=(instance,)), CREDENTIALS), "tapd", instance)
        assert client is not None

        async def read(unit: str) -> dict[str, Any]:
            record = await runner(store).run(registry()[unit]("tapd", client, store), WORKSPACE)
            assert record is not None
            return record

        # Another process has read one of two, and has not come to its end.
        assert (await read(walked))["new"] == 1
        await store.remove("watermarks", [f"{walked}:tapd:{WORKSPACE}"])
        for add in (workspace.add_story, workspace.add_iteration, workspace.add_workitem_type):
            add({"id": "12", "name": "two", "title": "two", "created": ago(2), "modified": ago(2)})
        pages = registry()[name]("tapd", client, store).fetch(WORKSPACE, Since(None, {}, utc_now()))
        await anext(pages)
        assert (await read(walked))["new"] == 1
        with pytest.raises(Skippable, match=f"walks what {walked} reads, which had not succeeded"):
            async for _ in pages:
                pass
        assert (await read(name))["error"] is None
        await client.upstream.aclose()
