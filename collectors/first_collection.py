"""How many requests a first collection takes, estimated from a few that count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from collectors.findings import counted
from collectors.gitlab import API, PER_PAGE, GitlabClient
from collectors.tapd_client import TapdClient, bodies, clock
from collectors.tapd_known import AT_ONCE, crowded
from collectors.tapd_limits import PAGE_SIZES
from collectors.upstream import Answer, rejected
from metrics_api.core.errors import Skippable, UpstreamError
from metrics_api.core.store import Store

# So many workspaces or projects are counted; the others are taken to be like them.
SAMPLED = 3
# TAPD's lists whose items have a change feed, which is read day by day.
WITH_CHANGES = (("/bugs", "Bug"), ("/stories", "Story"), ("/tasks", "Task"))
# Above this GitLab leaves the total out.
UNCOUNTED = 10_000


async def requests_needed(
    client: TapdClient | GitlabClient, store: Store, scopes: Sequence[str], now: datetime
) -> int:
    """Requests for those scopes that were never collected, 0 where all were; raises UpstreamError."""
    tapd = isinstance(client, TapdClient)
    collector = "tapd.bug_changes" if tapd else "gitlab.events"
    marks = await store.all(
        "watermarks", {"collector": collector}, {"instance": 1, "scope": 1, "started_at": 1}
    )
    done = {one["scope"] for one in marks if one["instance"] == client.config.name and one["started_at"]}
    new = [scope for scope in scopes if scope not in done]
    sampled = new[:SAMPLED]
    needed = 0
    for scope in sampled:
        if isinstance(client, TapdClient):
            needed += await _workspace(client, scope, date.fromisoformat(client.day(now)))
        else:
            needed += await _project(client, scope)
    return round(needed / len(sampled) * len(new)) if sampled else 0


async def _workspace(client: TapdClient, workspace: str, today: date) -> int:
    """Pages of the lists, and the days of their change feeds."""
    needed = 0
    for path, wrapper in WITH_CHANGES:
        try:
            needed += await row_count(client, path, {"workspace_id": workspace}) // PAGE_SIZES[0] + 1
            needed += await feed_requests(client, path, wrapper, workspace, today)
        except Skippable:
            continue
    return needed


async def row_count(client: TapdClient, path: str, asked: Mapping[str, str]) -> int:
    """How many rows a list of TAPD has; raises UpstreamError."""
    count = (await client.mapping(f"{path}/count", asked)).get("count")
    return int(count) if isinstance(count, int | str) and str(count).isdecimal() else 0


async def feed_requests(client: TapdClient, path: str, wrapper: str, workspace: str, today: date) -> int:
    """Requests for the change feed of a list's items: one a day, and those for few items of long ago.

    The oldest items tell, of which a page is asked for.
    """
    limit = PAGE_SIZES[0]
    asked = {"workspace_id": workspace, "order": "created asc", "limit": str(limit), "fields": "id,created"}
    rows = bodies(await client.listed(path, asked), wrapper)
    born = [date.fromisoformat(text[:10]) if (text := clock(row)) else None for row in rows]
    first = min(filter(None, born), default=None)
    if first is None:
        return 0
    # Those that are not on the page are younger than all that are.
    upto = today if len(rows) < limit else max(filter(None, born))
    day = crowded(born, first, upto)
    before = sum(one is None or one < day for one in born) if day > first else 0
    return (today - day).days + 1 + -(-before // AT_ONCE)


async def _project(client: GitlabClient, project: str) -> int:
    """Pages of a project's events."""
    try:
        return await event_pages(client, project, {})
    except Skippable:
        return 1


async def event_pages(client: GitlabClient, project: str, asked: Mapping[str, str]) -> int:
    """How many pages a project's events fill; raises UpstreamError."""
    address = client.upstream.address(f"{API}/projects/{project}/events", {"per_page": "1", **asked})
    return await client.upstream.ask(address, _total) // PER_PAGE + 1


def lasting(requests: int, per_minute: int) -> str:
    """How long so many requests take at a quota, in words."""
    minutes = requests / per_minute
    return f"{minutes / 60:.1f} hours" if minutes >= 90 else counted(max(1, round(minutes)), "minute")


def _total(answer: Answer) -> int:
    failure: UpstreamError | None = rejected(answer)
    if failure is None and answer.status != 200:
        failure = Skippable(f"HTTP {answer.status}")
    if failure:
        raise failure
    total = answer.headers.get("X-Total", "")
    return int(total) if total.isdecimal() else UNCOUNTED
