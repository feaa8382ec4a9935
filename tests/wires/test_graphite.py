"""Graphite's wire: every call of Grafana 9.4 to 13, as recorded from its code."""

from __future__ import annotations

import pytest
from yarl import URL

from metrics_api.core.errors import BadRequest
from metrics_api.graphite import instant
from tests.wires.conftest import Client
from tests.wires.stand_in import StandIn

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
NOW = 1_700_200_000


@pytest.mark.parametrize(
    ("body", "asked", "suffix"),
    [
        (
            "target=%40tapd%23bugs%23change%23daily%2Fproduct%3D%7BA%2CB%7D%2Cversion%3Dv1.0.0"
            "&from=1795281979&until=1795303581&format=json&maxDataPoints=500",
            "@tapd#bugs#change#daily/product={A,B},version=v1.0.0",
            "",
        ),
        (
            "target=aliasSub(%40tapd%23bugs%23change%23daily%2Fproduct%3D%7BA%2CB%7D%2Cversion%3Dv1.0.0"
            "%2C%20%22(%5E.*%24)%22%2C%20%22%5C1%20A%22)&from=1795281979&until=1795303581&format=json",
            "@tapd#bugs#change#daily/product={A,B},version=v1.0.0",
            " A",
        ),
        (
            "format=json&from=1795281979&maxDataPoints=500&target=aliasSub%28%40tapd%23bugs%23change%23daily"
            "%2Fproduct%3DA%2C%22%28%5E.%2A%24%29%22%2C%22%5C1+My_query%22%29&until=1795303581",
            "@tapd#bugs#change#daily/product=A",
            " My_query",
        ),
    ],
)
async def test_panels_and_alerts_get_names_with_the_letter_of_their_query(
    client: Client, evaluator: StandIn, body: str, asked: str, suffix: str
) -> None:
    answer = await client.post("/graphite/render", data=body, headers=FORM)
    assert answer.status == 200
    assert await answer.json() == [
        {
            "target": f"created.bugs.change.daily{suffix}",
            "tags": {"name": "tapd.bugs.change.daily", "series": "created", "product": "A"},
            "datapoints": [[5, 1700000000], [None, 1700086400], [0.5, 1700172800]],
        },
        {
            "target": f"closed.bugs.change.daily{suffix}",
            "tags": {"series": "closed"},
            "datapoints": [[2, 1700000000]],
        },
    ]
    assert b"[5,1700000000]" in await answer.read()
    assert evaluator.asked == [("render", [asked], 1795281979, 1795303581, "anyone")]


async def test_two_wrapped_queries_of_one_panel_keep_their_own_letters(client: Client) -> None:
    targets = [
        ("target", 'aliasSub(@tapd#product#version#bugs, "(^.*$)", "\\1 B")'),
        ("target", 'aliasSub(cpu, "(^.*$)", "\\1 C")'),
        ("target", 'aliasSub(constantLine(7), "(^.*$)", "\\1 D")'),
        ("target", "@tapd#bugs#backlog#daily/product=nobody"),
    ]
    answer = await client.get("/graphite/render", params=[*targets, ("from", "100"), ("until", "200")])
    assert await answer.json() == [
        {
            "target": "产品 A.product.version.bugs B",
            "tags": {},
            "datapoints": [[3, 1700000000]],
        },
        {
            "target": "7.0 D",
            "tags": {"name": "constantLine"},
            "datapoints": [[7, 100], [7, 150], [7, 200]],
        },
        {
            "target": "all.bugs.backlog.daily",
            "tags": {"product": "nobody"},
            "datapoints": [],
        },
    ]
    assert answer.headers["X-Engmetrics-Skipped"].startswith("a target starts with")


@pytest.mark.parametrize(
    ("target", "name"),
    [("constantLine(100)", "100.0"), ('aliasSub(constantLine(100), "(^.*$)", "\\1 A")', "100.0 A")],
)
async def test_save_and_test_succeeds(client: Client, evaluator: StandIn, target: str, name: str) -> None:
    body = {"target": target, "from": "-1h", "until": "now", "format": "json", "maxDataPoints": "300"}
    answer = await client.post("/graphite/render", data=body)
    (row,) = await answer.json()
    assert row["target"] == name
    assert row["datapoints"] == [[100, NOW - 3600], [100, NOW - 1800], [100, NOW]]
    assert evaluator.asked == []


async def test_no_target_is_no_data_and_the_last_day_is_asked_for_without_times(
    client: Client, evaluator: StandIn
) -> None:
    assert await (await client.post("/graphite/render")).json() == []
    await client.post("/graphite/render/", json={"target": "@tapd#bugs#change#daily"})
    assert evaluator.asked == [("render", ["@tapd#bugs#change#daily"], NOW - 86400, NOW, "anyone")]


@pytest.mark.parametrize(
    ("text", "epoch"),
    [
        ("1795282226", 1795282226),
        ("1795282226.9", 1795282226),
        ("-5", -5),
        ("now", NOW),
        ("-6h", NOW - 21600),
        ("-30min", NOW - 1800),
        ("-30m", NOW - 1800),
        ("now-1d", NOW - 86400),
        ("now+1d", NOW + 86400),
        ("-1mon", NOW - 30 * 86400),
        ("-1M", NOW - 30 * 86400),
        ("-2weeks", NOW - 14 * 86400),
        ("-1y", NOW - 365 * 86400),
        ("now-1d-6h", NOW - 86400 - 21600),
        ("-10s", NOW - 10),
        ("9" * 19, 2**53),
    ],
)
def test_times_are_read_as_grafana_writes_them(text: str, epoch: int) -> None:
    assert instant("from", text, NOW + 0.7) == epoch


