"""Simulated TAPD and GitLab servers with a company behind them, for demonstrations and tests.

    company = generate(seed=7, now=datetime(2026, 11, 20, tzinfo=UTC))      # or Company() filled by hand
    async with running(company) as servers:
        servers.tapd.faults.arm(FaultKind.SERVER_ERROR, path="/bugs", times=2, status=502)
        ...                                # let a client read servers.tapd_url and servers.gitlab_url
        assert servers.tapd.counters.by_path["/bugs"] == 18

Credentials are ``TapdAccount()`` and ``GitlabAccount()``. Nothing here imports the rest of the project.
"""

from simulator.company import generate
from simulator.faults import Fault, FaultKind, Faults
from simulator.gitlab import GitlabAccount, create_gitlab_app
from simulator.life import hasten, live
from simulator.records import Company, GitlabProjectRecords, TapdWorkspaceRecords, Workflow
from simulator.running import Running, listening, running
from simulator.serving import SERVER, Counters, Quota, Server
from simulator.tapd import TapdAccount, create_tapd_app

__all__ = [
    "SERVER",
    "Company",
    "Counters",
    "Fault",
    "FaultKind",
    "Faults",
    "GitlabAccount",
    "GitlabProjectRecords",
    "Quota",
    "Running",
    "Server",
    "TapdAccount",
    "TapdWorkspaceRecords",
    "Workflow",
    "create_gitlab_app",
    "create_tapd_app",
    "generate",
    "hasten",
    "listening",
    "live",
    "running",
]
