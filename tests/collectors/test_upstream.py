"""What happens when an upstream fails, slows down or refuses."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from email.utils import formatdate

import pytest
from aiohttp import web

from collectors.tapd_client import TapdClient
from collectors.upstream import REQUESTS, Limited, Tally, Upstream, rejected
from metrics_api.core.errors import Fatal, Retriable
from tests.collectors.conftest import Fake, Handler, envelope


def first_then(*answers: Handler) -> Handler:
    """The first answers once each, the last for ever."""
    left = list(answers)

    async def handler(request: web.Request) -> web.StreamResponse:
        return await (left.pop(0) if len(left) > 1 else left[0])(request)

    return handler


async def good(request: web.Request) -> web.StreamResponse:
    return envelope([{"Bug": {"id": "1"}}])


def plain(text: str, status: int = 200, **headers: str) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(text=text, status=status, headers=named)

    return handler


async def cut_off(request: web.Request) -> web.StreamResponse:
    return web.Response(text='{"status":1,"data":[{"Bug":{"id":"1"', content_type="application/json")


async def reset(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"status":1')
    assert request.transport is not None
    request.transport.abort()
    return response


async def silent(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(2)
    return envelope([])


@pytest.mark.parametrize(
    "failure",
    [
        plain("<html>bad gateway</html>", 502),
        plain("<html>maintenance</html>", 200),
        plain("oops", 500),
        plain("busy", 503, Retry_After="0.05"),
        cut_off,
        reset,
        silent,
    ],
    ids=["502", "html with 200", "500", "503", "cut off", "reset", "silent"],
)
async def test_a_passing_failure_is_tried_again(failure: Handler, fake: Fake, tapd: TapdClient) -> None:
    fake.routes["/bugs"] = first_then(failure, good)
    assert await tapd.listed("/bugs", {}) == [{"Bug": {"id": "1"}}]
    assert len(fake.asked) == 2


async def test_a_failure_that_stays_ends_after_the_attempts(fake: Fake, tapd: TapdClient) -> None:
    fake.routes["/bugs"] = plain("oops", 500)
    with pytest.raises(Retriable, match="HTTP 500"):
        await tapd.listed("/bugs", {})
    assert len(fake.asked) == 4


@pytest.mark.parametrize(("http", "data"), [(429, ""), (429, {}), (200, ""), (200, {})])
async def test_both_forms_of_tapds_429_are_waited_out(
    http: int, data: object, fake: Fake, tapd: TapdClient
) -> None:
    async def limited(request: web.Request) -> web.StreamResponse:
        info = "To many requests, api account x max request rates is 6000req/10min"
        return envelope(data, 429, info, http)

    fake.routes["/bugs"] = first_then(limited, limited, good)
    assert await tapd.listed("/bugs", {}) == [{"Bug": {"id": "1"}}]
    gaps = [after.at - before.at for before, after in zip(fake.asked, fake.asked[1:], strict=False)]
    assert len(gaps) == 2
    # The first wait is 50 ms here, and each is as long as all before it together.
    assert gaps[0] >= 0.05
    assert gaps[1] >= 0.05


async def test_limits_are_waited_out_longer_than_other_failures_but_not_for_ever(
    fake: Fake, tapd: TapdClient
) -> None:
    async def limited(request: web.Request) -> web.StreamResponse:
        return envelope("", 429, "To many requests")

    fake.routes["/bugs"] = limited
    began = time.monotonic()
    with pytest.raises(Limited):
        await tapd.listed("/bugs", {})
    # Waits of 0.05, 0.05, 0.1, 0.2, … up to 2 s in all.
    assert 1.0 <= time.monotonic() - began < 10.0
    assert len(fake.asked) == 7


async def test_everybody_waits_while_one_is_told_to_wait(fake: Fake, tapd: TapdClient) -> None:
    fake.routes["/bugs"] = first_then(plain("Retry later", 429, Retry_After="0.3"), good)
    fake.routes["/other"] = good

    async def later() -> None:
        await asyncio.sleep(0.05)
        await tapd.listed("/other", {})

    await asyncio.gather(tapd.listed("/bugs", {}), later())
    other = next(one for one in fake.asked if one.path == "/other")
    assert other.at - fake.asked[0].at >= 0.3


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        (lambda: {"Retry_After": "7"}, 7, 7),
        (lambda: {"RateLimit_Reset": str(int(time.time()) + 60)}, 50, 61),
        (lambda: {"Retry_After": formatdate(time.time() + 60, usegmt=True)}, 50, 61),
    ],
)
async def test_the_headers_say_how_long_to_wait(
    headers: Callable[[], dict[str, str]], low: float, high: float, fake: Fake, upstream: Upstream
) -> None:
    fake.routes["/x"] = plain("Retry later", 429, **headers())
    answer = await upstream.ask(upstream.address("/x", {}), lambda answer: answer)
    failure = rejected(answer)
    assert isinstance(failure, Limited)
    assert failure.after_s is not None
    assert low <= failure.after_s <= high


async def test_a_limit_without_any_header_names_no_time(fake: Fake, upstream: Upstream) -> None:
    fake.routes["/x"] = plain("<html>cloud</html>", 429)
    answer = await upstream.ask(upstream.address("/x", {}), lambda answer: answer)
    failure = rejected(answer)
    assert isinstance(failure, Limited)
    assert failure.after_s is None


async def test_redirects_are_followed_on_the_same_server_only(fake: Fake, upstream: Upstream) -> None:
    fake.routes["/old"] = plain("", 301, Location="/new")
    fake.routes["/new"] = plain("here")
    fake.routes["/away"] = plain("", 302, Location="http://elsewhere.example/steal")
    answer = await upstream.ask(upstream.address("/old", {}), lambda answer: answer)
    assert answer.body == b"here"
    with pytest.raises(Fatal, match=r"points to another one \(elsewhere.example\)"):
        await upstream.ask(upstream.address("/away", {}), lambda answer: answer)


async def test_the_requests_of_a_run_are_counted_with_the_repeated_ones(fake: Fake, tapd: TapdClient) -> None:
    fake.routes["/bugs"] = first_then(plain("oops", 500), good)
    tally = Tally()
    token = REQUESTS.set(tally)
    await tapd.listed("/bugs", {})
    REQUESTS.reset(token)
    assert tally.requests == 2


async def test_logs_hold_no_token_no_query_and_no_body(
    fake: Fake, tapd: TapdClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="collectors")
    fake.routes["/bugs"] = first_then(plain("a body with a secret", 500), good)
    await tapd.listed("/bugs", {"workspace_id": "4711"})
    assert "path=/bugs" in caplog.text
    for word in ("hush", "4711", "secret"):
        assert word not in caplog.text


async def test_big_numbers_and_broken_text_survive_reading(fake: Fake, tapd: TapdClient) -> None:
    body = (
        '{"status":1,"data":[{"Bug":{"id":"10101582315000015921","n":92233720368547758080,"t":"\\ud800"}}]}'
    )
    fake.routes["/bugs"] = plain(body)
    assert await tapd.listed("/bugs", {}) == [
        {"Bug": {"id": "10101582315000015921", "n": 92233720368547758080, "t": "\ud800"}}
    ]


async def test_nobody_listening_is_a_failure_that_may_pass(fake: Fake, upstream: Upstream) -> None:
    gone = Upstream("tapd", "http://127.0.0.1:9", {}, upstream.quota, patience=upstream.patience)
    with pytest.raises(Retriable, match=r"http://127\.0\.0\.1:9 does not answer"):
        await gone.ask(gone.address("/", {}), lambda answer: answer)
    await gone.aclose()
