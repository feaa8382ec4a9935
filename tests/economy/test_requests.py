"""How many requests a collection takes, by the simulator's own count."""

from __future__ import annotations

import math
from collections import Counter
from datetime import date

import pytest

from collectors.scheduler import collect
from metrics_api.core.config import Config, TapdInstance
from metrics_api.core.settings import Settings
from metrics_api.core.store import Store
from simulator import Company, Running, TapdAccount, TapdWorkspaceRecords, generate, running
from simulator.clock import beijing_day, utc_now
from simulator.products import PRODUCTS

TOKEN = {"ENGMETRICS_TAPD_TAPD_TOKEN": TapdAccount().token}
WORKSPACES = tuple(product.workspace_id for product in PRODUCTS)
# The change feeds with their largest page, and the items they tell of.
FEEDS = {
    "/bug_changes": (200, "bug_items"),
    "/story_changes": (100, "story_items"),
    "/task_changes": (100, "task_items"),
}


async def asked_by(servers: Running, store: Store) -> Counter[str]:
    """What a round asks for, by address; every run of it goes well."""
    servers.tapd.counters.clear()
    instance = TapdInstance(url=servers.tapd_url, workspaces=WORKSPACES, quota_per_minute=1_000_000)
    records = await collect(Settings(Config(tapd=(instance,)), TOKEN), store, once="all")
    assert [record["error"] for record in records if record["error"]] == []
    return Counter(servers.tapd.counters.by_path)


def pages(rows: int, largest: int = 200) -> int:
    """The pages of a list; an empty one has to be asked for too."""
    return max(math.ceil(rows / largest), 1)


def lists(workspace: TapdWorkspaceRecords) -> Counter[str]:
    """The pages of the lists that grow with the company."""
    found = {
        "/bugs": pages(len(workspace.bugs)),
        "/stories": pages(len(workspace.stories)),
        "/tasks": pages(len(workspace.tasks)),
        "/iterations": pages(len(workspace.iterations)),
        "/new_releases": pages(len(workspace.releases)),
        "/bugs/get_removed_bugs": pages(len(workspace.removed)),
        # Those that were archived, and the others.
        "/stories/get_removed_stories": pages(len(workspace.removed_stories)) + 1,
        "/tasks/get_removed_tasks": pages(len(workspace.removed_tasks)),
        # Those that were deleted, and the others.
        "/timesheets": pages(len(workspace.timesheets)) + 1,
        "/stories/get_related_bugs": pages(len(workspace.stories), 100),
        # TAPD wants each of them named.
        "/iteration_changes": len(workspace.iterations),
    }
    return Counter(found)


def feeds(workspace: TapdWorkspaceRecords) -> Counter[str]:
    """A page for every day from the first item to today, and more for the days that overflow one."""
    found, today = Counter[str](), beijing_day(utc_now())
    for path, (largest, items) in FEEDS.items():
        kept = getattr(workspace, items)
        first = min(str(row["created"])[:10] for row in (*kept.rows.values(), *kept.removed))
        for day in range(date.fromisoformat(first).toordinal(), today.toordinal() + 1):
            rows = kept.by_day.get(date.fromordinal(day).isoformat(), ())
            found[path] += pages(len(rows), largest)
    return found


def fixed(company: Company, asked: Counter[str]) -> Counter[str]:
    """What does not grow: for each workspace one question to each address, to those of workflows one each."""
    found = Counter[str]()
    for workspace in company.workspaces.values():
        for path in asked.keys() - lists(workspace).keys() - FEEDS.keys():
            found[path] += 1 + len(workspace.workitem_types) if path.startswith("/workflows/") else 1
    return found


@pytest.mark.parametrize(("bugs", "days"), [(40, 12), (320, 30)])
async def test_a_collection_asks_for_hardly_more_than_the_pages_there_are(
    bugs: int, days: int, store: Store
) -> None:
    company = generate(seed=3, bugs=bugs, days=days)
    async with running(company, tapd_quota=None) as servers:
        asked = await asked_by(servers, store)
        least = fixed(company, asked)
        for workspace in company.workspaces.values():
            least.update(lists(workspace) + feeds(workspace))
        assert asked.total() <= 1.1 * least.total(), asked - least
        # It is the company that makes the number: there are so many days.
        assert least.total() > 6 * days
        # Nothing new since: each list once, each feed for the days that may have been at work meanwhile.
        again = await asked_by(servers, store)
    allowed = Counter({path: 2 * len(WORKSPACES) for path in FEEDS})
    allowed.update(fixed(company, again))
    allowed.update(dict.fromkeys(lists(workspace).keys() - {"/iteration_changes"}, len(WORKSPACES)))
    for twofold in ("/stories/get_removed_stories", "/timesheets"):
        allowed[twofold] += len(WORKSPACES)
    assert again - allowed == Counter()
