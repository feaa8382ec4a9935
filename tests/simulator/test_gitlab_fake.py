"""What a faithful GitLab must do, over real sockets; the numbers are those of the list of demands."""

import asyncio

import aiohttp
import pytest

from simulator import Company, FaultKind, GitlabAccount, Running, running

EVENTS = "/projects/7/events"


async def test_01_both_ways_of_sending_the_token_open_and_others_get_401(gitlab) -> None:
    assert (await gitlab.get("/user"))[1]["username"] == "user01"
    gitlab.headers = {"Authorization": f"Bearer {GitlabAccount().token}"}
    assert (await gitlab.get("/user"))[0] == 200
    gitlab.headers = {"PRIVATE-TOKEN": "wrong"}
    assert await gitlab.get("/user") == (401, {"message": "401 Unauthorized"})


async def test_01_projects_answer_by_access_and_a_moved_one_redirects(by_hand: Company, gitlab) -> None:
    status, project = await gitlab.get("/projects/7")
    assert (status, project["path_with_namespace"], project["default_branch"]) == (
        200,
        "drive/server",
        "main",
    )
    by_hand.move_project(7, "cloud/server")
    url = aiohttp.client.URL(f"{gitlab.url}/projects/drive%2Fserver/events?per_page=3", encoded=True)
    async with gitlab.session.get(url, headers=gitlab.headers, allow_redirects=False) as response:
        assert response.status == 301
        assert response.headers["Location"].endswith("/api/v4/projects/7/events?per_page=3")
    async with gitlab.session.get(url, headers=gitlab.headers) as response:
        assert len(await response.json()) == 3
    url = aiohttp.client.URL(f"{gitlab.url}/projects/cloud%2Fserver", encoded=True)
    async with gitlab.session.get(url, headers=gitlab.headers) as response:
        assert (await response.json())["id"] == 7
    by_hand.projects[7].access = "forbidden"
    assert await gitlab.get(EVENTS) == (403, {"message": "403 Forbidden"})
    by_hand.projects[7].access = "hidden"
    assert await gitlab.get(EVENTS) == (404, {"message": "404 Project Not Found"})
    assert (await gitlab.get("/projects/8"))[0] == 404
    assert await gitlab.get("/nothing") == (404, {"error": "404 Not Found"})


async def test_02_offset_pages_carry_exactly_gitlabs_headers(gitlab) -> None:
    _, headers, first = await gitlab.full(EVENTS, per_page="100", page="1")
    assert len(first) == 100
    names = ("x-page", "x-per-page", "x-prev-page", "x-next-page", "x-total", "x-total-pages")
    assert [headers[name] for name in names] == ["1", "100", "", "2", "250", "3"]
    assert [part.rpartition("; ")[2] for part in headers["link"].split(", ")] == [
        'rel="next"',
        'rel="first"',
        'rel="last"',
    ]
    assert "page=2" in headers["link"].split(", ")[0]
    _, headers, last = await gitlab.full(EVENTS, per_page="100", page="3")
    assert (len(last), headers["x-next-page"], headers["x-prev-page"]) == (50, "", "2")
    assert 'rel="next"' not in headers["link"]


