"""TAPD's stories, their changes, the removed ones, their categories, and the bugs they are related to."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import Any

from collectors import Identity, Page, Since, collector
from collectors.tapd import HOUR_S, PerWorkspace, named
from collectors.tapd_client import inside
from collectors.tapd_items import ItemChanges, Items, RemovedItems
from collectors.tapd_known import Kind
from collectors.upstream import Overloaded
from metrics_api.core.raw import Dating
from metrics_api.core.store import WINDOW

# The removed list brings either those that were archived or the others.
STORIES = Kind(
    "story",
    "stories",
    "Story",
    "WorkitemChange",
    removed="deleted",
    removed_asked=({"is_archived": "0"}, {"is_archived": "1"}),
)
STORIES_PER_REQUEST = 100


@collector
class Stories(Items):
    """The stories of a workspace."""

    kind = STORIES
    name = "tapd.stories"
    collection = "raw_tapd_story"
    topics = ("stories",)
    order = 31
    completed_by = "tapd.story_changes"


@collector
class StoryChanges(ItemChanges):
    """The change history of a workspace's stories."""

    kind = STORIES
    name = "tapd.story_changes"
    collection = "raw_tapd_story_change"
    topics = ("stories",)
    order = 41


@collector
class RemovedStories(RemovedItems):
    """Stories that were deleted."""

    kind = STORIES
    name = "tapd.removed_stories"
    collection = "raw_tapd_removed_story"
    topics = ("stories",)
    order = 51
    removes = "raw_tapd_story"


@collector
class Categories(PerWorkspace):
    """The categories by which a workspace sorts its stories."""

    name = "tapd.categories"
    collection = "raw_tapd_category"
    topics = ("stories",)
    order = 27
    pause_s = HOUR_S

    async def fetch(self, scope: str, since: Since) -> AsyncGenerator[Page, None]:
        """All of them; there are few."""
        async for page in self.client.settled("/story_categories", {"workspace_id": scope}, "Category"):
            yield Page([inside(row, "Category") for row in page.rows])


@collector
class StoryBugs(PerWorkspace):
    """Which bugs a workspace's stories are related to.

    A new relation changes neither row, so all stories are asked for, and that seldom. The cursor keeps how
    far a walk through them came that was stopped.
    """

    name = "tapd.story_bugs"
    collection = "raw_tapd_story_bug"
    topics = ("stories", "bugs")
    order = 60
    pause_s = 6 * HOUR_S

    async def fetch(self, scope: str, since: Since) -> AsyncGenerator[Page, None]:
        """The relations of the stories that are stored, some of them at a time."""
        half_read = await self.half_read(Stories.name, scope)
        stored = await self.store.one("counters", "n:raw_tapd_story")
        last = int(stored["n"]) if stored else 0
        after = int(since.cursor.get("n", 0))
        query = {"instance": self.instance, "scope": scope}
        fields = {"n": 1, "key": 1, "removed_at": 1}
        while after < last:
            upto = min(after + WINDOW, last)
            rows = await self.store.window("raw_tapd_story", "n", after, upto, query, fields)
            stories = [row["key"] for row in rows if "removed_at" not in row]
            for at in range(0, len(stories), STORIES_PER_REQUEST):
                async for page in self._related(scope, stories[at : at + STORIES_PER_REQUEST]):
                    yield page
            after = upto
            yield Page([], cursor={"n": after}, done=after, total=last, unit="stories")
        if half_read:
            raise half_read
        yield Page([], cursor={})

    async def _related(self, scope: str, stories: Sequence[str]) -> AsyncIterator[Page]:
        """The relations of these stories; where the answer is too much for TAPD, in halves."""
        asked = {"workspace_id": scope, "story_id": ",".join(stories)}
        half = len(stories) // 2
        try:
            rows = await self.client.listed("/stories/get_related_bugs", asked, overload=half > 0)
        except Overloaded:
            if not half:
                raise
            for part in (stories[:half], stories[half:]):
                async for page in self._related(scope, part):
                    yield page
            return
        yield Page(rows, complete=stories)

    def identify(self, record: Any, about: Mapping[str, str]) -> Identity:
        """By the pair; it belongs to its story."""
        story, bug = named(record, "story_id"), named(record, "bug_id")
        return Identity(f"{story}:{bug}", story)

    def dating(self) -> Dating | None:
        """A relation has no time of its own."""
        return None
