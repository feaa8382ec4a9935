"""The senders of webhooks over real sockets: headers, secrets, switches, and GitLab's count of failures."""

import asyncio
import hmac
import time
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from hashlib import sha256
from urllib.parse import parse_qsl

import pytest
import ujson
from aiohttp import web

from simulator import GitlabSender, TapdSender, listening, tapd_payload

PUSH = {"object_kind": "push", "event_name": "push", "project_id": 7, "total_commits_count": 0}
KEY = f"whsec_{b64encode(b'0123456789abcdef0123456789abcdef').decode()}"


@dataclass
class Receiver:
    """What came in, and the statuses to answer with, the last one for ever."""

    url: str = ""
    statuses: list[int] = field(default_factory=lambda: [200])
    wait_s: float = 0.0
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    async def take(self, request: web.Request) -> web.Response:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.bodies.append(await request.read())
        self.headers.append(dict(request.headers))
        await asyncio.sleep(self.wait_s)
        self.at_once -= 1
        return web.Response(status=self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0])


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    app = web.Application()
    app.router.add_post("/hook", found.take)
    async with listening(app) as url:
        found.url = f"{url}/hook"
        yield found


async def test_gitlab_sends_its_headers_and_a_copy_has_the_same_key_and_new_uuids(receiver: Receiver) -> None:
    async with GitlabSender(receiver.url, token="t0ken") as sender:
        sender.switches.copies = 2
        delivered = await sender.deliver(PUSH)
    assert (delivered.ok, delivered.status, len(sender.delivered)) == (True, 200, 2)
    first, second = receiver.headers
    assert receiver.bodies[0] == receiver.bodies[1]
    assert ujson.loads(receiver.bodies[0]) == PUSH
    assert first["Content-Type"] == "application/json"
    assert (first["X-Gitlab-Event"], first["X-Gitlab-Token"]) == ("Push Hook", "t0ken")
    assert first["X-Gitlab-Instance"] == "https://gitlab.example.com"
    assert first["User-Agent"] == "GitLab/18.6.0"
    assert first["Idempotency-Key"] == second["Idempotency-Key"] == delivered.key
    for name in ("X-Gitlab-Event-UUID", "X-Gitlab-Webhook-UUID"):
        assert first[name] != second[name]
    assert "webhook-signature" not in first


async def test_a_signed_delivery_carries_an_hmac_over_id_timestamp_and_body(receiver: Receiver) -> None:
    async with GitlabSender(receiver.url, signing_key=KEY) as sender:
        await sender.deliver(PUSH, timestamp=1_772_416_800, key="k-1")
        sender.switches.wrong_secret = True
        await sender.deliver(PUSH, timestamp=1_772_416_800, key="k-1")
    right, wrong = receiver.headers
    signed = b"k-1.1772416800." + receiver.bodies[0]
    digest = hmac.new(b64decode(KEY.removeprefix("whsec_")), signed, sha256).digest()
    assert right["webhook-signature"] == f"v1,{b64encode(digest).decode()}"
    assert (right["webhook-id"], right["webhook-timestamp"]) == ("k-1", "1772416800")
    assert wrong["webhook-signature"].startswith("v1,")
    assert wrong["webhook-signature"] != right["webhook-signature"]
    assert "X-Gitlab-Token" not in right


async def test_a_wrong_token_and_a_wrong_secret_can_be_sent(receiver: Receiver) -> None:
    async with (
        GitlabSender(receiver.url, token="t0ken") as gitlab,
        TapdSender(receiver.url, "s3cret") as tapd,
    ):
        gitlab.switches.wrong_secret = tapd.switches.wrong_secret = True
        await gitlab.deliver(PUSH)
        await tapd.deliver({"event": "bug::create", "secret": ""})
    assert receiver.headers[0]["X-Gitlab-Token"] == "not-the-secret"
    assert ujson.loads(receiver.bodies[1])["secret"] == "not-the-secret"


