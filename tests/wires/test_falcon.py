"""The falcon-plus wire: what the plugin sends and what it gets, byte for byte."""

from __future__ import annotations

import math

import pytest
from yarl import URL

from metrics_api.falcon import encode_series
from metrics_api.series import Series
from tests.wires.conftest import Client
from tests.wires.stand_in import StandIn

PREFIX = "/api/v1/grafana"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

CREATED = (
    b'{"endpoint":"created","counter":"bugs.change.daily","dstype":"GAUGE","step":86400,"Values":'
    b'[{"timestamp":1700000000,"value":5},{"timestamp":1700086400,"value":null},'
    b'{"timestamp":1700172800,"value":0.5}]}'
)
CLOSED = (
    b'{"endpoint":"closed","counter":"bugs.change.daily","dstype":"GAUGE","step":86400,"Values":'
    b'[{"timestamp":1700000000,"value":2}]}'
)
NOBODY = b'{"endpoint":"all","counter":"bugs.backlog.daily","dstype":"GAUGE","step":86400,"Values":[]}'
DAILY_ROWS = b"[" + CREATED + b"," + CLOSED + b"]"


async def test_the_plugins_form_with_two_targets_gives_their_rows_in_order(
    client: Client, evaluator: StandIn
) -> None:
    body = (
        "target=%40tapd%23product%23version%23bugs%2Fproduct%3D%7BA%2CB%7D"
        "&target=%40tapd%23bugs%23change%23daily%2Fproduct%3D%7BA%2CB%7D%2Cversion%3D%7Bv1.0.0%2Cv1.1.0%7D"
        "&from=1795282226&until=1795303826&format=json&maxDataPoints=500"
    )
    answer = await client.post(f"{PREFIX}/render", data=body, headers=FORM)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    rows = await answer.json()
    assert [row["endpoint"] + "." + row["counter"] for row in rows] == [
        "产品 A.product.version.bugs",
        "created.bugs.change.daily",
        "closed.bugs.change.daily",
    ]
    assert evaluator.asked == [
        (
            "render",
            [
                "@tapd#product#version#bugs/product={A,B}",
                "@tapd#bugs#change#daily/product={A,B},version={v1.0.0,v1.1.0}",
            ],
            1795282226,
            1795303826,
            "anyone",
        )
    ]


@pytest.mark.parametrize("path", [f"{PREFIX}/render", f"{PREFIX}/render/"])
async def test_get_form_multipart_and_json_say_the_same(client: Client, path: str) -> None:
    fields = {"target": "@tapd#bugs#change#daily", "from": "1700000000", "until": "1700200000"}
    multipart = (
        b'--b0\r\nContent-Disposition: form-data; name="target"\r\n\r\n@tapd#bugs#change#daily\r\n'
        b'--b0\r\nContent-Disposition: form-data; name="from"\r\n\r\n1700000000\r\n'
        b'--b0\r\nContent-Disposition: form-data; name="until"\r\n\r\n1700200000\r\n--b0--\r\n'
    )
    numbers = {"target": ["@tapd#bugs#change#daily"], "from": 1700000000, "until": 1700200000}
    answers = [
        await client.get(path, params=fields),
        await client.post(path, data=fields),
        await client.post(path, data=multipart, headers={"Content-Type": "multipart/form-data; boundary=b0"}),
        await client.post(path, json=numbers),
        await client.post(path, json=fields),
    ]
    assert [answer.status for answer in answers] == [200] * 5
    assert {await answer.read() for answer in answers} == {DAILY_ROWS}


async def test_a_known_metric_without_points_is_a_row_with_empty_values(client: Client) -> None:
    answer = await client.get(
        f"{PREFIX}/render",
        params={"target": "@tapd#bugs#backlog#daily/product=nobody", "from": 1, "until": 2},
    )
    assert await answer.read() == b"[" + NOBODY + b"]"
    assert "X-Engmetrics-Skipped" not in answer.headers


async def test_a_target_that_cannot_be_answered_is_skipped_and_the_reason_is_in_a_header(
    client: Client,
) -> None:
    params = [("target", "@tapd#产品"), ("target", "@tapd#bugs#change#daily"), ("target", "cpu;x%\r\n")]
    answer = await client.get(f"{PREFIX}/render", params=[*params, ("from", "1"), ("until", "2")])
    assert await answer.read() == DAILY_ROWS
    assert answer.headers["X-Engmetrics-Skipped"] == (
        'unknown metric tapd.%E4%BA%A7%E5%93%81; a target starts with "@", as in '
        "@tapd#bugs#change#daily/product=A,version={v1.0.0,v1.1.0}: got 'cpu%3Bx%25'"
    )