async def test_02_headers_are_lower_case_on_the_wire(servers: Running) -> None:
    host, _, port = servers.gitlab_url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    request = f"GET /api/v4{EVENTS} HTTP/1.0\r\nPRIVATE-TOKEN: {GitlabAccount().token}\r\n\r\n"
    writer.write(request.encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    writer.close()
    await writer.wait_closed()
    for name in ("link", "x-next-page", "x-page", "x-per-page", "x-prev-page", "x-total", "x-total-pages"):
        assert f"\r\n{name}: " in head


async def test_02_above_ten_thousand_rows_totals_and_the_last_link_are_missing(
    by_hand: Company, gitlab
) -> None:
    big = by_hand.add_project({"id": 8, "path_with_namespace": "drive/big"})
    for number in range(10_001):
        event = {"id": 1000 + number, "action_name": "pushed to", "created_at": "2026-03-01T10:00:00+08:00"}
        big.add_event(event)
    _, headers, _ = await gitlab.full("/projects/8/events", per_page="100")
    assert "x-total" not in headers
    assert "x-total-pages" not in headers
    assert 'rel="last"' not in headers["link"]
    assert headers["x-next-page"] == "2"


async def test_02_totals_can_be_switched_off(servers: Running, gitlab) -> None:
    servers.gitlab.faults.arm(FaultKind.NO_TOTALS, path="/api/v4/projects/*/events", times=None)
    _, headers, rows = await gitlab.full(EVENTS, per_page="100", page="3")
    assert (len(rows), "x-total" in headers, 'rel="last"' in headers["link"]) == (50, False, False)


async def test_02_keyset_listing_of_projects_has_only_a_next_link(by_hand: Company, gitlab) -> None:
    for number in (8, 9):
        by_hand.add_project({"id": number, "path_with_namespace": f"drive/p{number}"})
    query = {"membership": "true", "pagination": "keyset", "order_by": "id", "sort": "asc", "per_page": "2"}
    _, headers, rows = await gitlab.full("/projects", **query)
    assert [row["id"] for row in rows] == [7, 8]
    assert "x-total" not in headers
    assert "id_after=8" in headers["link"]
    assert headers["link"].endswith('rel="next"')
    _, headers, rows = await gitlab.full("/projects", **query, id_after="8")
    assert [row["id"] for row in rows] == [9]
    assert "link" not in headers
    _, headers, rows = await gitlab.full("/projects", membership="true", order_by="id", sort="asc")
    assert ([row["id"] for row in rows], headers["x-total"]) == ([7, 8, 9], "3")


async def test_02_the_deepest_offset_answers_405(gitlab) -> None:
    status, body = await gitlab.get("/projects", page="502", per_page="100")
    assert status == 405
    assert body["error"].startswith("Offset pagination has a maximum allowed offset of 50000")


async def test_03_before_and_after_exclude_the_days_they_name(gitlab) -> None:
    _, rows = await gitlab.get(EVENTS, after="2026-03-01", before="2026-03-03", per_page="100")
    assert {row["created_at"][:10] for row in rows} == {"2026-03-02"}
    assert [row["id"] for row in rows] == list(range(50, 25, -1))
    assert rows[0]["created_at"] == "2026-03-02T00:30:00.125+08:00"
    _, rows = await gitlab.get(EVENTS, sort="asc", per_page="2")
    assert [row["id"] for row in rows] == [1, 2]


async def test_03_actions_are_asked_and_answered_in_different_words(gitlab) -> None:
    _, headers, rows = await gitlab.full(EVENTS, action="merged")
    assert ({row["action_name"] for row in rows}, headers["x-total"]) == ({"accepted"}, "50")
    _, headers, rows = await gitlab.full(EVENTS, action="pushed")
    assert ({row["action_name"] for row in rows}, headers["x-total"]) == ({"pushed to"}, "200")
    assert await gitlab.get(EVENTS, action="accepted") == (
        400,
        {"error": "action does not have a valid value"},
    )
    assert (await gitlab.get(EVENTS, target_type="Issue"))[0] == 400
    assert (await gitlab.get(EVENTS, before="soon"))[0] == 400


async def test_03_what_may_not_be_seen_leaves_short_and_empty_pages_in_the_middle(by_hand, gitlab) -> None:
    by_hand.projects[7].hidden |= set(range(51, 151)) | {200}
    lengths, totals = [], set()
    for page in ("1", "2", "3"):
        _, headers, rows = await gitlab.full(EVENTS, per_page="100", page=page)
        lengths.append((len(rows), headers["x-next-page"]))
        totals.add(headers["x-total"])
    assert lengths == [(99, "2"), (0, "3"), (50, "")]
    assert totals == {"250"}


async def test_03_more_than_a_hundred_a_page_is_taken_as_a_hundred(gitlab) -> None:
    _, headers, rows = await gitlab.full(EVENTS, per_page="500")
    assert (len(rows), headers["x-per-page"]) == (100, "100")
    assert len((await gitlab.get(EVENTS))[1]) == 20


async def test_03_a_page_can_be_emptied_and_a_row_put_in_between_pages(servers: Running, gitlab) -> None:
    servers.gitlab.faults.arm(FaultKind.HIDDEN_PAGE, query={"page": "2"})
    _, headers, rows = await gitlab.full(EVENTS, per_page="100", page="2")
    assert (rows, headers["x-next-page"]) == ([], "3")
    fault = servers.gitlab.faults.arm(FaultKind.INSERT_AT_HEAD)
    _, first = await gitlab.get(EVENTS, per_page="100")
    _, second = await gitlab.get(EVENTS, per_page="100", page="2")
    assert first[-1]["id"] == second[0]["id"] == 151
    assert len(fault.touched) == 1


async def test_04_retention_drops_old_events(by_hand: Company, gitlab) -> None:
    assert by_hand.projects[7].forget_events("2026-03-09") == 200
    _, headers, _ = await gitlab.full(EVENTS)
    assert headers["x-total"] == "50"


async def test_05_too_many_requests_come_in_three_forms(servers: Running, gitlab) -> None:
    faults = servers.gitlab.faults
    faults.arm(FaultKind.RATE_LIMIT_TEXT, retry_after=17)
    faults.arm(FaultKind.RATE_LIMIT_JSON)
    faults.arm(FaultKind.RATE_LIMIT_HTML)
    answers = []
    for _ in range(3):
        async with gitlab.session.get(f"{gitlab.url}/user", headers=gitlab.headers) as response:
            answers.append((response.status, response.content_type, response.headers, await response.text()))
    assert [(status, kind) for status, kind, _, _ in answers] == [
        (429, "text/plain"),
        (429, "application/json"),
        (429, "text/html"),
    ]
    assert answers[0][2]["Retry-After"] == "17"
    assert answers[0][3] == "Retry later\n"
    for name in ("Name", "Limit", "Observed", "Remaining", "Reset", "ResetTime"):
        assert f"RateLimit-{name}" in answers[0][2]
    assert "requested too many times" in answers[1][3]
    assert not any("Retry-After" in headers for _, _, headers, _ in answers[1:])
    assert (await gitlab.get("/user"))[0] == 200


async def test_05_the_quota_is_enforced_with_a_time_to_wait(by_hand: Company, session) -> None:
    async with running(by_hand, gitlab_quota=1) as servers:
        statuses = []
        for _ in range(2):
            async with session.get(
                f"{servers.gitlab_url}/api/v4/user", headers={"PRIVATE-TOKEN": GitlabAccount().token}
            ) as response:
                statuses.append(response.status)
        assert statuses == [200, 429]
        assert 1 <= int(response.headers["Retry-After"]) <= 60


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_05_server_errors_truncated_json_and_slowness(servers: Running, gitlab, status) -> None:
    servers.gitlab.faults.arm(FaultKind.SERVER_ERROR, status=status)
    async with gitlab.session.get(f"{gitlab.url}{EVENTS}", headers=gitlab.headers) as response:
        assert response.status == status
    servers.gitlab.faults.arm(FaultKind.TRUNCATED)
    with pytest.raises(ValueError):
        await gitlab.get(EVENTS)
    servers.gitlab.faults.arm(FaultKind.SLOW_FIRST_BYTE, seconds=5)
    with pytest.raises(asyncio.TimeoutError):
        async with asyncio.timeout(0.1):
            await gitlab.get(EVENTS)
    servers.gitlab.faults.assert_spent()
