"""The replayed server side of the Graphite datasource asks as Go does and is as strict as Go."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from tests.replay.graphite_go import GraphiteGo, GraphiteGo122, GraphiteGoWrapped
from tests.replay.recorder import Recorder
from tests.replay.wire import Choice, ClientError, Mark, PanelSeries, Query, TimeRange

HOURS = TimeRange(1795281979_900, 1795303580_100, "now-6h", "now")
BUGS = Query("@tapd#bugs/product=A")
ROW: dict[str, Any] = {
    "target": "all.bugs",
    "tags": {"name": "tapd.bugs", "product": "A", "weight": 3},
    "datapoints": [[1.5, 1795219200], [None, 1795305600]],
}


async def test_9_4_wraps_without_a_space_and_sorts_the_form(
    recorder: Recorder, session: aiohttp.ClientSession
) -> None:
    await GraphiteGoWrapped(session, recorder.url).panel([BUGS], HOURS, max_data_points=900)
    assert (recorder.last.method, recorder.last.path) == ("POST", "/render")
    assert recorder.last.body == (
        "format=json&from=1795281979&maxDataPoints=500"
        "&target=aliasSub%28%40tapd%23bugs%2Fproduct%3DA%2C%22%28%5E.%2A%24%29%22%2C%22%5C1+A%22%29"
        "&until=1795303580"
    )


async def test_9_4_asks_for_all_queries_at_once_and_the_newest_one_by_one(
    recorder: Recorder, session: aiohttp.ClientSession
) -> None:
    queries = [BUGS, Query("@x/a=b c", "B")]
    await GraphiteGoWrapped(session, recorder.url).panel(queries, HOURS)
    assert [request.body.count("target=") for request in recorder.requests] == [2]
    recorder.requests.clear()
    await GraphiteGo(session, recorder.url).panel(queries, HOURS, max_data_points=900)
    assert [request.body for request in recorder.requests] == [
        "format=json&from=1795281979&maxDataPoints=900&target=%40tapd%23bugs%2Fproduct%3DA&until=1795303580",
        "format=json&from=1795281979&maxDataPoints=900&target=%40x%2Fa%3Db+c&until=1795303580",
    ]


async def test_find_bodies_are_encoded(recorder: Recorder, session: aiohttp.ClientSession) -> None:
    recorder.answer = [{"text": "v1", "id": "v1", "allowChildren": 0, "expandable": 0, "leaf": 1}]
    found = await GraphiteGo(session, recorder.url).variable("$bugversion=$Product", {"Product": "R&D C++"})
    assert (recorder.last.method, recorder.last.path, recorder.last.body) == (
        "POST",
        "/metrics/find",
        "query=%24bugversion%3DR%26D+C%2B%2B",
    )
    assert found == [Choice("v1", False)]
    await GraphiteGo122(session, recorder.url).variable("$product")
    assert recorder.last.path == "/metrics/find?from=undefined&until=undefined"


async def test_an_empty_find_is_refused_before_it_is_sent(
    recorder: Recorder, session: aiohttp.ClientSession
) -> None:
    with pytest.raises(ClientError, match="query is required"):
        await GraphiteGo(session, recorder.url).variable("")
    assert recorder.requests == []


@pytest.mark.parametrize(
    "item",
    [
        {"text": "v1", "expandable": True},
        {"text": "v1", "leaf": 1.5},
        {"text": "v1", "id": 7},
        {"text": 1},
        "v1",
    ],
)
async def test_find_answers_of_the_wrong_type_fail_as_a_whole(
    recorder: Recorder, session: aiohttp.ClientSession, item: object
) -> None:
    recorder.answer = [{"text": "fine"}, item]
    with pytest.raises(ClientError, match="cannot unmarshal"):
        await GraphiteGo(session, recorder.url).variable("$product")


async def test_the_health_check_asks_for_a_constant_line(
    recorder: Recorder, session: aiohttp.ClientSession
) -> None:
    await GraphiteGo(session, recorder.url).save_and_test()
    assert recorder.last.body == (
        "format=json&from=1795278380&maxDataPoints=100&target=constantLine%28100%29&until=1795281980"
    )


async def test_9_4_needs_the_letter_behind_the_name(
    recorder: Recorder, session: aiohttp.ClientSession
) -> None:
    client = GraphiteGoWrapped(session, recorder.url)
    recorder.answer = [ROW | {"target": "all.bugs A"}]
    assert await client.panel([BUGS], HOURS) == [
        PanelSeries(
            "all.bugs",
            [(1.5, 1795219200_000), (None, 1795305600_000)],
            "A",
            {"name": "tapd.bugs", "product": "A", "weight": "3"},
        )
    ]
    recorder.answer = [ROW]
    with pytest.raises(ClientError, match=r"invalid target format: all\.bugs"):
        await client.panel([BUGS], HOURS)


async def test_the_newest_takes_names_as_they_are_and_rewrites_the_name_label(
    recorder: Recorder, session: aiohttp.ClientSession
) -> None:
    recorder.answer = [ROW | {"target": "all.bugs;x=y"}]
    (series,) = await GraphiteGo(session, recorder.url).panel([BUGS], HOURS)
    assert (series.name, series.ref_id, series.labels["name"]) == ("all.bugs;x=y", "A", "all.bugs")


@pytest.mark.parametrize(
    "row, message",
    [
        (ROW | {"datapoints": [[1, None]]}, "failed to parse data point timestamp"),
        (ROW | {"datapoints": [[1, "1795219200"]]}, "cannot unmarshal"),
        (ROW | {"datapoints": [["1", 1795219200]]}, "cannot unmarshal"),
        (ROW | {"target": None, "tags": [1]}, "cannot unmarshal"),
        (ROW | {"target": 5}, "cannot unmarshal"),
    ],
)
async def test_render_answers_of_the_wrong_type_fail(
    recorder: Recorder, session: aiohttp.ClientSession, row: object, message: str
) -> None:
    recorder.answer = [row]
    with pytest.raises(ClientError, match=message):
        await GraphiteGo(session, recorder.url).panel([BUGS], HOURS)


async def test_an_alert_needs_series_with_distinct_labels(
    recorder: Recorder, session: aiohttp.ClientSession
) -> None:
    recorder.answer = [ROW | {"target": "a A", "tags": {}}, ROW | {"target": "b A", "tags": {}}]
    with pytest.raises(ClientError, match=r"duplicate results with labels \{\}"):
        await GraphiteGoWrapped(session, recorder.url).alert(BUGS, HOURS)


async def test_events_are_strict(recorder: Recorder, session: aiohttp.ClientSession) -> None:
    client = GraphiteGo(session, recorder.url)
    event = {"when": 1795282226, "what": "Sprint 1", "tags": ["iteration"], "data": "x", "id": 1}
    recorder.answer = [event]
    assert await client.annotations_of_events("a b", HOURS) == [
        Mark(1795282226_000, "Sprint 1", ("iteration",), "x")
    ]
    assert recorder.last.path == "/events/get_data?from=-6h&tags=a+b&until=now"
    for wrong in ({"tags": "iteration"}, {"when": 1.5}, {"data": 3}, {"tags": [1]}):
        recorder.answer = [event | wrong]
        with pytest.raises(ClientError, match="cannot unmarshal"):
            await client.annotations_of_events("", HOURS)
