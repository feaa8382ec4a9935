"""What may go wrong at TAPD, over real sockets; the numbers are those of the list of demands."""

import asyncio
import time

import aiohttp
import pytest

from simulator import Company, FaultKind, Running, TapdAccount, running


@pytest.mark.parametrize("data", ["", {}])
async def test_06_both_forms_of_too_many_requests_can_be_armed_and_end(servers: Running, tapd, data) -> None:
    servers.tapd.faults.arm(FaultKind.RATE_LIMIT_STATUS, path="/bugs", data=data)
    servers.tapd.faults.arm(FaultKind.RATE_LIMIT_BODY, path="/bugs", data=data)
    info = "To many requests, api account demo-account max request rates is 6000req/1min"
    for http in (429, 200):
        status, headers, body = await tapd.full("/bugs", workspace_id="991")
        assert status == http
        assert body["status"] == 429
        assert (body["data"], body["info"]) == (data, info)
        assert "Retry-After" not in headers
    status, headers, body = await tapd.full("/bugs", workspace_id="991")
    assert (status, body["status"], headers["X-RateLimit-Limit"]) == (200, 1, "6000")
    assert int(headers["X-RateLimit-Remaining"]) == 5997
    servers.tapd.faults.assert_spent()


async def test_06_the_quota_refuses_with_429_until_its_window_has_passed(by_hand: Company, session) -> None:
    headers = {"Authorization": f"Bearer {TapdAccount().token}"}
    async with running(by_hand, tapd_quota=3, quota_window_s=0.4) as servers:
        statuses, left = [], []
        for _ in range(5):
            async with session.get(f"{servers.tapd_url}/quickstart/testauth", headers=headers) as response:
                statuses.append(response.status)
                left.append(response.headers["X-RateLimit-Remaining"])
        assert (statuses, left) == ([200, 200, 200, 429, 429], ["2", "1", "0", "0", "0"])
        assert servers.tapd.quota.refused == 2
        await asyncio.sleep(0.45)
        async with session.get(f"{servers.tapd_url}/quickstart/testauth", headers=headers) as response:
            assert response.status == 200


async def test_07_bursts_of_errors_last_as_long_as_armed_and_may_ask_for_big_limits(servers, tapd) -> None:
    servers.tapd.faults.arm(FaultKind.SERVER_ERROR, path="/bugs", times=2, status=502, limit_at_least=100)
    statuses = []
    for limit in ("30", "200", "100", "200"):
        async with tapd.session.get(
            f"{tapd.url}/bugs", params={"workspace_id": "991", "limit": limit}, headers=tapd.headers
        ) as response:
            statuses.append(response.status)
    assert statuses == [200, 502, 502, 200]
    assert servers.tapd.counters.by_status == {200: 2, 502: 2}


async def test_07_html_truncated_json_resets_and_slowness_reach_the_client(servers: Running, tapd) -> None:
    faults = servers.tapd.faults
    faults.arm(FaultKind.HTML, status=200)
    faults.arm(FaultKind.TRUNCATED)
    faults.arm(FaultKind.RESET)
    url, query = f"{tapd.url}/bugs", {"workspace_id": "991"}
    async with tapd.session.get(url, params=query, headers=tapd.headers) as response:
        assert (response.status, response.content_type) == (200, "text/html")
    async with tapd.session.get(url, params=query, headers=tapd.headers) as response:
        text = await response.text()
        assert response.status == 200
        assert text.startswith('{"status":1')
        assert not text.endswith("}")
    with pytest.raises((aiohttp.ClientPayloadError, aiohttp.ClientOSError)):
        await tapd.get("/bugs", **query)
    faults.arm(FaultKind.SLOW_FIRST_BYTE, seconds=5)
    with pytest.raises(asyncio.TimeoutError):
        async with asyncio.timeout(0.2):
            await tapd.get("/bugs", **query)
    faults.arm(FaultKind.SLOW_DRIP, seconds=0.3)
    began = time.monotonic()
    assert len(await tapd.rows("/bugs", **query)) == 7
    assert time.monotonic() - began >= 0.3
    faults.assert_spent()


async def test_08_rows_move_between_the_pages_of_one_listing(servers: Running, tapd) -> None:
    async def listing(order: str) -> list[str]:
        found = []
        for page in ("1", "2", "3", "4"):
            query = {"workspace_id": "991", "limit": "3", "page": page, "order": order}
            found += [row["id"] for row in await tapd.rows("/bugs", **query)]
        return found

    faults = servers.tapd.faults
    inserted = faults.arm(FaultKind.INSERT_AT_HEAD, path="/bugs", record={"id": "2201"})
    assert await listing("created desc") == ["1107", "1106", "1105", "1105", "1104", "1103", "1102", "1101"]
    deleted = faults.arm(FaultKind.DELETE_ROW, path="/bugs")
    assert await listing("created desc") == ["2201", "1107", "1106", "1104", "1103", "1102", "1101"]
    updated = faults.arm(FaultKind.UPDATE_ROW, path="/bugs")
    assert await listing("modified asc") == ["1101", "1102", "1103", "1105", "1106", "1107", "1101"]
    twice = faults.arm(FaultKind.DUPLICATE_ROW, path="/bugs")
    assert await listing("id asc") == ["1101", "1102", "1103", "1103", "1104", "1105", "1106", "1107"]
    assert [fault.touched for fault in (inserted, deleted, updated, twice)] == [
        ["2201"],
        ["2201"],
        ["1101"],
        ["1103"],
    ]
    faults.assert_spent()


