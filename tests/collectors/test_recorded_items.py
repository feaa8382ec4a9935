"""Stories, tasks and plans as TAPD really answered: recorded rows -> raw -> fact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import ujson

from collectors.deriving import Deriver
from metrics_api.core.days import utc_now
from metrics_api.core.facts import Facts
from metrics_api.core.raw import RawStore, Record
from metrics_api.core.store import Store

# The raw collection of each recorded file, with the field that names the item a record belongs to.
FILES = {
    "tapd/iterations": ("raw_tapd_iteration", "id"),
    "tapd/stories": ("raw_tapd_story", "id"),
    "tapd/story_changes": ("raw_tapd_story_change", "story_id"),
    "tapd_api/story__get_removed_stories": ("raw_tapd_removed_story", "id"),
    "tapd/tasks": ("raw_tapd_task", "id"),
    "tapd/task_changes": ("raw_tapd_task_change", "task_id"),
    "tapd_api/task__get_task_changes": ("raw_tapd_task_change", "task_id"),
    "tapd_api/task__get_removed_tasks": ("raw_tapd_removed_task", "id"),
    "tapd/workitem_types": ("raw_tapd_workitem_type", "id"),
    "tapd_api/release__get_releases": ("raw_tapd_release", "id"),
    "tapd_api/iteration__get_iteration_changes": ("raw_tapd_iteration_change", "iteration_id"),
}


class Recorded:
    """A store that fills with what was recorded."""

    def __init__(self, folder: Path, store: Store, raw: RawStore, facts: Facts) -> None:
        self._folder = folder
        self._store = store
        self._raw = raw
        self._deriver = Deriver(store, facts, raw, {})

    async def keep(self, name: str) -> None:
        """Store the rows of a file and derive what they change."""
        answer = ujson.loads((self._folder / f"{name}.json").read_bytes())
        rows = [next(iter(row.values())) for row in (answer["data"] if isinstance(answer, dict) else answer)]
        collection, key = FILES[name]
        await self.add(collection, *((row[key], row) for row in rows))

    async def add(self, collection: str, *rows: tuple[str, dict[str, Any]]) -> None:
        """Store rows with the items they belong to, and derive these."""
        records = [Record("991", row["id"], key, row) for key, row in rows]
        outcome = await self._raw.upsert(collection, "tapd", records, utc_now())
        assert outcome.quarantined == 0
        await self._deriver.derive(collection, "tapd", [record.key for record in records])

    async def facts(self, topic: str) -> dict[str, dict[str, Any]]:
        """The facts by id, without stamps."""
        assert await self._store.all("quarantine") == []
        stamps = ("generation", "seq", "tombstone", "instance")
        return {
            fact["id"]: {name: value for name, value in fact.items() if name not in stamps}
            for fact in await self._store.all(f"fact_{topic}")
        }


@pytest.fixture
def source(recorded: Path, store: Store, raw: RawStore, facts: Facts) -> Recorded:
    return Recorded(recorded, store, raw, facts)


async def test_recorded_stories_become_facts(source: Recorded) -> None:
    await source.keep("tapd/stories")
    facts = await source.facts("stories")
    assert len(facts) == 12
    assert facts["11991001037563"] == {
        "_id": "tapd:991:11991001037563",
        "id": "11991001037563",
        "title": "test-11test-11test-11test-11test-11test-11test-11test-11",
        "created": 1630310384,  # 2021-08-30 15:59:44 in Beijing
        "removed_at": None,
        "removed_why": None,
        "due": "2021-10-11",
        # No change row tells how it came to be done.
        "findings": ["completed_without_change"],
        "parallel_steps": 0,
        "parents": ["11991001037562"],
        "completed": 1632909241,
        "segments": {
            "start": [1630310384],
            "workspace": ["991"],
            "status": ["status_4"],
            "iteration": ["11991001000767"],
            "priority": ["Middle"],
            "module": [""],
            "type": ["11991001000026"],
            "label": [""],
        },
        "histories": {
            name: {"at": [1630310384], "value": [value]}
            for name, value in {
                "creator": "test-11test-11test-11",
                "developer": "test-11test-11test-11",
                "owner": "test-11test-11test-11",
                "effort": "133",
                "remain": "0",
                **dict.fromkeys(("custom_field_two", "custom_field_six", "custom_field_seven"), "0"),
                **dict.fromkeys(("custom_field_12", "custom_field_17"), "0"),
                "custom_field_one": "1",
                "custom_field_three": "2021-09-06 13:35",
                "custom_field_four": "2021-09-16 11:02",
                "custom_field_five": "2021-09-18 17:56",
                "custom_field_eight": "test-11test-11test-11;",
                "custom_field_9": "2021-09-14",
                "custom_field_10": "test-11test-11test-11",
                "custom_field_13": "test-11test-11",
                "custom_field_14": "test-11test-11test-11",
                "custom_field_15": "30",
                "custom_field_16": "500000",
            }.items()
        },
    }
    assert {name: fact["parents"] for name, fact in facts.items() if fact["parents"]} == {
        "11991001037563": ["11991001037562"],
        "11991001037697": ["11991001037696"],
        "11991001038323": ["11991001038322"],
        "11991001038697": ["11991001035527"],
        "11991001038912": ["11991001038911"],
        "11991001039673": ["11991001039664"],
        "11991001040088": ["11991001040086"],
    }


async def test_recorded_changes_of_stories_are_their_history(source: Recorded) -> None:
    old = {"name": "x", "created": "2019-12-01 00:00:00", "modified": "2019-12-01 00:00:00"}
    ids = ["11991001000033", "11991001000046", "11991001017174", "11991001017184", "1139091999001017219"]
    await source.keep("tapd/iterations")
    await source.add("raw_tapd_story", *((name, {"id": name} | old) for name in ids))
    await source.keep("tapd/story_changes")
    facts = await source.facts("stories")
    # The changes of four others are of stories nobody has shown.
    assert sorted(facts) == sorted(ids)
    ways = {
        name: {field: fact["segments"][field] for field in ("start", "status", "iteration", "priority")}
        for name, fact in facts.items()
    }
    assert ways == {
        "11991001000033": {
            "start": [1575129600, 1576145527],  # 2019-12-12 18:12:07
            "status": ["planning", "developing"],
            "iteration": ["", ""],
            "priority": ["", ""],
        },
        # Only its name was changed.
        "11991001000046": {"start": [1575129600], "status": [""], "iteration": [""], "priority": [""]},
        # Before, the feed gives no id but the name 迭代1; after it, an id.
        "11991001017174": {
            "start": [1575129600, 1679021039],  # 2023-03-17 10:43:59
            "status": ["", ""],
            "iteration": ["11991001000077", "11991001000260"],
            "priority": ["", ""],
        },
        # The row of its creation is no change of what the row says.
        "11991001017184": {"start": [1575129600], "status": [""], "iteration": [""], "priority": [""]},
        # To the number 0: to none.
        "1139091999001017219": {
            "start": [1575129600, 1679384321],  # 2023-03-21 15:38:41
            "status": ["", ""],
            "iteration": ["1139091999001000270", ""],
            "priority": ["", ""],
        },
    }
    assert {fact["parallel_steps"] for fact in facts.values()} == {0}
    assert {finding for fact in facts.values() for finding in fact["findings"]} == set()


async def test_recorded_removed_stories_and_tasks_were_deleted_when_they_say(source: Recorded) -> None:
    await source.keep("tapd_api/story__get_removed_stories")
    await source.keep("tapd_api/task__get_removed_tasks")
    found = {
        name: (fact["title"], fact["created"], fact["removed_at"], fact["removed_why"])
        for topic in ("stories", "tasks")
        for name, fact in (await source.facts(topic)).items()
    }
    assert found == {
        "1111112222001069791": (
            "測試測試",
            1724124169,
            1724124503,
            "deleted",
        ),  # 2024-08-20 11:22:49, 11:28:23
        "1111112222001047525": ("testtest", 1703498858, 1703503057, "deleted"),
        "1111112222001138994": ("已删除任务", 1724124169, 1724124503, "deleted"),
    }


async def test_recorded_tasks_and_their_changes_become_facts(source: Recorded) -> None:
    await source.keep("tapd/tasks")
    await source.keep("tapd/task_changes")
    await source.keep("tapd_api/task__get_task_changes")
    facts = await source.facts("tasks")
    assert len(facts) == 9
    task = facts["11991001015107"]
    assert {name: task[name] for name in ("created", "due", "story", "removed_at")} == {
        "created": 1604397120,  # 2020-11-03 17:52:00
        "due": "2020-11-03",
        "story": "11991001001301",
        "removed_at": None,
    }
    assert task["segments"] == {
        "start": [1604397120],
        "workspace": ["991"],
        "status": ["done"],
        "iteration": [""],
        "priority": [""],
        "label": [""],
    }
    await source.keep("tapd/iterations")
    row = {"id": "11991001000103", "created": "2019-12-13 08:00:00", "modified": "2019-12-13 14:52:33"}
    other = {"id": "11991001000111", "created": "2019-12-13 08:00:00", "modified": "2019-12-13 14:36:10"}
    await source.add(
        "raw_tapd_task",
        ("11991001000103", row | {"status": "progressing"}),
        ("11991001000111", other | {"iteration_id": "11991001000379"}),
    )
    segments = {name: fact["segments"] for name, fact in (await source.facts("tasks")).items()}
    assert segments["11991001000103"]["start"] == [1576195200, 1576219953]
    assert segments["11991001000103"]["status"] == ["open", "progressing"]
    # 迭代2 and 迭代6 by their ids.
    assert segments["11991001000111"]["iteration"] == ["11991001000078", "11991001000379"]


async def test_recorded_plans_and_types_become_facts(source: Recorded) -> None:
    await source.keep("tapd/workitem_types")
    await source.keep("tapd_api/release__get_releases")
    await source.keep("tapd_api/iteration__get_iteration_changes")
    assert await source.facts("workitem_types") == {
        name: {"_id": f"tapd:991:{name}", "workspace": "991", "id": name, "name": word, "entity": "story"}
        for name, word in (("11991001000269", "需求"), ("1146949574001000034", "Techstory"))
    }
    assert await source.facts("releases") == {
        "1010158231100000905": {
            "_id": "tapd:991:1010158231100000905",
            "workspace": "991",
            "id": "1010158231100000905",
            "name": "发布计划1",
            "start": "2017-06-12",
            "end": "2017-07-07",
            "status": "open",
            "created": 1497948541,  # 2017-06-20 16:49:01
        }
    }
    # Of an iteration that nobody has shown.
    assert await source.facts("iterations") == {}
