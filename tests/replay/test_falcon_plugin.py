"""The replayed openfalcon plugin sends what the real one was seen to send."""

from __future__ import annotations

import aiohttp
import pytest

from tests.replay.falcon_plugin import FalconPlugin, fix_targets
from tests.replay.recorder import Recorder
from tests.replay.wire import ClientError, Mark, PanelSeries, Query, TimeRange, Values

SIX_HOURS = TimeRange(1795282226_000, 1795303826_000, "now-6h", "now")
QUERIES = [
    Query("@tapd.product.version.bugs/product=$Product", "A"),
    Query("@tapd.bugs.change.daily/product=$Product,version=$Version", "B"),
]


@pytest.mark.parametrize(
    "typed, arrives",
    [
        ("@tapd.bugs.change.daily/product=A", "@tapd#bugs#change#daily/product=A"),
        ("@x/version=v1.0.0", "@x/version=v1#0#0"),
        ("@x/build=1.2.3.4,ip=10.0.0.1", "@x/build=1.2.3.4,ip=10.0.0.1"),
        ("@x/version=v1.2.3.4.5", "@x/version=v1.2.3.4#5"),
        ("@x/version=$Version", "@x/version=$Version"),
    ],
)
def test_dots_become_hashes_except_between_four_numbers(typed: str, arrives: str) -> None:
    assert fix_targets(typed) == arrives


@pytest.mark.parametrize(
    "query, variables, path",
    [
        ("$product", {}, "/metrics/find?query=%24product"),
        ("$product", {"product": "X"}, "/metrics/find?query=X"),
        ("$product", {"Product": "X"}, "/metrics/find?query=%24product"),
        ("$bugversion=$Product", {"Product": "A"}, "/metrics/find?query=%24bugversion%3DA"),
        ("$bugversion=$Product", {"Product": "R&D #1"}, "/metrics/find?query=%24bugversion%3DR%26D%20%231"),
        ("$bugversion=$Product", {"Product": ["A", "B"]}, "/metrics/find?query=%24bugversion%3D%7BA%2CB%7D"),
        (
            "$bugversion=$Product",
            {"Product": "产品A"},
            "/metrics/find?query=%24bugversion%3D%E4%BA%A7%E5%93%81A",
        ),
        ("$bugversion=${Product:csv}", {"Product": ["A", "B"]}, "/metrics/find?query=%24bugversion%3DA%2CB"),
        ("*", {}, "/metrics/find?query="),
    ],
)
async def test_variable_queries_go_out_as_recorded(
    recorder: Recorder,
    session: aiohttp.ClientSession,
    query: str,
    variables: dict[str, Values],
    path: str,
) -> None:
    await FalconPlugin(session, recorder.url).variable(query, variables)
    assert (recorder.last.method, recorder.last.path) == ("GET", path)


async def test_save_and_test_asks_for_an_empty_query(
    recorder: Recorder, session: aiohttp.ClientSession
) -> None:
    await FalconPlugin(session, recorder.url + "/api/v1/grafana").save_and_test()
    assert recorder.last.path == "/api/v1/grafana/metrics/find?query="


@pytest.mark.parametrize(
    "variables, targets",
    [
        (
            {"Product": "A", "Version": "v1.0.0"},
            "target=%40tapd%23product%23version%23bugs%2Fproduct%3DA"
            "&target=%40tapd%23bugs%23change%23daily%2Fproduct%3DA%2Cversion%3Dv1.0.0",
        ),
        (
            {"Product": ["A", "B"], "Version": ["v1.0.0", "v1.1.0"]},
            "target=%40tapd%23product%23version%23bugs%2Fproduct%3D%7BA%2CB%7D"
            "&target=%40tapd%23bugs%23change%23daily%2Fproduct%3D%7BA%2CB%7D%2Cversion%3D%7Bv1.0.0%2Cv1.1.0%7D",
        ),
    ],
)
async def test_a_panel_posts_the_recorded_form(
    recorder: Recorder, session: aiohttp.ClientSession, variables: dict[str, Values], targets: str
) -> None:
    await FalconPlugin(session, recorder.url).panel(QUERIES, SIX_HOURS, variables)
    assert (recorder.last.method, recorder.last.path) == ("POST", "/render")
    assert recorder.last.content_type == "application/x-www-form-urlencoded"
    assert recorder.last.body == targets + "&from=1795282226&until=1795303826&format=json&maxDataPoints=500"


