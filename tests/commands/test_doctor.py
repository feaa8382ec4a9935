"""The doctor over real upstreams and a real store: what it finds, and that it keeps secrets."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from metrics_api.core.config import GitlabInstance, TapdInstance
from metrics_api.core.days import utc_now
from metrics_api.core.errors import ConfigError
from metrics_api.core.store import Store
from simulator import Company, running
from simulator.running import Running, listening
from tests.commands.conftest import small_company
from tests.commands.examined import about, bad, configured, findings


async def test_where_all_is_well_it_says_so_of_everything(upstreams: Running, store: Store) -> None:
    found = await findings(configured(upstreams), store)
    assert bad(found) == []
    assert about(found, "settings") == ["1 TAPD, 1 GitLab; each workspace is a product"]
    assert re.fullmatch(r"Asia/Shanghai: known \(zone data 20\d\d[a-z]\)", about(found, "zones")[0])
    assert about(found, "api") == ["127.0.0.1, port 8080: no token, reached from this machine only"]
    assert about(found, "webhook tapd") == ["POST /api/v1/tapd/webhook is off"]
    for clock in ("clock store", "clock tapd", "clock gitlab"):
        assert about(found, clock) == ["the clocks agree"]
    reached, written, *_ = about(found, "store")
    assert re.fullmatch(r"mongodb://127\.0\.0\.1: (SecantusDB|MongoDB) [\d.a-z]+ answers", reached)
    assert re.fullmatch(r"it takes writes \(\d+ ms\)", written)
    login, quota, scopes, first = about(found, "tapd")
    assert login == "it accepts the credentials"
    assert re.fullmatch(r"quota_per_minute is 60; the server names a limit of 6000, \d+ left", quota)
    assert scopes == "it has 1 workspace"
    # A page and a day of changes for the bug; a page each for stories and tasks, of which there are none.
    assert first == "a first collection takes some 1 minute: about 4 requests at 60 a minute"
    assert about(found, "gitlab") == [
        "it accepts the token",
        "quota_per_minute is 300; the server names no limit",
        "it has 1 project",
        "a first collection takes some 1 minute: about 1 request at 300 a minute",
    ]
    assert [await store.all(name) for name in ("state_doctor", "watermarks", "raw_tapd_workspace")] == [
        []
    ] * 3


async def test_what_was_collected_is_not_counted_again(upstreams: Running, store: Store) -> None:
    for collector, scope in (("tapd.bug_changes", "991"), ("gitlab.events", "5")):
        name = collector.partition(".")[0]
        mark = {"collector": collector, "instance": name, "scope": scope, "started_at": utc_now()}
        await store.collection("watermarks").insert_one({"_id": f"{collector}:{name}:{scope}", **mark})
    found = await findings(configured(upstreams), store)
    assert len(about(found, "tapd")) == len(about(found, "gitlab")) == 3


async def test_wrong_credentials_are_told_with_the_variables_to_mend(
    upstreams: Running, store: Store
) -> None:
    wrong = {"ENGMETRICS_TAPD_TAPD_PASSWORD": "p4ss", "ENGMETRICS_GITLAB_GITLAB_TOKEN": "hush"}
    found = await findings(configured(upstreams), store, wrong)
    assert bad(found) == [("error", "tapd"), ("error", "gitlab")]
    assert about(found, "tapd") == ["HTTP 401: it does not accept the credentials"]
    todo = {one.about: one.todo for one in found if one.level == "error"}
    assert todo == {
        "tapd": "mend ENGMETRICS_TAPD_TAPD_TOKEN, or "
        "ENGMETRICS_TAPD_TAPD_USER and ENGMETRICS_TAPD_TAPD_PASSWORD",
        "gitlab": "mend ENGMETRICS_GITLAB_GITLAB_TOKEN; the token needs the scope read_api",
    }


async def test_a_wrong_token_of_tapd_is_told_though_it_comes_as_another_status(
    upstreams: Running, store: Store
) -> None:
    found = await findings(configured(upstreams), store, {"ENGMETRICS_TAPD_TAPD_TOKEN": "hush"})
    assert about(found, "tapd") == ["HTTP 422: it does not accept the credentials"]


async def test_an_instance_without_credentials_is_an_error(upstreams: Running, store: Store) -> None:
    config = configured(upstreams, gitlab=(GitlabInstance(name="other", url=upstreams.gitlab_url),))
    found = await findings(config, store, {"ENGMETRICS_TAPD_TAPD_USER": ""})
    assert about(found, "tapd") == ["no credentials: it is off"]
    assert about(found, "gitlab other") == ["no credentials: it is off"]


async def test_a_secret_file_that_is_missing_is_told_where_it_is_needed(
    upstreams: Running, store: Store
) -> None:
    missing = {
        "ENGMETRICS_TAPD_TAPD_PASSWORD_FILE": "/nowhere/a",
        "ENGMETRICS_GITLAB_GITLAB_WEBHOOK_SECRET_FILE": "/nowhere/b",
        "ENGMETRICS_API_TOKEN_FILE": "/nowhere/c",
    }
    found = await findings(configured(upstreams), store, missing)
    assert bad(found) == [("error", "api"), ("error", "webhook gitlab"), ("error", "tapd")]
    assert [about(found, one, "error")[0][-45:-32] for one in ("api", "webhook gitlab", "tapd")]
    for subject, name in (("api", "c"), ("webhook gitlab", "b"), ("tapd", "a")):
        assert f"_FILE: /nowhere/{name} cannot be read" in about(found, subject)[0]


async def test_workspaces_and_projects_that_are_not_there_are_named(upstreams: Running, store: Store) -> None:
    config = configured(
        upstreams,
        tapd=(TapdInstance(url=upstreams.tapd_url, workspaces=("991", "404404")),),
        gitlab=(GitlabInstance(url=upstreams.gitlab_url, projects=("group/gone", "group/small")),),
    )
    found = await findings(config, store)
    assert bad(found) == [("error", "tapd"), ("error", "gitlab")]
    assert "workspace 404404" in about(found, "tapd", "error")[0]
    assert about(found, "gitlab", "error") == ["projects that are gone or not allowed: group/gone"]
    assert "it has 1 workspace" in about(found, "tapd")


async def test_an_account_that_sees_nothing_is_a_warning(store: Store) -> None:
    async with running(Company()) as upstreams:
        config = configured(
            upstreams,
            tapd=(TapdInstance(url=upstreams.tapd_url, company_id="20003271"),),
            gitlab=(GitlabInstance(url=upstreams.gitlab_url),),
        )
        found = await findings(config, store)
    assert about(found, "tapd", "warning") == ["there are no workspaces to collect"]
    assert about(found, "gitlab", "warning") == ["there are no projects to collect"]


@pytest.mark.parametrize(
    ("ahead_s", "level", "says"),
    [
        (60, "warning", "this machine's clock is 60 s ahead of that one"),
        (-400, "error", "this machine's clock is 400 s behind that one"),
    ],
)
async def test_a_clock_that_is_wrong_is_found_out(
    upstreams: Running, store: Store, ahead_s: int, level: str, says: str
) -> None:
    found = await findings(
        configured(upstreams), store, clock=lambda: datetime.now(UTC) + timedelta(seconds=ahead_s)
    )
    assert bad(found) == [(level, f"clock {name}") for name in ("store", "tapd", "gitlab")]
    assert about(found, "clock store") == [says]


async def test_a_quota_that_is_nearly_or_wholly_used_up_is_told(store: Store) -> None:
    async with running(small_company(), tapd_quota=8) as upstreams:
        config = configured(upstreams)
        await findings(config, store)
        found = await findings(config, store)
    assert bad(found) == [("warning", "tapd")]
    assert about(found, "tapd", "warning") == ["its quota is used up at present"]


async def test_an_upstream_that_is_away_keeps_nothing_else_from_being_examined(
    upstreams: Running, store: Store
) -> None:
    config = configured(upstreams, tapd=(TapdInstance(url="http://127.0.0.1:9", workspaces=("991",)),))
    found = await findings(config, store)
    assert bad(found) == [("error", "tapd")]
    assert about(found, "tapd") == ["http://127.0.0.1:9 does not answer (ClientConnectorError)"]
    assert about(found, "gitlab")[0] == "it accepts the token"


async def test_a_server_that_is_no_tapd_is_told(upstreams: Running, store: Store) -> None:
    async def page(request: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>", content_type="text/html")

    for app, says in (
        (web.Application(), "HTTP 404 where its API should be"),
        (web.Application(), "HTTP 200 with 6 bytes that are not JSON (text/html; charset=utf-8)"),
    ):
        if "JSON" in says:
            app.router.add_get("/quickstart/testauth", page)
        async with listening(app) as url:
            found = await findings(configured(upstreams, tapd=(TapdInstance(url=url),)), store)
        assert about(found, "tapd") == [says]


async def test_a_server_that_is_no_gitlab_is_told(upstreams: Running, store: Store) -> None:
    found = await findings(configured(upstreams, gitlab=(GitlabInstance(url=upstreams.tapd_url),)), store)
    assert about(found, "gitlab", "error") == ["it answers, and not as GitLab"]
    api = GitlabInstance(url=f"{upstreams.gitlab_url}/api/v4")
    found = await findings(configured(upstreams, gitlab=(api,)), store)
    (said,) = [one for one in found if one.about == "gitlab" and one.level == "error"]
    assert (said.says, said.todo) == (
        "HTTP 404 where its API should be",
        "mend its url; it is that of GitLab itself, without /api/v4",
    )


async def test_a_store_that_is_away_is_told_without_its_password(upstreams: Running) -> None:
    away = Store("mongodb://user:p4ss@127.0.0.1:9/?serverSelectionTimeoutMS=300", "nowhere")
    found = await findings(configured(upstreams), away)
    assert bad(found) == [("error", "store")]
    assert about(found, "store") == [
        "mongodb://127.0.0.1: the store did not answer: ServerSelectionTimeoutError"
    ]
    # Without a store it is still known whether they let us in.
    assert about(found, "tapd")[0] == "it accepts the credentials"
    await away.aclose()


async def test_a_store_that_cannot_be_started_is_told(upstreams: Running) -> None:
    found = await findings(configured(upstreams), ConfigError("no store: give MONGODB_URI"))
    assert bad(found) == [("error", "store")]
    assert about(found, "gitlab")[0] == "it accepts the token"
