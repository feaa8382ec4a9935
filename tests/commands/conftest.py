"""A small company on simulated upstreams, for the commands to look at."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from collectors import doctor
from metrics_api.core.days import naive_text, utc_now
from simulator import Company, running
from simulator.running import Running


def small_company() -> Company:
    """A workspace with one bug of today, and a project with two events."""
    company = Company()
    workspace = company.add_workspace({"id": "991", "name": "Small", "created": "2024-01-02 09:00:00"})
    workspace.add_bug({"id": "7", "created": naive_text(int(utc_now().timestamp()))})
    project = company.add_project({"id": 5, "path_with_namespace": "group/small"})
    for number in (1, 2):
        event = {"id": number, "action_name": "opened", "created_at": "2024-05-06T07:08:09.000+00:00"}
        project.add_event(event)
    return company


@pytest_asyncio.fixture
async def upstreams() -> AsyncIterator[Running]:
    """Both upstreams on loopback sockets."""
    async with running(small_company()) as found:
        yield found


@pytest.fixture(autouse=True)
def fresh_zone_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the machine's zone data be of this year, whenever it was last updated."""
    monkeypatch.setattr(doctor, "zone_data", lambda: f"{utc_now().year}a")
