"""How many requests a first collection takes, estimated from a few that count."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from collectors.gitlab import API, PER_PAGE, GitlabClient
from collectors.tapd_client import PAGE_SIZES, TapdClient, bodies, clock
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
    counted = 0
    for scope in sampled:
        if isinstance(client, TapdClient):
            counted += await _workspace(client, scope, date.fromisoformat(client.day(now)))
        else:
            counted += await _project(client, scope)
    return round(counted / len(sampled) * len(new)) if sampled else 0


async def _workspace(client: TapdClient, workspace: str, today: date) -> int:
    """Pages of the lists, and the days of their change feeds from the oldest item on."""
    asked = {"workspace_id": workspace}
    needed = 0
    for path, wrapper in WITH_CHANGES:
        try:
            counted = await client.mapping(f"{path}/count", asked)
            first = {**asked, "order": "created asc", "limit": "1", "fields": "id,created"}
            oldest = bodies(await client.listed(path, first), wrapper)
        except Skippable:
            continue
        count = counted.get("count")
        needed += (
            int(count) if isinstance(count, int | str) and str(count).isdecimal() else 0
        ) // PAGE_SIZES[0] + 1
        days = [date.fromisoformat(clock(row)[:10]) for row in oldest if clock(row)]
        needed += max(((today - day).days + 1 for day in days), default=0)
    return needed


async def _project(client: GitlabClient, project: str) -> int:
    """Pages of a project's events."""
    address = client.upstream.address(f"{API}/projects/{project}/events", {"per_page": "1"})
    try:
        total = await client.upstream.ask(address, _total)
    except Skippable:
        return 1
    return total // PER_PAGE + 1


def _total(answer: Answer) -> int:
    failure: UpstreamError | None = rejected(answer)
    if failure is None and answer.status != 200:
        failure = Skippable(f"HTTP {answer.status}")
    if failure:
        raise failure
    total = answer.headers.get("X-Total", "")
    return int(total) if total.isdecimal() else UNCOUNTED
