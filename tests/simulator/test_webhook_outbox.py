"""A living company's webhooks go out in its order, and the command sends them where it is told."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import ujson
from aiohttp import web

from simulator import Company, GitlabSender, Outbox, TapdSender, generate, listening, live

MONDAY = datetime(2026, 5, 11, 2, 0, tzinfo=UTC)


class Inbox:
    """What came in on the two addresses, in its order."""

    def __init__(self) -> None:
        self.url = ""
        self.tapd: list[dict[str, str]] = []
        self.gitlab: list[dict[str, object]] = []
        self.headers: list[dict[str, str]] = []
        self.came = asyncio.Event()

    async def take_tapd(self, request: web.Request) -> web.Response:
        self.tapd.append(ujson.loads(await request.read()))
        self.came.set()
        return web.Response()

    async def take_gitlab(self, request: web.Request) -> web.Response:
        self.gitlab.append(ujson.loads(await request.read()))
        self.headers.append(dict(request.headers))
        self.came.set()
        return web.Response(status=201)


@pytest.fixture
async def inbox() -> AsyncIterator[Inbox]:
    found = Inbox()
    app = web.Application()
    app.router.add_post("/tapd", found.take_tapd)
    app.router.add_post("/gitlab", found.take_gitlab)
    async with listening(app) as url:
        found.url = url
        yield found


async def test_what_happens_from_now_on_is_told_to_both_receivers_in_its_order(inbox: Inbox) -> None:
    company = generate(seed=5, now=MONDAY, bugs=120, days=60)
    async with (
        TapdSender(f"{inbox.url}/tapd", "s3cret") as tapd,
        GitlabSender(f"{inbox.url}/gitlab", "t0ken") as gitlab,
    ):
        outbox = Outbox(company, tapd=tapd, gitlab=gitlab)
        assert await outbox.send() == 0
        live(company, MONDAY + timedelta(days=3))
        waiting = outbox.waiting
        assert await outbox.send() == waiting == outbox.sent > 50
    assert (outbox.failed, outbox.skipped) == (0, 0)
    assert {payload["secret"] for payload in inbox.tapd} == {"s3cret"}
    times = [payload["created"].replace("  ", " ") for payload in inbox.tapd]
    assert times == sorted(times)
    assert times[0] >= "2026-05-11 10:00:00"
    kinds = Counter(header["X-Gitlab-Event"] for header in inbox.headers)
    assert min(kinds["Push Hook"], kinds["Merge Request Hook"], kinds["Note Hook"]) >= 5
    assert len({header["Idempotency-Key"] for header in inbox.headers}) == len(inbox.headers)


async def test_moves_merges_and_unrecorded_changes_are_told_nobody(inbox: Inbox) -> None:
    company = Company()
    first = company.add_workspace({"id": "991", "name": "云盘"})
    company.add_workspace({"id": "992", "name": "智行"})
    for name in ("11", "12", "13"):
        first.add_bug({"id": name, "title": "t", "created": "2026-03-01 10:00:00"})
    async with TapdSender(f"{inbox.url}/tapd") as tapd:
        outbox = Outbox(company, tapd=tapd)
        company.move_bug("11", source="991", target="992", at="2026-03-02 10:00:00", new_id="91")
        first.merge_bug("12", into="13", at="2026-03-02 10:00:00")
        first.change_bug("13", {"status": "closed"}, at="2026-03-02 10:00:00", recorded=False)
        assert await outbox.send() == 0
        company.workspaces["992"].change_bug("91", {"status": "closed"}, at="2026-03-03 10:00:00")
        assert await outbox.send() == 1
    assert (inbox.tapd[0]["id"], inbox.tapd[0]["workspace_id"]) == ("91", "992")
    assert inbox.tapd[0]["old_created"] == "2026-03-01 10:00:00"


async def test_a_hook_that_rests_skips_what_happens_meanwhile() -> None:
    company = Company()
    project = company.add_project({"id": 7, "path_with_namespace": "drive/server"})
    async with GitlabSender("http://127.0.0.1:9/hook") as gitlab:
        outbox = Outbox(company, gitlab=gitlab)
        for number in range(6):
            project.add_event(
                {
                    "id": number,
                    "action_name": "closed",
                    "target_type": "Issue",
                    "target_id": 70,
                    "target_iid": 3,
                    "created_at": "2026-03-02T10:00:00.125+08:00",
                }
            )
        assert await outbox.send() == 6
    assert (outbox.sent, outbox.failed, outbox.skipped) == (0, 4, 2)


async def test_the_command_sends_webhooks_for_what_happens_while_it_runs(inbox: Inbox) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *(
            "-m",
            "simulator",
            "--bugs",
            "120",
            "--stories",
            "60",
            "--days",
            "60",
            "--events-per-minute",
            "6000",
        ),
        *("--tapd-webhook", f"{inbox.url}/tapd", "--tapd-secret", "s3cret"),
        *("--gitlab-webhook", f"{inbox.url}/gitlab", "--gitlab-token", "t0ken"),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(30):
            while not (inbox.tapd and inbox.gitlab):
                inbox.came.clear()
                await inbox.came.wait()
        assert inbox.tapd[0]["secret"] == "s3cret"
        assert inbox.headers[0]["X-Gitlab-Token"] == "t0ken"
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 10) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
