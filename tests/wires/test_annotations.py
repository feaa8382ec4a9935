"""What Grafana draws into the numbers: iterations, releases, tags, gaps in collecting, changed stages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from metrics_api.core.config import Config, GitlabInstance, Product, Stage, Stages, TapdInstance
from metrics_api.core.facts import Batch, Facts
from metrics_api.core.leases import Leases
from metrics_api.core.store import Store
from tests.system.harness import serving

# 2026-03-20 12:00 in Shanghai.
NOW = 1_773_979_200
DAY_S = 86_400
HERE = {"instance": "tapd", "workspace": "1001"}
PREFIXES = ("/graphite", "/api/v1/grafana")


def at(text: str) -> int:
    """Epoch seconds of a time in Shanghai."""
    return int(datetime.fromisoformat(f"{text}+08:00").timestamp())


def stages(*names: str) -> Stages:
    flags = ["waiting", *["active"] * (len(names) - 2), "done"]
    return Stages(
        bugs=tuple(
            Stage.model_validate({"name": name, "statuses": [name], "flag": flag})
            for name, flag in zip(names, flags, strict=True)
        )
    )


def config(*names: str) -> Config:
    return Config(
        tapd=(TapdInstance(url="http://127.0.0.1:1", interval_minutes=10),),
        gitlab=(GitlabInstance(url="http://127.0.0.1:1"),),
        product=(
            Product(
                name="Cloud Drive",
                workspaces=("1001",),
                projects=("drive/server",),
                stages=stages(*(names or ("new", "fixing", "closed"))),
            ),
        ),
    )


async def keep(store: Store, topic: str, *facts: dict[str, Any]) -> None:
    async def produce() -> Batch:
        return Batch([{"instance": "tapd", **fact} for fact in facts])

    await Facts(store, Leases(store)).update(topic, lambda done: [produce][done:])


def iteration(number: int, name: str, start: str | None, end: str | None, **more: Any) -> dict[str, Any]:
    plan = {"id": str(number), "name": name, "start": start, "end": end, "status": "open", "created": 1}
    return {"_id": f"tapd:1001:{number}", **HERE, "names": [], "removed_at": None, **plan, **more}


def event(number: int, when: int, action: str, ref: str, branch: str) -> dict[str, Any]:
    said = {"at": when, "action": action, "target_type": "", "ref": ref, "branch": branch}
    return {"_id": f"gitlab:7:{number}", "instance": "gitlab", "project": "7", **said}


@pytest_asyncio.fixture
async def filled(store: Store) -> Store:
    await keep(
        store,
        "workspaces",
        {"_id": "tapd:1001", "id": "1001", "name": "云盘", "created": at("2026-01-05 00:00")},
    )
    await keep(
        store,
        "iterations",
        iteration(1, "v1.0", "2026-03-02", "2026-03-13"),
        iteration(2, "v1.1", "2026-03-16", None),
        iteration(3, "dropped", "2026-03-16", "2026-03-27", removed_at=at("2026-03-10")),
        # What a webhook of the company told of a workspace nobody collects.
        iteration(4, "elsewhere", "2026-03-16", "2026-03-27", _id="tapd:1002:4", workspace="1002"),
    )
    release = {"_id": "tapd:1001:9", **HERE, "id": "9", "name": "Spring", "status": "open", "created": 1}
    await keep(store, "releases", release | {"start": "2026-03-01", "end": "2026-03-18"})
    project = {"_id": "gitlab:7:7", "instance": "gitlab", "id": "7", "path": "drive/server", "asked": ""}
    await keep(store, "projects", project | {"name": "server", "default_branch": "main"})
    await keep(
        store,
        "events",
        event(1, at("2026-03-11 10:00"), "pushed new", "v1.0.0", ""),
        event(2, at("2026-03-11 11:00"), "pushed new", "feature", "feature"),
        event(3, at("2026-03-12 11:00"), "deleted", "v0.9.0", ""),
        event(4, at("2026-03-12 12:00"), "opened", "", ""),
    )
    marks = [
        ("tapd.bugs", "tapd", "1001", NOW - 60),
        ("tapd.bug_changes", "tapd", "1001", NOW - 60),
        ("tapd.removed_bugs", "tapd", "1001", NOW - 60),
        # The interval is five minutes, the patience half an hour.
        ("gitlab.events", "gitlab", "7", NOW - 1000),
    ]
    for collector, instance, scope, when in marks:
        mark = {"collector": collector, "instance": instance, "scope": scope, "cursor": {}, "clean": True}
        seen = datetime.fromtimestamp(when, UTC)
        name = f"{collector}:{instance}:{scope}"
        await store.collection("watermarks").insert_one({"_id": name, "started_at": seen, **mark})
    for collector, start, end in (
        ("tapd.bugs", "2026-03-05 02:00", "2026-03-05 05:00"),
        ("tapd.bug_changes", "2026-03-05 04:00", "2026-03-05 06:30"),
        ("tapd.bugs", "2026-03-09 02:00", "2026-03-09 03:00"),
    ):
        gap = {
            "collector": collector,
            "instance": "tapd",
            "scope": "1001",
            "start": at(start),
            "end": at(end),
        }
        await store.collection("gaps").insert_one({"_id": f"{collector}:tapd:1001:{at(end)}", **gap})
    return store


@pytest_asyncio.fixture
async def api(filled: Store) -> AsyncIterator[str]:
    async with serving(filled, config(), lambda: float(NOW)) as url:
        yield url


async def events(url: str, prefix: str = "/graphite", **asked: str) -> list[dict[str, Any]]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{url}{prefix}/events/get_data", params=asked) as response,
    ):
        assert response.status == 200, await response.text()
        return list(await response.json())


def told(found: list[dict[str, Any]]) -> list[tuple[int, str]]:
    return [(one["when"], one["what"]) for one in found]


WHOLE = {"from": str(NOW - 30 * DAY_S), "until": str(NOW)}


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_every_kind_comes_by_its_tag_with_its_times(api: str, prefix: str) -> None:
    assert told(await events(api, prefix, tags="iteration", **WHOLE)) == [
        (at("2026-03-02 00:00"), "v1.0 starts"),
        (at("2026-03-13 00:00"), "v1.0 ends"),
        (at("2026-03-16 00:00"), "v1.1 starts"),
    ]
    assert told(await events(api, prefix, tags="release", **WHOLE)) == [
        (at("2026-03-01 00:00"), "Spring starts"),
        (at("2026-03-18 00:00"), "Spring ends"),
    ]
    (tag,) = await events(api, prefix, tags="tag", **WHOLE)
    assert {key: tag[key] for key in ("when", "what", "data", "tags")} == {
        "when": at("2026-03-11 10:00"),
        "what": "v1.0.0",
        "data": "drive/server",
        "tags": ["tag", "drive/server", "Cloud Drive"],
    }
    assert told(await events(api, prefix, tags="gap", **WHOLE)) == [
        (at("2026-03-05 02:00"), "collecting stops"),
        (at("2026-03-05 06:30"), "collecting goes on"),
        (at("2026-03-09 02:00"), "collecting stops"),
        (at("2026-03-09 03:00"), "collecting goes on"),
    ]
    assert await events(api, prefix, tags="stages", **WHOLE) == []
    assert len(await events(api, prefix, **WHOLE)) == 10


async def test_the_dates_of_a_plan_are_told_as_far_as_they_are_known(api: str) -> None:
    assert [one["data"] for one in await events(api, tags="iteration start", **WHOLE)] == [
        "Cloud Drive: from 2026-03-02 to 2026-03-13",
        "Cloud Drive: from 2026-03-16",
    ]


async def test_all_tags_must_be_there_and_a_products_name_may_have_several_words(api: str) -> None:
    assert told(await events(api, tags="end", **WHOLE)) == [
        (at("2026-03-05 06:30"), "collecting goes on"),
        (at("2026-03-09 03:00"), "collecting goes on"),
        (at("2026-03-13 00:00"), "v1.0 ends"),
        (at("2026-03-18 00:00"), "Spring ends"),
    ]
    assert told(await events(api, tags="iteration end Cloud Drive", **WHOLE)) == [
        (at("2026-03-13 00:00"), "v1.0 ends")
    ]
    assert told(await events(api, tags="tag,drive/server", **WHOLE)) == [(at("2026-03-11 10:00"), "v1.0.0")]
    assert await events(api, tags="iteration Drive", **WHOLE) == []


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_relative_and_absolute_times_choose_the_same(api: str, prefix: str) -> None:
    week = await events(api, prefix, tags="iteration", **{"from": "-7d", "until": "now"})
    assert told(week) == [(at("2026-03-16 00:00"), "v1.1 starts")]
    span = {"from": str(NOW - 7 * DAY_S), "until": str(NOW)}
    assert await events(api, prefix, tags="iteration", **span) == week
    edge = {"from": str(at("2026-03-02 00:00")), "until": str(at("2026-03-02 00:00"))}
    assert told(await events(api, prefix, tags="iteration", **edge)) == [
        (at("2026-03-02 00:00"), "v1.0 starts")
    ]


async def test_a_gap_that_lasts_begins_with_the_last_success(filled: Store) -> None:
    later = NOW + 2000
    async with serving(filled, config(), lambda: float(later)) as url:
        span = {"from": str(NOW - DAY_S), "until": str(later)}
        found = await events(url, tags="gap", **span)
    assert told(found) == [(NOW - 1000, "collecting stops")]
    assert found[0]["data"] == "Cloud Drive: not collected from 2026-03-20 11:43:20 until now"


async def test_stages_that_are_configured_otherwise_are_an_event_once_the_first_have_lasted(
    filled: Store,
) -> None:
    async with serving(filled, config(), lambda: float(NOW)) as url:
        assert await events(url, tags="stages", **WHOLE) == []
    key = "tapd:1001:bugs"
    known = await filled.one("stage_maps", key)
    assert known is not None
    # As if it had been noted a week ago.
    known["versions"][0]["at"] -= 7 * DAY_S
    await filled.collection("stage_maps").replace_one({"_id": key}, known)
    async with serving(filled, config("new", "doing", "testing", "closed"), lambda: float(NOW)) as url:
        # The clock of the API is set, the stages are noted by the machine's.
        noted = await filled.one("stage_maps", key)
        assert noted is not None
        when = noted["versions"][1]["at"]
        found = await events(url, tags="stages bugs", **{"from": "0", "until": str(when)})
    assert told(found) == [(when, "stages of bugs changed")]
    assert found[0]["data"] == "Cloud Drive: new (new), doing (doing), testing (testing), closed (closed)"
