"""TAPD's envelope and paging."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from collectors.tapd_client import Rows, TapdClient, TooDeep, UnknownAddress, clock, tapd_headers
from metrics_api.core.errors import Fatal, Retriable, Skippable, UpstreamError
from metrics_api.core.settings import Credentials
from tests.collectors.conftest import Fake, envelope, listing


def bug(number: int, minute: int | None = None) -> dict[str, Any]:
    """A bug created so many minutes into 2026-03-01."""
    hours, minutes = divmod(number if minute is None else minute, 60)
    created = f"2026-03-{1 + hours // 24:02d} {hours % 24:02d}:{minutes:02d}:00"
    return {"id": f"{number:05d}", "created": created, "modified": created}


async def ids(pages: Any) -> list[str]:
    return [row["Bug"]["id"] async for page in pages for row in page.rows]


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (
            lambda: envelope("", 401, "401 Unauthorized", 401),
            Fatal,
            "says 401: the credentials are not right",
        ),
        (lambda: envelope("", 422, "The access token provided is invalid", 422), Fatal, "422"),
        (lambda: envelope("", 404, "workspace 1010480 not existed", 404), Skippable, "not existed"),
        (lambda: envelope("", 404, "workspace 1010480 not existed", 200), Skippable, "not existed"),
        (lambda: envelope("Hello world from TAPD API. 42"), Fatal, "no such address"),
        (lambda: envelope("something else"), Fatal, "data is str, not a list"),
        (lambda: envelope({"a": 1}), Fatal, "data is dict, not a list"),
        (lambda: envelope(None), Fatal, "data is NoneType, not a list"),
        (lambda: envelope([], 0, "it failed"), Fatal, "says 0: refused"),
        (lambda: envelope([], 500, "overload"), Retriable, "says 500: it failed"),
        (lambda: web.json_response([1, 2]), Retriable, "without TAPD's envelope"),
        (lambda: web.json_response({"data": []}), Retriable, "without TAPD's envelope"),
    ],
)
async def test_http_200_alone_is_not_success(
    answer: Any, error: type[UpstreamError], says: str, fake: Fake, tapd: TapdClient
) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return answer()

    fake.routes["/bugs"] = handler
    with pytest.raises(error, match=says):
        await tapd.listed("/bugs", {})


@pytest.mark.parametrize(
    ("status", "info", "says"),
    [
        (
            422,
            "workspace_id is required, api account zhang.san",
            "tapd /bugs: TAPD says 422: workspace_id is required",
        ),
        (404, "API Account zhang.san sees no such workspace", "tapd /bugs: TAPD says 404: not there"),
        (403, "zhang.san may not", "tapd /bugs: TAPD says 403: not allowed"),
        (500, "query of zhang.san failed", "tapd /bugs: TAPD says 500: it failed"),
        (418, "zhang.san", "tapd /bugs: TAPD says 418: refused"),
    ],
)
async def test_what_tapd_says_is_told_without_the_name_of_the_account(
    status: int, info: str, says: str, fake: Fake, tapd: TapdClient
) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return envelope("", status, info)

    fake.routes["/bugs"] = handler
    with pytest.raises(UpstreamError) as raised:
        await tapd.listed("/bugs", {})
    assert str(raised.value) == says


def test_a_creation_that_is_no_time_is_none() -> None:
    assert clock({"created": "2026-03-01 09:00:00"}) == "2026-03-01 09:00:00"
    assert clock({"created": "2026-03-01  09:00:00"}) == "2026-03-01 09:00:00"
    for spelling in ("0000-00-00 00:00:00", "0001-01-01 00:00:00", "2026-02-30 09:00:00", "--", "", None):
        assert clock({"created": spelling}) == ""
    assert clock({}) == ""


@pytest.mark.parametrize("empty", ["", {}, []])
async def test_an_empty_list_has_several_spellings(empty: object, fake: Fake, tapd: TapdClient) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return envelope(empty)

    fake.routes["/bugs"] = handler
    assert await tapd.listed("/bugs", {}) == []


async def test_an_empty_object_comes_as_an_empty_array(fake: Fake, tapd: TapdClient) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return envelope([])

    fake.routes["/workflows/last_steps"] = handler
    assert await tapd.mapping("/workflows/last_steps", {}) == {}


async def test_pages_of_200_are_asked_until_one_is_short(fake: Fake, tapd: TapdClient) -> None:
    fake.routes["/bugs"] = listing([bug(number) for number in range(450)], "Bug")
    found = await ids(tapd.paged("/bugs", {"order": "created asc"}))
    assert found == [f"{number:05d}" for number in range(450)]
    assert [(one["limit"], one["page"]) for one in fake.queries("/bugs")] == [
        ("200", "1"),
        ("200", "2"),
        ("200", "3"),
    ]


async def test_a_full_last_page_is_followed_by_an_empty_one(fake: Fake, tapd: TapdClient) -> None:
    fake.routes["/bugs"] = listing([bug(number) for number in range(400)], "Bug")
    assert len(await ids(tapd.paged("/bugs", {}))) == 400
    assert len(fake.asked) == 3


async def test_a_list_that_is_too_deep_for_pages_is_refused_before_it_is_cut(
    fake: Fake, tapd: TapdClient
) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        first = (int(request.query["page"]) - 1) * 200
        return envelope([{"Bug": {"id": str(first + number)}} for number in range(200)])

    fake.routes["/bugs"] = endless
    with pytest.raises(TooDeep):
        await ids(tapd.paged("/bugs", {}))
    # 20,000 rows are 100 pages.
    assert len(fake.asked) == 100


async def test_a_502_makes_the_pages_smaller_without_losing_rows(fake: Fake, tapd: TapdClient) -> None:
    serve = listing([bug(number) for number in range(450)], "Bug")

    async def heavy(request: web.Request) -> web.StreamResponse:
        if int(request.query["limit"]) > 50 and int(request.query["page"]) > 1:
            return web.Response(status=502, text="<html>")
        return await serve(request)

    fake.routes["/bugs"] = heavy
    found = await ids(tapd.paged("/bugs", {"order": "created asc"}))
    assert found == [f"{number:05d}" for number in range(450)]
    assert [(one["limit"], one["page"]) for one in fake.queries("/bugs")] == [
        *[("200", "1"), ("200", "2"), ("200", "2")],
        *[("100", "3"), ("100", "3")],
        *[("50", "5"), ("50", "6"), ("50", "7"), ("50", "8"), ("50", "9"), ("50", "10")],
    ]


async def test_where_fewer_rows_fit_on_a_page_no_more_are_asked_for_also_after_a_502(
    fake: Fake, tapd: TapdClient
) -> None:
    serve = listing([bug(number) for number in range(250)], "Bug")
    heavy = [True]

    async def answer(request: web.Request) -> web.StreamResponse:
        if heavy and request.query["page"] == "2":
            return web.Response(status=502, text="<html>")
        return await serve(request)

    fake.routes["/task_changes"] = answer
    assert len(await ids(tapd.paged("/task_changes", {}))) == 250
    assert [(one["limit"], one["page"]) for one in fake.queries("/task_changes")] == [
        *[("100", "1"), ("100", "2"), ("100", "2")],
        *[("50", "3"), ("50", "4"), ("50", "5"), ("50", "6")],
    ]
    heavy.clear()
    fake.asked.clear()
    for _ in range(45):
        await ids(tapd.paged("/task_changes", {}))
    # Larger again after a while, and never larger than that.
    assert [int(one["limit"]) for one in fake.queries("/task_changes")][-3:] == [100, 100, 100]


async def test_an_address_tapd_does_not_know_is_told_apart(fake: Fake, tapd: TapdClient) -> None:
    with pytest.raises(UnknownAddress, match="/nowhere: TAPD knows no such address"):
        await tapd.listed("/nowhere", {})


async def test_long_lists_are_read_from_the_last_created_on_instead_of_by_offset(
    fake: Fake, tapd: TapdClient
) -> None:
    fake.routes["/bugs"] = listing([bug(number) for number in range(450)], "Bug")
    assert await ids(tapd.ascending("/bugs", {}, "Bug")) == [f"{number:05d}" for number in range(450)]
    # Row 199 was created at 03:19, row 398 at 06:38: a range begins a second earlier.
    assert [(one.get("created"), one["page"]) for one in fake.queries("/bugs")] == [
        (None, "1"),
        ("2026-03-01 03:18:59~2099-12-31 23:59:59", "1"),
        ("2026-03-01 06:37:59~2099-12-31 23:59:59", "1"),
    ]


async def test_a_row_that_vanishes_between_two_pages_hides_no_other(fake: Fake, tapd: TapdClient) -> None:
    rows = [bug(number) for number in range(450)]

    async def shrinking(request: web.Request) -> web.StreamResponse:
        answer = await listing(rows, "Bug")(request)
        del rows[:3]
        return answer

    fake.routes["/bugs"] = shrinking
    # Three go before each page: all others come.
    assert await ids(tapd.ascending("/bugs", {}, "Bug")) == [f"{number:05d}" for number in range(450)]


async def test_more_rows_in_one_second_than_a_page_holds_are_paged(fake: Fake, tapd: TapdClient) -> None:
    imported = [bug(number, minute=5) for number in range(500)]
    fake.routes["/bugs"] = listing([*imported, bug(999, minute=6)], "Bug")
    found = await ids(tapd.ascending("/bugs", {}, "Bug"))
    assert found == [*(f"{number:05d}" for number in range(500)), "00999"]


async def test_lists_deeper_than_20_000_rows_are_read_whole(fake: Fake, tapd: TapdClient) -> None:
    fake.routes["/bugs"] = listing([bug(number) for number in range(20_500)], "Bug")
    assert len(set(await ids(tapd.ascending("/bugs", {}, "Bug")))) == 20_500
    assert max(int(one["page"]) * int(one["limit"]) for one in fake.queries("/bugs")) == 200


@pytest.mark.parametrize("ignored", ["order", "created"])
async def test_a_server_that_ignores_order_or_range_is_read_by_pages(
    ignored: str, fake: Fake, tapd: TapdClient
) -> None:
    serve = listing([bug(number) for number in range(450)], "Bug")

    async def deaf(request: web.Request) -> web.StreamResponse:
        query = {key: value for key, value in request.query.items() if key != ignored}
        return await serve(request.clone(rel_url=request.rel_url.with_query(query)))

    fake.routes["/bugs"] = deaf
    found = await ids(tapd.ascending("/bugs", {}, "Bug"))
    assert sorted(found) == [f"{number:05d}" for number in range(450)]


async def test_a_list_without_an_order_is_read_until_nothing_new_comes(fake: Fake, tapd: TapdClient) -> None:
    rows = [bug(number) for number in range(250)]

    async def shifting(request: web.Request) -> web.StreamResponse:
        answer = await listing(rows, "Bug")(request)
        if len(fake.asked) == 1:
            # Newest first: all later rows move up by ten, ten of them onto the page that was read.
            del rows[-10:]
        return answer

    fake.routes["/removed"] = shifting
    assert len(await ids(tapd.settled("/removed", {}, "Bug"))) == 250


async def test_a_server_without_pages_is_asked_once(fake: Fake, tapd: TapdClient) -> None:
    async def everything(request: web.Request) -> web.StreamResponse:
        return envelope([{"Bug": bug(number)} for number in range(300)])

    fake.routes["/bugs"] = everything
    assert len(await ids(tapd.ascending("/bugs", {}, "Bug"))) == 300
    assert len(fake.asked) == 1


async def test_a_page_number_that_is_not_honoured_is_an_error_and_no_endless_loop(
    fake: Fake, tapd: TapdClient
) -> None:
    async def always_the_first(request: web.Request) -> web.StreamResponse:
        return envelope([{"Bug": {"id": str(number)}} for number in range(200)])

    fake.routes["/bugs"] = always_the_first
    with pytest.raises(Fatal, match="twice"):
        [page async for page in tapd.paged("/bugs", {})]


async def test_rows_without_ids_or_wrappers_are_passed_on(fake: Fake, tapd: TapdClient) -> None:
    rows = [{"Bug": {"title": "no id"}}, "text", None, {"Bug": {"title": "no id"}}]

    async def odd(request: web.Request) -> web.StreamResponse:
        return envelope(rows)

    fake.routes["/bugs"] = odd
    assert [page async for page in tapd.ascending("/bugs", {}, "Bug")] == [Rows(rows, more=False)]


def test_days_are_those_of_beijing(tapd: TapdClient) -> None:
    assert tapd.day(datetime(2026, 3, 1, 15, 59, 59, tzinfo=UTC)) == "2026-03-01"
    assert tapd.day(datetime(2026, 3, 1, 16, 0, 0, tzinfo=UTC)) == "2026-03-02"


def test_credentials_become_basic_or_bearer() -> None:
    assert tapd_headers(Credentials(user="api_user", password="api_password")) == {
        "Authorization": "Basic YXBpX3VzZXI6YXBpX3Bhc3N3b3Jk"
    }
    assert tapd_headers(Credentials(token="t0ken", user="u", password="p")) == {
        "Authorization": "Bearer t0ken"
    }