async def test_the_get_variant_has_the_form_in_its_query_and_rounds_seconds_up(
    recorder: Recorder, session: aiohttp.ClientSession
) -> None:
    plugin = FalconPlugin(session, recorder.url, render_method="GET")
    await plugin.panel([Query("a.b/x=产"), Query("c", hide=True)], TimeRange(1001, 2999), {}, 10)
    assert (
        recorder.last.path
        == "/render?target=a%23b%2Fx%3D%E4%BA%A7&from=2&until=3&format=json&maxDataPoints=10"
    )


async def test_a_panel_without_a_visible_query_asks_nothing(
    recorder: Recorder, session: aiohttp.ClientSession
) -> None:
    assert await FalconPlugin(session, recorder.url).panel([Query("a", hide=True)], SIX_HOURS) == []
    assert recorder.requests == []


async def test_rows_without_values_are_dropped_and_names_join_endpoint_and_counter(
    recorder: Recorder, session: aiohttp.ClientSession
) -> None:
    recorder.answer = [
        {"endpoint": "closed", "counter": "bugs.change.daily", "values": []},
        {
            "endpoint": "created",
            "counter": "bugs.change.daily",
            "dstype": "GAUGE",
            "step": 86400,
            "Values": [{"timestamp": 1506698040, "value": 3.0}, {"timestamp": 1506784440, "value": None}],
        },
    ]
    series = await FalconPlugin(session, recorder.url).panel(QUERIES, SIX_HOURS)
    assert series == [
        PanelSeries("created.bugs.change.daily", [(3.0, 1506698040_000), (None, 1506784440_000)])
    ]


async def test_an_annotation_metric_that_answers_nothing_crashes_the_plugin(
    recorder: Recorder, session: aiohttp.ClientSession
) -> None:
    plugin = FalconPlugin(session, recorder.url)
    with pytest.raises(ClientError, match="reading 'length'"):
        await plugin.annotations_of_metric("@tapd.bugs.change.daily", SIX_HOURS)
    assert recorder.last.body.endswith("&maxDataPoints=100")
    recorder.answer = [{"endpoint": "a", "counter": "b", "Values": []}]
    assert await plugin.annotations_of_metric("@tapd.bugs.change.daily", SIX_HOURS) == []


async def test_event_annotations_send_tags_unencoded_but_for_what_a_browser_encodes(
    recorder: Recorder, session: aiohttp.ClientSession
) -> None:
    recorder.answer = [{"when": 1795282226, "what": "Sprint 1 starts", "tags": "iteration start", "data": ""}]
    marks = await FalconPlugin(session, recorder.url).annotations_of_events("iteration start", SIX_HOURS)
    assert recorder.last.path == "/events/get_data?from=1795282226&until=1795303826&tags=iteration%20start"
    assert marks == [Mark(1795282226_000, "Sprint 1 starts", ("iteration", "start"), "")]


async def test_an_error_status_and_a_nan_are_errors(
    recorder: Recorder, session: aiohttp.ClientSession
) -> None:
    plugin = FalconPlugin(session, recorder.url)
    recorder.answer = '[{"endpoint": "a", "counter": "b", "Values": [{"timestamp": 1, "value": NaN}]}]'
    with pytest.raises(ClientError, match="NaN is no JSON"):
        await plugin.panel(QUERIES, SIX_HOURS)
    recorder.answer, recorder.status = {"error": "bad"}, 400
    with pytest.raises(ClientError, match="status 400"):
        await plugin.variable("$product")
