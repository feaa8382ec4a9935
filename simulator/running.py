"""Both servers on loopback sockets for as long as a ``with`` block lasts."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from simulator.faults import Faults
from simulator.gitlab import create_gitlab_app
from simulator.records import Company
from simulator.serving import SERVER, Server
from simulator.tapd import create_tapd_app


@dataclass(frozen=True)
class Running:
    """The addresses of both servers (no trailing slash; GitLab's API is below ``/api/v4``) and their
    insides.
    """

    tapd_url: str
    gitlab_url: str
    tapd: Server
    gitlab: Server
    company: Company


@asynccontextmanager
async def listening(app: web.Application, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve an application and yield its base address; port 0 takes a free one. OSError if the port is
    taken.
    """
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.5)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        address = runner.addresses[0]
        shown = f"[{address[0]}]" if ":" in str(address[0]) else address[0]
        yield f"http://{shown}:{address[1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def running(
    company: Company,
    *,
    tapd_faults: Faults | None = None,
    gitlab_faults: Faults | None = None,
    tapd_quota: int | None = 6000,
    gitlab_quota: int | None = None,
    quota_window_s: float = 60.0,
    host: str = "127.0.0.1",
    tapd_port: int = 0,
    gitlab_port: int = 0,
) -> AsyncIterator[Running]:
    """Serve a company on both protocols and yield the addresses, counters, quotas and faults."""
    tapd = create_tapd_app(company, tapd_faults, quota=tapd_quota, quota_window_s=quota_window_s)
    gitlab = create_gitlab_app(company, gitlab_faults, quota=gitlab_quota, quota_window_s=quota_window_s)
    async with AsyncExitStack() as stack:
        tapd_url = await stack.enter_async_context(listening(tapd, host, tapd_port))
        gitlab_url = await stack.enter_async_context(listening(gitlab, host, gitlab_port))
        yield Running(tapd_url, gitlab_url, tapd[SERVER], gitlab[SERVER], company)
