"""The replayed browser side of the Graphite datasource sends what the real one was seen to send."""

from __future__ import annotations

import aiohttp
import pytest

from tests.replay.graphite_94 import Graphite94
from tests.replay.graphite_116 import Graphite116
from tests.replay.recorder import Recorder
from tests.replay.wire import Choice, ClientError, Mark, PanelSeries, Query, TimeRange, Values

# At 20 seconds past the minute, so both ends are widened by a second.
SIX_HOURS = TimeRange(1795281980_000, 1795303580_000, "now-6h", "now")
WHOLE_MINUTES = TimeRange(1795281960_000, 1795303560_000, "now-30m", "now")
LEDGER = Query("@tapd#bugs#change#daily/product=$Product,version=$Version")
CHOSEN: dict[str, Values] = {"Product": ["A", "B"], "Version": ["v1.0.0"]}
ROW = {
    "target": "Product Alpha.bugs",
    "tags": {"name": "tapd.bugs", "series": "Product Alpha"},
    "datapoints": [[1, 1795219200], [None, 1795305600]],
}


async def test_9_4_posts_targets_as_typed(recorder: Recorder, session: aiohttp.ClientSession) -> None:
    await Graphite94(session, recorder.url + "/graphite/").panel([LEDGER], SIX_HOURS, CHOSEN)
    assert (recorder.last.method, recorder.last.path) == ("POST", "/graphite/render")
    assert recorder.last.content_type == "application/x-www-form-urlencoded"
    assert recorder.last.body == (
        "target=%40tapd%23bugs%23change%23daily%2Fproduct%3D%7BA%2CB%7D%2Cversion%3Dv1.0.0"
        "&from=1795281979&until=1795303581&format=json&maxDataPoints=500"
    )


async def test_11_6_wraps_targets_in_alias_sub(recorder: Recorder, session: aiohttp.ClientSession) -> None:
    await Graphite116(session, recorder.url).panel([LEDGER], WHOLE_MINUTES, CHOSEN)
    assert recorder.last.body == (
        "target=aliasSub(%40tapd%23bugs%23change%23daily%2Fproduct%3D%7BA%2CB%7D%2Cversion%3Dv1.0.0%2C%20"
        "%22(%5E.*%24)%22%2C%20%22%5C1%20A%22)&from=1795281960&until=1795303560&format=json&maxDataPoints=500"
    )


@pytest.mark.parametrize("client", [Graphite94, Graphite116])
async def test_find_bodies_are_not_encoded(
    recorder: Recorder, session: aiohttp.ClientSession, client: type[Graphite94]
) -> None:
    recorder.answer = [{"text": "v1", "expandable": 0}, {"text": "v2", "expandable": True}]
    time = TimeRange(1795282024_000, 1795303624_000)
    found = await client(session, recorder.url).variable("$bugversion=$Product", {"Product": "R&D C++"}, time)
    assert (recorder.last.method, recorder.last.path, recorder.last.body) == (
        "POST",
        "/metrics/find?from=1795282023&until=1795303625",
        "query=$bugversion=R&D C++",
    )
    assert found == [Choice("v1", False), Choice("v2", True)]
    await client(session, recorder.url).variable("$product")
    assert (recorder.last.path, recorder.last.body) == ("/metrics/find", "query=$product")


async def test_save_and_test_asks_for_a_constant_line_with_and_without_a_range(
    recorder: Recorder, session: aiohttp.ClientSession
) -> None:
    await Graphite94(session, recorder.url).save_and_test()
    assert [request.body for request in recorder.requests] == [
        "target=constantLine(100)&from=1795278379&until=1795281981&format=json&maxDataPoints=300",
        "target=constantLine(100)&format=json&maxDataPoints=300",
    ]
    await Graphite116(session, recorder.url).save_and_test()
    assert recorder.last.body == (
        "target=aliasSub(constantLine(100)%2C%20%22(%5E.*%24)%22%2C%20%22%5C1%20A%22)"
        "&format=json&maxDataPoints=300"
    )


def test_a_capital_after_a_hash_refers_to_another_query_in_9_4(session_free: Graphite94) -> None:
    queries = [Query("@tapd#bugs/product=C#API", "A"), Query("scale(#A)", "B"), Query("@x/product=#Z", "C")]
    assert session_free.render_body(queries, None, {}, 5) == (
        "target=%40tapd%23bugs%2Fproduct%3DC%40tapd%23bugs%2Fproduct%3DC%23APIPI"
        "&target=scale(%40tapd%23bugs%2Fproduct%3DC%40tapd%23bugs%2Fproduct%3DC%23APIPI)"
        "&target=%40x%2Fproduct%3D%23Z&format=json&maxDataPoints=5"
    )