async def test_a_header_of_many_reasons_stays_short(client: Client) -> None:
    params = [("target", f"cpu{number}") for number in range(300)]
    answer = await client.post(f"{PREFIX}/render", data=dict(params[:1]) | {"from": "1", "until": "2"})
    assert answer.headers["X-Engmetrics-Skipped"].startswith("a target starts with")
    body = "&".join(f"target=cpu{number}" for number in range(300)) + "&from=1&until=2"
    answer = await client.post(f"{PREFIX}/render", data=body, headers=FORM)
    assert await answer.json() == []
    assert len(answer.headers["X-Engmetrics-Skipped"]) < 2200
    assert answer.headers["X-Engmetrics-Skipped"].endswith(" more")


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"from": "1", "until": "2"}, "target is missing"),
        ({"target": "@a#b", "until": "2"}, "from is missing"),
        ({"target": "@a#b", "from": "1"}, "until is missing"),
        ({"target": "@a#b", "from": "0", "until": "2"}, "from=0 counts as missing"),
        ({"target": "@a#b", "from": "-1h", "until": "2"}, "from takes epoch seconds"),
        ({"target": "@a#b", "from": "1.5", "until": "2"}, "from takes epoch seconds"),
        ({"target": "@a#b", "from": "1", "until": "now"}, "until takes epoch seconds"),
        ({"target": "@a#b", "from": "1", "until": "9" * 30}, "until takes epoch seconds"),
        ({"target": "@a#b", "from": "1", "until": "2", "format": "png"}, "format='png' is not offered"),
    ],
)
async def test_bad_render_parameters_are_a_400_in_words(
    client: Client, params: dict[str, str], words: str
) -> None:
    for answer in (
        await client.get(f"{PREFIX}/render", params=params),
        await client.post(f"{PREFIX}/render", data=params),
        await client.post(f"{PREFIX}/render", json=params),
    ):
        assert answer.status == 400
        assert answer.content_type == "application/json"
        document = await answer.json()
        assert document["error"] == "Bad Request"
        assert document["message"].startswith(words)


@pytest.mark.parametrize(
    ("asked", "query"),
    [
        ("", ""),
        ("?query=", ""),
        ("?query=%24product", "$product"),
        ("?query=%24bugversion%3DR%26D%20%231", "$bugversion=R&D #1"),
        ("?query=%24bugversion%3D%7BA%2CB%7D", "$bugversion={A,B}"),
        ("?query=%24bugversion%3D%E4%BA%A7%E5%93%81A", "$bugversion=产品A"),
        ("?query=seg0%23seg1%23.*", "seg0#seg1#.*"),
        ("?query=$bugversion={A,B}&limit=10", "$bugversion={A,B}"),
    ],
)
@pytest.mark.parametrize("path", [PREFIX, f"{PREFIX}/", f"{PREFIX}/metrics/find", f"{PREFIX}/metrics/find/"])
async def test_the_plugins_variable_queries_arrive_as_typed(
    client: Client, evaluator: StandIn, path: str, asked: str, query: str
) -> None:
    answer = await client.get(URL(path + asked, encoded=True))
    assert answer.status == 200
    assert evaluator.asked == [("find", query)]


async def test_find_answers_expandable_as_a_boolean_and_never_null(client: Client) -> None:
    sources = await client.get(f"{PREFIX}/metrics/find", params={"query": ""})
    assert await sources.read() == b'[{"expandable":true,"text":"gitlab"},{"expandable":true,"text":"tapd"}]'
    nothing = await client.get(f"{PREFIX}/metrics/find", params={"query": "$Product"})
    assert await nothing.read() == b"[]"
    cut = await client.post(f"{PREFIX}/metrics/find", data={"query": "$product", "limit": "1"})
    assert await cut.read() == b'[{"expandable":false,"text":"A"}]'
    refused = await client.get(f"{PREFIX}/metrics/find", params={"limit": "x"})
    assert refused.status == 400


async def test_events_have_the_shape_the_plugin_draws(client: Client, evaluator: StandIn) -> None:
    url = URL(f"{PREFIX}/events/get_data?from=1&until=2&tags=release%20A", encoded=True)
    answer = await client.get(url)
    assert await answer.json() == [
        {"when": 1700000000, "what": "v1.0.0 released", "tags": ["release", "A"], "data": "by 产品A"}
    ]
    await client.get(f"{PREFIX}/events/get_data")
    assert evaluator.asked == [
        ("annotations", 1, 2, ["release", "A"]),
        ("annotations", 1700200000 - 86400, 1700200000, []),
    ]


