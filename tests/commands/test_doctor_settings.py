"""The doctor on what it knows without asking anybody: the settings, and what lies in the store."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from collectors import doctor
from collectors.doctor import unusable
from metrics_api.core.config import Config, GitlabInstance, Product, Server, TapdInstance, parse_config
from metrics_api.core.days import utc_now
from metrics_api.core.errors import ConfigError
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
        ({"host": "localhost"}, {}, "ok", "reached from this machine only"),
        ({"host": "nowhere.invalid"}, {}, "error", "no address is known of nowhere.invalid"),
    ],
)
async def test_how_the_api_is_protected(
    store: Store, server: dict[str, Any], environment: dict[str, str], level: str, says: str
) -> None:
    found = await findings(Config(server=Server(**server)), store, environment)
    (said,) = about(found, "api", level)
    assert says in said


async def test_zone_data_that_is_two_years_old_is_told(
    upstreams: Running, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "zone_data", lambda: "2024b")
    for year, expected in ((2024, []), (2025, []), (2026, [("warning", "zones")])):
        monkeypatch.setattr(doctor, "utc_now", lambda year=year: datetime(year, 12, 31, tzinfo=UTC))
        assert bad(await findings(configured(upstreams), store)) == expected
    assert "the zone data is of 2024" in about(await findings(configured(upstreams), store), "zones")[1]
    # A system's own says no year.
    monkeypatch.setattr(doctor, "zone_data", lambda: "")
    assert bad(await findings(configured(upstreams), store)) == []


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
        "ENGMETRICS_API_TOKN": "hush",
        "ENGMETRICS_COLLECT__LEASE_SECONDS": "10",
        "ENGMETRICS_LOG__LEVEL": "info",
    }
    found = await findings(config, store, environment)
    assert about(found, "settings", "warning") == [
        "ENGMETRICS_API_TOKN is set, and nothing reads it",
        "ENGMETRICS_COLLECT__LEASE_SECONDS is set, and nothing reads it",
        "ENGMETRICS_TAPD_MYTAPD_TOKEN is set, and no instance reads it",
    ]
    route = "POST /api/v1/gitlab/webhook"
    assert about(found, "webhook my-tapd") == ["POST /api/v1/tapd/webhook checks the secret"]
    assert about(found, "webhook gitlab") == [f"{route} checks the signature"]
    assert about(found, "webhook second") == [f"{route} checks the secret or signature"]
    assert about(found, "webhook third") == [f"{route} is off"]


async def test_a_signing_key_with_which_the_api_does_not_start_is_an_error(store: Store) -> None:
    environment = {"ENGMETRICS_GITLAB_GITLAB_WEBHOOK_SIGNING_KEY": "whsec_MDEyMw== no-key"}
    found = await findings(Config(gitlab=(GitlabInstance(url="http://127.0.0.1:9"),)), store, environment)
    assert about(found, "webhook gitlab", "error") == [
        "the webhook signing key of gitlab: whsec_ followed by base64 is expected"
    ]


async def test_a_secret_of_several_lines_is_told_and_not_sent(upstreams: Running, store: Store) -> None:
    found = await findings(configured(upstreams), store, {"ENGMETRICS_GITLAB_GITLAB_TOKEN": "hush\nhush"})
    assert about(found, "gitlab") == [
        "ENGMETRICS_GITLAB_GITLAB_TOKEN: a secret is one line of text, without control characters"
    ]


async def test_what_products_name_and_nobody_collects_is_told(upstreams: Running, store: Store) -> None:
    product = Product(
        name="A", workspaces=("991", "992", "other:5"), projects=("group/small", "group/smal", "gitlub:x/y")
    )
    gitlab = GitlabInstance(url=upstreams.gitlab_url)
    found = await findings(configured(upstreams, gitlab=(gitlab,), product=(product,)), store)
    assert about(found, "settings") == [
        "1 TAPD, 1 GitLab; 1 product",
        "a product names other:5, and no [[tapd]] is called so",
        "a product names gitlub:x/y, and no [[gitlab]] is called so",
    ]
    assert about(found, "tapd", "warning") == ["a product names workspaces that are not collected: 992"]
    assert about(found, "gitlab", "warning") == [
        "a product names projects that are not collected: group/smal"
    ]


def test_several_faults_of_the_file_stand_in_one_line() -> None:
    with pytest.raises(ConfigError) as fault:
        parse_config('[server]\nprot = 1\n[log]\nlevel = "loud"\n', "engmetrics.toml")
    said = unusable(fault.value).says
    assert "\n" not in said
    assert said.count("engmetrics.toml, line ") == 2


async def test_nothing_to_collect_is_a_warning(store: Store) -> None:
    found = await findings(Config(), store)
    assert bad(found) == [("warning", "settings")]
