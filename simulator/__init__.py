"""Simulated TAPD and GitLab servers with a company behind them, for demonstrations and tests.

    company = generate(seed=7, now=datetime(2026, 11, 20, tzinfo=UTC))      # or Company() filled by hand
    async with running(company) as servers:
        servers.tapd.faults.arm(FaultKind.SERVER_ERROR, path="/bugs", times=2, status=502)
        ...                                # let a client read servers.tapd_url and servers.gitlab_url
        assert servers.tapd.counters.by_path["/bugs"] == 18

    outbox = Outbox(company, tapd=sender)   # `async with TapdSender(url, secret) as sender`
    company.workspaces["991"].change_story("501", {"status": "developing"}, at="2026-03-05 10:00:00")
    await outbox.send()                     # the webhook for it

Credentials are ``TapdAccount()`` and ``GitlabAccount()``. Nothing here imports the rest of the project.
"""

from simulator.company import generate
from simulator.faults import Fault, FaultKind, Faults
from simulator.gitlab import GitlabAccount, create_gitlab_app
from simulator.life import hasten, live
from simulator.records import (
    Company,
    GitlabHappening,
    GitlabProjectRecords,
    TapdHappening,
    TapdWorkspaceRecords,
    Workflow,
)
from simulator.running import Running, listening, running
from simulator.serving import SERVER, Counters, Quota, Server
from simulator.tapd import TapdAccount, create_tapd_app
from simulator.webhooks import Delivered, GitlabSender, Switches, TapdSender, signature
from simulator.webhooks_gitlab import event_header, gitlab_payload, gitlab_payload_of, pipeline_payload
from simulator.webhooks_live import Outbox
from simulator.webhooks_tapd import tapd_payload, tapd_payload_of

__all__ = [
    "SERVER",
    "Company",
    "Counters",
    "Delivered",
    "Fault",
    "FaultKind",
    "Faults",
    "GitlabAccount",
    "GitlabHappening",
    "GitlabProjectRecords",
    "GitlabSender",
    "Outbox",
    "Quota",
    "Running",
    "Server",
    "Switches",
    "TapdAccount",
    "TapdHappening",
    "TapdSender",
    "TapdWorkspaceRecords",
    "Workflow",
    "create_gitlab_app",
    "create_tapd_app",
    "event_header",
    "generate",
    "gitlab_payload",
    "gitlab_payload_of",
    "hasten",
    "listening",
    "live",
    "pipeline_payload",
    "running",
    "signature",
    "tapd_payload",
    "tapd_payload_of",
]
