"""A client for each simulated server, a company written by hand, and one generated company for all tests."""

from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest

from simulator import (
    Company,
    GitlabAccount,
    Running,
    TapdAccount,
    TapdWorkspaceRecords,
    generate,
    running,
)

NOW = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)


@dataclass
class Client:
    session: aiohttp.ClientSession
    url: str
    headers: dict[str, str]

    async def get(self, path: str, **query: str) -> tuple[int, Any]:
        status, _, body = await self.full(path, **query)
        return status, body

    async def full(self, path: str, **query: str) -> tuple[int, Any, Any]:
        async with self.session.get(self.url + path, params=query, headers=self.headers) as response:
            return response.status, response.headers, await response.json(content_type=None)

    async def rows(self, path: str, **query: str) -> list[dict[str, Any]]:
        status, body = await self.get(path, **query)
        assert (status, body["status"]) == (200, 1), body
        return [next(iter(row.values())) for row in body["data"]]


@pytest.fixture(scope="session")
def generated() -> Company:
    """Read only: tests that change something generate their own."""
    return generate(seed=7, now=NOW)


@pytest.fixture
def by_hand() -> Company:
    company = Company()
    workspace = company.add_workspace({"id": "991", "name": "云盘 & 协作"})
    for day in range(1, 8):
        workspace.add_bug(
            {
                "id": f"110{day}",
                "title": f"Bug {day}",
                "created": f"2026-03-0{day} 10:00:00",
                "severity": ("fatal", "normal")[day % 2],
                "version_report": "v1.0.0" if day < 4 else "v1.1 & 热修#2",
                "current_owner": "user01;user02;" if day % 2 else "user02;",
                "iteration_id": "0" if day < 6 else "5001",
            }
        )
    workspace.add_iteration(
        {"id": "5001", "name": "迭代1", "startdate": "2026-03-02", "enddate": "2026-03-13"}
    )
    company.add_workspace({"id": "992", "name": "智行"})
    project = company.add_project({"id": 7, "path_with_namespace": "drive/server"})
    for number in range(1, 251):
        day = 1 + (number - 1) // 25
        project.add_event(
            {
                "id": number,
                "action_name": "pushed to" if number % 5 else "accepted",
                "created_at": f"2026-03-{day:02d}T{(number - 1) % 25 % 24:02d}:30:00.125+08:00",
            }
        )
    return company


@pytest.fixture
def workspace(by_hand: Company) -> TapdWorkspaceRecords:
    """A workspace of its own: two types, a parent with two stories, a task, two iterations."""
    place = by_hand.add_workspace({"id": "20063288", "name": "智行 车载终端"})
    place.add_workitem_type({"name": "需求", "created": "2026-01-05 09:00:00"})
    place.add_workitem_type(
        {"name": "技术需求"},
        status_map={"planning": "规划", "status_3": "方案评审", "resolved": "已完成", "status_4": "已取消"},
        last_steps={"resolved": "已完成", "status_4": "已取消"},
        first_step={"planning": "规划"},
    )
    place.add_iteration({"id": "71", "name": "迭代1", "startdate": "2026-03-02", "enddate": "2026-03-13"})
    place.add_iteration({"id": "72", "name": "迭代2", "startdate": "2026-03-16", "enddate": "2026-03-27"})
    place.add_story({"id": "500", "name": "导航", "created": "2026-03-02 09:00:00", "creator": "user01"})
    for number in (1, 2):
        place.add_story(
            {
                "id": f"50{number}",
                "name": f"导航 {number}",
                "created": f"2026-03-0{number + 1} 10:00:00",
                "creator": "user02",
                "parent_id": "500",
                "priority": str(number + 2),
                "owner": "user03;",
                "iteration_id": "71",
            }
        )
    place.add_task({"id": "800", "name": "接口", "created": "2026-03-04 10:00:00", "story_id": "501"})
    return place


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as opened:
        yield opened


@pytest.fixture
async def servers(by_hand: Company) -> AsyncIterator[Running]:
    async with running(by_hand) as started:
        yield started


@pytest.fixture
def tapd(servers: Running, session: aiohttp.ClientSession) -> Client:
    account = TapdAccount()
    basic = b64encode(f"{account.user}:{account.password}".encode()).decode()
    return Client(session, servers.tapd_url, {"Authorization": f"Basic {basic}"})


@pytest.fixture
def gitlab(servers: Running, session: aiohttp.ClientSession) -> Client:
    return Client(session, f"{servers.gitlab_url}/api/v4", {"PRIVATE-TOKEN": GitlabAccount().token})