async def test_tapd_puts_its_secret_into_a_body_of_json_or_a_form(receiver: Receiver) -> None:
    record = {"id": "11", "workspace_id": "991", "name": "导航 & 地图", "created": "2026-03-02 10:00:00"}
    payload = tapd_payload("story", "create", record)
    async with TapdSender(receiver.url, "s3cret") as sender:
        await sender.deliver(payload)
    async with TapdSender(receiver.url, "s3cret", form=True) as sender:
        delivered = await sender.deliver(payload)
    assert delivered.ok
    assert ujson.loads(receiver.bodies[0]) == payload | {"secret": "s3cret"}
    assert receiver.headers[1]["Content-Type"] == "application/x-www-form-urlencoded"
    assert dict(parse_qsl(receiver.bodies[1].decode(), keep_blank_values=True)) == payload | {
        "secret": "s3cret"
    }


async def test_many_deliveries_go_out_of_order_or_at_once_as_the_switches_say(receiver: Receiver) -> None:
    payloads = [PUSH | {"number": number} for number in range(7)]
    async with GitlabSender(receiver.url) as sender:
        sender.switches.disorder = 3
        found = await sender.deliver_all(payloads)
        assert [ujson.loads(body)["number"] for body in receiver.bodies] == [2, 1, 0, 5, 4, 3, 6]
        assert [one.key for one in found[:3]] == [
            receiver.headers[place]["Idempotency-Key"] for place in (2, 1, 0)
        ]
        receiver.wait_s, sender.switches.disorder, sender.switches.parallel = 0.1, 1, 5
        found = await sender.deliver_all(payloads)
    assert receiver.most_at_once == 5
    assert [one.status for one in found] == [200] * 7


async def test_a_delivery_can_be_late(receiver: Receiver) -> None:
    async with GitlabSender(receiver.url) as sender:
        sender.switches.delay_s = 0.2
        began = time.monotonic()
        assert (await sender.deliver(PUSH)).ok
    assert time.monotonic() - began >= 0.2


async def test_no_answer_in_time_or_no_receiver_is_a_failure_and_a_redirect_a_success(
    receiver: Receiver,
) -> None:
    receiver.wait_s = 5.0
    async with GitlabSender(receiver.url, timeout_s=0.2) as sender:
        assert (await sender.deliver(PUSH)).status is None
    async with GitlabSender("http://127.0.0.1:9/hook") as sender:
        delivered = await sender.deliver(PUSH)
        assert (delivered.ok, delivered.sent) == (False, True)
    receiver.wait_s, receiver.statuses = 0.0, [302]
    async with GitlabSender(receiver.url) as sender:
        assert (await sender.deliver(PUSH)).ok


async def test_the_fourth_failure_in_a_row_rests_the_hook_a_minute_and_each_next_twice_as_long(
    receiver: Receiver,
) -> None:
    now = 1000.0
    receiver.statuses = [500]
    async with GitlabSender(receiver.url, clock=lambda: now) as sender:
        assert [(await sender.deliver(PUSH)).sent for _ in range(5)] == [True, True, True, True, False]
        assert sender.health.rests_until == 1060.0
        now = 1060.0
        assert (await sender.deliver(PUSH)).sent
        assert sender.health.rests_until == 1180.0
        now = 1180.0
        receiver.statuses = [201]
        assert (await sender.deliver(PUSH)).ok
        assert sender.health.failures == 0
    assert len(receiver.bodies) == 6


async def test_the_fortieth_failure_stops_the_hook_until_a_test_succeeds(receiver: Receiver) -> None:
    now = 0.0
    receiver.statuses = [403]
    async with GitlabSender(receiver.url, clock=lambda: now) as sender:
        for _ in range(40):
            now += 90_000.0
            assert (await sender.deliver(PUSH)).sent
        now += 90_000.0
        assert not (await sender.deliver(PUSH)).sent
        receiver.statuses = [200]
        assert (await sender.deliver(PUSH, test=True)).ok
        assert (await sender.deliver(PUSH)).ok
    async with GitlabSender(receiver.url, auto_disable=False) as sender:
        receiver.statuses = [500]
        assert all([(await sender.deliver(PUSH)).sent for _ in range(6)])