def test_a_capital_after_a_hash_pastes_the_own_wrapped_target_in_11_6(session_free_116: Graphite116) -> None:
    body = session_free_116.render_body([Query("@t#b/product=$Product")], None, {"Product": "C#API"}, 5)
    assert body == (
        "target=aliasSub(%40t%23b%2Fproduct%3DCaliasSub(%40t%23b%2Fproduct%3DC%23API%2C%20%22(%5E.*%24)%22"
        "%2C%20%22%5C1%20A%22)PI%2C%20%22(%5E.*%24)%22%2C%20%22%5C1%20A%22)&format=json&maxDataPoints=5"
    )


def test_an_unknown_reference_breaks_the_panel_in_11_6(session_free_116: Graphite116) -> None:
    with pytest.raises(ClientError, match="reading 'replace'"):
        session_free_116.render_body([Query("@tapd#bugs/product=#Beta")], None, {}, 5)


async def test_9_4_names_series_by_their_target(recorder: Recorder, session: aiohttp.ClientSession) -> None:
    recorder.answer = {"series": [ROW]}
    assert await Graphite94(session, recorder.url).panel([LEDGER], SIX_HOURS) == [
        PanelSeries(
            "Product Alpha.bugs",
            [(1, 1795219200_000), (None, 1795305600_000)],
            None,
            {"name": "tapd.bugs", "series": "Product Alpha"},
        )
    ]


async def test_11_6_takes_the_last_word_for_the_query_whatever_it_is(
    recorder: Recorder, session: aiohttp.ClientSession
) -> None:
    client = Graphite116(session, recorder.url)
    recorder.answer = [ROW | {"target": "Product Alpha.bugs A"}]
    (right,) = await client.panel([LEDGER], SIX_HOURS)
    assert (right.name, right.ref_id) == ("Product Alpha.bugs", "A")
    recorder.answer = [ROW]
    (wrong,) = await client.panel([LEDGER], SIX_HOURS)
    assert (wrong.name, wrong.ref_id) == ("Product", None)


@pytest.mark.parametrize(
    "answer, message",
    [
        ([{"target": "a.b A"}], "reading 'length'"),
        ([{"target": "a.b A", "datapoints": [[1, "1795219200"]]}], "Invalid date"),
        ({"error": "no"}, "Missing series"),
        ('[{"target": "a.b A", "datapoints": [[NaN, 1]]}]', "NaN is no JSON"),
        ("<html></html>", "no JSON"),
    ],
)
async def test_answers_of_another_shape_are_errors(
    recorder: Recorder, session: aiohttp.ClientSession, answer: object, message: str
) -> None:
    recorder.answer = answer
    for client in (Graphite94(session, recorder.url), Graphite116(session, recorder.url)):
        with pytest.raises(ClientError, match=message):
            await client.panel([LEDGER], SIX_HOURS)


@pytest.mark.parametrize(
    "time, path",
    [
        (SIX_HOURS, "/events/get_data?from=-6h&until=now&tags=iteration%20start"),
        (WHOLE_MINUTES, "/events/get_data?from=-30min&until=now&tags=iteration%20start"),
        (
            TimeRange(1, 60_000, "now-1M", "now"),
            "/events/get_data?from=-1mon&until=now&tags=iteration%20start",
        ),
        (
            TimeRange(1795281960_000, 1795303580_000),
            "/events/get_data?from=1795281960&until=1795303581&tags=iteration%20start",
        ),
    ],
)
async def test_events_are_asked_for_by_the_raw_range(
    recorder: Recorder, session: aiohttp.ClientSession, time: TimeRange, path: str
) -> None:
    recorder.answer = [{"when": 1795282226, "what": "Sprint 1", "tags": ["iteration"], "data": "", "id": 1}]
    marks = await Graphite94(session, recorder.url).annotations_of_events("iteration start", time)
    assert recorder.last.path == path
    assert marks == [Mark(1795282226_000, "Sprint 1", ("iteration",), "")]


async def test_metric_annotations_use_the_letters_anno(
    recorder: Recorder, session: aiohttp.ClientSession
) -> None:
    recorder.answer = [ROW | {"target": "Product Alpha.bugs Anno"}]
    marks = await Graphite116(session, recorder.url).annotations_of_metric("a.b", WHOLE_MINUTES)
    assert "%5C1%20Anno%22)" in recorder.last.body
    assert recorder.last.body.endswith("&maxDataPoints=100")
    assert marks == [Mark(1795219200_000, "Product Alpha.bugs")]


def test_intervals_in_single_quotes_are_rewritten(session_free: Graphite94) -> None:
    body = session_free.render_body([Query("f('5m','5M','5d')")], None, {}, 5)
    assert body == "target=f('5min'%2C'5mon'%2C'5d')&format=json&maxDataPoints=5"


@pytest.fixture
async def session_free(session: aiohttp.ClientSession) -> Graphite94:
    return Graphite94(session, "http://localhost")


@pytest.fixture
async def session_free_116(session: aiohttp.ClientSession) -> Graphite116:
    return Graphite116(session, "http://localhost")
