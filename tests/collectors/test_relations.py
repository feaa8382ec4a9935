"""Stories and their bugs: all relations are told whole, so one that is not told is not there any more."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio

from collectors import Identity, Page, Since
from collectors.deriving import Deriver
from collectors.runner import Runner
from collectors.tapd_client import TapdClient
from collectors.tapd_stories import Categories, StoryBugs
from metrics_api.core.errors import Skippable
from metrics_api.core.facts import Facts
from metrics_api.core.leases import Leases
from metrics_api.core.raw import RawStore, Record
from metrics_api.core.store import Store
from tests.collectors.conftest import Fake, envelope, listing, succeeded
from tests.collectors.test_failed_runs import Counting
from tests.collectors.test_runner import Halting, Killed
from tests.collectors.test_tapd_bugs import read

NOW = datetime(2026, 3, 5, 16, 30, tzinfo=UTC)
PATH = "/stories/get_related_bugs"
RELATIONS = "raw_tapd_story_bug"


@pytest_asyncio.fixture
async def linked(fake: Fake, store: Store) -> set[tuple[str, str]]:
    """The relations TAPD knows, of the stories 1, 2 and 3, which are stored."""
    pairs: set[tuple[str, str]] = set()

    async def answer(request: Any) -> Any:
        stories = request.query["story_id"].split(",")
        rows = [
            {"workspace_id": 991, "story_id": story, "bug_id": bug}
            for story, bug in sorted(pairs)
            if story in stories
        ]
        return envelope(rows)

    fake.routes[PATH] = answer
    await stories(store, "1", "2", "3")
    await succeeded(store, "tapd.stories", NOW)
    return pairs


async def stories(store: Store, *names: str, scope: str = "991") -> None:
    records = [Record(scope, name, name, {"id": name}) for name in names]
    await RawStore(store).upsert("raw_tapd_story", "tapd", records, NOW)


async def run(store: Store, tapd: TapdClient, deriver: type[Deriver] = Deriver) -> dict[str, Any]:
    leases, raw = Leases(store), RawStore(store)
    made = Runner(store, leases, raw, deriver(store, Facts(store, leases), raw, {}))
    record = await made.run(StoryBugs("tapd", tapd, store), "991")
    assert record is not None
    assert record["error"] is None
    return record


async def marks(store: Store) -> dict[str, str | None]:
    return {one["_id"]: one.get("removed_why") for one in await store.all(RELATIONS)}


async def test_relations_are_stored_verbatim_under_their_story(
    linked: set[tuple[str, str]], tapd: TapdClient, store: Store
) -> None:
    linked |= {("1", "101"), ("1", "102"), ("3", "101")}
    record = await run(store, tapd)
    assert (record["seen"], record["new"]) == (3, 3)
    stored = {one["_id"]: one for one in await store.all(RELATIONS)}
    assert sorted(stored) == ["tapd:991:1:101", "tapd:991:1:102", "tapd:991:3:101"]
    assert stored["tapd:991:3:101"]["key"] == "3"
    # TAPD writes the workspace as a number here.
    assert stored["tapd:991:3:101"]["data"] == {"workspace_id": 991, "story_id": "3", "bug_id": "101"}


async def test_a_relation_that_is_taken_back_is_marked_and_unmarked_when_it_returns(
    linked: set[tuple[str, str]], tapd: TapdClient, store: Store
) -> None:
    linked |= {("1", "101"), ("1", "102"), ("3", "101")}
    await run(store, tapd)
    linked -= {("1", "101"), ("3", "101")}
    first = await run(store, tapd)
    assert await marks(store) == {
        "tapd:991:1:101": "unlinked",
        "tapd:991:1:102": None,
        "tapd:991:3:101": "unlinked",
    }
    stamped = {one["_id"]: one.get("removed_at") for one in await store.all(RELATIONS)}
    assert abs((stamped["tapd:991:3:101"] - first["started_at"]).total_seconds()) < 0.001
    # The mark keeps its time, and nothing is written for it again.
    await run(store, tapd)
    assert {one["_id"]: one.get("removed_at") for one in await store.all(RELATIONS)} == stamped
    linked.add(("3", "101"))
    await run(store, tapd)
    assert await marks(store) == {
        "tapd:991:1:101": "unlinked",
        "tapd:991:1:102": None,
        "tapd:991:3:101": None,
    }


async def test_the_stories_of_changed_marks_are_derived(
    linked: set[tuple[str, str]], tapd: TapdClient, store: Store
) -> None:
    linked |= {("1", "101"), ("2", "101"), ("3", "101")}
    await run(store, tapd)
    Counting.asked = []
    linked.discard(("2", "101"))
    await run(store, tapd, Counting)
    await run(store, tapd, Counting)
    linked.add(("2", "101"))
    await run(store, tapd, Counting)
    assert Counting.asked == [["2"], ["2"]]


async def test_a_crash_between_the_mark_and_deriving_loses_nothing(
    linked: set[tuple[str, str]], tapd: TapdClient, store: Store
) -> None:
    linked.add(("2", "101"))
    await run(store, tapd)
    linked.discard(("2", "101"))
    with pytest.raises(Killed):
        await run(store, tapd, Halting)
    assert await marks(store) == {"tapd:991:2:101": "unlinked"}
    # The mark changes no more, and its story is derived all the same.
    Counting.asked = []
    await run(store, tapd, Counting)
    assert [name for names in Counting.asked for name in names if name == "2"] == ["2"]


async def test_the_relations_of_other_workspaces_and_stories_that_were_not_asked_for_are_left_alone(
    linked: set[tuple[str, str]], tapd: TapdClient, store: Store, raw: RawStore
) -> None:
    await raw.upsert(
        RELATIONS,
        "tapd",
        [Record("992", "1:101", "1", {"story_id": "1"}), Record("991", "9:101", "9", {"story_id": "9"})],
        NOW,
    )
    await raw.upsert(RELATIONS, "other", [Record("991", "1:101", "1", {"story_id": "1"})], NOW)
    await run(store, tapd)
    assert await marks(store) == {"tapd:992:1:101": None, "tapd:991:9:101": None, "other:991:1:101": None}


async def test_all_stories_that_are_there_are_asked_for_a_hundred_at_a_time(
    linked: set[tuple[str, str]], fake: Fake, tapd: TapdClient, store: Store, raw: RawStore
) -> None:
    await stories(store, *(str(number) for number in range(4, 151)))
    await stories(store, "900", scope="992")
    await raw.stamp_removed("raw_tapd_story", {"tapd:991:2": (1_772_000_000, "deleted")}, None)
    _, cursor = await read(StoryBugs("tapd", tapd, store).fetch("991", Since(None, {}, NOW)))
    asked = [query["story_id"].split(",") for query in fake.queries(PATH)]
    assert [len(names) for names in asked] == [100, 49]
    assert [name for names in asked for name in names] == ["1", "3", *map(str, range(4, 151))]
    assert cursor == {}


async def test_a_stopped_walk_goes_on_where_it_was(
    linked: set[tuple[str, str]], fake: Fake, tapd: TapdClient, store: Store
) -> None:
    await read(StoryBugs("tapd", tapd, store).fetch("991", Since(NOW, {"n": 2}, NOW)))
    assert [query["story_id"] for query in fake.queries(PATH)] == ["3"]


async def test_a_walk_through_half_of_the_stories_is_no_success(
    fake: Fake, tapd: TapdClient, store: Store
) -> None:
    fake.routes[PATH] = listing([], "")
    await stories(store, "1")
    with pytest.raises(Skippable, match=r"tapd\.stories reads, which had not succeeded"):
        await read(StoryBugs("tapd", tapd, store).fetch("991", Since(None, {}, NOW)))
    assert [query["story_id"] for query in fake.queries(PATH)] == ["1"]


async def test_an_answer_that_is_too_much_is_asked_for_in_halves(
    linked: set[tuple[str, str]], fake: Fake, tapd: TapdClient, store: Store
) -> None:
    serve = fake.routes[PATH]

    async def overloaded(request: Any) -> Any:
        if "1,2" in request.query["story_id"] or "2,3" in request.query["story_id"]:
            return envelope("", 502, "Bad Gateway", 502)
        return await serve(request)

    fake.routes[PATH] = overloaded
    linked.add(("2", "101"))
    pages: list[Page] = []
    async for page in StoryBugs("tapd", tapd, store).fetch("991", Since(None, {}, NOW)):
        pages.append(page)
    assert [(list(page.complete), len(page.records)) for page in pages if page.complete] == [
        (["1"], 0),
        (["2"], 1),
        (["3"], 0),
    ]


def test_a_relation_names_both_sides(tapd: TapdClient, store: Store) -> None:
    unit = StoryBugs("tapd", tapd, store)
    row = {"workspace_id": 991, "story_id": "1", "bug_id": 101}
    assert unit.identify(row, {}) == Identity("1:101", "1")
    for broken in ({"story_id": "1"}, {"story_id": None, "bug_id": "101"}):
        with pytest.raises(ValueError, match="the record has no"):
            unit.identify(broken, {})


async def test_categories_are_read_whole(fake: Fake, tapd: TapdClient, store: Store) -> None:
    rows = [{"id": "-1", "created": "2017-06-20 14:05:53"}, {"id": "7", "created": "2018-06-20 14:05:53"}]
    fake.routes["/story_categories"] = listing(rows, "Category")
    found, _ = await read(Categories("tapd", tapd, store).fetch("991", Since(NOW, {}, NOW)))
    assert sorted(found) == ["-1", "7"]
    assert fake.queries("/story_categories") == [{"workspace_id": "991", "limit": "200", "page": "1"}]
