"""What the collectors of stories and tasks ask TAPD for, where they do not ask as those of bugs do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from collectors import Identity, Removal, Since
from collectors.removals import removal
from collectors.tapd_client import TapdClient
from collectors.tapd_stories import RemovedStories, Stories, StoryChanges
from collectors.tapd_tasks import RemovedTasks, TaskChanges, Tasks
from metrics_api.core.days import BEIJING
from metrics_api.core.raw import RawStore, Record
from metrics_api.core.store import Store
from tests.collectors.conftest import Fake, listing
from tests.collectors.test_tapd_bugs import read

# 2026-03-06 00:30 in Beijing, and half an hour before the run before it.
NOW = datetime(2026, 3, 5, 16, 30, tzinfo=UTC)
SINCE = Since(datetime(2026, 3, 4, 16, 30, tzinfo=UTC), {"n": 0}, NOW)
FIRST = Since(None, {}, NOW)


def item(name: str, created: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "created": created, "modified": created} | more


def change(name: str, created: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "created": created, "field_changes": []} | more


@pytest.fixture
def stories(fake: Fake) -> Fake:
    """A story of 4 March, a removed one of 3 March, an archived removed one of 2 March, and their changes."""
    fake.routes["/stories"] = listing([item("1", "2026-03-04 09:00:00")], "Story")
    plain = listing([item("2", "2026-03-03 09:00:00", deleted="2026-03-05 09:00:00")], "RemovedStory")
    archived = listing([item("3", "2026-03-02 09:00:00", deleted="2026-03-05 09:00:00")], "RemovedStory")

    async def removed(request: Any) -> Any:
        return await (archived if request.query["is_archived"] == "1" else plain)(request)

    fake.routes["/stories/get_removed_stories"] = removed
    fake.routes["/story_changes"] = listing(
        [
            change("11", "2026-03-02 23:59:59", story_id="3"),
            change("12", "2026-03-06 00:00:00", story_id="1"),
        ],
        "WorkitemChange",
    )
    return fake


async def test_stories_are_read_as_bugs_are(stories: Fake, tapd: TapdClient, store: Store) -> None:
    found, cursor = await read(Stories("tapd", tapd, store).fetch("991", FIRST))
    assert (found, cursor) == (["1"], {"oldest": "2026-03-04"})
    await read(Stories("tapd", tapd, store).fetch("991", SINCE))
    assert stories.queries("/stories") == [
        {"workspace_id": "991", "order": "created asc", "limit": "200", "page": "1"},
        {
            "workspace_id": "991",
            "modified": ">2026-03-04",
            "order": "created asc",
            "limit": "200",
            "page": "1",
        },
    ]


async def test_story_changes_are_asked_for_by_days_and_a_hundred_at_a_time(
    stories: Fake, tapd: TapdClient, store: Store
) -> None:
    found, cursor = await read(StoryChanges("tapd", tapd, store).fetch("991", FIRST))
    # Back to the archived story that was removed: nothing else tells of it.
    assert [query["created"] for query in stories.queries("/story_changes")] == [
        "2026-03-06",
        "2026-03-05",
        "2026-03-04",
        "2026-03-03",
        "2026-03-02",
    ]
    assert stories.queries("/story_changes")[0] == {
        "workspace_id": "991",
        "created": "2026-03-06",
        "order": "id asc",
        "limit": "100",
        "page": "1",
    }
    assert (found, cursor) == (["12", "11"], {"n": 0})


async def test_the_pages_of_story_changes_are_never_larger_however_well_it_goes(
    fake: Fake, tapd: TapdClient, store: Store
) -> None:
    rows = [change(f"{number:04d}", "2026-03-05 09:00:00", story_id="1") for number in range(250)]
    fake.routes["/story_changes"] = listing(rows, "WorkitemChange")
    for _ in range(25):
        found, _ = await read(StoryChanges("tapd", tapd, store).fetch("991", SINCE))
        assert len(found) == 250
    assert {query["limit"] for query in fake.queries("/story_changes")} == {"100"}


async def test_removed_stories_are_asked_for_by_the_day_of_their_removal_archived_or_not(
    stories: Fake, tapd: TapdClient, store: Store
) -> None:
    found, _ = await read(RemovedStories("tapd", tapd, store).fetch("991", SINCE))
    assert found == ["2", "3"]
    asked = {
        "workspace_id": "991",
        "deleted": ">2026-03-04",
        "order": "created asc",
        "limit": "200",
        "page": "1",
    }
    assert stories.queries("/stories/get_removed_stories") == [
        asked | {"is_archived": "0"},
        asked | {"is_archived": "1"},
    ]


async def test_removed_tasks_are_asked_for_by_the_day_of_their_removal(
    fake: Fake, tapd: TapdClient, store: Store
) -> None:
    gone = item("2", "2026-03-03 09:00:00") | {"modified": "2026-03-05 09:00:00"}
    fake.routes["/tasks/get_removed_tasks"] = listing([gone], "RemovedTask")
    assert await read(RemovedTasks("tapd", tapd, store).fetch("991", SINCE)) == (["2"], {})
    assert fake.queries("/tasks/get_removed_tasks") == [
        {
            "workspace_id": "991",
            "modified": ">2026-03-04",
            "order": "created asc",
            "limit": "200",
            "page": "1",
        }
    ]


@pytest.mark.parametrize(
    ("unit", "collection", "path", "field", "asked"),
    [
        (StoryChanges, "raw_tapd_story", "/story_changes", "story_id", ["7,8"]),
        (TaskChanges, "raw_tapd_task", "/task_changes", "task_id", ["7", "8"]),
    ],
)
async def test_items_that_came_in_with_a_past_are_asked_for_by_id_tasks_one_by_one(
    unit: type[StoryChanges | TaskChanges],
    collection: str,
    path: str,
    field: str,
    asked: list[str],
    fake: Fake,
    tapd: TapdClient,
    store: Store,
) -> None:
    fake.routes[path] = listing([], "WorkitemChange")
    new = [
        Record("991", "1", "1", item("1", "2026-03-05 23:00:00")),
        Record("991", "7", "7", item("7", "2025-01-01 09:00:00")),
        Record("991", "8", "8", item("8", "2025-01-02 09:00:00")),
        Record("992", "9", "9", item("9", "2025-01-02 09:00:00")),
    ]
    await RawStore(store).upsert(collection, "tapd", new, NOW)
    _, cursor = await read(unit("tapd", tapd, store).fetch("991", SINCE))
    assert [query[field] for query in fake.queries(path) if field in query] == asked
    assert cursor == {"n": 4}


async def test_tasks_are_read_as_bugs_are_also_after_a_stop(
    fake: Fake, tapd: TapdClient, store: Store
) -> None:
    rows = [
        item(f"{number:03d}", f"2026-03-01 {number // 60:02d}:{number % 60:02d}:00") for number in range(450)
    ]
    fake.routes["/tasks"] = listing(rows, "Task")
    found, cursor = await read(Tasks("tapd", tapd, store).fetch("991", FIRST), pages=1)
    assert len(found) == 200
    assert cursor == {"oldest": "2026-03-01", "anchor": "2026-03-01 03:19:00", "began": "2026-03-06"}
    rows[3]["modified"] = "2026-03-06 09:00:00"
    later = Since(None, cursor, NOW + timedelta(days=1))
    found, cursor = await read(Tasks("tapd", tapd, store).fetch("991", later))
    assert sorted(set(found)) == sorted(["003", *(f"{number:03d}" for number in range(199, 450))])
    assert cursor == {"oldest": "2026-03-01"}


def test_a_change_belongs_to_its_item(tapd: TapdClient, store: Store) -> None:
    stories, tasks = StoryChanges("tapd", tapd, store), TaskChanges("tapd", tapd, store)
    assert stories.identify({"id": "11", "story_id": 5}, {}) == Identity("11", "5")
    assert tasks.identify({"id": "11", "task_id": "6"}, {}) == Identity("11", "6")
    for record in ({"id": "11"}, {"id": "11", "story_id": None}, {"story_id": "5"}):
        with pytest.raises(ValueError, match="the record has no"):
            stories.identify(record, {})


@pytest.mark.parametrize(
    "fields",
    [
        {"deleted": "2021-04-23 11:04:59"},
        {"deleted": "2021-04-23 11:04:59", "modified": "2021-04-20 08:00:00"},
        {"modified": "2021-04-23 11:04:59"},
        {"deleted": None, "modified": "2021-04-23 11:04:59"},
    ],
)
def test_the_removal_of_a_story_or_a_task_is_a_deletion(fields: dict[str, Any]) -> None:
    assert removal(fields, BEIJING) == Removal(1619147099, "deleted")


def test_a_removal_without_its_time_is_none() -> None:
    with pytest.raises(ValueError, match="without its time"):
        removal({"deleted": None}, BEIJING)