@pytest.mark.parametrize(
    "text",
    ["", "undefined", "yesterday", "-6parsecs", "nan", "inf", "1e9", "6h", "9" * 500, "-1d" * 500],
)
def test_what_is_no_time_is_refused_in_words(text: str) -> None:
    with pytest.raises(BadRequest, match="is not a time: give epoch seconds, now, or an offset such as -6h"):
        instant("from", text, NOW)


async def test_bad_render_parameters_are_a_400_with_a_message(client: Client) -> None:
    for params, words in (
        ({"target": "@tapd#bugs", "from": "undefined"}, "from='undefined' is not a time"),
        (
            {"target": "@tapd#bugs", "format": "png"},
            "format='png' is not offered: this API draws no pictures",
        ),
    ):
        answer = await client.post("/graphite/render", data=params)
        assert answer.status == 400
        assert (await answer.json())["message"].startswith(words)


@pytest.mark.parametrize(
    ("body", "query"),
    [
        # Grafana's front end does not encode.
        ("query=$bugversion=R&D C++", "$bugversion=R&D C++"),
        ("query=$bugversion=100%", "$bugversion=100%"),
        ("query=$bugversion=50%20x", "$bugversion=50%20x"),
        ("query=$bugversion=产品A", "$bugversion=产品A"),
        ("query=$bugversion=a&from=1", "$bugversion=a&from=1"),
        ("query=@tapd#bugs", "@tapd#bugs"),
        ("query=R&D", "R&D"),
        ("query=100%", "100%"),
        ("query=a b", "a b"),
        ("query=tapd.bugs.*", "tapd.bugs.*"),
        ("query=*", "*"),
        ("query=", ""),
        ("", ""),
        # Grafana's Go side and scripts do.
        ("query=%24bugversion%3DR%26D+C%2B%2B", "$bugversion=R&D C++"),
        ("query=%24bugversion%3D%E4%BA%A7%E5%93%81A", "$bugversion=产品A"),
        ("query=%24product&from=1&until=undefined", "$product"),
        ("query=%2Aprefix%2A", "*prefix*"),
        ("from=1&query=%24product", "$product"),
    ],
)
async def test_find_bodies_are_read_raw_or_encoded_as_they_look(
    client: Client, evaluator: StandIn, body: str, query: str
) -> None:
    url = "/graphite/metrics/find?from=1795282023&until=undefined"
    answer = await client.post(url, data=body.encode(), headers=FORM)
    assert answer.status == 200
    assert evaluator.asked == [("find", query)]


async def test_find_takes_json_multipart_and_the_query_string(client: Client, evaluator: StandIn) -> None:
    await client.post("/graphite/metrics/find", json={"query": "$bugversion=R&D"})
    await client.get("/graphite/metrics/find/", params={"query": "$bugversion=R&D"})
    await client.get(URL("/graphite/metrics/find?query=@tapd#bugs", encoded=True))
    multipart = "--x\r\nContent-Disposition: form-data; name=query\r\n\r\n$bugversion=R&D\r\n--x--"
    headers = {"Content-Type": 'multipart/form-data; boundary="x"'}
    await client.post("/graphite/metrics/find", data=multipart, headers=headers)
    assert [call[1] for call in evaluator.asked if call[1] != "@tapd"] == ["$bugversion=R&D"] * 3


async def test_find_flags_are_integers_for_grafanas_go_side(client: Client) -> None:
    answer = await client.post("/graphite/metrics/find", data="query=*", headers=FORM)
    assert await answer.read() == (
        b'[{"text":"gitlab","id":"gitlab","allowChildren":1,"expandable":1,"leaf":0},'
        b'{"text":"tapd","id":"tapd","allowChildren":1,"expandable":1,"leaf":0}]'
    )
    leaves = await client.post("/graphite/metrics/find", data="query=$product", headers=FORM)
    assert (await leaves.json())[0] == {
        "text": "A",
        "id": "A",
        "allowChildren": 0,
        "expandable": 0,
        "leaf": 1,
    }
    nothing = await client.post("/graphite/metrics/find", data="query=$Product", headers=FORM)
    assert await nothing.read() == b"[]"


async def test_expand_lists_the_texts_alone(client: Client) -> None:
    for answer in (
        await client.get("/graphite/metrics/expand", params={"query": "$product", "from": "1", "until": "2"}),
        await client.post("/graphite/metrics/expand/", data={"query": "$product"}),
    ):
        assert await answer.json() == {"results": ["A", "B", "R&D #1"]}


async def test_events_are_typed_as_the_go_side_wants_them(client: Client, evaluator: StandIn) -> None:
    answer = await client.get("/graphite/events/get_data?from=-6h&until=now&tags=release+A")
    assert await answer.json() == [
        {
            "id": 7,
            "when": 1700000000,
            "what": "v1.0.0 released",
            "data": "by 产品A",
            "tags": ["release", "A"],
        }
    ]
    assert evaluator.asked == [("annotations", NOW - 21600, NOW, ["release", "A"])]


async def test_what_the_editor_asks_for_is_answered_with_nothing(client: Client) -> None:
    for path, expected in (
        ("/graphite/functions", b"{}"),
        ("/graphite/functions/", b"{}"),
        ("/graphite/tags/autoComplete/tags?expr=a&tagPrefix=&limit=10000", b"[]"),
        ("/graphite/tags/autoComplete/values?tag=name&limit=10000", b"[]"),
        ("/graphite/version", b"1.1.10"),
        ("/graphite/version/", b"1.1.10"),
    ):
        answer = await client.get(path)
        assert (answer.status, await answer.read()) == (200, expected)
