"""What TAPD really answered about stories, tasks and plans: recorded response -> collector -> raw."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import ujson
from aiohttp import web

from collectors import registry
from collectors.deriving import Deriver
from collectors.runner import Runner
from collectors.tapd_client import TapdClient
from metrics_api.core.facts import Facts
from metrics_api.core.leases import Leases
from metrics_api.core.raw import RawStore, Record
from metrics_api.core.store import Store
from tests.collectors.conftest import Fake, Handler, envelope, listing, succeeded

# 2024-08-22 in Beijing: the days after the newest recorded change need not be walked.
NOW = datetime(2024, 8, 22, 2, 0, tzinfo=UTC)


def load(recorded: Path, *names: str) -> list[Any]:
    """The rows of recorded lists, of bare ones and of whole envelopes."""
    rows: list[Any] = []
    for name in names:
        found = ujson.loads((recorded / name).read_bytes())
        rows += found["data"] if isinstance(found, dict) else found
    return rows


def inner(row: dict[str, Any]) -> dict[str, Any]:
    """The record in its wrapper, if it has one."""
    wrapped = next(iter(row.values()))
    return wrapped if isinstance(wrapped, dict) else row


def once(rows: list[Any]) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        return envelope(rows if request.query.get("page", "1") == "1" else [])

    return handler


def one_day(rows: list[Any]) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        day = request.query.get("created", "?")
        return envelope([row for row in rows if inner(row)["created"].startswith(day)])

    return handler


async def collected(name: str, tapd: TapdClient, store: Store) -> dict[str, Any]:
    leases, raw = Leases(store), RawStore(store)
    deriver = Deriver(store, Facts(store, leases), raw, {})
    runner = Runner(store, leases, raw, deriver, clock=lambda: NOW)
    record = await runner.run(registry()[name]("tapd", tapd, store), "991")
    assert record is not None
    assert (record["error"], record["quarantined"]) == (None, 0)
    return record


async def stored(store: Store, collection: str) -> dict[str, Any]:
    return {one["_id"].split(":", 2)[2]: one["data"] for one in await store.all(collection)}


@pytest.mark.parametrize(
    ("name", "collection", "path", "files", "count"),
    [
        ("tapd.stories", "raw_tapd_story", "/stories", ["tapd/stories.json"], 12),
        ("tapd.tasks", "raw_tapd_task", "/tasks", ["tapd/tasks.json", "tapd_api/task__get_tasks.json"], 11),
        (
            "tapd.removed_tasks",
            "raw_tapd_removed_task",
            "/tasks/get_removed_tasks",
            ["tapd_api/task__get_removed_tasks.json"],
            1,
        ),
        (
            "tapd.removed_stories",
            "raw_tapd_removed_story",
            "/stories/get_removed_stories",
            ["tapd_api/story__get_removed_stories.json"],
            2,
        ),
        (
            "tapd.categories",
            "raw_tapd_category",
            "/story_categories",
            ["tapd/story_categories.json", "tapd_api/story__get_story_categories.json"],
            4,
        ),
        ("tapd.releases", "raw_tapd_release", "/new_releases", ["tapd_api/release__get_releases.json"], 1),
        (
            "tapd.iterations",
            "raw_tapd_iteration",
            "/iterations",
            ["tapd_api/iteration__get_iterations.json"],
            8,
        ),
        (
            "tapd.workitem_types",
            "raw_tapd_workitem_type",
            "/workitem_types",
            ["tapd/workitem_types.json", "tapd_api/story__get_story_workitem_types.json"],
            4,
        ),
    ],
)
async def test_recorded_rows_are_stored_verbatim(
    name: str,
    collection: str,
    path: str,
    files: list[str],
    count: int,
    fake: Fake,
    tapd: TapdClient,
    store: Store,
    recorded: Path,
) -> None:
    rows = load(recorded, *files)
    fake.routes[path] = once(rows)
    await collected(name, tapd, store)
    expected = {str(inner(row)["id"]): inner(row) for row in rows}
    assert len(expected) == count
    assert await stored(store, collection) == expected


@pytest.mark.parametrize(
    ("noun", "plural", "wrapper", "files", "oldest", "count"),
    [
        (
            "story",
            "stories",
            "Story",
            ["tapd/story_changes.json", "tapd_api/story__get_story_changes.json"],
            "2019-12-12 09:00:00",
            12,
        ),
        (
            "task",
            "tasks",
            "Task",
            ["tapd/task_changes.json", "tapd_api/task__get_task_changes.json"],
            "2018-12-11 09:00:00",
            6,
        ),
    ],
)
async def test_recorded_changes_are_stored_verbatim_under_their_items(
    noun: str,
    plural: str,
    wrapper: str,
    files: list[str],
    oldest: str,
    count: int,
    fake: Fake,
    tapd: TapdClient,
    store: Store,
    recorded: Path,
) -> None:
    first = {"id": "1", "created": oldest, "modified": oldest}
    fake.routes[f"/{plural}"] = listing([first], wrapper)
    fake.routes[f"/{plural}/get_removed_{plural}"] = once([])
    rows = load(recorded, *files)
    fake.routes[f"/{noun}_changes"] = one_day(rows)
    await collected(f"tapd.{noun}_changes", tapd, store)
    expected = {inner(row)["id"]: inner(row) for row in rows}
    assert len(expected) == count
    assert await stored(store, f"raw_tapd_{noun}_change") == expected
    keys = {one["data"]["id"]: one["key"] for one in await store.all(f"raw_tapd_{noun}_change")}
    assert keys == {name: row[f"{noun}_id"] for name, row in expected.items()}


async def test_recorded_relations_are_stored_verbatim_with_the_workspace_as_a_number(
    fake: Fake, tapd: TapdClient, store: Store, recorded: Path
) -> None:
    rows = load(recorded, "tapd/story_related_bugs.json", "tapd_api/story__get_story_related_bugs.json")
    assert {type(row["workspace_id"]) for row in rows} == {int}
    stories = sorted({row["story_id"] for row in rows})
    records = [Record("991", name, name, {"id": name}) for name in stories]
    await RawStore(store).upsert("raw_tapd_story", "tapd", records, NOW)
    await succeeded(store, "tapd.stories", NOW)
    fake.routes["/stories/get_related_bugs"] = once(rows)
    await collected("tapd.story_bugs", tapd, store)
    assert await stored(store, "raw_tapd_story_bug") == {
        f"{row['story_id']}:{row['bug_id']}": row for row in rows
    }
    assert fake.queries("/stories/get_related_bugs") == [
        {"workspace_id": "991", "story_id": ",".join(stories)}
    ]


async def test_recorded_changes_of_iterations_are_stored_verbatim(
    fake: Fake, tapd: TapdClient, store: Store, recorded: Path
) -> None:
    rows = load(recorded, "tapd_api/iteration__get_iteration_changes.json")
    name = "1020355782000700291"
    await RawStore(store).upsert("raw_tapd_iteration", "tapd", [Record("991", name, name, {"id": name})], NOW)
    await succeeded(store, "tapd.iterations", NOW)
    fake.routes["/iteration_changes"] = once(rows)
    await collected("tapd.iteration_changes", tapd, store)
    assert await stored(store, "raw_tapd_iteration_change") == {
        "1020355782015033213": rows[0]["IterationChange"]
    }
    assert fake.queries("/iteration_changes") == [
        {"workspace_id": "991", "iteration_id": name, "limit": "200", "page": "1"}
    ]


async def test_recorded_removals_mark_what_they_removed(
    fake: Fake, tapd: TapdClient, store: Store, recorded: Path
) -> None:
    raw = RawStore(store)
    for noun, name in (("story", "1111112222001069791"), ("task", "1111112222001138994")):
        row = {"id": name, "modified": "2024-08-20 11:22:49"}
        await raw.upsert(f"raw_tapd_{noun}", "tapd", [Record("991", name, name, row)], NOW)
    for plural, file in (("stories", "story__get_removed_stories"), ("tasks", "task__get_removed_tasks")):
        fake.routes[f"/{plural}/get_removed_{plural}"] = once(load(recorded, f"tapd_api/{file}.json"))
        await collected(f"tapd.removed_{plural}", tapd, store)
    for noun in ("story", "task"):
        (found,) = await store.all(f"raw_tapd_{noun}")
        # 2024-08-20 11:28:23 in Beijing.
        assert found["removed_at"] == datetime(2024, 8, 20, 3, 28, 23, tzinfo=UTC)
        assert found["removed_why"] == "deleted"


async def test_odd_values_survive(fake: Fake, tapd: TapdClient, store: Store) -> None:
    row = {
        "id": "1",
        "created": "2023-03-01  09:00:00",
        "modified": "2023-03-01  09:00:00",
        "size": 3,
        "effort": 0.5,
        "owner": None,
        "begin": "0000-00-00",
        "children_id": "|",
        "completed": "--",
        "custom_field_1": {"value": ["甲;"]},
        "label": "",
    }
    fake.routes["/stories"] = once([{"Story": row}])
    await collected("tapd.stories", tapd, store)
    assert await stored(store, "raw_tapd_story") == {"1": row}
    # Two spaces do not keep the day from being known from which changes are read.
    mark = await store.one("watermarks", "tapd.stories:tapd:991") or {}
    assert mark["cursor"] == {"oldest": "2023-03-01"}
