"""The doctor on what it knows without asking anybody: the settings, and what lies in the store."""

from __future__ import annotations

from typing import Any

import pytest

from metrics_api.core.config import Config, GitlabInstance, Server, TapdInstance
from metrics_api.core.days import utc_now
from metrics_api.core.raw import RawStore
from metrics_api.core.store import Store
from simulator.running import Running
from tests.commands.examined import about, bad, configured, findings


async def test_what_lies_in_quarantine_is_told(upstreams: Running, store: Store) -> None:
    await RawStore(store).quarantine("raw_tapd_bug", "tapd", "991", "odd", b"{}", utc_now())
    found = await findings(configured(upstreams), store)
    assert bad(found) == [("warning", "quarantine")]
    assert about(found, "quarantine") == ["1 record could not be understood or stored"]


@pytest.mark.parametrize(
    ("server", "environment", "level", "says"),
    [
        ({"host": "0.0.0.0"}, {"ENGMETRICS_API_TOKEN": "0123456789abcdef"}, "ok", "asks for its token"),
        ({"host": "0.0.0.0"}, {"ENGMETRICS_API_TOKEN": "0123"}, "warning", "4 characters and can be guessed"),
        ({"host": "0.0.0.0"}, {}, "error", "`engmetrics serve` does not start"),
        ({"host": "0.0.0.0", "insecure": True}, {}, "warning", "whoever reaches it reads everything"),
        ({}, {"ENGMETRICS_API_TOKEN": "two words"}, "error", "printable ASCII"),
    ],
)
async def test_how_the_api_is_protected(
    store: Store, server: dict[str, Any], environment: dict[str, str], level: str, says: str
) -> None:
    found = await findings(Config(server=Server(**server)), store, environment)
    (said,) = about(found, "api", level)
    assert says in said


async def test_settings_that_are_read_by_nobody_and_secrets_of_webhooks_are_told(store: Store) -> None:
    config = Config(
        tapd=(TapdInstance(name="my-tapd"),),
        gitlab=(GitlabInstance(), GitlabInstance(name="second"), GitlabInstance(name="third")),
    )
    environment = {
        "ENGMETRICS_TAPD_MYTAPD_TOKEN": "hush",
        "ENGMETRICS_TAPD_MY_TAPD_TOKEN_FILE": "",
        "ENGMETRICS_TAPD_MY_TAPD_WEBHOOK_SECRET": "hush",
        "ENGMETRICS_GITLAB_GITLAB_WEBHOOK_SIGNING_KEY": "whsec_MDEyMw==",
        "ENGMETRICS_GITLAB_SECOND_WEBHOOK_SECRET": "hush",
        "ENGMETRICS_GITLAB_SECOND_WEBHOOK_SIGNING_KEY": "whsec_MDEyMw==",
        "ENGMETRICS_GITLAB_GITLAB_TOKEN": "",
    }
    found = await findings(config, store, environment)
    assert about(found, "settings", "warning") == [
        "ENGMETRICS_TAPD_MYTAPD_TOKEN is set, and no instance reads it"
    ]
    route = "POST /api/v1/gitlab/webhook"
    assert about(found, "webhook my-tapd") == ["POST /api/v1/tapd/webhook checks the secret"]
    assert about(found, "webhook gitlab") == [f"{route} checks the signature"]
    assert about(found, "webhook second") == [f"{route} checks the secret or signature"]
    assert about(found, "webhook third") == [f"{route} is off"]


async def test_nothing_to_collect_is_a_warning(store: Store) -> None:
    found = await findings(Config(), store)
    assert bad(found) == [("warning", "settings")]