async def test_browsers_on_other_origins_may_read_this_prefix_also_errors(client: Client) -> None:
    for method, path, status in (
        ("OPTIONS", f"{PREFIX}/render", 200),
        ("OPTIONS", PREFIX, 200),
        ("GET", f"{PREFIX}/metrics/find", 200),
        ("GET", f"{PREFIX}/render", 400),
        ("GET", f"{PREFIX}/nothing", 404),
    ):
        answer = await client.request(method, path, headers={"Origin": "http://grafana:3000"})
        assert answer.status == status
        assert answer.headers["Access-Control-Allow-Origin"] == "http://grafana:3000"
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        assert (await answer.read() == b"") is (method == "OPTIONS")
        assert "Origin" in answer.headers["Vary"]
    plain = await client.get("/graphite/version", headers={"Origin": "http://grafana:3000"})
    assert "Access-Control-Allow-Origin" not in plain.headers
    without = await client.options(f"{PREFIX}/render")
    assert without.status == 200
    assert "Access-Control-Allow-Origin" not in without.headers


async def test_an_unchanged_answer_is_a_304(client: Client) -> None:
    params = {"target": "@tapd#bugs#change#daily", "from": "1", "until": "2"}
    first = await client.get(f"{PREFIX}/render", params=params)
    tag = first.headers["ETag"]
    for header in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        again = await client.get(f"{PREFIX}/render", params=params, headers={"If-None-Match": header})
        assert (again.status, await again.read(), again.headers["ETag"]) == (304, b"", tag)
    other = await client.get(f"{PREFIX}/render", params=params, headers={"If-None-Match": '"x"'})
    assert other.status == 200
    posted = await client.post(f"{PREFIX}/render", data=params, headers={"If-None-Match": tag})
    assert posted.status == 200


@pytest.mark.parametrize("path", [f"{PREFIX}/render", "/graphite/render"])
async def test_a_long_answer_is_compressed_for_those_who_ask_and_stays_a_304(
    client: Client, path: str
) -> None:
    params = {"target": "@tapd#bugs#long#hourly", "from": "1", "until": "2"}
    plain = await client.get(path, params=params, headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    for accepted, coding in (("gzip, deflate", "gzip"), ("deflate", None), ("gzip;q=0", None)):
        answer = await client.get(path, params=params, headers={"Accept-Encoding": accepted})
        assert answer.headers.get("Content-Encoding") == coding
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert await answer.read() == await plain.read()
        if coding:
            assert int(answer.headers["Content-Length"]) < 50_000 < int(plain.headers["Content-Length"])
            assert answer.headers["ETag"] == "W/" + plain.headers["ETag"]
        headers = {"If-None-Match": answer.headers["ETag"], "Accept-Encoding": accepted}
        again = await client.get(path, params=params, headers=headers)
        assert (again.status, await again.read()) == (304, b"")
        assert again.headers["ETag"] == answer.headers["ETag"]
    short = await client.get(path, params=params | {"target": "@tapd#bugs#change#daily"})
    assert "Content-Encoding" not in short.headers


async def test_a_head_of_a_long_answer_has_no_body(client: Client) -> None:
    params = {"target": "@tapd#bugs#long#hourly", "from": "1", "until": "2"}
    answer = await client.head(f"{PREFIX}/render", params=params, headers={"Accept-Encoding": "gzip"})
    assert (answer.status, await answer.read()) == (200, b"")
    assert (await client.get("/healthz")).status == 200


def test_what_is_no_number_is_null_and_whole_numbers_are_ints() -> None:
    values = [math.nan, math.inf, -math.inf, None, 5.0, -0.0, 1e300, 2.0**60, 0.1]
    series = Series("e", "c", "s.c", 60, list(range(9)), values)
    assert encode_series([series]) == (
        b'[{"endpoint":"e","counter":"c","dstype":"GAUGE","step":60,"Values":['
        b'{"timestamp":0,"value":null},{"timestamp":1,"value":null},{"timestamp":2,"value":null},'
        b'{"timestamp":3,"value":null},{"timestamp":4,"value":5},{"timestamp":5,"value":0},'
        b'{"timestamp":6,"value":1e+300},{"timestamp":7,"value":1.152921504606847e+18},'
        b'{"timestamp":8,"value":0.1}]}]'
    )
