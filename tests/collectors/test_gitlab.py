"""GitLab's lists: pages that are short or empty in the middle, windows of days that exclude their ends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from collectors import Since
from collectors.gitlab import Events, GitlabClient, Projects, next_link
from collectors.quota import Quota
from collectors.upstream import Upstream
from metrics_api.core.config import GitlabInstance
from metrics_api.core.errors import Fatal, Skippable
from metrics_api.core.store import Store
from tests.collectors.conftest import HASTY, Fake

EVENTS = "/api/v4/projects/7/events"
NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)


@pytest_asyncio.fixture
async def gitlab(fake: Fake) -> AsyncIterator[GitlabClient]:
    connection = Upstream("gitlab", fake.url, {"PRIVATE-TOKEN": "t"}, Quota(10_000), patience=HASTY)
    yield GitlabClient(GitlabInstance(url=fake.url), connection)
    await connection.aclose()


def event(number: int, created: str = "2026-03-10T10:00:00.000+08:00") -> dict[str, Any]:
    return {"id": number, "project_id": 7, "action_name": "pushed to", "created_at": created}


def pages(*parts: list[dict[str, Any]], link: bool = False) -> Any:
    """A list whose pages are exactly these; x-next-page or Link says whether there is another."""

    async def handler(request: web.Request) -> web.StreamResponse:
        number = int(request.query.get("page", "1"))
        more = number < len(parts)
        headers = {"x-next-page": str(number + 1) if more else "", "x-page": str(number)}
        if link:
            following = request.url.update_query({"page": str(number + 1)})
            headers = {"Link": f'<{following}>; rel="next", <{request.url}>; rel="first"'} if more else {}
        return web.json_response(parts[number - 1] if number <= len(parts) else [], headers=headers)

    return handler


async def read(unit: Events, since: Since) -> tuple[list[int], dict[str, Any]]:
    """The ids that came, and the last cursor."""
    found, cursor = [], {}
    async for page in unit.fetch("7", since):
        found += [row["id"] for row in page.records]
        cursor = dict(page.cursor) if page.cursor is not None else cursor
    return found, cursor


@pytest.mark.parametrize("link", [False, True])
async def test_short_and_empty_pages_in_the_middle_are_not_the_end(
    link: bool, fake: Fake, gitlab: GitlabClient, store: Store
) -> None:
    fake.routes[EVENTS] = pages([event(9), event(8)], [], [event(7)], [], [], [event(2)], link=link)
    found, cursor = await read(Events("gitlab", gitlab, store), Since(None, {}, NOW))
    assert found == [9, 8, 7, 2]
    assert cursor == {}
    assert len(fake.asked) == 6


async def test_without_any_paging_header_only_a_short_page_is_the_last(
    fake: Fake, gitlab: GitlabClient, store: Store
) -> None:
    parts = [[event(number) for number in range(300, 200, -1)], [event(200)]]

    async def bare(request: web.Request) -> web.StreamResponse:
        return web.json_response(parts[int(request.query.get("page", "1")) - 1])

    fake.routes[EVENTS] = bare
    found, _ = await read(Events("gitlab", gitlab, store), Since(None, {}, NOW))
    assert found == list(range(300, 199, -1))


async def test_the_window_of_a_later_run_begins_days_before_because_it_excludes_its_day(
    fake: Fake, gitlab: GitlabClient, store: Store
) -> None:
    fake.routes[EVENTS] = pages([event(11)])
    since = Since(datetime(2026, 3, 18, 23, 30, tzinfo=UTC), {}, NOW)
    _, cursor = await read(Events("gitlab", gitlab, store), since)
    # The watermark is on the 18th in UTC; `after` leaves out the 15th and gives the 16th.
    assert fake.queries(EVENTS) == [{"per_page": "100", "sort": "desc", "after": "2026-03-15"}]
    assert cursor == {}


async def test_a_stopped_first_walk_goes_on_before_the_day_it_had_reached(
    fake: Fake, gitlab: GitlabClient, store: Store
) -> None:
    first = [event(9, "2026-03-19T23:00:00Z"), event(8, "2026-03-12T10:00:00Z")]
    second = [event(7, "2026-02-10T10:00:00Z")]
    fake.routes[EVENTS] = pages(first, second)
    unit = Events("gitlab", gitlab, store)
    walk = unit.fetch("7", Since(None, {}, NOW))
    page = await anext(walk)
    await walk.aclose()
    assert page.cursor == {"low": "2026-03-12", "high": "2026-03-20"}
    fake.asked.clear()
    later = datetime(2026, 3, 25, 12, 0, tzinfo=UTC)
    await read(unit, Since(None, page.cursor, later))
    # First what came since the 20th, then what is older than the 12th and that day again.
    windows = [{key: one[key] for key in ("after", "before") if key in one} for one in fake.queries(EVENTS)]
    assert windows == [
        *[{"after": "2026-03-17"}] * 2,
        *[{"before": "2026-03-14"}] * 2,
    ]


async def test_a_forbidden_or_missing_project_is_skipped(
    fake: Fake, gitlab: GitlabClient, store: Store
) -> None:
    for status in (403, 404):

        async def refuse(request: web.Request, status: int = status) -> web.StreamResponse:
            return web.json_response({"message": f"{status}"}, status=status)

        fake.routes[EVENTS] = refuse
        with pytest.raises(Skippable):
            await read(Events("gitlab", gitlab, store), Since(None, {}, NOW))


async def test_a_wrong_token_ends_the_run_at_once(fake: Fake, gitlab: GitlabClient, store: Store) -> None:
    async def refuse(request: web.Request) -> web.StreamResponse:
        return web.json_response({"message": "401 Unauthorized"}, status=401)

    fake.routes[EVENTS] = refuse
    with pytest.raises(Fatal, match="HTTP 401"):
        await read(Events("gitlab", gitlab, store), Since(None, {}, NOW))
    assert len(fake.asked) == 1


async def test_projects_are_listed_by_keyset_and_without_their_secrets(
    fake: Fake, gitlab: GitlabClient, store: Store
) -> None:
    async def listed(request: web.Request) -> web.StreamResponse:
        if request.query.get("id_after") == "7":
            return web.json_response([])
        following = request.url.update_query({"id_after": "7"})
        row = {"id": 7, "path_with_namespace": "a/b", "runners_token": "GR1348941secret"}
        return web.json_response([row], headers={"Link": f'<{following}>; rel="next"'})

    fake.routes["/api/v4/projects"] = listed
    unit = Projects("gitlab", gitlab, store)
    found = [row async for page in unit.fetch("all", Since(None, {}, NOW)) for row in page.records]
    assert found == [{"id": 7, "path_with_namespace": "a/b"}]
    first = fake.queries("/api/v4/projects")[0]
    assert (first["pagination"], first["order_by"], first["membership"]) == ("keyset", "id", "true")


async def test_a_next_page_on_another_server_is_never_asked(
    fake: Fake, gitlab: GitlabClient, store: Store
) -> None:
    async def listed(request: web.Request) -> web.StreamResponse:
        return web.json_response([], headers={"Link": '<https://elsewhere.example/x>; rel="next"'})

    fake.routes["/api/v4/projects"] = listed
    with pytest.raises(Fatal, match=r"elsewhere\.example"):
        [page async for page in Projects("gitlab", gitlab, store).fetch("all", Since(None, {}, NOW))]


async def test_configured_projects_are_asked_by_path_and_a_missing_one_leaves_the_others(
    fake: Fake, gitlab: GitlabClient, store: Store
) -> None:
    async def one(request: web.Request) -> web.StreamResponse:
        if "gone" in request.path:
            return web.json_response({"message": "404 Project Not Found"}, status=404)
        return web.json_response({"id": 7, "path_with_namespace": "group/sub/app"})

    fake.routes["/api/v4/projects/group/sub/app"] = one
    fake.routes["/api/v4/projects/group/gone"] = one
    config = GitlabInstance(url=fake.url, projects=("group/gone", "group/sub/app"))
    unit = Projects("gitlab", GitlabClient(config, gitlab.upstream), store)
    walk = unit.fetch("all", Since(None, {}, NOW))
    page = await anext(walk)
    assert page.records == [{"id": 7, "path_with_namespace": "group/sub/app"}]
    # The last page notes what is there.
    assert (await anext(walk)).cursor == {"scopes": ["7"]}
    with pytest.raises(Skippable, match="group/gone"):
        await anext(walk)


def test_the_next_link_is_found_among_others() -> None:
    header = '<https://h/x?page=1>; rel="prev", <https://h/x?page=3>; rel="next"'
    assert next_link(header) == "https://h/x?page=3"
    assert next_link('<https://h/x?page=1>; rel="first"') == ""
    assert next_link("") == ""