async def test_10_types_drift_when_switched_on(servers: Running, tapd) -> None:
    servers.tapd.faults.arm(FaultKind.TYPE_DRIFT, times=None)
    rows = await tapd.rows("/bugs", workspace_id="991")
    assert {row["workspace_id"] for row in rows} == {991}
    assert {row["closed"] for row in rows} == {None, "", "0000-00-00 00:00:00"}
    assert {row["module"] for row in rows} == {None, "", "--"}
    assert rows[0]["extend_info"] == {"version": 3, "tags": []}


async def test_02_an_envelope_may_say_another_status_than_http_and_an_address_may_greet(
    servers: Running, tapd
) -> None:
    servers.tapd.faults.arm(FaultKind.ENVELOPE_STATUS, path="/bugs", status=404, data={})
    status, _, body = await tapd.full("/bugs", workspace_id="991")
    assert (status, body["status"], body["data"]) == (200, 404, {})
    servers.tapd.faults.arm(FaultKind.UNKNOWN_PATH, path="/bugs")
    _, _, body = await tapd.full("/bugs", workspace_id="991")
    assert (body["status"], body["data"][:11]) == (1, "Hello world")
    assert len(await tapd.rows("/bugs", workspace_id="991")) == 7


async def test_04_rows_may_lack_their_labels_unless_asked_and_what_nobody_filled_in(
    servers: Running, tapd
) -> None:
    whole = await tapd.rows("/bugs", workspace_id="991")
    servers.tapd.faults.arm(FaultKind.LABELS_UNASKED, times=None)
    plain = await tapd.rows("/bugs", workspace_id="991")
    assert [row.keys() ^ {"label"} for row in plain] == [row.keys() for row in whole]
    assert await tapd.rows("/bugs", workspace_id="991", fields="labels") == whole
    servers.tapd.faults.arm(FaultKind.BARE_ROWS)
    assert {len(row) < 30 for row in await tapd.rows("/bugs", workspace_id="991")} == {True}


async def test_11_rows_can_be_put_on_both_sides_of_midnight(servers: Running, tapd) -> None:
    query = {"workspace_id": "991", "order": "id asc"}
    servers.tapd.faults.arm(FaultKind.CLOCK_EDGE, path="/bugs", query={"page": "1"}, day="2026-03-20")
    rows = await tapd.rows("/bugs", page="1", **query)
    assert [row["modified"] for row in rows[:2]] == ["2026-03-20 00:00:00", "2026-03-19 23:59:59"]
    assert [row["id"] for row in await tapd.rows("/bugs", modified=">2026-03-20", **query)] == ["1101"]
    servers.tapd.faults.arm(FaultKind.STRICT_AFTER, times=None)
    assert await tapd.rows("/bugs", modified=">2026-03-20", **query) == []


async def test_the_control_address_counts_and_arms_and_is_not_counted(servers: Running, tapd) -> None:
    await tapd.get("/bugs", workspace_id="991")
    order = {"arm": {"kind": "server_error", "path": "/bugs", "times": 1, "status": 500}, "quota": 60}
    async with tapd.session.post(f"{tapd.url}/_simulator", json=order) as response:
        state = await response.json()
    assert state["requests"]["by_path"] == {"/bugs": 1}
    assert state["quota"]["limit"] == 60
    async with tapd.session.get(f"{tapd.url}/bugs", headers=tapd.headers) as response:
        assert response.status == 500
    async with tapd.session.get(f"{tapd.url}/_simulator") as response:
        state = await response.json()
    assert (state["requests"]["total"], state["faults"][0]["fired"]) == (2, 1)
    async with tapd.session.post(f"{tapd.url}/_simulator", json={"seen": True}) as response:
        seen = (await response.json())["seen"]
    assert [(one["path"], one["query"]) for one in seen] == [
        ("/bugs", {"workspace_id": "991"}),
        ("/bugs", {}),
    ]
    async with tapd.session.post(f"{tapd.url}/_simulator", json={"arm": {"kind": "nonsense"}}) as response:
        assert response.status == 400
    assert [seen.query for seen in servers.tapd.counters.seen] == [{"workspace_id": "991"}, {}]
