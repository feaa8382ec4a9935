"""Pages for operation, errors as JSON, log lines, and input of every odd kind: never a 500."""

from __future__ import annotations

import io
import json
import logging
from dataclasses import replace

import pytest
from yarl import URL

from metrics_api.core.config import Log
from metrics_api.core.fact_types import EventFact
from metrics_api.core.log import JsonFormatter, KeyValueFormatter, configure
from metrics_api.events import EventTable
from tests.wires.conftest import NOW, Client
from tests.wires.stand_in import StandIn


def pushed(seq: int) -> EventFact:
    return {
        "_id": f"gitlab:7:{seq}",
        "generation": 1,
        "seq": seq,
        "tombstone": False,
        "instance": "gitlab",
        "project": "7",
        "at": 1_700_000_000 + seq,
        "action": "pushed to",
        "target_type": "",
        "ref": "main",
        "branch": "main",
    }


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
    evaluator.reader.refreshed_at = None
    loading = await exporting.get("/readyz")
    assert (loading.status, (await loading.json())["message"]) == (
        503,
        "not loaded yet: bugs, stories, events",
    )
    evaluator.reader.refreshed_at = NOW - 59
    ready = await exporting.get("/readyz")
    assert (ready.status, await ready.json()) == (200, {"status": "ready"})


async def test_it_is_not_ready_when_nobody_looked_at_the_store_for_a_minute(
    exporting: Client, evaluator: StandIn
) -> None:
    evaluator.reader.refreshed_at = NOW - 61
    stale = await exporting.get("/readyz")
    assert (stale.status, await stale.json()) == (
        503,
        {
            "error": "Service Unavailable",
            "message": "bugs not compared with the store since 2023-11-17T05:45:39+00:00",
        },
    )


async def test_metrics_count_requests_by_route_and_show_the_frames(
    client: Client, evaluator: StandIn
) -> None:
    table = EventTable(evaluator.reader.world.context)
    table.apply([pushed(seq) for seq in range(12)])
    evaluator.reader.world = replace(evaluator.reader.world, events=table.snapshot())
    evaluator.reader.refreshed_at = NOW - 30
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
        'engmetrics_frame_rows{topic="bugs"} 0.0',
        'engmetrics_frame_rows{topic="events"} 12.0',
        'engmetrics_frame_age_seconds{topic="events"} 30.0',
    ):
        assert line in page.splitlines(), page
    assert "secret-token" not in page
    evaluator.reader.refreshed_at = None
    assert "frame_age_seconds{" not in await (await client.get("/metrics")).text()


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


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/graphite/render", {"target": "@a#b"}),
        ("/graphite/metrics/find", {"query": "*"}),
        ("/graphite/metrics/expand", {"query": "*"}),
        ("/api/v1/grafana/render", {"target": "@a#b", "from": "1", "until": "2"}),
        ("/api/v1/grafana/metrics/find", {"query": "*"}),
    ],
)
async def test_a_failure_of_ours_is_a_500_that_tells_nothing_and_one_trace_in_the_log(
    client: Client,
    evaluator: StandIn,
    caplog: pytest.LogCaptureFixture,
    path: str,
    params: dict[str, str],
) -> None:
    evaluator.failure = RuntimeError("secret detail")
    answer = await client.get(path, params=params)
    assert (answer.status, await answer.json()) == (
        500,
        {"error": "Internal Server Error", "message": "the server failed; its log says why"},
    )
    (line,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert line.message == "request failed"
    assert line.exc_info is not None
    assert line.exc_info[1] is evaluator.failure


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


@pytest.mark.parametrize(
    "character", ["\n", "\r", "\x0b", "\x1c", "\x7f", "\x85", "\x9b", "\u2028", "\u2029"]
)
@pytest.mark.parametrize("formatter", [KeyValueFormatter(), JsonFormatter()])
def test_no_character_in_a_value_begins_a_line_or_reaches_the_terminal(
    formatter: logging.Formatter, character: str
) -> None:
    forged = f"a{character}time=2026 level=error"
    line = formatter.format(logging.makeLogRecord({"msg": forged, "reason": forged}))
    assert character not in line
    assert len(line.splitlines()) == 1
    if isinstance(formatter, JsonFormatter):
        assert json.loads(line)["reason"] == forged
    else:
        assert json.loads(line.partition(" reason=")[2]) == forged


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
