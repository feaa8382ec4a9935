"""Input of every odd kind: answered or refused in words, never a 500."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yarl import URL

from metrics_api.app import create_app
from metrics_api.core.config import Config
from metrics_api.core.settings import Settings
from metrics_api.core.store import Store
from tests.wires.conftest import NOW, Client
from tests.wires.stand_in import StandIn

FORM = "application/x-www-form-urlencoded"
RENDERS = ("/graphite/render", "/api/v1/grafana/render")
FINDS = ("/graphite/metrics/find", "/api/v1/grafana/metrics/find")


@pytest.mark.parametrize("path", [*RENDERS, *FINDS])
async def test_a_body_above_the_limit_is_a_413(client: Client, path: str) -> None:
    answer = await client.post(
        path, data=b"query=" + b"x" * (4 * 1024 * 1024), headers={"Content-Type": FORM}
    )
    assert answer.status == 413
    assert (await answer.json())["message"].startswith("the body is larger than 4194304 bytes")


DEEP = b"[" * 100_000
BODIES = [
    (FORM, b"target=%FF"),
    (FORM, b"query=%FF"),
    (FORM, b"query=\xff\xfe"),
    (FORM, b"target=@tapd#bugs\xc3"),
    (FORM, b"&".join(b"target=x" for _ in range(3000))),
    ("application/json", b"{"),
    ("application/json", b"[]"),
    ("application/json", b'"x"'),
    ("application/json", b"\xff"),
    ("application/json", DEEP),
    ("application/json", b'{"target": {"a": 1}, "query": {"a": 1}}'),
    ("application/json", b'{"target": [true], "query": true}'),
    ("application/json", b'{"target": "\\ud800", "query": "\\ud800"}'),
    ("application/json", b'{"\\ud800": true, "target": "x"}'),
    ("application/json", b'{"target": ["x"], "from": ' + b"9" * 5000 + b"}"),
    ("multipart/form-data", b"x"),
    ("multipart/form-data; boundary=b", b"x"),
    ("multipart/form-data; boundary=b", b"--b\r\n\r\nx\r\n--b--"),
    ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--"),
    ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: x; name="query"\r\n\r\n\xff\r\n--b--'),
]


@pytest.mark.parametrize("path", [*RENDERS, *FINDS])
@pytest.mark.parametrize(("kind", "body"), BODIES, ids=range(len(BODIES)))
async def test_a_body_nobody_can_read_is_a_400_in_words(
    client: Client, path: str, kind: str, body: bytes
) -> None:
    answer = await client.post(path, data=body, headers={"Content-Type": kind})
    assert answer.status == 400
    document = await answer.json()
    assert document["error"] == "Bad Request"
    assert 5 < len(document["message"]) < 200
    assert "Traceback" not in document["message"]


async def test_a_body_that_lies_about_its_coding_is_a_400(client: Client) -> None:
    for coding in ("gzip", "deflate"):
        answer = await client.post(
            "/graphite/render", data=b"target=x", headers={"Content-Encoding": coding, "Content-Type": FORM}
        )
        assert answer.status == 400
        assert (await answer.json())["message"] == "the body could not be read: RequestPayloadError"


async def test_no_text_in_a_parameter_makes_it_fail(client: Client) -> None:
    for text in ("\x00", "\r\nX-Evil: 1", "😀" * 100, "%", "@" * 70_000, "aliasSub(" * 5000, "../../etc"):
        for path, name in (*((path, "target") for path in RENDERS), *((path, "query") for path in FINDS)):
            answer = await client.post(path, data={name: text, "from": "1", "until": "2"})
            assert answer.status == 200
            assert "X-Evil" not in answer.headers
    raw = await client.get(URL("/graphite/metrics/find?query=%80%FF", encoded=True))
    assert raw.status == 400


@pytest.mark.parametrize(
    ("line", "status", "query"),
    [
        ("GET /graphite/metrics/find?query=$bugversion=产品A HTTP/1.1", b"400", None),
        ("GET /graphite/metrics/find?query=@tapd#bugs HTTP/1.1", b"200", "@tapd#bugs"),
        ("GET http://elsewhere/graphite/metrics/find?query=a HTTP/1.1", b"200", "a"),
        ("GET /graphite/metrics/find?query=a b HTTP/1.1", b"400", None),
        ("GET  HTTP/1.1", b"400", None),
        ("\x16\x03\x01\x02", b"400", None),
    ],
)
async def test_request_lines_that_should_have_been_escaped_are_read_or_refused(
    client: Client, evaluator: StandIn, line: str, status: bytes, query: str | None
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", client.server.port)
    writer.write(line.encode() + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    assert answer.split(b" ")[1] == status
    assert b"Traceback" not in answer
    assert evaluator.asked == ([("find", query)] if query else [])


kinds = st.sampled_from(
    [
        FORM,
        "application/json",
        "multipart/form-data; boundary=b",
        "text/plain",
        "",
        'multipart/form-data; boundary="',
        "é",
    ]
)
heads = st.sampled_from(
    [
        b"",
        b"query=",
        b"target=",
        b"target=%40tapd%23bugs%23change%23daily%2F",
        b'{"target": ["',
        b"--b\r\n",
        b"from=1&until=2&target=",
    ]
)


async def test_random_bodies_and_queries_never_fail_the_server() -> None:
    store = Store("mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=50", "nowhere")
    app = create_app(Settings(Config(), {}), store, StandIn(), lambda: NOW)
    loop = asyncio.get_running_loop()
    async with TestClient(TestServer(app)) as client:

        async def send(path: str, kind: str, body: bytes, query: str) -> None:
            url = URL(f"{path}?{query}", encoded=True)
            headers = {"Content-Type": kind} if kind else {}
            for answer in (await client.post(url, data=body, headers=headers), await client.get(url)):
                assert answer.status in (200, 400, 405), await answer.text()
                assert answer.content_type == "application/json"

        @given(
            st.sampled_from([*RENDERS, *FINDS, "/graphite/events/get_data", "/graphite/metrics/expand"]),
            kinds,
            st.tuples(heads, st.binary(max_size=60)).map(b"".join),
            st.text(
                st.characters(min_codepoint=33, max_codepoint=126, blacklist_characters=" "), max_size=40
            ),
        )
        @settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
        def campaign(path: str, kind: str, body: bytes, query: str) -> None:
            asyncio.run_coroutine_threadsafe(send(path, kind, body, query), loop).result(20)

        await asyncio.to_thread(campaign)
    await store.aclose()
