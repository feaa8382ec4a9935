"""Pages for operation, errors as JSON, log lines, and input of every odd kind: never a 500."""

from __future__ import annotations

import io
import json
import logging

import pytest
from yarl import URL

from metrics_api.core.config import Log
from metrics_api.core.log import configure
from tests.wires.conftest import NOW, Client
from tests.wires.stand_in import Frame, StandIn


async def test_the_process_is_alive_without_a_store_but_not_ready(client: Client) -> None:
    alive = await client.get("/healthz")
    assert (alive.status, await alive.json()) == (200, {"status": "alive"})
    ready = await client.get("/readyz")
    assert ready.status == 503
    assert (await ready.json())["error"] == "Service Unavailable"
    assert (await ready.json())["message"].startswith("the store did not answer")


async def test_it_is_ready_when_the_store_answers_and_the_frames_are_loaded(
    exporting: Client, evaluator: StandIn
) -> None:
    evaluator.frames = [Frame("bugs", 0, None), Frame("events", 3, NOW - 5)]
    loading = await exporting.get("/readyz")
    assert (loading.status, (await loading.json())["message"]) == (503, "not loaded yet: bugs")
    evaluator.frames = [Frame("bugs", 12, NOW), Frame("events", 3, NOW - 5)]
    ready = await exporting.get("/readyz")
    assert (ready.status, await ready.json()) == (200, {"status": "ready"})


async def test_metrics_count_requests_by_route_and_show_the_frames(
    client: Client, evaluator: StandIn
) -> None:
    evaluator.frames = [Frame("bugs", 12, NOW - 30), Frame("events", 0, None)]
    for target in ("@tapd#bugs#change#daily", "cpu"):
        await client.get("/graphite/render", params={"target": target})
    await client.get("/secret-token-in-a-path")
    await client.request("PROPFIND", "/graphite/render")
    page = await (await client.get("/metrics")).text()
    for line in (
        'engmetrics_request_seconds_count{method="GET",route="/graphite/render",status="200"} 2.0',
        'engmetrics_request_seconds_count{method="GET",route="unmatched",status="404"} 1.0',
        'engmetrics_request_seconds_count{method="other",route="unmatched",status="405"} 1.0',
        'engmetrics_targets_total{outcome="answered"} 1.0',
        'engmetrics_targets_total{outcome="skipped"} 1.0',
        'engmetrics_frame_rows{topic="bugs"} 12.0',
        'engmetrics_frame_age_seconds{topic="bugs"} 30.0',
    ):
        assert line in page.splitlines(), page
    assert "secret-token" not in page


async def test_the_first_page_lists_what_there_is(client: Client) -> None:
    answer = await client.get("/")
    assert answer.content_type == "text/plain"
    for path in ("/graphite", "/api/v1/grafana", "/api/v1/tapd/bugs", "/readyz"):
        assert path in await answer.text()


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [
        ("GET", "/nothing", 404, "Not Found"),
        ("GET", "/graphite/dashboard", 404, "Not Found"),
        ("GET", "/%00%ff/..;/", 404, "Not Found"),
        ("PUT", "/graphite/render", 405, "Method Not Allowed"),
        ("POST", "/api/v1/tapd/bugs", 405, "Method Not Allowed"),
        ("OPTIONS", "/graphite/render", 405, "Method Not Allowed"),
    ],
)
async def test_every_error_is_a_json_body(
    client: Client, method: str, path: str, status: int, error: str
) -> None:
    answer = await client.request(method, URL(path, encoded=True))
    assert answer.status == status
    assert answer.content_type == "application/json"
    document = await answer.json()
    assert document["error"] == error
    assert set(document) == {"error", "message"}
    if status == 405:
        assert "GET" in answer.headers["Allow"]


async def test_a_failure_of_ours_is_a_500_that_tells_nothing(client: Client, evaluator: StandIn) -> None:
    evaluator.failure = RuntimeError("secret detail")
    answer = await client.get("/graphite/render", params={"target": "@a#b"})
    assert (answer.status, await answer.json()) == (
        500,
        {"error": "Internal Server Error", "message": "the server failed; its log says why"},
    )


async def test_log_lines_are_key_value_or_json_and_cannot_be_forged() -> None:
    root = logging.getLogger()
    before, level = root.handlers, root.level
    try:
        for form in ("keyvalue", "json"):
            stream = io.StringIO()
            configure(Log(format=form, level="info"), stream)
            log = logging.getLogger("engmetrics.test")
            log.info("run of %s", "tapd.bugs", extra={"scope": "1001", "reason": "a b\nlevel=error 产品"})
            log.debug("not shown")
            try:
                raise ValueError("two\nlines")
            except ValueError:
                log.exception("failed")
            first, second = stream.getvalue().splitlines()
            if form == "json":
                document = json.loads(first)
                assert document.pop("time").endswith("+00:00")
                assert document == {
                    "level": "info",
                    "logger": "engmetrics.test",
                    "message": "run of tapd.bugs",
                    "scope": "1001",
                    "reason": "a b\nlevel=error 产品",
                }
                assert "ValueError: two\nlines" in json.loads(second)["exception"]
            else:
                assert first.partition(" ")[2] == (
                    'level=info logger=engmetrics.test message="run of tapd.bugs" scope=1001 '
                    'reason="a b\\nlevel=error 产品"'
                )
                assert "ValueError: two\\nlines" in second
    finally:
        root.handlers, root.level = before, level


async def test_a_request_is_logged_by_its_route_without_its_query(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        await client.get("/graphite/render", params={"target": "@a#b/owner=user01"})
        await client.get("/path-with-a-token")
    lines = [record for record in caplog.records if record.message == "request"]
    assert [(line.route, line.method, line.status) for line in lines] == [  # type: ignore[attr-defined]
        ("/graphite/render", "GET", 200),
        ("unmatched", "GET", 404),
    ]
    assert not any("token" in str(vars(line)) or "user01" in str(vars(line)) for line in lines)
